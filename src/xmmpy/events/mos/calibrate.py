"""One node of a MOS CCD from raw events to rows of an event list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration.energy import MosEnergy, pattern_class
from xmmpy.calibration.nominal import frame_timing
from xmmpy.calibration.surroundings import particle_tracks
from xmmpy.events.badpixels.placing import pixel_flags
from xmmpy.events.calibrated import CalibratedCcd, CcdEvents, Fate
from xmmpy.events.energy import mos_ccd_energy
from xmmpy.events.fates import sift
from xmmpy.events.flags import EMPROC_REJECTED, XMMEA_EM, MosFlag
from xmmpy.events.mos.frames import analyse_frames
from xmmpy.events.mos.rules import Working, ccd_pixels, energy_flags, split_diagonals
from xmmpy.events.placing import camera_places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.calibration.badpixels import BadPixels
    from xmmpy.calibration.camera import CameraCalibration
    from xmmpy.events.mos.frames import MosFrames
    from xmmpy.odf.raw import MosEvents, MosFrameTable, Window
    from xmmpy.products.intervals import Intervals

_OVERSCAN: Final = (-4, 605)  # legal RAWX of real lists
_SIDE: Final = 600
_LARGEST_PI: Final = 15000
_LARGEST_PHA: Final = 32767
_LAST_PATTERN: Final = 31
_REASONS: Final = (
    (MosFlag.IN_BAD_FRAME, "in a bad frame"),
    (MosFlag.OUT_OF_CCD_WINDOW, "outside the window of the CCD"),
    (MosFlag.COSMIC_RAY, "track of a cosmic ray (patterns 30, 31)"),
    (MosFlag.ON_BADPIX, "on a bad pixel"),
    (MosFlag.ON_BADROW, "on a bad row"),
    (MosFlag.OUTSIDE_THRESHOLDS, "outside the energy thresholds"),
    (MosFlag.UNDERSHOOT, "undershoot around it"),
    (MosFlag.BAD_E3E4, "stray charge around it (E3, E4)"),
    (MosFlag.REJECTED_BY_GATTI, "energy cut off by the converter"),
    (MosFlag.OUT_OF_FOV, "outside the field of view"),
    (MosFlag.FLICKERING, "flickering pixel"),
    (MosFlag.ON_BADOFFSET, "on a bad offset"),
)


@dataclass(frozen=True, slots=True)
class MosOptions:
    """What is done to the events; the names are those of emproc's parameters where it has one.

    Attributes
    ----------
    randomize_position, randomize_time, randomize_energy : bool
        Spread events evenly over their pixel, their frame, their channel.
    split_diagonals, reject_e3e4 : bool
        Make two events of diagonal patterns; reject by the charge around.
    rejected : int
        FLAG bits of events that do not reach the list.
    """

    randomize_position: bool = True
    randomize_time: bool = True
    randomize_energy: bool = True
    split_diagonals: bool = True
    reject_e3e4: bool = True
    rejected: int = XMMEA_EM | EMPROC_REJECTED


def calibrate_mos_ccd(
    events: MosEvents,
    frames: MosFrameTable,
    window: Window,
    ccdnr: int,
    mode: str,
    calibration: CameraCalibration,
    bad_pixels: BadPixels,
    options: MosOptions,
    rng: np.random.Generator,
    housekeeping: Intervals | None = None,
) -> CalibratedCcd:
    """Calibrate one node of a CCD.

    Parameters
    ----------
    events : MosEvents
        Raw events.
    frames : MosFrameTable
        Frames of the node.
    window : Window
        What was read out.
    ccdnr : int
        CCD plus ten times the node.
    mode : str
        SUBMODE, such as ``PrimeFullWindow``; in ``FastUncompressed`` and ``FastCompressed`` there is a row clock and no
        place along RAWY.
    calibration : CameraCalibration
        Of the camera.
    bad_pixels : BadPixels
        Known and found.
    options : MosOptions
        What is done.
    rng : numpy.random.Generator
        Random numbers.
    housekeeping : Intervals, optional
        When the housekeeping is good.

    Returns
    -------
    CalibratedCcd
        Rows, frames, good time, and the fate of every raw event.
    """
    node, ccd = divmod(ccdnr, 10)
    geometry = calibration.ccd(ccd)
    timing = frame_timing(calibration.camera, mode)
    fast = mode.startswith("Fast")
    hidden = particle_tracks(calibration.camera).hidden_per_pixel
    analysed = analyse_frames(frames, events, window, timing, housekeeping, hidden)
    working, fates = _valid(events, analysed, window, node, split=options.split_diagonals, fast=fast)
    keep_ring = not options.reject_e3e4
    if keep_ring:
        working.flag[:] &= ~np.int32(MosFlag.BAD_E3E4 | MosFlag.UNDERSHOOT)
    by_place = pixel_flags(geometry, bad_pixels, np.zeros((0, 2), np.int16), *_read_out(window, fast=fast))
    _flag_places(working, _rows(working, fast=fast), by_place, analysed)
    kept, more = sift(working.flag, options.rejected & ~int(MosFlag.OUT_OF_FOV), _REASONS)
    fates += more
    working = working.take(kept)
    background = ring_background(working)
    detx = dety = None
    if not fast:
        places = camera_places(
            geometry, calibration.field_of_view, working.rawx, working.rawy, rng if options.randomize_position else None
        )
        working.flag[places.outside] |= np.int32(MosFlag.OUT_OF_FOV)
        detx, dety = places.detx, places.dety
        if options.rejected & MosFlag.OUT_OF_FOV:
            inside = ~places.outside
            fates.append(Fate("outside the field of view", int(places.outside.sum())))
            working, detx, dety = working.take(inside), detx[inside], dety[inside]
    energy = calibration.energy
    assert isinstance(energy, MosEnergy)
    charge = working.charge.astype(np.float32) - background * working.pixels()
    if options.randomize_energy:
        charge += rng.random(charge.size, np.float32) - np.float32(0.5)
    rows_of_ccd = _rows(working, fast=fast)
    pi = mos_ccd_energy(energy, ccd, working.rawx, rows_of_ccd, pattern_class(working.pattern), charge)
    rows = CcdEvents(
        time=_times(working, analysed, rng if options.randomize_time else None, timing.row_s if fast else 0.0),
        rawx=working.rawx,
        rawy=working.rawy,
        detx=detx,
        dety=dety,
        pha=np.clip(working.charge, 0, _LARGEST_PHA).astype(np.int16),
        pi=np.clip(np.rint(np.nan_to_num(pi)), 0, _LARGEST_PI).astype(np.int16),
        flag=working.flag,
        pattern=working.pattern,
    )
    return CalibratedCcd(
        ccdnr=ccdnr,
        events=rows,
        frames=analysed.exposure(),
        good=analysed.good,
        bad_pixels=bad_pixels,
        offsets=np.zeros((0, 3), np.int16),
        raw_events=len(events),
        fates=tuple(fate for fate in fates if fate.events),
        facts=analysed.facts | {"background_adu": round(float(background), 3)},
    )


def _valid(
    events: MosEvents, analysed: MosFrames, window: Window, node: int, *, split: bool, fast: bool
) -> tuple[Working, list[Fate]]:
    """Events of known frames, pixels and patterns, with diagonals split."""
    frame = analysed.find(events.frame)
    rawx, rawy = ccd_pixels(events.rawx, events.rawy, window, node)
    known = frame >= 0
    legal = known & (rawx >= _OVERSCAN[0]) & (rawx <= _OVERSCAN[1]) & (rawy >= (0 if fast else 1))
    valid = legal & (events.pattern <= _LAST_PATTERN)
    fates = [
        Fate("of a frame that did not come down", int((~known).sum())),
        Fate("outside the window of the CCD", int((known & ~legal).sum())),
        Fate("of no known pattern", int((legal & ~valid).sum())),
    ]
    rows = np.flatnonzero(valid)
    order = rows[np.argsort(frame[rows], kind="stable")] if np.any(np.diff(frame[rows]) < 0) else rows
    e1, e2 = events.e1[order], events.e2[order]
    pattern = events.pattern[order]
    charge = e1.astype(np.int32) + e2
    flag = energy_flags(e1, charge, events.e3[order], events.e4[order], pattern, window)
    working = Working(frame[order], rawx[order], rawy[order], charge, pattern, flag, events.e4[order])
    if split and not fast:
        working, new = split_diagonals(working, e1, e2, node)
        fates.append(Fate("second event of a split diagonal pattern", -new))
    return working, fates


def _read_out(window: Window, *, fast: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last RAWY and RAWX that are read out."""
    if fast or window.width >= _SIDE or not window.width:
        return (1, _SIDE), (1, _SIDE)
    first_x, first_y = max(window.x0 - 4, 1), max(window.y0 + 1, 1)
    return (first_y, min(window.y0 + window.height, _SIDE)), (first_x, min(window.x0 - 5 + window.width, _SIDE))


