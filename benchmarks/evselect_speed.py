"""Speed and memory of evselect against fitscopy and against astropy with numpy, side by side.

The work: one event list filtered to a cleaned list, and six band images of the cleaned list. Whole processes:
``xmmpy batch`` with seven task lines against seven runs of CFITSIO's fitscopy, each pair one after the other.
Inside one process: the same seven products against astropy, boolean masks and ``numpy.histogram2d``.

Usage: python benchmarks/evselect_speed.py [--events 4000000,20000000] [--pairs 5] [--folder build/bench]
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

BANDS = {"b1": (200, 500), "b2": (500, 1000), "b3": (1000, 2000), "b4": (2000, 4500), "b5": (4500, 12000),
         "full": (200, 12000)}  # fmt: skip
CLEAN = "(FLAG & 0x766ba000) == 0 && PI > 150 && PATTERN <= 12"
LOW, HIGH, WIDTH = 3649, 48106, 87


def make_list(folder: Path, events: int) -> Path:
    """Simulate a MOS1 list with about that many events, once."""
    target = folder / f"list_{events}"
    found = sorted(target.glob("P*M1*MIEVLI*"))
    if not found:
        command = [sys.executable, "-m", "xmmpy.cli.main", "simulate", "events", str(target), "--cameras", "mos1",
                   "--events", str(events), "--exposure", "30000", "--seed", "1"]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = sorted(target.glob("P*M1*MIEVLI*"))
    return found[0]


def task_lines(source: Path) -> str:
    """The seven task lines, all on the one list, so that they share a pass over it."""
    lines = [f"evselect table={source} filteredset=ours_clean.fits expression='{CLEAN}'"]
    for band, (low, high) in BANDS.items():
        lines.append(
            f"evselect table={source} imageset=ours_{band}.fits xcolumn=X ycolumn=Y imagebinning=binSize "
            f"ximagebinsize={WIDTH} yimagebinsize={WIDTH} ximagemin={LOW} ximagemax={HIGH} yimagemin={LOW} "
            f"yimagemax={HIGH} expression='{CLEAN} && PI in [{low}:{high}]'"
        )
    return "\n".join(lines) + "\n"


def fitscopy_commands(source: Path, *, images_of_clean: bool = False) -> list[list[str]]:
    """The seven runs of fitscopy, on the one list; or its images made of its own cleaned list."""
    clean = CLEAN.replace(" ", "")
    commands = [["fitscopy", f"{source}[EVENTS][{clean}]", "!peer_clean.fits"]]
    binning = f"X={LOW}:{HIGH + 27}:{WIDTH},Y={LOW}:{HIGH + 27}:{WIDTH}"
    table, condition = ("peer_clean.fits", "") if images_of_clean else (source, f"{clean}&&")
    for band, (low, high) in BANDS.items():
        selection = f"{condition}PI>={low}&&PI<={high}"
        commands.append(["fitscopy", f"{table}[EVENTS][{selection}][bin {binning}]", f"!peer_{band}.fits"])
    return commands


def timed(commands: list[list[str]], folder: Path, text: str = "") -> tuple[float, float]:
    """Run commands; seconds and peak memory in MB of the largest of them."""
    for leftover in [*folder.glob("ours_*"), *folder.glob("peer_*")]:
        if "--keep" not in sys.argv and (leftover.name.startswith("ours") == bool(text)):
            leftover.unlink()
    peak = 0.0
    begin = time.perf_counter()
    # As for a user: Python keeps the modules that it has compiled, even where this shell forbids it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for command in commands:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        assert process.stdin is not None
        process.stdin.write(text.encode())
        process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command[0]} failed with {process.returncode}: {command}")
        scale = 1 if sys.platform == "darwin" else 1024
        peak = max(peak, usage.ru_maxrss * scale / 1e6)
    return time.perf_counter() - begin, peak


def check_same(folder: Path) -> None:
    """Stop when the two ways do not give the same events and pixels."""
    from astropy.io import fits

    with fits.open(folder / "ours_clean.fits") as ours, fits.open(folder / "peer_clean.fits") as peer:
        if ours["EVENTS"].header["NAXIS2"] != peer["EVENTS"].header["NAXIS2"]:
            raise SystemExit("the cleaned lists differ")
    for band in BANDS:
        ours, peer = (fits.getdata(folder / f"{who}_{band}.fits") for who in ("ours", "peer"))
        if ours.shape != peer.shape or np.any(ours != peer):
            raise SystemExit(f"the images {band} differ in {np.sum(ours != peer)} pixels")


def whole_processes(source: Path, folder: Path, pairs: int) -> None:
    """Pairs of runs, ours and fitscopy's, and their medians."""
    if shutil.which("fitscopy") is None:
        print("  fitscopy is not installed (Debian: libcfitsio-bin); no comparison of whole processes")
        return
    ours_command = [[sys.executable, "-m", "xmmpy.cli.main", "batch", "-"]]
    lines = task_lines(source)
    for what, images_of_clean in (("each of the list", False), ("images of its cleaned list", True)):
        peer_commands = fitscopy_commands(source, images_of_clean=images_of_clean)
        timed(ours_command, folder, lines)
        timed(peer_commands, folder)
        check_same(folder)
        runs = []
        for _ in range(pairs):
            ours, peak = timed(ours_command, folder, lines)
            peer, _ = timed(peer_commands, folder)
            runs.append((peer / ours, ours, peer, peak))
        ratio, ours, peer, _ = (statistics.median(column) for column in zip(*runs, strict=True))
        ratios = [run[0] for run in runs]
        print(f"  whole processes, median of {pairs} pairs: XMM-Python {ours:.2f} s, fitscopy ({what}) {peer:.2f} s, "
              f"{ratio:.1f} times faster ({min(ratios):.1f} to {max(ratios):.1f}); "
              f"peak memory {max(run[3] for run in runs):.0f} MB")  # fmt: skip


