"""Header templates of event lists, and the writer of tables laid out by them.

A template names a header's cards in order, one a line: ``KEYWORD = value / comment``. A value is a JSON
literal or ``$name``, looked up when the header is made (``$name|other``: `other` where it is not
known). ``@include other`` inserts another template; a line beginning with ``*`` is repeated for each
CCD and one with ``+`` for each CCD but the first, with ``{ccd}`` filled in. The columns of a table are
its TTYPE, TFORM and TUNIT cards. Keywords, their order and comments are those of public event lists
made by SAS.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    Value = str | int | float | bool

BLOCK: Final = 2880
CARD: Final = 80
_CARD = re.compile(r"^([A-Z0-9_-]+) = (.+?)(?: / (.*))?$")
_COLUMN_CARD = re.compile(r"(T(?:TYPE|FORM|UNIT|NULL|LMIN|LMAX|DMIN|DMAX|CRPX|CTYP|CRVL|CDLT|CUNI))(\d+)")
_SKY: Final = ("REFX", "REFY", "EQUINOX", "RADECSYS")
_NUMPY_TYPES: Final = {"D": ">f8", "E": ">f4", "J": ">i4", "I": ">i2", "B": "u1"}


@cache
def _template(name: str) -> tuple[str, ...]:
    text = (files("xmmpy.products") / "templates" / f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line)


def template_lines(name: str, ccds: Sequence[int]) -> list[str]:
    """Lines of a template with its includes and repetitions written out."""
    lines: list[str] = []
    for start, group in groupby(_template(name), key=lambda line: line[0]):
        run = list(group)
        if start == "@":
            for line in run:
                lines += template_lines(line.removeprefix("@include "), ccds)
        elif start in "*+":
            repeated = ccds if start == "*" else ccds[1:]
            lines += [line[1:].format(ccd=ccd) for ccd in repeated for line in run]
        else:
            lines += run
    return lines


def template_cards(
    name: str, values: Mapping[str, Value | None], ccds: Sequence[int] = (), without: Sequence[str] = ()
) -> list[tuple[str, Value, str]]:
    """Cards of a template as (keyword, value, comment).

    Parameters
    ----------
    name : str
        Template name.
    values : mapping
        What the ``$name`` of the template stand for; a card whose value is None is left out.
    ccds : sequence of int
        CCDs for repeated lines.
    without : sequence of str
        Columns to leave out, with the cards that describe them; of X, the cards of the sky too.
    """
    cards = []
    renamed = _renumbered(name, tuple(without))
    for line in template_lines(name, ccds):
        match = _CARD.match(line)
        if match is None:
            raise ValueError(f"the header template {name} has a line that is no card: {line}")
        keyword, text, comment = match.groups()
        if without:
            keyword = _without(keyword, renamed, sky="X" not in without)
            if not keyword:
                continue
        value = _value(text, values)
        if value is not None:
            cards.append((keyword, value, comment or ""))
    return cards


@cache
def _renumbered(name: str, without: tuple[str, ...]) -> dict[str, str]:
    """New numbers of the columns that stay, by their old ones."""
    names = [value for keyword, value, _ in _literal_cards(name) if keyword.startswith("TTYPE")]
    kept = [number for number, column in enumerate(names, 1) if column not in without]
    return {str(old): str(new) for new, old in enumerate(kept, 1)}


def _without(keyword: str, renumbered: Mapping[str, str], *, sky: bool) -> str:
    """Keyword with the new number of its column; empty for one that goes with a column that is left out."""
    match = _COLUMN_CARD.fullmatch(keyword)
    if match is None:
        return keyword if sky or not keyword.startswith(_SKY) else ""
    number = renumbered.get(match[2])
    return f"{match[1]}{number}" if number else ""


def _value(text: str, values: Mapping[str, Value | None]) -> Value | None:
    """Value of a card: ``$name`` is looked up, ``$name|other`` is ``other`` where the name is not known."""
    name, _, other = text[1:].partition("|")
    if not text.startswith("$"):
        literal: Value = json.loads(text)
        return literal
    return _value(other, values) if other and name not in values else values[name]


def row_type(name: str, without: Sequence[str] = ()) -> np.dtype[np.void]:
    """Big-endian record type of the rows of a template's table, without some of its columns."""
    names: dict[str, str] = {}
    formats: dict[str, str] = {}
    for keyword, value, _ in _literal_cards(name):
        if keyword.startswith("TTYPE"):
            names[keyword[5:]] = value
        elif keyword.startswith("TFORM"):
            formats[keyword[5:]] = value
    return np.dtype([(names[n], _numpy_type(formats[n])) for n in names if names[n] not in without])


