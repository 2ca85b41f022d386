"""Names and other coordinates of positions on the sky."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.detection.sourcerows import unit_vectors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

# Galactic pole (12h 51m 26.27549s, +27d 07' 41.7043") and longitude of the celestial pole in FK5 J2000: the system of
# 1958 as Liu, Zhu & Zhang 2011 (A&A 526, A16) carry it over.
_POLE_RA, _POLE_DEC, _NORTH_LONGITUDE = 192.85948121, 27.12825119, 122.93191857

_SLIVER = 1e-6  # of the last digit of a name: a value that is whole in decimal stays whole

NAME_PREFIX: Final = "XMMU"
"""Acronym for sources of XMM-Newton that are in no catalogue."""


def galactic(ra: ArrayLike, dec: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """LII (0 to 360) and BII in degrees of FK5 J2000 positions in degrees."""
    pole_ra, pole_dec, north = (math.radians(angle) for angle in (_POLE_RA, _POLE_DEC, _NORTH_LONGITUDE))
    x, y, z = unit_vectors(np.asarray(ra, np.float64) - math.degrees(pole_ra), dec)
    # Axes: x' towards the pole's meridian and south of it, y' 90 degrees further east, z' the galactic pole.
    along = x * math.sin(pole_dec) - z * math.cos(pole_dec)
    up = x * math.cos(pole_dec) + z * math.sin(pole_dec)
    longitude = np.degrees(north - np.arctan2(y, -along)) % 360.0
    return longitude, np.degrees(np.arctan2(up, np.hypot(along, y)))


def iau_name(ra: float, dec: float, prefix: str = NAME_PREFIX) -> str:
    """Name of a source by the IAU's rules: ``XMMU J105237.1+572411``; the digits are cut, not rounded.

    Parameters
    ----------
    ra, dec : float
        Degrees, J2000.
    prefix : str
        The acronym.
    """
    tenths = math.floor((ra % 360.0) * 2400.0 + _SLIVER) % 864000
    arcseconds = math.floor(abs(dec) * 3600.0 + _SLIVER)
    hours, minutes, rest = tenths // 36000, tenths // 600 % 60, tenths % 600
    degrees, arcminutes, seconds = arcseconds // 3600, arcseconds // 60 % 60, arcseconds % 60
    sign = "-" if dec < 0.0 else "+"
    place = f"{hours:02d}{minutes:02d}{rest // 10:02d}.{rest % 10}{sign}{degrees:02d}{arcminutes:02d}{seconds:02d}"
    return f"{prefix} J{place}"


def iau_names(ra: Iterable[float], dec: Iterable[float], prefix: str = NAME_PREFIX) -> list[str]:
    """Give the IAU name of each position; an empty text where a position is missing."""
    pairs = zip(ra, dec, strict=True)
    return [iau_name(one, other, prefix) if math.isfinite(one + other) else "" for one, other in pairs]
