"""The selection language: the meaning of expressions, against a plain evaluation row by row."""

import math
import operator

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xmmpy.selection import (
    Expression,
    SelectionError,
    TableSchema,
    compile_selection,
    parse,
    resolve,
    unparse,
)
from xmmpy.selection.syntax import Binary, Call, Column, In, Interval, Number, RowNumber, Unary

ROWS = 60
RNG = np.random.default_rng(20250101)
TABLE = {
    "I1": RNG.integers(0, 256, ROWS).astype(np.uint8),
    "I2": RNG.integers(-(2**15), 2**15, ROWS).astype(np.int16),
    "I4": RNG.integers(-(2**31), 2**31, ROWS).astype(np.int32),
    "U4": RNG.integers(0, 2**32, ROWS).astype(np.uint32),
    "I8": RNG.integers(-(2**40), 2**40, ROWS),
    "E": np.where(RNG.random(ROWS) < 0.1, np.nan, RNG.normal(0, 50, ROWS)).astype(np.float32),
    "D": np.where(RNG.random(ROWS) < 0.1, np.nan, RNG.normal(0, 50, ROWS)),
    "L": RNG.random(ROWS) < 0.5,
    "S": np.array([b"XMM", b"XTE  ", b"", b"FREDDY"] * (ROWS // 4)),
}
for small in ("I1", "I2", "E", "D"):
    TABLE[small][:20] = np.tile(np.arange(-2 if small != "I1" else 0, 3 if small != "I1" else 5), 4)
SCHEMA = TableSchema({name: values.dtype for name, values in TABLE.items()}, {"I2": -1})


def select(text, table=TABLE, schema=SCHEMA, first_row=0):
    return compile_selection(resolve(parse(text), {}), schema)(table, first_row)


# A plain evaluation of trees, one row at a time in Python numbers.

COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
EXACT = 2**53


class Unsure(Exception):
    """The reference itself would round."""


def exact(value):
    if isinstance(value, int) and abs(value) > EXACT:
        raise Unsure
    return value


def plain_binary(op, a, b):
    if op in COMPARE:
        return COMPARE[op](a, b)
    match op:
        case "+" | "-" | "*":
            return exact({"+": operator.add, "-": operator.sub, "*": operator.mul}[op](a, b))
        case "/":
            return a / b if b else math.nan
        case "%":
            if b == 0 or b != b:
                return math.nan
            return int(math.fmod(a, b)) if isinstance(a, int) and isinstance(b, int) else math.fmod(a, b)
        case "&" | "|" | "^":
            return {"&": operator.and_, "|": operator.or_, "^": operator.xor}[op](a, b)
        case _:
            return exact(a >> b if op == ">>" else a << b)


def plain(node, row):
    match node:
        case Number():
            return node.value
        case RowNumber():
            return row + 1
        case Column():
            return TABLE[node.name][row].item()
        case Unary(op, operand):
            value = plain(operand, row)
            return {
                "-": lambda: -value,
                "+": lambda: value,
                "!": lambda: not truth(value),
                "~": lambda: ~value,
            }[op]()
        case Binary("&&" | "||" as op, left, right):
            pair = [truth(plain(left, row)), truth(plain(right, row))]
            return all(pair) if op == "&&" else any(pair)
        case Binary(op, left, right):
            return plain_binary(op, plain(left, row), plain(right, row))
        case In(value, intervals):
            return any(plain_within(plain(value, row), interval, row) for interval in intervals)
        case Call("min" | "max" as name, arguments):
            values = [plain(part, row) for part in arguments]
            if any(value != value for value in values):
                return math.nan
            return min(values) if name == "min" else max(values)
        case Call("abs", (part,)):
            return abs(plain(part, row))
        case Call("ifthenelse", (test, yes, no)):
            return plain(yes if truth(plain(test, row)) else no, row)
    raise AssertionError(node)


def plain_within(value, interval, row):
    low = -math.inf if interval.low is None else plain(interval.low, row)
    high = math.inf if interval.high is None else plain(interval.high, row)
    above = value >= low if interval.low_closed else value > low
    below = value <= high if interval.high_closed else value < high
    everything = interval.low is None and interval.high is None
    return everything or (above and below)


def truth(value):
    return bool(value) and value == value


INTEGERS = (
    st.sampled_from(["I1", "I2", "I4", "U4"]).map(Column) | st.integers(0, 300).map(Number) | st.just(RowNumber())
)
FLOATS = st.sampled_from(["E", "D"]).map(Column) | st.sampled_from([0.0, 0.5, 1.0, 0.1, 37.25]).map(Number)


def whole(nodes):
    shift = st.integers(0, 4).map(Number)
    return st.one_of(
        st.builds(Unary, st.sampled_from("-+~"), nodes),
        st.builds(Binary, st.sampled_from("+-*&|^%"), nodes, nodes),
        st.builds(Binary, st.sampled_from(["<<", ">>"]), nodes, shift),
    )


WHOLE = st.recursive(INTEGERS, whole, max_leaves=4)


def numeric(nodes):
    return st.one_of(
        st.builds(Unary, st.sampled_from("-+"), nodes),
        st.builds(Binary, st.sampled_from("+-*/%"), nodes, nodes),
        st.builds(Call, st.sampled_from(["min", "max"]), st.tuples(nodes, nodes)),
        st.builds(Call, st.just("abs"), st.tuples(nodes)),
    )


NUMERIC = st.recursive(WHOLE | FLOATS, numeric, max_leaves=5)


def in_list(nodes):
    parts = st.tuples(st.none() | nodes, st.none() | nodes, st.booleans(), st.booleans())
    interval = parts.map(lambda p: Interval(p[0], p[1], p[0] is None or p[2], p[1] is None or p[3]))
    return st.lists(interval, min_size=1, max_size=3).map(tuple)


TESTS = st.builds(Binary, st.sampled_from(list(COMPARE)), NUMERIC, NUMERIC) | st.builds(In, NUMERIC, in_list(NUMERIC))


def logical(nodes):
    either = nodes | NUMERIC
    return st.one_of(
        st.builds(Unary, st.just("!"), either),
        st.builds(Binary, st.sampled_from(["&&", "||"]), either, either),
        st.builds(Call, st.just("ifthenelse"), st.tuples(nodes, nodes, nodes)),
    )


def uses_bits_of_fractions(node):
    """A remainder that may be NaN is no whole number, so bit operators refuse it."""
    return "%" in unparse(node)


@settings(max_examples=200, deadline=None)
@given(st.recursive(TESTS | NUMERIC, logical, max_leaves=5))
def test_any_expression_agrees_with_a_plain_evaluation(node):
    text = unparse(node)
    try:
        expected = [truth(plain(node, row)) for row in range(ROWS)]
    except (Unsure, TypeError, OverflowError):
        assume(False)
    try:
        selection = compile_selection(Expression(node, text), SCHEMA)
    except SelectionError:
        assert uses_bits_of_fractions(node)
        return
    assert selection(TABLE).tolist() == expected
    halves = [selection({k: v[part] for k, v in TABLE.items()}, part.start) for part in (slice(0, 25), slice(25, ROWS))]
    assert np.concatenate(halves).tolist() == expected


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["I1", "I2", "I4", "U4", "I8", "E", "D"]),
    st.sampled_from(list(COMPARE)),
    st.one_of(st.integers(-(2**63), 2**63), st.floats(allow_nan=False), st.floats(width=32, allow_nan=False)),
)
def test_a_column_is_compared_with_a_constant_exactly(name, op, constant):
    values = TABLE[name]
    with np.errstate(over="ignore"):
        values = np.append(values, values.dtype.type(constant)) if name in "ED" else values
    written = f"({constant!r})".replace("inf", "1e999")
    found = select(f"{name} {op} {written}", {name: values})
    # Beside a float, a constant is a 64-bit float.
    constant = float(constant) if name in "ED" else constant
    assert found.tolist() == [COMPARE[op](value.item(), constant) for value in values]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["I4", "E", "L", "S", "NO", "1", "-2", "0", "1e999", "'t'", "(", ")", "+", "-", "*",
             "/", "%", "**", "&", "|", "<<", "~", "!", "&&", "||", "==", "<", " in [0:2]", "[1]", "[0:1]",
             "sqrt(", "min(", "vector(", ",", "upper(", "circle("]
        ),
        max_size=20,
    ).map("".join)
)  # fmt: skip
def test_any_parsable_text_gives_rows_or_a_selection_error(text):
    try:
        found = select(text)
    except SelectionError:
        return
    assert found.shape == (ROWS,)
    assert found.dtype == np.bool_


