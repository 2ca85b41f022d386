"""Bad pixels: FLAG bits by place, and the search for unknown ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xmmpy.calibration.badpixels import BadPixels
from xmmpy.events.badpixels.find import Sought, find_bad_pixels
from xmmpy.events.badpixels.placing import bad_map, pixel_flags

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from xmmpy.calibration.nominal import CcdGeometry

__all__ = ["Sought", "bad_map", "count_pixels", "find_bad_pixels", "known_and_found", "pixel_flags"]


def count_pixels(geometry: CcdGeometry, rawx: NDArray[Any], rawy: NDArray[Any]) -> NDArray[np.int64]:
    """Counts by [RAWX, RAWY] from 1; events outside of the CCD are left out."""
    width, height = geometry.last[0] + 1, geometry.last[1] + 1
    inside = (rawx >= 1) & (rawx < width) & (rawy >= 1) & (rawy < height)
    place = rawx[inside].astype(np.int64) * height + rawy[inside]
    return np.bincount(place, minlength=width * height).reshape(width, height)


def known_and_found(
    geometry: CcdGeometry, rawx: NDArray[Any], rawy: NDArray[Any], known: BadPixels, sought: Sought | None = None
) -> BadPixels:
    """Known bad pixels, and those that the events of a CCD tell.

    Parameters
    ----------
    geometry : CcdGeometry
        The CCD.
    rawx, rawy : ndarray of int, shape (n,)
        All its events, in the coordinates of event lists.
    known : BadPixels
        Those that the calibration names.
    sought : Sought, optional
        Limits; those of the camera when not given.
    """
    counts = count_pixels(geometry, rawx, rawy)
    found = find_bad_pixels(counts, bad_map(geometry, known), sought or Sought.of(geometry.camera))
    return BadPixels.join(known, found)
