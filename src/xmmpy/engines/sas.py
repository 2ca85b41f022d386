"""The SAS engine: the tasks of an installed SAS, called as commands.

Each call has a process group of its own under a small supervisor, which ends it when it takes too long or when this
process is gone. What a task says goes to the log of the step. Exit status, error lines and files all count: SAS's tasks
have been seen to fail with status 0.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from xmmpy.engines.calls import CallResult
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.products.sourcelists import read_source_list
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import quoted
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xmmpy.engines.calls import TaskCall

USUAL_TIMEOUT: Final = 6 * 3600.0
"""Seconds after which a task is taken to hang."""
KNOWN_RELEASES: Final = (18, 22)
"""First and last release of SAS whose parameters the recipe was written for."""
_MESSAGE = re.compile(r"^\*\*\s*([\w.]+):\s*(error|warning|fatal)\s*\(([^)]*)\),?\s*(.*)$", re.IGNORECASE)
_RELEASE = re.compile(r"(?:xmmsas_\d+_\d+-|\[)(\d+)\.(\d+)")
_STOP_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class SasInstallation:
    """A SAS that was found.

    Attributes
    ----------
    version : str
        What ``sasversion`` says, in one line.
    release : tuple of int or None
        Its release; None where it does not tell.
    missing : tuple of str
        Tasks that are wanted and not on PATH.
    """

    version: str
    release: tuple[int, int] | None
    missing: tuple[str, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences that a user should read before it is used."""
        told = []
        if self.missing:
            told.append(f"this SAS lacks {', '.join(self.missing)}")
        first, last = KNOWN_RELEASES
        if self.release is not None and not first <= self.release[0] <= last:
            found = ".".join(str(part) for part in self.release)
            told.append(f"SAS {found} is not among {first} to {last}, whose parameters are known: some may differ")
        return tuple(told)


def find_sas(environment: Mapping[str, str], tasks: Iterable[str]) -> SasInstallation | None:
    """Look for a SAS on the PATH of an environment; None where there is none at all."""
    path = environment.get("PATH", "")
    names = sorted(set(tasks))
    missing = tuple(name for name in names if shutil.which(name, path=path) is None)
    if len(missing) == len(names):
        return None
    asked = shutil.which("sasversion", path=path)
    text = ""
    if asked is not None:
        try:
            text = subprocess.run(  # noqa: S603 - the user's SAS
                [asked], env=dict(environment), capture_output=True, text=True, timeout=60, check=False
            ).stdout
        except (OSError, subprocess.TimeoutExpired):
            text = ""
    line = next((one.strip() for one in text.splitlines() if "release" in one.lower()), "")
    number = _RELEASE.search(text)
    release = (int(number[1]), int(number[2])) if number is not None else None
    return SasInstallation(line or "SAS of unknown version", release, missing)


