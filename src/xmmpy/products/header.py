"""Headers as lists of cards: those that nobody touches are written back byte for byte.

Where a task only adds to a header (a filtered list, an image with the keywords of its list), this keeps the exact
text of SAS's cards, is not stopped by a card that is not standard, and costs no import of astropy, which takes longer
than filtering a million events.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from xmmpy.products.cards import CARD, read_cards

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Value = str | bool | int | float | None
    Entry = tuple[str, Value, str]

BLOCK = 2880
_TEXT_ROOM = 67  # characters of a text that go on one card, with quotes and the mark of continuation
_BARE = ("COMMENT", "HISTORY", "")
_PRINTABLE = re.compile(r"[^\x20-\x7e]")


class Header:
    """Cards of a header without the mandatory END.

    Parameters
    ----------
    entries : iterable of (keyword, value, comment)
        Cards to begin with.
    """

    __slots__ = ("_images", "_keywords")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._keywords: list[str] = []
        self._images: list[bytes] = []
        for entry in entries:
            self.append(*entry)

    @classmethod
    def parse(cls, raw: bytes) -> Header:
        """Take a header from a file apart; continued cards stay with the card that they continue."""
        header = cls()
        for place in range(0, len(raw), CARD):
            image = raw[place : place + CARD].ljust(CARD)
            keyword = image[:8].rstrip().decode("latin-1")
            if keyword == "END":
                break
            if keyword == "CONTINUE" and header._images:
                header._images[-1] += image
            else:
                header._keywords.append(keyword)
                header._images.append(image)
        while header._keywords and not header._images[-1].strip():
            header._keywords.pop()
            header._images.pop()
        return header

    def __len__(self) -> int:
        return len(self._keywords)

    def __contains__(self, keyword: object) -> bool:
        return keyword in self._keywords

    def __iter__(self) -> Iterator[str]:
        return iter(self._keywords)

    def get(self, keyword: str, default: Any = None) -> Any:
        """Value of the first card of that keyword; the default where there is none or it cannot be read."""
        if keyword not in self._keywords:
            return default
        return read_cards(self._images[self._keywords.index(keyword)]).get(keyword, default)

    def comment(self, keyword: str) -> str:
        """Comment of the first card of that keyword; empty where there is none."""
        if keyword not in self._keywords:
            return ""
        image = self._images[self._keywords.index(keyword)].decode("latin-1")
        match = re.match(r".{8}=\s*(?:'(?:[^']|'')*'|[^/']*)\s*/ ?(.*)", image[:CARD])
        return match[1].rstrip() if match and len(image) == CARD else ""

    def append(self, keyword: str, value: Value, comment: str = "") -> None:
        """Add a card at the end."""
        self.insert(len(self), keyword, value, comment)

    def insert(self, place: int, keyword: str, value: Value, comment: str = "") -> None:
        """Add a card before the one at `place`."""
        self._keywords.insert(place, keyword)
        self._images.insert(place, card_image(keyword, value, comment))

    def set(self, keyword: str, value: Value, comment: str | None = None) -> None:
        """Replace the first card of that keyword where it stands, or add one at the end."""
        if keyword not in self._keywords:
            self.append(keyword, value, comment or "")
            return
        place = self._keywords.index(keyword)
        kept = self.comment(keyword) if comment is None else comment
        self._images[place] = card_image(keyword, value, kept)

    def remove(self, belongs: Callable[[str], Any]) -> None:
        """Remove all cards whose keyword the function accepts."""
        kept = [place for place, keyword in enumerate(self._keywords) if not belongs(keyword)]
        self._keywords = [self._keywords[place] for place in kept]
        self._images = [self._images[place] for place in kept]

    def replace(self, belongs: Callable[[str], Any], entries: Sequence[Entry], otherwise: int) -> None:
        """Put entries where the first card of their kind stands, in place of all of them.

        Parameters
        ----------
        belongs : callable
            Tells from a keyword whether its card is of the kind.
        entries : sequence of (keyword, value, comment)
            The new cards.
        otherwise : int
            Where they go when there is no card of the kind.
        """
        place = next((place for place, keyword in enumerate(self._keywords) if belongs(keyword)), otherwise)
        self.remove(belongs)
        for offset, entry in enumerate(entries):
            self.insert(place + offset, *entry)

    def index(self, keyword: str) -> int:
        """Place of the first card of that keyword; the length where there is none."""
        return self._keywords.index(keyword) if keyword in self._keywords else len(self)

    def add_history(self, text: str) -> None:
        """Add HISTORY cards behind those that are there."""
        last = max((place for place, keyword in enumerate(self._keywords) if keyword == "HISTORY"), default=None)
        place = len(self) if last is None else last + 1
        for begin in range(0, len(text), CARD - 8):
            self.insert(place, "HISTORY", text[begin : begin + CARD - 8])
            place += 1

    def extend(self, other: Header, *, leave_out: Callable[[str], Any] = lambda _: False) -> None:
        """Copy the cards of another header byte for byte, except those that the function names."""
        for keyword, image in zip(other._keywords, other._images, strict=True):
            if not leave_out(keyword):
                self._keywords.append(keyword)
                self._images.append(image)

    def copy_card(self, other: Header, keyword: str) -> bool:
        """Copy one card byte for byte, in place of an own one; tells whether the other header has it."""
        if keyword not in other._keywords:
            return False
        image = other._images[other._keywords.index(keyword)]
        if keyword in self._keywords:
            self._images[self._keywords.index(keyword)] = image
        else:
            self._keywords.append(keyword)
            self._images.append(image)
        return True

    def copy(self) -> Header:
        """A header of its own with the same cards."""
        twin = Header()
        twin._keywords = list(self._keywords)
        twin._images = list(self._images)
        return twin

    def to_bytes(self, size: int = 0) -> bytes:
        """The header as it goes into a file, END and padding included.

        Parameters
        ----------
        size : int
            Bytes to fill at least; room beyond what is needed is taken by blank cards before END.
        """
        body = b"".join(self._images)
        total = max(size, -(-(len(body) + CARD) // BLOCK) * BLOCK)
        if size and total - size < BLOCK and len(body) + CARD <= size - BLOCK:
            body = body.ljust(size - BLOCK)
        return (body + b"END".ljust(CARD)).ljust(total)


def card_image(keyword: str, value: Value, comment: str = "") -> bytes:
    """Write a card as SAS does: reals with 15 digits, texts with at least 8 characters, comments cut to fit.

    Parameters
    ----------
    keyword : str
        At most 8 characters.
    value : str, bool, int, float or None
        A long text goes on in CONTINUE cards; None leaves the value undefined.
    comment : str
        What follows the slash.

    Returns
    -------
    bytes
        A multiple of 80.
    """
    name = f"{keyword:<8}"
    if keyword in _BARE:
        return _cut(f"{name}{_clean(str(value or ''))}")
    if isinstance(value, str):
        return _text_card(name, _clean(value).replace("'", "''"), _clean(comment))
    if value is None:
        field = " " * 20
    elif isinstance(value, bool):
        field = f"{'T' if value else 'F':>20}"
    elif isinstance(value, int):
        field = f"{value:>20d}"
    else:
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(f"{keyword}: a header cannot hold {number}")
        field = f"{number:>20.14E}"
    return _cut(f"{name}= {field}" + (f" / {_clean(comment)}" if comment else ""))


def _text_card(name: str, text: str, comment: str) -> bytes:
    if len(text) <= _TEXT_ROOM + 1:
        field = f"'{text:<8}'"
        return _cut(f"{name}= {field:<20}" + (f" / {comment}" if comment else ""))
    cards = b""
    lead = f"{name}= "
    while text:
        end = len(text) <= _TEXT_ROOM
        piece = text[:_TEXT_ROOM]
        while not end and len(piece) - len(piece.rstrip("'")) & 1:
            piece = piece[:-1]  # do not part two quotes that stand for one
        text = text[len(piece) :]
        tail = f" / {comment}" if comment and end else ""
        cards += _cut(f"{lead}'{piece}{'' if end else '&'}'{tail}")
        lead = "CONTINUE  "
    return cards


def _cut(card: str) -> bytes:
    return card[:CARD].ljust(CARD).encode("ascii")


def _clean(text: str) -> str:
    """Replace what a header cannot hold."""
    return _PRINTABLE.sub("?", text)
