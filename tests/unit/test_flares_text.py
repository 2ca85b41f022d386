"""What a user is shown: candidates and plots of characters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xmmpy.flares import RateCurve, asked_cut, fixed_cut, signal_to_noise_cut, suggest, text_plot
from xmmpy.flares.textplot import ASCII, interval_bar, plot_values
from xmmpy.products.intervals import Intervals

BIN = 100.0
finite = st.floats(-1e9, 1e9)


def curve_of(counts: list[int] | np.ndarray[tuple[int], np.dtype[np.int64]]) -> RateCurve:
    return RateCurve.of(9e7 + BIN * np.arange(len(counts)), np.asarray(counts) / BIN, BIN)


def flared() -> RateCurve:
    counts = np.random.default_rng(4).poisson(18, 200)
    counts[120:140] += 300
    return curve_of(counts)


def test_a_quiet_curve_is_offered_the_usual_limit() -> None:
    suggestion = suggest(curve_of(np.random.default_rng(4).poisson(15, 200)), "mos1")
    assert suggestion.limit == 0.35
    assert "usual" in suggestion.reason


def test_a_curve_above_the_usual_limit_is_offered_the_best_ratio() -> None:
    curve = curve_of(np.random.default_rng(4).poisson(80, 200))
    suggestion = suggest(curve, "pn")
    assert suggestion.limit == signal_to_noise_cut(curve).limit
    assert any(candidate.cut.keeps_nothing for candidate in suggestion.candidates)
    assert "nothing" in suggestion.table()


def test_candidates_rise_and_each_tells_what_it_keeps() -> None:
    curve = flared()
    candidates = suggest(curve, "pn").candidates
    limits = [candidate.cut.limit for candidate in candidates]
    assert limits == sorted(set(limits))
    for candidate in candidates:
        assert candidate.cut.kept == fixed_cut(curve, candidate.cut.limit).kept
    assert candidates[-1].cut.fraction == 1.0
    lines = suggest(curve, "pn").table().splitlines()
    assert len(lines) == len(candidates) + 1
    assert sum(line.startswith("*") for line in lines) == 1


def test_the_users_choice_is_marked_as_such() -> None:
    assert asked_cut(flared(), 0.5).method == "asked"


def test_the_plot_shows_limit_and_time_kept() -> None:
    lines = text_plot(flared(), 0.4, 70, 16).splitlines()
    assert len(lines) == 16
    assert max(map(len, lines)) <= 70
    assert any(line.strip().startswith("0.4") and "╌" in line for line in lines)
    kept = next(line for line in lines if line.lstrip().startswith("kept"))
    bar = kept.split("│")[1]
    assert bar[0] == "▬"
    assert " " in bar[33:44]


def test_the_peak_stands_where_the_flare_is() -> None:
    top = text_plot(flared(), 0.4, 110, 20).splitlines()[1]
    columns = [index - 10 for index, character in enumerate(top) if index >= 10 and character != " "]
    assert columns
    assert all(58 <= column <= 71 for column in columns)


def test_given_intervals_take_the_place_of_the_limit() -> None:
    text = text_plot(flared(), 0.4, kept=Intervals.of([], []))
    assert "▬" not in text


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 10**6) | st.none(), min_size=1, max_size=50),
    st.none() | st.floats(0.001, 1e4),
    st.integers(-5, 150),
    st.integers(-5, 40),
)
def test_any_curve_is_drawn_within_its_size(
    counts: list[int | None], limit: float | None, width: int, height: int
) -> None:
    rate = np.array([np.nan if number is None else number / BIN for number in counts])
    text = text_plot(RateCurve.of(BIN * np.arange(rate.size), rate, BIN), limit, width, height, marks=ASCII)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= max(width, 24)
    assert len(text.splitlines()) <= max(height, 7)


@settings(deadline=None)
@given(
    st.lists(st.tuples(finite, finite | st.just(np.nan)), min_size=1, max_size=30),
    st.booleans(),
)
@example([(0.0, 5e-324)], True)
def test_any_values_are_drawn(pairs: list[tuple[float, float]], logarithmic: bool) -> None:
    x, y = (np.array(values) for values in zip(*pairs, strict=True))
    text = plot_values(x, y, 60, 12, logarithmic=logarithmic)
    assert max(map(len, text.splitlines())) <= 60
    assert ("•" in text or "┃" in text) == bool(np.isfinite(y).any())


def test_nothing_observed_is_said() -> None:
    assert "nothing" in text_plot(RateCurve.of([0.0, 1.0], [np.nan, np.nan], 1.0), 0.4)


def test_short_intervals_still_show() -> None:
    bar = interval_bar(Intervals.of([10.0, 90.0], [10.001, 100.0]), 0.0, 100.0, 20)
    assert len(bar) == 20
    assert bar[2] == "▬"
    assert bar[18:] == "▬▬"
    assert bar.count("▬") == 3


@pytest.mark.parametrize("width", [1, 7, 50])
def test_a_bar_is_as_wide_as_asked(width: int) -> None:
    assert len(interval_bar(Intervals.of([0.0], [5.0]), 0.0, 5.0, width)) == width
