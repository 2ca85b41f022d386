"""One CCD of an exposure: raw file, bad pixels, calibration, X,Y; the result is rows of the list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.calibration.badpixels import BadPixels
from xmmpy.events.badpixels import known_and_found
from xmmpy.events.calibrated import NO_EVENTS
from xmmpy.events.coordinates import NULL_PIXEL, TangentPlane, det_to_sky, whole_pixels
from xmmpy.events.mos import MosOptions, calibrate_mos_ccd
from xmmpy.events.mos.rules import ccd_pixels
from xmmpy.events.pn import PnOptions, calibrate_pn_ccd
from xmmpy.odf.rawfiles import read_discarded_lines, read_mos_events, read_pn_events
from xmmpy.products import layout
from xmmpy.products.errors import FileProblem
from xmmpy.products.eventlists import EXTREMES, PLACES, template_name

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from xmmpy.calibration.camera import CameraCalibration
    from xmmpy.events.calibrated import CalibratedCcd, CcdEvents
    from xmmpy.odf.inventory import CcdFile
    from xmmpy.odf.raw import MosFrameTable, PnFrameTable, Window
    from xmmpy.products.intervals import Intervals
    from xmmpy.tasks.epic.observation import Pointings


@dataclass(frozen=True, slots=True, eq=False)
class CcdResult:
    """A calibrated CCD as it goes into the list.

    Attributes
    ----------
    calibrated : CalibratedCcd
        Its frames, good time, bad pixels and fates; the events are given up.
    rows : ndarray of records
        Rows of EVENTS.
    extremes : dict of str to (int, int)
        Column to its smallest and largest value.
    window : Window
        What was read out.
    keywords : dict
        Header of the raw file.
    found : int
        Bad pixels (and stretches) found in the data.
    remarks : tuple of str
        What was wrong with its files.
    """

    calibrated: CalibratedCcd
    rows: NDArray[np.void]
    extremes: dict[str, tuple[int, int]]
    window: Window
    keywords: dict[str, Any]
    found: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CcdWork:
    """What all CCDs of an exposure share.

    Attributes
    ----------
    camera, mode : str
        INSTRUME and SUBMODE.
    calibration : CameraCalibration
        Of the camera.
    pointings : Pointings or None
        Attitude.
    mos, pn : MosOptions, PnOptions
        What is done to the events.
    find_bad_pixels : bool
        Whether unknown bad pixels are looked for.
    seed : tuple of int
        Start of the random numbers, without the CCD.
    housekeeping : Intervals or None
        When the housekeeping is good; None where nothing tells it.
    """

    camera: str
    mode: str
    calibration: CameraCalibration
    pointings: Pointings | None
    mos: MosOptions
    pn: PnOptions
    find_bad_pixels: bool
    seed: tuple[int, ...]
    housekeeping: Intervals | None = None

    @property
    def without(self) -> tuple[str, ...]:
        """Columns that the list lacks."""
        return PLACES if self.mode.startswith("Fast") else ()


def process_ccd(
    work: CcdWork, file: CcdFile, frames: MosFrameTable | PnFrameTable, discarded: Path | None = None
) -> CcdResult:
    """Read and calibrate one CCD.

    Parameters
    ----------
    work : CcdWork
        What it shares with the others.
    file : CcdFile
        Its raw events.
    frames : MosFrameTable or PnFrameTable
        Its frames.
    discarded : pathlib.Path, optional
        Its DLI file.

    Raises
    ------
    FileProblem
        When the raw file cannot be read.
    """
    is_pn = work.camera == "EPN"
    number = file.name.ccd + (0 if is_pn else 10 * file.name.node)
    rng = np.random.default_rng([*work.seed, number])
    remarks: list[str] = []
    calibrated, window, known, missing = (
        _calibrate_pn(work, file, frames, number, rng, discarded, remarks)
        if is_pn
        else _calibrate_mos(work, file, frames, number, rng)
    )
    if missing:
        remarks.append(f"{file.path.name} is cut short: {missing} events of its header are not there")
    events = calibrated.events
    rows = _rows(work, events, calibrated.ccdnr)
    return CcdResult(
        calibrated=replace(calibrated, events=NO_EVENTS),
        rows=rows,
        extremes=_extremes(rows),
        window=window,
        keywords=file.keywords,
        found=len(calibrated.bad_pixels) - known,
        remarks=tuple(remarks),
    )


def _calibrate_mos(
    work: CcdWork, file: CcdFile, frames: Any, number: int, rng: np.random.Generator
) -> tuple[CalibratedCcd, Window, int, int]:
    events, window, missing = read_mos_events(file.path)
    bad = work.calibration.bad_pixels.get(number % 10, BadPixels.none())
    known = len(bad)
    if work.find_bad_pixels and not work.mode.startswith("Fast"):
        rawx, rawy = ccd_pixels(events.rawx, events.rawy, window, number // 10)
        bad = known_and_found(work.calibration.ccd(number % 10), rawx, rawy, bad)
    done = calibrate_mos_ccd(
        events, frames, window, number, work.mode, work.calibration, bad, work.mos, rng, work.housekeeping
    )
    return done, window, known, missing


def _calibrate_pn(
    work: CcdWork,
    file: CcdFile,
    frames: Any,
    number: int,
    rng: np.random.Generator,
    discarded: Path | None,
    remarks: list[str],
) -> tuple[CalibratedCcd, Window, int, int]:
    events, window, missing = read_pn_events(file.path)
    bad = work.calibration.bad_pixels.get(number, BadPixels.none())
    known = len(bad)
    if work.find_bad_pixels and not work.mode.startswith("Fast"):
        rawx, rawy = events.rawx.astype(np.int16) + 1, events.rawy.astype(np.int16) + 1
        bad = known_and_found(work.calibration.ccd(number), rawx, rawy, bad)
    lines = None
    if discarded is not None:
        try:
            lines = read_discarded_lines(discarded)
        except FileProblem as problem:
            remarks.append(str(problem))
    done = calibrate_pn_ccd(
        events, frames, window, number, work.mode, work.calibration, bad, work.pn, rng, work.housekeeping, lines
    )
    return done, window, known, missing


def _rows(work: CcdWork, events: CcdEvents, ccdnr: int) -> NDArray[np.void]:
    """Rows of EVENTS."""
    rows = np.zeros(len(events), layout.row_type(template_name(work.camera, "events"), work.without))
    for column in rows.dtype.names or ():
        values = getattr(events, column.lower(), None)
        if values is not None:
            rows[column] = values
    rows["CCDNR"] = ccdnr
    if not work.without:
        rows["X"] = rows["Y"] = NULL_PIXEL
        if work.pointings is not None and len(events):
            assert events.detx is not None
            assert events.dety is not None
            pointings = work.pointings
            plane = TangentPlane(pointings.ra, pointings.dec)
            places = det_to_sky(
                events.detx, events.dety, events.time, pointings.attitude, work.calibration.boresight, plane
            )
            located = pointings.attitude.covers(events.time)
            for column, place in zip("XY", places, strict=True):
                rows[column] = np.where(located, whole_pixels(place), NULL_PIXEL)
    return rows


def _extremes(rows: NDArray[np.void]) -> dict[str, tuple[int, int]]:
    found = {}
    for column in EXTREMES:
        if column in (rows.dtype.names or ()) and len(rows):
            values = rows[column]
            if column in "XY":
                values = values[values != NULL_PIXEL]
            if values.size:
                found[column] = (int(values.min()), int(values.max()))
    return found
