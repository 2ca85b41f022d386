"""Lists that srcmatch reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.detection.planes import INSTRUMENT_LABELS
from xmmpy.detection.summaryrows import XID_BAND, Rows, one_row_per_source
from xmmpy.products.sourcelists import SourceList, read_source_list
from xmmpy.products.summarylist import BANDS
from xmmpy.products.tables import read_table
from xmmpy.tasks.detection.lists import columns_in_arcmin, list_cards, pixel_arcsec
from xmmpy.tasks.messages import TaskError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from xmmpy.tasks.session import Session

_BAND_LIMIT = re.compile(r"(PN|M1|M2)_\d_E(LO|HI)")
_XID_LIMITS = (500.0, 4500.0)


@dataclass(frozen=True, slots=True, eq=False)
class InputList:
    """A list of emldetect.

    Attributes
    ----------
    name : str
        As the user gave it.
    rows : Rows
        One row for each source.
    cameras : tuple of str
        ``PN``, ``M1``, ``M2`` that it has rows of.
    keywords : mapping
        Of its primary header and its table.
    comments : mapping of str to str
        Comments of the keywords.
    xid : bool
        Whether it is of the band 0.5 to 4.5 keV alone, beside a list of several bands.
    pixel_arcsec : float or None
        Side of a pixel of its images, where the list tells.
    """

    name: str
    rows: Rows
    cameras: tuple[str, ...]
    keywords: Mapping[str, Any]
    comments: Mapping[str, str]
    xid: bool
    pixel_arcsec: float | None

    def __len__(self) -> int:
        return len(self.rows["RA"])

    @property
    def band_limits(self) -> dict[str, float]:
        """PN_1_ELO, PN_1_EHI and the like, in eV."""
        return {name: float(value) for name, value in self.keywords.items() if _BAND_LIMIT.fullmatch(name)}


def read_lists(names: Sequence[str], session: Session) -> list[InputList]:
    """Read the lists to be joined.

    Raises
    ------
    TaskError
        When none is named, or one is not emldetect's.
    FileProblem
        When one cannot be read.
    """
    if not names:
        raise TaskError("noLists", "no list is named in 'inputlistsets'; name at least one of emldetect's")
    lists: list[InputList] = []
    several: set[str] = set()  # cameras that lists before had several bands of
    for name in names:
        source_list, keywords, comments = _read(name)
        bands = {camera: _bands(source_list, number) for number, camera in INSTRUMENT_LABELS.items()}
        xid = _is_xid(bands, keywords, several)
        several |= {camera for camera, found in bands.items() if len(found) > 1}
        _warn_of_bands(name, bands, session)
        cameras = tuple(camera for camera, found in bands.items() if found)
        rows = one_row_per_source(columns_in_arcmin(source_list), xid=xid)
        lists.append(InputList(name, rows, cameras, keywords, comments, xid, pixel_arcsec(source_list.columns)))
    return lists


def _read(name: str) -> tuple[SourceList, dict[str, Any], dict[str, str]]:
    source_list = read_source_list(name)
    if not source_list.is_fitted:
        text = f"'{name}' is no list of emldetect (it has no column ML_ID_SRC)"
        raise TaskError("badList", f"{text}; srcmatch joins what emldetect writes")
    for column in ("ID_INST", "ID_BAND", "BOX_ID_SRC", "RA", "DEC", "RADEC_ERR"):
        _ = source_list[column]  # a list without one is refused by name
    return source_list, *list_cards(name, source_list)


def _bands(source_list: SourceList, instrument: int) -> set[int]:
    """Numbers of the bands that a camera has rows of; {0} when there is only one for all bands."""
    found = {int(band) for band in np.unique(source_list["ID_BAND"][source_list["ID_INST"] == instrument])}
    return found - {0} or found


def _is_xid(bands: Mapping[str, set[int]], keywords: Mapping[str, Any], several: set[str]) -> bool:
    """Whether a list has the band 0.5 to 4.5 keV alone, as PPS gives it beside that of the five bands."""
    used = {camera for camera, found in bands.items() if found}
    if not used or not used & several or any(len(bands[camera]) > 1 for camera in used):
        return False
    limits = {(keywords.get(f"{camera}_1_ELO"), keywords.get(f"{camera}_1_EHI")) for camera in used}
    return limits in ({_XID_LIMITS}, {(None, None)})


def _warn_of_bands(name: str, bands: Mapping[str, set[int]], session: Session) -> None:
    known = {0, XID_BAND, *(int(band) for band in BANDS)}
    others = sorted({band for found in bands.values() for band in found} - known)
    if others:
        numbers = ", ".join(map(str, others))
        text = f"'{name}' has bands {numbers}, for which a summary list has no columns; they only count in the totals"
        session.warn("unknownBand", text)


@dataclass(frozen=True, slots=True, eq=False)
class OpticalList:
    """Sources of the Optical Monitor: their numbers and places (degrees)."""

    number: NDArray[np.int64]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]


OM_NUMBERS: Final = ("SRCNUM", "SRC_NUM", "SRCID")


def read_optical_list(name: str) -> OpticalList:
    """Read a source list of the Optical Monitor; corrected positions count where it has them.

    Raises
    ------
    FileProblem
        When it cannot be read or has no positions.
    """
    table = read_table(name)
    suffix = "_CORR" if {"RA_CORR", "DEC_CORR"} <= set(table.columns) else ""
    ra, dec = (table.column(f"{axis}{suffix}").astype(np.float64) for axis in ("RA", "DEC"))
    numbered = next((column for column in OM_NUMBERS if column in table.columns), None)
    number = np.arange(1, len(ra) + 1) if numbered is None else table.columns[numbered].astype(np.int64)
    known = np.isfinite(ra) & np.isfinite(dec)
    return OpticalList(number[known], ra[known], dec[known])
