"""Parts of a compiled expression: typed values that are computed from the rows of a chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from xmmpy.selection.errors import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Kind = Literal["bool", "int", "float", "text", "vector"]

#: What each kind of value is called in an error.
KIND_WORDS = {
    "bool": "a condition",
    "int": "a whole number",
    "float": "a number",
    "text": "a text",
    "vector": "a vector",
}


class TypeFault(Exception):
    """Operands of the wrong type."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.message = message
        self.span = span


class Columns(Protocol):
    """Columns of a chunk by name; a mapping of arrays is one."""

    def __getitem__(self, name: str, /) -> NDArray[Any]:
        """Values of a column in native byte order, shape (n,)."""
        ...


class Rows:
    """Rows at which an expression is evaluated: a chunk of the table or some rows of it.

    Columns are read from the chunk when they are first asked for.
    """

    __slots__ = ("_chunk", "_columns", "_first_row", "_index", "count")

    def __init__(
        self,
        chunk: Columns,
        first_row: int,
        count: int,
        index: NDArray[np.intp] | None = None,
    ) -> None:
        self._chunk = chunk
        self._first_row = first_row
        self._index = index
        self._columns: dict[str, NDArray[Any]] = {}
        self.count = count

    def column(self, name: str) -> NDArray[Any]:
        """Values of a column at these rows."""
        values = self._columns.get(name)
        if values is None:
            whole = self._chunk[name]
            values = whole if self._index is None else whole[self._index]
            self._columns[name] = values
        return values

    def numbers(self) -> NDArray[np.int64]:
        """Numbers of these rows in the table, from 1."""
        if self._index is None:
            return np.arange(self._first_row + 1, self._first_row + 1 + self.count, dtype=np.int64)
        return self._index + np.int64(self._first_row + 1)

    def take(self, index: NDArray[np.intp]) -> Rows:
        """Only some of these rows."""
        whole = index if self._index is None else self._index[index]
        return Rows(self._chunk, self._first_row, len(index), whole)


@dataclass(frozen=True, slots=True)
class Value:
    """A value of known type and the function that computes it.

    Parameters
    ----------
    kind : str
        ``bool``, ``int``, ``float``, ``text`` or ``vector`` (a tuple of three float arrays).
    run : callable
        From `Rows` to an array of that many values; a constant may give a scalar.
    span : Span
        Where it stands in the expression.
    constant : bool, int, float, str or None
        The value if it is the same for all rows.
    dtype : numpy.dtype
        Type of the array, for numbers.
    low, high : int
        Bounds of a whole number.
    bits : bool
        It is the result of a bit operator: constants compared with it are 32-bit patterns.
    whole : bool
        A float that holds whole numbers only.
    owned : bool
        `run` returns a new array that may be overwritten.
    costly : bool
        Worth computing for fewer rows.
    is_column : bool
        It is a plain column.
    """

    kind: Kind
    run: Callable[[Rows], Any]
    span: Span = field(default=Span(0, 0))
    constant: Any = None
    dtype: np.dtype[Any] = field(default=np.dtype(np.float64))
    low: int = 0
    high: int = 0
    bits: bool = False
    whole: bool = False
    owned: bool = True
    costly: bool = False
    is_column: bool = False


_ONE_ROW = Rows({}, 0, 1)


def number_value(value: float, span: Span) -> Value:
    """Numeric constant."""
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        scalar = np.int64(value)
        return Value("int", lambda _: scalar, span, value, np.dtype(np.int64), value, value)
    number = float(value)
    return Value("float", lambda _: np.float64(number), span, number, whole=number.is_integer())


def truth_value(value: bool, span: Span) -> Value:
    """Constant condition."""
    return Value("bool", lambda rows: np.full(rows.count, value, dtype=np.bool_), span, value)


def text_value(value: str, span: Span) -> Value:
    """Constant text."""
    array = np.array(value)
    return Value("text", lambda _: array, span, value)


def folded(value: Value, *operands: Value) -> Value:
    """The same value, computed now if all its operands are constants."""
    if value.kind == "vector" or value.constant is not None or any(part.constant is None for part in operands):
        return value
    with np.errstate(all="ignore"):
        result = np.asarray(value.run(_ONE_ROW)).ravel()[0].item()
    if value.kind == "bool":
        return truth_value(bool(result), value.span)
    if value.kind == "text":
        return text_value(str(result), value.span)
    return number_value(result if value.kind == "int" else float(result), value.span)


def need_number(value: Value, what: str) -> None:
    """Refuse anything but a number.

    Raises
    ------
    TypeFault
        With the place of the value.
    """
    if value.kind not in {"int", "float"}:
        hint = "; & and | bind tighter than comparisons, write && or || or put parentheses"
        more = hint if value.kind == "bool" else ""
        raise TypeFault(f"{what} needs a number, this is {KIND_WORDS[value.kind]}{more}", value.span)


def as_float(value: Value) -> Callable[[Rows], Any]:
    """Function that computes a number as 64-bit floats."""
    if value.constant is not None:
        scalar = np.float64(value.constant)
        return lambda _: scalar
    run = value.run
    if value.kind == "float" and value.dtype == np.float64:
        return run
    return lambda rows: run(rows).astype(np.float64)


def as_condition(value: Value) -> Value:
    """Condition that a value stands for: a number is true if it is neither zero nor NaN.

    Raises
    ------
    TypeFault
        For a text or a vector.
    """
    if value.kind == "bool":
        return value
    if value.kind not in {"int", "float"}:
        raise TypeFault(f"{KIND_WORDS[value.kind]} stands where a condition is needed", value.span)
    if value.constant is not None:
        return truth_value(value.constant < 0 or value.constant > 0, value.span)
    run = value.run
    if value.kind == "int":
        return Value("bool", lambda rows: run(rows) != 0, value.span, costly=value.costly)

    def truth(rows: Rows) -> Any:
        number = run(rows)
        return (number < 0) | (number > 0)

    return Value("bool", truth, value.span, costly=value.costly)
