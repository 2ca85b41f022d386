"""Speed of edetect_chain: 15 images (three cameras, five bands) of 648 x 648 pixels with 100 sources, whole process.

Then how it grows: with the number of sources and with the number of pixels, as a plot and as a table. The images come
from simulated event lists; sources lie on a grid, shifted at random, so that each is found as one.

Usage: python benchmarks/edetect_chain_speed.py [--folder build/bench] [--sources 25 50 100 200 400]
       [--pixels 324 648 972 1296] [--runs 3] [--plot docs/images/edetect_chain_speed.png]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

BANDS_EV = (200, 500, 1000, 2000, 4500, 12000)
PN_LOWEST_EV = 300
CAMERAS = {"pn": "(PATTERN<={pattern}) && #XMMEA_EP", "mos1": "(PATTERN<=12) && #XMMEA_EM",
           "mos2": "(PATTERN<=12) && #XMMEA_EM"}  # fmt: skip
RADIUS_DEG = 0.2
EXPOSURE = 20_000.0
FLUX = 3e-14  # erg/cm2/s in 0.5 to 2 keV: some 200 counts on the axis
SOURCES, PIXELS = 100, 648


@dataclass(frozen=True)
class Timing:
    """One case: what was searched, how long it took, what was found."""

    sources: int
    pixels: int
    seconds: float
    found: int
    memory: float


def source_table(path: Path, number: int) -> None:
    """Sources on a hexagonal grid inside of 12 arcmin, moved at random by up to a fifth of its step."""
    generator = np.random.default_rng(number)
    step = RADIUS_DEG * np.sqrt(2.0 * np.pi / np.sqrt(3.0) / number)
    rows = int(RADIUS_DEG / step) + 2
    x, y = np.meshgrid(np.arange(-rows, rows + 1.0), np.arange(-rows - 2, rows + 3.0))
    east, north = ((x + 0.5 * (y % 2)) * step).ravel(), (y * step * np.sqrt(0.75)).ravel()
    nearest = np.argsort(np.hypot(east, north), kind="stable")[:number]
    east, north = (axis[nearest] + generator.uniform(-0.2, 0.2, number) * step for axis in (east, north))
    lines = ["ra,dec,flux_0p5_2"]
    lines += [
        f"{150.0 + e / np.cos(np.radians(2.2)):.6f},{2.2 + n:.6f},{FLUX}" for e, n in zip(east, north, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")


def event_lists(folder: Path, number: int) -> dict[str, Path]:
    """Simulate the lists, once."""
    from xmmpy.simulation import sky
    from xmmpy.simulation.observation import SimulationSettings, simulate_events

    target = folder / f"sources_{number}"
    if not (target / "truth.json").is_file():
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        source_table(target / "sources.csv", number)
        simulate_events(
            target,
            SimulationSettings(
                exposure=EXPOSURE, seed=number, sources=sky.read_sources(target / "sources.csv", "Thin1"),
                logn_logs=False, flares=False,
            ),
        )  # fmt: skip
    codes = {"pn": "PN", "mos1": "M1", "mos2": "M2"}
    return {camera: next(target.glob(f"P*{code}S*EVLI0000.FIT")) for camera, code in codes.items()}


def images(folder: Path, lists: dict[str, Path], pixels: int) -> list[str]:
    """Make the 15 images, once; returns their names."""
    from xmmpy.tasks import evselect

    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for camera, selection in CAMERAS.items():
        for band, (low, high) in enumerate(pairwise(BANDS_EV), 1):
            name = folder / f"{camera}_image_b{band}.fits"
            names.append(str(name))
            if name.is_file():
                continue
            first = PN_LOWEST_EV if camera == "pn" and band == 1 else low
            chosen = selection.format(pattern=0 if band == 1 else 4)
            evselect(
                table=lists[camera], imageset=name, xcolumn="X", ycolumn="Y", imagebinning="imageSize",
                ximagesize=pixels, yimagesize=pixels, ximagemin=1, ximagemax=51840, yimagemin=1, yimagemax=51840,
                expression=f"(FLAG==0) && {chosen} && (PI>{first}&&PI<={high})",
            )  # fmt: skip
    return names


def chain_words(lists: dict[str, Path], names: list[str]) -> list[str]:
    """The command line, with the classic settings."""
    from xmmpy.calibration.nominal import energy_conversion_factors

    low, factors = [], []
    for camera, code in (("pn", "EPN"), ("mos1", "EMOS1"), ("mos2", "EMOS2")):
        low += [PN_LOWEST_EV if camera == "pn" else BANDS_EV[0], *BANDS_EV[1:-1]]
        factors += list(energy_conversion_factors(code, "Thin1") / 1e11)
    values = {
        "imagesets": names, "eventsets": [lists[camera] for camera in CAMERAS], "attitudeset": "", "pimin": low,
        "pimax": list(BANDS_EV[1:]) * 3, "ecf": factors, "esp_nsplinenodes": [16], "esen_mlmin": [15],
    }  # fmt: skip
    return [f"{name}={' '.join(str(item) for item in items)}" for name, items in values.items()]


def measure(folder: Path, sources: int, pixels: int, runs: int) -> Timing:
    """The best of several runs, each in a process and a folder of its own."""
    from xmmpy.products.sourcelists import read_source_list

    lists = event_lists(folder, sources)
    words = chain_words(lists, images(folder / f"images_{sources}_{pixels}", lists, pixels))
    work = folder / "chain"
    best, memory, found = float("inf"), 0.0, 0
    for _ in range(runs):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        begin = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "xmmpy", "task", "edetect_chain", *words], cwd=work, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        best = min(best, time.perf_counter() - begin)
        if process.returncode:
            raise SystemExit(said[-2000:])
        memory = max(memory, usage.ru_maxrss / (1024.0 if sys.platform != "darwin" else 1e6))
        found = len(read_source_list(str(work / "emllist.fits")).rows())
    return Timing(sources, pixels, best, found, memory)


def plot(path: Path, by_sources: list[Timing], by_pixels: list[Timing]) -> None:
    """Both kinds of growth, side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    left.plot([one.sources for one in by_sources], [one.seconds for one in by_sources], "o-", color="#1f5f99")
    left.set_xlabel(f"sources in 15 images of {PIXELS} x {PIXELS}")
    right.plot([one.pixels**2 / 1e6 for one in by_pixels], [one.seconds for one in by_pixels], "o-", color="#b3421b")
    right.set_xlabel(f"million pixels of an image, {SOURCES} sources in 15 images")
    left.set_ylabel("edetect_chain, whole process (s)")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.set_xlim(left=0)
    left.set_ylim(bottom=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})


def main() -> None:
    """Run, print a line for each case, draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/bench"))
    parser.add_argument("--sources", type=int, nargs="+", default=[25, 50, 100, 200, 400])
    parser.add_argument("--pixels", type=int, nargs="+", default=[324, 648, 972, 1296])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--plot", type=Path, help="picture to write")
    options = parser.parse_args()
    folder = options.folder.resolve()
    cases = dict.fromkeys([(SOURCES, PIXELS), *((n, PIXELS) for n in options.sources),
                           *((SOURCES, n) for n in options.pixels)])  # fmt: skip
    timings = {}
    for sources, pixels in cases:
        one = timings[sources, pixels] = measure(folder, sources, pixels, options.runs)
        print(f"  15 images of {pixels} x {pixels}, {sources} sources, {one.found} found: {one.seconds:.1f} s, "
              f"{one.memory:.0f} MB", flush=True)  # fmt: skip
    if options.plot:
        plot(
            options.plot,
            [timings[n, PIXELS] for n in sorted({*options.sources, SOURCES})],
            [timings[SOURCES, n] for n in sorted({*options.pixels, PIXELS})],
        )


if __name__ == "__main__":
    main()
