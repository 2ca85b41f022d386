"""Header keywords in expressions."""

import pytest

from xmmpy.selection import SelectionError, expand_text, parse, resolve
from xmmpy.selection.syntax import Text

HEADER = {
    "XMMEA_EM": "(FLAG & 0x766ba000) == 0",
    "EITHER": "A == 1 || B == 2",
    "RAWXSQ": "(RAWX-1)**2",
    "RAWYSQ": "(RAWY-1)**2",
    "DIST": "sqrt(#RAWXSQ + #RAWYSQ)",
    "DISTSEL": "#DIST <= 128",
    "RA_MED": -1.5,
    "COUNT": 7,
    "GOOD": True,
    "INSTRUME": "EMOS1",
    "WRONG": "A && ",
    "LOOP": "#LOOP + 1",
    "D0": "1",
    **{f"D{i}": f"#D{i - 1} + #D{i - 1}" for i in range(1, 19)},
}


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("#XMMEA_EM && PATTERN<=12", "((FLAG & 0x766ba000) == 0) && PATTERN<=12"),
        ("!#xmmea_em", "!((FLAG & 0x766ba000) == 0)"),
        ("#EITHER && C", "(A == 1 || B == 2) && C"),
        ("#DISTSEL", "sqrt((RAWX-1)**2 + (RAWY-1)**2) <= 128"),
        ("A > #RA_MED", "A > (-1.5)"),
        ("A in [#COUNT:]", "A in [7:]"),
        ("circle(#COUNT,2,3,X,Y) && #GOOD", "circle(7,2,3,X,Y) && true"),
        ("#INSTRUME == 'EMOS1'", "'EMOS1' == 'EMOS1'"),
        ("#INSTRUME > 5", "EMOS1 > 5"),
    ],
)
def test_a_keyword_stands_for_its_value_in_parentheses(text, same):
    found = resolve(parse(text), HEADER)
    assert found.root == parse(same).root
    assert resolve(parse(expand_text(text, HEADER)), {}).root == found.root


def test_symbolic_constants_come_before_keywords():
    assert resolve(parse("#PI"), {"PI": 3}).root.value == pytest.approx(3.14159265)
    assert expand_text("X < #PI", {"PI": 3}) == "X < #PI"


def test_the_expression_of_a_product_is_written_as_sas_does():
    assert expand_text("#XMMEA_EM && (PATTERN<=12)", HEADER) == "(FLAG & 0x766ba000) == 0 && (PATTERN<=12)"
    assert expand_text("#EITHER && C", HEADER) == "(A == 1 || B == 2) && C"
    assert expand_text("A > #COUNT && #INSTRUME=='EMOS1'", HEADER) == "A > 7 && \"EMOS1\"=='EMOS1'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A && #XMMEA_EN", "no attribute XMMEA_EN; did you mean XMMEA_EM?"),
        ("A && #WRONG", "which is no expression"),
        ("A && #LOOP", "without end"),
        ("A && #D18", "without end"),
    ],
)
def test_an_error_points_at_the_keyword(text, message):
    with pytest.raises(SelectionError) as caught:
        resolve(parse(text), HEADER)
    assert message in str(caught.value)
    assert text[slice(*caught.value.span)] == text.split()[-1]
    with pytest.raises(SelectionError):
        expand_text(text, HEADER)


def test_a_text_attribute_is_a_text_only_beside_one():
    assert isinstance(resolve(parse("#INSTRUME == 'x'"), HEADER).root.left, Text)
