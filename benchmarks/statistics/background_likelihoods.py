"""LIKE of eboxdetect on pure background: how many records there are above each likelihood, against the expectation.

Each field has five bands on the exposure map of a camera with gaps, without any source. A likelihood L should be
reached in a given box with the probability exp(-L); counts are whole numbers, so that it is reached less often. Over
all boxes of a field the number above L is N exp(-L) with a number N of independent boxes that does not depend on L.

Usage: python benchmarks/statistics/background_likelihoods.py [--fields 1000] [--folder build/statistics]
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

SIZE = 300
LEVELS = (0.006, 0.01, 0.015, 0.015, 0.04)
LIKELIHOODS = np.arange(4.0, 12.1, 1.0)
MATRIX = ((-4.0 / 3600, 0.0), (0.0, 4.0 / 3600))


def one_field(arguments: tuple[int, float, bool]) -> np.ndarray:
    """Likelihoods of the records of a field."""
    from xmmpy.detection.boxsearch import BoxSettings, search
    from xmmpy.detection.planes import CameraView, Field, Plane

    seed, scale, with_map = arguments
    rng = np.random.default_rng([seed, int(scale * 1000)])
    y, x = np.mgrid[:SIZE, :SIZE]
    angle = np.hypot(x - 150, y - 150) * 4.0 / 60.0
    exposure = np.where(angle < 10.0, 1e4 * (1.0 - 0.045 * angle), 0.0)
    exposure[:, 148:152] = exposure[98:101] = 0.0
    mask = exposure > 0.0
    planes = []
    for band, level in enumerate(LEVELS, 1):
        background = scale * level * exposure / 1e4
        planes.append(Plane(1, band, 500.0 * band, 1000.0 * band, rng.poisson(background), exposure, background))
    view = CameraView.of_pointing("EPN", (150.0, 150.0), 0.0, MATRIX)
    settings = BoxSettings(likemin=float(LIKELIHOODS[0]), with_map=with_map, runs=3)
    return search(Field(tuple(planes), {1: mask}, {1: view}), settings).likelihood


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

    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    print("| mode | counts a pixel, all bands | " + " | ".join(f"L > {level:g}" for level in LIKELIHOODS) + " |")
    print("|---" * (len(LIKELIHOODS) + 2) + "|")
    with ProcessPoolExecutor() as pool:
        for with_map in (False, True):
            for scale in (1.0, 5.0):
                jobs = [(seed, scale, with_map) for seed in range(options.fields)]
                likelihoods = np.concatenate(list(pool.map(one_field, jobs, chunksize=10)))
                above = np.array([np.mean(likelihoods > level) for level in LIKELIHOODS])
                number = above * likelihoods.size / options.fields
                mode = "map" if with_map else "local"
                label = f"{mode}, {scale * sum(LEVELS):.2f} counts a pixel"
                print(
                    f"| {mode} | {scale * sum(LEVELS):.2f} | " + " | ".join(f"{value:.3g}" for value in number) + " |"
                )
                axes.semilogy(LIKELIHOODS, number, "o-", label=label)
    expected = number[0] * np.exp(-(LIKELIHOODS - LIKELIHOODS[0]))
    axes.semilogy(LIKELIHOODS, expected, "k--", label="slope of exp(-L)")
    axes.set(xlabel="LIKE", ylabel="records above it in a field without sources")
    axes.legend()
    figure.savefig(options.folder / "eboxdetect_background.png", dpi=110)


if __name__ == "__main__":
    main()
