"""Where the telescopes pointed: right ascension, declination and position angle at any time.

A record of the attitude history (ATS) holds from VALTIME for VALDUR seconds; between two records the attitude turns
evenly, about one axis. This is how SAS's ATTHK tables come out of it: constant over a record, with a step of one second
to the next. A moment more than 20 s away from any record has no attitude (task page of atthkgen).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MAX_DISTANCE = 20.0


@dataclass(frozen=True, slots=True)
class Pointing:
    """Directions on the sky.

    Attributes
    ----------
    right_ascension, declination, position_angle : ndarray of float64, shape (n,)
        Degrees, J2000; NaN where the attitude is not known.
    """

    right_ascension: NDArray[np.float64]
    declination: NDArray[np.float64]
    position_angle: NDArray[np.float64]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether the attitude is known."""
        return np.isfinite(self.right_ascension)


@dataclass(frozen=True, slots=True)
class Attitude:
    """Attitude records in the order of time.

    Attributes
    ----------
    start, stop : ndarray of float64, shape (n,)
        Begin and end of the validity of each record, MET in s; records do not overlap.
    quaternion : ndarray of float64, shape (n, 4)
        Rotation of each record (scalar first).
    source : str
        ``AHF`` (attitude history), ``RAF`` (raw attitude) or ``FIXED``.
    dropped : int
        Records that could not be used.
    contingency : int
        Records that are used although they carry the attitude contingency flag.
    """

    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    quaternion: NDArray[np.float64]
    source: str = "AHF"
    dropped: int = 0
    contingency: int = 0

    @classmethod
    def of(
        cls,
        start: ArrayLike,
        stop: ArrayLike,
        right_ascension: ArrayLike,
        declination: ArrayLike,
        position_angle: ArrayLike,
        source: str = "AHF",
        contingency: ArrayLike | None = None,
    ) -> Attitude:
        """Build it from records in any order.

        Parameters
        ----------
        start, stop : array-like of float, shape (n,)
            MET in s.
        right_ascension, declination, position_angle : array-like of float, shape (n,)
            Degrees.
        source : str
            Where they are from.
        contingency : array-like of bool, shape (n,), optional
            Records with the attitude contingency flag.
        """
        begin, end = np.asarray(start, np.float64), np.asarray(stop, np.float64)
        angles = np.stack([np.asarray(part, np.float64) for part in (right_ascension, declination, position_angle)])
        good = np.isfinite(begin) & np.isfinite(end) & np.isfinite(angles).all(axis=0) & (end >= begin)
        order = np.flatnonzero(good)[np.argsort(begin[good], kind="stable")]
        begin, end, angles = begin[order], end[order], angles[:, order]
        first = np.concatenate(([True], np.diff(begin) > 0)) if begin.size else np.zeros(0, bool)
        begin, end, angles = begin[first], end[first], angles[:, first]
        end[:-1] = np.minimum(end[:-1], begin[1:])
        flagged = 0 if contingency is None else int(np.count_nonzero(np.asarray(contingency)[order][first]))
        return cls(begin, end, to_quaternion(*angles), source, int(good.size - begin.size), flagged)

    @classmethod
    def fixed(cls, right_ascension: float, declination: float, position_angle: float) -> Attitude:
        """Build an attitude that never changes (degrees)."""
        quaternion = to_quaternion(*(np.array([part]) for part in (right_ascension, declination, position_angle)))
        return cls(np.array([-np.inf]), np.array([np.inf]), quaternion, "FIXED")

    def __len__(self) -> int:
        return int(self.start.size)

    def at(self, met: ArrayLike, max_distance: float = MAX_DISTANCE) -> Pointing:
        """Attitude at moments in time.

        Parameters
        ----------
        met : array-like of float, shape (m,)
            MET in s.
        max_distance : float
            Seconds from the nearest record beyond which there is no attitude.
        """
        moments = np.atleast_1d(np.asarray(met, np.float64))
        if not len(self):
            nothing = np.full(moments.size, np.nan)
            return Pointing(nothing, nothing.copy(), nothing.copy())
        last = len(self) - 1
        before = np.clip(np.searchsorted(self.start, moments, side="right") - 1, 0, last)
        after = np.minimum(before + 1, last)
        since, until = moments - self.stop[before], self.start[after] - moments
        gap = np.where(after > before, self.start[after] - self.stop[before], 0.0)
        between = (since > 0) & (after > before)
        part = np.where(between, since / np.where(gap > 0, gap, 1.0), 0.0)
        turned = self.quaternion[before].copy()
        if between.any():
            turned[between] = _turn(
                self.quaternion[before[between]], self.quaternion[after[between]], part[between, np.newaxis]
            )
        distance = np.maximum(since, 0.0)
        distance = np.where(after > before, np.minimum(distance, np.maximum(until, 0.0)), distance)
        distance = np.where(moments < self.start[0], self.start[0] - moments, distance)
        far = (distance > max_distance) | ~np.isfinite(moments)
        right_ascension, declination, position_angle = from_quaternion(turned)
        for angle in (right_ascension, declination, position_angle):
            angle[far] = np.nan
        return Pointing(right_ascension, declination, position_angle)


