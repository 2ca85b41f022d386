"""Fixed cuts and the cut at the best signal-to-noise ratio."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmmpy.flares import RateCurve, fixed_cut, signal_to_noise_cut, typical_limit
from xmmpy.flares.signal_to_noise import chance_counts, signal_to_noise

BIN = 100.0

counts = st.lists(st.integers(0, 400), min_size=1, max_size=80)


def curve_of(number: list[int]) -> RateCurve:
    return RateCurve.of(BIN * np.arange(len(number)), np.array(number) / BIN, BIN)


def test_a_bin_at_the_limit_is_kept() -> None:
    cut = fixed_cut(RateCurve.of([0.0, 1.0, 2.0], [0.4, 0.5, 0.6], 1.0), 0.5)
    assert cut.kept == 2.0
    assert cut.total == 3.0
    assert cut.intervals.start.tolist() == [-0.5]
    assert cut.intervals.stop.tolist() == [1.5]
    assert cut.fraction == pytest.approx(2 / 3)


def test_nothing_kept_is_an_outcome_not_an_error() -> None:
    cut = fixed_cut(curve_of([500, 600]), 0.4)
    assert cut.keeps_nothing
    assert len(cut.intervals) == 0
    assert "keeps nothing of 0.2 ks" in cut.describe()


@settings(deadline=None)
@given(counts, st.floats(0.01, 5), st.floats(0.01, 5))
def test_a_higher_limit_keeps_all_that_a_lower_one_keeps(number: list[int], one: float, two: float) -> None:
    low, high = (fixed_cut(curve_of(number), limit) for limit in sorted((one, two)))
    assert low.kept <= high.kept
    assert low.intervals.intersect(high.intervals) == low.intervals
    assert low.kept == pytest.approx(low.intervals.total)


@pytest.mark.parametrize("limit", [0.0, -1.0, np.nan, np.inf])
def test_a_limit_that_is_no_positive_rate_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="positive rate"):
        fixed_cut(curve_of([1]), limit)


@pytest.mark.parametrize(
    ("camera", "limit"), [("mos1", 0.35), ("EMOS2", 0.35), ("pn", 0.4), ("EPN", 0.4), ("mos2_U002", 0.35)]
)
def test_the_usual_limits(camera: str, limit: float) -> None:
    assert typical_limit(camera) == limit


def test_an_unknown_camera_is_refused() -> None:
    with pytest.raises(ValueError, match="no EPIC camera"):
        typical_limit("RGS1")


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=60))
def test_the_ratio_is_that_of_its_definition(rates: list[float]) -> None:
    ordered = np.sort(np.array(rates))
    expected = [(n + 1) ** 2 / ordered[: n + 1].sum() for n in range(ordered.size)]
    assert signal_to_noise(ordered) == pytest.approx(np.array(expected))


@settings(deadline=None)
@given(st.floats(0.01, 500), st.integers(1, 10000))
def test_chance_counts_are_the_fewest_that_are_rare_enough(mean: float, bins: int) -> None:
    """Against the sum of the Poisson probabilities."""
    number = chance_counts(mean, bins, chance=0.05)
    k = np.arange(number + 1)
    log_factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, number + 1)))))
    below = np.cumsum(np.exp(k * np.log(mean) - mean - log_factorial))
    assert below[-1] ** bins >= 0.95 - 1e-6
    if number:
        assert below[-2] ** bins <= 0.95 + 1e-6


@settings(deadline=None)
@given(counts)
def test_no_better_ratio_lies_beyond_the_noise(number: list[int]) -> None:
    """The cut is the best one, or a looser one that the Poisson noise of the kept bins asks for."""
    curve = curve_of(number)
    cut = signal_to_noise_cut(curve)
    counted = np.sort(curve.rate[curve.rate > 0])
    if not counted.size:
        assert cut.fraction == 1.0
        return
    ratio = signal_to_noise(counted)
    kept = int(np.count_nonzero(counted <= cut.limit))
    if ratio[kept - 1] < ratio.max() * (1 - 1e-12):
        allowed = chance_counts(float(counted[:kept].mean()) * BIN, len(curve))
        assert kept > int(np.argmax(ratio)) + 1
        assert counted[kept - 1] * BIN <= allowed + 0.5


@settings(deadline=None)
@given(counts)
def test_bins_of_one_rate_stay_together_and_quiet_bins_stay(number: list[int]) -> None:
    cut = signal_to_noise_cut(curve_of(number))
    rates = np.array(number) / BIN
    inside = rates <= cut.limit
    assert cut.kept == pytest.approx(BIN * np.count_nonzero(inside))
    assert inside[np.argmin(rates)]
    assert not cut.keeps_nothing


@settings(deadline=None)
@given(counts, st.integers(0, 40))
def test_pauses_do_not_move_the_limit(number: list[int], pauses: int) -> None:
    """Bins marked as not observed have no part in the search."""
    curve = curve_of(number)
    rate = np.concatenate((curve.rate, np.full(pauses, np.nan)))
    longer = RateCurve.of(BIN * np.arange(rate.size), rate, BIN)
    assert signal_to_noise_cut(longer).limit == signal_to_noise_cut(curve).limit


def test_a_flare_is_cut_off() -> None:
    cut = signal_to_noise_cut(curve_of([20] * 90 + [400] * 10))
    assert cut.kept == 9000.0
    assert 0.2 < cut.limit < 4.0


def test_the_limit_is_a_short_number_that_text_carries_over() -> None:
    cut = signal_to_noise_cut(curve_of([20] * 90 + [400] * 10))
    assert float(f"{cut.limit:.15g}") == cut.limit
    assert len(f"{cut.limit:g}") <= 4


def test_the_extreme_curves() -> None:
    nothing = RateCurve.of([0.0, 100.0], [np.nan, np.nan], BIN)
    assert signal_to_noise_cut(nothing).keeps_nothing
    assert signal_to_noise_cut(curve_of([0, 0, 0])).fraction == 1.0
    assert signal_to_noise_cut(curve_of([7])).fraction == 1.0
    assert signal_to_noise_cut(curve_of([0, 0, 0, 7])).fraction == 1.0
