"""Time intervals: sorted, disjoint, closed; what a GTI table holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Sorted, disjoint time intervals.

    Attributes
    ----------
    start, stop : ndarray of float64, shape (n,)
        Borders in seconds; ``start[i] < stop[i] < start[i + 1]``.
    """

    start: NDArray[np.float64]
    stop: NDArray[np.float64]

    @classmethod
    def of(cls, start: ArrayLike, stop: ArrayLike, max_gap: float = 0.0) -> Intervals:
        """Sort and merge any intervals.

        Parameters
        ----------
        start, stop : array-like of float, shape (n,)
            Borders in seconds, in any order, overlapping or not. Empty and undefined ones
            (``stop <= start``, NaN) are dropped.
        max_gap : float
            Gaps up to this length in seconds are closed.
        """
        lower = np.atleast_1d(np.asarray(start, np.float64))
        upper = np.atleast_1d(np.asarray(stop, np.float64))
        valid = upper > lower
        lower, upper = lower[valid], upper[valid]
        if lower.size == 0:
            return cls(np.empty(0), np.empty(0))
        order = np.argsort(lower, kind="stable")
        lower, upper = lower[order], np.maximum.accumulate(upper[order])
        first = np.concatenate(([True], lower[1:] > upper[:-1] + max_gap))
        last = np.concatenate((first[1:], [True]))
        return cls(lower[first], upper[last])

    def __len__(self) -> int:
        return int(self.start.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Intervals):
            return NotImplemented
        return np.array_equal(self.start, other.start) and np.array_equal(self.stop, other.stop)

    __hash__ = None  # type: ignore[assignment] # arrays inside

    @property
    def total(self) -> float:
        """Sum of the lengths in seconds."""
        return float(np.sum(self.stop - self.start))

    def contains(self, time: ArrayLike) -> NDArray[np.bool_]:
        """Tell which times lie in an interval, its borders included.

        Parameters
        ----------
        time : array-like of float, shape (m,)
            Times in seconds; NaN is in no interval.
        """
        times = np.asarray(time, np.float64)
        if not len(self):
            return np.zeros(times.shape, bool)
        index = np.searchsorted(self.start, times, side="right") - 1
        return np.asarray((index >= 0) & (times <= self.stop[index]))

    def intersect(self, other: Intervals) -> Intervals:
        """Intervals that lie in both."""
        if not len(self) or not len(other):
            return Intervals.of([], [])
        first = np.searchsorted(other.stop, self.start, side="left")
        last = np.searchsorted(other.start, self.stop, side="right")
        counts = np.maximum(last - first, 0)
        mine = np.repeat(np.arange(len(self)), counts)
        offset = np.arange(mine.size) - np.repeat(np.cumsum(counts) - counts, counts)
        theirs = first[mine] + offset
        start = np.maximum(self.start[mine], other.start[theirs])
        stop = np.minimum(self.stop[mine], other.stop[theirs])
        valid = stop > start
        return Intervals(start[valid], stop[valid])

    def unite(self, other: Intervals) -> Intervals:
        """Intervals that lie in either."""
        return Intervals.of(np.concatenate((self.start, other.start)), np.concatenate((self.stop, other.stop)))

    def subtract(self, other: Intervals) -> Intervals:
        """Intervals of this one outside the other."""
        if not len(other):
            return self
        start = np.concatenate(([-np.inf], other.stop))
        stop = np.concatenate((other.start, [np.inf]))
        return self.intersect(Intervals(start, stop))

    def longer_than(self, length: float) -> Intervals:
        """Keep the intervals of at least `length` seconds."""
        keep = (self.stop - self.start) >= length
        return Intervals(self.start[keep], self.stop[keep])
