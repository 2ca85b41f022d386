"""Frames of a pn CCD: their times, the part of them that is kept, the good time that they leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.events.livetime import Frames, runs_of_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.calibration.nominal import FrameTiming
    from xmmpy.odf.raw import PnFrameTable
    from xmmpy.products.intervals import Intervals

COLUMNS_PER_CCD: Final = 64
COLUMNS_PER_FRAME: Final = 3 * COLUMNS_PER_CCD
"""Columns of a quadrant: NDISCLIN counts those that were discarded. Of the real list 0932190801 the first FRACEXP is
0.9549479 = 1 - 173 / (192 * 20), and 173 the first DSLIN."""
FRAMES_LOST_IN_OVERFLOW: Final = 5
"""Frames of which a quadrant loses the events when its buffer (FIFO) overflows. Of the real list 0932190801 FIFOLOSS is
five frames for each FIFOOVER in all four quadrants, and FRACEXP of such cycles is 15/20 of what NDISCLIN leaves."""
_FEW_CYCLES: Final = 5
_LONGEST_HOLE: Final = 1000
"""Frames that may be missing in the table, being empty, without a gap in the good time."""
_SAME_RUN: Final = 0.5
_WRONG_TIME: Final = 5  # frames on which the time of one is judged


@dataclass(frozen=True, slots=True, eq=False)
class PnFrames:
    """Frames of one CCD, in the order of their numbers; arrays of one length.

    Attributes
    ----------
    number : ndarray of int32
        FRAME; frames that the table leaves out, being empty, are filled in.
    end : ndarray of float64
        End of the integration (MET, s).
    fraction : ndarray of float32
        FRACEXP: part of the columns that was kept and came down.
    usable : ndarray of bool
        Whether its events count.
    integration_s, frame_s : float
        Length of the integration and time from frame to frame.
    good : Intervals
        Runs of usable frames.
    discarded : tuple of ndarray
        Time of each cycle and its discarded columns (HKAUXnn).
    facts : dict
        What the header tells.
    """

    number: NDArray[np.int32]
    end: NDArray[np.float64]
    fraction: NDArray[np.float32]
    usable: NDArray[np.bool_]
    integration_s: float
    frame_s: float
    good: Intervals
    discarded: tuple[NDArray[np.float64], NDArray[np.float32]]
    facts: dict[str, float]

    def exposure(self, discarded: NDArray[np.int64] | None = None) -> Frames:
        """Rows of EXPOSUnn: the usable frames.

        Parameters
        ----------
        discarded : ndarray of int64, shape (frames,), optional
            Columns that were discarded on the ground; the part that they leave is a factor of FRACEXP (FC2 of the task
            page epexposure).
        """
        part = self.fraction
        if discarded is not None:
            part = part * (1.0 - discarded / COLUMNS_PER_CCD).astype(np.float32)
        return Frames(self.end[self.usable] - self.integration_s / 2, self.integration_s, part[self.usable])

    def find(self, frame: NDArray[np.int32]) -> NDArray[np.intp]:
        """Place of each FRAME among the frames, -1 for one that is not there."""
        if not self.number.size:
            return np.full(frame.size, -1, np.intp)
        place = np.minimum(np.searchsorted(self.number, frame), self.number.size - 1)
        return np.where(self.number[place] == frame, place, -1)


def analyse_frames(table: PnFrameTable, timing: FrameTiming, housekeeping: Intervals | None = None) -> PnFrames:
    """Judge the frames of one CCD.

    A time stamp that stands alone (damaged in the telemetry) is replaced by that of the frames about it. A frame is
    usable when its time goes on from the frame before, its quadrant did not just count in its cycle, and the
    housekeeping is good. FRACEXP is the part of the quadrant's columns that were not discarded in the cycle (FC1 of the
    task page epexposure), times 15/20 in cycles in which the buffer of the quadrant overflowed: fewer pixels were read
    than were above the threshold (NDEFA < NABOVE). NEPDH is smaller than NDEFA in all cycles, by what was in the
    discarded columns, and tells nothing of losses.

    Parameters
    ----------
    table : PnFrameTable
        Frames of the CCD, cycles of its quadrant.
    timing : FrameTiming
        Of the mode.
    housekeeping : Intervals, optional
        When the housekeeping is good.
    """
    number, first = np.unique(table.frame, return_index=True)
    end, cycle = table.end[first], table.cycle[first]
    given, frame_s = number.size, _period(number, end, timing)
    right = _right_times(number, end, frame_s)
    number, end, cycle = _fill(number[right], end[right], cycle[right], frame_s, table.cycles, timing.live_block)
    integration_s = timing.integration_s * frame_s / timing.frame_s
    backwards = np.concatenate([[False], np.diff(end) < _SAME_RUN * frame_s]) if number.size else np.zeros(0, bool)
    per_cycle = _frames_per_cycle(cycle, timing)
    overflow = table.ndefa < table.nabove
    fraction, counting = _kept(table, cycle, overflow, per_cycle)
    outside = np.zeros(number.size, bool)
    if housekeeping is not None:
        outside = ~housekeeping.contains(end - integration_s / 2)
    usable = ~(backwards | counting | outside) & np.isfinite(end)
    facts = {
        "frames": number.size,
        "empty frames filled in": number.size - int(right.sum()),
        "wrong times mended": given - int(right.sum()),
        "frames out of order": int(backwards.sum()),
        "frames in counting mode": int(counting.sum()),
        "frames outside housekeeping limits": int(outside.sum()),
        "frame_ms": round(1000.0 * frame_s, 5),
        "cycles with FIFO overflow": int(overflow.sum()),
        "lost_s": round(frame_s * FRAMES_LOST_IN_OVERFLOW * int(overflow.sum()), 5),
    }
    last = np.searchsorted(cycle, table.cycles, side="right") - 1
    times = end[np.clip(last, 0, number.size - 1)] if number.size else np.zeros(table.cycles.size)
    discarded = (times, table.ndiscarded.astype(np.float32))
    good = runs_of_frames(end[usable], integration_s, frame_s)
    return PnFrames(
        number.astype(np.int32), end, fraction, usable, integration_s, frame_s, good, discarded, facts
    )  # fmt: skip


def _period(number: NDArray[np.int32], end: NDArray[np.float64], timing: FrameTiming) -> float:
    steps = np.diff(end) / np.maximum(np.diff(number), 1)
    steps = steps[np.abs(steps - timing.frame_s) < 0.2 * timing.frame_s]
    return float(np.mean(steps)) if steps.size else timing.frame_s


def _right_times(number: NDArray[np.int32], end: NDArray[np.float64], frame_s: float) -> NDArray[np.bool_]:
    """Which time stamps agree with the most of their neighbours; a step that lasts is none of a single frame."""
    right = np.isfinite(end)
    rows = np.flatnonzero(right)
    if rows.size < _WRONG_TIME:
        return right
    late = end[rows] - number[rows] * frame_s
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(late, _WRONG_TIME // 2, mode="reflect"), _WRONG_TIME)
    alone = np.abs(late - np.median(windows, axis=1)) > _SAME_RUN * frame_s
    if alone.any():  # the first frame before a gap, or behind it, is not alone: it goes on from its one neighbour
        step = np.abs(np.diff(late)) < _SAME_RUN * frame_s
        alone &= ~(np.append(step, False) | np.insert(step, 0, False))
    right[rows[alone]] = False
    return right


def _fill(
    number: NDArray[np.int32],
    end: NDArray[np.float64],
    cycle: NDArray[np.int32],
    frame_s: float,
    cycles: NDArray[np.int32],
    per_cycle: int,
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int32]]:
    """Put in frames that are missing where the time goes on as if they were there.

    A frame is missing because it was empty, if its cycle was reported; frames of cycles without a report were lost.
    """
    if number.size < 2:
        return number, end, cycle
    holes = np.diff(number).astype(np.int64)
    steady = np.abs(np.diff(end) - holes * frame_s) < _SAME_RUN * frame_s
    missing = np.where(steady & (holes > 1) & (holes <= _LONGEST_HOLE), holes - 1, 0)
    if not missing.any():
        return number, end, cycle
    before = np.repeat(np.arange(holes.size), missing)
    rank = np.arange(before.size) - np.repeat(np.cumsum(missing) - missing, missing) + 1
    filled = number[before] + rank
    new_cycle = _cycle_of(filled, number, cycle, cycle[before], per_cycle)
    reported = np.isin(new_cycle, cycles) if cycles.size else np.ones(filled.size, bool)
    part = rank[reported] / holes[before[reported]]
    before, filled, new_cycle = before[reported], filled[reported], new_cycle[reported]
    order = np.argsort(np.concatenate([number, filled]), kind="stable")
    return (
        np.concatenate([number, filled])[order].astype(np.int32),
        np.concatenate([end, end[before] + part * np.diff(end)[before]])[order],
        np.concatenate([cycle, new_cycle])[order],
    )


def _cycle_of(
    frame: NDArray[np.int64],
    number: NDArray[np.int32],
    cycle: NDArray[np.int32],
    nearest: NDArray[np.int32],
    per_cycle: int,
) -> NDArray[np.int32]:
    """Cycle of frames, from those whose cycle is known; that of the frame before where cycles are not of one length."""
    phase = number.astype(np.int64) - cycle.astype(np.int64) * per_cycle
    first = int(phase.min())
    if int(phase.max()) - first >= per_cycle:
        return nearest
    return ((frame - first) // per_cycle).astype(np.int32)


def _frames_per_cycle(cycle: NDArray[np.int32], timing: FrameTiming) -> int:
    """How many frames most cycles have (An_MAXFRC); what is usual in an exposure of a few cycles."""
    _, counts = np.unique(cycle, return_counts=True)
    return int(np.bincount(counts).argmax()) if counts.size >= _FEW_CYCLES else timing.live_block


def _kept(
    table: PnFrameTable, cycle: NDArray[np.int32], overflow: NDArray[np.bool_], per_cycle: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """FRACEXP of each frame, and whether its quadrant only counted."""
    fraction, counting = np.ones(cycle.size, np.float32), np.zeros(cycle.size, bool)
    if not table.cycles.size or not cycle.size:
        return fraction, counting
    kept = np.clip(1.0 - table.ndiscarded / (COLUMNS_PER_FRAME * per_cycle), 0.0, 1.0)
    kept[overflow] *= max(1.0 - FRAMES_LOST_IN_OVERFLOW / per_cycle, 0.0)
    place = np.minimum(np.searchsorted(table.cycles, cycle), table.cycles.size - 1)
    known = table.cycles[place] == cycle
    fraction[known] = kept[place[known]]
    fraction[~known] = np.median(kept)
    counting[known] = table.counting[place[known]]
    return fraction, counting
