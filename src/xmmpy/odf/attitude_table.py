"""The attitude of an observation sampled evenly, and its means and medians (table ATTHK)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.odf.attitude import MAX_DISTANCE, separation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.odf.attitude import Attitude


@dataclass(frozen=True, slots=True)
class AttitudeTable:
    """Samples of the attitude.

    Attributes
    ----------
    time : ndarray of float64, shape (n,)
        MET in s.
    right_ascension, declination, position_angle : ndarray of float64, shape (n,)
        Degrees; NaN where the attitude is not known.
    offset : ndarray of float64, shape (n,)
        Angle from the median pointing, degrees.
    mean, median : tuple of three float
        Of right ascension, declination and position angle, degrees. Means and medians of angles are taken around the
        first of them, so that a pointing at 0 = 360 degrees has its mean there.
    """

    time: NDArray[np.float64]
    right_ascension: NDArray[np.float64]
    declination: NDArray[np.float64]
    position_angle: NDArray[np.float64]
    offset: NDArray[np.float64]
    mean: tuple[float, float, float]
    median: tuple[float, float, float]

    @property
    def good(self) -> NDArray[np.bool_]:
        """Samples whose attitude is known."""
        return np.isfinite(self.right_ascension)


def sample_attitude(
    attitude: Attitude, start: float, stop: float, step: float = 1.0, max_distance: float = MAX_DISTANCE
) -> AttitudeTable:
    """Sample the attitude from `start` to `stop`, both included where they are whole steps apart.

    Parameters
    ----------
    attitude : Attitude
        Records.
    start, stop, step : float
        MET in s.
    max_distance : float
        Seconds from the nearest record beyond which there is no attitude.

    Raises
    ------
    ValueError
        When no sample has an attitude.
    """
    time = np.asarray(start + step * np.arange(int(np.floor((stop - start) / step + 1e-9)) + 1), np.float64)
    pointing = attitude.at(time, max_distance)
    good = pointing.known
    if not good.any():
        raise ValueError(f"no moment of the observation is within {max_distance:g} s of an attitude")
    angles = (pointing.right_ascension[good], pointing.declination[good], pointing.position_angle[good])
    right_ascension, declination, position_angle = (_around_first(angle) for angle in angles)
    parts = (right_ascension, declination, position_angle)
    circles = (True, False, True)
    mean = [_on_circle(float(np.mean(part)), circle) for part, circle in zip(parts, circles, strict=True)]
    median = [_on_circle(float(np.median(part)), circle) for part, circle in zip(parts, circles, strict=True)]
    offset = separation(pointing.right_ascension, pointing.declination, median[0], median[1])
    return AttitudeTable(
        time,
        pointing.right_ascension,
        pointing.declination,
        pointing.position_angle,
        offset,
        (mean[0], mean[1], mean[2]),
        (median[0], median[1], median[2]),
    )


def _around_first(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring angles within half a turn of the first of them; others stay as they are, to the last digit."""
    away = angle - angle[0]
    turned = np.where(away > 180, angle - 360, np.where(away < -180, angle + 360, angle))
    return np.asarray(turned, np.float64)


def _on_circle(angle: float, circle: bool) -> float:
    return angle % 360 if circle else angle
