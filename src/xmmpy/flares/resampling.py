"""Smooth a rate curve and put it into wider bins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xmmpy.flares.curve import RateCurve

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_BINS = 20_000_000  # 1 s bins over 230 days: more is a wrong time, not an observation


def on_grid(curve: RateCurve) -> RateCurve:
    """Fill the missing bins of a curve with NaN, so that the times step evenly.

    Raises
    ------
    ValueError
        When the times span more bins than an observation can have.
    """
    span = (curve.time[-1] - curve.time[0]) / curve.bin_size
    if span > _MAX_BINS:
        raise ValueError(f"the times of the rate curve span {span:.3g} of its bins: some of them are wrong")
    place = np.rint((curve.time - curve.time[0]) / curve.bin_size).astype(np.int64)
    number = int(place[-1]) + 1
    if number == len(curve) and place[0] == 0 and np.all(np.diff(place) == 1):
        return curve
    rate = np.full(number, np.nan)
    rate[place] = curve.rate
    error = None
    if curve.error is not None:
        error = np.full(number, np.nan)
        error[place] = curve.error
    return RateCurve(curve.time[0] + curve.bin_size * np.arange(number), rate, curve.bin_size, error)


def boxcar(curve: RateCurve, width: int) -> RateCurve:
    """Replace each rate by the mean over a window about it.

    Parameters
    ----------
    curve : RateCurve
        The curve; missing bins are filled in.
    width : int
        Bins in the window, odd. At the ends of the curve the window is cut off there; bins that were
        not observed are left out of the mean and stay so.

    Raises
    ------
    ValueError
        When the width is not odd and positive.
    """
    if width < 1 or width % 2 == 0:
        raise ValueError(f"the width of the smoothing window must be odd and positive, not {width}")
    even = on_grid(curve)
    sums, numbers = _cumulative(even.rate)
    index = np.arange(len(even))
    first = np.maximum(index - width // 2, 0)
    last = np.minimum(index + width // 2 + 1, len(even))
    number = numbers[last] - numbers[first]
    mean = (sums[last] - sums[first]) / np.maximum(number, 1)
    return RateCurve(even.time, np.where(even.observed, mean, np.nan), even.bin_size)


def rebin(curve: RateCurve, factor: int) -> tuple[RateCurve, NDArray[np.float64]]:
    """Join bins.

    Parameters
    ----------
    curve : RateCurve
        The curve; missing bins are filled in.
    factor : int
        Bins to join, from the first on; the last wide bin may hold fewer.

    Returns
    -------
    wide : RateCurve
        Mean rate of the observed bins in each wide one; NaN where less than half of it was observed.
        Times are the centres of full bins, for the last one too.
    length : ndarray of float64, shape (m,)
        Seconds that each wide bin spans: all alike, but for the last.

    Raises
    ------
    ValueError
        When the factor is not positive.
    """
    if factor < 1:
        raise ValueError(f"at least one bin must go into a wide one, not {factor}")
    even = on_grid(curve)
    sums, numbers = _cumulative(even.rate)
    first = np.arange(0, len(even), factor)
    last = np.minimum(first + factor, len(even))
    number = numbers[last] - numbers[first]
    span = (last - first).astype(np.float64)
    rate = np.where(2 * number >= span, (sums[last] - sums[first]) / np.maximum(number, 1), np.nan)
    start = even.time[first] - even.bin_size / 2
    wide = RateCurve(start + factor * even.bin_size / 2, rate, factor * even.bin_size)
    return wide, span * even.bin_size


def _cumulative(rate: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Give sums and numbers of the observed rates before each bin, shape (n + 1,)."""
    observed = np.isfinite(rate)
    sums = np.concatenate(([0.0], np.cumsum(np.where(observed, rate, 0.0))))
    numbers = np.concatenate(([0], np.cumsum(observed)))
    return sums, numbers.astype(np.int64)
