"""The selection language: from text to tree and back."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xmmpy.selection import SelectionError, parse, unparse
from xmmpy.selection.syntax import (
    Attribute,
    Binary,
    Boolean,
    Call,
    Column,
    GtiFilter,
    In,
    Interval,
    MaskFilter,
    Number,
    Region,
    RegionFilter,
    RowNumber,
    Text,
    Unary,
    children,
    operands,
)

A, B, C, X, Y = (Column(name) for name in "ABCXY")


def tree(text):
    return parse(text).root


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234E-12", 1.234e-12), ("23", 23), (".111222", 0.111222), ("1e2", 100.0),
        ("1.5d3", 1500.0), ("3.", 3.0),
        ("0x7ee2", 32482), ("h7ee2", 32482), ("o77342", 32482), ("b111111011100010", 32482), ("0Xff", 255),
        ("0xffffffffffffffffff", float(0xFFFFFFFFFFFFFFFFFF)), ("9" * 5000, math.inf),
        ("90d0m0.0s", math.pi / 2), ("6h0m0s", math.pi / 2),
        ("1998-01-01T00:00:00.0", 63.184), ("2002-06-03T18:59:01.1", 139518005.284),
        ("mjd50814.0", 63.184), ("jd2450814.5", 63.184), ("y1998.0", 63.184),
        ("Thu Jan 1 00:00:00 1998", 63.184),
    ],
)  # fmt: skip
def test_a_constant_has_the_value_the_documentation_gives(text, value):
    found = tree(text)
    assert isinstance(found, Number)
    assert found.value == pytest.approx(value, rel=1e-12)
    assert type(found.value) is type(value)


def test_words_strings_and_names():
    assert tree("TRUE") == Boolean(True)
    assert tree("false") == Boolean(False)
    assert tree("#ROW") == RowNumber()
    assert tree("#XMMEA_EM") == Attribute("XMMEA_EM")
    assert tree(r'"The double quote:\""') == Text('The double quote:"')
    assert tree("""'with a double quote (")'""") == Text('with a double quote (")')
    assert tree("IN_FOV") == Column("IN_FOV")
    assert tree("b2") == Column("b2")


def test_bits_bind_tighter_than_comparisons_as_in_sas():
    masked = Binary("&", Column("FLAG"), Number(6))
    assert tree("FLAG & b110 != 0") == Binary("!=", masked, Number(0))
    assert tree("a | b ^ c & d") == Binary(
        "|", Column("a"), Binary("^", Column("b"), Binary("&", Column("c"), Column("d")))
    )


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("A.eq.3.and.B.LT.5.", "A == 3 && B < 5."),
        ("A .Or. .not. B", "A || !B"),
        ("A || B && C", "A || (B && C)"),
        ("A + B * C ** 2", "A + (B * (C ** 2))"),
        ("-A ** 2", "-(A ** 2)"),
        ("2 ** -3 ** 2", "2 ** (-(3 ** 2))"),
        ("A - B - C", "(A - B) - C"),
        ("A << 1 + 2", "A << (1 + 2)"),
        ("A < B == B > C", "(A < B) == (B > C)"),
        ("(A == 1) &! (B == 2)", "(A == 1) && !(B == 2)"),
        ("A == 1 &! CIRCLE(1,2,3,X,Y)", "A == 1 && !circle(1,2,3,X,Y)"),
        ("A in [1:2] & B == 3", "A in [1:2] && (B == 3)"),
        ("(X,Y) in circle(1,2,3) | A in 5 | B", "circle(1,2,3,X,Y) || A in 5 || B"),
        ("!(X,Y) IN circle(1,2,3)", "!(circle(1,2,3,X,Y))"),
        ("TIME in gti(a.fits)", "gti(a.fits, TIME)"),
        ("(X,Y) in mask(a.fits,1,2)", "mask(a.fits,1,2,X,Y)"),
        ("(X,Y) in region(a.fits)", "region(a.fits,X,Y)"),
        ("(X,Y) in image(a.fits)", "mask(a.fits,0,0,X,Y)"),
        ("vector(A,B,C) in cone(vector(0,0,1),0.1)", "cone(vector(0,0,1),0.1,vector(A,B,C))"),
        ("ring(1,2,3,4,X,Y)", "annulus(1,2,3,4,X,Y)"),
        ("PIE(1,2,3,4,X,Y)", "sector(1,2,3,4,X,Y)"),
    ],
)
def test_two_spellings_make_one_tree(text, same):
    assert tree(text) == tree(same)


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("7", Interval(Number(7), Number(7))), ("[7]", Interval(Number(7), Number(7))),
        (":", Interval(None, None)), ("(:]", Interval(None, None)), ("(:)", Interval(None, None)),
        ("1:2", Interval(Number(1), Number(2))), ("[1:2]", Interval(Number(1), Number(2))),
        ("(1:2]", Interval(Number(1), Number(2), low_closed=False)),
        ("[1:2)", Interval(Number(1), Number(2), high_closed=False)),
        ("(1:2)", Interval(Number(1), Number(2), low_closed=False, high_closed=False)),
        ("1:", Interval(Number(1), None)), ("[1:)", Interval(Number(1), None)),
        ("(1:]", Interval(Number(1), None, low_closed=False)), (":2", Interval(None, Number(2))),
        ("(:2]", Interval(None, Number(2))), ("[:2)", Interval(None, Number(2), high_closed=False)),
        ("-2:-1", Interval(Unary("-", Number(2)), Unary("-", Number(1)))),
        ("(1+2)", Interval(Binary("+", Number(1), Number(2)), Binary("+", Number(1), Number(2)))),
    ],
)  # fmt: skip
def test_every_form_of_interval(text, interval):
    assert tree(f"A in {text}") == In(A, (interval,))
    assert tree(f"A IN 0,{text},9 && B") == Binary(
        "&&", In(A, (Interval(Number(0), Number(0)), interval, Interval(Number(9), Number(9)))), B
    )


def test_interval_lists_inside_the_arguments_of_a_function():
    found = tree("ifthenelse(A in [1:2],[4:5],:-7, B > 1, true)")
    assert isinstance(found, Call)
    assert [type(part) for part in found.arguments] == [In, Binary, Boolean]
    assert len(found.arguments[0].intervals) == 3


@pytest.mark.parametrize(
    "block",
    [
        "mos1_exp1_gti.fits", "/a/b-c/PN_gti.fits:STDGTI", "0932190801_PN1_dt1_raw.lc:STDGTI01",
        "gti.fits[GTI0]",
        "gti.fits+3", ":GTI00003", "[2]", "~/x=1/é.fits",
    ],
)  # fmt: skip
def test_names_of_blocks_need_no_quotes(block):
    assert tree(f"GTI({block},TIME)") == GtiFilter(block, Column("TIME"))
    assert tree(f"gti( {block} )") == GtiFilter(block, None)
    assert tree(f"region({block})") == RegionFilter(block, None, None)
    assert tree(f"MASK('{block}',1,1,X,Y)") == MaskFilter(block, Number(1), Number(1), X, Y)
    assert tree(f'region("{block}", X, Y) && A') == Binary("&&", RegionFilter(block, X, Y), A)


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("PI > 200 && (PATTERN<=12", "ends too early", 24),
        ("PI = 5", "written ==", 3),
        ("A == 1 & B == 2", "bind tighter", 11),
        ("1 < A < 5", "cannot follow one another", 6),
        ("(X,Y) == 3", "stands only before in", 0),
        ("A && (X, Y)", "stands only before in", 5),
        ("A in circle(1,2,3)", "pair (x, y) must stand", 0),
        ("circle(1,2,X,Y)", "circle takes 3 parameters", 0),
        ("polygon(1,2,3,4,X,Y)", "three or more", 0),
        ("gti(a.fits,1,2)", "gti(block)", 0),
        ("'abc", "not closed", 0),
        ("A $ B", "unexpected character '$'", 2),
        ("A B", "unexpected 'B'", 2),
        ("  ", "write true", 0),
        ("2002-13-03T18:59:01 > 1", "no such time", 0),
        ("x" * 300_000, "more than the 200000", 0),
    ],
)
def test_an_error_says_what_and_where(text, message, at):
    with pytest.raises(SelectionError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert caught.value.span.start == at
    line, carets = str(caught.value).splitlines()[1:3]
    if text.strip():
        assert at == len(text) or line[carets.index("^")] == text[at]


@pytest.mark.parametrize("text", ["(" * 20000 + "A" + ")" * 20000, "||".join(["A in [1:2]"] * 10000)])
def test_long_texts_are_parsed_without_recursion(text):
    assert len(operands(tree(text), "||")) in {1, 10000}


@pytest.mark.parametrize("text", ["!" * 5000 + "A", "2" + "**2" * 5000, "abs(" * 5000 + "A" + ")" * 5000])
def test_deep_nesting_is_refused(text):
    with pytest.raises(SelectionError, match="nested more than"):
        parse(text)


TOKENS = [
    "A", "PI", "#ROW", "#PI", "1", "0x1f", "b01", "2.5", "'t'", "(", ")", "[", "]", ":", ",", "+", "-",
    "*", "/", "**", "%", "&", "|", "^", "~", "<<", "!", "&&", "||", "==", "<", ".and.", ".not.", " in ",
    "circle(", "gti(", "a.fits", "region(",
    "abs(", "(X,Y)", "true", " ",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(TOKENS), max_size=25).map("".join)))
@example("(X,Y) in X")
@example("gti(")
@example("x in (1:2")
def test_any_text_gives_a_tree_or_a_selection_error(text):
    try:
        found = parse(text)
    except SelectionError:
        return
    assert parse(unparse(found)) == found


def spans(node):
    yield node
    for child in children(node):
        yield from spans(child)


NAMES = st.sampled_from(["A", "PI", "TIME", "_x1"])
BLOCKS = st.sampled_from(["a.fits", "/b/c-d.ds:GTI01", "with blank.fits", "it's.fits", ":REG1"])
LEAVES = st.one_of(
    st.integers(0, 2**64 - 1).map(Number),
    st.floats(0, allow_nan=False).map(Number),
    st.text(max_size=8).map(Text),
    st.booleans().map(Boolean),
    NAMES.map(Column),
    NAMES.map(Attribute),
    st.just(RowNumber()),
)
OPERATORS = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "&",
    "|",
    "^",
    "<<",
    ">>",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
]


def intervals(nodes):
    bounds = st.tuples(st.none() | nodes, st.none() | nodes, st.booleans(), st.booleans())
    return bounds.map(lambda b: Interval(b[0], b[1], b[0] is None or b[2], b[1] is None or b[3]))


def branches(nodes):
    return st.one_of(
        st.builds(Unary, st.sampled_from("-+!~"), nodes),
        st.builds(Binary, st.sampled_from(OPERATORS), nodes, nodes),
        st.builds(In, nodes, st.lists(intervals(nodes), min_size=1, max_size=3).map(tuple)),
        st.builds(Call, st.sampled_from(["abs", "foo"]), st.lists(nodes, max_size=3).map(tuple)),
        st.builds(Call, st.just("[]"), st.tuples(nodes, nodes)),
        st.builds(Call, st.just("[:]"), st.tuples(nodes, nodes) | st.tuples(nodes, nodes, nodes)),
        st.builds(Region, st.just("circle"), st.tuples(nodes, nodes, nodes), st.tuples(nodes, nodes)),
        st.builds(GtiFilter, BLOCKS, st.none() | nodes),
        st.builds(MaskFilter, BLOCKS, nodes, nodes, nodes, nodes),
        st.tuples(BLOCKS, nodes, nodes).map(lambda p: RegionFilter(*p))
        | BLOCKS.map(lambda b: RegionFilter(b, None, None)),
    )


@settings(max_examples=150, deadline=None)
@given(st.recursive(LEAVES, branches, max_leaves=12))
def test_a_tree_survives_being_written_and_parsed(node):
    text = unparse(node)
    again = parse(text)
    assert again.root == node
    for part in spans(again.root):
        assert 0 <= part.span.start <= part.span.end <= len(text)
