"""Settings of an exposure that stand in its housekeeping and headers: what a summary file lists beside the modes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.odf.clock import FINE_STEPS
from xmmpy.odf.frametimes import MOS, PN
from xmmpy.odf.housekeeping import Housekeeping, read_housekeeping
from xmmpy.odf.names import EPIC
from xmmpy.odf.summary import Parameter
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xmmpy.odf.inventory import Exposure
    from xmmpy.odf.opening import OdfFolder

_UNKNOWN = "Unknown"
_MOS_BUFFERS = 8  # HBRs of a MOS camera; EDUs too
_PN_BUFFERS = 4


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """Non-periodic housekeeping of one camera.

    Attributes
    ----------
    configuration, thresholds : Housekeeping or None
        HCH (HBRID, HBRACTIV, HBRPROC) and HTH (HBRID, LTHRESH, UTHRESH, PATTERN).
    """

    configuration: Housekeeping | None = None
    thresholds: Housekeeping | None = None


def read_settings(folder: OdfFolder, instrument: str) -> tuple[CameraSettings, list[str]]:
    """Read the non-periodic housekeeping of a camera; a sentence for every file that cannot be read."""
    found: dict[str, Housekeeping] = {}
    remarks = []
    for kind in ("HCH", "HTH"):
        path = folder.find(instrument, kind)
        if path is None:
            continue
        try:
            found[kind] = read_housekeeping(path)
        except FileProblem as problem:
            remarks.append(str(problem))
    return CameraSettings(found.get("HCH"), found.get("HTH")), remarks


def exposure_settings(exposure: Exposure, settings: CameraSettings) -> Iterator[Parameter]:
    """Settings of an exposure of an EPIC camera, in the order of real summary files; nothing for other exposures."""
    if exposure.instrument not in EPIC or not exposure.is_science:
        return
    yield from _filter(exposure)
    mos = exposure.instrument != "PN"
    wrap = (MOS if mos else PN).wrap
    if np.isfinite(exposure.clock_reset):
        whole = int(exposure.clock_reset)
        fine = round((exposure.clock_reset - whole) * FINE_STEPS)
        for part, count, word in (("COARSE", whole, "Coarse"), ("FINE", fine, "Fine")):
            meaning = f"{word} component of the clock reset time"
            yield Parameter(f"CLOCK_RESET_TIME_{part}", str(count), meaning, from_housekeeping=True)
    yield Parameter("CLOCK_WRAP_AROUND", f"{wrap:.0f}", "Clock wrap around", from_housekeeping=True)
    if mos:
        yield from _edu_thresholds(exposure)
    for buffer in range(_MOS_BUFFERS if mos else _PN_BUFFERS):
        active = _value(settings.configuration, "HBRACTIV", buffer, exposure)
        yield _setting(f"HBR_{buffer}_ACTIVATION_STATUS", active, f"Activation status for HBR {buffer}")
        if mos:
            mode = _value(settings.configuration, "HBRPROC", buffer, exposure)
            yield _setting(f"HBR_{buffer}_PROCESSING_MODE", mode, f"Processing mode for HBR {buffer}")
    if mos:
        for buffer in range(_MOS_BUFFERS):
            for name, column, meaning in (
                ("HBR_PATTERN_REFERENCE", "PATTERN", "Pattern reference"),
                ("HBR_LOW_THR", "LTHRESH", "Low threshold"),
                ("HBR_HIG_THR", "UTHRESH", "High threshold"),
            ):
                value = _value(settings.thresholds, column, buffer, exposure)
                yield _setting(f"{name}_{buffer}", value, f"{meaning} for HBR {buffer}")


def _filter(exposure: Exposure) -> Iterator[Parameter]:
    position = exposure.filter_position
    if np.isfinite(position):
        meaning = "Hardware filter wheel position"
        yield Parameter("FILTER_WHEEL_POSITION", f"{position:.6g}", meaning, from_housekeeping=True)
    yield _setting("FILTER", "" if exposure.filter == _UNKNOWN else exposure.filter, "Filter")


def _edu_thresholds(exposure: Exposure) -> Iterator[Parameter]:
    """Yield the thresholds of the event detection units, from the headers of the event lists."""
    ordinals = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th")
    known = {ccd.keywords.get("EDUID"): ccd.keywords.get("EDUTHR") for ccd in exposure.events}
    for unit, ordinal in enumerate(ordinals):
        if isinstance(known.get(unit), int):
            for number, word in ((1, "First"), (2, "Second")):
                meaning = f"{word} low threshold of {ordinal} EDU"
                yield Parameter(f"EDU_{unit}_LOW_THR_{number}", str(known[unit]), meaning, from_housekeeping=True)


def _setting(name: str, value: str, meaning: str) -> Parameter:
    return Parameter(name, value or _UNKNOWN, meaning, from_housekeeping=True, missing=not value)


def _value(table: Housekeeping | None, column: str, buffer: int, exposure: Exposure) -> str:
    """Value of a buffer during the exposure, or the last before; empty where there is none."""
    if table is None or "HBRID" not in table.columns or column not in table.columns:
        return ""
    mine = table.columns["HBRID"] == buffer + 1
    rows = Housekeeping(table.time[mine], {column: table.columns[column][mine]})
    values = rows.during(column, exposure.start, exposure.stop)
    return str(int(values[-1])) if values.size and values.dtype.kind in "iuf" else ""
