"""Flare cuts on simulated curves of which the quiet time is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from xmmpy.flares import RateCurve, histogram_cut, signal_to_noise_cut
from xmmpy.flares.histogram import HistogramSettings
from xmmpy.products.intervals import Intervals

T0 = 2.1e8


def curve_from(expected: NDArray[np.float64], bin_size: float, rng: np.random.Generator) -> RateCurve:
    """Poisson counts for the expected rates, counts/s."""
    time = T0 + bin_size * (np.arange(expected.size) + 0.5)
    return RateCurve.of(time, rng.poisson(expected * bin_size) / bin_size, bin_size)


def flares(length: int, quiet: float) -> NDArray[np.float64]:
    """A quiet rate with three flares that rise at once and decay, 3 to 40 times as bright."""
    time = np.arange(length) / length
    rate = np.full(length, quiet)
    for start, height, decay in ((0.2, 40.0, 0.01), (0.55, 10.0, 0.03), (0.8, 3.0, 0.02)):
        later = time >= start
        rate[later] += quiet * height * np.exp(-(time[later] - start) / decay)
    return rate


@pytest.mark.parametrize("mean", [0.05, 1.0, 3.0, 10.0, 15.0, 40.0, 200.0])
@pytest.mark.parametrize("bins", [30, 300, 1000])
def test_a_quiet_curve_loses_nothing(mean: float, bins: int) -> None:
    """Of 100 quiet curves no more than one loses a bin, whatever the counts in a bin."""
    rng = np.random.default_rng(11)
    cuts = [signal_to_noise_cut(curve_from(np.full(bins, mean / 100), 100.0, rng)) for _ in range(100)]
    losers = [cut for cut in cuts if cut.fraction < 1.0]
    assert len(losers) <= 1
    assert all(cut.fraction >= 1 - 1.5 / bins for cut in losers)


@pytest.mark.parametrize("quiet", [0.1, 0.25, 0.4])
def test_the_cut_comes_near_the_best_signal_to_noise_ratio_there_is(quiet: float) -> None:
    """Against the choice that knows the expected rates: at least 98 % of its ratio for a constant source."""
    rng = np.random.default_rng(5)
    expected = flares(400, quiet)
    curve = curve_from(expected, 100.0, rng)
    cut = signal_to_noise_cut(curve)
    kept = curve.rate <= cut.limit
    order = np.sort(expected)
    number = np.arange(1, order.size + 1)
    best = np.sqrt(np.max(number**2 / np.cumsum(order)))
    reached = np.count_nonzero(kept) / np.sqrt(expected[kept].sum())
    assert reached >= 0.98 * best
    assert np.mean(kept[expected < 1.2 * quiet]) >= 0.98
    assert not kept[expected > 5 * quiet].any()


def test_a_flare_all_along_keeps_the_least_flared() -> None:
    rng = np.random.default_rng(6)
    cut = signal_to_noise_cut(curve_from(0.3 + 30.0 * np.linspace(0.0, 1.0, 300) ** 2, 100.0, rng))
    assert 0 < cut.fraction < 1


@pytest.mark.parametrize("quiet", [0.5, 1.4, 3.0])
def test_the_histogram_finds_the_quiet_rate_under_flares(quiet: float) -> None:
    rng = np.random.default_rng(7)
    expected = flares(40000, quiet)
    settings = HistogramSettings(range_scale=15.0)
    cut = histogram_cut(curve_from(expected, 1.0, rng), settings)
    sigma = np.sqrt(quiet / 51.0)
    assert cut.limit == pytest.approx(quiet + 2.5 * sigma, rel=0.05)  # tails of the flares lie in it
    time = T0 + np.arange(expected.size) + 0.5
    kept = cut.intervals.contains(time)
    assert np.mean(kept[expected < 1.02 * quiet]) >= 0.9
    assert np.mean(kept[expected > 2 * quiet]) <= 0.002


@pytest.mark.parametrize("mean", [0.2, 0.5, 1.4, 3.0])
def test_what_the_histogram_takes_from_a_quiet_curve(mean: float) -> None:
    """The tails beyond 2.5 sigma, as espfilt does: about one part in a hundred."""
    rng = np.random.default_rng(8)
    settings = HistogramSettings(range_scale=15.0)
    kept = [histogram_cut(curve_from(np.full(40000, mean), 1.0, rng), settings).fraction for _ in range(10)]
    assert 0.98 <= float(np.mean(kept)) <= 0.998
    assert min(kept) > 0.96


def test_pauses_of_the_exposure_are_no_quiet_time() -> None:
    rng = np.random.default_rng(9)
    expected = np.full(400, 0.25)
    curve = curve_from(expected, 100.0, rng)
    pause = Intervals.of([T0 + 10000], [T0 + 25000])
    rate = np.where(pause.contains(curve.time), 0.0, curve.rate)
    exposure = Intervals.of([T0], [T0 + 40000]).subtract(pause)
    cut = signal_to_noise_cut(RateCurve.of(curve.time, rate, 100.0).within(exposure))
    assert cut.total == 25000
    assert cut.fraction == 1.0
    assert cut.intervals.intersect(pause).total == 0
