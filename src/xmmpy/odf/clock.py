"""From on-board time to mission elapsed time: a polynomial through the points of the time correlation file.

As in the OAL of SAS (its page on SAS_OBT_MET_FIT): degree 4, all ground stations together, given up when the rms stays
above 5e-5 s. The points within the observation and ten minutes on either side are fitted: over a whole revolution the
clock's drift is no polynomial of degree 4 (40 microseconds rms), over an observation it is one to 1 microsecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial import chebyshev

from xmmpy.odf.times import MJD_1958, met_of_utc_day
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    import os

    from numpy.typing import ArrayLike, NDArray

DEGREE = 4
MAX_RMS = 5e-5
#: Steps of the fine counter of the on-board time, per second.
FINE_STEPS = 65536.0
_MARGINS = (600.0, 3600.0, 14400.0, np.inf)
_ENOUGH_POINTS = 20
_POINTS_PER_DEGREE = 3
_CLIP = 6.0
_ROUNDS = 12
_NO_DRIFT = 1e-3  # seconds in a second: a point that needs more is no point of this clock
_FLOOR = 2e-6  # scatter of the best points of real files, s


@dataclass(frozen=True, slots=True)
class ClockPoints:
    """Pairs of on-board time and mission elapsed time.

    Attributes
    ----------
    obt, met : ndarray of float64, shape (n,)
        Seconds.
    station : ndarray of str, shape (n,)
        Ground station.
    """

    obt: NDArray[np.float64]
    met: NDArray[np.float64]
    station: NDArray[np.str_]

    def __len__(self) -> int:
        return int(self.obt.size)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> ClockPoints:
        return ClockPoints(self.obt[rows], self.met[rows], self.station[rows])


@dataclass(frozen=True, slots=True)
class Clock:
    """The fitted clock.

    Attributes
    ----------
    middle, half : float
        On-board time at the middle of the fitted points, and half their range, s.
    offset : float
        ``met - obt`` about which the polynomial is counted, s.
    coefficients : tuple of float
        Chebyshev coefficients of ``met - obt - offset``, s.
    degree : int
        Degree of the polynomial (TFIT_DEG).
    rms : float
        Root mean square of the residuals of the points used, s (TFIT_RMS).
    rejected : float
        Fraction of points that were left out (TFIT_PFR).
    points : int
        Points used.
    handovers_ignored : bool
        Whether points of all ground stations were used (TFIT_IGH).
    """

    middle: float
    half: float
    offset: float
    coefficients: tuple[float, ...]
    degree: int
    rms: float
    rejected: float
    points: int
    handovers_ignored: bool = True

    def met(self, obt: ArrayLike) -> NDArray[np.float64]:
        """Mission elapsed time (s) of on-board time (s); straight on beyond the fitted points."""
        moments = np.asarray(obt, np.float64)
        place = (moments - self.middle) / self.half
        inside = np.clip(place, -1.0, 1.0)
        values = chebyshev.chebval(inside, self.coefficients)
        slopes = chebyshev.chebval(inside, chebyshev.chebder(self.coefficients))
        result: NDArray[np.float64] = moments + (self.offset + (values + slopes * (place - inside)))
        return result

    def obt(self, met: ArrayLike) -> NDArray[np.float64]:
        """On-board time (s) of mission elapsed time (s), to a nanosecond of `met`'s inverse."""
        moments = np.asarray(met, np.float64)
        result = moments - self.offset
        for _ in range(4):  # the drift is 1e-5: each round gains five digits
            result = result + (moments - self.met(result))
        return result


def read_clock_points(path: str | os.PathLike[str]) -> tuple[ClockPoints, int]:
    """Read a time correlation file, TCX or TCS.

    Returns
    -------
    ClockPoints, int
        Points of good quality (UTCFLAG 0), and how many others there were.

    Raises
    ------
    FileProblem
        When it cannot be read or holds no point.
    """
    from xmmpy.products.tables import read_table

    table = read_table(str(path))
    fine = np.asarray(table.column("OBTFINE"), np.float64) % FINE_STEPS
    obt = np.asarray(table.column("OBTCOARS"), np.float64) + fine / FINE_STEPS
    day = np.asarray(table.column("UTCDAY"), np.int64) + MJD_1958
    seconds = np.asarray(table.column("UTCMILLI"), np.float64) / 1e3 + np.asarray(table.column("UTCMICRO")) * 1e-6
    met = met_of_utc_day(day, seconds)
    station = table.columns.get("GSID", np.zeros(obt.size, "S1")).astype(np.str_)
    good = np.isfinite(met)
    if "UTCFLAG" in table.columns:
        good &= table.columns["UTCFLAG"] == 0
    if not good.any():
        raise FileProblem(path, "holds no usable time correlation", "get it again from the archive")
    return ClockPoints(obt[good], met[good], station[good]), int(np.count_nonzero(~good))


