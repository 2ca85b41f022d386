"""Builds the syntax tree while the text is parsed.

`TreeBuilder` is called by the parser for every rule of the grammar that has been recognised, innermost first;
nothing here recurses into the text, so that no expression can exhaust the stack.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from xmmpy.selection import literals
from xmmpy.selection.errors import Span
from xmmpy.selection.operators import LEVELS, RIGHT_ASSOCIATIVE, UNARY_LEVEL, canonical
from xmmpy.selection.shapes import canonical_shape, check_count
from xmmpy.selection.syntax import (
    MAX_DEPTH,
    Attribute,
    Binary,
    Boolean,
    Call,
    Column,
    GtiFilter,
    In,
    Interval,
    MaskFilter,
    Node,
    Number,
    Region,
    RegionFilter,
    RowNumber,
    Text,
    Unary,
)


class Fault(Exception):
    """Something that the grammar allows and the language does not."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.message = message
        self.span = span


@dataclass(frozen=True, slots=True)
class Built:
    """A finished node, how deeply it is nested, and whether it stands in parentheses."""

    node: Node
    depth: int
    grouped: bool = False


@dataclass(frozen=True, slots=True)
class Called:
    """A name with arguments, of which it is not known yet whether it is the target of ``in``."""

    name: str
    block: str | None
    arguments: tuple[Built, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Pair:
    """``(x, y)`` before ``in``."""

    x: Built
    y: Built
    span: Span


@dataclass(frozen=True, slots=True)
class Operator:
    """A binary operator or ``in``, in its C spelling."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Prefix:
    """A sign or negation before an operand."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Bounds:
    """One interval as written: the value or the bounds are still chains."""

    low: list[Any] | None
    high: list[Any] | None
    low_closed: bool
    high_closed: bool
    span: Span | None
    single: bool = False


def _token_span(token: Any) -> Span:
    return Span(token.start_pos, token.end_pos)


def _join(first: Span, last: Span) -> Span:
    return Span(first.start, last.end)


def _deepest(parts: tuple[Built, ...]) -> int:
    return max((part.depth for part in parts), default=0) + 1


def _checked(node: Node, depth: int) -> Built:
    if depth > MAX_DEPTH:
        raise Fault(f"the expression is nested more than {MAX_DEPTH} levels deep", node.span)
    return Built(node, depth)


class TreeBuilder:
    """One method for each rule of ``grammar.lark``; each takes the list of its parts."""

    def start(self, parts: list[Any]) -> Node:
        """Whole expression."""
        built: Built = _climb(parts[0])
        return built.node

    def chain(self, parts: list[Any]) -> list[Any]:
        """Flatten a chain into operands, prefixes, operators and, after ``in``, lists of intervals."""
        flat: list[Any] = []
        for part in parts:
            if isinstance(part, list):
                flat += part
            elif isinstance(part, tuple):
                flat.append(part)
            else:
                name = "in" if part.type == "IN" else canonical(part)
                flat.append(Operator(name, _token_span(part)))
        return flat

    def arithmetic(self, parts: list[Any]) -> list[Any]:
        """Flatten a chain of arithmetic operators."""
        flat: list[Any] = []
        for part in parts:
            if isinstance(part, list):
                flat += part
            else:
                flat.append(Operator(str(part), _token_span(part)))
        return flat

    def signed(self, parts: list[Any]) -> list[Any]:
        """Operand with the signs and negations before it."""
        return [*(Prefix(canonical(part), _token_span(part)) for part in parts[:-1]), parts[-1]]

    def number(self, parts: list[Any]) -> Built:
        """Numeric constant."""
        return Built(Number(literals.number(str(parts[0])), _token_span(parts[0])), 1)

    def angle(self, parts: list[Any]) -> Built:
        """Angle constant."""
        return Built(Number(literals.angle(str(parts[0])), _token_span(parts[0])), 1)

    def date(self, parts: list[Any]) -> Built:
        """Time constant."""
        span = _token_span(parts[0])
        try:
            return Built(Number(literals.mission_time(str(parts[0])), span), 1)
        except (ValueError, OverflowError) as error:
            raise Fault(f"there is no such time: {error}", span) from None

    def text(self, parts: list[Any]) -> Built:
        """Text constant."""
        return Built(Text(literals.text(str(parts[0])), _token_span(parts[0])), 1)

    def name(self, parts: list[Any]) -> Built:
        """Column, or one of the words true and false."""
        span = _token_span(parts[0])
        word = str(parts[0])
        if word.lower() in {"true", "false"}:
            return Built(Boolean(word.lower() == "true", span), 1)
        return Built(Column(word, span), 1)

    def attribute(self, parts: list[Any]) -> Built:
        """Attribute, symbolic constant or row number."""
        span = _token_span(parts[0])
        word = str(parts[0])[1:]
        return Built(RowNumber(span) if word.upper() == "ROW" else Attribute(word, span), 1)

    def arguments(self, parts: list[Any]) -> tuple[Built, ...]:
        """Arguments of a function, without the commas."""
        return tuple(_climb(part) for part in parts if isinstance(part, list))

    def call(self, parts: list[Any]) -> Called:
        """Function with its arguments."""
        name, _, arguments, close = parts
        return Called(str(name).lower(), None, arguments or (), _join(_token_span(name), _token_span(close)))

    def file_filter(self, parts: list[Any]) -> Called:
        """Filter that reads a block, with its other arguments."""
        opening, block, close = parts[0], parts[1], parts[-1]
        spec = literals.text(str(block)) if block.type == "STRING" else str(block)
        arguments = next((part for part in parts if isinstance(part, tuple)), ())
        name = str(opening)[:-1].strip().lower()
        return Called(name, spec, arguments, _join(_token_span(opening), _token_span(close)))

    def group(self, parts: list[Any]) -> Built:
        """Expression in parentheses."""
        return replace(_climb(parts[1]), grouped=True)

    def point(self, parts: list[Any]) -> Pair:
        """Pair of coordinates."""
        return Pair(_climb(parts[1]), _climb(parts[3]), _join(_token_span(parts[0]), _token_span(parts[-1])))

    def subscript(self, parts: list[Any]) -> Built:
        """Component of a vector."""
        value, _, index, close = parts
        return self._bracketed("[]", value, (_climb(index),), close)

    def text_range(self, parts: list[Any]) -> Built:
        """Part of a text; an absent first bound is 0, an absent last one is left out."""
        value, _, low, _, high, close = parts
        first = Built(Number(0), 1) if low is None else _climb(low)
        last = () if high is None else (_climb(high),)
        return self._bracketed("[:]", value, (first, *last), close)

    @staticmethod
    def _bracketed(name: str, value: Any, inner: tuple[Built, ...], close: Any) -> Built:
        operand = _operand(value)
        span = _join(operand.node.span, _token_span(close))
        parts = (operand, *inner)
        return _checked(Call(name, tuple(part.node for part in parts), span), _deepest(parts))

    def intervals(self, parts: list[Any]) -> tuple[Bounds, ...]:
        """List of intervals, without the commas."""
        return tuple(part for part in parts if isinstance(part, Bounds))

    def single(self, parts: list[Any]) -> Bounds:
        """One value."""
        return Bounds(parts[0], None, True, True, None, single=True)

    def closed_single(self, parts: list[Any]) -> Bounds:
        """One value in square brackets."""
        span = _join(_token_span(parts[0]), _token_span(parts[2]))
        return Bounds(parts[1], None, True, True, span, single=True)

    def bare(self, parts: list[Any]) -> Bounds:
        """Bounds without brackets: closed."""
        low, _, high = parts
        return Bounds(low, high, True, True, None if low or high else _token_span(parts[1]))

    def bracketed(self, parts: list[Any]) -> Bounds:
        """Bounds in brackets; the side of an absent bound counts as closed."""
        opening, low, _, high, close = parts
        span = _join(_token_span(opening), _token_span(close))
        return Bounds(low, high, low is None or opening == "[", high is None or close == "]", span)


def _interval(bounds: Bounds) -> tuple[Interval, tuple[Built, ...]]:
    low = None if bounds.low is None else _climb(bounds.low)
    high = low if bounds.single else None if bounds.high is None else _climb(bounds.high)
    used = tuple(part for part in (low, high) if part is not None)
    span = bounds.span or _join(used[0].node.span, used[-1].node.span)
    low_node, high_node = (None if part is None else part.node for part in (low, high))
    return Interval(low_node, high_node, bounds.low_closed, bounds.high_closed, span), used


def _climb(chain: list[Any]) -> Built:
    """Group a flat chain by the levels of its operators (precedence climbing)."""
    return _Climber(chain).climb()


class _Climber:
    """Walks once over a flat chain of operands, prefixes and operators."""

    def __init__(self, chain: list[Any]) -> None:
        self.chain = chain
        self.at = 0

    def climb(self) -> Built:
        return self.level(1, 1)

    def level(self, loosest: int, depth: int) -> Built:
        """Expression of operators that bind at least as tightly as `loosest`."""
        if depth > MAX_DEPTH:
            raise Fault(f"the expression is nested more than {MAX_DEPTH} levels deep", self.span_here())
        left = self.operand(depth)
        after_in = self.chain[self.at - 1] if self.at else None
        left_op = "in" if isinstance(after_in, tuple) else ""
        while self.at < len(self.chain):
            operator: Operator = self.chain[self.at]
            name = self.meaning(operator)
            level = LEVELS[name]
            if level < loosest:
                break
            _refuse_ranking(left_op, name, operator)
            self.at += 1
            if name == "in":
                left = _inside(left, self.chain[self.at])
                self.at += 1
            else:
                right = self.level(level if name in RIGHT_ASSOCIATIVE else level + 1, depth + 1)
                span = _join(left.node.span, right.node.span)
                left = _checked(Binary(name, left.node, right.node, span), max(left.depth, right.depth + 1))
            left_op = name
        return left

    def meaning(self, operator: Operator) -> str:
        """Operator, a lone ``&`` or ``|`` being logical after an interval list and before a negation."""
        if operator.name not in {"&", "|"}:
            return operator.name
        following = self.chain[self.at + 1]
        after_in = isinstance(self.chain[self.at - 1], tuple)
        before_not = isinstance(following, Prefix) and following.name == "!"
        return operator.name * 2 if after_in or before_not else operator.name

    def operand(self, depth: int) -> Built:
        """Operand with its prefixes, which bind looser than ``**`` only."""
        prefixes: list[Prefix] = []
        while isinstance(self.chain[self.at], Prefix):
            prefixes.append(self.chain[self.at])
            self.at += 1
        item = self.chain[self.at]
        if isinstance(item, Pair):
            self.at += 1
            built = self.pair(item)
        elif prefixes:
            built = self.level(UNARY_LEVEL + 1, depth + 1)
        else:
            self.at += 1
            built = _operand(item)
        for prefix in reversed(prefixes):
            span = _join(prefix.span, built.node.span)
            built = _checked(Unary(prefix.name, built.node, span), built.depth + 1)
        return built

    def pair(self, item: Pair) -> Built:
        """``(x, y) in filter``."""
        more = self.chain[self.at : self.at + 2]
        if len(more) < 2 or more[0].name != "in":
            raise Fault("a pair (x, y) stands only before in and a region", item.span)
        self.at += 2
        called = _called_target(more[1])
        if called is None:
            raise Fault("a pair (x, y) must be in a region, a mask or a region file", more[0].span)
        span = _join(item.span, called.span)
        return _finish(replace(called, arguments=(*called.arguments, item.x, item.y), span=span))

    def span_here(self) -> Span:
        item = self.chain[min(self.at, len(self.chain) - 1)]
        return item.node.span if isinstance(item, Built) else item.span


def _refuse_ranking(left_op: str, op: str, operator: Operator) -> None:
    """Refuse ``a < b < c`` and ``a == b == c``, which nobody means."""
    if left_op and LEVELS[left_op] == LEVELS[op] and LEVELS[op] in {3, 4}:
        hint = "; & and | bind tighter than comparisons: write && or ||, or put parentheses"
        raise Fault(f"two comparisons cannot follow one another ({left_op} and {op}){hint}", operator.span)


def _called_target(target: tuple[Bounds, ...]) -> Called | None:
    """Filter or function that follows ``in``, if that is all that follows."""
    if len(target) == 1 and target[0].single and target[0].span is None:
        chain = target[0].low
        if chain is not None and len(chain) == 1 and isinstance(chain[0], Called):
            return chain[0]
    return None


def _inside(value: Built, target: tuple[Bounds, ...]) -> Built:
    """``value in gti(...)``, ``vector in cone(...)`` or ``value in intervals``."""
    called = _called_target(target)
    if called is not None and called.name in {"gti", "cone"}:
        span = _join(value.node.span, called.span)
        return _finish(replace(called, arguments=(*called.arguments, value), span=span))
    if called is not None and (called.block is not None or canonical_shape(called.name)):
        raise Fault(f"a pair (x, y) must stand before in {called.name}", value.node.span)
    finished = [_interval(bounds) for bounds in target]
    nodes = tuple(node for node, _ in finished)
    used = (value, *(part for _, parts in finished for part in parts))
    return _checked(In(value.node, nodes, _join(value.node.span, nodes[-1].span)), _deepest(used))


def _operand(item: Any) -> Built:
    if isinstance(item, Pair):
        raise Fault("a pair (x, y) stands only before in and a region", item.span)
    if isinstance(item, Called):
        return _finish(item)
    built: Built = item
    return built


def _finish(called: Called) -> Built:
    """Turn a name with its arguments into a node."""
    if called.block is not None:
        return _finish_filter(called, called.block)
    nodes = tuple(part.node for part in called.arguments)
    shape = canonical_shape(called.name)
    if shape is None:
        return _checked(Call(called.name, nodes, called.span), _deepest(called.arguments))
    complaint = check_count(shape, len(nodes) - 2)
    if complaint:
        raise Fault(complaint, called.span)
    return _checked(Region(shape, nodes[:-2], (nodes[-2], nodes[-1]), called.span), _deepest(called.arguments))


def _finish_filter(called: Called, block: str) -> Built:
    nodes = tuple(part.node for part in called.arguments)
    node: Node
    match called.name, nodes:
        case "gti", ():
            node = GtiFilter(block, None, called.span)
        case "gti", (column,):
            node = GtiFilter(block, column, called.span)
        case "mask", (x_offset, y_offset, x, y):
            node = MaskFilter(block, x_offset, y_offset, x, y, called.span)
        case "image", (x, y):
            node = MaskFilter(block, Number(0, called.span), Number(0, called.span), x, y, called.span)
        case "region", ():
            node = RegionFilter(block, None, None, called.span)
        case "region", (x, y):
            node = RegionFilter(block, x, y, called.span)
        case _:
            forms = {
                "gti": "gti(block) or gti(block, TIME)",
                "mask": "mask(block, xoffset, yoffset, X, Y)",
                "image": "(X, Y) in image(block)",
                "region": "region(block) or region(block, X, Y)",
            }
            raise Fault(f"this filter is written {forms[called.name]}", called.span)
    return _checked(node, _deepest(called.arguments))
