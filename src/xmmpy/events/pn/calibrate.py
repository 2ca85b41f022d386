"""One pn CCD from raw pixels to rows of an event list."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration.energy import PnEnergy
from xmmpy.calibration.nominal import frame_timing
from xmmpy.events.badpixels.placing import pixel_flags
from xmmpy.events.calibrated import CalibratedCcd, CcdEvents, Fate
from xmmpy.events.energy import pn_pixel_energy
from xmmpy.events.fates import sift
from xmmpy.events.flags import PnFlag
from xmmpy.events.placing import camera_places
from xmmpy.events.pn.frames import analyse_frames
from xmmpy.events.pn.patterns import COLUMNS, LARGEST, MAIN_PIXEL, ROWS, Recognised, pixel_keys, recognise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.calibration.badpixels import BadPixels
    from xmmpy.calibration.camera import CameraCalibration
    from xmmpy.calibration.nominal import CcdGeometry, FrameTiming
    from xmmpy.events.pn.frames import PnFrames
    from xmmpy.odf.raw import PnEvents, PnFrameTable, Window
    from xmmpy.products.intervals import Intervals

EPPROC_REJECTED: Final = 0xCFA0000
"""FLAG bits of events that epproc's filter #XMMEA_EP removes."""
_WIDTH: Final = 64
_HEIGHT: Final = 200
_LARGEST_PI: Final = 20479
MACRO_ROWS: Final = 10
"""Rows of the CCD that are read as one in timing mode."""
_EDGE: Final = {3: 206, 4: 207}
"""PATTERN of triples and quadruples next to the window's edge or a bad pixel, part of which may be lost."""
_REASONS: Final = (
    (PnFlag.IN_BAD_FRAME, "in a bad frame"),
    (PnFlag.OUT_OF_CCD_WINDOW, "outside the window of the CCD"),
    (PnFlag.COSMIC_RAY, "track of a cosmic ray"),
    (PnFlag.MIP_ASSOCIATED, "beside the track of a cosmic ray"),
    (PnFlag.ON_BADPIX, "on a bad pixel"),
    (PnFlag.TRAILING, "re-emission after a bright pixel"),
    (PnFlag.OUT_OF_FOV, "outside the field of view"),
)


@dataclass(frozen=True, slots=True)
class PnOptions:
    """What is done to the events.

    Attributes
    ----------
    randomize_position, randomize_time, randomize_energy : bool
        Spread events evenly over their pixel, their frame, their channel.
    out_of_time : bool
        Take all events for such that came during the read-out: RAWY is random (epproc withoutoftime).
    mip_threshold : int
        Charge (adu) above which a pixel is the track of a particle (epframes mipthreshold).
    lower_threshold : int
        Smallest charge of a pixel (adu; epframes lowerthreshold).
    reemission_threshold : int
        Charge (adu) from which on the weaker pixel that is read next in its column counts as re-emitted (TRAILING); 0
        for none (REEM_THR of real lists).
    source_row : int
        RAWY of the source, to which times of the fast modes refer (epframes srcposition).
    lowest_pi : int
        Events need a larger PI (eV; epproc PI > 150).
    rejected : int
        FLAG bits of events that do not reach the list.
    """

    randomize_position: bool = True
    randomize_time: bool = True
    randomize_energy: bool = True
    out_of_time: bool = False
    mip_threshold: int = 3000
    lower_threshold: int = 20
    reemission_threshold: int = 0
    source_row: int = 190
    lowest_pi: int = 150
    rejected: int = EPPROC_REJECTED


