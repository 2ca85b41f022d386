"""The one error of the selection language: what is wrong, and where in the expression."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Characters of the expression shown on either side of the place of an error.
SHOWN_AROUND = 60


class Span(NamedTuple):
    """Half-open range of character offsets in an expression."""

    start: int
    end: int


class SelectionError(ValueError):
    """An expression that cannot be understood or evaluated.

    Parameters
    ----------
    message : str
        What is wrong, without the place.
    text : str
        The expression as the user wrote it.
    span : Span
        The characters of `text` that are at fault.

    Notes
    -----
    ``str(error)`` is the message, the part of the expression around the fault and a line of carets under it.
    """

    def __init__(self, message: str, text: str, span: Span) -> None:
        super().__init__(message, text, span)
        self.message = message
        self.text = text
        self.span = span

    def __str__(self) -> str:
        start = min(max(self.span.start, 0), len(self.text))
        end = min(max(self.span.end, start + 1), max(len(self.text), start + 1))
        first = max(0, start - SHOWN_AROUND)
        last = min(len(self.text), start + SHOWN_AROUND)
        shown = "".join(c if c.isprintable() else " " for c in self.text[first:last])
        before = "..." if first > 0 else ""
        after = "..." if last < len(self.text) else ""
        carets = "^" * max(1, min(end, max(last, start + 1)) - start)
        return f"{self.message}\n  {before}{shown}{after}\n  {' ' * (len(before) + start - first)}{carets}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Phrase that names the known words nearest to an unknown one, empty if none is near.

    Parameters
    ----------
    name : str
        The word that was not found.
    known : iterable of str
        The words that exist.

    Returns
    -------
    str
        For instance ``'; did you mean PATTERN?'``.
    """
    by_folded = {word.casefold(): word for word in known}
    found = get_close_matches(name.casefold(), list(by_folded), n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(by_folded[word] for word in found)}?" if found else ""
