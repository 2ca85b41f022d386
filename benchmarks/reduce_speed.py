"""Speed of `xmmpy reduce` on a simulated ODF of 30 ks, three cameras: raw files to the page with the joint source list.

Whole processes, imports and compilation included; then once more, when there is nothing to do.

Usage: python benchmarks/reduce_speed.py [--folder build/bench] [--exposure 30000]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path


def xmmpy(*arguments: str) -> tuple[float, float]:
    """One command in a process of its own: seconds, and peak memory of its processes in MB."""
    environment = dict(os.environ) | {"SAS_CCF": "", "SAS_CCFPATH": ""}
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "xmmpy", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"xmmpy {arguments[0]} failed with {process.returncode}")
    return time.perf_counter() - begin, usage.ru_maxrss / (1024.0 if sys.platform != "darwin" else 1e6)


def main() -> None:
    """Run and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/bench"))
    parser.add_argument("--exposure", type=float, default=30_000.0)
    arguments = parser.parse_args()
    odf = arguments.folder.resolve() / f"reduce_{arguments.exposure:g}"
    if not (odf / "truth/truth.json").is_file():
        xmmpy("simulate", "odf", str(odf), "--exposure", str(arguments.exposure), "--seed", "5")
    runs = []
    for _ in range(2):  # the first may have to compile
        shutil.rmtree(odf / "work", ignore_errors=True)
        runs.append(xmmpy("reduce", str(odf)))
    again = min(xmmpy("reduce", str(odf))[0] for _ in range(3))
    from astropy.io import fits

    with fits.open(odf / "work/coords/all_emllist.fits") as hdus:
        rows = hdus["SRCLIST"].data
        sources = int(((rows["ID_INST"] == 0) & (rows["ID_BAND"] == 0)).sum())
    (first, _), (second, memory) = runs
    print(f"  xmmpy reduce, ODF of {arguments.exposure:g} s to the page with {sources} sources: first {first:.1f} s, "
          f"then {second:.1f} s, {memory:.0f} MB; nothing to do: {again:.2f} s")  # fmt: skip


if __name__ == "__main__":
    main()
