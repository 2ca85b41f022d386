"""From a syntax tree back to text that parses to the same tree."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, assert_never

from xmmpy.selection.literals import quoted
from xmmpy.selection.operators import COMPARISONS, LEVELS, RIGHT_ASSOCIATIVE, UNARY_LEVEL
from xmmpy.selection.syntax import (
    Attribute,
    Binary,
    Boolean,
    Call,
    Column,
    Expression,
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
    left_spine,
)

if TYPE_CHECKING:
    from xmmpy.selection.syntax import Node

_TIGHTEST = 99
_LIST_LEVEL = 0
_BARE_BLOCK = re.compile(r"[^\s,()\"']+")


def unparse(node: Node | Expression) -> str:
    """Text of an expression.

    Parameters
    ----------
    node : Node or Expression
        A tree as `parse` makes it.

    Returns
    -------
    str
        ``parse(text).root`` equals the tree, spans aside.
    """
    return _text(node.root if isinstance(node, Expression) else node, 0)


def _text(node: Node, loosest: int) -> str:
    """Text of a node, in parentheses if it binds looser than its place allows."""
    text, level = _write(node)
    return text if level >= loosest else f"({text})"


def _write(node: Node) -> tuple[str, int]:
    """Text of a node and the level of its outermost operator."""
    match node:
        case Number():
            return _number(node.value)
        case Text():
            return quoted(node.value), _TIGHTEST
        case Boolean():
            return ("true" if node.value else "false"), _TIGHTEST
        case Column():
            return node.name, _TIGHTEST
        case Attribute():
            return f"#{node.name}", _TIGHTEST
        case RowNumber():
            return "#ROW", _TIGHTEST
        case Unary():
            return f"{node.op}{_text(node.operand, UNARY_LEVEL)}", UNARY_LEVEL
        case Binary():
            return _binary(node), LEVELS[node.op]
        case In():
            value = _text(node.value, LEVELS["in"] + 1)
            text = f"{value} in {','.join(_interval(interval) for interval in node.intervals)}"
            # The commas of a list could be taken for those of a function around it.
            return text, LEVELS["in"] if len(node.intervals) == 1 else _LIST_LEVEL
        case _:
            return _filter(node), _TIGHTEST


def _filter(node: Call | Region | GtiFilter | MaskFilter | RegionFilter) -> str:
    match node:
        case Call():
            return _call(node)
        case Region():
            return f"{node.shape}({_list((*node.parameters, *node.columns))})"
        case GtiFilter():
            return f"gti({_block(node.block)}{_more(() if node.column is None else (node.column,))})"
        case MaskFilter():
            return f"mask({_block(node.block)}{_more((node.x_offset, node.y_offset, node.x, node.y))})"
        case RegionFilter():
            columns = () if node.x is None or node.y is None else (node.x, node.y)
            return f"region({_block(node.block)}{_more(columns)})"
        case _:
            assert_never(node)


def _number(value: float) -> tuple[str, int]:
    text = "1e999" if isinstance(value, float) and math.isinf(value) else repr(abs(value))
    return (text, _TIGHTEST) if math.copysign(1.0, value) > 0 else (f"-{text}", UNARY_LEVEL)


def _binary(node: Binary) -> str:
    """Text of a chain of operators, built along its left side."""
    first, steps = left_spine(node)
    text, level = _write(first)
    for step in steps:
        own = LEVELS[step.op]
        stands_alone = step.op in COMPARISONS or step.op in RIGHT_ASSOCIATIVE
        if level < own or (level == own and stands_alone):
            text = f"({text})"
        right = own if step.op in RIGHT_ASSOCIATIVE else own + 1
        # The right side of ** may be a signed operand, which binds looser.
        right = UNARY_LEVEL if step.op == "**" else right
        text = f"{text} {step.op} {_text(step.right, right)}"
        level = own
    return text


def _interval(interval: Interval) -> str:
    bound = LEVELS["+"]
    if interval.low is not None and interval.low == interval.high and interval.low_closed and interval.high_closed:
        return f"[{_text(interval.low, bound)}]"
    low = "" if interval.low is None else _text(interval.low, bound)
    high = "" if interval.high is None else _text(interval.high, bound)
    return f"{'[' if interval.low_closed else '('}{low}:{high}{']' if interval.high_closed else ')'}"


def _call(node: Call) -> str:
    if node.name == "[]":
        value, index = node.arguments
        return f"{_text(value, _TIGHTEST)}[{_text(index, LEVELS['+'])}]"
    if node.name == "[:]":
        value, low, *high = node.arguments
        last = _text(high[0], LEVELS["+"]) if high else ""
        return f"{_text(value, _TIGHTEST)}[{_text(low, LEVELS['+'])}:{last}]"
    return f"{node.name}({_list(node.arguments)})"


def _list(nodes: tuple[Node, ...]) -> str:
    return ", ".join(_text(node, _LIST_LEVEL + 1) for node in nodes)


def _more(nodes: tuple[Node, ...]) -> str:
    return f", {_list(nodes)}" if nodes else ""


def _block(block: str) -> str:
    if _BARE_BLOCK.fullmatch(block):
        return block
    return f"'{block}'" if "'" not in block else quoted(block)
