"""Detection likelihoods against distributions of scipy, and beyond where these underflow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaincc
from scipy.stats import poisson

from xmmpy.detection.likelihoods import combined_likelihood, equivalent_likelihood, poisson_likelihood


@given(st.integers(1, 60), st.floats(0.01, 40.0))
def test_poisson_tail(counts: int, background: float) -> None:
    expected = -poisson.logsf(counts - 1, background)
    assert float(poisson_likelihood(np.array(counts), np.array(background))) == pytest.approx(
        expected, rel=1e-6, abs=1e-9
    )


def test_poisson_tail_far_beyond_underflow() -> None:
    found = poisson_likelihood(np.array([2000, 10**5]), np.array([1.0, 5.0]))
    expected = [-poisson.logpmf(2000, 1.0), -poisson.logpmf(10**5, 5.0)]
    assert found == pytest.approx(expected, rel=1e-5)


def test_no_counts_are_no_surprise() -> None:
    assert np.all(poisson_likelihood(np.zeros(3), np.array([0.0, 1.0, 100.0])) == 0.0)


@given(st.floats(0.0, 500.0), st.integers(1, 15))
def test_combined_likelihood_is_the_upper_gamma_function(total: float, number: int) -> None:
    expected = -np.log(gammaincc(number, total))
    assert float(combined_likelihood(total, number)) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_combined_likelihood_of_one_band_is_its_own() -> None:
    assert combined_likelihood([0.0, 3.0, 1e5], 1) == pytest.approx([0.0, 3.0, 1e5])


@given(st.floats(0.01, 600.0), st.integers(2, 18))
def test_equivalent_likelihood(value: float, freedom: int) -> None:
    expected = -np.log(gammaincc(freedom / 2, value))
    assert float(equivalent_likelihood(value, freedom)) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_equivalent_likelihood_goes_on_where_the_function_underflows() -> None:
    values = np.array([640.0, 646.0, 650.0, 2000.0, 1e5])
    found = equivalent_likelihood(values, 17.0)
    assert np.all(np.diff(found) > 0.9 * np.diff(values))
    assert np.all(found < values)
    assert found[0] == pytest.approx(-np.log(gammaincc(8.5, 640.0)), rel=1e-9)
    assert equivalent_likelihood(1e5, 2.0) == pytest.approx(1e5)


def test_pure_noise_gives_exponential_likelihoods() -> None:
    """With several bands of noise, exp(-L) is even: that is what L means."""
    rng = np.random.default_rng(3)
    background = np.full((20_000, 5), 1e4)  # so that whole counts do not matter
    parts = poisson_likelihood(rng.poisson(background), background)
    combined = combined_likelihood(parts.sum(axis=1), 5)
    for level in (1.0, 2.0, 4.0):
        assert np.mean(combined > level) == pytest.approx(np.exp(-level), rel=0.25)
