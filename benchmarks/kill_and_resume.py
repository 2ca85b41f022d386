"""Interrupt a reduction at random moments, start it again, and compare its products with those of a quiet run.

Lists of three cameras are simulated, reduced once undisturbed, and then in another folder with SIGINT, SIGTERM or
SIGKILL after a random part of the time that the quiet run took. Soon after it no process may be left of it; the run is
started again until it is through. With ``--engine sas`` the tasks are commands of their own, those of `xmmpy sas-env`.
Each round begins with an empty work folder, or, in every second round, goes on from the products of the last one with
one of them removed, so that both a first run and a resumed one are hit.

Usage: python benchmarks/kill_and_resume.py [--kills 30] [--seed 1] [--exposure 5000] [--folder build/kill]
       [--engine native|sas]
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

EPOCH = "1700000000"  # dates in headers are then the same in all runs
PATIENCE = 600.0  # s for one run
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
FAREWELL = 10.0  # s in which all processes of an interrupted run must be gone
MARK = "XMMPY_INTERRUPTED_RUN"  # in the environment of the run and so of all that it starts


@dataclass
class Tally:
    """What happened to the interrupted runs."""

    killed: int = 0
    by_signal: Counter[str] = field(default_factory=Counter)
    survivors: list[str] = field(default_factory=list)
    too_late: int = 0
    differing: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every product came out as it should, and no file or process was left."""
        return not (self.differing or self.leftovers or self.failures or self.survivors)


@dataclass(frozen=True)
class Engine:
    """Which engine runs the recipe, and where its tasks are."""

    name: str
    bin: Path | None = None

    @classmethod
    def of(cls, name: str, folder: Path) -> Engine:
        """The engine; for sas a tree with our own tasks is written."""
        if name == "native":
            return cls(name)
        from xmmpy.cli.standin.tree import write_tree

        write_tree(folder / "sas")
        return cls(name, folder.resolve() / "sas/bin")

    def start(self, *words: str, mark: str = "") -> subprocess.Popen[bytes]:
        """Start the command."""
        environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, MARK: mark}
        if self.bin is not None:
            environment["PATH"] = f"{self.bin}:{environment['PATH']}"
        if words[0] == "reduce":
            words = (*words, "--engine", self.name)
        command = [sys.executable, "-m", "xmmpy", *words]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )


def survivors(mark: str) -> list[str]:
    """Processes of an interrupted run that are still there when all should be gone."""
    import psutil

    deadline = time.monotonic() + FAREWELL
    while True:
        left = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                    left.append(" ".join(process.cmdline()))
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Wait for a run; gives its status and what it complained of."""
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors.decode(errors="replace")


def products(work: Path) -> dict[str, str]:
    """Digest of each FITS product, by name."""
    files = [path for path in sorted(work.rglob("*")) if path.suffix in {".fits", ".ds"} and path.is_file()]
    return {str(path.relative_to(work)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def kill_rounds(
    folder: Path, kills: int, seed: int, exposure: float, say: bool = True, detect: bool = True, engine: str = "native"
) -> Tally:
    """Do the whole comparison; `kills` runs are interrupted.

    Parameters
    ----------
    folder : Path
        Everything is written here.
    kills : int
        Runs that are to be interrupted in the middle.
    seed : int
        Of the random moments and of the simulated lists.
    exposure : float
        Length of the simulated observation, s.
    say : bool
        Whether each round is printed.
    detect : bool
        Whether sources are looked for, too.
    engine : str
        ``native`` or ``sas``.
    """
    runner = Engine.of(engine, folder)
    lists = folder / "lists"
    if not (lists / "truth.json").exists():
        options = ("--exposure", str(exposure), "--seed", str(seed))
        status, errors = finish(runner.start("simulate", "events", str(lists), *options))
        if status:
            raise RuntimeError(errors)
    more = () if detect else ("--no-detect",)
    quiet, hit = folder / "quiet", folder / "hit"
    for work in (quiet, hit):
        shutil.rmtree(work, ignore_errors=True)
    begin = time.monotonic()
    status, errors = finish(runner.start("reduce", str(lists), "--work", str(quiet), *more))
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
            mark = f"{os.getpid()}-{tally.killed}"
            process = runner.start("reduce", str(lists), "--work", str(hit), *more, mark=mark)
            try:
                process.communicate(timeout=moment)
                through = True
                tally.too_late += 1
            except subprocess.TimeoutExpired:
                number = SIGNALS[tally.killed % len(SIGNALS)]
                process.send_signal(number)
                process.communicate(timeout=PATIENCE)
                tally.survivors += survivors(mark)
                tally.by_signal[number.name] += 1
                tally.killed += 1
                tally.moments.append(moment)
        _compare(runner, lists, hit, more, wanted, tally)
        if say:
            state = "equal" if tally.clean else "DIFFERENT"
            print(
                f"round {begun:3d}: {tally.killed:3d} interrupted so far, last after {moment:6.2f} s: {state}",
                flush=True,
            )
    return tally


def _compare(
    runner: Engine, lists: Path, hit: Path, more: tuple[str, ...], wanted: dict[str, str], tally: Tally
) -> None:
    """Let the run go through, and look at what it left."""
    status, errors = finish(runner.start("reduce", str(lists), "--work", str(hit), *more))
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
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--exposure", type=float, default=5000.0)
    parser.add_argument("--folder", type=Path, default=Path("build/kill"))
    parser.add_argument("--engine", choices=("native", "sas"), default="native")
    options = parser.parse_args()
    tally = kill_rounds(options.folder, options.kills, options.seed, options.exposure, engine=options.engine)
    print("\n| what | figure |\n|---|---|")
    print(f"| runs interrupted | {', '.join(f'{number} with {name}' for name, number in tally.by_signal.items())} |")
    print(f"| moments | {min(tally.moments):.2f} to {max(tally.moments):.2f} s |")
    print(f"| runs that were through before | {tally.too_late} |")
    print(f"| products that differ from the quiet run's | {len(tally.differing)} |")
    print(f"| processes left behind | {len(tally.survivors)} |")
    print(f"| files left behind | {len(tally.leftovers)} |")
    print(f"| steps or runs that failed | {len(tally.failures)} |")
    for line in (*tally.differing, *tally.survivors, *tally.leftovers, *tally.failures):
        print(f"- {line}")
    return 0 if tally.clean else 1


if __name__ == "__main__":
    sys.exit(main())
