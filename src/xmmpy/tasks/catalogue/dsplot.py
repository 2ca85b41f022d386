"""dsplot: draw columns of a table, into a picture and on the terminal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from xmmpy.flares.textplot import ASCII, UNICODE, plot_values
from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import split_block
from xmmpy.products.gti import read_gti
from xmmpy.products.tables import SmallTable, read_table
from xmmpy.tasks.messages import TaskError, nearest
from xmmpy.tasks.parameters import (
    ColumnName,
    Dataset,
    Integer,
    Real,
    Switch,
    TableName,
    TaskParameters,
    Text,
    TextList,
    parameter,
)
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from xmmpy.products.intervals import Intervals

_FORMATS = {".png": "png", ".pdf": "pdf", ".svg": "svg", ".ps": "ps", ".eps": "eps"}
_CROWDED = 400  # points, from which on only lines are drawn
_TERMINAL = "-"  # as plotfile: draw on the terminal alone


class DsplotParameters(TaskParameters):
    """Draw columns of a table: a picture in a file, and a plot of characters in a terminal."""

    table: TableName = parameter(help="table to draw (file or file:EXTENSION)")
    plotfile: Dataset = parameter(
        "", help="picture to write (.png .pdf .svg .ps .eps); '-': none, only the terminal; empty: TABLE.png"
    )
    title: Text = parameter("", help="title; the table's name when empty")
    subtitle: Text = parameter("", help="second line of the title")
    withx: Switch = parameter(False, help="use the column x; else TIME, or the first column of numbers")
    x: ColumnName = parameter("", parent="withx", help="column of the horizontal axis")
    withoffsetx: Switch = parameter(False, help="count x from its first value")
    index: Switch = parameter(False, help="use the number of the row, from 0, for x")
    withxmin: Switch = parameter(False, help="set the left end of the axis")
    xmin: Real = parameter(0.0, parent="withxmin", help="left end of the axis")
    withxmax: Switch = parameter(False, help="set the right end of the axis")
    xmax: Real = parameter(0.0, parent="withxmax", help="right end of the axis")
    xlog: Switch = parameter(False, help="logarithmic horizontal axis")
    withy: Switch = parameter(False, help="draw the columns in y alone; else all columns of numbers")
    y: TextList = parameter((), parent="withy", help="columns to draw; with error bars: RATE.ERROR or RATE.LOWER.UPPER")
    withymin: Switch = parameter(False, help="set the lower end of the axis")
    ymin: Real = parameter(0.0, parent="withymin", help="lower end of the axis")
    withymax: Switch = parameter(False, help="set the upper end of the axis")
    ymax: Real = parameter(0.0, parent="withymax", help="upper end of the axis")
    ylog: Switch = parameter(False, help="logarithmic vertical axis")
    withgtiset: Switch = parameter(False, help="shade the intervals of gtiset")
    gtiset: TableName = parameter("", parent="withgtiset", help="good time intervals to shade")
    width: Integer = parameter(78, minimum=24, maximum=500, help="characters in a line of the text plot")
    height: Integer = parameter(18, minimum=6, maximum=200, help="lines of the text plot")


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One curve: values and the lengths of the error bars below and above them."""

    label: str
    values: NDArray[np.float64]
    errors: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """What is drawn: the x values with their label, the curves, the label of y, the shaded intervals."""

    x: NDArray[np.float64]
    x_label: str
    curves: tuple[Curve, ...]
    y_label: str
    shaded: Intervals | None


def run(p: DsplotParameters, session: Session) -> Outcome:
    """Draw the table."""
    target = None if p.plotfile == _TERMINAL else session.check_output(p.plotfile or _default_name(p.table))
    if target is not None and target.suffix.lower() not in _FORMATS:
        known = ", ".join(_FORMATS)
        raise TaskError("BadParameter", f"plotfile '{p.plotfile}' has none of the endings {known}")
    drawing = _collect(p, read_table(p.table))
    outputs: tuple[Path, ...] = ()
    if target is not None:
        _write(_picture(p, drawing), target)
        outputs = (target,)
        session.say(f"{target} written", level=3)
    text = _text(p, drawing, session.out)
    if session.out is not None and (target is None or _is_terminal(session.out)):
        session.out.write(text + "\n")
    rows = int(drawing.x.size)
    return Outcome(outputs=outputs, rows_in=rows, rows_out=rows, facts={} if outputs else {"text": text})


