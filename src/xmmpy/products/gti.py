"""Good time intervals as FITS tables, in the layout of SAS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xmmpy.products.blocks import Block, NewColumn, table_block
from xmmpy.products.errors import FileProblem
from xmmpy.products.header import Header as ByteHeader
from xmmpy.products.intervals import Intervals
from xmmpy.products.tables import SmallTable, read_table

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, Header

TIME_KEYWORDS = ("TIMEUNIT", "TIMESYS", "MJDREF", "TIMEREF", "TASSIGN", "TIMEZERO", "CLOCKAPP")
_TIME_DEFAULTS: dict[str, tuple[Any, str]] = {
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
    """Intervals of a table with the columns START and STOP.

    Raises
    ------
    FileProblem
        When it lacks them or they hold no single numbers.
    """
    borders = (table.column("START"), table.column("STOP"))
    if any(values.ndim != 1 or values.dtype.kind not in "iuf" for values in borders):
        problem = f"has no single numbers in START and STOP of {table.name}"
        raise FileProblem(table.path, problem, "make the table again")
    return Intervals.of(*borders)


def gti_block(
    intervals: Intervals, name: str = "STDGTI", *, times: ByteHeader | None = None, ccd: int | None = None
) -> Block:
    """Make a GTI extension.

    Parameters
    ----------
    intervals : Intervals
        What it holds; may be empty.
    name : str
        EXTNAME.
    times : xmmpy.products.header.Header, optional
        Header to take TIMESYS, MJDREF and their like from.
    ccd : int, optional
        CCDID, for intervals of one CCD.
    """
    entries = ByteHeader()
    if ccd is not None:
        entries.append("CCDID", ccd, "CCD ID")
    entries.append("HDUCLASS", "OGIP", "format conforms to OGIP standard")
    entries.append("HDUCLAS1", "GTI", "table contains Good Time Intervals")
    entries.append("HDUCLAS2", "STANDARD", "standard Good Time Interval table")
    entries.append("ONTIME", intervals.total, "[s] sum of all Good Time Intervals")
    entries.append("TSTART", float(intervals.start[0]) if len(intervals) else 0.0, "[s] Lower bound of first GTI")
    entries.append("TSTOP", float(intervals.stop[-1]) if len(intervals) else 0.0, "[s] Upper bound of last GTI")
    for keyword in TIME_KEYWORDS:
        if times is None or not entries.copy_card(times, keyword):
            entries.append(keyword, *_TIME_DEFAULTS[keyword])
    columns = [
        NewColumn("START", "D", intervals.start, "s", "lower GTI boundary"),
        NewColumn("STOP", "D", intervals.stop, "s", "upper GTI boundary"),
    ]
    return table_block(columns, name, entries)


def gti_hdu(
    intervals: Intervals, name: str = "STDGTI", *, times: Header | None = None, ccd: int | None = None
) -> BinTableHDU:
    """Make a GTI extension as `gti_block` does, for writing with astropy.

    Parameters
    ----------
    intervals : Intervals
        What it holds; may be empty.
    name : str
        EXTNAME.
    times : astropy.io.fits.Header, optional
        Header to take TIMESYS, MJDREF and their like from.
    ccd : int, optional
        CCDID, for intervals of one CCD.
    """
    from astropy.io import fits

    raw = None if times is None else ByteHeader.parse(times.tostring().encode("ascii", "replace"))
    return fits.BinTableHDU.fromstring(gti_block(intervals, name, times=raw, ccd=ccd).to_bytes())
