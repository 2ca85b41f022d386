"""What the readers of constituents share: finding a file, its tables, checked columns, the fallback."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.products.tables import SmallTable, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from xmmpy.calibration.calindex import CalibrationIndex

    FloatArray = npt.NDArray[np.float64]

Value = TypeVar("Value")

_CHECK = "check which issue it is"


@dataclass(frozen=True, slots=True)
class Sourced:
    """Where a figure came from: a line for logs and headers."""

    text: str
    nominal: bool


def find_constituent(index: CalibrationIndex, scope: str, type_id: str, folders: Iterable[str]) -> Path | None:
    """File of a constituent: where FNAME says, or in the first of the folders that has it; also gzipped.

    Parameters
    ----------
    index : CalibrationIndex
        What `xmmpy.calibration.calindex.read_calindex` gave.
    scope, type_id : str
        As in the index.
    folders : iterable of str
        SAS_CCFPATH.
    """
    row = index.find(scope, type_id)
    if row is None:
        return None
    listed = Path(row.file)
    places = [Path(folder) / listed.name for folder in folders]
    return first_file(places if listed.parent == Path() else [listed, *places])


def first_file(places: Iterable[Path]) -> Path | None:
    """The first of some places that is a file, as it stands or gzipped."""
    spellings = (path for place in places for path in (place, place.with_name(f"{place.name}.gz")))
    return next((path for path in spellings if path.is_file()), None)


def read_or_nominal(
    read: Callable[[Path], Value],
    path: Path | None,
    nominal: Callable[[], Value],
    what: str,
    warn: Callable[[str], None],
) -> tuple[Value, Sourced]:
    """Read a constituent; where there is none, or it is not laid out as expected, take the nominal value.

    Parameters
    ----------
    read : callable
        One of the readers of this package.
    path : Path or None
        The constituent.
    nominal : callable
        Gives the nominal value.
    what : str
        Name of the nominal table, for the source.
    warn : callable
        Takes one sentence where the constituent could not be used.

    Returns
    -------
    value, Sourced
        What to use and where it came from.
    """
    if path is not None:
        try:
            return read(path), Sourced(path.name, nominal=False)
        except FileProblem as problem:
            warn(f"{problem}; the nominal {what} is used instead of this constituent")
    return nominal(), Sourced(f"nominal table {what}", nominal=True)


def other_layout(path: object, what: str) -> FileProblem:
    """Say that a constituent is laid out otherwise than the handbook has it."""
    return FileProblem(str(path), f"has another layout than expected: {what}", _CHECK)


def tables_of(path: Path, *names: str) -> list[SmallTable]:
    """Blocks of a constituent as whole tables.

    Raises
    ------
    FileProblem
        When it cannot be read or lacks one.
    """
    with FitsFile(path) as file:
        return [table_of(file, file.find(name)) for name in names]


def numbers(table: SmallTable, name: str, width: int | None = None) -> FloatArray:
    """A column of finite numbers: one a row, or `width` of them (0: any number).

    Raises
    ------
    FileProblem
        When the column is missing or of another shape.
    """
    values = table.column(name)
    shape_fits = values.ndim == 1 if width is None else values.ndim == 2 and width in {0, values.shape[1]}
    if values.dtype.kind not in "iuf" or not shape_fits or not np.isfinite(values).all() or not len(values):
        wanted = "one number" if width is None else "numbers" if width == 0 else f"{width} numbers"
        problem = f"has another layout than expected: column {name} of {table.name} should hold {wanted} in each row"
        raise FileProblem(table.path, problem, _CHECK)
    return values.astype(np.float64)


def texts(table: SmallTable, name: str) -> list[str]:
    """A column of texts, without the blanks behind them."""
    values = table.column(name)
    if values.dtype.kind != "S":
        problem = f"has another layout than expected: column {name} of {table.name} should hold texts"
        raise FileProblem(table.path, problem, _CHECK)
    return [value.decode("latin-1").rstrip("\0 ").strip() for value in values]


def whole(table: SmallTable, name: str, low: int, high: int) -> npt.NDArray[np.int64]:
    """A column of whole numbers within limits."""
    values = numbers(table, name)
    if np.any(values != np.rint(values)) or values.min() < low or values.max() > high:
        raise other_layout(table.path, f"{name} of {table.name} should hold whole numbers from {low} to {high}")
    return values.astype(np.int64)


def attribute(table: SmallTable, name: str, default: float | None = None) -> float:
    """A keyword of a table that is a finite number."""
    value = table.header.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise other_layout(table.path, f"{table.name} should have a number {name}")
    return float(value)


def rising(values: FloatArray, table: SmallTable, name: str) -> FloatArray:
    """Numbers that rise from row to row, as an axis does."""
    if len(values) < 2 or not np.all(np.diff(values) > 0):
        problem = f"has another layout than expected: {name} of {table.name} should rise from row to row"
        raise FileProblem(table.path, problem, _CHECK)
    return values
