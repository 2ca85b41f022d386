"""Laws of time intervals against membership of points."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xmmpy.products.intervals import Intervals

BORDER = st.integers(0, 30)
PAIRS = st.lists(st.tuples(BORDER, BORDER), max_size=8)
#: Points between all borders: there, open and closed intervals agree.
POINTS = np.arange(-1, 31) + 0.5


def of(pairs, max_gap=0.0):
    return Intervals.of([a for a, _ in pairs], [b for _, b in pairs], max_gap)


def member(pairs):
    return np.array([any(a < p < b for a, b in pairs) for p in POINTS])


def sound(intervals):
    assert (intervals.stop > intervals.start).all()
    assert (intervals.start[1:] > intervals.stop[:-1]).all()
    return intervals


@given(PAIRS)
def test_of_sorts_and_merges(pairs):
    assert np.array_equal(sound(of(pairs)).contains(POINTS), member(pairs))


@given(PAIRS, PAIRS)
def test_algebra(first, second):
    one, two = of(first), of(second)
    inside_one, inside_two = member(first), member(second)
    assert np.array_equal(sound(one.intersect(two)).contains(POINTS), inside_one & inside_two)
    assert np.array_equal(sound(one.unite(two)).contains(POINTS), inside_one | inside_two)
    assert np.array_equal(sound(one.subtract(two)).contains(POINTS), inside_one & ~inside_two)
    assert one.intersect(two) == two.intersect(one)
    assert one.unite(two) == two.unite(one)


@given(PAIRS, PAIRS)
def test_total_is_the_measure(first, second):
    one, two = of(first), of(second)
    assert one.total == member(first).sum()
    assert one.total + two.total == one.unite(two).total + one.intersect(two).total


@given(PAIRS, st.integers(0, 5))
def test_gaps_are_closed_up_to_their_length(pairs, gap):
    closed = sound(of(pairs, float(gap)))
    assert ((closed.start[1:] - closed.stop[:-1]) > gap).all()
    assert closed.subtract(of(pairs)).longer_than(gap + 0.5) == Intervals.of([], [])


@given(PAIRS, st.integers(1, 5))
def test_short_ones_are_dropped(pairs, length):
    kept = of(pairs).longer_than(length)
    assert ((kept.stop - kept.start) >= length).all()
    assert len(kept) == sum(b - a >= length for a, b in zip(of(pairs).start, of(pairs).stop, strict=True))


def test_borders_belong_to_it_and_nan_to_none():
    one = Intervals.of([1.0, 5.0], [2.0, 6.0])
    assert list(one.contains([1.0, 2.0, 2.1, 5.0, np.nan, -np.inf, np.inf])) == [
        True,
        True,
        False,
        True,
        False,
        False,
        False,
    ]
    assert not Intervals.of([], []).contains([1.0]).any()


def test_undefined_intervals_are_dropped():
    assert Intervals.of([np.nan, 3.0, 4.0, 1.0], [2.0, np.nan, 4.0, 2.0]) == Intervals.of([1.0], [2.0])
