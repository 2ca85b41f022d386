"""Errors of positions where only the fit matters: sources drawn from the very profiles that it uses.

Backgrounds and shares of the 15 planes are those of the simulated fields of 10 and 50 ks, the background maps are
exact, sources lie 33 pixels apart. Prints a row of the table in docs/detection.md for each case.

Usage: python benchmarks/statistics/weak_positions.py [--fields 80] [--seed 7000]
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import product, repeat
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "truth"))

from photon_field import CAMERAS, Photons, photon_field

BACKGROUND = np.array(
    [0.1224, 0.1498, 0.2390, 0.2698, 0.9148, 0.0532, 0.0393, 0.1038, 0.0709, 0.1839, 0.0551, 0.0389, 0.1042, 0.0697,
     0.1835]
)  # fmt: skip
"""Counts a pixel in 50 ks, medians over the masks: pn, MOS1, MOS2, five bands each."""
SHARES = np.array(
    [0.130, 0.183, 0.186, 0.093, 0.035, 0.024, 0.043, 0.069, 0.037, 0.009, 0.025, 0.045, 0.072, 0.039, 0.010]
)
"""Of the counts of a source of 50 to 100 counts, means over such sources."""
CASES = (
    ("25 to 50 counts, 10 ks", 25.0, 50.0, 0.2, True),
    ("50 to 300 counts, 10 ks", 50.0, 300.0, 0.2, True),
    ("50 to 100 counts, 50 ks", 50.0, 100.0, 1.0, True),
    ("the same without band 5", 50.0, 100.0, 1.0, False),
)
SIDE = 5
STEP = 33


def offsets(seed: int, low: float, high: float, scale: float, hard: bool) -> list[tuple[float, float]]:
    """Offset and RADEC_ERR (pixels) of the sources of one field found at DET_ML >= 10."""
    from dataclasses import replace

    from xmmpy.detection.fit.data import X, Y
    from xmmpy.detection.fit.fitting import fit_sources
    from xmmpy.detection.fit.model import Optics, Scene
    from xmmpy.detection.fit.settings import FitSettings, Source
    from xmmpy.detection.psf import Psf

    generator = np.random.default_rng([seed, 1])
    sources = [
        Photons(*(20.0 + STEP * np.array(cell) + generator.uniform(-0.5, 0.5, 2)),
                counts=float(np.exp(generator.uniform(np.log(low), np.log(high)))))
        for cell in product(range(SIDE), repeat=2)
    ]  # fmt: skip
    field = photon_field(seed, sources, size=STEP * SIDE + 7, background=scale * BACKGROUND, shares=SHARES)
    if not hard:
        field = replace(field, planes=tuple(plane for plane in field.planes if plane.band < 5))
    rates = np.full(len(field.planes), np.nan)
    begin = [
        Source(n, np.concatenate([np.array([one.x, one.y]) + generator.normal(0.0, 0.4, 2), [0.0], rates]))
        for n, one in enumerate(sources)
    ]
    scene = Scene.of_field(Optics(field, {instrument: Psf(camera) for instrument, camera in CAMERAS.items()}))
    found = fit_sources(scene, FitSettings(mlmin=10.0), begin, errors=True)
    return [
        (float(np.hypot(one.parameters[X] - sources[one.candidate].x, one.parameters[Y] - sources[one.candidate].y)),
         float(np.hypot(one.errors[X], one.errors[Y])))
        for one in found
    ]  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fields", type=int, default=80)
    parser.add_argument("--seed", type=int, default=7000)
    options = parser.parse_args()
    print("| sources | found | offsets below RADEC_ERR (63.2 % expected) |\n|---|---|---|")
    with ProcessPoolExecutor() as pool:
        for name, *case in CASES:
            seeds = range(options.seed, options.seed + options.fields)
            parts = pool.map(offsets, seeds, *(repeat(value) for value in case))
            offset, error = np.array([pair for part in parts for pair in part]).T
            share = float(np.mean(offset < error))
            width = np.sqrt(share * (1.0 - share) / offset.size)
            whole = options.fields * SIDE**2
            print(f"| {name} | {offset.size} of {whole} | {100 * share:.1f} ± {100 * width:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