def test_hexadecimal_constants_are_patterns_of_32_bits():
    flags = {"FLAG": np.array([0, 0x100, -1, -(2**31), 0x10000, 0x766BA000], np.int32)}
    schema = TableSchema({"FLAG": np.dtype(np.int32)})
    assert select("(FLAG & 0xfffffeff) == 0", flags, schema).tolist() == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert select("(FLAG & 0x80000000) == 0x80000000", flags, schema).tolist() == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    assert select("FLAG & 0x10000 != 0", flags, schema).tolist() == [False, False, True, False, True, True]
    assert select("(FLAG & 0x766ba000) == 0", flags, schema).tolist() == [
        True,
        True,
        False,
        True,
        False,
        False,
    ]
    assert select("~FLAG == 0", flags, schema).tolist() == [False, False, True, False, False, False]


def test_nothing_overflows_and_zero_divides_silently():
    column = TABLE["I4"].astype(object)
    assert select("I4 * I4 > 4000000000000").tolist() == (column * column > 4 * 10**12).tolist()
    assert not select("I4 * I4 * I4 * I4 < 0").any()
    assert not select("I4 / 0 == I4 / 0 || I4 % 0 == 0 || I4 % (I4 - I4) >= 0 || I4 / 0 > 0").any()
    assert select("2 ** 10000 > 1 && exp(1e10) > 1e308").all()
    assert not select("sqrt(-1) == 0 || log(-1) < 0 || arcsin(2) < 9").any()


