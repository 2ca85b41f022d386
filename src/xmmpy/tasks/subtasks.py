"""Tasks that call other tasks: several at once in threads, the messages in order, failures told with their source."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xmmpy.tasks.session import Outcome, Session


@dataclass(frozen=True, slots=True)
class SubCall:
    """A call of another task: its name and the values of its parameters."""

    task: str
    values: Mapping[str, Any]


def run_subtasks(calls: Sequence[SubCall], session: Session, workers: int = 1) -> list[Outcome]:
    """Run calls that do not wait for each other.

    Parameters
    ----------
    calls : sequence of SubCall
        What to run.
    session : Session
        That of the calling task; it gets messages and warnings in the order of the calls.
    workers : int
        Threads.

    Returns
    -------
    list of Outcome
        For each call.

    Raises
    ------
    TaskError
        The first failure in the order of the calls, with the name of the task that failed before its sentence.
        Calls that have begun are brought to their end.
    """
    tasks = [find_task(call.task) for call in calls]  # imports are not for threads
    sessions = [_session(call.task, session) for call in calls]

    def one(number: int) -> Outcome | TaskError:
        try:
            return tasks[number].execute(calls[number].values, sessions[number])
        except TaskError as error:
            return error

    if workers < 2 or len(calls) < 2:
        results = []
        for number in range(len(calls)):
            results.append(one(number))
            if isinstance(results[-1], TaskError):
                break
    else:
        with ThreadPoolExecutor(min(workers, len(calls)), thread_name_prefix="subtask") as pool:
            results = list(pool.map(one, range(len(calls))))
    outcomes = []
    for call, inner, result in zip(calls, sessions, results, strict=False):
        _hand_over(inner, session)
        if isinstance(result, TaskError):
            raise TaskError(result.code, f"{call.task}: {result.text}")
        outcomes.append(result)
    return outcomes


def _session(task: str, session: Session) -> Session:
    """Session of a call, which keeps what it says for later."""
    return replace(
        session, task=task, warnings=[], log=[], long_lived=True,
        out=None if session.out is None else io.StringIO(), err=None if session.err is None else io.StringIO(),
    )  # fmt: skip


def _hand_over(inner: Session, session: Session) -> None:
    """Say what a call has said."""
    session.log.extend(inner.log)
    session.warnings.extend(warning for warning in inner.warnings if warning not in session.warnings)
    for said, target in ((inner.out, session.out), (inner.err, session.err)):
        if isinstance(said, io.StringIO) and target is not None:
            target.write(said.getvalue())
            target.flush()