def _default_name(table: str) -> str:
    name = Path(split_block(table)[0]).name
    stem = re.sub(r"\.gz$", "", name, flags=re.IGNORECASE)
    return (Path(stem).stem or "plot") + ".png"


def _collect(p: DsplotParameters, table: SmallTable) -> Drawing:
    """Take what is to be drawn from the table."""
    numeric = [column.name for column in table.layout.columns if _can_be_drawn(table.column(column.name))]
    if not numeric:
        raise FileProblem(table.path, f"has no column of numbers in {table.name}", "name another table")
    x_name = "" if p.index else p.x if p.withx and p.x else _usual_x(numeric)
    wanted = p.y if p.withy and p.y else tuple(name for name in numeric if name.upper() != x_name.upper())
    if not wanted:
        only = f"{table.name} of {table.path} has only one column of numbers"
        raise TaskError("BadParameter", f"{only}; set index=yes")
    curves = tuple(_curve(table, name, numeric) for name in wanted)
    if x_name:
        x, x_label = _numbers(table, x_name, numeric), _label(table, x_name)
    else:
        x, x_label = np.arange(table.layout.rows, dtype=np.float64), "row"
    if not np.isfinite(x).any():
        problem = f"holds no finite value in {x_name or table.name}"
        raise FileProblem(table.path, problem, "there is nothing to draw")
    shaded = read_gti(p.gtiset) if p.withgtiset and p.gtiset else None
    if p.withoffsetx:
        zero = float(x[np.isfinite(x)][0])
        x, x_label = x - zero, f"{x_label} - {zero:.15g}"
        if shaded is not None:
            shaded = type(shaded)(shaded.start - zero, shaded.stop - zero)
    names = [name.split(".")[0] for name in wanted]
    units = {_unit(table, name) for name in names}
    y_label = _label(table, names[0]) if len(names) == 1 else units.pop() if len(units) == 1 else ""
    return Drawing(x, x_label, curves, y_label, shaded)


def _usual_x(numeric: list[str]) -> str:
    return next((name for name in numeric if name.upper() == "TIME"), numeric[0])


def _curve(table: SmallTable, wanted: str, numeric: list[str]) -> Curve:
    """Read ``COLUMN``, ``COLUMN.ERROR`` or ``COLUMN.LOWER.UPPER``."""
    parts = wanted.split(".")
    if len(parts) > 3 or not all(parts):
        forms = "COLUMN, COLUMN.ERROR or COLUMN.LOWER.UPPER"
        raise TaskError("BadParameter", f"'{wanted}' in y is not of the form {forms}")
    values = _numbers(table, parts[0], numeric)
    if len(parts) == 1:
        return Curve(wanted, values)
    low, high = (np.nan_to_num(np.abs(_numbers(table, name, numeric))) for name in (parts[1], parts[-1]))
    return Curve(parts[0], values, (low, high))


def _numbers(table: SmallTable, name: str, numeric: list[str]) -> NDArray[np.float64]:
    values = table.column(name)
    if name.upper() not in {known.upper() for known in numeric}:
        hint = nearest(name, numeric)
        where = f"{table.name} in {table.path}"
        raise TaskError("ColType", f"column {name} of {where} does not hold one number a row{hint}")
    if _is_logical(values):
        return np.where(values == b"T", 1.0, 0.0)
    numbers = values.astype(np.float64)
    column = table.layout.find(name)
    if column is not None and column.null is not None and not column.scaled:
        numbers[values == column.null] = np.nan
    return numbers


def _can_be_drawn(values: NDArray[Any]) -> bool:
    return values.ndim == 1 and (values.dtype.kind in "iufb" or _is_logical(values))


