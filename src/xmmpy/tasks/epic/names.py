"""File names of the products of the chains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xmmpy.odf.names import INSTRUMENT_NAMES

if TYPE_CHECKING:
    from xmmpy.odf.inventory import Exposure
    from xmmpy.odf.opening import OdfFolder


def list_name(folder: OdfFolder, exposure: Exposure, *, canonical: bool = False, out_of_time: bool = False) -> str:
    """Name of an event list, as emproc and epproc name it, or (canonical) as ESA's pipeline does."""
    timing = exposure.is_timing
    if canonical:
        kind = "TIEVLI" if timing else "PIEVLI" if exposure.instrument == "PN" else "MIEVLI"
        kind = "OOEVLI" if out_of_time else kind
        return f"P{folder.observation}{exposure.instrument}{exposure.identifier}{kind}0000.FIT"
    burst = exposure.mode == "FastBurst"
    word = "OOTEvts" if out_of_time else "BurstEvts" if burst else "TimingEvts" if timing else "ImagingEvts"
    return f"{_stem(folder, exposure)}_{word}.ds"


def bad_pixel_name(folder: OdfFolder, exposure: Exposure, *, canonical: bool = False) -> str:
    """Name of the table of bad pixels."""
    if canonical:
        return f"P{folder.observation}{exposure.instrument}{exposure.identifier}BADPIX0000.FIT"
    return f"{_stem(folder, exposure)}_Badpixels.ds"


def attitude_name(folder: OdfFolder, *, canonical: bool = False) -> str:
    """Name of the attitude table."""
    if canonical:
        return f"P{folder.observation}OBX000ATTTSR0000.FIT"
    return f"{folder.revolution}_{folder.observation}_AttHk.ds"


def _stem(folder: OdfFolder, exposure: Exposure) -> str:
    instrument = INSTRUMENT_NAMES[exposure.instrument]
    return f"{folder.revolution}_{folder.observation}_{instrument}_{exposure.identifier}"
