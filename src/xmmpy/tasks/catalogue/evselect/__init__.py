"""evselect: select rows of an event list, make images, spectra, rate curves and histograms of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from xmmpy.products.errors import FileProblem
from xmmpy.products.files import split_block
from xmmpy.products.tables import map_chunks
from xmmpy.tasks.catalogue.evselect.parameters import EvselectParameters
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xmmpy.products.tables import Chunk
    from xmmpy.tasks.catalogue.evselect.call import Call, Examined
    from xmmpy.tasks.catalogue.evselect.source import EventSource
    from xmmpy.tasks.session import Outcome, Session

#: Threads that share a pass; more wait for the one that writes.
_MOST_THREADS = 4


def run(parameters: EvselectParameters, session: Session) -> Outcome:
    """Do one call.

    Raises
    ------
    TaskError
        When it cannot be done.
    """
    (result,) = run_together([(parameters, session)])
    if isinstance(result, TaskError):
        raise result
    return result


def run_together(calls: Sequence[tuple[EvselectParameters, Session]]) -> list[Outcome | TaskError]:
    """Do several calls on one table in one pass over it.

    Parameters
    ----------
    calls : sequence of (EvselectParameters, Session)
        Calls with the same table.

    Returns
    -------
    list of Outcome or TaskError
        For each call what it made, or why it could not.
    """
    from xmmpy.tasks.catalogue.evselect.call import Call
    from xmmpy.tasks.catalogue.evselect.source import EventSource

    results: dict[int, Outcome | TaskError] = {}
    try:
        source = EventSource(calls[0][0].table, long_lived=any(session.long_lived for _, session in calls))
    except FileProblem as problem:
        return [TaskError("FileIo", str(problem)) for _ in calls]
    with source:
        running: dict[int, Call] = {}
        try:
            for number, (parameters, session) in enumerate(calls):
                try:
                    running[number] = Call(source, parameters, session)
                except (TaskError, FileProblem, OSError) as problem:
                    results[number] = _task_error(problem)
            _pass_over(source, running, results)
        except BaseException:
            for call in running.values():
                call.abandon()
            raise
    return [results[number] for number in range(len(calls))]


def _pass_over(source: EventSource, running: dict[int, Call], results: dict[int, Outcome | TaskError]) -> None:
    from xmmpy.tasks.catalogue.evselect.selected import SharedWork

    def stop(number: int, error: TaskError) -> None:
        running.pop(number).abandon()
        results[number] = error

    def examine(chunk: Chunk) -> list[Examined]:
        work = SharedWork(chunk)
        return [call.examine(work) for call in calls]

    calls = list(running.values())
    workers = min(_MOST_THREADS, os.cpu_count() or 1)
    try:
        if calls:
            columns = {name for call in calls for name in call.columns}
            chunks = map_chunks(
                source.file, source.hdu, source.layout, examine, workers, compiled=source.compiled, columns=columns
            )
            for found in chunks:
                for call, examined in zip(calls, found, strict=True):
                    call.absorb(examined)
    except (TaskError, FileProblem, OSError) as problem:
        for number in list(running):
            stop(number, _task_error(problem))
    for number, call in list(running.items()):
        try:
            results[number] = call.finish()
        except (TaskError, FileProblem, OSError) as problem:
            stop(number, _task_error(problem))


def _task_error(problem: TaskError | FileProblem | OSError) -> TaskError:
    """Say for the user why a call could not be done."""
    if isinstance(problem, TaskError):
        return problem
    if isinstance(problem, FileProblem):
        return TaskError("FileIo", str(problem))
    return TaskError("FileIo", f"cannot write to the disk ({problem.strerror or problem}); check the free space")


def _table_file(parameters: EvselectParameters) -> str:
    """What calls must share to be done together: the table."""
    path, block = split_block(parameters.table)
    return f"{os.path.realpath(path)}:{block.upper()}"


TASK = Task("evselect", EvselectParameters, run, share=_table_file, run_together=run_together)