def _is_logical(values: NDArray[Any]) -> bool:
    """Tell whether a column holds FITS logicals: the bytes T, F or 0."""
    return values.ndim == 1 and values.dtype.str == "|S1" and bool(np.isin(values, (b"T", b"F", b"")).all())


def _label(table: SmallTable, name: str) -> str:
    unit = _unit(table, name)
    return f"{name} [{unit}]" if unit else name


def _unit(table: SmallTable, name: str) -> str:
    column = table.layout.find(name)
    return column.unit if column is not None else ""


def _picture(p: DsplotParameters, drawing: Drawing) -> Figure:
    """Draw without a display: the figure stands alone, on matplotlib's Agg canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 4.8), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if drawing.shaded is not None:
        for number, (start, stop) in enumerate(zip(drawing.shaded.start, drawing.shaded.stop, strict=True)):
            label = Path(split_block(p.gtiset)[0]).name if number == 0 else "_"
            axes.axvspan(start, stop, color="tab:green", alpha=0.15, linewidth=0, label=label)
    marker = "" if drawing.x.size > _CROWDED else "."
    for curve in drawing.curves:
        style: dict[str, Any] = {"lw": 0.8, "drawstyle": "steps-mid", "marker": marker, "markersize": 4}
        if curve.errors is None:
            axes.plot(drawing.x, curve.values, label=curve.label, **style)
        else:
            bars = np.stack(curve.errors)
            axes.errorbar(drawing.x, curve.values, bars, label=curve.label, elinewidth=0.6, **style)
    axes.set_xscale("log" if p.xlog else "linear")
    axes.set_yscale("log" if p.ylog else "linear")
    axes.set_xlim(p.xmin if p.withxmin else None, p.xmax if p.withxmax else None)
    axes.set_ylim(p.ymin if p.withymin else None, p.ymax if p.withymax else None)
    axes.set_xlabel(_plain(drawing.x_label))
    axes.set_ylabel(_plain(drawing.y_label))
    axes.grid(alpha=0.25)
    heading = "\n".join(line for line in (p.title or Path(p.table).name, p.subtitle) if line)
    axes.set_title(_plain(heading), fontsize=10)
    if len(drawing.curves) > 1 or drawing.shaded is not None:
        axes.legend(fontsize=8)
    return figure


def _plain(text: str) -> str:
    """Keep matplotlib from reading a dollar sign in a file's name as mathematics."""
    return text.replace("$", r"\$")


def _write(figure: Figure, target: Path) -> None:
    kind = _FORMATS[target.suffix.lower()]
    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind)
    try:
        with atomic_path(target) as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata)
    except OSError as error:
        problem = f"cannot be written ({error.strerror or error})"
        raise FileProblem(target, problem, "check the folder and the free space") from None


def _text(p: DsplotParameters, drawing: Drawing, out: TextIO | None) -> str:
    """Draw each curve as characters, one under the other."""
    marks = UNICODE if _speaks_unicode(out) else ASCII
    inside = np.ones(drawing.x.shape, bool)
    if p.withxmin:
        inside &= drawing.x >= p.xmin
    if p.withxmax:
        inside &= drawing.x <= p.xmax
    plots = []
    for curve in drawing.curves:
        chosen = inside.copy()
        if p.withymin:
            chosen &= curve.values >= p.ymin
        if p.withymax:
            chosen &= curve.values <= p.ymax
        labels = (drawing.x_label, curve.label if len(drawing.curves) > 1 else drawing.y_label)
        plots.append(
            plot_values(
                drawing.x[chosen], curve.values[chosen], p.width, p.height,
                logarithmic=p.ylog, labels=labels, marks=marks,
            )
        )  # fmt: skip
    return "\n".join(plots)


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def _speaks_unicode(stream: TextIO | None) -> bool:
    if stream is None:
        return True
    return (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "").startswith("utf")


TASK = Task(name="dsplot", parameters=DsplotParameters, run=run)
