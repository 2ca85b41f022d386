"""Constants of the selection language: numbers in four bases, angles, times, texts.

Sources: selectlib documentation, "Arithmetic constants and identifiers", "Angles", "Times" and "Character
string constants".
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta

#: Values of the symbolic constants, written ``#PI`` and so on.
SYMBOLIC_CONSTANTS = {
    "PI": math.pi,
    "E": math.e,
    "RAD": math.pi / 180.0,
    "DEG": 180.0 / math.pi,
    "ARCSEC": math.pi / 180.0 / 3600.0,
    "ARCMIN": math.pi / 180.0 / 60.0,
}

_BASES = {"0x": 16, "h": 16, "o": 8, "b": 2}
_LARGEST = 2**64
_LONGEST_INTEGER = 400
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Mission reference time 1998-01-01T00:00:00 TT, in UTC (TT - UTC = 63.184 s on that day).
_REFERENCE_UTC = datetime.fromisoformat("1997-12-31T23:58:56.816")
_REFERENCE_MJD_TT = 50814.0
_TT_MINUS_UTC_1998 = 63.184
#: Days (UTC) before which a leap second was put in since the reference time (IERS Bulletin C).
_LEAP_SECONDS = tuple(
    datetime.fromisoformat(day)
    for day in ("1999-01-01", "2006-01-01", "2009-01-01", "2012-07-01", "2015-07-01", "2017-01-01")
)


def number(token: str) -> int | float:
    """Value of a numeric constant.

    Parameters
    ----------
    token : str
        Decimal in C or Fortran form, or an integer with the prefix ``0x``, ``h``, ``o`` or ``b``.

    Returns
    -------
    int or float
        An integer too long for 64 bits is given as a float.
    """
    lowered = token.lower()
    for prefix, base in _BASES.items():
        if lowered.startswith(prefix):
            return _bounded(int(lowered[len(prefix) :], base))
    if lowered.isdigit() and len(lowered) <= _LONGEST_INTEGER:
        return _bounded(int(lowered))
    return float(lowered.replace("d", "e"))


def _bounded(value: int) -> int | float:
    if value < _LARGEST:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf


def angle(token: str) -> float:
    """Angle in radians from ``45d23m59.9s`` (degrees) or ``23h59m24.1s`` (hours)."""
    unit = "d" if "d" in token else "h"
    whole, minutes, seconds = (float(part) for part in re.split("[dhm]", token[:-1]))
    degrees = (whole + minutes / 60.0 + seconds / 3600.0) * (1.0 if unit == "d" else 15.0)
    return math.radians(degrees)


def mission_time(token: str) -> float:
    """Seconds since 1998-01-01T00:00:00 TT of a time constant.

    Parameters
    ----------
    token : str
        ``2002-06-03T18:59:01.1``, ``jd2452429.29``, ``mjd52428.79``, ``y2002.5`` or ``Mon Jun 3 18:21:19
        2002``.

    Returns
    -------
    float
        Elapsed seconds. Calendar times and Julian dates are taken as UTC, as in gtibuild's ``timeref``.

    Raises
    ------
    ValueError
        If there is no such day or time.
    """
    if token.startswith(("mjd", "jd")):
        days = float(token.lstrip("mjd"))
        mjd = days if token.startswith("m") else days - 2400000.5
        seconds = (mjd - _REFERENCE_MJD_TT) * 86400.0
        return seconds + _TT_MINUS_UTC_1998 + _leap_seconds(_iso("1998-01-01T00:00:00") + timedelta(seconds=seconds))
    if token.startswith("y"):
        year, fraction = divmod(float(token[1:]), 1.0)
        start, stop = (_iso(f"{int(year) + more:04d}-01-01T00:00:00") for more in (0, 1))
        return _elapsed(start + fraction * (stop - start))
    if token[0].isalpha():
        _, month, day, clock, full_year = token.split()
        if month not in _MONTHS:
            raise ValueError(f"{month} is no month")
        return _elapsed(_iso(f"{full_year}-{_MONTHS.index(month) + 1:02d}-{int(day):02d}T{clock}"))
    return _elapsed(_iso(token))


def _iso(text: str) -> datetime:
    whole, _, fraction = text.partition(".")
    return datetime.fromisoformat(whole) + timedelta(seconds=float(f"0.{fraction or '0'}"))


def _leap_seconds(utc: datetime) -> int:
    return sum(utc >= day for day in _LEAP_SECONDS)


def _elapsed(utc: datetime) -> float:
    return (utc - _REFERENCE_UTC).total_seconds() + _leap_seconds(utc)


def text(token: str) -> str:
    """Content of a quoted text; within double quotes a backslash protects a quote or a backslash."""
    if token.startswith("'"):
        return token[1:-1]
    return re.sub(r'\\(["\\])', r"\1", token[1:-1])


def quoted(value: str) -> str:
    """Text constant that stands for a value: the inverse of `text`."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
