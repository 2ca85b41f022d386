"""The functions of the selection language.

Source: selectlib documentation, "Arithmetic operators and functions", "Boolean operators and functions",
"Character string constants", "Vector operators and functions", "Three-dimensional filter functions". The
short names asin, acos, atan, atan2, min, max, nint, sign, mod, ln and isnull are accepted too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.selection import texts, vectors
from xmmpy.selection.values import (
    KIND_WORDS,
    Rows,
    TypeFault,
    Value,
    as_condition,
    as_float,
    folded,
    need_number,
    truth_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from xmmpy.selection.errors import Span

    Function = Callable[[str, list[Value], Span], Value]

_ELEMENTARY: dict[str, Any] = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "exp": np.exp, "log": np.log, "ln": np.log, "log10": np.log10, "sqrt": np.sqrt,
}  # fmt: skip
_OF_TWO: dict[str, Any] = {
    "pow": np.power,
    "arctan2": np.arctan2,
    "atan2": np.arctan2,
    "fmod": np.fmod,
    "mod": np.fmod,
}


def _to_nearest(number: Any) -> Any:
    """Nearest whole number, halves away from zero, as Fortran's nint."""
    return np.trunc(number + np.copysign(0.5, number))


_TO_WHOLE: dict[str, Any] = {
    "int": np.trunc,
    "floor": np.floor,
    "ceil": np.ceil,
    "nint": _to_nearest,
    "round": _to_nearest,
}


def _elementary(name: str, arguments: list[Value], span: Span) -> Value:
    ufunc, run = _ELEMENTARY[name], as_float(arguments[0])
    return folded(Value("float", lambda rows: ufunc(run(rows)), span, costly=True), *arguments)


def _of_two(name: str, arguments: list[Value], span: Span) -> Value:
    ufunc, (a, b) = _OF_TWO[name], (as_float(part) for part in arguments)
    return folded(Value("float", lambda rows: ufunc(a(rows), b(rows)), span, costly=True), *arguments)


def _to_whole(name: str, arguments: list[Value], span: Span) -> Value:
    if arguments[0].kind == "int":
        return arguments[0]
    ufunc, run = _TO_WHOLE[name], as_float(arguments[0])
    return folded(Value("float", lambda rows: ufunc(run(rows)), span, whole=True, costly=True), *arguments)


def _fraction(_name: str, arguments: list[Value], span: Span) -> Value:
    run = as_float(arguments[0])
    return folded(Value("float", lambda rows: np.modf(run(rows))[0], span, costly=True), *arguments)


def _absolute(_name: str, arguments: list[Value], span: Span) -> Value:
    return _unary_keeping_whole(np.abs, arguments, span)


def _sign(_name: str, arguments: list[Value], span: Span) -> Value:
    return _unary_keeping_whole(np.sign, arguments, span)


def _unary_keeping_whole(ufunc: Any, arguments: list[Value], span: Span) -> Value:
    operand = arguments[0]
    run = as_float(operand)
    whole = operand.kind == "int" or operand.whole
    return folded(Value("float", lambda rows: ufunc(run(rows)), span, whole=whole, costly=True), operand)


def _extreme(name: str, arguments: list[Value], span: Span) -> Value:
    ufunc: Any = np.minimum if name == "min" else np.maximum
    runs = [as_float(part) for part in arguments]
    whole = all(part.kind == "int" or part.whole for part in arguments)

    def run(rows: Rows) -> Any:
        result = runs[0](rows)
        for other in runs[1:]:
            result = ufunc(result, other(rows))
        return result

    return folded(Value("float", run, span, whole=whole, costly=True), *arguments)


def _near(_name: str, arguments: list[Value], span: Span) -> Value:
    """``near(a, b, tolerance)``: |a - b| <= tolerance |a|."""
    a, b, tolerance = (as_float(part) for part in arguments)

    def run(rows: Rows) -> Any:
        first = a(rows)
        return np.abs(first - b(rows)) <= tolerance(rows) * np.abs(first)

    return folded(Value("bool", run, span, costly=True), *arguments)


def _if_then_else(_name: str, arguments: list[Value], span: Span) -> Value:
    condition, yes, no = as_condition(arguments[0]), arguments[1], arguments[2]
    numbers = {"int", "float"}
    if yes.kind in numbers and no.kind in numbers:
        test, a, b = condition.run, as_float(yes), as_float(no)
        whole = all(part.kind == "int" or part.whole for part in (yes, no))
        value = Value("float", lambda rows: np.where(test(rows), a(rows), b(rows)), span, whole=whole, costly=True)
    elif yes.kind == no.kind == "text":
        test, c, d = condition.run, yes.run, no.run
        value = Value("text", lambda rows: np.where(test(rows), c(rows), d(rows)), span, costly=True)
    else:
        test, e, f = condition.run, as_condition(yes).run, as_condition(no).run
        value = Value("bool", lambda rows: np.where(test(rows), e(rows), f(rows)), span, costly=True)
    return folded(value, *arguments)


def is_null(operand: Value, null: int | None, span: Span) -> Value:
    """``isnull(column)``: NaN, the null value of a column of whole numbers, or an empty text.

    Raises
    ------
    TypeFault
        For a condition or a vector.
    """
    run = operand.run
    if operand.kind == "float":
        return folded(Value("bool", lambda rows: np.isnan(run(rows)), span), operand)
    if operand.kind == "int":
        if null is None:
            return truth_value(False, span)
        return Value("bool", lambda rows: run(rows) == null, span)
    if operand.kind == "text":
        return folded(Value("bool", lambda rows: run(rows) == "", span), operand)
    raise TypeFault(f"isnull takes a column, this is {KIND_WORDS[operand.kind]}", operand.span)


#: Name of a function: how few and how many arguments it takes, whether all are numbers, what computes it.
_FUNCTIONS: dict[str, tuple[int, int, bool, Function]] = {
    **dict.fromkeys(_ELEMENTARY, (1, 1, True, _elementary)),
    **dict.fromkeys(_OF_TWO, (2, 2, True, _of_two)),
    **dict.fromkeys(_TO_WHOLE, (1, 1, True, _to_whole)),
    "modf": (1, 1, True, _fraction),
    "abs": (1, 1, True, _absolute),
    "sign": (1, 1, True, _sign),
    "min": (2, 99, True, _extreme),
    "max": (2, 99, True, _extreme),
    "near": (3, 3, True, _near),
    "ifthenelse": (3, 3, False, _if_then_else),
    **{name: (*counts, False, texts.call) for name, counts in texts.ARGUMENTS.items()},
    **{name: (*counts, False, vectors.call) for name, counts in vectors.ARGUMENTS.items()},
}

#: Names of all functions, for the hint after a misspelt one.
FUNCTION_NAMES = (*(name for name in _FUNCTIONS if name[0] != "["), "isnull")


def call(name: str, arguments: list[Value], span: Span) -> Value:
    """Value of a function.

    Raises
    ------
    KeyError
        If there is no such function.
    TypeFault
        If the number or the types of its arguments are wrong.
    """
    least, most, numeric, function = _FUNCTIONS[name]
    if not least <= len(arguments) <= most:
        wanted = str(least) if least == most else f"{least} or more" if most > 9 else f"{least} to {most}"
        raise TypeFault(f"{name} takes {wanted} arguments, not {len(arguments)}", span)
    if numeric:
        for argument in arguments:
            need_number(argument, name)
    return function(name, arguments, span)
