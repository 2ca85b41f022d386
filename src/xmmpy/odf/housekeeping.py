"""Housekeeping: the filter, values during an exposure, and good times by limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.odf.times import met_of_texts
from xmmpy.products.intervals import Intervals

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import NDArray

UNKNOWN = "Unknown"
#: Positions of the wheels of EMOS1 (task page of odfingest, section on housekeeping parameters, column E1317); those
#: of EMOS2 are the same within 1 in real summary files.
MOS_FILTERS = {
    0: "Closed", 247: "CalThin1", 267: "Thin1", 514: "CalThin2", 534: "Thin2", 781: "CalMedium", 801: "Medium",
    1047: "CalThick", 1067: "Thick", 1314: "CalOpen", 1334: "Open", 1580: "CalClosed",
}  # fmt: skip
_MOS_TURN, _MOS_TOLERANCE = 1600, 8
#: Readings of the potentiometer of the pn wheel: 115.0 and 114.7 (Thin1), 233.6 and 234.6 (Medium) in three real
#: summary files; the filters between and beside them lie on the line through these, in the order of the MOS wheels.
PN_FILTERS = {55.6: "Closed", 114.9: "Thin1", 174.5: "Thin2", 234.1: "Medium", 293.7: "Thick", 353.3: "Open"}
_PN_TOLERANCE = 8.0
#: Columns that hold the position of the filter wheel. E1317: task page of odfingest; K1317: the same parameter in the
#: numbering of EMOS2; F1119: change log of odfingest 3.33.
FILTER_COLUMNS = {"M1": ("E1317",), "M2": ("K1317",), "PN": ("F1119",)}
#: Types of files in which they are looked for.
FILTER_FILES = {"M1": ("PEH",), "M2": ("PEH",), "PN": ("PMH", "PAH")}


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """A periodic housekeeping file.

    Attributes
    ----------
    time : ndarray of float64, shape (n,)
        MET in s, ascending.
    columns : mapping of str to ndarray, shape (n,)
        Parameters by their telemetry names.
    """

    time: NDArray[np.float64]
    columns: Mapping[str, NDArray[Any]]

    def during(self, name: str, start: float, stop: float) -> NDArray[Any]:
        """Values of a parameter during an exposure; the last one before it where there are none. May be empty."""
        values = self.columns.get(name.upper())
        if values is None or not self.time.size:
            return np.empty(0)
        first, last = np.searchsorted(self.time, [start, stop], side="left")
        if last > first:
            return np.asarray(values[first:last])
        return np.asarray(values[first - 1 : first]) if first else np.empty(0)


def read_housekeeping(path: str | os.PathLike[str]) -> Housekeeping:
    """Read a housekeeping file whose column TIME holds UTC texts.

    Raises
    ------
    FileProblem
        When it cannot be read or has no TIME.
    """
    from xmmpy.products.tables import read_table

    table = read_table(str(path))
    time = met_of_texts(table.column("TIME"))
    known = np.flatnonzero(np.isfinite(time))
    order = known[np.argsort(time[known], kind="stable")]
    columns = {name: values[order] for name, values in table.columns.items() if name != "TIME"}
    return Housekeeping(time[order], columns)


def good_times(
    housekeeping: Housekeeping, limits: Mapping[str, tuple[float, float]], max_gap: float = 120.0
) -> Intervals:
    """Find when parameters were within their limits.

    A row stands for the time from it to the next one. Where the next comes later than `max_gap` it stands for the
    usual distance of rows only; the last row too.

    Parameters
    ----------
    housekeeping : Housekeeping
        The file.
    limits : mapping of str to (float, float)
        Lowest and highest good value of each parameter, both inclusive; parameters that the file lacks are passed over.
    max_gap : float
        Seconds.
    """
    time = housekeeping.time
    if not time.size:
        return Intervals.of([], [])
    good = np.ones(time.size, bool)
    for name, (low, high) in limits.items():
        values = housekeeping.columns.get(name.upper())
        if values is not None and values.dtype.kind in "iuf":
            good &= (values >= low) & (values <= high)
    steps = np.diff(time)
    usual = float(np.median(steps[steps > 0])) if np.any(steps > 0) else 0.0
    length = np.append(np.where(steps <= max_gap, steps, usual), usual)
    return Intervals.of(time[good], (time + length)[good])


def filter_of_position(instrument: str, position: float) -> str:
    """Name of the filter at a position of the wheel; ``Unknown`` where there is none.

    Parameters
    ----------
    instrument : str
        ``M1``, ``M2`` or ``PN``.
    position : float
        Steps (MOS) or reading of the potentiometer (pn).
    """
    if not np.isfinite(position):
        return UNKNOWN
    if instrument == "PN":
        nearest = min(PN_FILTERS, key=lambda place: abs(place - position))
        return PN_FILTERS[nearest] if abs(nearest - position) <= _PN_TOLERANCE else UNKNOWN
    distances = {place: abs((place - position + 800) % _MOS_TURN - 800) for place in MOS_FILTERS}
    closest = min(distances, key=distances.__getitem__)
    return MOS_FILTERS[closest] if distances[closest] <= _MOS_TOLERANCE else UNKNOWN


def filter_position(housekeeping: Housekeeping, instrument: str, start: float, stop: float) -> float:
    """Position of the filter wheel during most of an exposure; NaN where the file does not tell it."""
    for column in FILTER_COLUMNS.get(instrument, ()):
        values = housekeeping.during(column, start, stop)
        if values.size and values.dtype.kind in "iuf":
            return float(np.median(values))
    return float("nan")
