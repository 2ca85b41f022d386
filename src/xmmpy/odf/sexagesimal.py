"""Angles as texts of hours or degrees, minutes and seconds, as the attitude file has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_PARTS = re.compile(
    r"\s*(?P<sign>[+-]?)\s*(?P<whole>\d{1,3})[:\s]+(?P<minutes>\d{1,2})[:\s]+(?P<seconds>\d{1,2}(?:\.\d*)?)\s*\Z"
)
_FULL_HOURS = 24.0
_FULL_DEGREES = 90.0


def to_degrees(text: str, *, hours: bool) -> float:
    """Read ``HH:MM:SS.S`` (hours) or ``±DD:MM:SS.S``; NaN where it is no angle.

    Parameters
    ----------
    text : str
        Blanks count as colons.
    hours : bool
        Whether the first part is hours: a right ascension, 0 to 24 h. Else a declination, -90 to 90 degrees.

    Returns
    -------
    float
        Degrees.
    """
    match = _PARTS.match(text)
    if match is None:
        return float("nan")
    minutes, seconds = int(match["minutes"]), float(match["seconds"])
    if minutes >= 60 or seconds > 60:
        return float("nan")
    value = int(match["whole"]) + minutes / 60 + seconds / 3600
    limit = _FULL_HOURS if hours else _FULL_DEGREES
    if value > limit or (hours and match["sign"] == "-"):
        return float("nan")
    if hours:
        return value * 15 % 360
    return -value if match["sign"] == "-" else value


def column_to_degrees(texts: Iterable[bytes | str], *, hours: bool) -> NDArray[np.float64]:
    """Read a column of angles; NaN where a text is no angle. Equal texts are read once."""
    known: dict[bytes | str, float] = {}
    values = []
    for text in texts:
        if text not in known:
            plain = text.decode("latin-1") if isinstance(text, bytes) else text
            known[text] = to_degrees(plain, hours=hours)
        values.append(known[text])
    return np.array(values, np.float64)


def from_degrees(value: float, *, hours: bool, digits: int = 1) -> str:
    """Write an angle as the attitude file has it: ``09:58:22.7``, ``-11:05:15.5``.

    Parameters
    ----------
    value : float
        Degrees; a right ascension is brought to 0 to 360.
    hours : bool
        Whether to write hours (no sign) or degrees (with sign).
    digits : int
        Decimals of the seconds.
    """
    unit = 10**digits
    if hours:
        total = round((value % 360) * 240 * unit) % (86400 * unit)
        sign = ""
    else:
        total = round(abs(value) * 3600 * unit)
        sign = "-" if value < 0 and total else "+"
    whole, rest = divmod(total, 3600 * unit)
    minutes, rest = divmod(rest, 60 * unit)
    seconds, fraction = divmod(rest, unit)
    text = f"{sign}{whole:02d}:{minutes:02d}:{seconds:02d}"
    return f"{text}.{fraction:0{digits}d}" if digits else text
