"""The photons of known sources in an image: their cores and wings, from the point-spread function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.detection.psf import REACH_ARCSEC

if TYPE_CHECKING:
    import numpy.typing as npt

    from xmmpy.detection.psf import PsfShape

    FloatArray = npt.NDArray[np.float64]

_RADII: Final = np.arange(0.0, REACH_ARCSEC, 0.25)


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A source: its place (pixels from 0), its counts in the image, and its point-spread function there."""

    x: float
    y: float
    counts: float
    shape: PsfShape

    def radius_at(self, brightness: float) -> float:
        """Radius (arcsec) at which it falls to so many counts/arcsec2; 0 where it is never so bright."""
        return float(np.interp(brightness, self._profile()[::-1], _RADII[::-1], right=0.0))

    def distances(
        self, shape: tuple[int, int], pixel_arcsec: float, reach_arcsec: float = REACH_ARCSEC
    ) -> tuple[tuple[slice, slice], FloatArray]:
        """Part of an image of `shape` within a distance, and the distances of its pixels (arcsec)."""
        reach = int(reach_arcsec / pixel_arcsec) + 1
        rows = slice(max(int(self.y) - reach, 0), min(max(int(self.y) + reach + 1, 0), shape[0]))
        columns = slice(max(int(self.x) - reach, 0), min(max(int(self.x) + reach + 1, 0), shape[1]))
        y, x = np.ogrid[rows, columns]
        return (rows, columns), np.hypot(x - self.x, y - self.y) * pixel_arcsec

    def pixel_counts(self, distance_arcsec: FloatArray, pixel_arcsec: float) -> FloatArray:
        """Counts in pixels at distances (arcsec) from it."""
        return np.interp(distance_arcsec, _RADII, self._profile(), right=0.0) * pixel_arcsec**2

    def _profile(self) -> FloatArray:
        return self.counts * self.shape.surface(_RADII)
