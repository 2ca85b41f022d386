"""tabgtigen: make good time intervals from the rows of a table that pass an expression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.flares.rows import rows_to_intervals
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile, split_block
from xmmpy.products.tables import iterate_chunks, table_layout
from xmmpy.tasks.gtifiles import check_gti_output, write_gti
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import ColumnName, Expression, Real, TableName, TaskParameters, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Cut, Outcome, Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from xmmpy.products.files import Hdu
    from xmmpy.products.tables import Column, TableLayout
    from xmmpy.selection import Selection

_WIDTH = "TIMEDEL"  # keyword or column: the time that a row stands for


class TabgtigenParameters(TaskParameters):
    """Make good time intervals from the rows of a table that pass an expression."""

    table: TableName = parameter(help="table to read (file or file:EXTENSION): a rate curve, attitude, ...")
    gtiset: TableName = parameter("gti.fits", writes=True, help="table to write: file, or file:TABLE of a file")
    expression: Expression = parameter(help="which rows are good, such as RATE<=0.4")
    timecolumn: ColumnName = parameter("TIME", help="column with the times")
    prefraction: Real = parameter(
        0.5, minimum=-1.0, maximum=1.0, help="part of the step before the first row that an interval takes in"
    )
    postfraction: Real = parameter(
        0.5, minimum=-1.0, maximum=1.0, help="part of the step behind the last row that an interval takes in"
    )
    mingtisize: Real = parameter(0.0, unit="s", minimum=0.0, help="shorter intervals are dropped")
    maxgapsize: Real = parameter(0.0, unit="s", minimum=0.0, help="gaps up to this length are closed first")


def run(p: TabgtigenParameters, session: Session) -> Outcome:
    """Read the table, write the intervals."""
    check_gti_output(p.gtiset, session)
    path, block = split_block(p.table)
    with FitsFile(path) as file:
        hdu = file.find(block)
        layout = table_layout(hdu)
        time_column = _column_of_numbers(hdu, layout, p.timecolumn)
        selection = _compile(p.expression, file, hdu, layout)
        times, good, width = _read(file, hdu, layout, selection, time_column)
        header = hdu.header
    if not np.isfinite(times).any():
        problem = f"has no row with a time in {p.timecolumn} of {hdu.name}"
        session.warn("EmptyInput", f"{path} {problem}: there is no good time")
    intervals = rows_to_intervals(times, good, p.prefraction, p.postfraction, width)
    joined = type(intervals).of(intervals.start, intervals.stop, p.maxgapsize)
    kept = joined.longer_than(p.mingtisize)
    dropped = max(joined.total - kept.total, 0.0)
    if not len(kept):
        session.warn("EmptyGtiTable", f"no time of {p.table} passes '{p.expression}': the GTI table is empty")
    output = write_gti(
        p.gtiset, kept, session, p, times=header,
        extra={
            "MINGTISZ": (p.mingtisize, "[s] minimum allowed GTI length"),
            "SUMSHORT": (dropped, "[s] sum of all GTIs shorter than MINGTISZ"),
        },
    )  # fmt: skip
    passed = int(np.count_nonzero(good))
    session.say(f"{passed} of {good.size} rows: {len(kept)} intervals, {kept.total:.1f} s", level=3)
    return Outcome(
        outputs=(output,),
        rows_in=int(good.size),
        rows_out=passed,
        cuts=(Cut(p.expression, passed),),
        facts={"intervals": len(kept), "ontime": kept.total, "dropped": dropped, "empty": not len(kept)},
    )


def _column_of_numbers(hdu: Hdu, layout: TableLayout, name: str) -> Column:
    """Find the column of times.

    Raises
    ------
    FileProblem
        When there is none of that name, or it does not hold one number a row.
    """
    column = layout.find(name)
    if column is None:
        known = ", ".join(column.name for column in layout.columns)
        advice = f"set timecolumn to one of {known}"
        raise FileProblem(hdu.path, f"has no column {name} in {hdu.name}", advice)
    if column.dtype.shape or column.native_dtype.kind not in "iuf":
        problem = f"has no number a row in column {column.name} of {hdu.name}"
        raise FileProblem(hdu.path, problem, "set timecolumn to a column of times")
    return column


def _compile(expression: str, file: FitsFile, hdu: Hdu, layout: TableLayout) -> Selection:
    """Turn the expression into a test of the table's rows."""
    from xmmpy.selection import SelectionError, TableSchema, compile_selection, parse, resolve
    from xmmpy.tasks.blockfiles import TaskBlockFiles

    schema = TableSchema(
        columns={column.name: column.native_dtype for column in layout.columns},
        nulls={column.name: column.null for column in layout.columns if column.null is not None},
    )
    attributes: dict[str, Any] = {**_keywords(file.hdus[0]), **_keywords(hdu)}
    try:
        resolved = resolve(parse(expression.strip() or "true"), attributes)
        selection = compile_selection(resolved, schema, TaskBlockFiles(file.path))
    except SelectionError as error:
        raise TaskError("BadExpression", f"for {file.path}: {error}") from None
    for name in selection.columns:
        column = layout.find(name)
        if column is not None and column.dtype.shape:
            problem = f"'{expression}' uses {name}, which holds more than one value a row"
            raise TaskError("BadExpression", problem)
    return selection


def _keywords(hdu: Hdu) -> Mapping[str, Any]:
    """Keywords with a value that an expression can use."""
    return {key: value for key in hdu.header if isinstance(value := hdu.value(key), bool | int | float | str)}


def _read(
    file: FitsFile, hdu: Hdu, layout: TableLayout, selection: Selection, time_column: Column
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64] | float | None]:
    """Read the times, which rows pass, and the time that a row stands for where the table says so."""
    width_column = layout.find(_WIDTH)
    if width_column is not None and (width_column.dtype.shape or width_column.native_dtype.kind not in "iuf"):
        width_column = None
    times, good, widths = [np.empty(0)], [np.empty(0, bool)], [np.empty(0)]
    for chunk in iterate_chunks(file, hdu, layout):
        columns = {name: chunk[name] for name in selection.columns}
        good.append(selection(columns, chunk.first_row, len(chunk)))
        moments = chunk[time_column.name].astype(np.float64)
        if time_column.null is not None and not time_column.scaled:
            moments[chunk[time_column.name] == time_column.null] = np.nan
        times.append(moments)
        if width_column is not None:
            widths.append(chunk[width_column.name].astype(np.float64))
    all_times, all_good = np.concatenate(times), np.concatenate(good)
    if width_column is not None:
        column_of_widths = np.concatenate(widths)
        usable = bool(np.all(np.isfinite(column_of_widths) & (column_of_widths > 0)))
        return all_times, all_good, column_of_widths if usable else None
    keyword = hdu.value(_WIDTH)
    stated = isinstance(keyword, int | float) and not isinstance(keyword, bool) and 0 < keyword < np.inf
    return all_times, all_good, float(keyword) if stated else None


TASK = Task(name="tabgtigen", parameters=TabgtigenParameters, run=run)
