"""Comparisons and interval tests over typed values.

A column is compared with a constant in the column's own type, after the constant has been moved to the
nearest value of that type for which the outcome is the same: nothing is converted to a wider type, and the
result is exact. Comparisons with NaN are false, except ``!=``. Beside a float column a constant counts as a
64-bit float.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.selection.operators import COMPARISONS
from xmmpy.selection.values import KIND_WORDS, Rows, TypeFault, Value, folded, need_number, truth_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from xmmpy.selection.errors import Span

    #: Takes the left value and the rows, for a right side that varies.
    Test = Callable[[Any, Rows], Any]

_UFUNCS: dict[str, Any] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_WORD = 2**32


def compare(op: str, left: Value, right: Value, span: Span) -> Value:
    """``left op right`` for the operators ``== != < <= > >=``.

    Raises
    ------
    TypeFault
        If the two sides cannot be compared.
    """
    if op not in COMPARISONS:
        raise ValueError(f"{op} is no comparison")
    if left.constant is not None and right.constant is None:
        left, right, op = right, left, _MIRRORED[op]
    test = _test(op, left, right)
    if isinstance(test, bool):
        return truth_value(test, span)
    run = left.run
    value = Value("bool", lambda rows: test(run(rows), rows), span, costly=left.costly or right.costly)
    return folded(value, left, right)


def _test(op: str, left: Value, right: Value) -> Test | bool:
    """Test of the left value against the right one; a bool if the outcome is the same for all values."""
    kinds = {left.kind, right.kind}
    if "vector" in kinds:
        part = left if left.kind == "vector" else right
        raise TypeFault(f"a vector cannot be compared by {op}; compare its norm or a component", part.span)
    ufunc = _UFUNCS[op]
    if kinds == {"text"}:
        a, b = left.run, right.run
        return lambda _, rows: ufunc(a(rows), b(rows))
    if "bool" in kinds:
        return _test_condition(op, left, right)
    if "text" in kinds:
        part, other = (left, right) if left.kind == "text" else (right, left)
        raise TypeFault(f"{KIND_WORDS[part.kind]} is compared with {KIND_WORDS[other.kind]}", part.span)
    if right.constant is not None:
        return _against_constant(op, left, right.constant)
    other_run = right.run
    return lambda value, rows: ufunc(value, other_run(rows))


def _test_condition(op: str, left: Value, right: Value) -> Test | bool:
    ufunc = _UFUNCS[op]
    if op in {"==", "!="} and left.kind == right.kind:
        other = right.run
        return lambda value, rows: ufunc(value, other(rows))
    if op in {"==", "!="} and left.is_column and right.constant in {0, 1}:
        wanted = np.bool_(right.constant)
        return lambda value, _: ufunc(value, wanted)
    part = left if left.kind == "bool" else right
    hint = "; & and | bind tighter than comparisons, write && or || or put parentheses"
    raise TypeFault(f"a condition cannot be compared by {op} here{hint}", part.span)


def _against_constant(op: str, left: Value, constant: float) -> Test | bool:
    """Test of a number against a constant, in the type of the number."""
    if constant != constant:
        return op == "!="
    if left.kind == "float" and left.dtype != np.float32:
        ufunc, bound = _UFUNCS[op], np.float64(constant)
        return lambda value, _: ufunc(value, bound)
    exact = _for_single(op, constant) if left.kind == "float" else _for_whole(op, left, constant)
    if isinstance(exact, bool):
        return exact
    exact_op, typed = exact
    exact_ufunc = _UFUNCS[exact_op]
    return lambda value, _: exact_ufunc(value, typed)


def _for_single(op: str, constant: float) -> tuple[str, Any] | bool:
    """Comparison of 32-bit floats that is equivalent to one in 64 bits."""
    wide = float(constant)
    with np.errstate(all="ignore"):
        near = np.float32(wide)
        if float(near) == wide:
            return op, near
        below = near if float(near) < wide else np.nextafter(near, np.float32(-np.inf))
        above = near if float(near) > wide else np.nextafter(near, np.float32(np.inf))
    match op:
        case "==":
            return False
        case "!=":
            return True
        case "<" | "<=":
            return "<=", below
        case _:
            return ">=", above


def _for_whole(op: str, left: Value, constant: float) -> tuple[str, Any] | bool:
    """Comparison of whole numbers in their own type that is equivalent to one with any number."""
    if left.bits and op in {"==", "!="} and left.dtype == np.int32 and _WORD // 2 <= constant < _WORD:
        constant -= _WORD
    if math.isinf(constant):
        return op == "!=" or (op in {"<", "<="}) == (constant > 0) if op != "==" else False
    if constant != int(constant):
        if op in {"==", "!="}:
            return op == "!="
        constant, op = (math.floor(constant), "<=") if op in {"<", "<="} else (math.ceil(constant), ">=")
    whole = int(constant)
    if whole > left.high or (whole == left.high and op in {"<=", ">"}):
        return op in {"<", "<=", "!="}
    if whole < left.low or (whole == left.low and op in {">=", "<"}):
        return op in {">", ">=", "!="}
    info = np.iinfo(left.dtype)
    if not info.min <= whole <= info.max:
        raise AssertionError("the bounds of a whole number are wider than its type")
    return op, left.dtype.type(whole)


def within(value: Value, intervals: list[tuple[Value | None, Value | None, bool, bool]], span: Span) -> Value:
    """``value in interval, ...``; each interval is its bounds and whether they belong to it.

    Raises
    ------
    TypeFault
        If the value or a bound is no number.
    """
    need_number(value, "in")
    tests: list[list[Test]] = []
    used = [value]
    for low, high, low_closed, high_closed in intervals:
        used += [bound for bound in (low, high) if bound is not None]
        found = _interval_tests(value, low, high, low_closed, high_closed)
        if found is True:
            return truth_value(True, span)
        if found is not False:
            tests.append(found)
    if not tests:
        return truth_value(False, span)
    run = value.run

    def inside(rows: Rows) -> Any:
        number = run(rows)
        result = None
        for both in tests:
            held = both[0](number, rows)
            for test in both[1:]:
                held = (
                    np.logical_and(held, test(number, rows), out=held) if np.ndim(held) else held & test(number, rows)
                )
            result = held if result is None else result | held
        return result

    return folded(Value("bool", inside, span, costly=value.costly or len(tests) > 1), *used)


def _interval_tests(
    value: Value, low: Value | None, high: Value | None, low_closed: bool, high_closed: bool
) -> list[Test] | bool:
    """Tests that all hold inside an interval; a bool if nothing needs testing."""
    for bound in (low, high):
        if bound is not None:
            need_number(bound, "the bound of an interval")
    if low is not None and low is high:
        wanted = [("==", low)]
    else:
        wanted = [] if low is None else [(">=" if low_closed else ">", low)]
        wanted += [] if high is None else [("<=" if high_closed else "<", high)]
    tests: list[Test] = []
    for op, bound in wanted:
        test = _test(op, value, bound)
        if test is False:
            return False
        if test is not True:
            tests.append(test)
    if tests:
        return tests
    # Every number is inside; of a float, NaN is not, unless no bound was given at all.
    if value.kind == "float" and wanted:
        return [lambda number, _: number == number]
    return True
