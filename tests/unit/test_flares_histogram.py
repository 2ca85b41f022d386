"""The histogram method on curves made for it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from xmmpy.flares import HistogramSettings, NoCutFound, RateCurve, fit_histogram, histogram_cut
from xmmpy.flares.histogram import _without_short_runs
from xmmpy.products.intervals import Intervals


def poisson_curve(mean: float, length: int, seed: int = 1) -> RateCurve:
    counts = np.random.default_rng(seed).poisson(mean, length)
    return RateCurve.of(2e8 + np.arange(length) + 0.5, counts, 1.0)


def test_steps_of_the_histogram_are_one_count_in_a_window() -> None:
    fit = fit_histogram(poisson_curve(1.4, 20000), HistogramSettings())
    assert np.diff(fit.rate) == pytest.approx(1 / 51)
    assert fit.rate[0] == pytest.approx(0.1)
    assert fit.window[1] - fit.window[0] == pytest.approx(12 / 51)


def test_intervals_begin_and_end_on_bins_and_the_last_may_be_short() -> None:
    curve = poisson_curve(1.4, 10031)
    cut = histogram_cut(curve)
    edges = (cut.intervals.start - 2e8) / 60.0
    assert edges == pytest.approx(np.rint(edges))
    assert cut.intervals.stop[-1] <= 2e8 + 10030  # the last row of a curve is cut by the end: left out
    assert cut.total == 10030


def test_single_good_bins_are_dropped() -> None:
    good = np.array([1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1], bool)
    assert _without_short_runs(good).astype(int).tolist() == [0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0]
    assert not _without_short_runs(np.zeros(3, bool)).any()


def test_time_outside_the_exposure_is_neither_good_nor_counted() -> None:
    curve = poisson_curve(1.4, 20001)
    exposure = Intervals.of([2e8, 2e8 + 12000], [2e8 + 9000, 2e8 + 20001])
    rate = np.where(exposure.contains(curve.time), curve.rate, 0.0)
    cut = histogram_cut(RateCurve.of(curve.time, rate, 1.0).within(exposure))
    assert cut.total == 17000
    pause = Intervals.of([2e8 + 9000], [2e8 + 12000])
    assert cut.intervals.intersect(pause).total == 0
    assert cut.fraction > 0.95


def test_more_sigma_keeps_more() -> None:
    curve = poisson_curve(1.4, 20001)
    kept = [histogram_cut(curve, HistogramSettings(allow_sigma=sigma)).kept for sigma in (1.0, 2.0, 3.0)]
    assert kept == sorted(kept)
    assert kept[0] < kept[-1]


@pytest.mark.parametrize("mean", [0.0, 40.0])
def test_no_quiet_rate_within_the_limits_is_told(mean: float) -> None:
    with pytest.raises(NoCutFound, match="no rate lies between"):
        histogram_cut(poisson_curve(mean, 5000))


def test_a_quiet_rate_below_the_lower_limit_is_told() -> None:
    """What lies above the limit falls all the way: its Gaussian has its centre outside."""
    with pytest.raises(NoCutFound, match="no peak"):
        histogram_cut(poisson_curve(0.6, 40000), HistogramSettings(low=0.75))


def test_a_peak_too_wide_for_the_window_is_told_and_a_wider_window_fits_it() -> None:
    ranks = (np.arange(40001) + 0.5) / 40001
    slow = RateCurve.of(np.arange(40001.0), norm.ppf(ranks, 3.0, 1.0).clip(0.0), 1.0)
    with pytest.raises(NoCutFound, match="wider range scale"):
        histogram_cut(slow)
    fit = fit_histogram(slow, HistogramSettings(range_scale=20))
    assert fit.centre == pytest.approx(3.0, abs=0.05)
    assert fit.sigma == pytest.approx(1.0, abs=0.1)


def test_a_constant_curve_has_no_gaussian() -> None:
    with pytest.raises(NoCutFound, match="fewer than three"):
        histogram_cut(RateCurve.of(np.arange(2000.0), np.ones(2000), 1.0))


def test_bins_wider_than_the_window_are_refused() -> None:
    with pytest.raises(ValueError, match="finer rate curve"):
        histogram_cut(RateCurve.of(np.arange(10.0) * 200, np.ones(10), 200.0))


def test_limits_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="in order"):
        histogram_cut(poisson_curve(1.0, 1000), HistogramSettings(low=2.0, high=1.0))


def test_the_cameras_have_their_range_scales() -> None:
    assert HistogramSettings.for_camera("mos2").range_scale == 6.0
    assert HistogramSettings.for_camera("EPN").range_scale == 15.0
