"""A rate curve: what every way of cutting flares starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.products.intervals import Intervals

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

TIME_ROUNDING = 1e-6  # s; two sums of a double of 1e9 s and a bin width differ by less


@dataclass(frozen=True, slots=True, eq=False)
class RateCurve:
    """Count rate in bins of one width.

    Attributes
    ----------
    time : ndarray of float64, shape (n,)
        Centres of the bins, seconds, increasing. Bins may be missing.
    rate : ndarray of float64, shape (n,)
        Counts per second; NaN where nothing was observed.
    bin_size : float
        Width of a bin, seconds.
    error : ndarray of float64, shape (n,), or None
        Standard deviation of the rate, counts per second.
    """

    time: NDArray[np.float64]
    rate: NDArray[np.float64]
    bin_size: float
    error: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls, time: ArrayLike, rate: ArrayLike, bin_size: float | None = None, error: ArrayLike | None = None
    ) -> RateCurve:
        """Check and order the columns of a rate table.

        Parameters
        ----------
        time, rate : array-like of float, shape (n,)
            Centres of the bins (s) and counts per second. Rows without a time are dropped; a rate that
            is not finite, or is negative, counts as not observed.
        bin_size : float, optional
            Width of a bin, seconds; the median spacing of the times when not given.
        error : array-like of float, shape (n,), optional
            Standard deviation of the rate.

        Raises
        ------
        ValueError
            When the shapes differ, no bin is left, or the width is neither given nor to be had.
        """
        times = np.atleast_1d(np.asarray(time, np.float64))
        rates = np.atleast_1d(np.asarray(rate, np.float64))
        errors = None if error is None else np.atleast_1d(np.asarray(error, np.float64))
        shapes = {values.shape for values in (times, rates, errors) if values is not None}
        if times.ndim != 1 or len(shapes) != 1:
            raise ValueError("the columns of a rate curve must be of one length and hold one number a row")
        known = np.isfinite(times)
        order = np.flatnonzero(known)[np.argsort(times[known], kind="stable")]
        if not order.size:
            raise ValueError("the rate curve has no row with a time")
        times, rates = times[order], rates[order].copy()
        rates[~(np.isfinite(rates) & (rates >= 0))] = np.nan
        width = median_spacing(times) if bin_size is None else float(bin_size)
        if not (np.isfinite(width) and width > 0):
            raise ValueError("the width of the bins of the rate curve is not known or not positive")
        return cls(times, rates, width, None if errors is None else errors[order])

    def __len__(self) -> int:
        return int(self.time.size)

    @property
    def observed(self) -> NDArray[np.bool_]:
        """Which bins hold a rate, shape (n,)."""
        return np.isfinite(self.rate)

    @property
    def observed_time(self) -> float:
        """Seconds in the bins that hold a rate."""
        return float(np.count_nonzero(self.observed)) * self.bin_size

    def within(self, intervals: Intervals, covered: float = 0.5) -> RateCurve:
        """Mark the bins as not observed of which less than the fraction `covered` lies in the intervals.

        The bins of a curve run over the pauses of an exposure, where they hold no counts; a cut
        must not take them for quiet time.

        Parameters
        ----------
        intervals : Intervals
            The exposure: the union of the CCDs' good time intervals.
        covered : float
            Fraction of the bin, 0 to 1.
        """
        exposure = _time_before(intervals, self.time + self.bin_size / 2)
        exposure -= _time_before(intervals, self.time - self.bin_size / 2)
        rate = np.where(exposure >= covered * self.bin_size, self.rate, np.nan)
        return RateCurve(self.time, rate, self.bin_size, self.error)

    def intervals_where(self, chosen: NDArray[np.bool_]) -> Intervals:
        """Join the chosen bins, shape (n,), into intervals; a bin covers its centre +- half its width."""
        half = self.bin_size / 2
        return Intervals.of(self.time[chosen] - half, self.time[chosen] + half, max_gap=TIME_ROUNDING)


def median_spacing(time: NDArray[np.float64]) -> float:
    """Give the median step between increasing times, shape (n,); NaN for fewer than two."""
    steps = np.diff(time)
    return float(np.median(steps)) if steps.size else float("nan")


def _time_before(intervals: Intervals, moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds of the intervals that lie before each moment."""
    if not len(intervals):
        return np.zeros_like(moments)
    lengths = intervals.stop - intervals.start
    before = np.concatenate(([0.0], np.cumsum(lengths)))
    index = np.searchsorted(intervals.start, moments, side="right")
    last = np.maximum(index - 1, 0)
    part = np.clip(moments - intervals.start[last], 0.0, lengths[last])
    return np.where(index > 0, before[last] + part, 0.0)
