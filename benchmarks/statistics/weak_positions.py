"""Errors of positions and rates where only the fit matters: sources drawn from the very profiles that it uses.

Backgrounds and shares of the 15 planes are those of the simulated fields of 10 and 50 ks, or the same on all planes;
the background maps are exact where nothing is said, sources lie 33 pixels apart. Prints a row of the tables in
docs/detection.md and docs/tasks/emldetect.md for each case.

Usage: python benchmarks/statistics/weak_positions.py [--fields 80] [--seed 7000]
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import product, repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "truth"))

from photon_field import CAMERAS, Photons, photon_field

Array = np.ndarray[Any, Any]

BACKGROUND = np.array(
    [0.1224, 0.1498, 0.2390, 0.2698, 0.9148, 0.0532, 0.0393, 0.1038, 0.0709, 0.1839, 0.0551, 0.0389, 0.1042, 0.0697,
     0.1835]
)  # fmt: skip
"""Counts a pixel in 50 ks, medians over the masks: pn, MOS1, MOS2, five bands each."""
SHARES = np.array(
    [0.130, 0.183, 0.186, 0.093, 0.035, 0.024, 0.043, 0.069, 0.037, 0.009, 0.025, 0.045, 0.072, 0.039, 0.010]
)
"""Of the counts of a source of 50 to 100 counts, means over such sources."""
EVEN = np.full(15, 0.02)
"""Counts a pixel where all planes have the same background."""
EVEN_SHARES = np.outer([0.6, 0.2, 0.2], [0.1, 0.25, 0.3, 0.2, 0.15]).ravel()


BANDS = 5
EXPOSURE = 1e4  # of the fields; the counts say what it would be
LEAST_PLANE = 10.0


class Case(NamedTuple):
    """Range of counts, background and shares on the planes, bands that are searched, map over true background."""

    name: str
    low: float
    high: float
    background: Array = BACKGROUND
    shares: Array = SHARES
    bands: int = BANDS
    believed: float = 1.0


CASES = (
    Case("25 to 50 counts, 10 ks", 25.0, 50.0, 0.2 * BACKGROUND),
    Case("50 to 300 counts, 10 ks", 50.0, 300.0, 0.2 * BACKGROUND),
    Case("50 to 100 counts, 50 ks", 50.0, 100.0),
    Case("the same without band 5", 50.0, 100.0, bands=4),
    Case("20 to 50 counts, 0.02 counts a pixel on all planes", 20.0, 50.0, EVEN, EVEN_SHARES),
    Case("50 to 300 counts, likewise", 50.0, 300.0, EVEN, EVEN_SHARES),
    Case("300 to 3000 counts, likewise", 300.0, 3000.0, EVEN, EVEN_SHARES),
    Case("50 to 300 counts, five times that, map 3 % too high", 50.0, 300.0, 5.0 * EVEN, EVEN_SHARES, believed=1.03),
    Case("300 to 3000 counts, likewise", 300.0, 3000.0, 5.0 * EVEN, EVEN_SHARES, believed=1.03),
)
SIDE = 5
STEP = 33


def measure(seed: int, case: Case) -> tuple[list[tuple[float, float, float]], list[float]]:
    """Offset, RADEC_ERR (pixels) and pull of the rate of all planes of the sources of a field found at DET_ML >= 10.

    And the pulls of single planes that should have ten counts and more.
    """
    from dataclasses import replace

    from xmmpy.detection.fit.data import RATES, X, Y
    from xmmpy.detection.fit.fitting import fit_sources
    from xmmpy.detection.fit.model import Optics, Scene
    from xmmpy.detection.fit.settings import FitSettings, Source
    from xmmpy.detection.psf import Psf

    generator = np.random.default_rng([seed, 1])
    sources = [
        Photons(*(20.0 + STEP * np.array(cell) + generator.uniform(-0.5, 0.5, 2)),
                counts=float(np.exp(generator.uniform(np.log(case.low), np.log(case.high)))))
        for cell in product(range(SIDE), repeat=2)
    ]  # fmt: skip
    field = photon_field(
        seed, sources, size=STEP * SIDE + 7, background=case.background, shares=case.shares, believed=case.believed
    )
    field = replace(field, planes=tuple(plane for plane in field.planes if plane.band <= case.bands))
    rates = np.full(len(field.planes), np.nan)
    begin = [
        Source(n, np.concatenate([np.array([one.x, one.y]) + generator.normal(0.0, 0.4, 2), [0.0], rates]))
        for n, one in enumerate(sources)
    ]
    scene = Scene.of_field(Optics(field, {instrument: Psf(camera) for instrument, camera in CAMERAS.items()}))
    found = fit_sources(scene, FitSettings(mlmin=10.0), begin, errors=True)
    rows, planes = [], []
    for one in found:
        truth = sources[one.candidate]
        expected = truth.counts * case.shares[np.tile(np.arange(BANDS) < case.bands, len(CAMERAS))]
        pulls = (one.rates - expected / EXPOSURE) / one.errors[RATES:]
        total = np.sum(one.rates - expected / EXPOSURE) / np.sqrt(np.nansum(one.errors[RATES:] ** 2))
        offset = np.hypot(one.parameters[X] - truth.x, one.parameters[Y] - truth.y)
        rows.append((float(offset), float(np.hypot(one.errors[X], one.errors[Y])), float(total)))
        planes += [float(pull) for pull in pulls[(expected >= LEAST_PLANE) & np.isfinite(pulls)]]
    return rows, planes


def words(pulls: Array) -> str:
    """Mean and width, in words."""
    return f"{pulls.mean():+.2f} ± {pulls.std():.2f}" if pulls.size else "-"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fields", type=int, default=80)
    parser.add_argument("--seed", type=int, default=7000)
    options = parser.parse_args()
    print("| sources | found | offsets below RADEC_ERR (63.2 % expected) | pull of all planes | of single planes |")
    print("|---|---|---|---|---|")
    with ProcessPoolExecutor() as pool:
        for case in CASES:
            parts = list(pool.map(measure, range(options.seed, options.seed + options.fields), repeat(case)))
            offset, error, total = np.array([row for rows, _ in parts for row in rows]).T
            single = np.array([pull for _, planes in parts for pull in planes])
            share = float(np.mean(offset < error))
            width = np.sqrt(share * (1.0 - share) / offset.size)
            found = f"{offset.size} of {options.fields * SIDE**2}"
            below = f"{100 * share:.1f} ± {100 * width:.1f} %"
            print(f"| {case.name} | {found} | {below} | {words(total)} | {words(single)} |", flush=True)


if __name__ == "__main__":
    main()
