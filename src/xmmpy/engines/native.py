"""The native engine: the tasks of this package, in worker processes.

Processes and not threads, for two reasons. The tasks name files relative to the current folder, as a user
in the work folder would, so that their lines can be repeated and the products do not depend on where the
folder is; and a process has one current folder. And the part of a task that is Python (headers, parsing,
writing) would keep the threads of the other cameras waiting.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from xmmpy.engines.calls import CallResult, TaskCall, result_from_json
from xmmpy.products.errors import FileProblem
from xmmpy.tasks.messages import TaskError, error_line
from xmmpy.tasks.registry import Task, find_task
from xmmpy.tasks.session import Environment, Outcome, Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOG_VERBOSITY = 8
_STOP_PATIENCE = 2.0  # s a worker gets to end by itself


def run_calls(calls: Sequence[TaskCall], environment: Environment, *, terminal: bool = False) -> list[CallResult]:
    """Run calls that belong together in this process and in one pass where their task can.

    Parameters
    ----------
    calls : sequence of TaskCall
        One call of any task, or several that `belong_together` has put into one group.
    environment : Environment
        What the surroundings ask for.
    terminal : bool
        Whether the tasks talk to the terminal; else they talk to the log of each call.

    Returns
    -------
    list of CallResult
        One for each call. No exception leaves: what a task did not expect is told as one sentence, and
        its traceback goes to the log.
    """
    with ExitStack() as stack:
        sessions = []
        for call in calls:
            if terminal:
                sessions.append(Session.for_terminal(call.task, environment))
                continue
            stream = stack.enter_context(_open_log(call.log))
            sessions.append(Session(call.task, replace(environment, verbosity=LOG_VERBOSITY), stream, stream))
        begin = time.perf_counter()
        endings = _run(calls, sessions)
        seconds = (time.perf_counter() - begin) / max(len(calls), 1)
        results = []
        for session, ending in zip(sessions, endings, strict=True):
            warnings = tuple(text for _, text in session.warnings)
            if isinstance(ending, TaskError):
                if session.err is not None:
                    print(error_line(session.task, ending.code, ending.text), file=session.err)
                results.append(CallResult(None, (ending.code, ending.text), warnings, seconds))
            else:
                session.say("done")
                results.append(CallResult(ending, None, warnings, seconds))
        return results


def _run(calls: Sequence[TaskCall], sessions: Sequence[Session]) -> list[Outcome | TaskError]:
    if len(calls) == 1:
        return [_run_alone(calls[0], sessions[0])]
    try:
        task = find_task(calls[0].task)
        parameters = [task.parameters.from_values(call.values) for call in calls]
    except TaskError as error:
        return [error for _ in calls]
    if task.run_together is None:
        return [_run_alone(call, session) for call, session in zip(calls, sessions, strict=True)]
    for given, session in zip(parameters, sessions, strict=True):
        session.say(f"Executing (routine): {given.task_line(task.name)}")
    try:
        return list(task.run_together(list(zip(parameters, sessions, strict=True))))
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the other cameras
        failure = as_task_error(error, sessions[0])
        return [failure for _ in calls]


def _run_alone(call: TaskCall, session: Session) -> Outcome | TaskError:
    try:
        task: Task = find_task(call.task)
        return task.execute(call.values, session)
    except Exception as error:  # noqa: BLE001 - as above
        return as_task_error(error, session)


def as_task_error(error: Exception, session: Session) -> TaskError:
    """Put any exception into one sentence; the traceback of an unexpected one goes to the session's log."""
    if isinstance(error, TaskError):
        return error
    if isinstance(error, FileProblem):
        return TaskError("FileIo", str(error))
    import traceback

    trace = "".join(traceback.format_exception(error))
    session.log.append(trace)
    if session.out is not None and session.environment.verbosity >= LOG_VERBOSITY:
        session.out.write(trace)
    if isinstance(error, OSError) and error.strerror:
        where = f" '{error.filename}'" if error.filename else ""
        return TaskError("FileIo", f"{error.strerror}{where}; check the folder, its permissions and space")
    if isinstance(error, MemoryError):
        return TaskError("NoMemory", "there is not enough memory; run fewer things at a time")
    what = " ".join(str(error).split()) or type(error).__name__
    return TaskError("Unexpected", f"an unexpected failure ({type(error).__name__}: {what}); -t shows where")


def _open_log(path: str) -> TextIO:
    return Path(path or os.devnull).open("w", encoding="utf-8", buffering=1)


class NativeEngine:
    """Runs the tasks of this package in worker processes, each of which does one group of calls at a time.

    Parameters
    ----------
    folder : pathlib.Path
        The work folder: the current one of the workers.
    environment : mapping, optional
        Their environment variables; those of this process when not given.
    keep_open : sequence of int
        File descriptors that the workers inherit: the work folder's lock, which thereby lasts until the
        last worker has ended, even where this process is killed.
    """

    name = "native"

    def __init__(
        self, folder: Path, environment: Mapping[str, str] | None = None, keep_open: Sequence[int] = ()
    ) -> None:
        self._folder = folder
        self._environment = dict(os.environ if environment is None else environment)
        self._keep_open = tuple(keep_open)
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._lock = threading.Lock()
        self._closed = False

    def run(self, calls: Sequence[TaskCall]) -> list[CallResult]:
        """Give the calls to an idle worker, or a new one, and wait for it."""
        with self._lock:
            if self._closed:
                return [CallResult(error=("Stopped", "the run was stopped")) for _ in calls]
            if self._idle:
                worker = self._idle.pop()
            else:
                worker = _Worker(self._folder, self._environment, self._keep_open)
                self._all.add(worker)
        try:
            results = worker.run(calls)
        except _WorkerEndedError as ended:
            with self._lock:
                self._all.discard(worker)
            worker.stop()
            return [CallResult(error=("WorkerEnded", str(ended))) for _ in calls]
        with self._lock:
            self._idle.append(worker)
        return results

    def close(self) -> None:
        """Stop the workers; those in the middle of a call leave nothing but a temporary file."""
        with self._lock:
            self._closed = True
            workers, self._all, self._idle = list(self._all), set(), []
        for worker in workers:
            worker.stop()


class _WorkerEndedError(Exception):
    """A worker ended before it had answered."""


class _Worker:
    """One worker process; requests and answers are lines of JSON."""

    def __init__(self, folder: Path, environment: Mapping[str, str], keep_open: Sequence[int]) -> None:
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop
        self._process = subprocess.Popen(
            [sys.executable, "-m", "xmmpy.engines.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            cwd=folder,
            env=dict(environment),
            pass_fds=tuple(keep_open),
            start_new_session=True,  # an interrupt at the keyboard is for the parent, which stops the workers
        )

    def run(self, calls: Sequence[TaskCall]) -> list[CallResult]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = [{"task": call.task, "values": _spelled(call.values), "log": call.log} for call in calls]
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = b""
        if not answer.endswith(b"\n"):
            raise _WorkerEndedError(self._why())
        return [result_from_json(result) for result in json.loads(answer)]

    def _why(self) -> str:
        try:
            status = self._process.wait(_STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            status = 0
        how = f"signal {-status}" if status < 0 else f"status {status}"
        if self._complaints.closed:
            return "the run was stopped"
        self._complaints.seek(0)
        last = self._complaints.read().decode(errors="replace").strip().splitlines()[-1:]
        return f"the process that ran it ended with {how}" + "".join(f" ({line.strip()})" for line in last)

    def stop(self) -> None:
        """End the process and wait for its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()  # the worker ends when nobody can ask any more
        try:
            self._process.wait(_STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._complaints.close()


def _spelled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
