"""Figures, region files, masks and good times."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmmpy.selection import (
    CelestialFrame,
    GoodTimes,
    LinearAxes,
    MaskImage,
    RegionTable,
    SelectionError,
    TableSchema,
    compile_selection,
    parse,
    parse_region_file,
)

FRAME = CelestialFrame((150.0, 30.0), (25921.0, 25921.0), (-0.05 / 3600, 0.05 / 3600))
SCHEMA = TableSchema({"X": np.dtype("f8"), "Y": np.dtype("f8"), "TIME": np.dtype("f8")}, celestial=FRAME)


def inside(text, points, files=None):
    x, y = np.array(points, dtype=float).T
    return compile_selection(parse(text), SCHEMA, files)({"X": x, "Y": y, "TIME": x}).tolist()


@pytest.mark.parametrize(
    ("figure", "border", "outside"),
    [
        ("point(3,4)", [(3, 4)], [(3, 4.001)]),
        ("line(0,0,10,0)", [(0, 0), (5, 0.5), (10.5, 0), (-0.5, 0)], [(5, 0.51), (10.6, 0)]),
        ("circle(1,2,5)", [(6, 2), (4, 6), (1, 2)], [(6.001, 2), (5, 6)]),
        ("sector(0,0,0,90)", [(5, 0), (0, 5), (0, 0), (3, 3)], [(-1, 5), (5, -0.1)]),
        ("sector(0,0,350,370)", [(5, 0), (5, 0.8), (5, -0.8)], [(5, 1), (-5, 0)]),
        ("annulus(0,0,3,5)", [(3, 0), (0, 5), (3, 4)], [(0, 0), (2.9, 0), (5.1, 0)]),
        ("ellipse(0,0,4,2,90)", [(0, 4), (2, 0), (0, 0)], [(4, 0), (2.1, 0)]),
        ("elliptannulus(0,0,2,1,4,2,0,0)", [(2, 0), (4, 0), (0, 1), (0, 2)], [(0, 0), (4.1, 0), (1.9, 0)]),
        ("box(10,20,3,2,0)", [(13, 22), (7, 18), (10, 20)], [(13.1, 20), (10, 22.1)]),
        ("box(0,0,10,1,45)", [(7, 7), (-5, -5), (5, 5)], [(7, -7), (8, 8), (10, 0)]),
        ("box(0,0,3,2)", [(3, 2)], [(2, 3)]),
        ("boxannulus(0,0,1,1,3,3,0)", [(1, 0), (3, 3)], [(0, 0), (0.9, 0.9), (3.1, 0)]),
        ("rectangle(1,2,5,6,0)", [(1, 2), (5, 6)], [(0.9, 2), (5, 6.1)]),
        ("rectangle(-10,-1,10,1,90)", [(0, 10), (1, -10)], [(10, 0), (1.1, 0)]),
        ("rhombus(0,0,4,2,0)", [(4, 0), (0, 2), (2, 1)], [(3, 1), (4.1, 0)]),
        ("diamond(0,0,4,2,90)", [(0, 4), (2, 0)], [(4, 0)]),
        ("polygon(0,0,4,0,4,4,0,4)", [(0, 0), (4, 2), (2, 4), (2, 2)], [(4.1, 2), (-1, 0), (5, 4), (-1, 4)]),
        ("polygon2(0,0,6,0,3,1,0,6)", [(3, 1), (1, 1)], [(4, 3), (5, 1)]),
        ("panda(0,0,0,90,1,2,4,1)", [(2, 0), (0, 4), (2, 2)], [(1, 1), (-2, 2), (4, 4)]),
    ],
)
def test_points_on_the_border_of_a_figure_are_inside(figure, border, outside):
    expected = [True] * len(border) + [False] * len(outside)
    points = border + outside
    assert inside(f"(X,Y) in {figure}", points) == expected
    assert inside(f"{figure.upper()[:-1]},X,Y)", points) == expected
    assert inside(f"!({figure[:-1]},X,Y))", points) == [not value for value in expected]
    # Moving the figure by columns instead of constants must make no difference.
    moved = figure.replace("(", "(0*X+", 1)
    assert inside(f"(X,Y) in {moved}", points) == expected


def test_a_nan_position_is_outside_every_figure():
    for figure in (
        "circle(0,0,9)",
        "box(0,0,9,9,3)",
        "polygon(0,0,9,0,9,9)",
        "annulus(0,0,1,9)",
        "ellipse(0,0,9,9,0)",
    ):
        assert inside(f"(X,Y) in {figure}", [(np.nan, 1), (2, 1)]) == [False, True]


def test_the_sky_is_projected_as_astropy_does():
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = FRAME.crval, FRAME.crpix, FRAME.cdelt
    for ra, dec in [(150.0, 30.0), (150.2, 30.1), (149.7, 29.8), (150.0, 30.3)]:
        assert FRAME.to_pixels(ra, dec) == pytest.approx([float(v) for v in wcs.all_world2pix(ra, dec, 1)], abs=1e-6)
    x, y = FRAME.to_pixels(150.1, 30.05)
    points = [(x + 1199, y), (x + 1201, y), (x, y - 1199)]
    assert inside(f"(RA,DEC) in CIRCLE(150.1,30.05,{1 / 60})", points) == [True, False, True]
    assert inside(f"(ra,dec) in box(150.1,30.05,{1 / 60},{1 / 120},90)", points) == [False, False, True]
    assert inside("CIRCLE(330,-30,1,RA,DEC)", points) == [False] * 3
    with pytest.raises(SelectionError, match="no column RA"):
        compile_selection(parse("(RA,DEC) in circle(1,2,3)"), TableSchema(SCHEMA.columns))
    with pytest.raises(SelectionError, match="must be constants"):
        inside("(RA,DEC) in circle(X,2,3)", points)


def test_a_region_table_joins_components_by_or_and_their_figures_by_and():
    table = {
        "SHAPE": np.array([b"CIRCLE", b"!ROTBOX", b"POLYGON", b"ELLIPSE"]),
        "DETX": np.array([[0, 0, 0, 0.0], [0, 0, 0, 0], [20, 24, 22, 0], [40, 0, 0, 0]]),
        "DETY": np.array([[0, 0, 0, 0.0], [0, 0, 0, 0], [0, 0, 4, 0], [0, 0, 0, 0]]),
        "R": np.array([[5.0, 0], [4, 2], [0, 0], [4, 2]]),
        "ROTANG": np.array([0.0, 90, 0, 0]),
        "COMPONENT": np.array([1, 1, 2, 3], dtype=np.uint8),
    }
    regions = RegionTable.from_columns(table, ("DETX", "DETY"))
    x = np.array([0, 0, 3, 22, 30, 44, 40, 40])
    y = np.array([0, 3, 0, 1, 0, 0, 2, 3])
    assert regions.contains(x, y).tolist() == [False, True, True, True, False, True, True, False]
    assert regions.columns == ("DETX", "DETY")
    assert RegionTable(()).contains(x, y).tolist() == [False] * 8


@pytest.mark.parametrize(
    ("shape", "radius", "message"),
    [("BLOB", [[1.0]], "unknown"), ("ELLIPSE", [[1.0]], "without all its parameters")],
)
def test_a_damaged_region_table_is_named(shape, radius, message):
    table = {"SHAPE": [shape], "X": [1.0], "Y": [2.0], "R": np.array(radius)}
    with pytest.raises(ValueError, match=rf"row 1 of a\.fits .*{message}"):
        RegionTable.from_columns(table, source="a.fits")


DS9 = """# Region file format: DS9 version 4.1
global color=green dashlist=8 3
physical
circle(10,10,5) # color=red
-box(10,10,4,2,0)
annulus(50,50,2,4,6)
ellipse 100 100 4 2 90
polygon(200,0,210,0,205,10); panda(300,0,0,90,1,2,4,1)
"""


def test_a_ds9_file_includes_and_excludes():
    regions = parse_region_file(DS9)
    points = [
        (10, 14),
        (10, 10),
        (12, 11),
        (13, 10),
        (53, 50),
        (51, 50),
        (100, 104),
        (104, 100),
        (205, 5),
        (302, 2),
        (298, 2),
    ]
    x, y = np.array(points, dtype=float).T
    assert regions.contains(x, y).tolist() == [
        True,
        False,
        False,
        True,
        True,
        False,
        True,
        False,
        True,
        True,
        False,
    ]
    only_excluded = parse_region_file("physical; -circle(0,0,1)")
    assert only_excluded.contains(np.array([0.0, 2.0]), np.array([0.0, 0.0])).tolist() == [False, True]


def test_ds9_coordinates_become_those_of_the_table():
    ra, dec = FRAME.to_pixels(150.1, 30.05)
    for place in ("150.1,30.05", "10:00:24,+30:03:00", "10h00m24s 30d03m00s"):
        (circle,) = parse_region_file(f'fk5;circle({place},30")', FRAME).shapes
        assert circle.parameters == pytest.approx((ra, dec, 600), abs=1e-3)
    axes = LinearAxes((1, 1), (3692.5, 3692.5), (87, 87))
    (box,) = parse_region_file("image\nbox(3,4,10,20,30)", image=axes).shapes
    assert box.parameters == (3866.5, 3953.5, 435, 870, 30)


@pytest.mark.parametrize(
    "text",
    [
        "image;circle(1,2,3)",
        "fk5;circle(1,2,3)",
        "circle(1,2)",
        "circle(a,2,3)",
        "hello(1)",
        "galactic;circle(1,2,3)",
        "?",
    ],
)
def test_a_line_that_is_no_region_is_named(text):
    with pytest.raises(ValueError, match=r"line 1 of s\.reg"):
        parse_region_file(text, source="s.reg")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(DS9.split()) | st.text(max_size=5), max_size=12).map(" ".join))
def test_any_region_file_gives_regions_or_an_error(text):
    try:
        regions = parse_region_file(text)
    except ValueError:
        return
    assert regions.contains(np.zeros(3), np.zeros(3)).shape == (3,)


EDGES = st.integers(0, 12).map(float)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(EDGES, EDGES), max_size=8),
    st.permutations([i / 2 for i in range(-2, 28)] + [np.nan]),
    st.booleans(),
)
def test_good_times_hold_both_ends_of_every_interval(intervals, times, ordered):
    start, stop = np.array(intervals, dtype=float).reshape(-1, 2).T
    good = GoodTimes.merged(start, stop)
    time = np.array(sorted(t for t in times if t == t) if ordered else times)
    assert good.contains(time).tolist() == [any(a <= t <= b for a, b in intervals) for t in time]
    assert np.all(np.diff(good.edges) > 0)


class Files:
    """Blocks of a test, and a note of what was asked for."""

    def __init__(self):
        self.asked = []

    def gti(self, block):
        self.asked.append(block)
        return np.array([0.0, 10.0]), np.array([1.0, 12.0])

    def mask(self, block):
        return MaskImage(np.array([[0, 1, 0], [1, 0, np.nan]]))

    def region(self, block):
        return parse_region_file("circle(0,0,2)", columns=("x", "y") if block == "named" else ("A", "B"))


def test_filters_ask_for_their_blocks_once():
    files = Files()
    points = [(0, 0), (1, 0), (1.5, 0), (12, 0), (10, 0)]
    assert inside("gti(a.fits:GTI, TIME) || TIME in gti(a.fits:GTI)", points, files) == [
        True,
        True,
        False,
        True,
        True,
    ]
    assert inside("!gti(':B')", points, files) == [False, False, True, False, False]
    assert files.asked == ["a.fits:GTI", ":B"]
    assert inside("region(named) && X > 0", points, files) == [False, True, True, False, False]
    assert inside("(X, Y) in region(other)", points, files) == [True, True, True, False, False]
    with pytest.raises(SelectionError, match="no column A"):
        inside("region(other)", points, files)


def test_masks_lie_at_their_offsets():
    points = [(1, 1), (2, 1), (1, 2), (3, 2), (2.4, 1), (2.6, 1), (9, 9), (np.nan, 1)]
    expected = [False, True, True, False, True, False, False, False]
    assert inside("mask(m.fits,1,1,X,Y)", points, Files()) == expected
    binned = MaskImage(np.eye(2), (1, 1), (100, 200), (10, 10))
    x, y = np.array([95.0, 104.9, 105.1, 110]), np.array([200.0, 200, 200, 210])
    assert binned.contains(x, y).tolist() == [True, True, False, True]
