"""Compiles a syntax tree into a function of the rows of a table.

The tree is typed once; what comes out is a tree of closures over numpy that reads the columns it needs, in
their own types, chunk by chunk. Terms of ``&&`` and ``||`` are taken from left to right; a costly term is
computed only for the rows that are not decided yet, if those are few.
"""

from __future__ import annotations

from collections import UserDict
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from xmmpy.selection import arithmetic, functions, texts, vectors
from xmmpy.selection.comparing import compare, within
from xmmpy.selection.errors import SelectionError, nearest
from xmmpy.selection.filters import gti_value, mask_value, region_table_value, region_value
from xmmpy.selection.literals import SYMBOLIC_CONSTANTS
from xmmpy.selection.operators import BITWISE, COMPARISONS, LOGICAL
from xmmpy.selection.syntax import (
    Attribute,
    Binary,
    Boolean,
    Call,
    Column,
    GtiFilter,
    In,
    MaskFilter,
    Number,
    Region,
    RegionFilter,
    RowNumber,
    Text,
    Unary,
    check_height,
    left_spine,
    operands,
)
from xmmpy.selection.values import (
    Rows,
    TypeFault,
    Value,
    as_condition,
    folded,
    number_value,
    text_value,
    truth_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from xmmpy.selection.blocks import BlockFiles
    from xmmpy.selection.errors import Span
    from xmmpy.selection.schema import TableSchema
    from xmmpy.selection.syntax import Expression, Node
    from xmmpy.selection.values import Columns

#: Share of undecided rows below which a costly term is computed for those rows only.
_FEW = 0.25
#: The word for the rows of the previous selection, where the table has no such column.
_SELECTED = "SELECTED"
_LARGEST_ROW = 2**53


class Selection:
    """A compiled condition.

    Attributes
    ----------
    columns : tuple of str
        The columns that it may read, as the table spells them; none if the outcome is constant.
    constant : bool or None
        The outcome, if it is the same for all rows.
    """

    __slots__ = ("_condition", "columns", "constant")

    def __init__(self, condition: Value, columns: tuple[str, ...]) -> None:
        self._condition = condition
        self.columns = columns
        self.constant: bool | None = condition.constant

    def __call__(self, chunk: Columns, first_row: int = 0, count: int | None = None) -> NDArray[np.bool_]:
        """Which rows of a chunk are selected.

        Parameters
        ----------
        chunk : mapping of str to numpy.ndarray
            Columns of the chunk in native byte order, shape (n,); only those needed are asked for.
        first_row : int
            Number of table rows before the chunk.
        count : int, optional
            Rows in the chunk; by default the length of one of its columns, which needs a mapping where no column
            is read.

        Returns
        -------
        numpy.ndarray
            Boolean array of shape (n,), the caller's to keep.
        """
        if count is None:
            name = self.columns[0] if self.columns else next(iter(cast("Mapping[str, NDArray[Any]]", chunk)))
            count = len(chunk[name])
        with np.errstate(all="ignore"):
            result = np.asarray(self._condition.run(Rows(chunk, first_row, count)))
        if result.shape != (count,):
            return np.full(count, bool(result), dtype=np.bool_)
        return result if self._condition.owned else result.copy()


def compile_selection(expression: Expression, schema: TableSchema, files: BlockFiles | None = None) -> Selection:
    """Compile an expression for the rows of a table.

    Parameters
    ----------
    expression : Expression
        Parsed expression, its attributes resolved (`resolve`).
    schema : TableSchema
        The columns of the table.
    files : BlockFiles, optional
        Gives the blocks that file-based filters name; each block is asked for once, now.

    Returns
    -------
    Selection
        Function of the chunks of the table.

    Raises
    ------
    SelectionError
        If a column or function does not exist, an operand has the wrong type, or an attribute is unknown.

    Notes
    -----
    Numbers are compared and computed exactly: whole numbers as such, ``/`` always as a 64-bit float. Division
    and remainder by zero give NaN. Comparisons with NaN are false, ``!=`` is true. Null values of whole
    numbers are plain values to every operator; ``isnull`` finds them.
    """
    check_height(expression.root, expression.text)
    compiler = _Compiler(expression.text, schema, files)
    try:
        condition = as_condition(compiler.visit(expression.root))
    except TypeFault as fault:
        raise SelectionError(fault.message, expression.text, fault.span) from None
    return Selection(condition, _columns_read(condition, schema))


class _Compiler:
    """One compilation: the table, and the files read so far."""

    def __init__(self, text: str, schema: TableSchema, files: BlockFiles | None) -> None:
        self.text = text
        self.schema = schema
        self.files = files
        self.blocks: dict[tuple[str, str], Any] = {}

    def visit(self, node: Node) -> Value:
        """Typed value of a node."""
        match node:
            case Number():
                return number_value(node.value, node.span)
            case Text():
                return text_value(node.value, node.span)
            case Boolean():
                return truth_value(node.value, node.span)
            case Column():
                return self.column(node.name, node.span)
            case Attribute():
                return self.attribute(node)
            case RowNumber():
                return Value(
                    "int",
                    Rows.numbers,
                    node.span,
                    dtype=np.dtype(np.int64),
                    low=1,
                    high=_LARGEST_ROW,
                    costly=True,
                )
            case Unary():
                return self.unary(node)
            case Binary():
                return self.logical(node) if node.op in LOGICAL else self.binary(node)
            case In():
                return self.inside(node)
            case Call():
                return self.call(node)
            case _:
                return self.filter(node)

    def column(self, name: str, span: Span) -> Value:
        """Values of a column."""
        known = self.schema.find(name)
        if known is None:
            if name.upper() == _SELECTED:
                return truth_value(True, span)
            message = f"the table has no column {name}{nearest(name, self.schema.columns)}"
            raise SelectionError(message, self.text, span)
        dtype = np.dtype(self.schema.columns[known])
        if dtype.shape:
            raise SelectionError(f"the column {known} holds arrays, which cannot be selected on", self.text, span)
        return _column_value(known, dtype, span)

    def attribute(self, node: Attribute) -> Value:
        """Symbolic constant; anything else should have been resolved."""
        constant = SYMBOLIC_CONSTANTS.get(node.name.upper())
        if constant is None:
            hint = nearest(node.name, [*SYMBOLIC_CONSTANTS, "ROW"])
            raise SelectionError(f"the table has no attribute {node.name}{hint}", self.text, node.span)
        return number_value(constant, node.span)

    def unary(self, node: Unary) -> Value:
        """Signed, negated or complemented operand."""
        operand = self.visit(node.operand)
        if node.op == "~":
            return arithmetic.complement(operand, node.span)
        if node.op != "!":
            if operand.kind == "vector":
                return vectors.negative(operand, node.span) if node.op == "-" else operand
            return arithmetic.sign(node.op, operand, node.span)
        condition = as_condition(operand)
        run = condition.run
        value = Value("bool", lambda rows: np.logical_not(run(rows)), node.span, costly=condition.costly)
        return folded(value, condition)

    def logical(self, node: Binary) -> Value:
        """Chain of ``&&`` or ``||``."""
        terms = [as_condition(self.visit(term)) for term in operands(node, node.op)]
        return _chain(node.op, terms, node.span)

    def binary(self, node: Binary) -> Value:
        """Chain of other operators, folded from the left without recursion."""
        first, steps = left_spine(node)
        at = next((i for i in range(len(steps) - 1, -1, -1) if steps[i].op in LOGICAL), -1)
        left = self.visit(steps[at] if at >= 0 else first)
        for step in steps[at + 1 :]:
            left = _operation(step.op, left, self.visit(step.right), step.span)
        return left

    def inside(self, node: In) -> Value:
        """``value in intervals``."""
        value = self.visit(node.value)
        bounds: list[tuple[Value | None, Value | None, bool, bool]] = []
        for interval in node.intervals:
            low = None if interval.low is None else self.visit(interval.low)
            single = interval.low is not None and interval.low == interval.high
            high = low if single else None if interval.high is None else self.visit(interval.high)
            if single and not (interval.low_closed and interval.high_closed):
                continue
            bounds.append((low, high, interval.low_closed, interval.high_closed))
        return within(value, bounds, node.span)

    def call(self, node: Call) -> Value:
        """Function."""
        if node.name not in {*functions.FUNCTION_NAMES, "[]", "[:]"}:
            hint = nearest(node.name, functions.FUNCTION_NAMES)
            raise SelectionError(f"there is no function {node.name}{hint}", self.text, node.span)
        arguments = [self.visit(argument) for argument in node.arguments]
        if node.name == "isnull":
            if len(arguments) != 1:
                raise TypeFault(f"isnull takes 1 argument, not {len(arguments)}", node.span)
            argument = node.arguments[0]
            known = self.schema.find(argument.name) if isinstance(argument, Column) else None
            return functions.is_null(arguments[0], self.schema.nulls.get(known or ""), node.span)
        return functions.call(node.name, arguments, node.span)

    def filter(self, node: Region | GtiFilter | MaskFilter | RegionFilter) -> Value:
        """Region, or filter that reads a block."""
        match node:
            case Region():
                return self.region(node)
            case GtiFilter():
                times = self.block("gti", node.block, node.span)
                time = self.column("TIME", node.span) if node.column is None else self.visit(node.column)
                return gti_value(times, time, node.span)
            case MaskFilter():
                image = self.block("mask", node.block, node.span)
                parts = [self.visit(part) for part in (node.x, node.y, node.x_offset, node.y_offset)]
                return mask_value(image, parts, node.span)
            case RegionFilter():
                table = self.block("region", node.block, node.span)
                if node.x is not None and node.y is not None:
                    x, y = self.visit(node.x), self.visit(node.y)
                elif table.columns is not None:
                    x, y = (self.column(name, node.span) for name in table.columns)
                else:
                    message = f"the region table {node.block} names no columns (MFORM1); write region(block, X, Y)"
                    raise SelectionError(message, self.text, node.span)
                return region_table_value(table, x, y, node.span)

    def region(self, node: Region) -> Value:
        """Figure on two columns, or on the sky."""
        parameters = [self.visit(parameter) for parameter in node.parameters]
        names = tuple(part.name if isinstance(part, Column) else "" for part in node.columns)
        on_sky = tuple(name.upper() for name in names) == ("RA", "DEC") and not all(map(self.schema.find, names))
        frame = self.schema.celestial
        if on_sky and frame is not None:
            x = self.column(frame.x_column, node.columns[0].span)
            y = self.column(frame.y_column, node.columns[1].span)
            return region_value(node.shape, parameters, x, y, node.span, frame)
        x, y = (self.visit(column) for column in node.columns)
        return region_value(node.shape, parameters, x, y, node.span, None)

    def block(self, kind: str, block: str, span: Span) -> Any:
        """Content of a block, read once."""
        if self.files is None:
            raise SelectionError(f"files cannot be used here, but {kind}({block}) names one", self.text, span)
        if (kind, block) not in self.blocks:
            self.blocks[kind, block] = getattr(self.files, kind)(block)
        return self.blocks[kind, block]


def _columns_read(condition: Value, schema: TableSchema) -> tuple[str, ...]:
    """Columns that a condition reads, found by letting it read a chunk without rows."""
    read: dict[str, None] = {}

    class Watched(UserDict[str, Any]):
        def __missing__(self, name: str) -> Any:
            read[name] = None
            return np.empty(0, dtype=schema.columns[name])

    with np.errstate(all="ignore"):
        condition.run(Rows(Watched(), 0, 0))
    return tuple(read)


def _column_value(name: str, dtype: np.dtype[Any], span: Span) -> Value:
    def read(rows: Rows) -> Any:
        return rows.column(name)

    match dtype.kind:
        case "b":
            return Value("bool", read, span, owned=False, is_column=True)
        case "u" if dtype.itemsize == 8:
            return Value("float", lambda rows: rows.column(name).astype(np.float64), span, whole=True, is_column=True)
        case "i" | "u":
            info = np.iinfo(dtype)
            return Value(
                "int",
                read,
                span,
                dtype=dtype,
                low=int(info.min),
                high=int(info.max),
                owned=False,
                is_column=True,
            )
        case "f":
            return Value("float", read, span, dtype=dtype, owned=False, is_column=True)
        case "S" | "U":
            return Value("text", lambda rows: texts.read_text(rows.column(name)), span, costly=True, is_column=True)
        case _:
            raise TypeFault(f"the column {name} is of a type that cannot be selected on", span)


def _operation(op: str, left: Value, right: Value, span: Span) -> Value:
    """``left op right`` for all operators but ``&&`` and ``||``."""
    if op in COMPARISONS:
        return compare(op, left, right, span)
    if op in BITWISE:
        if op in {"&", "|"} and left.kind == right.kind == "bool":
            return _chain(op * 2, [left, right], span)
        return arithmetic.bits(op, left, right, span)
    if "vector" in {left.kind, right.kind}:
        return vectors.algebra(op, left, right, span)
    if op == "+" and left.kind == right.kind == "text":
        return texts.concatenate(left, right, span)
    return arithmetic.arithmetic(op, left, right, span)


def _chain(op: str, terms: list[Value], span: Span) -> Value:
    """Conjunction or disjunction of conditions."""
    deciding = op == "||"
    if any(term.constant is deciding for term in terms):
        return truth_value(deciding, span)
    undecided = [term for term in terms if term.constant is None]
    if not undecided:
        return truth_value(not deciding, span)
    if len(undecided) == 1:
        return undecided[0]
    first, rest = undecided[0], undecided[1:]
    merge = cast("Callable[..., Any]", np.logical_or if deciding else np.logical_and)

    def run(rows: Rows) -> Any:
        start = np.asarray(first.run(rows))
        owned = first.owned and start.shape == (rows.count,)
        result = start if owned else np.array(np.broadcast_to(start, (rows.count,)))
        for term in rest:
            if term.costly:
                held = int(np.count_nonzero(result))
                left = rows.count - held if deciding else held
                if left == 0 and rows.count:
                    break
                if left < _FEW * rows.count:
                    index = np.flatnonzero(~result if deciding else result)
                    result[index] = term.run(rows.take(index))
                    continue
            merge(result, term.run(rows), out=result)
        return result

    return Value("bool", run, span, costly=any(term.costly for term in undecided))