def fit_clock(
    points: ClockPoints,
    start: float = -np.inf,
    stop: float = np.inf,
    *,
    degree: int = DEGREE,
    max_rms: float = MAX_RMS,
) -> Clock:
    """Fit the clock over an observation.

    Outliers are left out: first those that no clock near its nominal rate can have, then, round by round, those beyond
    six times the scatter. When the rms of all stations together stays above `max_rms` the station with most points is
    taken alone.

    Parameters
    ----------
    points : ClockPoints
        In any order.
    start, stop : float
        The observation, MET in s.
    degree : int
        Degree of the polynomial; smaller where there are fewer than three points for each coefficient.
    max_rms : float
        Seconds.

    Returns
    -------
    Clock

    Raises
    ------
    ValueError
        When there is no point at all.
    """
    if not len(points):
        raise ValueError("there is no point to fit")
    near = points
    for margin in _MARGINS:
        near = points[(points.met >= start - margin) & (points.met <= stop + margin)]
        if len(near) >= _ENOUGH_POINTS:
            break
    near = near if len(near) else points
    clock = _fit(near, degree)
    if clock.rms > max_rms:
        names, counts = np.unique(near.station, return_counts=True)
        if names.size > 1:
            alone = _fit(near[near.station == names[np.argmax(counts)]], degree, handovers_ignored=False)
            if alone.rms < clock.rms:
                return alone
    return clock


def clock_of_one_point(obt: float, met: float) -> Clock:
    """A clock that runs at its nominal rate through one point, for observations without time correlation."""
    return Clock(obt, 1.0, met - obt, (0.0,), 0, 0.0, 0.0, 1)


def _fit(points: ClockPoints, degree: int, *, handovers_ignored: bool = True) -> Clock:
    order = np.argsort(points.obt, kind="stable")
    obt, met = points.obt[order], points.met[order]
    difference = met - obt
    offset = float(np.median(difference))
    centre = float(np.median(obt))
    residual = difference - offset
    keep = np.abs(residual) <= 1.0 + _NO_DRIFT * np.abs(obt - centre)
    used = min(degree, 1)
    middle, half = centre, 1.0
    coefficients: NDArray[np.float64] = np.zeros(1)
    for turn in range(_ROUNDS):
        allowed = max(0, min(used, np.unique(obt[keep]).size // _POINTS_PER_DEGREE - 1))
        low, high = float(obt[keep].min()), float(obt[keep].max())
        middle, half = (low + high) / 2, max((high - low) / 2, 1.0)
        place = (obt - middle) / half
        if turn < 2:  # no outlier has been left out yet
            coefficients = _least_absolute(place[keep], residual[keep], allowed)
        else:
            coefficients = np.asarray(chebyshev.chebfit(place[keep], residual[keep], allowed), np.float64)
        left = residual - chebyshev.chebval(np.clip(place, -1.0, 1.0), coefficients)
        scatter = 1.4826 * float(np.median(np.abs(left[keep])))
        inside = np.abs(left) <= _CLIP * max(scatter, _FLOOR)
        if turn and used == degree and np.array_equal(inside, keep):
            break
        keep, used = inside, degree
    left = residual - chebyshev.chebval((obt - middle) / half, coefficients)
    return Clock(
        middle=middle,
        half=half,
        offset=offset,
        coefficients=tuple(float(value) for value in np.atleast_1d(coefficients)),
        degree=int(np.atleast_1d(coefficients).size - 1),
        rms=float(np.sqrt(np.mean(left[keep] ** 2))),
        rejected=float(np.count_nonzero(~keep) / keep.size),
        points=int(np.count_nonzero(keep)),
        handovers_ignored=handovers_ignored,
    )


def _least_absolute(place: NDArray[np.float64], value: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """Fit by least absolute residuals (reweighted least squares), which outliers hardly move."""
    weights = np.ones(value.size)
    coefficients = np.zeros(degree + 1)
    for _ in range(30):
        coefficients = np.asarray(chebyshev.chebfit(place, value, degree, w=weights), np.float64)
        left = np.abs(value - chebyshev.chebval(place, coefficients))
        weights = 1 / np.sqrt(np.maximum(left, _FLOOR))
    return coefficients
