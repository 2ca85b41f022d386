"""Read the values of header cards quickly, where a full parse of the header is not needed."""

from __future__ import annotations

import re
from typing import Any

CARD = 80
KEYWORD = 8
_VALUE = re.compile(
    r"=\s*(?:'(?P<text>(?:[^']|'')*)'|(?P<logical>[TF])|(?P<integer>[+-]?\d+)|(?P<real>[+-]?[\d.]+(?:[ED][+-]?\d+)?))"
    r"\s*(?:/.*)?\Z",
    re.IGNORECASE,
)
_CONTINUATION = re.compile(r"\s*'(?P<text>(?:[^']|'')*)'\s*(?:/.*)?\Z")
_LARGEST_INTEGER_DIGITS = 40


def read_cards(raw: bytes, wanted: re.Pattern[str] | None = None) -> dict[str, Any]:
    """Read keywords and values of a header (FITS standard 4.0, section 4.2; long strings by CONTINUE).

    Parameters
    ----------
    raw : bytes
        The header, a multiple of 80 bytes.
    wanted : re.Pattern, optional
        Matches the keywords to read, as they stand in the first 8 characters; all when not given.

    Returns
    -------
    dict
        Values as str, bool, int or float. Cards that hold none, or cannot be read, are left out; of cards with
        one keyword the first counts.
    """
    text = raw.decode("latin-1")
    values: dict[str, Any] = {}
    continued = ""
    for place in range(0, len(text), CARD):
        if wanted is not None and wanted.match(text, place, place + 8) is None:
            continue
        keyword = text[place : place + 8].rstrip()
        rest = text[place + 8 : place + CARD].rstrip()
        if keyword == "END" and not rest:
            break
        if keyword == "CONTINUE":
            match = _CONTINUATION.match(rest)
            if continued and match is not None:
                values[continued] = values[continued][:-1] + _unquoted(match["text"])
                continued = continued if values[continued].endswith("&") else ""
            continue
        continued = ""
        match = _VALUE.match(rest)
        if match is None or keyword in values:
            continue
        value = _value_of(match)
        if value is not None:
            values[keyword] = value
            continued = keyword if isinstance(value, str) and value.endswith("&") else ""
    return values


def _value_of(match: re.Match[str]) -> Any:
    if match["text"] is not None:
        return _unquoted(match["text"])
    if match["logical"] is not None:
        return match["logical"].upper() == "T"
    if match["integer"] is not None:
        return int(match["integer"]) if len(match["integer"]) <= _LARGEST_INTEGER_DIGITS else None
    try:
        return float(match["real"].upper().replace("D", "E"))
    except ValueError:
        return None


def _unquoted(text: str) -> str:
    return text.replace("''", "'").rstrip()
