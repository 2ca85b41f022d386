"""Speed and memory of emproc and epproc on a simulated ODF: 30 ks, three cameras, about three million raw events.

Whole processes, imports included: emproc, then epproc. Then on one core, in this process: raw files of the CCDs to
rows of lists, in raw events per second.

Usage: python benchmarks/chain_speed.py [--folder build/bench] [--exposure 30000] [--scale 3]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path


def make_odf(folder: Path, exposure: float, scale: float) -> Path:
    """Simulate the ODF, once."""
    target = folder / f"odf_{exposure:g}_{scale:g}"
    if not (target / "truth/truth.json").is_file():
        command = [sys.executable, "-m", "xmmpy.cli.main", "simulate", "odf", str(target), "--exposure", str(exposure),
                   "--scale", str(scale), "--seed", "5"]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return target / "ODF"


def run(task: str, odf: Path, folder: Path) -> tuple[float, float]:
    """One task in a process of its own: seconds and peak memory in MB."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"SAS_ODF": str(odf), "SAS_CCF": "", "SAS_CCFPATH": ""}
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "xmmpy.cli.main", "task", task, f"outdir={folder}"], env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{task} failed with {process.returncode}")
    return time.perf_counter() - begin, usage.ru_maxrss / (1024.0 if sys.platform != "darwin" else 1e6)


def one_core(odf: Path, code: str) -> tuple[int, float]:
    """Raw events of a camera, and the seconds that one core needs for them."""
    from xmmpy.events.mos import MosOptions
    from xmmpy.events.pn import PnOptions
    from xmmpy.odf.names import INSTRUMENT_NAMES
    from xmmpy.tasks.epic.ccds import CcdWork, process_ccd
    from xmmpy.tasks.epic.exposures import read_frames
    from xmmpy.tasks.epic.observation import open_observation
    from xmmpy.tasks.session import Environment, Session

    camera = INSTRUMENT_NAMES[code]
    observation = open_observation(Session("bench", Environment(odf=str(odf))), [code], odf)
    (exposure,) = [one for one in observation.inventory.of_instrument(code) if one.events]
    work = CcdWork(camera, exposure.mode, observation.calibration[camera], observation.pointings, MosOptions(),
                   PnOptions(), True, (1,))  # fmt: skip
    seconds, events = 0.0, 0
    for _ in range(2):  # the first one warms up
        frames = read_frames(observation, exposure, work)
        begin = time.process_time()
        events = sum(process_ccd(work, file, frames[file.name.ccd]).calibrated.raw_events for file in exposure.events)
        seconds = time.process_time() - begin
    return events, seconds


def main() -> None:
    """Run and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/bench"))
    parser.add_argument("--exposure", type=float, default=30_000.0)
    parser.add_argument("--scale", type=float, default=3.0)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    odf = make_odf(arguments.folder.resolve(), arguments.exposure, arguments.scale)
    products = arguments.folder.resolve() / "chain"
    runs = []
    for _ in range(3):
        shutil.rmtree(products, ignore_errors=True)
        products.mkdir()
        runs.append([run(task, odf, products) for task in ("emproc", "epproc")])
    best = min(runs, key=lambda one: sum(seconds for seconds, _ in one))
    peak = max(memory for one in runs for _, memory in one)
    rates = {code: one_core(odf, code) for code in ("M1", "PN")}
    total = sum(int(events) for events, _ in rates.values()) + one_core(odf, "M2")[0]
    print(f"  ODF of {arguments.exposure:g} s, three cameras, {total / 1e6:.2f} million raw events to lists: "
          f"emproc {best[0][0]:.2f} s, epproc {best[1][0]:.2f} s; peak memory {peak:.0f} MB")  # fmt: skip
    for code, (events, seconds) in rates.items():
        print(f"  {code}: {events} raw events in {seconds:.2f} s of one core, {events / seconds / 1e6:.2f} million/s")


if __name__ == "__main__":
    main()
