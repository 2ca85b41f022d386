"""Data subspace keywords: read from headers of all sorts, written for many components."""

from __future__ import annotations

import numpy as np
import pytest

from xmmpy.products.intervals import Intervals
from xmmpy.selection.dataspace import Condition, DataSpace, Figures, GoodTimes, RegionRow
from xmmpy.selection.keywords import dataspace_cards, is_dataspace_keyword, read_dataspace
from xmmpy.selection.ranges import Bits, Bounds, Ranges

GOOD = GoodTimes(Intervals.of([1.0, 5.0], [2.0, 9.0]), "STDGTI01")
LATE = GoodTimes(Intervals.of([8.0], [20.0]), "STDGTI02")
CIRCLE = Figures((RegionRow("CIRCLE", False, (3.0,), (4.0,), (5.0,)),), "REG00103")
TABLES = {"STDGTI01": GOOD, "STDGTI02": LATE, "REG00103": CIRCLE}


def one(value):
    return Ranges((Bounds(float(value), float(value)),))


def ccds(number):
    components = tuple((one(n), GoodTimes(GOOD.intervals, f"STDGTI{n:02d}")) for n in range(1, number + 1))
    return DataSpace(("CCDNR", "TIME"), ("", "s"), components)


def test_components_inherit_what_they_do_not_say():
    header = {
        "DSTYP1": "CCDNR", "DSVAL1": "1", "2DSVAL1": "2", "DSTYP2": "TIME", "DSUNI2": "s", "DSVAL2": "TABLE",
        "DSREF2": ":STDGTI01", "2DSREF2": ":STDGTI02", "DSTYP3": "POS(X,Y)", "DSVAL3": "TABLE", "DSREF3": "REG00103",
        "DSTYP4": "FLAG", "DSFORM4": "X", "DSVAL4": "b0x1", "DSTYP5": "PI", "DSVAL5": "200:12000,15000", "OTHER": 3,
    }  # fmt: skip
    space = read_dataspace(header, TABLES.get)
    assert space.names == ("CCDNR", "TIME", "POS(X,Y)", "FLAG", "PI")
    assert space.units == ("", "s", "", "", "")
    pi = Ranges((Bounds(200.0, 12000.0), Bounds(15000.0, 15000.0)))
    assert space.components == ((one(1), GOOD, CIRCLE, Bits(1, 4), pi), (one(2), LATE, CIRCLE, Bits(1, 4), pi))
    assert space.good_times() == {1: GOOD.intervals, 2: LATE.intervals}
    assert space.columns == ("CCDNR", "TIME", "X", "Y", "FLAG", "PI")


@pytest.mark.parametrize(
    "broken",
    [
        {"DSTYP2": "TIME", "DSVAL2": "TABLE", "DSREF2": ":NOPE"},
        {"DSTYP2": "PI", "DSVAL2": "what"},
        {"DSTYP2": "PI"},
        {"DSTYP2": "NOPE", "DSVAL2": "TABLE", "DSREF2": ":REG00103"},
        {"DSTYP2": "FLAG", "DSVAL2": "b02"},
        {"DSVAL2": "1:2"},
        {"2DSVAL2": "1:2"},
    ],
)
def test_descriptors_that_cannot_be_read_are_left_out(broken):
    space = read_dataspace({"DSTYP1": "PI", "DSVAL1": "5:7", **broken}, TABLES.get)
    assert space.names == ("PI",)
    assert set(space.components) == {(Ranges((Bounds(5.0, 7.0),)),)}


def test_a_header_without_any():
    assert read_dataspace({"A": 1}, TABLES.get) == DataSpace()
    assert dataspace_cards(DataSpace()) == []


def test_which_keywords_belong_to_it():
    for keyword in ("DSTYP1", "12DSVAL3", "DSUNI2", "DSFORM10", "9DSREF9", "MTYPE1", "MFORM2"):
        assert is_dataspace_keyword(keyword)
    for keyword in ("DSTYP", "NDSVAL1", "MTYPE", "DSS1", "TTYPE1"):
        assert not is_dataspace_keyword(keyword)


@pytest.mark.parametrize("number", [7, 12])
def test_many_descriptors_on_many_ccds_have_keywords_of_eight_characters(number):
    space = ccds(number)
    for step in range(12):
        space = space.select([[Condition("FLAG", Bits(0, 1 << step))]])
    cards = dataspace_cards(space)
    assert max(len(keyword) for keyword, _, _ in cards) <= 8
    again = read_dataspace({key: value for key, value, _ in cards}, lambda name: GoodTimes(GOOD.intervals, name))
    assert sorted(again.names) == sorted(space.names)
    assert again.good_times() == space.good_times()


def test_more_components_than_keywords_can_name():
    space = DataSpace(("A",), ("",), tuple((one(n),) for n in range(90)))
    for n in range(12):
        space = space.select([[Condition(f"C{n}", one(n))]])
    varied = DataSpace(space.names, space.units, tuple((*c[:-1], one(n)) for n, c in enumerate(space.components)))
    assert max(len(key) for key, _, _ in dataspace_cards(varied)) <= 8
    many = DataSpace(("A",) * 12, ("",) * 12, tuple(tuple(one(n + k) for k in range(12)) for n in range(150)))
    with pytest.raises(ValueError, match="too many components"):
        dataspace_cards(many)


def test_selecting_in_turn():
    space = ccds(2).select(
        [[Condition("PI", Ranges.parse("200:12000"), "eV"), Condition("CCDNR", Ranges.parse("2:5"))]]
    )
    assert len(space.components) == 1
    space = space.select(
        [[Condition("TIME", GoodTimes(Intervals.of([1.5], [6.0])), "s"), Condition("PI", Ranges.parse(":500"))]]
    )
    assert space.good_times()[2] == Intervals.of([1.5, 5.0], [2.0, 6.0])
    assert dict(zip(space.names, space.components[0], strict=True))["PI"] == Ranges.parse("200:500")
    assert space.select([[Condition("PI", Ranges.parse("600:"))]]).components == ()
    assert space.select([]).components == ()


def test_ccds_without_events():
    assert len(ccds(7).only_ccds({2, 5}).components) == 2
    assert len(ccds(7).only_ccds(set()).components) == 1
    assert DataSpace().only_ccds({1}) == DataSpace()


def test_ranges_of_time_shorten_the_good_times():
    space = ccds(1).select([[Condition("TIME", Ranges.parse("1.5:,:0"), "s")]])
    assert space.good_times()[1] == Intervals.of([1.5, 5.0], [2.0, 9.0])
    assert np.isfinite(space.good_times()[1].total)
