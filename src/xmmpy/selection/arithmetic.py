"""Arithmetic and bit operators over typed values.

Whole numbers are computed in the narrowest type that holds every possible result, known from the bounds of
the operands; where 64 bits are not enough, and for every division, in 64-bit floats. Nothing overflows and
nothing warns. Division and remainder by zero give NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.selection.values import (
    KIND_WORDS,
    Rows,
    TypeFault,
    Value,
    as_float,
    folded,
    need_number,
    number_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from xmmpy.selection.errors import Span

_INT64 = np.dtype(np.int64)
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_MOST_POWER = 63
_WORD = 2**32
_WORD_BITS = 32


def _holding(low: int, high: int) -> np.dtype[Any] | None:
    """Narrowest signed type (16 bits or more) that holds a range, or None."""
    for kind in (np.int16, np.int32, np.int64):
        info = np.iinfo(kind)
        if info.min <= low and high <= info.max:
            return np.dtype(kind)
    return None


def _as_type(value: Value, dtype: np.dtype[Any]) -> Callable[[Rows], Any]:
    """Function that computes a whole number in a type that holds it."""
    if value.constant is not None:
        scalar = dtype.type(value.constant)
        return lambda _: scalar
    if value.dtype == dtype:
        return value.run
    run = value.run
    return lambda rows: run(rows).astype(dtype)


def arithmetic(op: str, left: Value, right: Value, span: Span) -> Value:
    """``left op right`` for the operators ``+ - * / % **``.

    Raises
    ------
    TypeFault
        If an operand is no number.
    """
    for part in (left, right):
        need_number(part, op)
    whole = _whole(op, left, right, span) if left.kind == right.kind == "int" else None
    return folded(whole or _floating(op, left, right, span), left, right)


def _floating(op: str, left: Value, right: Value, span: Span) -> Value:
    a, b = as_float(left), as_float(right)
    if op in {"/", "%"}:
        run = _division(op, a, b)
    else:
        ufunc = {"+": np.add, "-": np.subtract, "*": np.multiply, "**": np.power}[op]

        def run(rows: Rows) -> Any:
            return ufunc(a(rows), b(rows))

    whole = op in {"+", "-", "*"} and _is_whole(left) and _is_whole(right)
    return Value("float", run, span, whole=whole, costly=True)


def _is_whole(value: Value) -> bool:
    return value.kind == "int" or value.whole


def _division(op: str, a: Callable[[Rows], Any], b: Callable[[Rows], Any]) -> Callable[[Rows], Any]:
    def divide(rows: Rows) -> Any:
        divisor = b(rows)
        quotient = np.true_divide(a(rows), divisor)
        return np.where(divisor == 0, np.nan, quotient)

    def remainder(rows: Rows) -> Any:
        return np.fmod(a(rows), b(rows))

    return divide if op == "/" else remainder


def _whole(op: str, left: Value, right: Value, span: Span) -> Value | None:
    """Operation on whole numbers, or None if the result needs floats."""
    bounds = _bounds(op, left, right)
    if bounds is None:
        return None
    low, high = bounds
    # The operands must fit the type too.
    dtype = _holding(min(low, left.low, right.low), max(high, left.high, right.high))
    if dtype is None:
        return None
    a, b = _as_type(left, dtype), _as_type(right, dtype)
    ufunc = {"+": np.add, "-": np.subtract, "*": np.multiply, "%": np.fmod, "**": np.power}[op]
    return Value(
        "int",
        lambda rows: ufunc(a(rows), b(rows)),
        span,
        dtype=dtype,
        low=low,
        high=high,
        costly=left.costly or right.costly,
    )


def _bounds(op: str, left: Value, right: Value) -> tuple[int, int] | None:
    """Bounds of the result of an operation on whole numbers, or None if it is done in floats."""
    match op:
        case "+":
            return left.low + right.low, left.high + right.high
        case "-":
            return left.low - right.high, left.high - right.low
        case "*":
            corners = [x * y for x in (left.low, left.high) for y in (right.low, right.high)]
            return min(corners), max(corners)
        case "%" if right.constant:
            most = abs(right.constant) - 1
            return (0 if left.low >= 0 else -most), (0 if left.high <= 0 else most)
        case "**" if right.constant is not None and 0 <= right.constant <= _MOST_POWER:
            ends = [left.low**right.constant, left.high**right.constant]
            return min(*ends, 0), max(*ends, 1)
        case _:
            return None


def sign(op: str, operand: Value, span: Span) -> Value:
    """``-operand`` or ``+operand``.

    Raises
    ------
    TypeFault
        If the operand is no number.
    """
    need_number(operand, f"the sign {op}")
    if op == "+":
        return operand
    if operand.kind == "int":
        return arithmetic("-", number_value(0, span), operand, span)
    run = as_float(operand)
    value = Value("float", lambda rows: np.negative(run(rows)), span, whole=operand.whole, costly=operand.costly)
    return folded(value, operand)


def bits(op: str, left: Value, right: Value, span: Span) -> Value:
    """``left op right`` for the operators ``& | ^ << >>`` on whole numbers.

    A constant above 2^31 taken with a 32-bit column is the bit pattern of 32 bits, as in ``FLAG &
    0xfffffeff``.

    Raises
    ------
    TypeFault
        If an operand is no whole number.
    """
    a, b = whole_number(left, op), whole_number(right, op)
    value = _shift(op, a, b, span) if op in {"<<", ">>"} else _bitwise(op, a, b, span)
    return folded(value, a, b)


def whole_number(value: Value, op: str) -> Value:
    """Whole number for a bit operator; floats are accepted if they hold whole numbers only.

    Raises
    ------
    TypeFault
        If the value is no whole number.
    """
    if value.kind == "int":
        return value
    if value.kind == "float" and value.whole:
        run = as_float(value)

        def convert(rows: Rows) -> Any:
            number = run(rows)
            held = np.abs(number) < float(_HIGHEST)
            return np.where(held, number, 0.0).astype(np.int64)

        constant = value.constant
        if constant is not None:
            return number_value(int(constant) if abs(constant) < float(_HIGHEST) else 0, value.span)
        return Value("int", convert, value.span, dtype=_INT64, low=_LOWEST, high=_HIGHEST, costly=True)
    word = "a condition, for which && and || are meant" if value.kind == "bool" else KIND_WORDS[value.kind]
    raise TypeFault(f"the bit operator {op} needs whole numbers, this is {word}", value.span)


def _pattern(constant: int, dtype: np.dtype[Any]) -> tuple[int, np.dtype[Any]]:
    """Constant and type in which a bit operation of it with a column of a type is done."""
    info = np.iinfo(dtype)
    if info.min <= constant <= info.max:
        return constant, dtype
    if info.bits <= _WORD_BITS and dtype.kind == "i" and 0 <= constant < _WORD:
        return (constant - _WORD if constant >= _WORD // 2 else constant), np.dtype(np.int32)
    return constant, _INT64


def _bitwise(op: str, left: Value, right: Value, span: Span) -> Value:
    ufunc: Any = {"&": np.bitwise_and, "|": np.bitwise_or, "^": np.bitwise_xor}[op]
    constant_side = left if left.constant is not None else right
    other = right if constant_side is left else left
    if constant_side.constant is not None and other.constant is None:
        constant, dtype = _pattern(constant_side.constant, other.dtype)
        scalar, run = dtype.type(constant), _as_type(other, dtype)
        low, high = _bit_bounds(op, dtype, other.low, constant)
        return Value(
            "int",
            lambda rows: ufunc(run(rows), scalar),
            span,
            dtype=dtype,
            low=low,
            high=high,
            bits=True,
            costly=other.costly,
        )
    dtype = np.promote_types(left.dtype, right.dtype)
    a, b = _as_type(left, dtype), _as_type(right, dtype)
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    return Value(
        "int",
        lambda rows: ufunc(a(rows), b(rows)),
        span,
        dtype=dtype,
        low=low,
        high=high,
        bits=True,
        costly=True,
    )


def _bit_bounds(op: str, dtype: np.dtype[Any], other_low: int, constant: int) -> tuple[int, int]:
    info = np.iinfo(dtype)
    if op == "&" and constant >= 0:
        return 0, constant
    return (0 if other_low >= 0 and constant >= 0 else int(info.min)), int(info.max)


def _shift(op: str, left: Value, right: Value, span: Span) -> Value:
    a, b = _as_type(left, _INT64), _as_type(right, _INT64)
    low, high = _LOWEST, _HIGHEST
    if right.constant is not None and 0 <= right.constant <= _MOST_POWER:
        places = right.constant
        if op == ">>":
            low, high = left.low >> places, left.high >> places
        elif _holding(left.low << places, left.high << places) is not None:
            low, high = left.low << places, left.high << places

    def run(rows: Rows) -> Any:
        value, places = a(rows), b(rows)
        held = (places >= 0) & (places <= _MOST_POWER)
        ufunc = np.left_shift if op == "<<" else np.right_shift
        return np.where(held, ufunc(value, np.where(held, places, 0)), 0)

    return Value("int", run, span, dtype=_INT64, low=low, high=high, bits=True, costly=True)


def complement(operand: Value, span: Span) -> Value:
    """``~operand``: one's complement, of at least 32 bits.

    Raises
    ------
    TypeFault
        If the operand is no whole number.
    """
    value = whole_number(operand, "~")
    low, high = -value.high - 1, -value.low - 1
    dtype = _holding(min(low, value.low, -_WORD // 2), max(high, value.high)) or _INT64
    run = _as_type(value, dtype)
    result = Value(
        "int",
        lambda rows: np.invert(run(rows)),
        span,
        dtype=dtype,
        low=low,
        high=high,
        bits=True,
        costly=value.costly,
    )
    return folded(result, value)
