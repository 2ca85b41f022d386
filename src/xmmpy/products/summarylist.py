"""EPIC summary source lists: one row per source, columns for all cameras and bands, as srcmatch writes them.

Names, order, formats, units and nulls are those of the P*EPX000OBSMLI0000 lists of SAS 21 (srcmatch-3.23).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xmmpy.products.sourcelists import ListColumn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


CAMERAS: Final = ("PN", "M1", "M2")
EPIC: Final = "EP"
BANDS: Final = ("1", "2", "3", "4", "5")
TOTAL: Final = "TOT"
XID: Final = "XID"
RATIOS: Final = (1, 2, 3, 4)
OM_PARTNERS: Final = 5
PIXEL_KEYWORD: Final = "PIXSIZE"
"""Side of an image pixel in arcsec, which EP_EXTENT is in; an addition of this project."""

_ALL: Final = (*CAMERAS, EPIC)
_PIXELS = "image pixels"


def summary_layout(sets: int = 2, extent_unit: str = _PIXELS) -> tuple[ListColumn, ...]:
    """Columns of a summary list, in order: 249 of them for one or two input lists, two more for each further one.

    Parameters
    ----------
    sets : int
        Number of input lists.
    extent_unit : str
        Unit of EP_EXTENT and its error.
    """
    return tuple(_columns(max(sets, 2), extent_unit))


def flux_name(camera: str, band: str) -> str:
    """Name of the flux of a camera (or EP) in a band (or TOT, XID)."""
    return f"{camera}_{band}_FLUX"


def rate_name(camera: str, band: str) -> str:
    """Name of the count rate of a camera (or EP) in a band (or TOT, XID)."""
    return f"{camera}_{band}"


def error_name(name: str) -> str:
    """Name of the error of a column."""
    if name.endswith("_FLUX"):
        return f"ERR_{name}"
    return "EP_EXT_ERR" if name == "EP_EXTENT" else f"{name}_ERR"


def likelihood_name(camera: str, band: str) -> str:
    """Name of the detection likelihood of a camera (or EP) in a band (or TOT, XID)."""
    return f"{camera}_{'DET' if band == TOTAL else band}_ML"


def is_summary_list(names: Collection[str]) -> bool:
    """Whether columns are those of a summary list."""
    return {"SRC_NUM", "EP_TOT", "EP_DET_ML"} <= set(names)


def _pair(name: str, unit: str, form: str = "E") -> Iterator[ListColumn]:
    yield ListColumn(name, form, unit)
    yield ListColumn(error_name(name), form, unit)


def _columns(sets: int, extent_unit: str) -> Iterator[ListColumn]:
    yield ListColumn("SRC_NUM", "J")
    for number in range(1, sets + 1):
        yield ListColumn(f"EP_{number}_ML_ID", "J", " -", -1)
        yield ListColumn(f"EP_{number}_BOXID", "J", " -", -1)
    yield ListColumn("RA", "D", "deg")
    yield ListColumn("DEC", "D", "deg")
    yield ListColumn("RADEC_ERR", "E", "arcsec")
    yield ListColumn("LII", "D", "deg")
    yield ListColumn("BII", "D", "deg")
    yield from _pair("X_IMA", _PIXELS)
    yield from _pair("Y_IMA", _PIXELS)
    for camera in CAMERAS:
        yield from _pair(f"{camera}_CTS", "counts")
    for band in (TOTAL, *BANDS, XID):
        for camera in _ALL:
            yield from _pair(flux_name(camera, band), "cgs")
    yield from _rates()
    yield from _likelihoods()
    yield from _pair("EP_EXTENT", extent_unit)
    yield ListColumn("EP_EXT_ML", "E", "-")
    yield from _circumstances()
    yield from _variability_and_partners()
    for name in ("RA_CORR", "DEC_CORR", "LII_CORR", "BII_CORR"):
        yield ListColumn(name, "D", "deg")
    yield ListColumn("SYSERRCC", "E", "arcsec")


def _rates() -> Iterator[ListColumn]:
    for camera in _ALL:
        yield from _pair(rate_name(camera, TOTAL), "cnts/s")
    for camera in CAMERAS:
        for band in BANDS:
            yield from _pair(rate_name(camera, band), "cnts/s")
    for camera in _ALL:
        yield from _pair(rate_name(camera, XID), "cnts/s")


def _likelihoods() -> Iterator[ListColumn]:
    for band in (TOTAL, XID):
        for camera in _ALL:
            yield ListColumn(likelihood_name(camera, band), "E", " -")
    for camera in CAMERAS:
        for band in BANDS:
            yield ListColumn(likelihood_name(camera, band), "E", " -")


def _circumstances() -> Iterator[ListColumn]:
    for camera in CAMERAS:
        for band in BANDS:
            yield ListColumn(f"{camera}_{band}_EXP", "E", "seconds")
        for band in BANDS:
            yield ListColumn(f"{camera}_{band}_VIG", "E", "-")
    for name, unit in (("ONTIME", "seconds"), ("MASKFRAC", "-"), ("OFFAX", "arcmin")):
        for camera in CAMERAS:
            yield ListColumn(f"{camera}_{name}", "E", unit)
    for camera in _ALL:
        for number in RATIOS:
            yield from _pair(f"{camera}_HR{number}", "-")
    for camera in CAMERAS:
        yield ListColumn(f"{camera}_PILEUP", "E", "-")


def _variability_and_partners() -> Iterator[ListColumn]:
    yield ListColumn("VAR_STAT", "E")
    yield ListColumn("N_BINS", "J", "", -1)
    yield ListColumn("P_VAR", "E")
    yield ListColumn("VAR_EXP_NO", "J", "", -1)
    for number in range(1, OM_PARTNERS + 1):
        yield ListColumn(f"OM_ID{number}", "J", "", -1)
        yield ListColumn(f"OM_ID{number}_DIST", "E", "arcsec")
    yield ListColumn("N_OPT_CO", "J", "", -1)
    yield ListColumn("OMFLAG", "10A")
    yield ListColumn("SPECTRA", "L")
    yield ListColumn("TSERIES", "L")
    for camera in _ALL:
        yield ListColumn(f"{camera}_FLAG", "12A")
