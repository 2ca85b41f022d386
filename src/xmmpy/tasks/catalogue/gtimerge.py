"""gtimerge: join tables of good time intervals."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from xmmpy.products.gti import intervals_of
from xmmpy.products.tables import read_table
from xmmpy.tasks.gtifiles import check_gti_output, write_gti
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Switch, TableName, TaskParameters, Text, TextList, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session

if TYPE_CHECKING:
    from pathlib import Path

    from xmmpy.products.intervals import Intervals

_BAR = 50  # characters of a line of intervals in the terminal
_NAME = 24


class GtimergeParameters(TaskParameters):
    """Join tables of good time intervals: the time in all of them, or in any of them."""

    tables: TextList = parameter(help="tables of good time intervals (file or file:EXTENSION)")
    withgtitable: Switch = parameter(False, help="write the result")
    gtitable: TableName = parameter(
        "gti.fits", parent="withgtitable", writes=True, help="table to write: file, or file:TABLE to add it to a file"
    )
    mergemode: Text = parameter(
        "and", choices=("and", "or"), help="keep the time that is in all tables, or in any of them"
    )
    plotmergeresult: Switch = parameter(False, help="draw the tables and the result as lines of text")


def run(p: GtimergeParameters, session: Session) -> Outcome:
    """Join the tables and write the result."""
    if not p.tables:
        raise TaskError("NoGtiTables", "no table is given; name them in tables='one.fits:STDGTI two.fits'")
    if p.withgtitable:
        check_gti_output(p.gtitable, session)
    tables = [read_table(spec) for spec in p.tables]
    parts = [intervals_of(table) for table in tables]
    for spec, part in zip(p.tables, parts, strict=True):
        if not len(part):
            effect = "so is the result" if p.mergemode == "and" else "it adds nothing"
            session.warn("EmptyGtiTable", f"{spec} holds no interval: {effect}")
    merged = reduce(lambda one, two: one.intersect(two) if p.mergemode == "and" else one.unite(two), parts)
    if p.plotmergeresult:
        for line in _drawing(dict(zip(p.tables, parts, strict=True)), merged):
            session.say(line, level=1)
    outputs: tuple[Path, ...] = ()
    if p.withgtitable:
        outputs = (write_gti(p.gtitable, merged, session, p, times=tables[0].header),)
    session.say(f"{len(merged)} intervals, {merged.total:.1f} s", level=3)
    return Outcome(
        outputs=outputs,
        rows_in=sum(len(part) for part in parts),
        rows_out=len(merged),
        facts={"intervals": len(merged), "ontime": merged.total, "empty": not len(merged)},
    )


def _drawing(parts: dict[str, Intervals], merged: Intervals) -> list[str]:
    """Draw the intervals of each table and the result, one line each, over their common time."""
    from xmmpy.flares.textplot import interval_bar

    filled = [part for part in parts.values() if len(part)]
    if not filled:
        return ["no table holds an interval"]
    low = min(float(part.start[0]) for part in filled)
    high = max(float(part.stop[-1]) for part in filled)
    lines = [
        f"{name[-_NAME:]:>{_NAME}} |{interval_bar(part, low, high, _BAR)}|"
        for name, part in [*parts.items(), ("result", merged)]
    ]
    return [*lines, f"{'':>{_NAME}}  {low:.1f} s to {high:.1f} s"]


TASK = Task(name="gtimerge", parameters=GtimergeParameters, run=run)
