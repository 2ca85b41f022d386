"""Expressions as conditions of a data subspace: both select the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmmpy.products.intervals import Intervals
from xmmpy.selection import TableSchema, compile_selection, parse
from xmmpy.selection.conditions import MAX_ALTERNATIVES, CannotExpress, conditions_of
from xmmpy.selection.dataspace import DataSpace, Figures, GoodTimes
from xmmpy.selection.dataspace_rows import space_contains
from xmmpy.selection.keywords import dataspace_cards, read_dataspace

RNG = np.random.default_rng(3)
ROWS = 400
COLUMNS = {
    "TIME": RNG.uniform(0, 100, ROWS),
    "PI": RNG.integers(0, 40, ROWS).astype(np.int16),
    "FLAG": RNG.integers(0, 64, ROWS).astype(np.int32),
    "CCDNR": RNG.integers(1, 4, ROWS).astype(np.uint8),
    "X": RNG.uniform(0, 100, ROWS),
    "Y": RNG.uniform(0, 100, ROWS),
}
GOOD = {
    "a.fits": Intervals.of([5.0, 40.0], [20.0, 60.0]),
    "b.fits": Intervals.of([10.0], [50.0]),
    "none": Intervals.of([], []),
}
SCHEMA = TableSchema({name: values.dtype for name, values in COLUMNS.items()})


class Files:
    """Good times by name."""

    def gti(self, block):
        return GOOD[block].start, GOOD[block].stop


def alternatives(text):
    units = {"TIME": "s", "PI": "eV"}
    return conditions_of(parse(text).root, GOOD.__getitem__, lambda name: units.get(name.upper(), ""), str.upper)


def by_space(space):
    return space_contains(space, COLUMNS, ROWS)


def by_evaluation(text):
    return compile_selection(parse(text), SCHEMA, Files())(COLUMNS)


NUMBER = st.integers(0, 40).map(str)
SHAPE = st.tuples(*[st.integers(5, 60)] * 6).map(list)
LEAF = (
    st.builds("PI {} {}".format, st.sampled_from(["<", "<=", ">", ">=", "==", "!=", ".lt.", ".ge."]), NUMBER)
    | st.builds("{} < PI".format, NUMBER)
    | st.builds("PI in [{}:{}]".format, NUMBER, NUMBER)
    | st.builds("PI in ({}:{}),{}".format, NUMBER, NUMBER, NUMBER)
    | st.builds("CCDNR == {}".format, st.integers(1, 3))
    | st.builds("(FLAG & 0x{:x}) == 0".format, st.integers(1, 63))
    | st.builds("(FLAG & {0}) == {0}".format, st.integers(1, 63))
    | st.sampled_from(["gti(a.fits,TIME)", "gti(b.fits,TIME)", "TIME <= 30", "true"])
    | SHAPE.map(lambda n: f"circle({n[0]},{n[1]},{n[2]},X,Y)")
    | SHAPE.map(lambda n: f"(X,Y) in box({n[0]},{n[1]},{n[2]},{n[3]},{n[4]})")
    | SHAPE.map(lambda n: f"ellipse({n[0]},{n[1]},{n[2]},{n[3]},{n[4]},X,Y)")
    | SHAPE.map(lambda n: f"annulus({n[0]},{n[1]},{min(n[2:4])},{max(n[2:4])},X,Y)")
    | SHAPE.map(lambda n: f"rectangle({n[0]},{n[1]},{n[0] + n[2]},{n[1] + n[3]},0,X,Y)")
    | SHAPE.map(lambda n: f"polygon({n[0]},{n[1]},{n[2]},{n[3]},{n[4]},{n[5]},X,Y)")
)
#: Only what a data subspace can hold may stand behind a not: no good times.
PLAIN = LEAF.filter(lambda text: "gti" not in text)


def nodes(children):
    return st.builds("({} && {})".format, children, children) | st.builds("({} || {})".format, children, children)


TREE = st.recursive(LEAF | PLAIN.map("!({})".format), nodes, max_leaves=6)


@settings(max_examples=120)
@given(TREE)
def test_rows_of_the_data_subspace_are_those_of_the_expression(text):
    try:
        space = DataSpace().select(alternatives(text))
    except CannotExpress:
        assert text.count("(FLAG") + text.count("!=") > 0  # the negation of a test of several bits
        return
    assert np.array_equal(by_space(space), by_evaluation(text))


@settings(max_examples=60)
@given(st.lists(TREE, min_size=1, max_size=3))
def test_selections_one_after_the_other(texts):
    space = DataSpace()
    try:
        for text in texts:
            space = space.select(alternatives(text))
        if len(space.components) > 40:
            return
        cards = dataspace_cards(space)
    except (CannotExpress, ValueError):
        return
    expected = np.logical_and.reduce([by_evaluation(text) for text in texts])
    assert np.array_equal(by_space(space), expected)
    again = read_dataspace({key: value for key, value, _ in cards}, space.tables.get)
    if space.components:
        assert np.array_equal(by_space(again), expected)
        assert dataspace_cards(again) == cards


@settings(max_examples=40)
@given(TREE, TREE)
def test_the_components_of_one_data_subspace_as_a_selection_of_another(first, second):
    try:
        one, two = (DataSpace().select(alternatives(text)) for text in (first, second))
    except CannotExpress:
        return
    if len(one.components) * len(two.components) > 60:
        return
    assert np.array_equal(by_space(one.select(two.alternatives())), by_space(one) & by_space(two))


@pytest.mark.parametrize(
    "text",
    ["PI*2 > 3", "sin(TIME) > 0", "PI > CCDNR", "near(PI,3,0.1)", "!gti(a.fits,TIME)", "(FLAG & 3) != 0",
     "(FLAG & 3) == 4",
     "PI in [CCDNR:5]", "circle(PI,3,4,X,Y)", "!((FLAG & 3) == 0)", "ifthenelse(PI>3,true,false)"],
)  # fmt: skip
def test_what_a_data_subspace_cannot_hold(text):
    with pytest.raises(CannotExpress):
        alternatives(text)


def test_too_many_alternatives():
    pairs = " && ".join(f"(PI>{n} || TIME>{n})" for n in range(12))
    with pytest.raises(CannotExpress):
        alternatives(pairs)
    assert len(alternatives("(PI>1 || TIME>1)")) == 2 < MAX_ALTERNATIVES


def test_constant_expressions():
    assert alternatives("true") == [[]]
    assert alternatives("false") == []
    assert alternatives("true || PI>3") == [[]]
    assert alternatives("PI>3 && !true") == []


def test_units_and_values():
    ((condition,),) = alternatives("pi in (200:12000)")
    assert (condition.name, condition.unit, condition.value.text) == ("PI", "eV", "(200:12000)")
    ((condition,),) = alternatives("gti(a.fits,TIME)")
    assert isinstance(condition.value, GoodTimes)
    ((condition,),) = alternatives("(X,Y) in circle(1,2,3) || circle(4,5,6,X,Y)")
    assert isinstance(condition.value, Figures)
    assert [row.component for row in condition.value.rows] == [0, 1]
    assert condition.name == "POS(X,Y)"
