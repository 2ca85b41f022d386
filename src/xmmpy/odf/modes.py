"""Modes of instruments and CCDs, told from the files that an exposure left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xmmpy.odf.names import EVENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

UNDEFINED = "UNDEFINED"
_MOS_SMALL, _MOS_LARGE = 150, 450  # lines of the window of CCD 1: 100, 300 or 600, and overscan
_PN_LARGE = 150  # lines: 100 of 200
_PN_EXTENDED = 150.0  # ms of a frame: 199 instead of 73
#: Data mode of files that are no event lists, as real summary files have them.
_OTHER_DATA = {
    "DLI": "DiscardedLinesData", "HDI": "OffsetData", "ODI": "OffsetData", "OVE": "OffsetVariance",
    "DII": "Diagnostic", "SPE": "Spectroscopy", "IMI": "Imaging",
}  # fmt: skip
#: Mode of the instrument in an exposure that left only such files.
_OTHER_MODES = {"HDI": "Offset", "ODI": "Offset", "OVE": "Offset", "DLI": "Diagnostic", "DII": "Diagnostic"}
_PRIORITY = ("HDI", "ODI", "OVE", "DLI", "DII")


@dataclass(frozen=True, slots=True)
class CcdWindow:
    """What is known of the read-out of one CCD.

    Attributes
    ----------
    ccd : int
        Number.
    kind : str
        Type of its file, ``IME``.
    width, height : int
        WINDOWDX, WINDOWDY, pixels; 0 where they are not told.
    frame_time : float
        FRMTIME in the unit of the file; 0 where it is not told.
    """

    ccd: int
    kind: str
    width: int = 0
    height: int = 0
    frame_time: float = 0.0


def data_mode(kind: str) -> str:
    """Data mode of a type of file: ``Imaging`` for ``IME``."""
    return EVENT_TYPES.get(kind) or _OTHER_DATA.get(kind, UNDEFINED)


def instrument_mode(instrument: str, windows: Iterable[CcdWindow]) -> str:
    """Mode of an instrument in an exposure, in SAS's words (``PrimeFullWindow``).

    MOS: the window of CCD 1 (its event list, or a smaller one where the list is of the outer CCDs only). pn: the height
    of the windows, the number of CCDs and the frame time. Exposures without events: by the files that they left.
    """
    known = list(windows)
    kinds = {window.kind for window in known}
    if instrument in {"M1", "M2"}:
        return _mos_mode(known, kinds)
    if instrument == "PN":
        return _pn_mode(known, kinds)
    if instrument == "OM" and "IMI" in kinds:
        return "Image"
    return UNDEFINED


def _mos_mode(windows: list[CcdWindow], kinds: set[str]) -> str:
    if "TIE" in kinds:
        return "FastUncompressed"
    if "CTE" in kinds:
        return "FastCompressed"
    if not kinds & {"IME", "RIE"}:
        return _other_mode(kinds)
    heights = [window.height for window in windows if window.ccd == 1 and window.kind in {"IME", "RIE"}]
    height = max(heights, default=0)
    if not height or height > _MOS_LARGE:
        return "PrimeFullWindow"
    return "PrimePartialW2" if height < _MOS_SMALL else "PrimePartialW3"


def _pn_mode(windows: list[CcdWindow], kinds: set[str]) -> str:
    if "TIE" in kinds:
        return "FastTiming"
    if "BUE" in kinds:
        return "FastBurst"
    imaging = [window for window in windows if window.kind in {"IME", "RIE"}]
    if not imaging:
        return _other_mode(kinds)
    if max(window.frame_time for window in imaging) >= _PN_EXTENDED:
        return "PrimeFullWindowExtended"
    height = max(window.height for window in imaging)
    if 0 < height < _PN_LARGE:
        return "PrimeSmallWindow" if len({window.ccd for window in imaging}) == 1 else "PrimeLargeWindow"
    return "PrimeFullWindow"


def _other_mode(kinds: set[str]) -> str:
    return next((_OTHER_MODES[kind] for kind in _PRIORITY if kind in kinds), UNDEFINED)
