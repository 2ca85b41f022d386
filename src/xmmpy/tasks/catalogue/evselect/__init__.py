"""evselect: select rows of an event list, make images, spectra, rate curves and histograms of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from xmmpy.products.errors import FileProblem
from xmmpy.products.files import split_block
from xmmpy.products.tables import iterate_chunks
from xmmpy.tasks.catalogue.evselect.parameters import EvselectParameters
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xmmpy.tasks.catalogue.evselect.call import Call
    from xmmpy.tasks.session import Outcome, Session

#: Rows handled at a time: a few MB, which stay in the processor's cache.
ROWS_PER_CHUNK = 1 << 16


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
        source = EventSource(calls[0][0].table)
    except FileProblem as problem:
        return [TaskError("FileIo", str(problem)) for _ in calls]
    with source:
        running: dict[int, Call] = {}
        for number, (parameters, session) in enumerate(calls):
            try:
                running[number] = Call(source, parameters, session)
            except FileProblem as problem:
                results[number] = TaskError("FileIo", str(problem))
            except TaskError as error:
                results[number] = error
        try:
            _pass_over(source, running, results)
        except BaseException:
            for call in running.values():
                call.abandon()
            raise
    return [results[number] for number in range(len(calls))]


def _pass_over(source: object, running: dict[int, Call], results: dict[int, Outcome | TaskError]) -> None:
    from xmmpy.tasks.catalogue.evselect.selected import SharedWork
    from xmmpy.tasks.catalogue.evselect.source import EventSource

    assert isinstance(source, EventSource)

    def stop(number: int, error: TaskError) -> None:
        running.pop(number).abandon()
        results[number] = error

    try:
        for chunk in iterate_chunks(source.file, source.hdu, source.layout, ROWS_PER_CHUNK):
            work = SharedWork(chunk)
            for number, call in list(running.items()):
                try:
                    call.take(work)
                except TaskError as error:
                    stop(number, error)
            if not running:
                break
    except FileProblem as problem:
        for number in list(running):
            stop(number, TaskError("FileIo", str(problem)))
    for number, call in list(running.items()):
        try:
            results[number] = call.finish()
        except TaskError as error:
            stop(number, error)
        except FileProblem as problem:
            stop(number, TaskError("FileIo", str(problem)))


def _table_file(parameters: EvselectParameters) -> str:
    """What calls must share to be done together: the table."""
    path, block = split_block(parameters.table)
    return f"{os.path.realpath(path)}:{block.upper()}"


TASK = Task("evselect", EvselectParameters, run, share=_table_file, run_together=run_together)
