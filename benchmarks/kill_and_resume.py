"""Kill a reduction at random moments, start it again, and compare its products with those of a quiet run.

A list of three cameras is simulated, reduced once undisturbed, and then in another folder with
``kill -9`` after a random part of the time that the quiet run took; the killed run is started again until it
is through. Each round begins with an empty work folder, or, in every second round, goes on from the products
of the last one with one of them removed, so that both a first run and a resumed one are hit.

Usage: python benchmarks/kill_and_resume.py [--kills 50] [--seed 1] [--exposure 5000] [--folder build/kill]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

EPOCH = "1700000000"  # dates in headers are then the same in all runs
PATIENCE = 600.0  # s for one run


@dataclass
class Tally:
    """What happened to the killed runs."""

    killed: int = 0
    too_late: int = 0
    differing: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every product came out as it should, and nothing else was left."""
        return not (self.differing or self.leftovers or self.failures)


def xmmpy(*words: str) -> subprocess.Popen[bytes]:
    """Start the command."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}
    command = [sys.executable, "-m", "xmmpy", *words]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Wait for a run; gives its status and what it complained of."""
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors.decode(errors="replace")


def products(work: Path) -> dict[str, str]:
    """Digest of each FITS product, by name."""
    files = [path for path in sorted(work.rglob("*")) if path.suffix in {".fits", ".ds"} and path.is_file()]
    return {str(path.relative_to(work)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def kill_rounds(folder: Path, kills: int, seed: int, exposure: float, say: bool = True, detect: bool = True) -> Tally:
    """Do the whole comparison; `kills` runs are killed.

    Parameters
    ----------
    folder : Path
        Everything is written here.
    kills : int
        Runs that are to be killed in the middle.
    seed : int
        Of the random moments and of the simulated lists.
    exposure : float
        Length of the simulated observation, s.
    say : bool
        Whether each round is printed.
    detect : bool
        Whether sources are looked for, too.
    """
    lists = folder / "lists"
    if not (lists / "truth.json").exists():
        options = ("--exposure", str(exposure), "--seed", str(seed))
        status, errors = finish(xmmpy("simulate", "events", str(lists), *options))
        if status:
            raise RuntimeError(errors)
    more = () if detect else ("--no-detect",)
    quiet, hit = folder / "quiet", folder / "hit"
    for work in (quiet, hit):
        shutil.rmtree(work, ignore_errors=True)
    begin = time.monotonic()
    status, errors = finish(xmmpy("reduce", str(lists), "--work", str(quiet), *more))
    length = time.monotonic() - begin
    if status:
        raise RuntimeError(errors)
    wanted = products(quiet)
    chance = random.Random(seed)
    tally = Tally()
    begun = 0
    while tally.killed < kills:
        begun += 1
        if begun % 2 == 0 and hit.exists():
            victim = chance.choice(sorted(wanted))
            (hit / victim).unlink(missing_ok=True)
            if victim.startswith("gtiset"):
                (hit / "record.json").unlink(missing_ok=True)
        else:
            shutil.rmtree(hit, ignore_errors=True)
        through = False
        while not through and tally.killed < kills:
            moment = chance.uniform(0.0, length)
            process = xmmpy("reduce", str(lists), "--work", str(hit), *more)
            try:
                process.communicate(timeout=moment)
                through = True
                tally.too_late += 1
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                tally.killed += 1
                tally.moments.append(moment)
        _compare(lists, hit, more, wanted, tally)
        if say:
            state = "equal" if tally.clean else "DIFFERENT"
            print(f"round {begun:3d}: {tally.killed:3d} killed so far, last after {moment:6.2f} s: {state}", flush=True)
    return tally


def _compare(lists: Path, hit: Path, more: tuple[str, ...], wanted: dict[str, str], tally: Tally) -> None:
    """Let the run go through, and look at what it left."""
    status, errors = finish(xmmpy("reduce", str(lists), "--work", str(hit), *more))
    if status:
        tally.failures.append(errors.strip()[-500:])
    made = products(hit)
    tally.differing += sorted(name for name in wanted.keys() | made.keys() if wanted.get(name) != made.get(name))
    tally.leftovers += [str(path) for path in hit.rglob("*.part")]
    record = json.loads((hit / "record.json").read_text())
    tally.failures += [step["name"] for step in record["steps"] if step["status"] != "done"]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--exposure", type=float, default=5000.0)
    parser.add_argument("--folder", type=Path, default=Path("build/kill"))
    options = parser.parse_args()
    tally = kill_rounds(options.folder, options.kills, options.seed, options.exposure)
    print("\n| what | figure |\n|---|---|")
    print(f"| runs killed with SIGKILL | {tally.killed} |")
    print(f"| moments of the kills | {min(tally.moments):.2f} to {max(tally.moments):.2f} s |")
    print(f"| runs that were through before | {tally.too_late} |")
    print(f"| products that differ from the quiet run's | {len(tally.differing)} |")
    print(f"| files left behind | {len(tally.leftovers)} |")
    print(f"| steps or runs that failed | {len(tally.failures)} |")
    for line in (*tally.differing, *tally.leftovers, *tally.failures):
        print(f"- {line}")
    return 0 if tally.clean else 1


if __name__ == "__main__":
    sys.exit(main())
