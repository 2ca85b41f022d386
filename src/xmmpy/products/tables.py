"""Binary tables: the layout of their rows, whole small tables, and long ones in chunks."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from xmmpy.products.cards import CARD, KEYWORD
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile, Hdu, split_block
from xmmpy.products.kernels import compress_rows, take_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from concurrent.futures import Future

    from astropy.io.fits import Header
    from numpy.typing import NDArray

Result = TypeVar("Result")

#: Rows handled at a time: a few MB, many enough that the work on them hides that of the interpreter.
ROWS_PER_CHUNK = 1 << 17

_DESCRIPTION = re.compile(r"T([A-Z]{3,4})\d+ *=")
_TEXTS = frozenset({"TYPE", "FORM", "UNIT", "DISP", "DIM"})
_TFORM = re.compile(r"(\d*)([LXBIJKAEDCMPQ])")
_TYPES = {"L": "S1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8", "C": ">c8", "M": ">c16"}
_UNSIGNED = {">i2": 2**15, ">i4": 2**31, ">i8": 2**63}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a binary table.

    Attributes
    ----------
    number : int
        Number from 1, as in TTYPEn.
    name, unit : str
        As in the header.
    dtype : numpy.dtype
        Type in the file (big-endian), with the repeat count as shape.
    offset : int
        Byte in the row.
    zero, scale : float
        TZEROn and TSCALn.
    null : int or None
        TNULLn.
    """

    number: int
    name: str
    unit: str
    dtype: np.dtype[Any]
    offset: int
    zero: float = 0.0
    scale: float = 1.0
    null: int | None = None

    @property
    def scaled(self) -> bool:
        """Whether values must be scaled to mean something."""
        return self.scale != 1.0 or self.zero != 0.0

    @property
    def plain(self) -> bool:
        """Whether it holds single numbers that mean what they are."""
        return not self.scaled and not self.dtype.shape and self.dtype.kind in "iuf"

    @property
    def native_dtype(self) -> np.dtype[Any]:
        """Type of the values after reading."""
        if not self.scaled:
            return self.dtype.base.newbyteorder("=")
        if self.scale == 1.0 and self.zero == _UNSIGNED.get(self.dtype.base.str):
            return np.dtype(f"u{self.dtype.base.itemsize}")
        return np.dtype(np.float64)

    def convert(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Bring stored values to native order and apply the scale."""
        if not self.scaled:
            return stored.astype(self.native_dtype)
        if self.native_dtype.kind == "u":
            flipped = stored.astype(stored.dtype.newbyteorder("=")).view(self.native_dtype)
            shifted: NDArray[Any] = flipped ^ np.array(int(self.zero), self.native_dtype)
            return shifted
        return stored.astype(np.float64) * self.scale + self.zero


@dataclass(frozen=True, slots=True)
class TableLayout:
    """How the rows of a binary table lie in the file."""

    columns: tuple[Column, ...]
    width: int
    rows: int

    def find(self, name: str) -> Column | None:
        """Find a column by name, upper and lower case alike."""
        wanted = name.strip().upper()
        return next((column for column in self.columns if column.name.upper() == wanted), None)

    @property
    def row_dtype(self) -> np.dtype[Any]:
        """Structured type of one row."""
        return np.dtype(
            {
                "names": [f"c{column.number}" for column in self.columns],
                "formats": [column.dtype for column in self.columns],
                "offsets": [column.offset for column in self.columns],
                "itemsize": self.width,
            }
        )


def table_layout(hdu: Hdu) -> TableLayout:
    """Read the layout of a table from its header.

    Raises
    ------
    FileProblem
        When the block is no binary table, or its columns do not add up to its rows.
    """
    if not hdu.is_table:
        raise FileProblem(hdu.path, f"has no table in {hdu.name}", "name a block that is a table")
    try:
        _check_cards(hdu)
        fields, width, rows = (int(hdu.value(key)) for key in ("TFIELDS", "NAXIS1", "NAXIS2"))
        columns = []
        offset = 0
        for number in range(1, fields + 1):
            column = _column(hdu, number, offset)
            columns.append(column)
            offset += column.dtype.itemsize
    except (TypeError, ValueError, OverflowError) as error:
        raise FileProblem(hdu.path, f"has a damaged table {hdu.name} ({error})", "get or make it again") from None
    if offset != width:
        problem = f"has a damaged table {hdu.name}: its columns take {offset} bytes of rows that have {width}"
        raise FileProblem(hdu.path, problem, "get or make it again")
    return TableLayout(tuple(columns), width, rows)


def _check_cards(hdu: Hdu) -> None:
    """Refuse a table whose description has cards that cannot be read: its products would have them too."""
    for place in range(0, len(hdu.raw_header), CARD):
        card = hdu.raw_header[place : place + CARD].decode("latin-1")
        match = _DESCRIPTION.match(card)
        if match is None or match.end() > KEYWORD + 1 or not card[KEYWORD + 2 :].partition("/")[0].strip():
            continue
        value = hdu.value(card[:KEYWORD].rstrip())
        if card[KEYWORD + 1] != " " or value is None or (match[1] in _TEXTS and not isinstance(value, str)):
            raise ValueError(f"{card[:KEYWORD].rstrip()} cannot be read")


def _column(hdu: Hdu, number: int, offset: int) -> Column:
    form = str(hdu.value(f"TFORM{number}", "")).strip()
    match = _TFORM.match(form)
    if match is None:
        raise ValueError(f"TFORM{number} is '{form}'")
    repeat, code = int(match[1] or 1), match[2]
    if code == "A":
        dtype = np.dtype((np.bytes_, repeat)) if repeat else np.dtype((np.void, 0))
    elif code in "PQ":
        dtype = np.dtype((">i4" if code == "P" else ">i8", (2 * repeat,)))
    elif code == "X":
        dtype = np.dtype(("u1", (-(-repeat // 8),)))
    else:
        dtype = np.dtype(_TYPES[code]) if repeat == 1 else np.dtype((_TYPES[code], (repeat,)))
    null = hdu.value(f"TNULL{number}")
    return Column(
        number=number,
        name=str(hdu.value(f"TTYPE{number}", f"COL{number}")).strip(),
        unit=str(hdu.value(f"TUNIT{number}", "")).strip(),
        dtype=dtype,
        offset=offset,
        zero=float(hdu.value(f"TZERO{number}", 0.0)),
        scale=float(hdu.value(f"TSCAL{number}", 1.0)),
        null=int(null) if isinstance(null, int) else None,
    )


class Chunk:
    """Some consecutive rows of a table; columns are taken out when they are first asked for.

    Attributes
    ----------
    first_row : int
        Number of the first row, from 0.
    rows : ndarray of the row's structured type, shape (n,)
        The rows as they are in the file.
    compiled : bool
        Whether compiled loops are used.
    """

    __slots__ = ("_data", "_layout", "_taken", "compiled", "first_row", "rows")

    def __init__(self, layout: TableLayout, data: bytes, first_row: int, *, compiled: bool = False) -> None:
        self._data = data
        self.compiled = compiled
        self._layout = layout
        self.rows: NDArray[Any] = np.frombuffer(data, layout.row_dtype)
        self.first_row = first_row
        self._taken: dict[str, NDArray[Any]] = {}

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def __getitem__(self, name: str) -> NDArray[Any]:
        key = name.upper()
        if key not in self._taken:
            column = self._layout.find(name)
            if column is None:
                raise KeyError(name)
            if self.compiled and column.plain:
                self.take((name,))
            else:
                self._taken[key] = column.convert(self.rows[f"c{column.number}"])
        return self._taken[key]

    def take(self, names: Iterable[str]) -> None:
        """Take columns out now, together, which is quicker than one after the other; others than plain ones wait."""
        found = {name.upper(): self._layout.find(name) for name in names}
        plain = {key: column for key, column in found.items() if column is not None and column.plain}
        places = [(column.offset, column.native_dtype) for column in plain.values()]
        self._taken.update(zip(plain, take_columns(self._data, self._layout.width, places), strict=True))

    def compress(self, mask: NDArray[np.bool_], count: int) -> NDArray[Any]:
        """Rows where the mask is True, `count` of them, as they go into a file."""
        if self.compiled:
            return compress_rows(self._data, self._layout.width, mask, count)
        return self.rows.view(np.dtype((np.void, self._layout.width)))[mask]


def read_chunk(
    file: FitsFile, hdu: Hdu, layout: TableLayout, first: int, count: int, *, compiled: bool = False
) -> Chunk:
    """Read some rows; several threads may do so at once.

    Parameters
    ----------
    first, count : int
        Number of the first row, from 0, and how many.

    Raises
    ------
    FileProblem
        When the file ends before them.
    """
    data = file.read_at(hdu.data_offset + first * layout.width, count * layout.width)
    if len(data) < count * layout.width:
        raise FileProblem(file.path, f"is cut short in {hdu.name}", "get or make it again")
    return Chunk(layout, data, first, compiled=compiled)


def iterate_chunks(
    file: FitsFile, hdu: Hdu, layout: TableLayout, rows_per_chunk: int = ROWS_PER_CHUNK
) -> Iterator[Chunk]:
    """Read a table piece by piece; memory does not grow with the table."""
    for first in range(0, layout.rows, rows_per_chunk):
        yield read_chunk(file, hdu, layout, first, min(rows_per_chunk, layout.rows - first))


def map_chunks(
    file: FitsFile,
    hdu: Hdu,
    layout: TableLayout,
    work: Callable[[Chunk], Result],
    workers: int,
    *,
    compiled: bool = False,
    columns: Collection[str] = (),
) -> Iterator[Result]:
    """Do something with every piece of a table, in several threads; the results come in order.

    numpy lets go of the interpreter while it works on a piece, so that threads share the load. Only a few pieces
    are under way at a time.

    Parameters
    ----------
    work : callable
        What is done with a piece; it must leave alone what other pieces use.
    workers : int
        Threads.
    compiled : bool
        Whether compiled loops are used (`xmmpy.products.kernels`).
    columns : collection of str
        Columns that every piece will be asked for.

    Raises
    ------
    FileProblem
        When the file cannot be read on.
    """
    starts = range(0, layout.rows, ROWS_PER_CHUNK)

    def one(first: int) -> Result:
        count = min(ROWS_PER_CHUNK, layout.rows - first)
        chunk = read_chunk(file, hdu, layout, first, count, compiled=compiled)
        if compiled:
            chunk.take(columns)
        return work(chunk)

    if workers < 2 or len(starts) < 4:
        yield from map(one, starts)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[Result]] = deque()
        for first in starts:
            pending.append(pool.submit(one, first))
            if len(pending) > workers + 1:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


@dataclass(frozen=True, slots=True)
class SmallTable:
    """A table read whole: its block and its columns as native arrays, by upper-case name."""

    hdu: Hdu
    columns: Mapping[str, NDArray[Any]]
    layout: TableLayout
    path: str
    name: str

    @property
    def header(self) -> Header:
        """The header, as astropy has it."""
        return self.hdu.header

    def column(self, name: str) -> NDArray[Any]:
        """Values of a column, upper and lower case alike.

        Raises
        ------
        FileProblem
            When there is none of that name.
        """
        try:
            return self.columns[name.upper()]
        except KeyError:
            known = ", ".join(column.name for column in self.layout.columns)
            raise FileProblem(self.path, f"has no column {name} in {self.name}", f"it has {known}") from None


def read_table(spec: str) -> SmallTable:
    """Read a table whole (GTIs, rate curves, source lists: small ones).

    Parameters
    ----------
    spec : str
        ``file`` (its first table) or ``file:EXT``.

    Raises
    ------
    FileProblem
        When it cannot be read.
    """
    path, block = split_block(spec)
    with FitsFile(path) as file:
        return table_of(file, file.find(block))


def table_of(file: FitsFile, hdu: Hdu) -> SmallTable:
    """Read a block of an open file as a whole table."""
    layout = table_layout(hdu)
    rows = np.frombuffer(file.read(hdu)[: layout.width * layout.rows], layout.row_dtype)
    columns = {column.name.upper(): column.convert(rows[f"c{column.number}"]) for column in layout.columns}
    return SmallTable(hdu, columns, layout, file.path, hdu.name)
