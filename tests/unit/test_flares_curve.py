"""Rate curves: checking, exposure, intervals, smoothing, rebinning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmmpy.flares import RateCurve
from xmmpy.flares.resampling import boxcar, on_grid, rebin
from xmmpy.products.intervals import Intervals

T0 = 2.1e8


def curve_of(rates: list[float], bin_size: float = 10.0) -> RateCurve:
    time = T0 + bin_size * (np.arange(len(rates)) + 0.5)
    return RateCurve.of(time, rates, bin_size)


def test_rows_are_ordered_and_those_without_a_time_dropped() -> None:
    curve = RateCurve.of([30.0, np.nan, 10.0, 20.0], [3.0, 9.0, 1.0, 2.0], error=[0.3, 0.9, 0.1, 0.2])
    assert curve.time.tolist() == [10.0, 20.0, 30.0]
    assert curve.rate.tolist() == [1.0, 2.0, 3.0]
    assert curve.error is not None
    assert curve.error.tolist() == [0.1, 0.2, 0.3]
    assert curve.bin_size == 10.0


def test_rates_that_are_none_count_as_not_observed() -> None:
    curve = curve_of([1.0, np.nan, -1.0, np.inf, 0.0])
    assert curve.observed.tolist() == [True, False, False, False, True]
    assert curve.observed_time == 20.0


@pytest.mark.parametrize(
    ("time", "rate", "bin_size"),
    [([1.0, 2.0], [1.0], 1.0), ([np.nan], [1.0], 1.0), ([1.0], [1.0], None), ([1.0, 2.0], [1.0, 1.0], -1.0),
     ([[1.0, 2.0]], [[1.0, 1.0]], 1.0)],
)  # fmt: skip
def test_columns_that_make_no_curve_are_refused(time: list[float], rate: list[float], bin_size: float | None) -> None:
    with pytest.raises(ValueError, match="rate curve"):
        RateCurve.of(time, rate, bin_size)


def test_bins_outside_the_exposure_are_not_observed() -> None:
    curve = curve_of([1.0] * 6)
    exposure = Intervals.of([T0 + 4, T0 + 36], [T0 + 20, T0 + 50])
    # overlap of the six bins with it: 6, 10, 0, 4, 10, 0 s
    assert curve.within(exposure).observed.tolist() == [True, True, False, False, True, False]
    assert curve.within(exposure, covered=0.3).observed.tolist() == [True, True, False, True, True, False]
    assert not curve.within(Intervals.of([], [])).observed.any()


def test_chosen_bins_join_to_intervals_in_spite_of_rounding() -> None:
    time = T0 + 0.1 * np.arange(1000)
    curve = RateCurve.of(time, np.ones(1000), 0.1)
    chosen = np.ones(1000, bool)
    chosen[500:600] = False
    intervals = curve.intervals_where(chosen)
    assert len(intervals) == 2
    assert intervals.total == pytest.approx(90.0, abs=1e-4)


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 100) | st.just(np.nan), min_size=1, max_size=60),
    st.integers(0, 10).map(lambda half: 2 * half + 1),
)
def test_boxcar_is_the_mean_of_what_was_observed_in_the_window(rates: list[float], width: int) -> None:
    smoothed = boxcar(curve_of(rates), width).rate
    for index, rate in enumerate(rates):
        window = np.array(rates[max(index - width // 2, 0) : index + width // 2 + 1])
        expected = np.nan if np.isnan(rate) else window[np.isfinite(window)].mean()
        assert smoothed[index] == pytest.approx(expected, abs=1e-9, nan_ok=True)


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.integers(1, 12))
def test_rebinning_keeps_counts_and_time(rates: list[float], factor: int) -> None:
    curve = curve_of(rates)
    wide, length = rebin(curve, factor)
    assert np.sum(wide.rate * length) == pytest.approx(np.sum(curve.rate) * curve.bin_size, abs=1e-6)
    assert length.sum() == pytest.approx(curve.observed_time)
    assert wide.time[0] - wide.bin_size / 2 == pytest.approx(curve.time[0] - curve.bin_size / 2)


def test_missing_bins_are_filled_in() -> None:
    curve = RateCurve.of([T0, T0 + 10, T0 + 40], [1.0, 2.0, 3.0], 10.0)
    even = on_grid(curve)
    assert even.observed.tolist() == [True, True, False, False, True]
    assert np.diff(even.time).tolist() == [10.0] * 4


@pytest.mark.parametrize("width", [0, 2, -3])
def test_an_even_window_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match="odd"):
        boxcar(curve_of([1.0]), width)


def test_times_that_span_ages_are_refused() -> None:
    with pytest.raises(ValueError, match="wrong"):
        on_grid(RateCurve.of([0.0, 1e12], [1.0, 1.0], 1.0))


def test_rebinning_wants_a_positive_factor() -> None:
    with pytest.raises(ValueError, match="at least one"):
        rebin(curve_of([1.0]), 0)
