"""Good time from the rows of a table: which time a row stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xmmpy.products.intervals import Intervals

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_MISSING = 1.5  # widths between two rows, from which on a row is missing between them


def rows_to_intervals(
    time: ArrayLike,
    good: ArrayLike,
    before: float = 0.5,
    after: float = 0.5,
    width: ArrayLike | None = None,
) -> Intervals:
    """Join neighbouring good rows to intervals.

    An interval runs from its first good row to its last, and beyond them by a part of the step to the
    row before and to the row behind, as the tabgtigen documentation has it (parameters prefraction and
    postfraction).

    Parameters
    ----------
    time : array-like of float, shape (n,)
        Times of the rows, s, in any order; rows without a time are left out.
    good : array-like of bool, shape (n,)
        Which rows are good.
    before, after : float
        Parts of a step, -1 to 1; negative ones shorten the interval.
    width : float or array-like of float, shape (n,), optional
        The time that a row stands for, s (the bin of a rate curve). It takes the place of the steps, and
        an interval ends where a row is missing. Without it steps are the differences of the times; the
        first row takes the step behind it, the last the one before it.

    Returns
    -------
    Intervals
        May be empty; intervals that touch or overlap are one.
    """
    times = np.atleast_1d(np.asarray(time, np.float64))
    chosen = np.atleast_1d(np.asarray(good, bool))
    known = np.isfinite(times)
    order = np.flatnonzero(known)[np.argsort(times[known], kind="stable")]
    times, chosen = times[order], chosen[order]
    if not chosen.any():
        return Intervals.of([], [])
    steps = np.diff(times)
    joined = chosen[1:] & chosen[:-1]
    if width is None:
        single = steps if steps.size else np.zeros(1)
        step_before = np.concatenate((single[:1], steps))
        step_after = np.concatenate((steps, single[-1:]))
    else:
        widths = np.broadcast_to(np.asarray(width, np.float64), known.shape)[order]
        step_before = step_after = widths
        joined &= steps <= _MISSING * np.maximum(widths[1:], widths[:-1])
    first = chosen & ~np.concatenate(([False], joined))
    last = chosen & ~np.concatenate((joined, [False]))
    start: NDArray[np.float64] = times[first] - before * step_before[first]
    stop: NDArray[np.float64] = times[last] + after * step_after[last]
    return Intervals.of(start, stop)
