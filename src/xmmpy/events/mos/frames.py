"""Frames of a MOS CCD: which are usable, how much of each is live, and the good time that they leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.events.livetime import Frames, runs_of_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.calibration.nominal import FrameTiming
    from xmmpy.odf.raw import MosEvents, MosFrameTable, Window
    from xmmpy.products.intervals import Intervals

_PIXELS_OF_PATTERN: Final = np.array([1] + [2] * 4 + [3] * 4 + [4] * 4 + [3] * 13 + [2] * 4 + [0, 0], np.int64)
"""Pixels above threshold by PATTERN; none for the patterns of tracks, which stay in the dead area (page emframes)."""
_SAME_RUN: Final = 0.5
_AGREE: Final = 0.01
_ENOUGH_STEPS: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class MosFrames:
    """Frames of one CCD, in the order of their numbers; arrays of one length.

    Attributes
    ----------
    number : ndarray of int32
        FRAME.
    centre : ndarray of float64
        Middle of the integration (MET, s).
    length : ndarray of float32
        Integration (s), TIMEDEL.
    live : ndarray of float32
        Part of the CCD on which events are seen, FRACEXP.
    usable : ndarray of bool
        Whether its events count.
    good : Intervals
        Good time: runs of usable frames.
    facts : dict
        How many frames there are, and how many fail which test.
    """

    number: NDArray[np.int32]
    centre: NDArray[np.float64]
    length: NDArray[np.float32]
    live: NDArray[np.float32]
    usable: NDArray[np.bool_]
    good: Intervals
    facts: dict[str, float]

    def exposure(self) -> Frames:
        """Rows of EXPOSUnn: the usable frames."""
        return Frames(self.centre[self.usable], self.length[self.usable], self.live[self.usable])

    def find(self, frame: NDArray[np.int32]) -> NDArray[np.intp]:
        """Place of each FRAME among the frames, -1 for one that is not there."""
        if not self.number.size:
            return np.full(frame.size, -1, np.intp)
        first, last = int(self.number[0]), int(self.number[-1])
        if last - first <= 4 * self.number.size + 1000:  # a table is quicker than a search
            table = np.full(last - first + 1, -1, np.intp)
            table[self.number - first] = np.arange(self.number.size)
            inside = (frame >= first) & (frame <= last)
            return np.where(inside, table[np.where(inside, frame - first, 0)], -1)
        place = np.minimum(np.searchsorted(self.number, frame), self.number.size - 1)
        return np.where(self.number[place] == frame, place, -1)


def analyse_frames(
    table: MosFrameTable,
    events: MosEvents,
    window: Window,
    timing: FrameTiming,
    housekeeping: Intervals | None = None,
    hidden_per_pixel: float = 0.0,
) -> MosFrames:
    """Judge the frames of one CCD.

    A frame is usable when its time goes on from the frame before, its FIFO did not overflow, as many events
    came down as it counted (NVALID), and the housekeeping is good. Its dead part is (NPIXEL - pixels of events -
    NBELOW) over the pixels of the window, at least NABOVE over these, times the pixels that each of them hides
    (task page emframes, CR_DEAD).

    Parameters
    ----------
    table : MosFrameTable
        Frames of the CCD.
    events : MosEvents
        All its events.
    window : Window
        Its window.
    timing : FrameTiming
        Of the mode; the read-out gap between frames comes from it.
    housekeeping : Intervals, optional
        When the housekeeping is good.
    hidden_per_pixel : float
        Pixels that each pixel of a track hides (`xmmpy.calibration.surroundings.particle_tracks`).
    """
    number, first = np.unique(table.frame, return_index=True)
    end = table.end[first]
    place = np.searchsorted(number, events.frame)
    place = np.minimum(place, max(number.size - 1, 0))
    known = number[place] == events.frame if number.size else np.zeros(len(events), bool)
    counted = np.bincount(place[known], minlength=number.size)
    in_events = np.bincount(
        place[known], weights=_PIXELS_OF_PATTERN[np.minimum(events.pattern[known], 31)], minlength=number.size
    )
    period = _period(number, end, timing)
    end, mended = _mended(number, end, period)
    length = max(period - (timing.frame_s - timing.integration_s), 0.5 * period)
    backwards = np.concatenate([[False], np.diff(end) < _SAME_RUN * period]) if number.size else np.zeros(0, bool)
    overflow = table.overflow[first]
    incomplete = counted != table.nvalid[first]
    outside = np.zeros(number.size, bool)
    if housekeeping is not None:
        outside = ~housekeeping.contains(end - length / 2)
    usable = ~(backwards | overflow | incomplete | outside) & np.isfinite(end)
    pixels = max(window.width * window.height, 1)
    tracks = np.maximum(table.npixel[first] - in_events - table.nbelow[first], table.nabove[first])
    live = np.clip(1.0 - hidden_per_pixel * np.maximum(tracks, 0.0) / pixels, 0.0, 1.0).astype(np.float32)
    facts = {
        "frames": number.size,
        "frames with FIFO overflow": int(overflow.sum()),
        "frames with events missing": int((incomplete & ~overflow).sum()),
        "frames with mended times": mended,
        "frames out of order": int(backwards.sum()),
        "frames outside housekeeping limits": int(outside.sum()),
        "frame_ms": round(1000.0 * period, 3),
    }
    good = runs_of_frames(end[usable], length, period)
    lengths = np.full(number.size, length, np.float32)
    return MosFrames(number.astype(np.int32), end - length / 2, lengths, live, usable, good, facts)


def _period(number: NDArray[np.int32], end: NDArray[np.float64], timing: FrameTiming) -> float:
    """Time from frame to frame (s): the median step between successive numbers where three or more agree with it.

    Else that of the mode: the task page emframes also believes a measured step only when it comes three times. The
    real ODF 0135730701 has exposures of full windows with 5.62 s instead of the usual 2.6 s.
    """
    steps = np.diff(end)[np.diff(number) == 1]
    steps = steps[steps > 0]
    if steps.size:
        middle = float(np.median(steps))
        if np.count_nonzero(np.abs(steps - middle) < _AGREE * middle) >= _ENOUGH_STEPS:
            return middle
    return timing.frame_s


def _mended(number: NDArray[np.int32], end: NDArray[np.float64], period: float) -> tuple[NDArray[np.float64], int]:
    """Times with those of single frames put right whose neighbours agree with each other and not with them."""
    if end.size < 3:
        return end, 0
    expected = end[:-2] + np.diff(number)[:-1] * period
    off = ~(np.abs(end[1:-1] - expected) < _SAME_RUN * period)
    across = (number[2:] - number[:-2]) * period
    wrong = off & (np.abs(end[2:] - end[:-2] - across) < _SAME_RUN * period)
    mended = end.copy()
    mended[1:-1][wrong] = expected[wrong]
    return mended, int(wrong.sum())