def to_quaternion(
    right_ascension: NDArray[np.float64], declination: NDArray[np.float64], position_angle: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Rotation that brings the x axis to the pointing and the z axis to the position angle (north through east).

    Parameters
    ----------
    right_ascension, declination, position_angle : ndarray of float64, shape (n,)
        Degrees.

    Returns
    -------
    ndarray of float64, shape (n, 4)
        Scalar first: rotations about z by the right ascension, y by minus the declination, x by minus the position
        angle, in this order from left to right.
    """
    halves = [np.radians(angle) / 2 for angle in (right_ascension, -declination, -position_angle)]
    (cz, cy, cx), (sz, sy, sx) = [np.cos(half) for half in halves], [np.sin(half) for half in halves]
    return np.stack(
        [
            cz * cy * cx + sz * sy * sx,
            cz * cy * sx - sz * sy * cx,
            cz * sy * cx + sz * cy * sx,
            sz * cy * cx - cz * sy * sx,
        ],
        axis=-1,
    )


def from_quaternion(
    quaternion: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Right ascension (0 to 360), declination and position angle (0 to 360), degrees; inverse of `to_quaternion`.

    At a pole, where right ascension and position angle are not separate, their combination is right.
    """
    w, x, y, z = np.moveaxis(quaternion, -1, 0)
    axis = (1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y))
    top = (2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y))
    along = np.hypot(axis[0], axis[1])
    longitude = np.arctan2(axis[1], axis[0])
    latitude = np.arctan2(axis[2], along)
    cosine, sine = np.cos(longitude), np.sin(longitude)
    east = -sine * top[0] + cosine * top[1]
    north = -np.sin(latitude) * (cosine * top[0] + sine * top[1]) + np.cos(latitude) * top[2]
    return (
        _full_circle(np.degrees(longitude)),
        np.degrees(latitude),
        _full_circle(np.degrees(np.arctan2(east, north))),
    )


def separation(
    right_ascension: ArrayLike, declination: ArrayLike, centre_right_ascension: float, centre_declination: float
) -> NDArray[np.float64]:
    """Angle from a place on the sky, degrees; exact for small angles too (haversines)."""
    longitude, latitude = np.radians(np.asarray(right_ascension)), np.radians(np.asarray(declination))
    longitude0, latitude0 = np.radians(centre_right_ascension), np.radians(centre_declination)
    half = (
        np.sin((latitude - latitude0) / 2) ** 2
        + np.cos(latitude) * np.cos(latitude0) * np.sin((longitude - longitude0) / 2) ** 2
    )
    return np.asarray(np.degrees(2 * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))), np.float64)


def _turn(one: NDArray[np.float64], two: NDArray[np.float64], part: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn evenly from one rotation to another, the short way."""
    cosine = np.sum(one * two, axis=-1, keepdims=True)
    two = np.where(cosine < 0, -two, two)
    # From the chord, not from the cosine: exact for the small turns that an attitude makes.
    chord = np.linalg.norm(two - one, axis=-1, keepdims=True)
    angle = 2 * np.arcsin(np.clip(chord / 2, 0.0, 1.0))
    small = angle < 1e-9  # here the sines are their angles
    sine = np.where(small, 1.0, np.sin(angle))
    first = np.where(small, 1 - part, np.sin((1 - part) * angle) / sine)
    second = np.where(small, part, np.sin(part * angle) / sine)
    mixed = first * one + second * two
    return np.asarray(mixed / np.linalg.norm(mixed, axis=-1, keepdims=True), np.float64)


def _full_circle(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    turned = np.mod(degrees, 360.0)
    turned[turned == 360.0] = 0.0
    return np.asarray(turned, np.float64)
