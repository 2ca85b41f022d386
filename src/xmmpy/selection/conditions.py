"""Turn an expression into the conditions that a data subspace can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xmmpy.selection.dataspace import Condition, Figures, GoodTimes, RegionRow
from xmmpy.selection.ranges import Bits, Bounds, Ranges
from xmmpy.selection.syntax import Binary, Boolean, Column, GtiFilter, In, Node, Number, Region, Unary, operands

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xmmpy.products.intervals import Intervals

Alternatives = list[list[Condition]]

#: More alternatives than this are not written: the keywords would outgrow the header.
MAX_ALTERNATIVES = 64

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_PAIRS = {("X", "Y"): "POS", ("DETX", "DETY"): "DET", ("RAWX", "RAWY"): "RAW", ("RA", "DEC"): "EQPOS"}


class CannotExpress(Exception):
    """The data subspace has no form for a part of the expression (arithmetic on columns, functions, masks)."""


def conditions_of(
    root: Node, gti: Callable[[str], Intervals], unit: Callable[[str], str], spelling: Callable[[str], str]
) -> Alternatives:
    """Bring an expression into alternatives of conditions.

    Parameters
    ----------
    root : Node
        Tree without attributes.
    gti : callable
        Gives the intervals of a block named in ``gti()``.
    unit, spelling : callable
        Give a column's unit and its name as the table spells it.

    Returns
    -------
    list of lists of Condition
        Any of the lists must hold whole; one empty list for an expression that is always true.

    Raises
    ------
    CannotExpress
        When a data subspace cannot hold the expression.
    """
    return _Translator(gti, unit, spelling).translate(root, negated=False)


class _Translator:
    def __init__(
        self, gti: Callable[[str], Intervals], unit: Callable[[str], str], spelling: Callable[[str], str]
    ) -> None:
        self._gti = gti
        self._unit = unit
        self._spelling = spelling

    def translate(self, node: Node, *, negated: bool) -> Alternatives:
        if isinstance(node, Unary) and node.op == "!":
            return self.translate(node.operand, negated=not negated)
        if isinstance(node, Binary) and node.op in {"&&", "||"}:
            parts = [self.translate(part, negated=negated) for part in operands(node, node.op)]
            return _all_of(parts) if (node.op == "&&") != negated else _any_of(parts)
        if isinstance(node, Boolean):
            return [[]] if node.value != negated else []
        return [[self._leaf(node, negated=negated)]]

    def _leaf(self, node: Node, *, negated: bool) -> Condition:
        match node:
            case Binary(op="==" | "!=" | "<" | "<=" | ">" | ">=") as comparison:
                return self._comparison(comparison, negated=negated)
            case In(value=Column(name=name), intervals=intervals):
                bounds = [
                    Bounds(
                        -float("inf") if i.low is None else _constant(i.low),
                        float("inf") if i.high is None else _constant(i.high),
                        i.low_closed,
                        i.high_closed,
                    )
                    for i in intervals
                ]
                ranges = Ranges(tuple(b for b in bounds if not b.empty))
                return self._condition(name, ranges.complement() if negated else ranges)
            case Binary(op="&", left=Column(name=name), right=mask):
                return self._condition(name, _bits(int(_constant(mask)), 0, equal=negated))
            case GtiFilter() if not negated:
                column = node.column.name if isinstance(node.column, Column) else "TIME"
                return self._condition(column, GoodTimes(self._gti(node.block)))
            case Region(columns=(Column(name=x), Column(name=y))):
                pair = (self._spelling(x), self._spelling(y))
                descriptor = f"{_PAIRS.get((pair[0].upper(), pair[1].upper()), 'POS')}({pair[0]},{pair[1]})"
                values = tuple(_constant(parameter) for parameter in node.parameters)
                return Condition(descriptor, Figures((region_row(node.shape, values, excluded=negated),)))
        raise CannotExpress(type(node).__name__)

    def _comparison(self, node: Binary, *, negated: bool) -> Condition:
        left, op, right = node.left, node.op, node.right
        if _is_constant(left):
            left, op, right = right, _MIRRORED[op], left
        op = _NEGATED[op] if negated else op
        value = _constant(right)
        match left:
            case Column(name=name):
                return self._condition(name, _compared(op, value))
            case Binary(op="&", left=Column(name=name), right=mask) if op in {"==", "!="}:
                return self._condition(name, _bits(int(_constant(mask)), int(value), equal=op == "=="))
        raise CannotExpress(type(left).__name__)

    def _condition(self, name: str, value: Ranges | Bits | GoodTimes) -> Condition:
        return Condition(self._spelling(name), value, self._unit(name))


def _compared(op: str, value: float) -> Ranges:
    match op:
        case "==":
            return Ranges((Bounds(value, value),))
        case "!=":
            return Ranges((Bounds(value, value),)).complement()
        case "<" | "<=":
            return Ranges((Bounds(high=value, high_closed=op == "<="),))
        case _:
            return Ranges((Bounds(low=value, low_closed=op == ">="),))


def _bits(mask: int, value: int, *, equal: bool) -> Bits:
    if equal and value & ~mask == 0:
        return Bits(ones=value, zeros=mask & ~value)
    if not equal and value in {0, mask} and mask.bit_count() == 1:
        return Bits(ones=mask & ~value, zeros=mask & value)
    raise CannotExpress("a test of several bits at once")


def _is_constant(node: Node) -> bool:
    return isinstance(node, Number) or (isinstance(node, Unary) and node.op in "+-" and _is_constant(node.operand))


def _constant(node: Node) -> float:
    match node:
        case Number():
            return node.value
        case Unary(op="-"):
            return -_constant(node.operand)
        case Unary(op="+"):
            return _constant(node.operand)
    raise CannotExpress("a bound that is no constant")


def _all_of(parts: Sequence[Alternatives]) -> Alternatives:
    product: Alternatives = [[]]
    for part in parts:
        product = [[*left, *right] for left in product for right in part]
        if len(product) > MAX_ALTERNATIVES:
            raise CannotExpress("too many alternatives")
    return product


def _any_of(parts: Sequence[Alternatives]) -> Alternatives:
    pending = [alternative for part in parts for alternative in part]
    if any(not alternative for alternative in pending):
        return [[]]
    joined: Alternatives = []
    for alternative in pending:
        for place, other in enumerate(joined):
            if (both := _joined(other, alternative)) is not None:
                joined[place] = both
                break
        else:
            joined.append(alternative)
    if len(joined) > MAX_ALTERNATIVES:
        raise CannotExpress("too many alternatives")
    return joined


def _joined(first: list[Condition], second: list[Condition]) -> list[Condition] | None:
    """Write two alternatives as one where they are single conditions of one kind on the same thing."""
    if len(first) != 1 or len(second) != 1 or first[0].name != second[0].name:
        return None
    one, two = first[0].value, second[0].value
    if isinstance(one, Ranges) and isinstance(two, Ranges):
        return [Condition(first[0].name, one.unite(two), first[0].unit)]
    if isinstance(one, Figures) and isinstance(two, Figures):
        shift = 1 + max(row.component for row in one.rows)
        moved = tuple(
            RegionRow(row.shape, row.excluded, row.x, row.y, row.size, row.angle, row.component + shift)
            for row in two.rows
        )
        return [Condition(first[0].name, Figures((*one.rows, *moved)))]
    return None


def region_row(shape: str, values: tuple[float, ...], *, excluded: bool) -> RegionRow:
    """Write a figure of the selection language as a row of a FITS region table (which has full widths).

    Raises
    ------
    CannotExpress
        For a figure that the convention does not have.
    """
    x, y, rest = values[:1], values[1:2], values[2:]
    match shape:
        case "circle" | "annulus" | "point":
            return RegionRow(shape.upper(), excluded, x, y, rest)
        case "box" | "rhombus" | "diamond":
            name = "ROTBOX" if shape == "box" else "ROTDIAMOND"
            return RegionRow(name, excluded, x, y, (2 * rest[0], 2 * rest[1]), _angle(rest, 2))
        case "ellipse":
            return RegionRow("ELLIPSE", excluded, x, y, rest[:2], _angle(rest, 2))
        case "elliptannulus":
            return RegionRow("ELLIPTANNULUS", excluded, x, y, rest[:4], rest[4:6] or (0.0, 0.0))
        case "sector" | "pie":
            return RegionRow("SECTOR", excluded, x, y, (), rest[:2])
        case "rectangle":
            return RegionRow("ROTRECTANGLE", excluded, values[0:3:2], values[1:4:2], (), _angle(values, 4))
        case "line":
            return RegionRow("LINE", excluded, values[0:3:2], values[1:4:2])
        case "polygon" | "polygon2":
            return RegionRow("POLYGON", excluded, values[0::2], values[1::2])
    raise CannotExpress(f"a {shape}")


def _angle(values: tuple[float, ...], place: int) -> tuple[float, ...]:
    return (values[place],) if len(values) > place else (0.0,)
