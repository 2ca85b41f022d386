"""gtibuild: make good time intervals from a text that describes good and bad time."""

from __future__ import annotations

from pathlib import Path

from xmmpy.flares.timeline import ETERNITY, TimelineProblem, read_timeline
from xmmpy.products.errors import FileProblem
from xmmpy.selection.literals import mission_time
from xmmpy.tasks.gtifiles import check_gti_output, write_gti
from xmmpy.tasks.parameters import Dataset, TableName, TaskParameters, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session

_LARGEST = 64 << 20  # bytes; a description is written by hand or by a script, not a table


class GtibuildParameters(TaskParameters):
    """Make good time intervals from a text that describes good and bad time."""

    file: Dataset = parameter(help="the text: lines of start, stop and an operator (+ - +g +b -g -b)", writes=False)
    table: TableName = parameter(
        "gti.fits", writes=True, help="table to write: file, or file:TABLE to add it to a file"
    )


def run(p: GtibuildParameters, session: Session) -> Outcome:
    """Read the description and write the table."""
    check_gti_output(p.table, session)
    text = _read(p.file)
    try:
        intervals = read_timeline(text, mission_time)
    except TimelineProblem as problem:
        raise FileProblem(p.file, f"is no description of good time: {problem}", "mend that line") from None
    if not len(intervals):
        session.warn("EmptyGtiTable", f"{p.file} leaves no good time: the table is empty")
    elif intervals.stop[-1] >= ETERNITY:
        session.say(f"the last interval has no end: its STOP is {ETERNITY:g}", level=3)
    path = write_gti(p.table, intervals, session, p)
    session.say(f"{len(intervals)} intervals, {intervals.total:.1f} s", level=3)
    return Outcome(
        outputs=(path,),
        rows_in=len(text.splitlines()),
        rows_out=len(intervals),
        facts={"intervals": len(intervals), "ontime": intervals.total, "empty": not len(intervals)},
    )


def _read(name: str) -> str:
    advice = "give a text of lines 'start stop [+|-]'"
    try:
        raw = Path(name).read_bytes() if Path(name).stat().st_size <= _LARGEST else None
    except OSError as error:
        raise FileProblem(name, f"cannot be read ({error.strerror or error})", advice) from None
    if raw is None:
        raise FileProblem(name, "is too long for a description of good time", advice)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise FileProblem(name, "is not a text", advice) from None


TASK = Task(name="gtibuild", parameters=GtibuildParameters, run=run)
