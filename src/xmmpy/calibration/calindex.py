"""CALINDEX: the table that lists the calibration constituents of an observation (ccf.cif)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.calibration.constituents import Constituent
from xmmpy.products.blocks import Block, NewColumn, table_block
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.products.header import Header
from xmmpy.products.tables import table_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAME: Final = "CALINDEX"
_DATE_UNIT = "yyyy:dd:mmZhh:mm:ss"  # as SAS spells it

# Column, field of Constituent, TFORM, TUNIT, comment: those of the ccf.cif files of SAS 14 to 20.
_COLUMNS: Final = (
    ("TELESCOP", "telescope", "4A", "", "Telescope"),
    ("SCOPE", "scope", "6A", "", "Calibration scope"),
    ("TYPEID", "type_id", "32A", "", "Calibration data type"),
    ("ISSUE", "issue", "I", "", "Constituent issue number"),
    ("VALDATE", "valid_from", "19A", _DATE_UNIT, "Start of validity"),
    ("VALDATE-END", "valid_to", "19A", _DATE_UNIT, "End of validity"),
    ("FNAME", "file", "256A", "", "Constituent file path"),
    ("DATE", "created", "19A", _DATE_UNIT, "Creation date"),
    ("FSIZE", "size", "J", "byte", "Constituent size"),
    ("SUBDATE", "submitted", "19A", _DATE_UNIT, "Submission date"),
    ("EXTSEQU", "sequence", "32A", "", "Extension sequence"),
    ("EXTSEQID", "extensions", "256A", "", "Extension sequence identifiers"),
    ("MD5", "digest", "32A", "", "MD5 digital signature"),
    ("CREATOR", "creator", "64A", "", "File creator"),
)


@dataclass(frozen=True, slots=True)
class CalibrationIndex:
    """What a CALINDEX table says.

    Attributes
    ----------
    constituents : tuple of Constituent
        Its rows.
    category : str
        CATEGORY: XMMCCF, or SCISIMCCF for simulated data.
    observation, analysis : str
        OBSVDATE and ANALDATE, UTC; empty where they are not given.
    """

    constituents: tuple[Constituent, ...]
    category: str
    observation: str
    analysis: str

    def find(self, scope: str, type_id: str) -> Constituent | None:
        """The constituent of a scope and type, if there is one."""
        return next((row for row in self.constituents if row.key == (scope, type_id)), None)

    def replacing(self, rows: Sequence[Constituent]) -> CalibrationIndex:
        """An index with these rows in place of those of the same scope and type; the last of equal ones counts."""
        given = {row.key: row for row in rows}
        kept = [row for row in self.constituents if row.key not in given]
        return replace(self, constituents=(*kept, *given.values()))


def calindex_block(index: CalibrationIndex) -> Block:
    """Make the table; texts longer than their column are cut, as SAS does (EXTSEQID, CREATOR).

    Raises
    ------
    ValueError
        When a file name does not fit into FNAME, or a text is not ASCII.
    """
    for row in index.constituents:
        if len(row.file) > 256:
            raise ValueError(f"the name {row.file} has more than the 256 characters that FNAME holds")
    columns = [
        NewColumn(name, form, _values([getattr(row, field) for row in index.constituents], form), unit, comment)
        for name, field, form, unit, comment in _COLUMNS
    ]
    keywords = [("CATEGORY", index.category), ("OBSVDATE", index.observation), ("ANALDATE", index.analysis)]
    return table_block(columns, NAME, Header((keyword, value, "") for keyword, value in keywords if value))


def _values(items: Sequence[Any], form: str) -> np.ndarray[Any, Any]:
    if not form.endswith("A"):
        return np.array(items, dtype=np.int64)
    width = int(form[:-1])
    try:
        padded = [str(item)[:width].ljust(width).encode("ascii") for item in items]
    except UnicodeEncodeError as error:
        raise ValueError(f"'{error.object}' is not ASCII, and FITS holds nothing else") from None
    return np.array(padded, dtype=f"S{width}")


def read_calindex(path: str | Path) -> CalibrationIndex:
    """Read the CALINDEX table of a ccf.cif, a master index or an event list.

    Raises
    ------
    FileProblem
        When the file cannot be read, or has no such table, or the table lacks a column.
    """
    with FitsFile(path) as file:
        table = table_of(file, file.find(NAME))
        values = table.hdu.values
    columns = {field: table.column(name) for name, field, *_ in _COLUMNS}
    for name, field, form, *_ in _COLUMNS:
        wanted = "S" if form.endswith("A") else "iu"
        if columns[field].dtype.kind not in wanted or columns[field].ndim != 1:
            raise FileProblem(path, f"has a column {name} in {NAME} that is not of type {form}", "get or make it again")
    category = str(values.get("CATEGORY", "")).strip()
    try:
        rows = tuple(
            Constituent(category=category or "XMMCCF", **{field: _plain(columns[field][number]) for field in columns})
            for number in range(len(columns["issue"]))
        )
    except UnicodeDecodeError:
        raise FileProblem(path, f"has text in {NAME} that is not ASCII", "get or make it again") from None
    return CalibrationIndex(
        constituents=rows,
        category=category,
        observation=str(values.get("OBSVDATE", "")).strip(),
        analysis=str(values.get("ANALDATE", "")).strip(),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("ascii").rstrip("\0 ").strip()
    return int(value)
