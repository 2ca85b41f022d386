"""Binning against numpy.histogram2d, and world coordinates of the bins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmmpy.imaging.axes import ColumnCoordinates, axis_coordinates
from xmmpy.imaging.binning import (
    MAX_BINS,
    Axis,
    PixelCounter,
    axis_of_size,
    axis_of_width,
    pixel_numbers,
    smallest_integer_type,
)
from xmmpy.imaging.kernels import can_find, find_pixels

INTEGERS = ("u1", "i2", "u2", "i4", "i8")


def image(axes, columns, weights=None, **options):
    size = math.prod(axis.count for axis in axes)
    counter = PixelCounter(size, weighted=weights is not None, **options)
    pixels = pixel_numbers(axes, columns)
    for part in np.array_split(np.arange(pixels.size), 3):
        counter.add(pixels[part], None if weights is None else weights[part])
    return counter.total().reshape([axis.count for axis in reversed(axes)])


@st.composite
def integer_axes(draw):
    low = draw(st.integers(-300, 300))
    return axis_of_width(low, low + draw(st.integers(0, 200)), draw(st.integers(1, 60)), integer=True)


@given(integer_axes(), integer_axes(), st.sampled_from(INTEGERS), st.integers(0, 2**16), st.integers(0, 300))
def test_integers_against_histogram2d(x_axis, y_axis, kind, seed, rows):
    rng = np.random.default_rng(seed)
    info = np.iinfo(kind)
    x, y = (rng.integers(max(info.min, -400), min(info.max, 700), rows).astype(kind) for _ in range(2))
    inside = (x >= x_axis.low) & (x <= x_axis.high) & (y >= y_axis.low) & (y <= y_axis.high)
    edges = [axis.low - 0.5 + axis.width * np.arange(axis.count + 1) for axis in (y_axis, x_axis)]
    expected = np.histogram2d(y[inside], x[inside], bins=edges)[0]
    assert np.array_equal(image((x_axis, y_axis), (x, y)), expected)
    weights = rng.uniform(0, 2, rows)
    summed = np.histogram2d(y[inside], x[inside], bins=edges, weights=weights[inside])[0]
    assert image((x_axis, y_axis), (x, y), weights) == pytest.approx(summed)


@settings(max_examples=30)
@given(integer_axes(), integer_axes(), st.sampled_from(("i2", "i4")), st.integers(0, 2**16))
def test_the_compiled_loop_finds_the_same_pixels(x_axis, y_axis, kind, seed):
    rng = np.random.default_rng(seed)
    info = np.iinfo(kind)
    columns = tuple(rng.integers(info.min, info.max, 500, endpoint=True, dtype=kind) for _ in range(2))
    columns[0][:300] = rng.integers(max(info.min, -400), min(info.max, 700), 300)
    columns[1][:300] = rng.integers(max(info.min, -400), min(info.max, 700), 300)
    axes = (x_axis, y_axis)
    assert can_find(axes, columns)
    assert np.array_equal(find_pixels(axes, columns), pixel_numbers(axes, columns))


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 50), st.integers(0, 2**16))
def test_reals_against_histogram(low, span, size, seed):
    axis = axis_of_size(low, low + span, size, integer=False)
    values = np.random.default_rng(seed).uniform(low - span / 4, low + span * 1.25, 200)
    values[:3] = low, low + span, np.nan
    counted = image((axis,), (values,))
    expected = np.histogram(values[~np.isnan(values)], bins=size, range=(low, low + span))[0]
    assert counted.sum() == expected.sum()  # a value at a border may fall on either side, by rounding
    assert abs(counted - expected).sum() <= 2


@given(st.integers(-(10**6), 10**6), st.integers(0, 10**5), st.integers(1, 1000))
def test_a_size_gives_at_most_that_many_whole_bins_that_cover_the_range(low, span, size):
    axis = axis_of_size(low, low + span, size, integer=True)
    assert 1 <= axis.count <= size
    assert axis.width == int(axis.width)
    assert axis.low + axis.width * axis.count > low + span
    assert axis.width == 1 or (axis.width - 1) * size < span + 1  # the next smaller bin would be too small


@given(st.floats(-1e5, 1e5), st.floats(0, 1e5), st.floats(1e-2, 1e4))
def test_real_bins_cover_the_range_and_no_more_than_needed(low, span, width):
    axis = axis_of_width(low, low + span, width, integer=False)
    end = axis.low + axis.width * axis.count
    assert end >= axis.high - 1e-9 * max(abs(end), 1)
    assert axis.count == 1 or end - width < axis.high


@pytest.mark.parametrize(
    ("arguments", "integer"),
    [((1, 0, 1), True), ((0, math.inf, 1), False), ((math.nan, 1, 1), False), ((0, 9, 0), True), ((0, 9, -1), False),
     ((0, 9, math.inf), False), ((0, 9, 1.5), True), ((0, 2.0 * MAX_BINS, 1), True), ((0, 1, 1e-12), False)],
)  # fmt: skip
def test_bins_that_are_not_possible(arguments, integer):
    with pytest.raises(ValueError):
        axis_of_width(*arguments, integer=integer)


def test_sizes_that_are_not_possible():
    for arguments in ((0, 9, 0), (5, 1, 3), (5.0, 5.0, 3)):
        with pytest.raises(ValueError):
            axis_of_size(*arguments, integer=False)


@pytest.mark.parametrize("kind", INTEGERS)
def test_ranges_beyond_the_type_of_a_column(kind):
    info = np.iinfo(kind)
    values = np.array([info.min, 0, 7, info.max], kind)
    axis = axis_of_width(-(10.0**6), 10.0**6, 1000, integer=True)
    within = (values.astype(float) >= -(10**6)) & (values.astype(float) <= 10**6)
    assert image((axis,), (values,)).sum() == within.sum()


def test_a_value_at_the_maximum_lies_in_the_last_bin():
    axis = axis_of_width(0.0, 10.0, 2.5, integer=False)
    assert list(image((axis,), (np.array([0.0, 10.0, 10.1, -0.1]),))) == [1, 0, 0, 1]
    whole = axis_of_width(1, 10, 4, integer=True)
    assert list(image((whole,), (np.array([1, 4, 5, 10, 11, 0]),))) == [2, 1, 1]


def test_counts_do_not_depend_on_how_they_are_gathered():
    rng = np.random.default_rng(5)
    axes = (Axis(0, 1, 30, integer=True, high=29), Axis(0, 1, 20, integer=True, high=19))
    columns = (rng.integers(0, 30, 5000), rng.integers(-2, 22, 5000))
    assert np.array_equal(image(axes, columns), image(axes, columns, compiled=True))
    assert np.array_equal(image(axes, columns), image(axes, columns, np.ones(5000)))


def test_the_type_of_an_image():
    assert smallest_integer_type(0) == np.int16
    assert smallest_integer_type(32767) == np.int16
    assert smallest_integer_type(32768) == np.int32


@given(integer_axes(), st.integers(-1000, 1000))
def test_coordinates_of_pixels(axis, value):
    place = axis_coordinates(axis, ColumnCoordinates("RA---TAN", 25921.0, 150.0, -1e-5, "deg"))
    pixel = place.scale * value + place.offset
    assert (pixel - 1) * place.physical_step + place.physical_start == pytest.approx(value)
    world = (pixel - place.reference_pixel) * place.increment
    assert world == pytest.approx((value - 25921.0) * -1e-5, abs=1e-12)
    assert axis.centres()[0] == place.physical_start == axis.low + (axis.width - 1) / 2
