"""From the text of an expression to its tree."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xmmpy.selection.errors import SelectionError, Span
from xmmpy.selection.syntax import MAX_LENGTH, Expression

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Names of tokens in words, for the message about what was expected.
_TOKEN_WORDS = {
    "RPAR": "')'", "LPAR": "'('", "RSQB": "']'", "LSQB": "'['", "COLON": "':'", "COMMA": "','", "ARG_COMMA":
    "','", "NUMBER": "a number", "NAME": "a name", "IN": "'in'", "BLOCK": "a file name", "$END": "the end",
}  # fmt: skip
_LONGEST_LIST = 4


class _CommaSorter:
    """Tell the commas between arguments from those in interval lists and points.

    A comma directly inside the parentheses of a function separates arguments, unless what follows can only be
    an interval (``[`` or ``:``). Any other comma belongs to an interval list or to a point ``(X, Y)``.
    """

    always_accept = ("COMMA", "COMMA_TO_INTERVAL")

    def process(self, stream: Iterator[Any]) -> Iterator[Any]:
        """Pass the tokens on, renaming the commas."""
        opened: list[bool] = []
        previous = ""
        for token in stream:
            kind = token.type
            if kind == "FILE_OPEN":
                opened.append(True)
            elif kind in {"LPAR", "LSQB"}:
                opened.append(kind == "LPAR" and previous == "NAME")
            elif kind in {"RPAR", "RSQB"} and opened:
                opened.pop()
            elif kind == "COMMA" and opened and opened[-1]:
                token.type = "ARG_COMMA"
            elif kind == "COMMA_TO_INTERVAL":
                token.type = "COMMA"
            previous = kind
            yield token


@cache
def _grammar() -> Any:
    """The parser, made on first use (a constant of the program: the grammar does not change).

    Its tables come ready-made in `grammar_tables`, which takes a tenth of the time of making them; with another
    version of lark than they were made with, they are made anew from grammar.lark.
    """
    import lark

    from xmmpy.selection import grammar_tables
    from xmmpy.selection.build import TreeBuilder

    options: dict[str, Any] = {"postlex": comma_sorter(), "transformer": TreeBuilder()}
    if lark.__version__ == grammar_tables.LARK_VERSION:
        load = lark.Lark._load_from_dict  # noqa: SLF001 - what lark's own standalone parsers call
        return load(grammar_tables.DATA, grammar_tables.MEMO, **options)
    return lark.Lark(grammar_text(), parser="lalr", lexer="contextual", **options)


def comma_sorter() -> Any:
    """What stands between the lexer and the parser."""
    return _CommaSorter()


def grammar_text() -> str:
    """The grammar, as it stands in grammar.lark."""
    return Path(__file__).with_name("grammar.lark").read_text(encoding="ascii")


@lru_cache(maxsize=256)
def parse(text: str) -> Expression:
    """Parse a selection expression.

    Parameters
    ----------
    text : str
        The expression, as given to evselect.

    Returns
    -------
    Expression
        Its tree; ``#ATTR`` references are left as they are (`resolve`).

    Raises
    ------
    SelectionError
        If it is not an expression of the language.

    Notes
    -----
    Grammar: ``grammar.lark``. Meaning: selectlib documentation. An empty expression is an error: the default
    of evselect is ``true``.
    """
    if len(text) > MAX_LENGTH:
        message = f"the expression has {len(text)} characters, more than the {MAX_LENGTH} that are accepted"
        raise SelectionError(message, text, Span(0, 1))
    if not text.strip():
        raise SelectionError("the expression is empty; write true to select everything", text, Span(0, 1))

    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    from xmmpy.selection.build import Fault

    grammar = _grammar()
    try:
        root = grammar.parse(text)
    except Fault as fault:
        raise SelectionError(fault.message, text, fault.span) from None
    except UnexpectedCharacters as error:
        raise _unexpected_character(text, error.pos_in_stream) from None
    except UnexpectedToken as error:
        raise _unexpected_token(text, error) from None
    return Expression(root, text)


def _unexpected_character(text: str, position: int) -> SelectionError:
    character = text[position]
    span = Span(position, position + 1)
    if character == "=":
        return SelectionError("a comparison for equality is written ==", text, span)
    if character in "\"'":
        return SelectionError("a quoted text is not closed, or does not belong here", text, Span(position, len(text)))
    return SelectionError(f"unexpected character {character!r}", text, span)


def _unexpected_token(text: str, error: Any) -> SelectionError:
    token = error.token
    if token.type == "$END":
        return SelectionError("the expression ends too early", text, Span(len(text), len(text) + 1))
    if token.type == "BLOCK":
        return _unexpected_character(text, token.start_pos)
    accepted = sorted({_TOKEN_WORDS[name] for name in error.accepts or error.expected if name in _TOKEN_WORDS})
    hint = f"; expected {' or '.join(accepted)}" if 0 < len(accepted) <= _LONGEST_LIST else ""
    return SelectionError(f"unexpected {str(token)!r}{hint}", text, Span(token.start_pos, token.end_pos))