class SasEngine:
    """Runs the tasks of the SAS on PATH.

    Parameters
    ----------
    folder : pathlib.Path
        The work folder: the current one of the tasks.
    environment : mapping, optional
        Their environment variables; those of this process when not given.
    keep_open : sequence of int
        File descriptors that the supervisors inherit (the work folder's lock).
    timeout : float
        Seconds after which a task is stopped.
    """

    name = "sas"

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        keep_open: Sequence[int] = (),
        timeout: float = USUAL_TIMEOUT,
    ) -> None:
        self._folder = folder
        self._environment = dict(os.environ if environment is None else environment)
        self._keep_open = tuple(keep_open)
        self._timeout = timeout
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def run(self, calls: Sequence[TaskCall]) -> list[CallResult]:
        """Run the calls one after the other."""
        return [self._run_one(call) for call in calls]

    def close(self) -> None:
        """Stop what is running and wait for its end."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for supervisor in running:
            if supervisor.stdin is not None and not supervisor.stdin.closed:
                supervisor.stdin.close()
        for supervisor in running:
            try:
                supervisor.wait(_STOP_PATIENCE)
            except subprocess.TimeoutExpired:
                supervisor.kill()
                supervisor.wait()

    def _run_one(self, call: TaskCall) -> CallResult:
        begin = time.perf_counter()
        try:
            words, outputs = command_of(call)
        except TaskError as error:
            return CallResult(error=(error.code, error.text))
        with tempfile.TemporaryDirectory() as spare:
            log = self._folder / call.log if call.log else Path(spare) / "log"
            return self._called(call, words, outputs, log, begin)

    def _called(self, call: TaskCall, words: list[str], outputs: list[str], log: Path, begin: float) -> CallResult:
        """Run the command of a call and judge what became of it."""
        before = {name: _stamp(self._folder / name) for name in outputs}
        answer = self._supervised([call.task, *words], log)
        seconds = time.perf_counter() - begin
        errors, warnings = messages(log)
        failure = self._failure(call.task, answer, errors, outputs, before)
        if failure is not None:
            self._remove_new(outputs, before)
            return CallResult(error=failure, warnings=tuple(warnings), seconds=seconds)
        rows = max((_rows(self._folder / name) for name in outputs), default=1)  # where no file is named, it worked
        made = tuple(Path(name) for name in outputs)
        return CallResult(Outcome(made, rows_out=rows, facts={"engine": "sas"}), None, tuple(warnings), seconds)

    def _supervised(self, command: list[str], log: Path) -> str:
        """Run a command under the supervisor; how it ended."""
        script = Path(__file__).with_name("supervise.py")
        with self._lock:
            if self._closed:
                return "stopped"
            supervisor = subprocess.Popen(  # noqa: S603 - the user's SAS
                [sys.executable, "-I", "-S", str(script), str(log), f"{self._timeout:g}", *command],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self._folder, env=self._environment,
                pass_fds=self._keep_open, start_new_session=True,
            )  # fmt: skip
            self._running.add(supervisor)
        assert supervisor.stdout is not None
        assert supervisor.stdin is not None
        answer = supervisor.stdout.readline().decode(errors="replace").strip()
        supervisor.wait()
        with self._lock:
            self._running.discard(supervisor)
        supervisor.stdout.close()
        if not supervisor.stdin.closed:
            supervisor.stdin.close()
        return answer or "stopped"

    def _failure(
        self,
        task: str,
        answer: str,
        errors: list[tuple[str, str]],
        outputs: Sequence[str],
        before: Mapping[str, tuple[int, int] | None],
    ) -> tuple[str, str] | None:
        """Name and sentence of what went wrong; None when nothing did."""
        word, _, rest = answer.partition(" ")
        if word == "stopped":
            return "Stopped", "the run was stopped"
        if word == "missing":
            return "NotFound", f"{task} cannot be started ({rest}); is SAS on PATH?"
        if word == "timeout":
            return "Timeout", f"{task} did not end within {self._timeout:g} s and was stopped"
        if errors:
            return errors[0]
        status = int(rest)
        if status < 0:
            return "Crash", f"{task} crashed (signal {-status})"
        if status > 0:
            return "ExitStatus", f"{task} ended with status {status} and did not say why; see its log"
        for name in outputs:
            stamp = _stamp(self._folder / name)
            if stamp is None:
                return "NoFile", f"{task} ended without an error, but {name} is missing"
            if stamp == before[name]:
                return "OldFile", f"{task} ended without an error, but did not write {name}"
            try:
                with FitsFile(self._folder / name):
                    pass
            except FileProblem as problem:
                return "BadFile", f"{task} left a damaged file: {problem}"
        return None

    def _remove_new(self, outputs: Sequence[str], before: Mapping[str, tuple[int, int] | None]) -> None:
        """Remove what a task that failed has begun to write."""
        for name in outputs:
            path = self._folder / name
            if path.is_file() and _stamp(path) != before[name]:
                path.unlink(missing_ok=True)


def command_of(call: TaskCall) -> tuple[list[str], list[str]]:
    """Words of a task's command line, and the FITS files that it is told to write.

    Raises
    ------
    TaskError
        When the parameters are wrong.
    """
    task = find_task(call.task)
    parameters = task.parameters.from_values(call.values)
    infos = {info.name: info for info in task.parameters.describe()}
    words, outputs = [], []
    for name in call.values:
        info = infos[name]
        checked = getattr(parameters, name)
        words.append(f"{name}={_spelled(checked)}")
        if not info.writes or not all(getattr(parameters, parent, True) for parent in info.parents):
            continue
        named = checked if isinstance(checked, tuple) else (checked,)
        outputs += [str(one).split(":")[0] for one in named if str(one) and _is_fits_name(str(one))]
    return words, outputs


def _spelled(value: Any) -> str:
    """Spell a value as one argument: lists with quotes around items that hold blanks."""
    if isinstance(value, tuple):
        return " ".join(f'"{item}"' if " " in str(item) else str(item) for item in value)
    return quoted(value) if isinstance(value, bool | float) else str(value)


def _is_fits_name(name: str) -> bool:
    return Path(name.split(":")[0]).suffix.lower() in {".fits", ".fit", ".ds", ".cif", ".ftz", ".gz"}


def messages(log: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """Errors (name and sentence) and warnings in what a SAS task has said."""
    errors, warnings = [], []
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return [], []
    for line in lines:
        found = _MESSAGE.match(line.strip())
        if found is None:
            continue
        if found[2].lower() == "warning":
            warnings.append(found[4].strip() or found[3])
        else:
            errors.append((found[3], found[4].strip() or found[3]))
    return errors, warnings


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino


def _rows(path: Path) -> int:
    """Rows of the first table of a file, or its sources; 1 for an image."""
    with FitsFile(path) as file:
        tables: list[Any] = [hdu for hdu in file.hdus if hdu.is_table]
    if tables and tables[0].name == "SRCLIST" and "ID_INST" in {str(v) for v in tables[0].values.values()}:
        return len(read_source_list(str(path)).rows())
    return int(tables[0].value("NAXIS2", 0)) if tables else 1
