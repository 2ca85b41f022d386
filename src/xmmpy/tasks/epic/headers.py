"""Values that the header templates of event lists need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.calibration.nominal import frame_timing
from xmmpy.events.livetime import live_time
from xmmpy.odf.names import INSTRUMENT_NAMES
from xmmpy.odf.times import text_of_met
from xmmpy.products.eventlists import EXTREMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xmmpy.calibration.camera import CameraCalibration
    from xmmpy.odf.inventory import Exposure
    from xmmpy.products.history import Provenance
    from xmmpy.tasks.epic.ccds import CcdResult, CcdWork
    from xmmpy.tasks.epic.observation import Observation

_CENTRAL: Final = {"EMOS1": 1, "EMOS2": 1, "EPN": 4}
_MOS_EDUS: Final = (0, 2, 4, 6, 3, 5, 7)
_FULL_WINDOW: Final = ("PrimeFullWindow", "PrimeFullWindowExtended")
_MS: Final = 1000.0
_MOS_WINDOW: Final = ((-5, 0), (605, 602))
"""Corners of the telemetered window in RAWX, RAWY: TLMIN and TLMAX of DETX, DETY of real lists to a unit."""


def list_values(
    observation: Observation, exposure: Exposure, work: CcdWork, done: Sequence[CcdResult], provenance: Provenance
) -> dict[str, Any]:
    """Values of the whole list: observation, exposure, pointing, clock, times, ranges of columns."""
    archive, folder = observation.inventory.archive, observation.inventory.folder
    identifier = exposure.identifier
    pointings = work.pointings
    ra, dec, angle = (pointings.ra, pointings.dec, pointings.position_angle) if pointings else (None, None, None)
    known_target = archive is not None and np.isfinite(archive.right_ascension) and np.isfinite(archive.declination)
    values: dict[str, Any] = {
        "call": provenance.process,
        "creator": provenance.signature,
        "date": provenance.stamp,
        "origin": "XMM-Python",
        "instrument": INSTRUMENT_NAMES[exposure.instrument],
        "obs_id": folder.observation,
        "exp_id": f"{folder.observation}{identifier[1:]}",
        "expidstr": identifier,
        "revolution": int(folder.revolution) if folder.revolution.isdecimal() else 0,
        "object": archive.target if archive is not None else "",
        "observer": "",
        "filter": exposure.filter,
        "submode": work.mode,
        "datamode": "TIMING" if work.without else "IMAGING",
        "ra": ra, "dec": dec, "pa": angle,
        "ra_obj": archive.right_ascension if archive is not None and known_target else ra,
        "dec_obj": archive.declination if archive is not None and known_target else dec,
        "att_src": pointings.source if pointings else "NONE", "attsrc": pointings.source if pointings else "NONE",
        "orb_rcns": folder.find("SC", "ROS") is not None,
        "rand_xy": int(_options(work).randomize_position), "rand_tim": int(_options(work).randomize_time),
        "rand_pi": int(_options(work).randomize_energy),
        "random_p": _options(work).randomize_position, "random_e": _options(work).randomize_energy,
    }  # fmt: skip
    if work.without:
        word = "pn" if work.camera == "EPN" else "MOS"
        values["content"] = f"EPIC {word.upper()} TIMING MODE EVENT LIST"
    clock = observation.clock
    if clock is not None:
        values |= {
            "tfit_deg": clock.degree, "tfit_rms": clock.rms, "tfit_pfr": clock.rejected,
            "tfit_igh": clock.handovers_ignored,
        }  # fmt: skip
    else:
        values |= {"tfit_deg": 0, "tfit_rms": 0.0}
    values |= _times(exposure, work, done)
    values |= _ranges(work.calibration, done)
    return values


def _options(work: CcdWork) -> Any:
    return work.pn if work.camera == "EPN" else work.mos


def _times(exposure: Exposure, work: CcdWork, done: Sequence[CcdResult]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    spans = [span(one) for one in done if len(one.calibrated.good)]
    start = min((first for first, _ in spans), default=exposure.start)
    stop = max((last for _, last in spans), default=exposure.stop)
    start, stop = (moment if np.isfinite(moment) else 0.0 for moment in (start, stop))
    values |= {"tstart": start, "tstop": stop, "telapse": stop - start}
    values |= {"date_obs": text_of_met(start, 0), "date_end": text_of_met(stop, 0)}
    central = next((one for one in done if one.calibrated.ccdnr % 100 == _CENTRAL[work.camera]), None)
    chosen = central or max(done, key=lambda one: one.calibrated.good.total, default=None)
    for one in done:
        number = one.calibrated.ccdnr
        values[f"ontime{number:02d}"] = one.calibrated.good.total
        values[f"liveti{number:02d}"] = live_time(one.calibrated.frames, one.calibrated.good)
    values["ontime"] = chosen.calibrated.good.total if chosen else 0.0
    values["livetime"] = values[f"liveti{chosen.calibrated.ccdnr:02d}"] if chosen else 0.0
    lines = [one.calibrated.discarded_lines for one in done if one.calibrated.discarded_lines is not None]
    most = [int(table[:, 0].max(initial=0)) for table in lines]
    values |= {
        "dlmax": max(most, default=0),
        "dlmean": float(np.mean([t[:, 0].mean() for t in lines])) if lines else 0.0,
    }
    if work.camera == "EPN" and work.mode != "PrimeFullWindow":
        values["frmtime"] = round(frame_timing("EPN", work.mode).frame_s * _MS)
    return values


def span(one: CcdResult) -> tuple[float, float]:
    """First and last time of the good time of a CCD (MET, s)."""
    good = one.calibrated.good
    return float(good.start[0]), float(good.stop[-1])


def _ranges(calibration: CameraCalibration, done: Sequence[CcdResult]) -> dict[str, Any]:
    """Smallest and largest values of columns, and the legal ranges of DETX, DETY."""
    values: dict[str, Any] = {}
    for column, name in EXTREMES.items():
        seen = [one.extremes[column] for one in done if column in one.extremes]
        values[f"{name}_min"] = min((low for low, _ in seen), default=0)
        values[f"{name}_max"] = max((high for _, high in seen), default=0)
    is_pn = calibration.camera == "EPN"
    half = calibration.geometry[0].pixel / 2 if is_pn else 0.0
    corners = []
    for ccd in calibration.geometry:
        first, last = (ccd.first, ccd.last) if is_pn else (_MOS_WINDOW[0], _MOS_WINDOW[1])
        corners.append(ccd.raw_to_det(np.array([first[0], last[0]], float), np.array([first[1], last[1]], float)))
    for axis, name in enumerate(("detx", "dety")):
        values[f"{name}_low"] = round(min(float(corner[axis].min()) for corner in corners) - half)
        values[f"{name}_high"] = round(max(float(corner[axis].max()) for corner in corners) + half)
    return values


def ccd_values(work: CcdWork, one: CcdResult) -> dict[str, Any]:
    """Values of the tables of one CCD."""
    done = one.calibrated
    start, stop = span(one) if len(done.good) else (0.0, 0.0)
    is_pn = work.camera == "EPN"
    ccd = done.ccdnr if is_pn else done.ccdnr % 10
    values: dict[str, Any] = {
        "ccdid": (ccd - 1) % 3 if is_pn else ccd,
        "quadrant": (ccd - 1) // 3,
        "eduid": 0 if is_pn else _MOS_EDUS[ccd - 1],
        "ccdnode": 0 if is_pn else done.ccdnr // 10,
        "tstart": start, "tstop": stop, "telapse": stop - start,
        "ontime": done.good.total, "livetime": live_time(done.frames, done.good),
        "numgti": len(done.good),
        "frames": int(done.facts.get("frames", 0)),
        "framebad": int(sum(count for name, count in done.facts.items() if name.startswith("frames "))),
        "lost": float(done.facts.get("lost_s", 0.0)),
        "in_fov": area_in_view(work.calibration, ccd),
    }  # fmt: skip
    if work.camera == "EPN":
        values["timedel"] = float(np.asarray(done.frames.duration))
        values["frametim"] = done.facts.get("frame_ms", 0.0)
    else:
        values["frmtime"] = round(done.facts.get("frame_ms", 0.0) / 100.0) * 100.0  # as FRMTIME of AUX has it
        values["ccdmode"] = work.mode
    for name in ("EDUMODE", "EDUTHR", "EMDHLOW", "EMDHUPP"):
        if isinstance(one.keywords.get(name), int):
            values[name.lower()] = one.keywords[name]
    if work.mode not in _FULL_WINDOW:
        window = one.window
        values |= {
            "windowx0": window.x0, "windowy0": window.y0, "windowdx": window.width, "windowdy": window.height
        }  # fmt: skip
    return values


def area_in_view(calibration: CameraCalibration, number: int) -> float:
    """Area of a CCD inside the field of view (arcmin2)."""
    ccd = calibration.ccd(number)
    rawx, rawy = np.meshgrid(*(np.arange(ccd.first[i], ccd.last[i] + 1, 4, dtype=float) for i in (0, 1)))
    detx, dety = ccd.raw_to_det(rawx, rawy)
    return float(np.mean(calibration.field_of_view.contains(detx, dety))) * ccd.area_arcmin2
