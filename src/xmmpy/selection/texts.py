"""Character strings: columns of text, concatenation, parts, case and length.

Texts are compared in lexicographical order; blanks at the end of a column's value do not count. Source:
selectlib documentation, "Character string constants, operators and functions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.selection.values import KIND_WORDS, TypeFault, Value, folded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.selection.errors import Span

#: Names of the functions of texts, with how few and how many arguments they take.
ARGUMENTS = {"upper": (1, 1), "lower": (1, 1), "strlen": (1, 1), "ascii": (1, 1), "[:]": (2, 3)}
_LONGEST = 100_000


def read_text(values: NDArray[Any]) -> NDArray[np.str_]:
    """Values of a text column as character strings without the blanks at their end."""
    decoded = np.char.decode(values, "latin-1") if values.dtype.kind == "S" else values
    return np.char.rstrip(decoded)


def concatenate(left: Value, right: Value, span: Span) -> Value:
    """``left + right``."""
    a, b = left.run, right.run
    return folded(Value("text", lambda rows: np.char.add(a(rows), b(rows)), span, costly=True), left, right)


def call(name: str, arguments: list[Value], span: Span) -> Value:
    """Value of a function of a text.

    Raises
    ------
    TypeFault
        If the types of the arguments are wrong.
    """
    text = arguments[0]
    if text.kind != "text":
        word = "the range [:]" if name == "[:]" else name
        raise TypeFault(f"{word} needs a text, this is {KIND_WORDS[text.kind]}", text.span)
    run = text.run
    match name:
        case "upper" | "lower":
            ufunc: Any = np.char.upper if name == "upper" else np.char.lower
            value = Value("text", lambda rows: ufunc(run(rows)), span, costly=True)
        case "strlen":
            value = _number(lambda rows: np.char.str_len(run(rows)), _LONGEST, span)
        case "ascii":
            value = _number(lambda rows: _first_character(np.asarray(run(rows))), 0x10FFFF, span)
        case _:
            first, last = (_place(part) for part in (*arguments[1:], None)[:2])
            stop = None if last is None else last + 1
            value = Value("text", lambda rows: _part(np.asarray(run(rows)), first or 0, stop), span, costly=True)
    return folded(value, text)


def _number(run: Any, high: int, span: Span) -> Value:
    return Value("int", lambda rows: run(rows).astype(np.int64), span, dtype=np.dtype(np.int64), high=high, costly=True)


def _place(part: Value | None) -> int | None:
    """Constant index of a character, or None for an absent one."""
    if part is None:
        return None
    if part.kind != "int" or part.constant is None or part.constant < 0:
        raise TypeFault("the places in a text range are constant whole numbers from 0", part.span)
    return min(int(part.constant), _LONGEST)


def _characters(text: NDArray[Any]) -> NDArray[np.uint32]:
    """Codes of the characters, shape (n, length); 0 after the end of a text."""
    whole = np.ascontiguousarray(np.atleast_1d(text))
    width = max(whole.dtype.itemsize // 4, 1)
    return whole.astype(f"U{width}").view(np.uint32).reshape(len(whole), width)


def _part(text: NDArray[Any], first: int, stop: int | None) -> NDArray[np.str_]:
    codes = np.ascontiguousarray(_characters(text)[:, first:stop])
    if codes.shape[1] == 0:
        return np.full(len(codes), "", dtype="U1")
    part: NDArray[np.str_] = codes.view(f"U{codes.shape[1]}").reshape(len(codes))
    return part


def _first_character(text: NDArray[Any]) -> NDArray[np.uint32]:
    return _characters(text)[:, 0]
