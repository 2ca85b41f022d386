"""``xmmpy sources LIST``: print a source list, one row per source, and export it."""

from __future__ import annotations

import enum
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from xmmpy.products.history import Provenance
    from xmmpy.products.tableexport import ExportColumn

app = typer.Typer(add_completion=False)


class Layout(enum.StrEnum):
    """Names of the columns."""

    catalogue = "4xmm"
    sas = "sas"


class Format(enum.StrEnum):
    """Formats of the export."""

    fits = "fits"
    csv = "csv"
    vot = "vot"
    parquet = "parquet"


_SHOWN = {
    Layout.catalogue: (
        "IAUNAME", "RA", "DEC", "POSERR", "EP_8_DET_ML", "EP_8_RATE", "EP_8_RATE_ERR", "EP_8_FLUX", "EP_8_FLUX_ERR",
        "EP_HR2", "EP_HR3", "EP_EXTENT",
    ),
    Layout.sas: (
        "SRC_NUM", "RA", "DEC", "RADEC_ERR", "EP_DET_ML", "EP_TOT", "EP_TOT_ERR", "EP_TOT_FLUX", "ERR_EP_TOT_FLUX",
        "EP_HR2", "EP_HR3", "EP_EXTENT",
    ),
}  # fmt: skip
_LIKELIHOOD = {Layout.catalogue: "EP_8_DET_ML", Layout.sas: "EP_DET_ML"}


class _Refusal(Exception):
    """The call cannot be done as asked."""