def _rows(working: Working, *, fast: bool) -> NDArray[np.int16]:
    """Rows of the CCD; in fast modes, where RAWY is a time, that of the target: about the middle."""
    return np.full(len(working), _SIDE // 2, np.int16) if fast else working.rawy


def _flag_places(working: Working, rows: NDArray[np.int16], by_place: NDArray[np.int32], analysed: MosFrames) -> None:
    """Add the bits of pixels and frames."""
    on_ccd = (working.rawx >= 1) & (working.rawx <= _SIDE) & (rows >= 1) & (rows <= _SIDE)
    place = by_place[np.where(on_ccd, working.rawx, 1), np.where(on_ccd, rows, 1)]
    working.flag[:] |= np.where(on_ccd, place, np.int32(MosFlag.OUT_OF_CCD_WINDOW))
    working.flag[~analysed.usable[working.frame]] |= np.int32(MosFlag.IN_BAD_FRAME)


def ring_background(working: Working) -> np.float32:
    """Light and dark signal in each pixel (adu): the median of E4 / 16 over isolated events of one pixel.

    The cameras subtract fixed offsets; what optical light of a bright star adds to all pixels shows in the outer ring.
    """
    single = (working.pattern == 0) & (working.ring > -1000)
    if np.count_nonzero(single) < 100:
        return np.float32(0.0)
    return np.float32(np.median(working.ring[single]) / 16.0)


def _times(working: Working, analysed: MosFrames, rng: np.random.Generator | None, row_s: float) -> NDArray[np.float64]:
    """TIME: the middle of the frame, spread over its integration; in fast modes the row clock from its begin."""
    centre, length = analysed.centre[working.frame], analysed.length[working.frame]
    if row_s:
        return np.asarray(centre - length / 2 + working.rawy * row_s, np.float64)
    if rng is None:
        return centre
    return np.asarray(centre + (rng.random(centre.size) - 0.5) * length, np.float64)
