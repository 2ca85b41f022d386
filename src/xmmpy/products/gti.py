"""Good time intervals as FITS tables, in the layout of SAS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xmmpy.products.intervals import Intervals
from xmmpy.products.tables import SmallTable, read_table

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, Header

TIME_KEYWORDS = ("TIMEUNIT", "TIMESYS", "MJDREF", "TIMEREF", "TASSIGN", "TIMEZERO", "CLOCKAPP")
_TIME_DEFAULTS: dict[str, tuple[object, str]] = {
    "TIMEUNIT": ("s", "All times in s unless specified otherwise"),
    "TIMESYS": ("TT", "XMM time will be TT (Terrestial Time)"),
    "MJDREF": (50814.0, "1998-01-01T00:00:00 (TT) expressed in MJD"),
    "TIMEREF": ("LOCAL", "Reference location of photon arrival times"),
    "TASSIGN": ("SATELLITE", "Location of time assignment"),
    "TIMEZERO": (0, "Clock correction (if not zero)"),
    "CLOCKAPP": (True, "Clock correction applied"),
}


def read_gti(spec: str) -> Intervals:
    """Read the intervals of a GTI table.

    Parameters
    ----------
    spec : str
        ``file`` (its first table) or ``file:EXT``.

    Raises
    ------
    FileProblem
        When it cannot be read or has no START and STOP.
    """
    return intervals_of(read_table(spec))


def intervals_of(table: SmallTable) -> Intervals:
    """Intervals of a table with the columns START and STOP."""
    return Intervals.of(table.column("START"), table.column("STOP"))


def copy_time_keywords(source: Header | None, target: Header) -> None:
    """Give `target` the keywords that say what its times mean, from `source` or XMM's own defaults."""
    for keyword in TIME_KEYWORDS:
        value, comment = _TIME_DEFAULTS[keyword]
        if source is not None and keyword in source:
            value, comment = source[keyword], source.comments[keyword]
        target[keyword] = (value, comment)


def gti_hdu(
    intervals: Intervals, name: str = "STDGTI", *, times: Header | None = None, ccd: int | None = None
) -> BinTableHDU:
    """Make a GTI extension.

    Parameters
    ----------
    intervals : Intervals
        What it holds; may be empty.
    name : str
        EXTNAME.
    times : Header, optional
        Header to take TIMESYS, MJDREF and their like from.
    ccd : int, optional
        CCDID, for intervals of one CCD.
    """
    from astropy.io import fits

    columns = [
        fits.Column("START", "D", unit="s", array=intervals.start),
        fits.Column("STOP", "D", unit="s", array=intervals.stop),
    ]
    hdu = fits.BinTableHDU.from_columns(columns)
    header = hdu.header
    header.comments["TTYPE1"] = "lower GTI boundary"
    header.comments["TTYPE2"] = "upper GTI boundary"
    header["EXTNAME"] = (name, "The name of this table")
    if ccd is not None:
        header["CCDID"] = (ccd, "CCD ID")
    header["HDUCLASS"] = ("OGIP", "format conforms to OGIP standard")
    header["HDUCLAS1"] = ("GTI", "table contains Good Time Intervals")
    header["HDUCLAS2"] = ("STANDARD", "standard Good Time Interval table")
    header["ONTIME"] = (intervals.total, "[s] sum of all Good Time Intervals")
    header["TSTART"] = (_first(intervals.start), "[s] Lower bound of first GTI")
    header["TSTOP"] = (_first(intervals.stop[::-1]), "[s] Upper bound of last GTI")
    copy_time_keywords(times, header)
    return hdu


def _first(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    return float(values[0]) if values.size else 0.0
