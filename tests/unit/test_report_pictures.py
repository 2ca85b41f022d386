"""Pictures of the page: PNG, celestial grid, light curve, numbers."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xmmpy.flares import RateCurve
from xmmpy.imaging.mosaic import TangentGrid
from xmmpy.products.intervals import Intervals
from xmmpy.report import numbers
from xmmpy.report.graticule import Frame, graticule
from xmmpy.report.lightcurve import draw_curve
from xmmpy.report.png import colour_table, encode
from xmmpy.report.sky import asinh_levels, draw, field_of

GRID = TangentGrid.rotated((600, 600), (300.5, 300.5), (149.6, -11.1), (-4 / 3600, 4 / 3600), 20.0)


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_png_gives_the_pixels_back_with_north_up(levels: np.ndarray) -> None:
    from matplotlib.image import imread

    shown = imread(io.BytesIO(encode(levels)), format="png")
    np.testing.assert_allclose(shown[::-1, :, :3] * 255, colour_table()[levels], atol=0.01)


def test_colours_get_brighter_steadily() -> None:
    luminance = colour_table() @ np.array([0.2126, 0.7152, 0.0722])
    assert np.all(np.diff(luminance) > -0.6)  # rounding to whole levels
    assert luminance[-1] > 240 > 12 > luminance[0]


@given(
    values=hnp.arrays(np.float64, (5, 7), elements=st.floats(-10, 1e12, allow_nan=False)),
)
def test_levels_keep_the_order_of_the_values(values: np.ndarray) -> None:
    levels, ticks = asinh_levels(values)
    order = np.argsort(values, axis=None)
    assert np.all(np.diff(levels.ravel()[order].astype(int)) >= 0)
    assert [place for place, _ in ticks] == sorted(place for place, _ in ticks)


def test_field_is_the_square_around_the_counts() -> None:
    image = np.zeros((100, 80))
    image[20:41, 10:15] = 1
    frame = field_of(image)
    assert frame is not None
    assert frame.side == np.ceil(21 * 1.04)
    assert frame.y <= 20.5
    assert frame.y + frame.side >= 41.5
    assert frame.x + frame.side / 2 == pytest.approx(13, abs=1)
    assert field_of(np.zeros((3, 3))) is None


def test_no_count_is_lost_when_a_picture_is_made() -> None:
    image = np.random.default_rng(3).poisson(1, (130, 90))
    frame = field_of(image)
    assert frame is not None
    picture = draw(image, frame, None, most_pixels=50)
    assert picture.counts == image.sum()
    assert picture.side <= 50
    assert picture.lines is None
    assert base64.b64decode(picture.url.split(",")[1]).startswith(b"\x89PNG")


@pytest.mark.parametrize("value", [1e300, -1e300, np.inf, np.nan, 1e-300])
def test_absurd_values_are_drawn(value: float) -> None:
    image = np.ones((20, 20))
    image[4, 5] = value
    frame = field_of(image)
    assert frame is not None
    assert draw(image, frame, GRID, most_pixels=10).side == 7


@pytest.mark.parametrize("scale", [1e-12, 1e-200, 1e9, 1e200])
def test_absurd_grids_give_no_traceback(scale: float) -> None:
    grid = TangentGrid.rotated((20, 20), (1e200, 10.0), (149.6, -11.1), (-scale, scale))
    draw(np.ones((20, 20)), Frame(0.5, 0.5, 20.0), grid, most_pixels=20)


def test_grid_lines_lie_where_astropy_puts_them() -> None:
    frame = Frame(50.5, 40.5, 500.0)
    lines = graticule(GRID, frame)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crpix, wcs.wcs.crval, wcs.wcs.cd = GRID.reference_pixel, GRID.reference_sky, np.array(GRID.matrix)
    assert len(lines.bottom) >= 2
    assert len(lines.left) >= 2
    for label in lines.bottom:
        ra, _ = wcs.wcs_pix2world(frame.x + label.place / 100 * frame.side, frame.y, 1)
        assert numbers.short_ra(float(ra)) == label.text
    for label in lines.left:
        _, dec = wcs.wcs_pix2world(frame.x, frame.y + label.place / 100 * frame.side, 1)
        assert numbers.short_dec(float(dec)) == label.text
    for x, y in re.findall(r"[ML](-?\d+) (-?\d+)", lines.path)[::7]:
        ra, dec = wcs.wcs_pix2world(frame.x + int(x) / 2, frame.y + frame.side - int(y) / 2, 1)
        steps = [abs(ra / 0.125 - round(ra / 0.125)) * 0.125, abs(dec * 6 - round(dec * 6)) / 6]
        assert min(steps) < 2 * 4 / 3600  # two pixels: the path is rounded to half of one
    assert lines.scale_percent * 500 * 4 / 100 / 60 == pytest.approx(float(lines.scale_text[:-1]), rel=1e-3)


def test_no_right_ascensions_at_the_pole() -> None:
    grid = TangentGrid.rotated((100, 100), (50.5, 50.5), (10.0, 90.0), (-0.01, 0.01))
    lines = graticule(grid, Frame(0.5, 0.5, 100.0))
    assert not lines.bottom


def curve(rate: list[float], bin_size: float = 100.0) -> RateCurve:
    return RateCurve.of(1e8 + bin_size * (0.5 + np.arange(len(rate))), rate, bin_size)


def test_curve_is_shaded_outside_the_gtis() -> None:
    picture = draw_curve(curve([0.2] * 10), Intervals.of([1e8 + 100, 1e8 + 500], [1e8 + 300, 1e8 + 2000]), (0.35,))
    assert picture.rejected == ((0.0, 100.0), (300.0, 200.0))
    assert not picture.compressed
    assert picture.begin == 1e8
    assert picture.x_ticks[-1].text == "1"
    assert picture.x_ticks[-1].place == 100
    top = 0.35 * 1.25
    assert picture.cuts == (round(1000 - 1000 * 0.35 / top, 1),)
    assert picture.line.startswith(f"M0.00 {1000 - 1000 * 0.2 / top:.1f}H100.00V")
    assert picture.line.count("H") == 10


def test_flares_are_compressed_and_gaps_interrupt_the_line() -> None:
    picture = draw_curve(curve([0.2, np.nan, 0.3, 50.0]), None, (0.35,))
    assert picture.compressed
    assert not picture.rejected
    assert picture.line.count("M") == 2
    heights = [float(height) for height in re.findall(r"[V ]([\d.]+)H", picture.line)]
    expected = 1000 - 1000 * np.arcsinh(np.array([0.2, 0.3, 50.0]) / 0.35) / np.arcsinh(50 * 1.06 / 0.35)
    np.testing.assert_allclose(heights, expected, atol=0.06)
    places = [tick.place for tick in picture.y_ticks]
    assert min(np.diff(places)) >= 14
    assert places[-1] <= 100


def test_long_curves_are_thinned_and_keep_their_mean() -> None:
    rng = np.random.default_rng(5)
    rates = rng.poisson(3, 90_000).astype(float).tolist()
    picture = draw_curve(curve(rates, 1.0), None, ())
    heights = np.array([float(height) for height in re.findall(r"[V ]([\d.]+)H", picture.line)])
    assert heights.size <= 3000
    top = max(rates) * 1.06
    assert np.mean(1 - heights / 1000) * top == pytest.approx(np.mean(rates), rel=1e-3)


@pytest.mark.parametrize("rate", [[0.0], [np.nan, np.nan], [0.0, 0.0]])
def test_curves_without_counts_are_drawn(rate: list[float]) -> None:
    assert draw_curve(curve(rate), Intervals.of([], []), ()).rejected == ((0.0, 1000.0),)


def test_numbers_read_well() -> None:
    assert numbers.duration(840.4) == "840 s"
    assert numbers.duration(9466.8) == "9.467 ks"
    assert numbers.duration(float("nan")) == "unknown"
    assert numbers.percent(1, 3) == "33.3 %"
    assert numbers.percent(0, 3) == "0 %"
    assert numbers.percent(1, 1e6) == "< 0.1 %"
    assert numbers.percent(999_999, 1e6) == "> 99.9 %"
    assert numbers.percent(1, 0) == numbers.DASH
    assert numbers.thousands(1234567) == "1\u2009234\u2009567"
    assert numbers.sexagesimal_ra(359.99999) == "00h 00m 00.0s"
    assert numbers.sexagesimal_dec(-0.0001) == "+00° 00\u2032 00\u2033"
    assert numbers.short_ra(150.0) == "10h"
    assert numbers.short_dec(-11.0 - 5 / 60) == "\u221211°05\u2032"


@given(st.floats(1e-9, 1e9), st.integers(2, 9))
def test_steps_are_round_and_of_the_right_number(span: float, pieces: int) -> None:
    step = numbers.nice_step(span, pieces)
    assert pieces / 2.51 <= span / step <= pieces * 1.001
    assert round(float(f"{step:e}".split("e")[0]), 6) in {1, 2, 5}
