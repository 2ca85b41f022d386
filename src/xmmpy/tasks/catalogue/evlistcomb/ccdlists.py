"""The list of one CCD: what evlistcomb takes from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.odf.rawfiles import pn_ccd_number
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.products.header import Header
from xmmpy.products.history import is_made_anew
from xmmpy.products.tables import Column, SmallTable, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

CCD_KEYWORDS: Final = ("CCDID", "CCDNODE", "QUADRANT")
"""What tells the CCD; in the list of a camera the column CCDNR does."""
_OTHER_NODE = 10  # added to CCDNR of MOS CCDs that were read through the redundant node
_SHORT_NAME = 6  # letters of a block's name that stay before the number of the CCD
_NAMES = {"EXTNAME", "EXTVER", "FILENAME", "LONGSTRN"}
_OF_A_COLUMN = re.compile(
    r"(T(?:TYPE|FORM|UNIT|NULL|SCAL|ZERO|DISP|DIM|LMIN|LMAX|DMIN|DMAX|CRPX|CTYP|CRVL|CDLT|CROT|CUNI))(\d+)"
)


def is_structure(keyword: str) -> bool:
    """Whether a keyword tells how a block is laid out or made, not what is in it."""
    return is_made_anew(keyword) or keyword in _NAMES


def column_keyword(keyword: str) -> tuple[str, int] | None:
    """``TLMIN3`` as TLMIN and 3; None for a keyword that belongs to no column."""
    match = _OF_A_COLUMN.fullmatch(keyword)
    return None if match is None else (match[1], int(match[2]))


@dataclass(frozen=True, slots=True)
class Secondary:
    """A block to take over: its new name, header and data."""

    name: str
    header: Header
    data: bytes


@dataclass(frozen=True, slots=True)
class CcdList:
    """One list, read.

    Attributes
    ----------
    path : str
        The file.
    primary : Header
        Its primary header.
    number : int
        CCDNR: 1 to 7 of MOS, with 10 more for the redundant node; 1 to 12 of pn.
    mode : str
        DATAMODE.
    tables : dict of str to SmallTable
        The main tables that it has.
    secondary : tuple of Secondary
        The other blocks.
    """

    path: str
    primary: Header
    number: int
    mode: str
    tables: dict[str, SmallTable]
    secondary: tuple[Secondary, ...]

    def keyword(self, table: str, name: str) -> Any:
        """Value of a keyword of a main table."""
        return self.tables[table].hdu.value(name)

    def column_attribute(self, table: str, column: str, kind: str) -> Any:
        """Value of a keyword of a column, such as TLMIN; None where it is not there."""
        found = self.tables[table].layout.find(column)
        return None if found is None else self.tables[table].hdu.value(f"{kind}{found.number}")

    def find(self, table: str, column: str) -> Column | None:
        """How a column lies in the file."""
        return self.tables[table].layout.find(column)


def read_ccd_list(path: str, main: Sequence[str], others: Sequence[str]) -> CcdList:
    """Read a list.

    Raises
    ------
    FileProblem
        When it is none, or does not tell its CCD.
    """
    with FitsFile(path) as file:
        primary = Header.parse(file.hdus[0].raw_header)
        found = {name: hdu for name in main for hdu in file.hdus if hdu.is_table and hdu.name == name}
        if main[0] not in found:
            raise FileProblem(path, f"has no table {main[0]}", "give event lists of single CCDs")
        tables = {name: table_of(file, hdu) for name, hdu in found.items()}
        values = {**file.hdus[0].values, **found[main[0]].values}
        number = _ccd_number(path, values, tables[main[0]])
        mode = str(values.get("DATAMODE", "")).strip().upper()
        if not mode:
            raise FileProblem(path, "does not tell its mode (DATAMODE)", "give event lists of single CCDs")
        secondary = tuple(
            Secondary(short_name(wanted, number), Header.parse(hdu.raw_header), file.read(hdu))
            for wanted in others
            for hdu in file.hdus[1:]
            if hdu.name in {wanted, short_name(wanted, number)}
        )
    return CcdList(path, primary, number, mode, tables, secondary)


def short_name(name: str, number: int) -> str:
    """Name of a block of one CCD: ``EXPOSURE`` of CCD 3 is EXPOSU03."""
    return f"{name[:_SHORT_NAME]}{number:02d}"


def _ccd_number(path: str, values: dict[str, Any], table: SmallTable) -> int:
    ccd, node, quadrant = (values.get(keyword) for keyword in CCD_KEYWORDS)
    pn = str(values.get("INSTRUME", "")).strip() == "EPN"
    if isinstance(ccd, int) and pn and isinstance(quadrant, int):
        return pn_ccd_number(quadrant, ccd)
    if isinstance(ccd, int) and not pn:
        return ccd + (_OTHER_NODE if node == 1 else 0)
    if "CCDNR" in table.columns:
        numbers = np.unique(table.columns["CCDNR"])
        if numbers.size == 1:
            return int(numbers[0])
        if numbers.size > 1:
            raise FileProblem(path, f"has events of {numbers.size} CCDs", "give event lists of single CCDs")
    names = "CCDID and QUADRANT" if pn else "CCDID"
    raise FileProblem(path, f"does not tell its CCD ({names}, or CCDNR)", "give event lists of single CCDs")
