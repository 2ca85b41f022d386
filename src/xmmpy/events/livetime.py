"""Live time of a CCD from its frames and its good time intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.products.intervals import Intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray


_GAP = 0.5  # frames


@dataclass(frozen=True, slots=True)
class Frames:
    """The read-out frames of one CCD, an EXPOSUnn table.

    Attributes
    ----------
    time : ndarray of float64, shape (n,)
        Centres of the frames, s.
    duration : ndarray of float32, shape (n,), or float
        Their lengths, s: the column TIMEDEL (MOS) or the keyword of that name (pn).
    fraction : ndarray of float32, shape (n,)
        FRACEXP: the part of a frame in which events are detected and kept.
    """

    time: NDArray[np.float64]
    duration: NDArray[np.float32] | float
    fraction: NDArray[np.float32]


def runs_of_frames(end: NDArray[np.float64], integration_s: float, frame_s: float) -> Intervals:
    """Good time of usable frames: their runs, each half a read-out wider than its integrations.

    So no rounding makes a frame reach over a border. A gap of more than half a frame ends a run.

    Parameters
    ----------
    end : ndarray, shape (n,)
        End of the integration of each frame, s, in order.
    integration_s, frame_s : float
        Length of the integration, time from frame to frame, s.
    """
    if not end.size:
        return Intervals.of([], [])
    margin = (frame_s - integration_s) / 2
    breaks = np.flatnonzero(np.diff(end) > (1 + _GAP) * frame_s)
    starts, stops = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [end.size - 1]])
    return Intervals.of(end[starts] - integration_s - margin, end[stops] + margin)


def live_time(frames: Frames, good: Intervals) -> float:
    """Sum of TIMEDEL * FRACEXP over the frames that lie wholly in one good interval, s.

    This is SAS's LIVETInn: on real event lists of MOS and pn it agrees to 1e-10, which also fixes that a
    frame that reaches over a border counts for nothing and that MOS products are formed in single precision.
    """
    half = np.asarray(frames.duration, np.float64) / 2.0
    begin, end = frames.time - half, frames.time + half
    if not len(good):
        return 0.0
    index = np.searchsorted(good.start, begin, side="right") - 1
    whole = (index >= 0) & (end <= good.stop[index])
    part: NDArray[Any] = (
        frames.duration * frames.fraction[whole]
        if np.ndim(frames.duration) == 0
        else (np.asarray(frames.duration)[whole] * frames.fraction[whole])
    )
    return float(np.sum(part, dtype=np.float64))


def frames_kept(frames: Frames, good: Intervals) -> NDArray[np.bool_]:
    """Tell which frames stay in a filtered EXPOSUnn table: those whose centre is in a good interval."""
    return good.contains(frames.time)


def weighted_live_time(live_times: dict[int, float], counts: dict[int, int]) -> float:
    """Mean live time of the CCDs, each weighted with its selected events; their largest where there are none, s."""
    total = sum(counts.get(ccd, 0) for ccd in live_times)
    if total:
        return sum(time * counts.get(ccd, 0) for ccd, time in live_times.items()) / total
    return max(live_times.values(), default=0.0)
