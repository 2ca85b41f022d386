"""LIKE of eboxdetect on pure background: how many records there are above each likelihood, against the expectation.

Fields without any source in five bands, of pn or of all three cameras, with gaps between CCDs, vignetting and the
background of 10 and 50 ks. A likelihood L should be reached in a given box with the probability exp(-L); counts are
whole numbers, so that it is reached less often. The boxes of a field overlap: its records above L are as many as those
of N exp(-L) independent boxes, with a number N between that of the boxes that fit side by side and that of all places.

Usage: python benchmarks/statistics/background_likelihoods.py [--fields 1000] [--folder build/statistics]
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

SIZE = 360
LEVELS = {  # counts a pixel of 4 arcsec in 10 ks, on the axis
    1: (0.022, 0.027, 0.042, 0.046, 0.154),
    2: (0.010, 0.006, 0.018, 0.012, 0.031),
    3: (0.010, 0.006, 0.018, 0.012, 0.031),
}
CAMERAS = {1: "EPN", 2: "EMOS1", 3: "EMOS2"}
LIKELIHOODS = np.arange(4.0, 13.1, 1.0)
MATRIX = ((-4.0 / 3600, 0.0), (0.0, 4.0 / 3600))
CASES = (
    ("local", 10, (1,)), ("local", 50, (1,)), ("map", 10, (1,)), ("map", 50, (1,)), ("map", 10, (1, 2, 3)),
)  # fmt: skip


def empty_field(seed: int, kiloseconds: float, instruments: tuple[int, ...]) -> Any:
    """A field of background alone, with the true background as its maps."""
    from xmmpy.detection.planes import CameraView, Field, Plane

    rng = np.random.default_rng([seed, int(kiloseconds), *instruments])
    y, x = np.mgrid[:SIZE, :SIZE]
    planes, masks, views = [], {}, {}
    for instrument in instruments:
        view = CameraView.of_pointing(CAMERAS[instrument], (190.0, 190.0), 40.0 * instrument, MATRIX)
        angle = view.offaxis_arcmin(x.astype(float), y.astype(float))
        exposure = np.where(angle < 10.0, 1e3 * kiloseconds * (1.0 - 0.045 * angle), 0.0)
        detx, dety = view.det(x.astype(float), y.astype(float))
        exposure[(np.abs(detx % 5300) < 240) | (np.abs(dety) < 240)] = 0.0
        masks[instrument], views[instrument] = exposure > 0.0, view
        for band, level in enumerate(LEVELS[instrument], 1):
            background = level * exposure / 1e4
            counts = rng.poisson(background)
            planes.append(Plane(instrument, band, 500.0 * band, 1000.0 * band, counts, exposure, background))
    return Field(tuple(planes), masks, views)


def one_field(arguments: tuple[int, str, float, tuple[int, ...]]) -> np.ndarray[Any, Any]:
    """Likelihoods of the records of a field."""
    from xmmpy.detection.boxes import BoxSettings
    from xmmpy.detection.boxsearch import search

    seed, mode, kiloseconds, instruments = arguments
    settings = BoxSettings(likemin=float(LIKELIHOODS[0]), with_map=mode == "map", runs=3)
    return search(empty_field(seed, kiloseconds, instruments), settings).likelihood


def independent_boxes() -> float:
    """Boxes of 5 x 5 pixels that fit side by side into a field, of all three rebinnings."""
    mask = empty_field(0, 10, (1,)).masks[1]
    return float(mask.sum()) / 25.0 * (1.0 + 1.0 / 4.0 + 1.0 / 16.0)


def main() -> None:
    """Run, print a table, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fields", type=int, default=1000)
    parser.add_argument("--folder", type=Path, default=Path("build/statistics"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7.0, 4.8), layout="constrained")
    shown = [f"L > {level:g}" for level in LIKELIHOODS]
    side_by_side = independent_boxes()
    print("| background | exposure | cameras | " + " | ".join(shown) + " | N / N side by side |")
    print("|---" * (len(shown) + 4) + "|")
    with ProcessPoolExecutor() as pool:
        for mode, kiloseconds, instruments in CASES:
            jobs = [(seed, mode, float(kiloseconds), instruments) for seed in range(options.fields)]
            likelihoods = np.concatenate(list(pool.map(one_field, jobs, chunksize=10)))
            number = np.array([np.sum(likelihoods > level) for level in LIKELIHOODS]) / options.fields
            ratio = number[4] * np.exp(LIKELIHOODS[4]) / side_by_side
            cameras = "pn" if len(instruments) == 1 else "all"
            values = " | ".join(f"{value:.3g}" for value in number)
            print(f"| {mode} | {kiloseconds} ks | {cameras} | {values} | {ratio:.2f} |", flush=True)
            style = "s--" if mode == "local" else "o-"
            axes.semilogy(LIKELIHOODS, number, style, label=f"{mode}, {cameras}, {kiloseconds} ks")
    expected = side_by_side * np.exp(-LIKELIHOODS)
    axes.semilogy(LIKELIHOODS, expected, "k", label="boxes side by side: N exp(-L)")
    axes.set(xlabel="LIKE", ylabel="records above it in a field without sources")
    axes.legend(fontsize=8)
    figure.savefig(options.folder / "eboxdetect_background.png", dpi=110)


if __name__ == "__main__":
    main()