@pytest.mark.parametrize(
    "text",
    [
        "near(100, 101, 0.01) && !near(100, 102, 0.01)",
        "ifthenelse(I4 == I4, true, false)",
        "int(2.9) == 2 && int(-2.9) == -2 && nint(2.5) == 3 && nint(-2.5) == -3",
        "floor(-2.5) == -3 && ceil(2.1) == 3 && modf(2.25) == 0.25 && fmod(-7, 3) == -1 && -7 % 3 == -1",
        "abs(arctan2(1, 1) - #PI/4) < 1e-12 && near(sin(30*#RAD), 0.5, 1e-12)",
        "near(#DEG*arcsin(1), 90, 1e-12)",
        "pow(2, 3) == 8 && sqrt(16) == 4 && log10(1000) == 3 && log(#E) == 1 && sign(-3) == -1",
        "min(3, 1, 2) == 1 && max(3, 1.5, 2) == 3 && 7 / 2 == 3.5",
        "near(60*#ARCSEC, #ARCMIN, 1e-12) && near(60*#ARCMIN, #RAD, 1e-12)",
        '"X"=="X" && "XMM"!="XTE" && "a"<"b" && "b">="a"',
        'upper("Xmm")=="XMM" && lower("XMM")=="xmm" && strlen("XMM")==3 && strlen("")==0',
        'ascii(" ")==32 && ascii("Z")-ascii("A")+1==26 && "Coca-"+"Cola"=="Coca-Cola"',
        '"XMM"[0:1]=="XM" && "FREDDY"[2:]=="EDDY" && "FREDDY"[:1]=="FR" && "AB"[5:]==""',
        "norm(unitvector(1, 2, 3)) - 1 < 1e-12 && vector(1,2,3) * vector(4,5,6) == 32",
        "cross(vector(1,0,0), vector(0,1,0))[2] == 1 && (2*vector(1,2,3) - vector(1,1,1)/2)[1] == 3.5",
        "norm(-vector(3,4,0)) == 5",
        "skyvector(10*#RAD, 20*#RAD) in cone(10.1*#RAD, 20*#RAD, 6*#ARCMIN)",
        "!(skyvector(10*#RAD, 20*#RAD) in cone(skyvector(10.1*#RAD, 20*#RAD), 5*#ARCMIN))",
        "3.1415 in :-10,[1:3),3.1,[3.14:3.19),[4:]",
        "b001110110 & b0111 == b110 && b001110110 | b0101 == b1110111 && b001110110 ^ b0111 == b1110001",
        "b111 << 2 == b11100 && b111 >> 2 == b1",
        "SELECTED",
        "5",
    ],
)
def test_true_statements_of_the_documentation(text):
    assert select(text).all()