def _literal_cards(name: str) -> Iterable[tuple[str, str, str]]:
    for line in template_lines(name, ()):
        match = _CARD.match(line)
        if match is not None and match[2].startswith('"'):
            yield match[1], json.loads(match[2]), match[3] or ""


def _numpy_type(tform: str) -> str:
    code, width = tform[-1], tform[:-1]
    return f"S{width or 1}" if code == "A" else _NUMPY_TYPES[code]


def card_text(keyword: str, value: Value, comment: str) -> str:
    """Text of a card, a multiple of 80 characters, in the fixed format of SAS's files.

    Strings too long for a card go on in CONTINUE cards.
    """
    if isinstance(value, bool):
        text = f"{'T' if value else 'F':>20s}"
    elif isinstance(value, int):
        text = f"{value:20d}"
    elif isinstance(value, float):
        text = f"{value:20.14E}"
    else:
        return _string_card(keyword, value, comment)
    return f"{keyword:<8s}= {text}{f' / {comment}' if comment else ''}"[:CARD].ljust(CARD)


def _string_card(keyword: str, value: str, comment: str) -> str:
    text = value.replace("'", "''")
    if len(text) <= CARD - 12:
        quoted = f"'{text:<8s}'"
        note = f" / {comment}" if comment else ""
        return f"{keyword:<8s}= {quoted:<20s}{note}"[:CARD].ljust(CARD)
    cards, start = "", f"{keyword:<8s}= "
    while text:
        length = min(len(text), CARD - 13)
        if length < len(text) and text[:length].count("'") % 2:
            length -= 1
        piece, text = text[:length], text[length:]
        cards += f"{start}'{piece}{'&' if text else ''}'".ljust(CARD)
        start = "CONTINUE  "
    return cards


def _header(cards: Iterable[tuple[str, Value, str]], history: Sequence[str] = ()) -> bytes:
    text = "".join(card_text(*card) for card in cards)
    for line in history:
        for start in range(0, len(line), CARD - 8):
            text += f"HISTORY {line[start : start + CARD - 8]}".ljust(CARD)
    text += "END".ljust(CARD)
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("ascii")


def write_primary(
    handle: BinaryIO, name: str, values: Mapping[str, Value | None], history: Sequence[str] = (), *, sky: bool = True
) -> None:
    """Write a primary header without data; `sky` tells whether the list has X and Y."""
    start: list[tuple[str, Value, str]] = [
        ("SIMPLE", True, "file does conform to FITS standard"),
        ("BITPIX", 8, "number of bits per data pixel"),
        ("NAXIS", 0, "number of data axes"),
        ("EXTEND", True, "FITS dataset may contain extensions"),
    ]
    handle.write(_header([*start, *template_cards(name, values, without=() if sky else ("X",))], history))


def write_table(
    handle: BinaryIO,
    name: str,
    values: Mapping[str, Value | None],
    data: npt.NDArray[np.void] | Sequence[BinaryIO] | Sequence[npt.NDArray[np.void]],
    ccds: Sequence[int] = (),
    without: Sequence[str] = (),
) -> None:
    """Write a binary table laid out by a template.

    Parameters
    ----------
    handle : binary file
        Where to write; at a block boundary.
    name : str
        Template.
    values : mapping
        What the ``$name`` of the template stand for.
    data : ndarray of records, or several, or open files
        Rows of type `row_type(name)`; or arrays or files whose contents, one after the other, are the rows.
    ccds : sequence of int
        CCDs for repeated lines.
    without : sequence of str
        Columns to leave out.
    """
    rows = row_type(name, without)
    width = rows.itemsize
    parts: Sequence[Any] = [data] if isinstance(data, np.ndarray) else data
    size = sum(part.nbytes if isinstance(part, np.ndarray) else part.seek(0, 2) for part in parts)
    structure: list[tuple[str, Value, str]] = [
        ("XTENSION", "BINTABLE", "binary table extension"),
        ("BITPIX", 8, "8-bit bytes"),
        ("NAXIS", 2, "2-dimensional binary table"),
        ("NAXIS1", width, "width of table in bytes"),
        ("NAXIS2", size // width, "number of rows in table"),
        ("PCOUNT", 0, "size of special data area"),
        ("GCOUNT", 1, "one data group (required keyword)"),
        ("TFIELDS", len(rows.names or ()), "number of fields in each row"),
    ]
    handle.write(_header([*structure, *template_cards(name, values, ccds, without)]))
    for part in parts:
        if isinstance(part, np.ndarray):
            handle.write(np.ascontiguousarray(part).data)
            continue
        part.seek(0)
        while chunk := part.read(1 << 22):
            handle.write(chunk)
    handle.write(bytes(-size % BLOCK))
