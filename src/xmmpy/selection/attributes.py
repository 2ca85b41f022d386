"""Replaces ``#ATTR`` by the header keywords of the table.

A keyword that holds a text stands for the expression in it (``#XMMEA_EM``), which may refer to further
keywords. Source: selectlib documentation, "Identifiers" and the page on table attributes in expressions.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, cast

from xmmpy.selection.errors import SelectionError, Span, nearest
from xmmpy.selection.literals import SYMBOLIC_CONSTANTS, quoted
from xmmpy.selection.operators import COMPARISONS
from xmmpy.selection.parser import parse
from xmmpy.selection.syntax import (
    MAX_LENGTH,
    Attribute,
    Binary,
    Boolean,
    Column,
    Expression,
    Interval,
    Number,
    Text,
    Unary,
    check_depth,
    children,
    left_spine,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xmmpy.selection.syntax import Node

    AttributeValue = bool | int | float | str

#: Keywords that refer to keywords: how far this is followed.
MAX_REFERENCES = 20


@dataclass(slots=True)
class _Budget:
    """How much may still be put in, over the whole expression: characters, and keywords with a text."""

    characters: int = MAX_LENGTH
    references: int = 1000


def resolve(expression: Expression, attributes: Mapping[str, Any]) -> Expression:
    """Replace every ``#ATTR`` by what it stands for.

    Parameters
    ----------
    expression : Expression
        Parsed expression.
    attributes : mapping of str to bool, int, float or str
        Keywords of the table's header; names are looked up in any case. The symbolic constants (#PI, #E,
        #RAD, #DEG, #ARCSEC, #ARCMIN) come before keywords of the same name.

    Returns
    -------
    Expression
        Without attributes. The value of a keyword that holds an expression counts as if in parentheses; one
        that is compared with a text and is no expression is that text.

    Raises
    ------
    SelectionError
        If there is no such keyword, its value is no expression, or the keywords refer to each other without
        end.
    """
    resolver = _Resolver(attributes, expression.text, _Budget())
    root = resolver.visit(expression.root, 0)
    check_depth(root, expression.text)
    return Expression(root, expression.text)


def expand_text(text: str, attributes: Mapping[str, Any]) -> str:
    """Replace every ``#ATTR`` of an expression in its text, as SAS writes it into the keyword SLCTEXPR.

    Parameters
    ----------
    text : str
        Expression.
    attributes : mapping of str to bool, int, float or str
        Keywords of the table's header.

    Returns
    -------
    str
        ``#XMMEA_EM && (PATTERN<=12)`` gives ``(FLAG & 0x766ba000) == 0 && (PATTERN<=12)``. A value is put in
        parentheses only where the text would otherwise mean something else. Symbolic constants stay.

    Raises
    ------
    SelectionError
        As `parse` and `resolve` do.
    """
    expression = parse(text)
    if "#" not in text:
        return text
    wanted = resolve(expression, attributes).root
    expanded = text
    for enclosed in (False, True):
        expanded = _expand(expression, attributes, enclosed=enclosed, level=0)
        try:
            if resolve(parse(expanded), {}).root == wanted:
                return expanded
        except SelectionError:
            continue
    return expanded


def _expand(expression: Expression, attributes: Mapping[str, Any], *, enclosed: bool, level: int) -> str:
    found: list[tuple[Attribute, bool]] = []
    pending: list[tuple[Node, bool]] = [(expression.root, False)]
    while pending:
        node, beside_text = pending.pop()
        if isinstance(node, Attribute):
            found.append((node, beside_text))
        elif isinstance(node, Binary):
            pending += (
                (node.left, _beside_text(node, node.right)),
                (node.right, _beside_text(node, node.left)),
            )
        else:
            pending += ((child, False) for child in children(node))
    text = expression.text
    for node, beside_text in sorted(found, key=lambda item: -item[0].span.start):
        if node.name.upper() in SYMBOLIC_CONSTANTS:
            continue
        value = _look_up(node, attributes, expression.text)
        written = _written(value)
        if isinstance(value, str):
            if beside_text and _as_expression(value) is None:
                written = quoted(value)
            elif level < MAX_REFERENCES and "#" in value:
                written = _expand(parse(value), attributes, enclosed=enclosed, level=level + 1)
            written = f"({written})" if enclosed else written
        text = text[: node.span.start] + written + text[node.span.end :]
    return text


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def _look_up(node: Attribute, attributes: Mapping[str, Any], text: str) -> AttributeValue:
    value: Any = attributes.get(node.name)
    if value is None:
        folded = node.name.casefold()
        value = next((attributes[name] for name in attributes if name.casefold() == folded), None)
    if value is None:
        known = [*SYMBOLIC_CONSTANTS, "ROW", *attributes]
        message = f"the table has no attribute {node.name}{nearest(node.name, known)}"
        raise SelectionError(message, text, node.span)
    if isinstance(value, bool | int | float | str):
        return value.strip() if isinstance(value, str) else value
    if hasattr(value, "item"):
        return cast("AttributeValue", value.item())
    raise SelectionError(f"the attribute {node.name} holds neither a number nor a text", text, node.span)


def _as_expression(value: str) -> Node | None:
    """Tree of a value, or None if it is no expression or only a word."""
    try:
        root = parse(value).root
    except SelectionError:
        return None
    return None if isinstance(root, Column) else root


def _beside_text(node: Binary, other: Node) -> bool:
    return node.op in {*COMPARISONS, "+"} and isinstance(other, Text)


@dataclass(frozen=True, slots=True)
class _Resolver:
    """Copies a tree with the attributes replaced."""

    attributes: Mapping[str, Any]
    text: str
    budget: _Budget

    def visit(self, node: Node, level: int, *, beside_text: bool = False) -> Node:
        """Tree without attributes."""
        match node:
            case Attribute():
                return self.attribute(node, level, beside_text=beside_text)
            case Binary():
                first, steps = left_spine(node)
                left = self.visit(first, level, beside_text=_beside_text(steps[0], steps[0].right))
                for step in steps:
                    right = self.visit(step.right, level, beside_text=_beside_text(step, step.left))
                    left = Binary(step.op, left, right, step.span)
                return left
            case _:
                return cast("Node", self.copy(node, level))

    def copy(self, node: Node | Interval, level: int) -> Node | Interval:
        """Node with the nodes below it visited."""
        changes: dict[str, Any] = {}
        for part in fields(node):
            value = getattr(node, part.name)
            if isinstance(value, tuple) and part.name != "span":
                changes[part.name] = tuple(self.below(item, level) for item in value)
            elif hasattr(value, "__dataclass_fields__"):
                changes[part.name] = self.below(value, level)
        return replace(node, **changes) if changes else node

    def below(self, item: Any, level: int) -> Any:
        """Part of a node: another node or an interval."""
        return self.copy(item, level) if isinstance(item, Interval) else self.visit(item, level)

    def attribute(self, node: Attribute, level: int, *, beside_text: bool) -> Node:
        """What an attribute stands for, at its place."""
        constant = SYMBOLIC_CONSTANTS.get(node.name.upper())
        if constant is not None:
            return Number(constant, node.span)
        value = _look_up(node, self.attributes, self.text)
        if isinstance(value, bool):
            return Boolean(value, node.span)
        if isinstance(value, int | float):
            size = Number(abs(value), node.span)
            return Unary("-", size, node.span) if value < 0 else size
        return self.expression(node, value, level, beside_text=beside_text)

    def expression(self, node: Attribute, value: str, level: int, *, beside_text: bool) -> Node:
        """Tree of a keyword that holds a text."""
        self.budget.characters -= len(value)
        self.budget.references -= 1
        if level >= MAX_REFERENCES or min(self.budget.characters, self.budget.references) < 0:
            message = f"the attribute {node.name} refers to further attributes without end"
            raise SelectionError(message, self.text, node.span)
        if beside_text and _as_expression(value) is None:
            return Text(value, node.span)
        try:
            root = parse(value).root
        except SelectionError as error:
            message = f"the attribute {node.name} holds {value[:80]!r}, which is no expression: {error.message}"
            raise SelectionError(message, self.text, node.span) from None
        return self.visit(_moved(root, node.span), level + 1)


def _moved(node: Any, span: Span) -> Any:
    """Tree with all its spans at one place: where the attribute stands in the expression."""
    if isinstance(node, Binary):
        first, steps = left_spine(node)
        left = _moved(first, span)
        for step in steps:
            left = Binary(step.op, left, _moved(step.right, span), span)
        return left
    changes: dict[str, Any] = {"span": span}
    for part in fields(node):
        value = getattr(node, part.name)
        if part.name == "span":
            continue
        if isinstance(value, tuple):
            changes[part.name] = tuple(_moved(item, span) for item in value)
        elif hasattr(value, "__dataclass_fields__"):
            changes[part.name] = _moved(value, span)
    return replace(node, **changes)
