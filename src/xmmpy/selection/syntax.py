"""The syntax tree of a selection expression.

Every node is a frozen dataclass and carries the span of the text it came from. Spans take no part in
comparisons: two trees are equal if they mean the same, wherever they were written.

A chain such as ``a && b && c`` is nested to the left. Chains may be thousands of terms long, so whoever walks
a tree goes down the left side in a loop (`left_spine`, `operands`), and recurses elsewhere: the parser bounds
that depth.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xmmpy.selection.errors import SelectionError, Span

#: Deepest nesting (parentheses, functions, right-hand sides) that is accepted.
MAX_DEPTH = 120
#: Most operators, one inside the other, that are evaluated.
MAX_HEIGHT = 200
#: Longest expression accepted, in characters.
MAX_LENGTH = 200_000

NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Number:
    """Numeric constant; hexadecimal, binary, octal, angle and time constants arrive here as their value."""

    value: int | float
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """Character string constant."""

    value: str
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Boolean:
    """The constant ``true`` or ``false``."""

    value: bool
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Column:
    """Value of a column, named as the user wrote it."""

    name: str
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Attribute:
    """``#NAME``: a symbolic constant or a header keyword of the table (name without the hash mark)."""

    name: str
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class RowNumber:
    """``#ROW``: number of the row in the table, from 1."""

    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """``-x``, ``+x``, ``!x`` or ``~x``."""

    op: str
    operand: Node
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and one of the operators ``+ - * / % ** & | ^ << >> == != < <= > >= && ||``."""

    op: str
    left: Node
    right: Node
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Interval:
    """One interval of an ``in`` list; a bound that is absent is None and counts as closed.

    A single value is the closed interval from that value to itself.
    """

    low: Node | None
    high: Node | None
    low_closed: bool = True
    high_closed: bool = True
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class In:
    """``value in interval, interval, ...``."""

    value: Node
    intervals: tuple[Interval, ...]
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """Function call, name in lower case.

    The names ``[]`` and ``[:]`` stand for the subscript of a vector, ``v[i]``, and of a text,
    ``s[low:high]``.
    """

    name: str
    arguments: tuple[Node, ...]
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Region:
    """Geometric figure, applied to a pair of columns (or other values).

    `shape` is the canonical lower-case name (`xmmpy.selection.shapes`): ``annulus`` also for ``ring``.
    """

    shape: str
    parameters: tuple[Node, ...]
    columns: tuple[Node, Node]
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class GtiFilter:
    """``gti(block, column)``; without a column, TIME."""

    block: str
    column: Node | None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class MaskFilter:
    """``mask(block, x_offset, y_offset, x, y)``."""

    block: str
    x_offset: Node
    y_offset: Node
    x: Node
    y: Node
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class RegionFilter:
    """``region(block, x, y)``; without columns, those that the region table names in MFORM1."""

    block: str
    x: Node | None
    y: Node | None
    span: Span = field(default=NOWHERE, compare=False)


Node = (
    Number
    | Text
    | Boolean
    | Column
    | Attribute
    | RowNumber
    | Unary
    | Binary
    | In
    | Call
    | Region
    | GtiFilter
    | MaskFilter
    | RegionFilter
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: its tree and the text that spans refer to."""

    root: Node
    text: str = field(default="", compare=False)


def children(node: Node) -> tuple[Node, ...]:
    """Nodes directly below a node, in the order in which they are written."""
    match node:
        case Unary():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case In():
            bounds = (bound for i in node.intervals for bound in (i.low, i.high) if bound is not None)
            return (node.value, *bounds)
        case Call():
            return node.arguments
        case Region():
            return (*node.parameters, *node.columns)
        case GtiFilter():
            return () if node.column is None else (node.column,)
        case MaskFilter():
            return (node.x_offset, node.y_offset, node.x, node.y)
        case RegionFilter():
            return tuple(part for part in (node.x, node.y) if part is not None)
        case _:
            return ()


def left_spine(node: Node) -> tuple[Node, list[Binary]]:
    """Follow left operands down to the first node that is not binary.

    Returns
    -------
    first : Node
        The leftmost operand.
    steps : list of Binary
        The binary nodes met, the innermost first: folding their right operands onto `first` gives `node`.
    """
    steps: list[Binary] = []
    while isinstance(node, Binary):
        steps.append(node)
        node = node.left
    steps.reverse()
    return node, steps


def operands(node: Node, op: str) -> list[Node]:
    """Operands of a chain of one associative operator, in order; any other node is its own list."""
    found: list[Node] = []
    pending = [node]
    while pending:
        top = pending.pop()
        if isinstance(top, Binary) and top.op == op:
            pending += (top.right, top.left)
        else:
            found.append(top)
    return found


def depth(node: Node) -> int:
    """Nesting of a tree; the left operands of a chain count as one level."""
    deepest = 0
    pending = [(node, 1)]
    while pending:
        top, level = pending.pop()
        deepest = max(deepest, level)
        if isinstance(top, Binary):
            pending += ((top.left, level), (top.right, level + 1))
        else:
            pending += ((child, level + 1) for child in children(top))
    return deepest


def check_height(node: Node, text: str) -> None:
    """Refuse a tree whose evaluation would nest too deeply.

    Chains of ``&&`` and ``||`` are evaluated in a loop and may have any length; every other operator is one
    more function call inside another.

    Raises
    ------
    SelectionError
        If it is more than `MAX_HEIGHT` high.
    """
    pending: list[tuple[Node, int, str]] = [(node, 1, "")]
    while pending:
        top, level, chain = pending.pop()
        if level > MAX_HEIGHT:
            message = f"the expression has more than {MAX_HEIGHT} operators one inside the other"
            raise SelectionError(message, text, top.span)
        if isinstance(top, Binary) and top.op in {"&&", "||"}:
            below = level if top.op == chain else level + 1
            pending += ((top.left, below, top.op), (top.right, below, top.op))
        else:
            pending += ((child, level + 1, "") for child in children(top))


def check_depth(node: Node, text: str) -> None:
    """Refuse a tree that is nested too deeply to be worked on.

    Raises
    ------
    SelectionError
        If it is nested more than `MAX_DEPTH` deep.
    """
    if depth(node) > MAX_DEPTH:
        message = f"the expression is nested more than {MAX_DEPTH} levels deep"
        raise SelectionError(message, text, Span(0, len(text)))
