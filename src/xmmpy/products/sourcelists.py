"""Lists of detected sources: the columns of eboxdetect's and emldetect's lists, read and written.

A source has a block of rows: one for all cameras and bands (ID_INST = 0, ID_BAND = 0), then for each camera one for all
bands (ID_BAND = 0) and one for each band.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile, split_block
from xmmpy.products.history import record_creation
from xmmpy.products.tables import table_of
from xmmpy.products.writing import write_hdus

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from astropy.io.fits import Header
    from numpy.typing import NDArray

    from xmmpy.products.history import Provenance

EXTENSION: Final = "SRCLIST"
_TYPES = {"J": np.int32, "E": np.float32, "D": np.float64}


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column of a source list: name, TFORM letter, unit, and TNULL of whole numbers."""

    name: str
    form: str
    unit: str = ""
    null: int | None = None

    @property
    def missing(self) -> Any:
        """Value of a row that has none."""
        return (self.null if self.null is not None else 0) if self.form.endswith("J") else np.nan


def _with_error(name: str, unit: str = "") -> tuple[ListColumn, ListColumn]:
    return ListColumn(name, "E", unit), ListColumn(f"{name}_ERR", "E", unit)


def _ratios(number: int) -> tuple[ListColumn, ...]:
    return tuple(column for n in range(1, number + 1) for column in _with_error(f"HR{n}"))


_SKY = (
    ListColumn("RA", "D", "deg"),
    ListColumn("DEC", "D", "deg"),
    ListColumn("RADEC_ERR", "E", "arcsec"),
    ListColumn("LII", "D", "deg"),
    ListColumn("BII", "D", "deg"),
)

BOX_COLUMNS: Final = (
    ListColumn("BOX_ID_SRC", "J"),
    ListColumn("ID_INST", "J"),
    ListColumn("ID_BAND", "J"),
    *_with_error("SCTS", "count"),
    ListColumn("BOX_CTS", "E", "count"),
    *_with_error("X_IMA", "pixel"),
    *_with_error("Y_IMA", "pixel"),
    ListColumn("LIKE", "E"),
    ListColumn("BG_MAP", "E", "count/pixel"),
    ListColumn("BG_RAW", "E", "count/pixel"),
    ListColumn("EXP_MAP", "E", "s"),
    *_with_error("FLUX", "erg/cm**2/s"),
    *_with_error("RATE", "count/s"),
    *_SKY,
    *_ratios(3),
    ListColumn("BOX_SIZE", "J", "pixel"),
    ListColumn("EEF", "E"),
    ListColumn("DIST_NN", "E", "arcsec"),
)
"""Columns of eboxdetect's lists, in order."""

ML_COLUMNS: Final = (
    ListColumn("ML_ID_SRC", "J"),
    ListColumn("BOX_ID_SRC", "J"),
    ListColumn("ID_INST", "J"),
    ListColumn("ID_BAND", "J"),
    ListColumn("ID_CLUSTER", "J"),
    *_with_error("SCTS", "count"),
    *_with_error("X_IMA", "pixel"),
    *_with_error("Y_IMA", "pixel"),
    *_with_error("EXT", "pixel"),
    ListColumn("DET_ML", "E"),
    ListColumn("EXT_ML", "E"),
    ListColumn("BG_MAP", "E", "count/pixel"),
    ListColumn("EXP_MAP", "E", "s"),
    *_with_error("FLUX", "erg/cm**2/s"),
    *_with_error("RATE", "count/s"),
    *_SKY,
    ListColumn("RAWX", "E", "pixel"),
    ListColumn("RAWY", "E", "pixel"),
    ListColumn("OFFAX", "E", "arcsec"),
    ListColumn("CCDNR", "J", "", -1),
    *_ratios(4),
    ListColumn("CUTRAD", "E", "arcsec"),
    ListColumn("MASKFRAC", "E"),
    ListColumn("EFF", "E"),
    ListColumn("VIGNETTING", "E"),
    ListColumn("ONTIME", "E", "s"),
    ListColumn("PILEUP", "E"),
    ListColumn("DIST_NN", "E", "arcsec"),
    ListColumn("FLAG", "J"),
)
"""Columns of emldetect's lists, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class SourceList:
    """A source list in memory.

    Attributes
    ----------
    columns : dict of str to ndarray, shape (rows,)
        By name, native byte order.
    header : Header
        Of the table.
    path : str
        The file.
    """

    columns: dict[str, NDArray[Any]]
    header: Header
    path: str

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return a column.

        Raises
        ------
        FileProblem
            When there is none of that name.
        """
        try:
            return self.columns[name]
        except KeyError:
            known = "give a list of eboxdetect or emldetect"
            raise FileProblem(self.path, f"has no column {name} in its source list", known) from None

    @property
    def is_fitted(self) -> bool:
        """Whether it is emldetect's, not eboxdetect's."""
        return "ML_ID_SRC" in self.columns

    @property
    def likelihood(self) -> str:
        """Name of the column with the detection likelihood."""
        return "DET_ML" if self.is_fitted else "LIKE"

    def rows(self, instrument: int = 0, band: int = 0) -> SourceList:
        """Only the rows of one camera and band; with the defaults one row for each source."""
        kept = (self["ID_INST"] == instrument) & (self["ID_BAND"] == band)
        return SourceList({name: values[kept] for name, values in self.columns.items()}, self.header, self.path)


