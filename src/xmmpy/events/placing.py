"""Pixels of one CCD to DETX,DETY, as whole numbers of list columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.calibration.nominal import CcdGeometry, FieldOfView


@dataclass(frozen=True, slots=True, eq=False)
class CameraPlaces:
    """Places of events in the camera; arrays of one length.

    Attributes
    ----------
    detx, dety : ndarray of int16
        DETX, DETY (0.05 arcsec).
    outside : ndarray of bool
        Outside the field of view.
    """

    detx: NDArray[np.int16]
    dety: NDArray[np.int16]
    outside: NDArray[np.bool_]


def camera_places(
    geometry: CcdGeometry,
    field_of_view: FieldOfView,
    rawx: NDArray[np.int16],
    rawy: NDArray[np.int16],
    rng: np.random.Generator | None,
) -> CameraPlaces:
    """DETX, DETY of pixels, spread evenly over them where there is a generator.

    Parameters
    ----------
    geometry : CcdGeometry
        The CCD.
    field_of_view : FieldOfView
        Of the camera.
    rawx, rawy : ndarray of int16, shape (n,)
        Pixels from 1.
    rng : numpy.random.Generator or None
        Without one events lie in the centres of their pixels.
    """
    x, y = rawx.astype(np.float32), rawy.astype(np.float32)
    if rng is not None:
        x += rng.random(x.size, np.float32) - np.float32(0.5)
        y += rng.random(y.size, np.float32) - np.float32(0.5)
    # Numbers below 40,000 units are exact to 0.004 in single precision.
    dx, dy = x - np.float32(geometry.reference[0]), y - np.float32(geometry.reference[1])
    places = [
        np.rint(
            np.float32(geometry.origin[axis])
            + np.float32(geometry.axis_x[axis]) * dx
            + np.float32(geometry.axis_y[axis]) * dy
        )
        for axis in (0, 1)
    ]
    outside = ~field_of_view.contains(places[0], places[1])
    return CameraPlaces(places[0].astype(np.int16), places[1].astype(np.int16), outside)
