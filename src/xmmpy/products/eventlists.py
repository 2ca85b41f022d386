"""Calibrated event lists: the tables of a list and their order, as SAS writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from xmmpy.products import layout
from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from xmmpy.products.layout import Value

    Records = npt.NDArray[np.void]

EXTREMES: Final = {
    "RAWX": "rawx", "RAWY": "rawy", "DETX": "detx", "DETY": "dety", "X": "x", "Y": "y", "PHA": "pha", "PI": "pi",
}  # fmt: skip
"""Columns whose smallest and largest values are in the header, and the names that templates give them."""
PLACES: Final = ("DETX", "DETY", "X", "Y")
"""Columns that lists of timing modes lack."""


@dataclass(frozen=True, slots=True, eq=False)
class CcdTables:
    """Tables of one CCD.

    Attributes
    ----------
    number : int
        CCDNR, which ends the names of the tables.
    values : mapping
        What the templates need beside the values of the list.
    exposu, badpix, stdgti : ndarray of records
        EXPOSUnn, BADPIXnn, STDGTInn.
    dlimap, hkaux : ndarray of records or None
        DLIMAPnn and HKAUXnn of pn.
    """

    number: int
    values: Mapping[str, Value]
    exposu: Records
    badpix: Records
    stdgti: Records
    dlimap: Records | None = None
    hkaux: Records | None = None


def template_name(camera: str, table: str) -> str:
    """Name of the header template of a table of a camera's list."""
    return f"{'pn' if camera == 'EPN' else 'mos'}_{table}"


def records(name: str, **columns: npt.ArrayLike) -> Records:
    """Rows of a template's table; columns that are not given are zero."""
    size = np.asarray(next(iter(columns.values()))).shape[0]
    rows = np.zeros(size, dtype=layout.row_type(name))
    for column, data in columns.items():
        rows[column] = data
    return rows


def write_event_list(
    path: Path,
    camera: str,
    values: Mapping[str, Value],
    events: Sequence[BinaryIO] | Sequence[Records],
    offsets: Records,
    ccds: Sequence[CcdTables],
    calindex: Records,
    *,
    history: Sequence[str] = (),
    without: Sequence[str] = (),
) -> None:
    """Write a list under a temporary name and rename it.

    Parameters
    ----------
    path : pathlib.Path
        File to make.
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.
    values : mapping
        What the templates need, of the whole list.
    events : sequence of arrays or open files
        Rows of EVENTS, CCD after CCD.
    offsets : ndarray of records
        Rows of OFFSETS.
    ccds : sequence of CcdTables
        Tables of the CCDs.
    calindex : ndarray of records
        Rows of CALINDEX.
    history : sequence of str
        HISTORY lines of the primary header.
    without : sequence of str
        Columns that the list lacks.

    Raises
    ------
    FileProblem
        When the disk does not take it.
    """
    numbers = [ccd.number for ccd in ccds]
    shared: dict[str, Any] = dict(values)
    if numbers:
        shared |= {"first_ccd": str(numbers[0]), "first_gti": f":STDGTI{numbers[0]:02d}"}
    is_pn = camera == "EPN"

    def name(table: str) -> str:
        return template_name(camera, table)

    try:
        with atomic_path(path) as temporary, temporary.open("wb") as handle:
            layout.write_primary(handle, name("primary"), shared, history, sky="X" not in without)
            layout.write_table(handle, name("events"), shared, events, numbers, without)
            layout.write_table(handle, name("offsets"), shared, offsets, numbers)
            for ccd in ccds:
                for table in ("exposu", "badpix", "dlimap", "hkaux"):
                    _write_ccd_table(handle, name(table), table, shared, ccd)
            if is_pn:
                layout.write_table(handle, "calindex", shared, calindex)
            for ccd in ccds:
                _write_ccd_table(handle, name("stdgti"), "stdgti", shared, ccd)
            if not is_pn:
                layout.write_table(handle, "calindex", shared, calindex)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileProblem(path, f"cannot be written ({reason})", "check the folder and the free space") from None


def _write_ccd_table(handle: BinaryIO, template: str, table: str, shared: Mapping[str, Value], ccd: CcdTables) -> None:
    rows = getattr(ccd, table)
    if rows is not None:
        own = {**shared, **ccd.values, "extname": f"{table.upper()}{ccd.number:02d}"}
        layout.write_table(handle, template, own, rows)