def read_source_list(spec: str) -> SourceList:
    """Read a source list whole: ``file`` or ``file:EXT``, the table SRCLIST where no other is named.

    Raises
    ------
    FileProblem
        When it cannot be read or is no source list.
    """
    path, block = split_block(spec)
    with FitsFile(path) as file:
        if block:
            hdu = file.find(block)
        else:
            found = next((hdu for hdu in file.hdus if hdu.name == EXTENSION and hdu.is_table), None)
            if found is None:
                raise FileProblem(path, f"has no table {EXTENSION}", "give a list of eboxdetect or emldetect")
            hdu = found
        return SourceList(dict(table_of(file, hdu).columns), hdu.header, str(path))


def empty_rows(layout: Sequence[ListColumn], number: int) -> dict[str, NDArray[Any]]:
    """Columns of a list with `number` rows, all values missing."""
    return {column.name: np.full(number, column.missing, _TYPES[column.form]) for column in layout}


def stored(column: ListColumn, values: NDArray[Any] | None, rows: int) -> NDArray[Any]:
    """Values of a column in the type of its file; missing ones, and a column that is not given, as its null."""
    if column.form == "L":
        return np.zeros(rows, bool) if values is None else np.asarray(values, bool)
    if column.form.endswith("A"):
        return np.full(rows, "") if values is None else np.asarray(values)
    numbers = np.full(rows, np.nan) if values is None else np.asarray(values)
    kind = column.form[-1]
    if kind == "J" and numbers.dtype.kind == "f":
        numbers = np.where(np.isnan(numbers), column.missing, np.nan_to_num(numbers))
    typed: NDArray[Any] = numbers.astype(_TYPES[kind])
    return typed


def write_source_list(
    path: str | os.PathLike[str],
    layout: Sequence[ListColumn],
    rows: Mapping[str, NDArray[Any]],
    keywords: Sequence[tuple[str, Any, str]],
    provenance: Provenance,
    primary: Sequence[tuple[str, Any, str]] = (),
) -> None:
    """Write a source list.

    Parameters
    ----------
    path : path
        The file; replaced when complete.
    layout : sequence of ListColumn
        Columns in order.
    rows : mapping of str to ndarray
        Their values by column, NaN where a source has none; a column that is missing is null in all rows.
    keywords, primary : sequence of (keyword, value, comment)
        Further cards of the table and of the primary header (OBS_ID and the like).
    provenance : Provenance
        The task.
    """
    from astropy.io import fits

    first = fits.PrimaryHDU()
    for keyword, value, comment in primary:
        first.header[keyword] = (value, comment)
    record_creation(first.header, provenance)
    number = len(rows["RA"])
    columns = [
        fits.Column(
            name=column.name,
            format=column.form,
            unit=column.unit or None,
            null=column.null,
            array=stored(column, rows.get(column.name), number),
        )
        for column in layout
    ]
    table = fits.BinTableHDU.from_columns(columns, name=EXTENSION)
    for keyword, value, comment in keywords:
        table.header[keyword] = (value, comment)
    write_hdus(path, [first, table])