@dataclass(frozen=True, slots=True, eq=False)
class _Pixels:
    """Pixels in the order of frame, column and row; arrays of one length."""

    keys: NDArray[np.int64]
    frame: NDArray[np.intp]
    rawx: NDArray[np.int16]
    rawy: NDArray[np.int16]
    charge: NDArray[np.int16]
    flag: NDArray[np.int32]

    def take(self, kept: NDArray[np.bool_]) -> _Pixels:
        """Only some of them."""
        return self if kept.all() else _Pixels(*(getattr(self, field.name)[kept] for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """Events for the list, by their main pixels; arrays of one length."""

    pixel: NDArray[np.intp]
    rawy: NDArray[np.int16]
    pi: NDArray[np.int16]
    pattern: NDArray[np.uint8]
    flag: NDArray[np.int32]
    index: NDArray[np.int16]

    def take(self, rows: NDArray[np.bool_]) -> _Chosen:
        """Some of them."""
        return _Chosen(*(getattr(self, name)[rows] for name in ("pixel", "rawy", "pi", "pattern", "flag", "index")))


def calibrate_pn_ccd(
    events: PnEvents,
    frames: PnFrameTable,
    window: Window,
    ccdnr: int,
    mode: str,
    calibration: CameraCalibration,
    bad_pixels: BadPixels,
    options: PnOptions,
    rng: np.random.Generator,
    housekeeping: Intervals | None = None,
    discarded: NDArray[np.int32] | None = None,
) -> CalibratedCcd:
    """Calibrate one CCD.

    Parameters
    ----------
    events : PnEvents
        Raw pixels.
    frames : PnFrameTable
        Its frames.
    window : Window
        What was read out.
    ccdnr : int
        CCDNR, 1 to 12.
    mode : str
        SUBMODE, such as ``PrimeFullWindow``; ``FastTiming`` and ``FastBurst`` have a row clock.
    calibration : CameraCalibration
        Of the camera.
    bad_pixels : BadPixels
        Known and found.
    options : PnOptions
        What is done.
    rng : numpy.random.Generator
        Random numbers.
    housekeeping : Intervals, optional
        When the housekeeping is good.
    discarded : ndarray of int32, shape (n,), optional
        How often each column, or each row, was discarded on board (DLI).

    Returns
    -------
    CalibratedCcd
        Rows, frames, good time, and the fate of every raw pixel.
    """
    geometry = calibration.ccd(ccdnr)
    timing = frame_timing(calibration.camera, mode)
    fast = mode.startswith("Fast")
    offsets = calibration.offset_columns.get(ccdnr, np.zeros((0, 2), np.int16))
    analysed = analyse_frames(frames, timing, housekeeping)
    by_place = pixel_flags(geometry, bad_pixels, offsets, *_read_out(window, fast=fast))
    pixels, fates = _valid(events, analysed, window, offsets, by_place, options)
    lost_in_frame, lost_in_column = _mark_tracks(pixels, options.mip_threshold, analysed.number.size)
    _mark_trailing(pixels, options.reemission_threshold)
    kept_pixels, more = sift(pixels.flag, options.rejected & ~int(PnFlag.OUT_OF_FOV), _REASONS)
    pixels = pixels.take(kept_pixels)
    fates += more
    found = recognise(pixels.keys, pixels.charge)
    fates.append(Fate("joined to an event of several pixels", pixels.keys.size - found.main.size))
    energy = calibration.energy
    assert isinstance(energy, PnEnergy)
    rawy, pi = _energies(pixels, found, energy, ccdnr, options, rng)
    main = found.main
    pattern = _near_edges(found.pattern, pixels.flag[main])
    flag = pixels.flag[main]
    flag[pattern > LARGEST] |= np.int32(PnFlag.INVALID_PATTERN)
    kept = np.flatnonzero(pi > options.lowest_pi)
    fates.append(Fate("below the lowest energy", main.size - kept.size))
    chosen = _Chosen(main[kept], rawy[kept], pi[kept], pattern[kept], flag[kept], found.index[kept])
    row_s = timing.row_s if fast else 0.0
    delay_s = row_delay(mode, timing, options.source_row) if fast else 0.0
    rows, more = _rows(pixels, found.sequence, chosen, calibration, geometry, analysed, options, rng, row_s, delay_s)
    fates += more
    table = np.zeros((_HEIGHT, 2), np.int32)
    if discarded is not None:
        table[: min(_HEIGHT, discarded.size), 0] = discarded[:_HEIGHT]
    table[:_WIDTH, 1] = lost_in_column
    return CalibratedCcd(
        ccdnr=ccdnr,
        events=rows,
        frames=analysed.exposure(lost_in_frame),
        good=analysed.good,
        bad_pixels=bad_pixels,
        offsets=np.column_stack([offsets, np.zeros(len(offsets), np.int16)]).astype(np.int16).reshape(-1, 3),
        raw_events=len(events),
        fates=tuple(fate for fate in fates if fate.events),
        facts=analysed.facts | {"columns discarded on the ground": int(lost_in_column.sum())},
        discarded_lines=table,
        discarded_columns=analysed.discarded,
    )


def _read_out(window: Window, *, fast: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last RAWY and RAWX that are read out; coordinates in windows are those of the whole CCD."""
    if fast or not window.width or not window.height:
        return (1, _HEIGHT), (1, _WIDTH)
    rows = (window.y0 + 1, min(window.y0 + window.height, _HEIGHT))
    return rows, (window.x0 + 1, min(window.x0 + window.width, _WIDTH))


def _valid(
    events: PnEvents,
    analysed: PnFrames,
    window: Window,
    offsets: NDArray[np.int16],
    by_place: NDArray[np.int32],
    options: PnOptions,
) -> tuple[_Pixels, list[Fate]]:
    """Pixels of known frames and places with enough charge, each once, in order."""
    frame = analysed.find(events.frame)
    known = frame >= 0
    legal = known & (events.rawx < _WIDTH) & (events.rawy < _HEIGHT)
    charge = events.energy
    if len(offsets):
        by_column = np.zeros(256, np.int16)
        by_column[np.clip(offsets[:, 0] - 1, 0, 255)] = offsets[:, 1]
        charge = charge - by_column[events.rawx]
    bright = legal & (charge >= max(options.lower_threshold, window.low))
    rows = np.flatnonzero(bright)
    keys = pixel_keys(frame[rows], events.rawx[rows] + np.uint8(1), events.rawy[rows] + np.uint8(1))
    if np.any(keys[1:] <= keys[:-1]):
        keys, first = np.unique(keys, return_index=True)
        repeated = rows.size - first.size
        rows = rows[first]
    else:
        repeated = 0
    rawx, rawy = events.rawx[rows].astype(np.int16) + np.int16(1), events.rawy[rows].astype(np.int16) + np.int16(1)
    flag = by_place[rawx, rawy]
    flag |= np.where(analysed.usable[frame[rows]], np.int32(0), np.int32(PnFlag.IN_BAD_FRAME))
    fates = [
        Fate("of a frame that did not come down", int((~known).sum())),
        Fate("outside the window of the CCD", int((known & ~legal).sum())),
        Fate("below the lower threshold", int((legal & ~bright).sum())),
        Fate("sent twice", repeated),
    ]
    return _Pixels(keys, frame[rows], rawx, rawy, charge[rows], flag), fates


def _mark_tracks(pixels: _Pixels, threshold: int, frames: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Flag tracks of particles and what lies beside them; count the columns that are discarded with them.

    The camera discards columns with a track and their neighbours (mipmethod "onboard" of the task page epframes); what
    is left of tracks is found by its charge and treated in the same way.

    Returns
    -------
    in_frame : ndarray of int64, shape (frames,)
        Columns discarded in each frame.
    in_column : ndarray of int64, shape (64,)
        How often each column was discarded, DLISAS.
    """
    in_frame, in_column = np.zeros(frames, np.int64), np.zeros(_WIDTH, np.int64)
    bright = np.flatnonzero(pixels.charge > threshold)
    if not bright.size:
        return in_frame, in_column
    pixels.flag[bright] |= np.int32(PnFlag.COSMIC_RAY)
    columns = np.unique(pixels.keys[bright] // ROWS)
    beside = np.unique(np.concatenate([columns - 1, columns, columns + 1]))
    beside = beside[(beside % COLUMNS >= 1) & (beside % COLUMNS <= _WIDTH)]
    own = pixels.keys // ROWS
    place = np.minimum(np.searchsorted(beside, own), beside.size - 1)
    near = beside[place] == own
    near[bright] = False
    pixels.flag[near] |= np.int32(PnFlag.MIP_ASSOCIATED)
    in_frame += np.bincount(beside // COLUMNS, minlength=frames)
    in_column += np.bincount(beside % COLUMNS - 1, minlength=_WIDTH)
    return in_frame, in_column


def _mark_trailing(pixels: _Pixels, threshold: int) -> None:
    """Flag the weaker pixel that is read just behind a bright one: charge of that one, emitted once more.

    Like pixels of tracks they take no part in patterns (task page epevents, trailing events).
    """
    if threshold <= 0 or not pixels.keys.size:
        return
    follows = pixels.keys[1:] == pixels.keys[:-1] + 1
    weaker = pixels.charge[1:] < pixels.charge[:-1]
    pixels.flag[1:][follows & weaker & (pixels.charge[:-1] >= threshold)] |= np.int32(PnFlag.TRAILING)


def _energies(
    pixels: _Pixels, found: Recognised, energy: PnEnergy, ccdnr: int, options: PnOptions, rng: np.random.Generator
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """RAWY of the main pixels, and PI: the sum over the pixels of an event."""
    rawy = pixels.rawy
    if options.out_of_time:
        moved = rng.integers(1, _HEIGHT + 1, found.main.size).astype(np.int16) - rawy[found.main]
        rawy = np.clip(rawy + moved[found.event], 1, _HEIGHT).astype(np.int16)
    charge = pixels.charge.astype(np.float32)
    if options.randomize_energy:
        charge += rng.random(charge.size, np.float32) - np.float32(0.5)
    gain = None if energy.column_gain is None else energy.column_gain[ccdnr, pixels.rawx]
    loss = None if energy.column_loss is None else energy.column_loss[ccdnr, pixels.rawx]
    measured = pn_pixel_energy(energy, rawy, charge, gain=gain, loss=loss)
    total: NDArray[np.float64] = measured[found.main].astype(np.float64)
    if found.main.size != measured.size:
        total = np.bincount(found.event, weights=measured, minlength=found.main.size).astype(np.float64)
    return rawy[found.main], np.clip(np.rint(total), 0, _LARGEST_PI).astype(np.int16)


def _near_edges(pattern: NDArray[np.uint8], flag: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Mark triples and quadruples of which a part may be lost."""
    near = (flag & np.int32(PnFlag.CLOSE_TO_CCD_WINDOW | PnFlag.CLOSE_TO_ONBOARD_BADPIX | PnFlag.CLOSE_TO_BRIGHTPIX
                            | PnFlag.CLOSE_TO_DEADPIX)) != 0  # fmt: skip
    result = pattern.copy()
    result[near & (pattern >= 5) & (pattern <= 8)] = _EDGE[3]
    result[near & (pattern >= 9) & (pattern <= LARGEST)] = _EDGE[4]
    return result


def row_delay(mode: str, timing: FrameTiming, source_row: int) -> float:
    """Time (s) from the moment at which charge of the source is made to the end of the frame, for RAWY 0.

    The TIME of an event is the end of its frame less this, plus a row step for each RAWY. In timing mode RAWY counts
    macro rows of ten rows, read one after the other, the last at the end; charge of the source is moved through
    `source_row` rows, a tenth as many macro rows, until it is read. In burst mode all rows are first shifted past the
    source: at the end the charge made last lies in `source_row`, what was made before lies a row below for each step.
    (Users' Handbook, science modes; E. Kendziorra and M. Kirsch, pn timing mode, 2005. Inferred: that the time stamp is
    the end of the last macro row, and in burst mode the end of the shift.)
    """
    if mode == "FastBurst":
        return source_row * timing.row_s
    return (_HEIGHT + source_row / MACRO_ROWS) * timing.row_s


def _rows(
    pixels: _Pixels,
    sequence: NDArray[np.uint8],
    chosen: _Chosen,
    calibration: CameraCalibration,
    geometry: CcdGeometry,
    analysed: PnFrames,
    options: PnOptions,
    rng: np.random.Generator,
    row_s: float,
    delay_s: float,
) -> tuple[CcdEvents, list[Fate]]:
    """Columns of the list; with a row clock there is no place in the camera."""
    fates: list[Fate] = []
    detx = dety = None
    if not row_s:
        places = camera_places(
            geometry, calibration.field_of_view, pixels.rawx[chosen.pixel], chosen.rawy,
            rng if options.randomize_position else None,
        )  # fmt: skip
        chosen.flag[places.outside] |= np.int32(PnFlag.OUT_OF_FOV)
        detx, dety = places.detx, places.dety
        if options.rejected & PnFlag.OUT_OF_FOV:
            inside = ~places.outside
            fates.append(Fate("outside the field of view", int(places.outside.sum())))
            chosen, detx, dety = chosen.take(inside), detx[inside], dety[inside]
    end = analysed.end[pixels.frame[chosen.pixel]]
    centre = end - analysed.integration_s / 2
    if row_s:
        time = end - delay_s + pixels.rawy[chosen.pixel] * row_s
        if options.randomize_time:
            time = time + (rng.random(time.size) - 0.5) * row_s
    elif options.randomize_time:
        time = centre + (rng.random(centre.size) - 0.5) * analysed.integration_s
    else:
        time = centre
    # PAT_ORI is zero for shapes that were not recognised: PAT_ID is their running number alone.
    orientation = np.where(chosen.pattern <= LARGEST, MAIN_PIXEL, 0)
    return (
        CcdEvents(
            time=time,
            time_raw=centre,
            rawx=pixels.rawx[chosen.pixel],
            rawy=chosen.rawy,
            detx=detx,
            dety=dety,
            pha=pixels.charge[chosen.pixel],
            pi=chosen.pi,
            flag=chosen.flag,
            pattern=chosen.pattern,
            pat_id=np.where(chosen.index > 0, orientation + chosen.index, 0).astype(np.int16),
            pat_seq=sequence[chosen.pixel],
        ),
        fates,
    )
