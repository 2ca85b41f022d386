"""The cut of espfilt: a Gaussian fitted to the peak of the histogram of the smoothed curve.

The method is that of Kuntz and Snowden (2008, A&A 478, 575), in the form of SAS's espfilt with
method=histogram. What its documentation leaves open was found from what espfilt 4.3 drew
(``*-hist.qdp``) and wrote (``*-gti.fits``): the histogram's step is one count in a smoothing
window, `range_scale` counts steps on either side of the peak, the fit is an unweighted least-squares one,
and time is chosen on the plain curve in bins of `bin_size`, of which single ones are dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.flares.cut import FlareCut, NoCutFound
from xmmpy.flares.resampling import boxcar, on_grid, rebin
from xmmpy.products.intervals import Intervals

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from xmmpy.flares.curve import RateCurve

MOS_RANGE_SCALE = 6.0  # espfilt's default; the ESAS cookbook gives 15 for pn
PN_RANGE_SCALE = 15.0
_SHORTEST = 2  # bins; a single good bin is no good interval
_NARROWEST = 0.3  # steps; a Gaussian narrower than that lies in one step
_WIDEST = 5.0  # half windows; a wider Gaussian falls by less than 2 % to the window's ends: no peak at all
_ROUNDING = 1e-9  # rates are whole counts in a window: their histogram must not hang on the last bit


@dataclass(frozen=True, slots=True)
class HistogramSettings:
    """Settings of the histogram method, with the names of espfilt's parameters in brackets.

    Attributes
    ----------
    smooth : float
        Length of the smoothing window, s (``smooth``).
    bin_size : float
        Bins in which time is kept or dropped, s (``binsize``).
    range_scale : float
        Steps of the histogram on either side of its peak that are fitted (``rangescale``).
    allow_sigma : float
        Standard deviations from the centre that are kept (``allowsigma``).
    low, high : float
        Rates between which the peak is looked for, counts/s (``limits``).
    """

    smooth: float = 51.0
    bin_size: float = 60.0
    range_scale: float = MOS_RANGE_SCALE
    allow_sigma: float = 2.5
    low: float = 0.1
    high: float = 6.5

    @classmethod
    def for_camera(cls, camera: str) -> Self:
        """Give the usual settings of a camera: ``mos1``, ``mos2``, ``pn``."""
        pn = camera.strip().lower().removeprefix("e").startswith("pn")
        return cls(range_scale=PN_RANGE_SCALE if pn else MOS_RANGE_SCALE)


@dataclass(frozen=True, slots=True, eq=False)
class HistogramFit:
    """The histogram of the smoothed rates and the Gaussian at its peak.

    Attributes
    ----------
    rate : ndarray of float64, shape (n,)
        Centres of the histogram's steps, counts/s.
    number : ndarray of float64, shape (n,)
        Bins of the curve in each step.
    norm, centre, sigma : float
        The Gaussian: height, mean and standard deviation (counts/s).
    window : tuple of float
        Rates between which it was fitted, counts/s.
    """

    rate: NDArray[np.float64]
    number: NDArray[np.float64]
    norm: float
    centre: float
    sigma: float
    window: tuple[float, float]

    def limits(self, allow_sigma: float) -> tuple[float, float]:
        """Give the rates that lie `allow_sigma` standard deviations below and above the centre, counts/s."""
        return self.centre - allow_sigma * self.sigma, self.centre + allow_sigma * self.sigma


def histogram_cut(curve: RateCurve, settings: HistogramSettings | None = None) -> FlareCut:
    """Keep the time whose rate lies near the peak of the histogram of rates.

    Parameters
    ----------
    curve : RateCurve
        Rate in narrow bins (1 s) in a band where the background has many counts (2.5 to 8.5 keV).
        Its last bin, which the end of the exposure cuts, is left out.
    settings : HistogramSettings, optional
        Those of the MOS cameras when not given.

    Returns
    -------
    FlareCut
        With a lower limit too. Of a quiet curve it drops the tails of the noise beyond
        ``allow_sigma``, about one part in a hundred at 2.5.

    Raises
    ------
    NoCutFound
        When the histogram has no peak that a Gaussian fits.
    ValueError
        When the curve has too few bins or bins that are too wide for the settings.
    """
    use = settings or HistogramSettings()
    whole = _whole_bins(curve)
    fit = fit_histogram(whole, use)
    lower, upper = fit.limits(use.allow_sigma)
    wide, length = rebin(whole, _bins_in(use.bin_size, whole.bin_size))
    rate = np.nan_to_num(wide.rate, nan=-1.0)
    good = _without_short_runs((rate >= max(lower, 0.0)) & (rate <= upper))
    start = wide.time - wide.bin_size / 2
    kept = Intervals.of(start[good], (start + length)[good], max_gap=1e-6)
    return FlareCut("histogram", upper, kept.total, whole.observed_time, kept, max(lower, 0.0), ())


def fit_histogram(curve: RateCurve, settings: HistogramSettings) -> HistogramFit:
    """Fit a Gaussian to the peak of the histogram of the smoothed curve.

    Raises
    ------
    NoCutFound
        When no rate lies within the limits, or no Gaussian with its centre in the window fits.
    """
    window = _bins_in(settings.smooth, curve.bin_size)
    window += 1 - window % 2
    step = 1.0 / (window * curve.bin_size)
    if not (0 <= settings.low < settings.high and settings.range_scale > 0):
        raise ValueError("the limits and the range scale of the histogram must be positive and in order")
    size = math.floor((2 * settings.high - settings.low) / step)
    smoothed = boxcar(curve, window).rate
    place = np.floor((smoothed[np.isfinite(smoothed)] - settings.low) / step + 0.5 + _ROUNDING)
    place = place[(place >= 0) & (place < size)].astype(np.int64)
    number = np.bincount(place, minlength=size).astype(np.float64)
    rate: NDArray[np.float64] = settings.low + step * np.arange(size, dtype=np.float64)
    searched = number[rate <= settings.high]
    peak = int(np.argmax(searched)) if searched.size else 0
    if not searched.size or searched[peak] == 0:
        bounds = f"between {settings.low:g} and {settings.high:g} counts/s"
        raise NoCutFound(f"no rate lies {bounds}, where the quiet rate is looked for")
    reach = max(round(settings.range_scale), 1)
    chosen = slice(max(peak - reach, 0), peak + reach + 1)
    norm, centre, sigma = _fit_gaussian(rate[chosen], number[chosen], step)
    reached = (rate[chosen][-1] - rate[chosen][0]) / 2
    if not rate[chosen][0] <= centre <= rate[chosen][-1] or sigma > _WIDEST * reached:
        raise NoCutFound(
            f"the histogram of rates has no peak that a Gaussian fits near {rate[peak]:.3g} counts/s; "
            "a wider range scale may help, or the whole observation may be flared"
        )
    edges = (float(rate[chosen][0]), float(rate[chosen][-1]))
    return HistogramFit(rate, number, norm, centre, sigma, edges)


def _fit_gaussian(rate: NDArray[np.float64], number: NDArray[np.float64], step: float) -> tuple[float, float, float]:
    """Give height, mean and width of the least-squares Gaussian."""
    from scipy.optimize import least_squares

    if np.count_nonzero(number) < 3:
        raise NoCutFound("the histogram of rates has fewer than three filled steps at its peak")
    peak = int(np.argmax(number))
    guess = np.array([number[peak], 0.0, rate.size / 4])
    steps = (rate - rate[peak]) / step

    def residuals(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(values[0] * np.exp(-0.5 * ((steps - values[1]) / values[2]) ** 2) - number)

    scale = np.maximum(guess, 1.0)
    least = [0.0, -np.inf, _NARROWEST]
    result = least_squares(residuals, guess, bounds=(least, np.inf), x_scale=scale, xtol=1e-12, ftol=1e-12)
    norm, shift, width = (float(value) for value in result.x)
    return norm, float(rate[peak]) + shift * step, width * step


def _whole_bins(curve: RateCurve) -> RateCurve:
    """Drop the last bin, put the curve on a grid."""
    if len(curve) < 2:
        raise ValueError("a histogram of rates wants a curve of more than one bin")
    error = None if curve.error is None else curve.error[:-1]
    return on_grid(type(curve)(curve.time[:-1], curve.rate[:-1], curve.bin_size, error))


def _bins_in(length: float, bin_size: float) -> int:
    """Whole number of bins in a length of time, at least one."""
    number = round(length / bin_size)
    if number < 1:
        raise ValueError(f"bins of {bin_size:g} s are too wide for {length:g} s; make a finer rate curve")
    return number


def _without_short_runs(good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Drop the good bins that stand in runs shorter than `_SHORTEST`."""
    change = np.diff(np.concatenate(([0], good.astype(np.int8), [0])))
    first, last = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    result = good.copy()
    for begin, end in zip(first, last, strict=True):
        if end - begin < _SHORTEST:
            result[begin:end] = False
    return result
