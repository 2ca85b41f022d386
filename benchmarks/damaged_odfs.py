"""Reduce ODFs that are damaged in many ways; each must be reduced as far as it can be, or end in one clear sentence.

Files of a simulated ODF are missing, cut short, emptied, swapped, doubled, replaced by folders or noise; bits and
bytes, columns, rows and keywords change; archives try to leave their folder. What counts as wrong: an unexpected
exception in the pipeline or in any task, no answer in time, a failed step without a sentence, an exit status that does
not agree with the steps, half-written files, a list that cannot be read.

Usage: python benchmarks/damaged_odfs.py [--number 500] [--seed 1] [--folder build/damaged_odfs]
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import sys
import tarfile
import threading
import time
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from typing import TYPE_CHECKING

import damaged_inputs as single
from xmmpy.engines.native import run_calls
from xmmpy.pipeline.reduce import plan, reduce_lists
from xmmpy.pipeline.settings import DetectionSettings, Settings
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.simulation.observation import SimulationSettings
from xmmpy.simulation.odf import simulate_odf
from xmmpy.tasks.session import Environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xmmpy.engines.calls import CallResult, TaskCall

_IMPORTANT = frozenset({"AUX", "TCX", "ATS", "SUM", "PEH", "PMH"})
PATIENCE = 120.0  # s; each takes about one
EXPOSURE = 100.0
FILE_DAMAGES = (
    single.cut_short, single.cut_in_a_header, single.flip_bits, single.flip_bits_of_headers, single.overwrite_bytes,
    single.drop_a_column, single.rename_a_column, single.spoil_values, single.shuffle_rows, single.no_rows,
    single.wrong_keywords,
)  # fmt: skip


class InProcess:
    """Runs the tasks here, in the work folder: quicker than workers, with nothing to hide behind."""

    def __init__(self, folder: Path, environment: Environment) -> None:
        self._folder, self._environment = folder, environment
        self._lock = threading.Lock()

    def run(self, calls: Sequence[TaskCall]) -> list[CallResult]:
        with self._lock:
            here = Path.cwd()
            os.chdir(self._folder)
            try:
                return run_calls(calls, self._environment)
            finally:
                os.chdir(here)

    def close(self) -> None:
        pass


def damage(odf: Path, chance: random.Random) -> str:
    """Damage an ODF in one to four ways; says how."""
    done = []
    for _ in range(chance.choice((1, 1, 2, 4))):
        files = sorted(path for path in odf.iterdir() if path.is_file())
        if not files:
            break
        # Half of the time a file that all depend on.
        important = [
            path for path in files if any(word in path.name for word in ("AUX", "TCX", "ATS", "SUM", "PEH", "PMH"))
        ]
        path = chance.choice(important if important and chance.random() < 0.5 else files)
        way = chance.choice(("missing", "missing", "file", "file", "file", "file", "folder", "noise", "empty", "swap",
                             "double", "unreadable", "all of a kind", "link"))  # fmt: skip
        done.append(f"{way} {path.name}")
        if way == "missing":
            path.unlink()
        elif way == "file" and path.suffix == ".FIT":
            damage_one = chance.choice(FILE_DAMAGES)
            done[-1] = f"{damage_one.__name__} {path.name}"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    damage_one(path, chance)
                except Exception as error:  # noqa: BLE001 - already too damaged for this way
                    done[-1] += f" ({type(error).__name__})"
        elif way == "folder":
            path.unlink()
            path.mkdir()
        elif way == "noise":
            path.write_bytes(chance.randbytes(chance.choice((1, 100, 5000))))
        elif way == "empty":
            path.write_bytes(b"")
        elif way == "swap":
            other = chance.choice(files)
            one, two = path.read_bytes(), other.read_bytes()
            path.write_bytes(two)
            other.write_bytes(one)
        elif way == "double":
            stem = path.name.replace("S001", "S009").replace("S003", "S008").replace("X000", "X001")
            if path.name == stem:
                stem += ".gz"
            shutil.copyfile(path, odf / chance.choice((stem, path.name.replace("1843", "1844"), path.name + ".gz")))
        elif way == "unreadable":
            path.unlink()
            path.symlink_to(odf / "nowhere")
        elif way == "link":
            path.unlink()
            path.symlink_to(odf)
        else:
            kind = path.name[-7:-4]
            for same in files:
                if same.name[-7:-4] == kind:
                    same.unlink(missing_ok=True)
    return ", ".join(done)


def archive(odf: Path, target: Path, chance: random.Random) -> str:
    """Pack an ODF into an archive, mostly a hostile one; says how."""
    way = chance.choice(("good", "out", "absolute", "link", "device", "bomb", "cut", "twice"))
    with tarfile.open(target, "w:gz", compresslevel=1) as tar:
        tar.add(odf, "ODF")
        if way in ("out", "absolute", "twice"):
            name = {"out": "../../escaped.FIT", "absolute": "/tmp/escaped.FIT"}.get(way, f"ODF/{odf.name}")
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"evil"))
        if way in ("link", "device"):
            member = tarfile.TarInfo("ODF/link.FIT")
            member.type = tarfile.SYMTYPE if way == "link" else tarfile.CHRTYPE
            member.linkname = "/etc/passwd"
            tar.addfile(member)
        if way == "bomb":
            member = tarfile.TarInfo("ODF/big.FIT")
            member.size = 1 << 20
            for _ in range(30):
                tar.addfile(member, io.BytesIO(bytes(1 << 20)))
    if way == "cut":
        data = target.read_bytes()
        target.write_bytes(data[: chance.randrange(len(data))])
    return f"archive: {way}"


def examine(place: Path, work: Path, environment: Environment) -> str:
    """Reduce; gives what is wrong with the answer, empty for nothing."""
    try:
        planned = plan([place], work, Settings(detection=DetectionSettings(enabled=False)), environment)
    except FileProblem as problem:
        return "" if len(str(problem)) < 600 and "\n" not in str(problem) else f"no sentence: {problem}"
    assert planned.raw is not None
    own = Environment(odf=planned.raw.environment["SAS_ODF"])
    try:
        done = reduce_lists(planned, lambda folder: InProcess(folder.path, own), jobs=1)
    except FileProblem as problem:
        return "" if len(str(problem)) < 600 and "\n" not in str(problem) else f"no sentence: {problem}"
    bad = [step for step in done.record.steps if step.status in ("failed", "skipped")]
    for step in done.record.steps:
        if "unexpected failure" in step.reason:
            return f"{step.name}: {step.reason}"
        if step.status != "done" and not step.reason:
            return f"{step.name} is {step.status} without a reason"
    if bad and done.exit_status == 0:
        return f"status 0, but {bad[0].name} is {bad[0].status}"
    left = [path.name for path in work.rglob("*") if path.name.startswith(".") and path.name != ".lock"
            and path.is_file() and "lock" not in path.name]  # fmt: skip
    if left:
        return f"left behind: {left[0]}"
    for path in [*work.glob("*.ds"), *work.glob("*.fits")]:
        with FitsFile(path) as file:
            assert file.hdus
    return ""


def main() -> None:
    """Make, damage, reduce, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--folder", type=Path, default=Path("build/damaged_odfs"))
    arguments = parser.parse_args()
    top = arguments.folder.resolve()
    shutil.rmtree(top, ignore_errors=True)
    simulate_odf(top / "whole", SimulationSettings(exposure=EXPOSURE, seed=1, scale=2.0))
    environment = Environment()
    counts: Counter[str] = Counter()
    begin = time.perf_counter()
    for number in range(arguments.first, arguments.first + arguments.number):
        chance = random.Random(arguments.seed * 1_000_003 + number)
        place = top / "case"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(top / "whole" / "ODF", place / "ODF")
        what = damage(place / "ODF", chance) if chance.random() < 0.9 else ""
        target = place
        if chance.random() < 0.15:
            target = place / "odf.tar.gz"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                what = f"{archive(place / 'ODF', target, chance)}; {what}"
        answer: list[str] = []

        def judge(target: Path = target, work: Path = place / "work", answer: list[str] = answer) -> None:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    answer.append(examine(target, work, environment))
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is wrong
                import traceback

                answer.append(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")

        thread = threading.Thread(target=judge, daemon=True)
        thread.start()
        thread.join(PATIENCE)
        wrong = answer[0] if answer else f"no answer in {PATIENCE:g} s"
        counts["wrong" if wrong else "right"] += 1
        if Path("/tmp/escaped.FIT").exists() or (top / "escaped.FIT").exists():
            wrong = "a file left the archive's folder"
        if wrong:
            print(f"  {number}: {what}\n    {wrong}")
        if not answer:
            break
    print(f"  {counts['right']} of {sum(counts.values())} damaged ODFs answered well, "
          f"{counts['wrong']} wrong ({time.perf_counter() - begin:.0f} s)")  # fmt: skip
    if counts["wrong"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
