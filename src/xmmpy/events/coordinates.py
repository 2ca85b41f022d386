"""Where events are: pixels of a CCD to DETX,DETY of the camera, and with the attitude to X,Y on the sky.

All of it is numpy over whole columns. The way from DETX,DETY to X,Y is a quotient of two linear forms whose nine
coefficients change with the attitude alone: they are worked out for each attitude sample, of which there are some ten
thousand, and interpolated to the times of the events. Ten million events take about three seconds, less than a
compiled loop gains over the import of its compiler.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.calibration.nominal import Boresight

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from xmmpy.calibration.nominal import CcdGeometry

    FloatArray = npt.NDArray[np.float64]

UNIT_DEG: Final = 0.05 / 3600.0
"""Size of a unit of X, Y, DETX, DETY (degrees)."""
REFERENCE_PIXEL: Final = 25921.0
"""X and Y of the reference point in an image of 0.36 degrees on each side."""
NULL_PIXEL: Final = -99999999
"""X and Y of an event without a place on the sky, as TNULL of real lists has it."""
ATTITUDE_REACH_S: Final = 20.0
"""An attitude sample speaks for events this near to it (atthkgen's rule)."""
_UNIT_RAD = np.radians(UNIT_DEG)
_EVENTS_AT_A_TIME = 1 << 16  # their coefficients stay in the processor's cache


def raw_to_det(
    geometry: Sequence[CcdGeometry],
    ccdnr: npt.NDArray[Any],
    rawx: npt.NDArray[Any],
    rawy: npt.NDArray[Any],
    rng: np.random.Generator | None = None,
) -> tuple[FloatArray, FloatArray]:
    """DETX, DETY of events.

    Parameters
    ----------
    geometry : sequence of CcdGeometry
        The CCDs of the camera, such as `xmmpy.calibration.nominal.ccd_geometry`.
    ccdnr : ndarray, shape (n,)
        CCDNR; of MOS the tens are the read-out node and do not matter.
    rawx, rawy : ndarray, shape (n,)
        Pixels, counted from 1; whole numbers are pixel centres.
    rng : numpy.random.Generator, optional
        Spreads events evenly over their pixels; without one they lie in the centres.

    Returns
    -------
    detx, dety : ndarray of float64, shape (n,)
        In 0.05 arcsec; NaN for a CCD that the camera does not have.
    """
    x, y = np.asarray(rawx, dtype=np.float64), np.asarray(rawy, dtype=np.float64)
    if rng is not None:
        x = x + rng.uniform(-0.5, 0.5, x.size)
        y = y + rng.uniform(-0.5, 0.5, y.size)
    numbers = np.asarray(ccdnr)
    if geometry[0].camera.startswith("EMOS"):
        numbers = numbers % 10
    known = {ccd.ccd: ccd for ccd in geometry}
    table = np.full((max(known) + 1, 6), np.nan)
    for number, ccd in known.items():
        origin = np.concatenate(ccd.raw_to_det(np.zeros(1), np.zeros(1)))
        table[number] = (*origin, *ccd.axis_x, *ccd.axis_y)
    row = table[np.where((numbers >= 0) & (numbers < len(table)), numbers, 0)]
    return row[:, 0] + row[:, 2] * x + row[:, 4] * y, row[:, 1] + row[:, 3] * x + row[:, 5] * y


def whole_pixels(values: FloatArray, null: int = NULL_PIXEL) -> npt.NDArray[np.int32]:
    """Round to the nearest unit; what is no number, or too large, becomes `null`."""
    usable = np.abs(values) < 2**31 - 1
    result: npt.NDArray[np.int32] = np.where(usable, np.rint(np.where(usable, values, 0.0)), null).astype(np.int32)
    return result


def _frame(ra_deg: FloatArray, dec_deg: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Unit vectors towards a direction, and from there to the east and to the north; shape (..., 3)."""
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    towards = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
    east = np.stack([-np.sin(ra), np.cos(ra), np.zeros_like(ra)], axis=-1)
    north = np.stack([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)], axis=-1)
    return towards, east, north


@dataclass(frozen=True, slots=True)
class TangentPlane:
    """The plane of X,Y: it touches the sky at the reference point (RA---TAN, DEC--TAN).

    Attributes
    ----------
    ra, dec : float
        The reference point, REFXCRVL and REFYCRVL (degrees).
    centre : float
        X and Y of that point, REFXCRPX and REFYCRPX.
    """

    ra: float
    dec: float
    centre: float = REFERENCE_PIXEL

    def axes(self) -> FloatArray:
        """Rows: unit vectors to the east, to the north and towards the reference point; shape (3, 3)."""
        towards, east, north = _frame(np.float64(self.ra), np.float64(self.dec))  # type: ignore[arg-type]
        return np.stack([east, north, towards])

    def to_pixels(self, ra: npt.ArrayLike, dec: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """X, Y of sky positions (degrees); NaN for those 90 degrees and more away."""
        towards, _, _ = _frame(np.asarray(ra, dtype=np.float64), np.asarray(dec, dtype=np.float64))
        east, north, depth = np.moveaxis(towards @ self.axes().T, -1, 0)
        depth = np.where(depth > 0.0, depth * _UNIT_RAD, np.nan)
        return self.centre - east / depth, self.centre + north / depth

    def to_sky(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """RA (0 to 360) and Dec (degrees) of X, Y."""
        vector = self.directions(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
        ra = np.degrees(np.arctan2(vector[..., 1], vector[..., 0])) % 360.0
        return ra, np.degrees(np.arctan2(vector[..., 2], np.hypot(vector[..., 0], vector[..., 1])))

    def directions(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Vectors (not of length 1) towards X, Y; shape (n, 3)."""
        plane = np.stack([(self.centre - x) * _UNIT_RAD, (y - self.centre) * _UNIT_RAD, np.ones_like(x)], axis=-1)
        result: FloatArray = plane @ self.axes()
        return result


def moved_places(
    x: FloatArray,
    y: FloatArray,
    plane: TangentPlane,
    onto: TangentPlane,
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> tuple[FloatArray, FloatArray]:
    """X, Y of one plane on another.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Places on `plane`.
    plane, onto : TangentPlane
        The planes.
    shift : tuple of float
        How the places are moved before: degrees in RA and Dec, and of rotation clockwise on the sky about the reference
        point of `plane`.
    """
    if not any(shift):
        return onto.to_pixels(*plane.to_sky(x, y))
    angle = np.radians(shift[2])  # with north up, X runs to the right, to the west
    u, v = x - plane.centre, y - plane.centre
    turned = plane.centre + np.cos(angle) * u + np.sin(angle) * v, plane.centre - np.sin(angle) * u + np.cos(angle) * v
    ra, dec = plane.to_sky(*turned)
    return onto.to_pixels(ra + shift[0], dec + shift[1])


@dataclass(frozen=True, slots=True, eq=False)
class Attitude:
    """Where the spacecraft looks, at some times; arrays of one length, times in order.

    Attributes
    ----------
    time : ndarray
        Time (s); a single sample stands for all times.
    ra, dec, position_angle : ndarray
        AHFRA, AHFDEC, AHFPA (degrees).
    """

    time: FloatArray
    ra: FloatArray
    dec: FloatArray
    position_angle: FloatArray

    @classmethod
    def of(cls, time: FloatArray, ra: FloatArray, dec: FloatArray, position_angle: FloatArray) -> Attitude:
        """Leave out samples that are no numbers, and sort; of equal times the first counts."""
        columns = np.stack([np.asarray(column, np.float64) for column in (time, ra, dec, position_angle)])
        columns = columns[:, np.all(np.isfinite(columns), axis=0)]
        _, first = np.unique(columns[0], return_index=True)
        return cls(*columns[:, first])

    @classmethod
    def fixed(cls, ra: float, dec: float, position_angle: float) -> Attitude:
        """One attitude for all times."""
        return cls(np.zeros(1), np.array([ra]), np.array([dec]), np.array([position_angle]))

    def __len__(self) -> int:
        return self.time.size

    def covers(self, time: FloatArray, reach_s: float = ATTITUDE_REACH_S) -> npt.NDArray[np.bool_]:
        """Whether there is a sample near to each time."""
        if len(self) == 1:
            return np.ones(time.shape, dtype=bool)
        place = np.clip(np.searchsorted(self.time, time), 1, len(self) - 1)
        away = np.minimum(np.abs(time - self.time[place - 1]), np.abs(time - self.time[place]))
        result: npt.NDArray[np.bool_] = away <= reach_s
        return result

    def axes(self, roll_deg: float = 0.0) -> FloatArray:
        """Axes of a camera that is turned by `roll_deg` against the spacecraft, for each sample.

        Columns of the matrices: the direction that the spacecraft looks to, and the steps on the sky along DETX and
        along DETY: -cos(a) east + sin(a) north and -sin(a) east - cos(a) north, a = PA + roll. Shape (n, 3, 3).
        These vectors turn steadily at the poles and where RA or PA go through 0, so that they can be interpolated.
        """
        towards, east, north = _frame(self.ra, self.dec)
        angle = np.radians(self.position_angle + roll_deg)[:, None]
        along_x = -np.cos(angle) * east + np.sin(angle) * north
        along_y = -np.sin(angle) * east - np.cos(angle) * north
        return np.stack([towards, along_x, along_y], axis=-1)


def det_to_sky(
    detx: npt.NDArray[Any],
    dety: npt.NDArray[Any],
    time: npt.NDArray[np.float64],
    attitude: Attitude,
    boresight: Boresight,
    plane: TangentPlane,
) -> tuple[FloatArray, FloatArray]:
    """X, Y of events, with the attitude interpolated to their times.

    Parameters
    ----------
    detx, dety : ndarray, shape (n,)
        Places in the camera (0.05 arcsec), which are tangent-plane coordinates about the boresight.
    time : ndarray, shape (n,)
        Times (s).
    attitude : Attitude
        At least one sample; before the first and behind the last these hold (see `Attitude.covers`).
    boresight : Boresight
        Of the camera.
    plane : TangentPlane
        Reference point.

    Returns
    -------
    x, y : ndarray of float64, shape (n,)
        In 0.05 arcsec, not rounded; NaN for directions 90 degrees and more from the reference point.
    """
    # Coordinates of the camera's axes in the frame of the plane: (samples, 3 of the plane, 3 of the camera).
    forms = np.einsum("ij,njk->nik", plane.axes(), attitude.axes(boresight.roll_deg))
    x, y = np.empty(len(time)), np.empty(len(time))
    for first in range(0, len(time), _EVENTS_AT_A_TIME):
        part = slice(first, first + _EVENTS_AT_A_TIME)
        u = (detx[part] - boresight.pointing[0]) * _UNIT_RAD
        v = (dety[part] - boresight.pointing[1]) * _UNIT_RAD
        moments = time[part]

        def form(axis: int, u: FloatArray = u, v: FloatArray = v, moments: FloatArray = moments) -> FloatArray:
            at = [np.interp(moments, attitude.time, forms[:, axis, k]) for k in range(3)]
            result: FloatArray = at[0] + at[1] * u + at[2] * v
            return result

        depth = form(2)
        depth = np.where(depth > 0.0, depth * _UNIT_RAD, np.nan)
        x[part] = plane.centre - form(0) / depth
        y[part] = plane.centre + form(1) / depth
    return x, y


def fit_boresight(
    detx: npt.NDArray[Any],
    dety: npt.NDArray[Any],
    time: npt.NDArray[np.float64],
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    attitude: Attitude,
    plane: TangentPlane,
    axis: tuple[float, float] = (0.0, 0.0),
) -> Boresight:
    """Find offsets and roll of a camera from events whose X,Y are known.

    The direction of each event is brought into the frame of the spacecraft at its time; what is left to DETX,DETY is a
    shift and a rotation, whose least-squares solution is explicit.

    Parameters
    ----------
    detx, dety, time, x, y : ndarray, shape (n,)
        The events.
    attitude, plane
        As for `det_to_sky`.
    axis : tuple of float
        Optical axis of the result.
    """
    axes = attitude.axes()
    directions = plane.directions(np.asarray(x, np.float64), np.asarray(y, np.float64))
    seen = np.zeros((3, len(time)))
    for k in range(3):
        for i in range(3):
            seen[k] += np.interp(time, attitude.time, axes[:, i, k]) * directions[:, i]
    u, v = seen[1] / seen[0] / _UNIT_RAD, seen[2] / seen[0] / _UNIT_RAD
    dx, dy = detx - np.mean(detx), dety - np.mean(dety)
    du, dv = u - np.mean(u), v - np.mean(v)
    # (u, v) is (DETX, DETY) - pointing turned by -roll.
    roll = np.arctan2(np.sum(dy * du - dx * dv), np.sum(dx * du + dy * dv))
    cosine, sine = np.cos(roll), np.sin(roll)
    centre = (
        float(np.mean(detx) - (cosine * np.mean(u) - sine * np.mean(v))),
        float(np.mean(dety) - (sine * np.mean(u) + cosine * np.mean(v))),
    )
    return Boresight(pointing=centre, roll_deg=float(np.degrees(roll)), axis=axis)