@app.command()
def sources(
    file: Annotated[str, typer.Argument(metavar="LIST", help="List of srcmatch, emldetect or eboxdetect.")],
    output: Annotated[
        str, typer.Option("--output", "-o", help="Write all columns here: .fits .csv .vot .parquet")
    ] = "",
    form: Annotated[Format | None, typer.Option("--format", help="Format, whatever the ending of the file.")] = None,
    layout: Annotated[
        Layout, typer.Option("--layout", help="Names of the 4XMM catalogue, or of SAS.")
    ] = Layout.catalogue,
    columns: Annotated[str, typer.Option("--columns", help="Columns to print or write: A,B,C; 'all' for all.")] = "",
    sexagesimal: Annotated[bool, typer.Option("--sexagesimal", help="Positions as hours and degrees too.")] = False,
    min_det_ml: Annotated[float | None, typer.Option("--min-det-ml", help="Smallest detection likelihood.")] = None,
    select: Annotated[
        str, typer.Option("--select", help="Expression on the columns: 'EP_HR2>0 && EP_EXTENT==0'.")
    ] = "",
    sort: Annotated[str, typer.Option("--sort", help="Column to sort by.")] = "",
    descending: Annotated[bool, typer.Option("--descending", help="Sort the largest first.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=0, help="At most so many sources.")] = None,
    prefix: Annotated[str, typer.Option("--prefix", help="Acronym of the names of sources.")] = "XMMU",
) -> int:
    """Print a source list, one row per source, and write it for other programs."""
    from xmmpy.products.errors import FileProblem

    try:
        table = _table(file, layout, prefix, sexagesimal=sexagesimal)
        table = _filtered(table, layout, min_det_ml, select)
        table = _sorted(table, sort, descending=descending)
        if limit is not None:
            table = _take(table, slice(limit))
        if output:
            _export(output, form, _chosen(table, columns), file)
        else:
            _show(_chosen(table, columns or ",".join(_default(table, layout, sexagesimal=sexagesimal))))
    except (FileProblem, _Refusal) as problem:
        print(f"xmmpy sources: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _table(file: str, layout: Layout, prefix: str, *, sexagesimal: bool) -> list[ExportColumn]:
    from xmmpy.tasks.detection.sourcetable import read_source_table, table_columns

    sources = read_source_table(file)
    return table_columns(sources, "sas" if layout is Layout.sas else "4xmm", prefix, sexagesimal=sexagesimal)


def _find(table: Sequence[ExportColumn], name: str) -> ExportColumn:
    """Find a column by name, upper and lower case alike."""
    from xmmpy.tasks.messages import nearest

    for column in table:
        if column.name.upper() == name.upper():
            return column
    raise _Refusal(f"the list has no column '{name}'{nearest(name, [column.name for column in table])}")


def _take(table: list[ExportColumn], rows: slice | NDArray[np.bool_] | NDArray[np.intp]) -> list[ExportColumn]:
    from dataclasses import replace

    return [replace(column, values=column.values[rows]) for column in table]


def _filtered(table: list[ExportColumn], layout: Layout, min_det_ml: float | None, select: str) -> list[ExportColumn]:
    if min_det_ml is not None:
        table = _take(table, _find(table, _LIKELIHOOD[layout]).values >= min_det_ml)
    if select.strip():
        table = _take(table, _passing(table, select))
    return table


def _passing(table: list[ExportColumn], text: str) -> NDArray[np.bool_]:
    from xmmpy.selection import SelectionError, TableSchema, compile_selection, parse, resolve

    numbers = {column.name: column.values for column in table if column.values.dtype.kind in "fiub"}
    try:
        schema = TableSchema({name: values.dtype for name, values in numbers.items()})
        test = compile_selection(resolve(parse(text), {}), schema)
    except SelectionError as error:
        raise _Refusal(f"--select: {error}") from None
    return test(numbers, count=len(table[0].values))


def _sorted(table: list[ExportColumn], name: str, *, descending: bool) -> list[ExportColumn]:
    """Sort by a column; sources without a value come last."""
    import numpy as np

    if not name:
        return table
    values = _find(table, name).values
    order = np.argsort(values, kind="stable")
    if descending:
        order = order[::-1]
    if values.dtype.kind == "f":
        known = ~np.isnan(values[order])
        order = np.concatenate([order[known], order[~known]])
    return _take(table, order)


def _default(table: Sequence[ExportColumn], layout: Layout, *, sexagesimal: bool) -> list[str]:
    there = {column.name for column in table}
    texts = {"RA": "RA_HMS", "DEC": "DEC_DMS"} if sexagesimal else {}
    return [name for name in (texts.get(name, name) for name in _SHOWN[layout]) if name in there]


def _chosen(table: list[ExportColumn], names: str) -> list[ExportColumn]:
    wanted = [name for name in names.replace(",", " ").split() if name]
    if not wanted or [name.lower() for name in wanted] == ["all"]:
        return table
    return [_find(table, name) for name in wanted]


def _export(output: str, form: Format | None, table: list[ExportColumn], source: str) -> None:
    from pathlib import Path

    from xmmpy.products.tableexport import export_table, format_of

    path = Path(output)
    kind = format_of(path, form.value if form else "")
    if not path.parent.is_dir():
        raise _Refusal(f"cannot write '{path}': there is no folder '{path.parent}'; make it first")
    export_table(path, kind, table, _provenance(path, source))
    print(f"{len(table[0].values)} sources, {len(table)} columns in {path}")  # noqa: T201


def _provenance(path: Path, source: str) -> Provenance:
    import os
    from shlex import quote

    from xmmpy import __version__
    from xmmpy.products.history import Provenance
    from xmmpy.tasks.session import Environment, Session

    now = Session("sources", Environment.from_mapping(os.environ)).now
    return Provenance("sources", f"xmmpy sources {quote(source)} --output {quote(str(path))}", __version__, now)


def _show(table: list[ExportColumn]) -> None:
    """Print a table, in colour on a terminal and plain elsewhere."""
    cells = [_texts(column) for column in table]
    if not sys.stdout.isatty():
        for line in _plain([column.name for column in table], cells):
            print(line)  # noqa: T201
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, header_style="bold", row_styles=("", "dim"))
    for column in table:
        shown.add_column(column.name, justify="right" if column.values.dtype.kind == "f" else "left", no_wrap=True)
    for row in zip(*cells, strict=True):
        shown.add_row(*row)
    Console(highlight=False, markup=False, emoji=False).print(shown)


def _plain(names: list[str], cells: list[list[str]]) -> list[str]:
    """Columns side by side, set to the right; a missing value is a dash, so that every line has as many words.

    Names of sources keep the blank of IAU names.
    """
    filled = [[cell or "-" for cell in column] for column in cells]
    widths = [max(map(len, (name, *column))) for name, column in zip(names, filled, strict=True)]
    rows = [names, *map(list, zip(*filled, strict=True))]
    return ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]


_DIGITS = {"RA": 5, "DEC": 5, "LII": 5, "BII": 5, "POSERR": 2, "RADEC_ERR": 2, "SYSERRCC": 2, "DIST_NN": 1}


def _texts(column: ExportColumn) -> list[str]:
    """Cells for people: the digits that mean something."""
    import math

    if column.values.dtype.kind == "b":
        return ["yes" if value else "no" for value in column.values]
    if column.values.dtype.kind != "f":
        return [str(value) for value in column.values]
    if column.whole:
        return ["" if math.isnan(value) else f"{value:.0f}" for value in column.values]
    form = _form(column.name.removeprefix("SC_").removeprefix("EP_").removesuffix("_CORR").removesuffix("_UNC"))
    return ["" if math.isnan(value) else form.format(value) for value in column.values]


def _form(base: str) -> str:
    if base in _DIGITS:
        return f"{{:.{_DIGITS[base]}f}}"
    if base.endswith(("_FLUX", "_FLUX_ERR", "_RATE", "_RATE_ERR", "TOT", "TOT_ERR")):
        return "{:.2e}"
    if base.startswith("HR") or "_HR" in base:
        return "{:.2f}"
    return "{:.1f}" if base.endswith("_ML") or "EXT" in base else "{:.4g}"