def test_texts_of_columns_lose_their_trailing_blanks():
    assert select("S == 'XTE'").tolist() == [False, True, False, False] * 15
    assert select('upper(S)[2:]+"!"=="EDDY!"').tolist() == [False, False, False, True] * 15
    assert select("isnull(S)").tolist() == [False, False, True, False] * 15


def test_nulls_rows_and_logical_columns():
    assert select("isnull(I2)").tolist() == (TABLE["I2"] == -1).tolist()
    assert select("isnull(E)").tolist() == np.isnan(TABLE["E"]).tolist()
    assert not select("isnull(I4)").any()
    assert select("#ROW in 101:103", first_row=100).tolist() == [True] * 3 + [False] * (ROWS - 3)
    assert select("l == 1 && L").tolist() == TABLE["L"].tolist()
    result = select("L")
    result[:] = False
    assert TABLE["L"].any()


def test_only_the_needed_columns_are_read():
    class Watched(dict):
        def __getitem__(self, name):
            read.append(name)
            return super().__getitem__(name)

    read = []
    selection = compile_selection(parse("I1 < 0 && i4 > 0 && sqrt(D) > 0"), SCHEMA)
    assert (selection.columns, selection.constant) == ((), False)
    assert compile_selection(parse("i4 > 0 && sqrt(D) > 0"), SCHEMA).columns == ("I4", "D")
    selection = compile_selection(
        parse("I1 > 300 || I4 > 1e12 || U4 >= 0 && E < 1e9 && sqrt(D) > 0 && E > 1e9"), SCHEMA
    )
    selection(Watched(TABLE))
    assert set(read) <= {"E", "D"}


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("I1 > 3 && PATERN < 4", "no column PATERN; did you mean PATTERN?", 10),
        ("sqr(I1) > 3", "no function sqr; did you mean sqrt?", 0),
        ("I1 > 3 && near(1,2)", "near takes 3 arguments, not 2", 10),
        ("E & 3 == 0", "whole numbers", 0),
        ("I1 == 'a'", "a text is compared with a whole number", 6),
        ("I1 + 'a' > 2", "needs a number, this is a text", 5),
        ("'abc'", "where a condition is needed", 0),
        ("(I1 > 1) > I2", "bind tighter", 1),
        ("I1 in 'a'", "bound of an interval", 6),
        ("#NONE > 3", "no attribute NONE", 0),
        ("gti(a.fits)", "files cannot be used here", 0),
        ("V > 3", "holds arrays", 0),
        ("vector(1,2,3)[3] > 1", "components of a vector", 14),
        ("+".join(["I1"] * 500), "one inside the other", None),
    ],
)
def test_a_wrong_expression_is_explained(text, message, at):
    schema = TableSchema({**SCHEMA.columns, "PATTERN": np.dtype("u1"), "V": np.dtype(("f8", (3,)))})
    with pytest.raises(SelectionError) as caught:
        compile_selection(parse(text), schema)
    assert message in str(caught.value)
    assert at is None or caught.value.span.start == at


def test_a_chain_of_any_length_is_evaluated():
    found = select("||".join(f"I2 == {value}" for value in range(-3000, 3000, 2)))
    assert found.tolist() == [value in range(-3000, 3000, 2) for value in TABLE["I2"].tolist()]
