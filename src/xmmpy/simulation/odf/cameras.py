"""Files of the cameras: events, frames, counting cycles, housekeeping."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.odf.frametimes import MOS, PN
from xmmpy.odf.housekeeping import FILTER_COLUMNS, MOS_FILTERS, PN_FILTERS
from xmmpy.odf.raw import MosEvents, PnEvents
from xmmpy.simulation.odf.files import column

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from xmmpy.products.blocks import NewColumn
    from xmmpy.simulation.detector import SimulatedCcd
    from xmmpy.simulation.odf.files import OdfWriter
    from xmmpy.simulation.odf.spacecraft import SpacecraftClock

_MOS_EDUS: Final = (0, 2, 4, 6, 3, 5, 7)
_HOUSEKEEPING_STEP_S: Final = 8.0
_CYCLE: Final = 20


def write_events(writer: OdfWriter, name: str, instrument: str, ccd: SimulatedCcd, frame_ms: float) -> str:
    """Raw events of one CCD; gives the name of the file."""
    window = ccd.window
    keywords: dict[str, Any] = {
        "WINDOWX0": window.x0, "WINDOWY0": window.y0, "WINDOWDX": window.width, "WINDOWDY": window.height
    }  # fmt: skip
    events = ccd.events
    if isinstance(events, MosEvents):
        full = f"{name}{ccd.ccd}0IME"
        keywords = {"CCDID": ccd.ccd, "CCDNODE": 0, **keywords, "EDUID": _MOS_EDUS[ccd.ccd - 1], "EDUMODE": 3,
                    "EDUTHR": 25, "FRMTIME": round(frame_ms / 100.0), "EMDHLOW": window.low,
                    "EMDHUPP": window.high}  # fmt: skip
        columns = [
            column("FRAME", "1J", events.frame, "COUNTER"),
            column("RAWX", "1I", events.rawx, "PIXEL"), column("RAWY", "1I", events.rawy, "PIXEL"),
            column("ENERGYE1", "1I", events.e1, "CHANNEL"), column("ENERGYE2", "1I", events.e2, "CHANNEL"),
            column("ENERGYE3", "1I", events.e3, "CHANNEL"), column("ENERGYE4", "1I", events.e4, "CHANNEL"),
            column("PATTERN", "1B", events.pattern), column("PERIPIX", "1B", events.peripix),
        ]  # fmt: skip
    else:
        assert isinstance(events, PnEvents)
        full = f"{name}{ccd.ccd:02d}IME"
        keywords = {"QUADRANT": (ccd.ccd - 1) // 3, "CCDID": (ccd.ccd - 1) % 3, **keywords,
                    "FRMTIME": round(frame_ms)}  # fmt: skip
        columns = [
            column("FRAME", "1J", events.frame, "COUNTER"),
            column("RAWX", "1B", events.rawx, "PIXEL"), column("RAWY", "1B", events.rawy, "PIXEL"),
            column("ENERGY", "1I", events.energy, "CHANNEL"),
        ]  # fmt: skip
    code = name[:2]
    return writer.write(full, instrument, [(f"{code}IME1", columns, {"DATATYPE": "IMAGE.EL", **keywords})]).name


def write_discarded(writer: OdfWriter, name: str, ccd: SimulatedCcd) -> str:
    """Discarded columns of one CCD of pn."""
    assert ccd.discarded_lines is not None
    numbers = np.arange(ccd.discarded_lines.size, dtype=np.int16)
    columns = [column("RAWX", "1I", numbers, "PIXEL"), column("NDISCLIN", "1J", ccd.discarded_lines, "COUNTS")]
    keywords = {"QUADRANT": (ccd.ccd - 1) // 3, "CCDID": (ccd.ccd - 1) % 3}
    return writer.write(f"{name}{ccd.ccd:02d}DLI", "EPN", [("PNDLI1", columns, keywords)]).name


def write_mos_frames(
    writer: OdfWriter, name: str, instrument: str, ccds: Sequence[SimulatedCcd], clock: SpacecraftClock
) -> str:
    """Frames of a MOS exposure (AUX), in the order of time."""
    end = np.concatenate([ccd.end for ccd in ccds])
    order = np.argsort(end, kind="stable")
    coarse, fine = clock.counters(end[order], MOS.fine_step, MOS.wrap)

    def joined(parts: list[Any]) -> Any:
        return np.concatenate(parts)[order]

    zeros = np.zeros(end.size, np.uint8)
    columns = [
        column("FRAME", "1J", joined([ccd.frame for ccd in ccds]), "COUNTER"),
        column("CCDID", "1B", joined([np.full(ccd.frame.size, ccd.ccd, np.uint8) for ccd in ccds])),
        column("CCDNODE", "1B", zeros),
        column("FTCOARSE", "1I", coarse.astype(np.int16), "SECOND"),
        column("FTFINE", "1I", fine.astype(np.int16)),
        column("NPIXEL", "1J", joined([ccd.counts["npixel"] for ccd in ccds]), "PIXEL"),
    ]
    columns += [
        column(label.upper(), "1I", joined([ccd.counts[label] for ccd in ccds]).astype(np.int16), "COUNTS")
        for label in ("nvalid", "nbelow", "nabove")
    ]
    columns += [column("GATTIFLG", "1B", zeros), column("FIFOOVF", "1B", zeros)]
    return writer.write(f"{name}00AUX", instrument, [(f"{name[:2]}AUX1", columns, {})]).name


def write_pn_frames(writer: OdfWriter, name: str, ccds: Sequence[SimulatedCcd], clock: SpacecraftClock) -> str:
    """Frames and cycles of a pn exposure (AUX: PNAUX1, PNAUX2); empty frames have no row, lost cycles neither."""
    filled = [ccd.counts["nabove"] > 0 for ccd in ccds]
    end = np.concatenate([ccd.end[rows] for ccd, rows in zip(ccds, filled, strict=True)])
    frame = np.concatenate([ccd.frame[rows] for ccd, rows in zip(ccds, filled, strict=True)])
    number = np.concatenate([np.full(rows.sum(), ccd.ccd) for ccd, rows in zip(ccds, filled, strict=True)])
    order = np.argsort(end, kind="stable")
    coarse, fine = clock.counters(end[order], PN.fine_step, PN.wrap)
    fine16 = fine.astype(np.uint16).view(np.int16)  # stored as the telemetry has it, in two bytes
    first = [
        column("FRAME", "1J", frame[order].astype(np.int32), "COUNTER"),
        column("CYCLE", "1J", (frame[order] // _CYCLE).astype(np.int32), "COUNTER"),
        column("FTCOARSE", "1I", coarse.astype(np.int16), "SECOND"),
        column("FTFINE", "1I", fine16),
        column("QUADRANT", "1B", ((number[order] - 1) // 3).astype(np.uint8)),
        column("CCDID", "1B", ((number[order] - 1) % 3).astype(np.uint8)),
    ]
    cycles = max((int(ccd.frame.max(initial=-1)) // _CYCLE + 1 for ccd in ccds), default=0)
    came_down = np.unique(np.concatenate([ccd.frame // _CYCLE for ccd in ccds]))
    discarded = np.zeros((4, cycles), np.int64)
    above = np.zeros((4, cycles), np.int64)
    for ccd in ccds:
        quadrant = (ccd.ccd - 1) // 3
        cycle = ccd.frame // _CYCLE
        discarded[quadrant] += np.bincount(cycle, weights=ccd.counts["ndiscarded"], minlength=cycles).astype(np.int64)
        above[quadrant] += np.bincount(cycle, weights=ccd.counts["nabove"], minlength=cycles).astype(np.int64)
    quadrants = np.tile(np.arange(4), came_down.size)
    sent = above.T[came_down].ravel()
    counts = [column(label, "1I", np.minimum(sent, 65535).astype(np.uint16), "COUNTS")
              for label in ("NABOVE", "NDEFA", "NEPDH")]  # fmt: skip
    second: list[NewColumn] = [
        column("CYCLE", "1J", np.repeat(came_down, 4).astype(np.int32), "COUNTER"),
        column("QUADRANT", "1B", quadrants.astype(np.uint8)),
        *counts,
        column("NDISCLIN", "1I", np.minimum(discarded.T[came_down].ravel(), 65535).astype(np.uint16), "COUNTS"),
        column("MCOMMODE", "1I", np.zeros(quadrants.size, np.uint16)),
    ]
    return writer.write(f"{name}00AUX", "EPN", [("PNAUX1", first, {}), ("PNAUX2", second, {})]).name


def write_housekeeping(
    writer: OdfWriter, code: str, instrument: str, optical_filter: str, start: datetime, length_s: float
) -> str:
    """Periodic housekeeping with the position of the filter wheel."""
    positions = {name: place for place, name in (PN_FILTERS if code == "PN" else MOS_FILTERS).items()}
    seconds = np.arange(-200.0, length_s + 200.0, _HOUSEKEEPING_STEP_S)
    times = [(start + timedelta(seconds=float(moment))).strftime("%Y-%m-%dT%H:%M:%S") for moment in seconds]
    columns = [
        column("TIME", "19A", np.array(times, "S19")),
        column(FILTER_COLUMNS[code][0], "1E", np.full(seconds.size, positions.get(optical_filter, 0), np.float32)),
    ]
    kind = "PMH" if code == "PN" else "PEH"
    return writer.write(f"{code}X00000{kind}", instrument, [(f"{code}{kind}1", columns, {})]).name


def write_settings(writer: OdfWriter, code: str, instrument: str, start: datetime) -> None:
    """Settings of the data handling at the start: HCH, for MOS the thresholds (HTH), with the columns of real files.

    Of the analogue housekeeping of pn (PAH), which has 200 parameters, only the time is written.
    """
    time = column("TIME", "19A", np.array([start.strftime("%Y-%m-%dT%H:%M:%S")], "S19"))
    handling = [
        time,
        column("HBRID", "1B", np.ones(1, np.uint8)),
        column("HBRACTIV", "1B", np.ones(1, np.uint8)),
        column("HBRPROC", "1I", np.zeros(1, np.uint16)),
    ]
    if code == "PN":
        modes = [column(f"CCD{number}MODE", "1B", np.ones(1, np.uint8)) for number in range(3)]
        writer.write("PNX00000HCH", instrument, [("PNHCH1", [*handling, *modes], {})])
        writer.write("PNX00000PAH", instrument, [("PNPAH1", [time], {})])
        return
    thresholds = [
        time,
        column("HBRID", "1B", np.ones(1, np.uint8)),
        column("LTHRESH", "1I", np.zeros(1, np.uint16)),
        column("UTHRESH", "1I", np.full(1, 4095, np.uint16)),
        column("PATTERN", "1I", np.full(1, 31, np.uint16)),
    ]
    writer.write(f"{code}X00000HCH", instrument, [(f"{code}HCH1", handling, {})])
    writer.write(f"{code}X00000HTH", instrument, [(f"{code}HTH1", thresholds, {})])


def write_counting(writer: OdfWriter, name: str, instrument: str, clock: SpacecraftClock) -> None:
    """Counting cycles (CCX): none but the one that ends when the exposure begins."""
    obt = int(np.rint(clock.at_start))
    columns = [column("HBRID", "1I", np.ones(1, np.int16), "COUNTER")]
    for label, seconds in (("ST", obt - 60), ("ET", obt)):
        columns.append(column(f"{label}COARSE", "1J", np.full(1, seconds, np.int32), "SECOND"))
        columns.append(column(f"{label}FINE", "1I", np.zeros(1, np.uint16)))
    for label in ("VE", "RELT", "REUT", "FRAM"):
        columns.append(column(f"{label}CNTR", "1I", np.zeros(1, np.int16), "COUNTER"))
        columns.append(column(f"{label}OVF"[:7], "1B", np.zeros(1, np.uint8), "FLAG"))
    writer.write(f"{name}00CCX", instrument, [(f"{name[:2]}CCX1", columns, {})])
