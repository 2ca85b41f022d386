"""Times: UTC texts, and mission elapsed time, the seconds of TT since 1998-01-01T00:00:00 TT (MJDREF 50814).

Leap seconds come from astropy's table (the IERS's, through ERFA).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

#: Modified Julian day of mission elapsed time zero, TT.
MJDREF = 50814.0
#: Modified Julian day of 1958-01-01, from which the time correlation file counts UTC days (Data Files Handbook,
#: Spacecraft Time Correlation file).
MJD_1958 = 36204
DAY = 86400.0
_TT_MINUS_TAI = 32.184
_TEXT = re.compile(r"\s*(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d(?:\.\d*)?)Z?\s*\Z")
_FIRST_MJD = datetime(1858, 11, 17)  # noqa: DTZ001 - days are counted, no zone is meant


@cache
def _leap_seconds() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Days (MJD, UTC) from which TAI - UTC holds, and TAI - UTC in seconds."""
    from astropy.utils import iers

    table = iers.LeapSeconds.from_iers_leap_seconds(iers.IERS_LEAP_SECOND_FILE)
    days, offsets = np.asarray(table["mjd"], np.int64), np.asarray(table["tai_utc"], np.float64)
    from_1972 = days >= 41317
    return days[from_1972], offsets[from_1972]


def met_of_utc_day(day: NDArray[np.int64], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mission elapsed time of UTC days and seconds of day.

    Parameters
    ----------
    day : ndarray of int64, shape (n,)
        Modified Julian day, UTC.
    seconds : ndarray of float64, shape (n,)
        Seconds since its begin; 86400 to 86401 within a leap second.

    Returns
    -------
    ndarray of float64, shape (n,)
        Seconds of TT since MJDREF.
    """
    days, offsets = _leap_seconds()
    row = np.clip(np.searchsorted(days, day, side="right") - 1, 0, None)
    return (np.asarray(day, np.float64) - MJDREF) * DAY + seconds + offsets[row] + _TT_MINUS_TAI


def met_of_text(text: str) -> float:
    """Mission elapsed time of a UTC text ``yyyy-mm-ddThh:mm:ss``; NaN where it is no time."""
    match = _TEXT.match(text)
    if match is None:
        return float("nan")
    year, month, day, hour, minute = (int(match[part]) for part in range(1, 6))
    try:
        date = datetime(year, month, day)  # noqa: DTZ001 - days are counted, no zone is meant
    except ValueError:
        return float("nan")
    seconds = float(match[6])
    if hour > 23 or minute > 59 or seconds >= 61:
        return float("nan")
    number = np.array([(date - _FIRST_MJD).days])
    return float(met_of_utc_day(number, np.array([hour * 3600.0 + minute * 60.0 + seconds]))[0])


def met_of_texts(texts: Iterable[bytes | str]) -> NDArray[np.float64]:
    """Mission elapsed times of a column of UTC texts; NaN where one is no time."""
    plain = (text.decode("latin-1") if isinstance(text, bytes) else text for text in texts)
    return np.array([met_of_text(text) for text in plain], np.float64)


def text_of_met(met: float, digits: int = 3) -> str:
    """Write a mission elapsed time as UTC, ``yyyy-mm-ddThh:mm:ss.sss``.

    Parameters
    ----------
    met : float
        Seconds of TT since MJDREF.
    digits : int
        Decimals of the seconds.
    """
    days, offsets = _leap_seconds()
    starts = met_of_utc_day(days, np.zeros(days.size))
    unit = 10**digits
    # Round first, so that 59.9996 s does not become 60.000.
    row = int(np.clip(np.searchsorted(starts, met + 0.5 / unit, side="right") - 1, 0, None))
    since = met - _TT_MINUS_TAI - float(offsets[row]) - (float(days[row]) - MJDREF) * DAY
    ticks = round(since * unit)
    day, rest = divmod(ticks, 86400 * unit)
    extra = 0
    last_day = row + 1 < days.size and day + days[row] >= days[row + 1]
    if last_day:  # within the leap second at the end of the day before
        day, extra = day - 1, rest
        rest = 86400 * unit - 1
    date = _FIRST_MJD + timedelta(days=int(days[row]) + int(day))
    hour, rest = divmod(rest, 3600 * unit)
    minute, rest = divmod(rest, 60 * unit)
    second, fraction = divmod(rest, unit)
    if last_day:
        second, fraction = divmod(60 * unit + extra, unit)
    text = f"{date:%Y-%m-%d}T{hour:02d}:{minute:02d}:{second:02d}"
    return f"{text}.{fraction:0{digits}d}" if digits else text
