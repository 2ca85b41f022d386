"""Frames of a pn CCD: their times, the part of them that is kept, the good time that they leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.events.livetime import Frames
from xmmpy.products.intervals import Intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.calibration.nominal import FrameTiming
    from xmmpy.odf.raw import PnFrameTable

COLUMNS_PER_FRAME: Final = 3 * 64
"""Columns of a quadrant: NDISCLIN counts those that were discarded. Of the real list 0932190801 the first FRACEXP is
0.9549479 = 1 - 173 / (192 * 20), and 173 the first DSLIN."""
_LONGEST_HOLE: Final = 1000
"""Frames that may be missing in the table, being empty, without a gap in the good time."""
_SAME_RUN: Final = 0.5


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

    def exposure(self) -> Frames:
        """Rows of EXPOSUnn: the usable frames."""
        return Frames(self.end[self.usable] - self.integration_s / 2, self.integration_s, self.fraction[self.usable])

    def find(self, frame: NDArray[np.int32]) -> NDArray[np.intp]:
        """Place of each FRAME among the frames, -1 for one that is not there."""
        if not self.number.size:
            return np.full(frame.size, -1, np.intp)
        place = np.minimum(np.searchsorted(self.number, frame), self.number.size - 1)
        return np.where(self.number[place] == frame, place, -1)


def analyse_frames(table: PnFrameTable, timing: FrameTiming, housekeeping: Intervals | None = None) -> PnFrames:
    """Judge the frames of one CCD.

    A frame is usable when its time goes on from the frame before, its quadrant did not just count in its cycle, and the
    housekeeping is good. FRACEXP is the part of the quadrant's columns that were not discarded in the cycle, times the
    part of its events that the data handling took (NEPDH / NDEFA).

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
    frame_s = _period(number, end, timing)
    number, end, cycle = _fill(number, end, cycle, frame_s)
    integration_s = timing.integration_s * frame_s / timing.frame_s
    backwards = np.concatenate([[False], np.diff(end) < _SAME_RUN * frame_s]) if number.size else np.zeros(0, bool)
    fraction, counting = _kept(table, cycle)
    outside = np.zeros(number.size, bool)
    if housekeeping is not None:
        outside = ~housekeeping.contains(end - integration_s / 2)
    usable = ~(backwards | counting | outside) & np.isfinite(end)
    facts = {
        "frames": number.size,
        "frames out of order": int(backwards.sum()),
        "frames in counting mode": int(counting.sum()),
        "frames outside housekeeping limits": int(outside.sum()),
        "frame_ms": round(1000.0 * frame_s, 5),
        "lost_s": round(frame_s * float(np.sum(1.0 - _taken(table))) * _frames_per_cycle(cycle), 3),
    }
    middle = np.searchsorted(cycle, table.cycles) if number.size else np.zeros(table.cycles.size, np.intp)
    times = end[np.minimum(middle, number.size - 1)] if number.size else np.zeros(table.cycles.size)
    discarded = (times, table.ndiscarded.astype(np.float32))
    good = _good_times(end[usable], integration_s, frame_s)
    return PnFrames(
        number.astype(np.int32), end, fraction, usable, integration_s, frame_s, good, discarded, facts
    )  # fmt: skip


def _period(number: NDArray[np.int32], end: NDArray[np.float64], timing: FrameTiming) -> float:
    steps = np.diff(end) / np.maximum(np.diff(number), 1)
    steps = steps[np.abs(steps - timing.frame_s) < 0.2 * timing.frame_s]
    return float(np.mean(steps)) if steps.size else timing.frame_s


def _fill(
    number: NDArray[np.int32], end: NDArray[np.float64], cycle: NDArray[np.int32], frame_s: float
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int32]]:
    """Put in frames that are missing where the time goes on as if they were there."""
    if number.size < 2:
        return number, end, cycle
    holes = np.diff(number).astype(np.int64)
    steady = np.abs(np.diff(end) - holes * frame_s) < _SAME_RUN * frame_s
    missing = np.where(steady & (holes > 1) & (holes <= _LONGEST_HOLE), holes - 1, 0)
    if not missing.any():
        return number, end, cycle
    before = np.repeat(np.arange(holes.size), missing)
    rank = np.arange(before.size) - np.repeat(np.cumsum(missing) - missing, missing) + 1
    part = rank / holes[before]
    filled = number[before] + rank
    order = np.argsort(np.concatenate([number, filled]), kind="stable")
    return (
        np.concatenate([number, filled])[order].astype(np.int32),
        np.concatenate([end, end[before] + part * np.diff(end)[before]])[order],
        np.concatenate([cycle, cycle[before]])[order],
    )


def _frames_per_cycle(cycle: NDArray[np.int32]) -> int:
    """How many frames most cycles have."""
    if not cycle.size:
        return 1
    _, counts = np.unique(cycle, return_counts=True)
    return int(np.bincount(counts).argmax())


def _taken(table: PnFrameTable) -> NDArray[np.float64]:
    """Part of the events of each cycle that the data handling took."""
    part = np.ones(table.cycles.size)
    known = table.ndefa > 0
    part[known] = np.clip(table.nepdh[known] / table.ndefa[known], 0.0, 1.0)
    return part


def _kept(table: PnFrameTable, cycle: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """FRACEXP of each frame, and whether its quadrant only counted."""
    fraction, counting = np.ones(cycle.size, np.float32), np.zeros(cycle.size, bool)
    if not table.cycles.size or not cycle.size:
        return fraction, counting
    columns = COLUMNS_PER_FRAME * _frames_per_cycle(cycle)
    kept = np.clip(1.0 - table.ndiscarded / columns, 0.0, 1.0) * _taken(table)
    place = np.minimum(np.searchsorted(table.cycles, cycle), table.cycles.size - 1)
    known = table.cycles[place] == cycle
    fraction[known] = kept[place[known]]
    fraction[~known] = np.median(kept)
    counting[known] = table.counting[place[known]]
    return fraction, counting


def _good_times(end: NDArray[np.float64], integration_s: float, frame_s: float) -> Intervals:
    """Runs of frames, each half a read-out wider than its integrations."""
    if not end.size:
        return Intervals.of([], [])
    margin = (frame_s - integration_s) / 2
    breaks = np.flatnonzero(np.diff(end) > (1 + _SAME_RUN) * frame_s)
    starts, stops = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [end.size - 1]])
    return Intervals.of(end[starts] - integration_s - margin, end[stops] + margin)
