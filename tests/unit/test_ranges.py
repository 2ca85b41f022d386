"""Laws of ranges and bit patterns of a data subspace."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmmpy.selection.ranges import EVERYTHING, Bits, Bounds, Ranges

ENDS = st.integers(-6, 6).map(float)
BOUNDS = st.builds(Bounds, ENDS | st.just(-math.inf), ENDS | st.just(math.inf), st.booleans(), st.booleans()).map(
    lambda b: Bounds(b.low, b.high, b.low_closed or math.isinf(b.low), b.high_closed or math.isinf(b.high))
)
LISTS = st.lists(BOUNDS.filter(lambda b: not b.empty), max_size=4).map(lambda b: Ranges(tuple(b)))
#: Each border, the middle between neighbours, and far outside.
POINTS = [n / 2 for n in range(-15, 16)] + [-1e9, 1e9]


def holds(ranges, value):
    return any(
        (value > b.low or (b.low_closed and value == b.low)) and (value < b.high or (b.high_closed and value == b.high))
        for b in ranges.bounds
    )


def members(ranges):
    return [holds(ranges, point) for point in POINTS]


@given(LISTS, LISTS)
def test_algebra(one, two):
    pairs = list(zip(members(one), members(two), strict=True))
    assert members(one.intersect(two)) == [a and b for a, b in pairs]
    assert members(one.unite(two)) == [a or b for a, b in pairs]
    assert members(one.complement()) == [not a for a, _ in pairs]
    assert members(one.complement().complement()) == [a for a, _ in pairs]


@given(LISTS.filter(lambda ranges: ranges.bounds))
def test_text_is_read_back(ranges):
    assert members(Ranges.parse(ranges.text)) == members(ranges)
    assert Ranges.parse(ranges.text).text == ranges.text


@given(LISTS)
def test_emptiness(ranges):
    assert ranges.empty == (not any(members(ranges)))
    assert ranges.unite(ranges.complement()).everything
    assert ranges.intersect(ranges.complement()).empty


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("500:2000", Bounds(500, 2000)),
        (":12", Bounds(high=12)),
        ("0", Bounds(0, 0)),
        ("(200:12000)", Bounds(200, 12000, low_closed=False, high_closed=False)),
        ("[1.5:2.5e3)", Bounds(1.5, 2500, high_closed=False)),
        (":", EVERYTHING),
        ("-16510:14345", Bounds(-16510, 14345)),
    ],
)
def test_forms_that_sas_writes(text, bounds):
    assert Ranges.parse(text) == Ranges((bounds,))


@pytest.mark.parametrize("text", ["", "a", "1:2:3", "1,,2", "[", "TABLE", "1 2", "--3", "b01"])
def test_what_is_no_range(text):
    with pytest.raises(ValueError, match="is no interval"):
        Ranges.parse(text)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_bits_are_read_back(ones, mask):
    bits = Bits(ones & mask, mask & ~ones)
    assert Bits.parse(bits.text) == bits
    for value in (ones, mask, ones ^ mask, 0):
        passes = (value & mask) == (ones & mask)
        digits = bits.text[1:]
        matches = all(d == "x" or int(d) == value >> n & 1 for n, d in enumerate(reversed(digits)))
        assert passes == matches


def test_bits_of_the_good_pn_events():
    assert Bits(0, 0xCFA0000).text == "b00xx00000x0xxxxxxxxxxxxxxxxx"
    assert Bits(0, 0).text == "bx"


@pytest.mark.parametrize("text", ["", "b", "0101", "b012", "bx1y"])
def test_what_is_no_bit_pattern(text):
    with pytest.raises(ValueError, match="is no bit pattern"):
        Bits.parse(text)


def test_single_values():
    assert Ranges.parse("3").single_value() == 3
    assert Ranges.parse("3.5").single_value() is None
    assert Ranges.parse("3:4").single_value() is None
    assert Ranges.parse("3,4").single_value() is None