def numpy_way(source: Path, folder: Path) -> None:
    """The same products with astropy, boolean masks and numpy.histogram2d."""
    from astropy.io import fits

    with fits.open(source) as hdus:
        events = hdus["EVENTS"].data
        good = (events["FLAG"] & 0x766BA000) == 0
        good &= (events["PI"] > 150) & (events["PATTERN"] <= 12)
        hdus["EVENTS"].data = events[good]
        hdus.writeto(folder / "numpy_clean.fits", overwrite=True)
    with fits.open(folder / "numpy_clean.fits") as hdus:
        events = hdus["EVENTS"].data
        edges = np.arange(LOW, LOW + 513 * WIDTH, WIDTH) - 0.5
        for band, (low, high) in BANDS.items():
            chosen = (events["PI"] >= low) & (events["PI"] <= high)
            image, _, _ = np.histogram2d(events["Y"][chosen], events["X"][chosen], bins=(edges, edges))
            fits.writeto(folder / f"numpy_{band}.fits", image.astype(np.int16), overwrite=True)


def our_way(source: Path) -> None:
    """The seven products with the task called from Python."""
    from xmmpy.tasks import evselect

    calls = [{"table": str(source), "filteredset": "ours_clean.fits", "expression": CLEAN}]
    for band, (low, high) in BANDS.items():
        calls.append({
            "table": str(source), "imageset": f"ours_{band}.fits", "xcolumn": "X", "ycolumn": "Y",
            "imagebinning": "binSize", "ximagebinsize": WIDTH, "yimagebinsize": WIDTH, "ximagemin": LOW,
            "ximagemax": HIGH, "yimagemin": LOW, "yimagemax": HIGH, "expression": f"{CLEAN} && PI in [{low}:{high}]",
        })  # fmt: skip
    evselect.together(calls)


def inside_process(source: Path, folder: Path, pairs: int) -> None:
    """Pairs of runs in this process."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        our_way(source)
        ratios, ours_times, peer_times = [], [], []
        for _ in range(pairs):
            for leftover in Path().glob("ours_*"):
                leftover.unlink()
            begin = time.perf_counter()
            our_way(source)
            middle = time.perf_counter()
            numpy_way(source, folder)
            end = time.perf_counter()
            ours_times.append(middle - begin)
            peer_times.append(end - middle)
            ratios.append((end - middle) / (middle - begin))
        print(f"  inside one process: XMM-Python {statistics.median(ours_times):.2f} s, astropy and numpy "
              f"{statistics.median(peer_times):.2f} s, {statistics.median(ratios):.1f} times faster")  # fmt: skip
    finally:
        os.chdir(here)


def main() -> None:
    """Run all comparisons and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", default="4000000,20000000")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path("build/bench"))
    parser.add_argument("--no-inside", action="store_true", help="only whole processes")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    folder = arguments.folder.resolve()
    if arguments.inside:
        inside_process(arguments.inside, folder, arguments.pairs)
        return
    for events in map(int, arguments.events.split(",")):
        source = make_list(folder, events)
        print(f"{source.name}: {source.stat().st_size / 1e6:.0f} MB, about {events / 1e6:g} million events", flush=True)
        whole_processes(source, folder, arguments.pairs)
        if not arguments.no_inside and events <= 5_000_000:
            # In a process of its own: children would inherit the peak memory of this one.
            command = [
                sys.executable,
                __file__,
                "--inside",
                str(source),
                "--pairs",
                str(arguments.pairs),
                "--folder",
                str(folder),
            ]
            subprocess.run(command, check=True)
    print(f"peak memory of this script: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
