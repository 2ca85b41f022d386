"""Vectors of three components: their construction, algebra, and the cone filter.

Angles are in radians. Source: selectlib documentation, "Vector operators and functions" and
"Three-dimensional filter functions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.selection.values import KIND_WORDS, Rows, TypeFault, Value, as_float, need_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from xmmpy.selection.errors import Span

    Vector = tuple[Any, Any, Any]

#: Names of the functions of vectors, with how few and how many arguments they take.
ARGUMENTS = {
    "vector": (3, 3),
    "unitvector": (3, 3),
    "skyvector": (2, 2),
    "cross": (2, 2),
    "norm": (1, 1),
    "cone": (3, 4),
    "[]": (2, 2),
}
_COMPONENTS = 3


def _need_vector(value: Value, what: str) -> Callable[[Rows], Vector]:
    if value.kind != "vector":
        raise TypeFault(f"{what} needs a vector, this is {KIND_WORDS[value.kind]}", value.span)
    return value.run


def _need_numbers(name: str, arguments: list[Value]) -> list[Callable[[Rows], Any]]:
    for argument in arguments:
        need_number(argument, name)
    return [as_float(argument) for argument in arguments]


def _dot(a: Vector, b: Vector) -> Any:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _on_sky(ra: Any, dec: Any) -> Vector:
    return np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)


def call(name: str, arguments: list[Value], span: Span) -> Value:
    """Value of a function of vectors.

    Raises
    ------
    TypeFault
        If the types of the arguments are wrong.
    """
    match name:
        case "vector" | "unitvector":
            x, y, z = _need_numbers(name, arguments)
            unit = name == "unitvector"
            return Value("vector", lambda rows: _scaled((x(rows), y(rows), z(rows)), unit=unit), span, costly=True)
        case "skyvector":
            ra, dec = _need_numbers(name, arguments)
            return Value("vector", lambda rows: _on_sky(ra(rows), dec(rows)), span, costly=True)
        case "cross":
            a, b = (_need_vector(part, name) for part in arguments)
            return Value("vector", lambda rows: _cross(a(rows), b(rows)), span, costly=True)
        case "norm":
            v = _need_vector(arguments[0], name)
            return Value("float", lambda rows: np.sqrt(_dot(w := v(rows), w)), span, costly=True)
        case "[]":
            return _component(arguments, span)
        case _:
            return _cone(arguments, span)


def _scaled(vector: Vector, *, unit: bool) -> Vector:
    if not unit:
        return vector
    length = np.sqrt(_dot(vector, vector))
    return vector[0] / length, vector[1] / length, vector[2] / length


def _component(arguments: list[Value], span: Span) -> Value:
    vector = _need_vector(arguments[0], "the component [i]")
    index = arguments[1]
    if index.kind != "int" or index.constant not in range(_COMPONENTS):
        raise TypeFault("the components of a vector are 0, 1 and 2", index.span)
    i = int(index.constant)
    return Value("float", lambda rows: vector(rows)[i], span, costly=True)


def _cone(arguments: list[Value], span: Span) -> Value:
    """``cone(axis, half opening, vector)`` or ``cone(ra, dec, half opening, vector)``."""
    centre = arguments[0]
    if len(arguments) == ARGUMENTS["cone"][1]:
        centre = call("skyvector", arguments[:2], span)
    axis = _need_vector(centre, "cone")
    (opening,) = _need_numbers("cone", arguments[-2:-1])
    tested = _need_vector(arguments[-1], "cone")

    def inside(rows: Rows) -> Any:
        a, v = axis(rows), tested(rows)
        normal = _cross(a, v)
        # The angle from its sine and cosine together keeps its precision when it is small.
        angle = np.arctan2(np.sqrt(_dot(normal, normal)), _dot(a, v))
        return angle <= opening(rows)

    return Value("bool", inside, span, costly=True)


def algebra(op: str, left: Value, right: Value, span: Span) -> Value:
    """``left op right`` where a side is a vector.

    Raises
    ------
    TypeFault
        If the operator is not defined for these operands.
    """
    both = left.kind == right.kind == "vector"
    a, b = left.run, right.run
    if both and op in {"+", "-"}:
        ufunc: Any = np.add if op == "+" else np.subtract
        return Value(
            "vector",
            lambda rows: tuple(ufunc(p, q) for p, q in zip(a(rows), b(rows), strict=True)),
            span,
            costly=True,
        )
    if both and op == "*":
        return Value("float", lambda rows: _dot(a(rows), b(rows)), span, costly=True)
    if op == "*" or (op == "/" and left.kind == "vector" and not both):
        vector, scalar = (left, right) if left.kind == "vector" else (right, left)
        need_number(scalar, op)
        v, s = vector.run, as_float(scalar)
        scale: Any = np.multiply if op == "*" else np.true_divide
        return Value("vector", lambda rows: tuple(scale(p, s(rows)) for p in v(rows)), span, costly=True)
    raise TypeFault(f"{op} is not defined for {KIND_WORDS[left.kind]} and {KIND_WORDS[right.kind]}", span)


def negative(operand: Value, span: Span) -> Value:
    """Turn a vector round."""
    run = operand.run
    return Value("vector", lambda rows: tuple(np.negative(part) for part in run(rows)), span, costly=True)
