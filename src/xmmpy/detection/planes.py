"""What source detection works on: images of cameras and bands on one grid, and how each camera lies on that grid.

Pixel coordinates here count from 0 at the centre of the first pixel; X_IMA and Y_IMA of source lists count from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.calibration.nominal import boresight, ccd_geometry

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

INSTRUMENT_IDS: Final = {"EPN": 1, "EMOS1": 2, "EMOS2": 3}
"""ID_INST of the cameras; 0 is the sum over all."""
INSTRUMENT_LABELS: Final = {1: "PN", 2: "M1", 3: "M2"}
"""The two letters of a camera in column names and keywords."""
UNITS_PER_ARCMIN: Final = 60.0 / 0.05


@dataclass(frozen=True)
class CameraView:
    """How a camera lies on the image of the sky: an affine map from pixels to DETX, DETY.

    Attributes
    ----------
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.
    to_det : tuple of 2 tuples of 3 floats
        DETX, DETY (0.05 arcsec) = matrix times (x, y, 1).
    pixel_arcsec : float
        Side of a pixel.
    """

    camera: str
    to_det: tuple[tuple[float, float, float], tuple[float, float, float]]
    pixel_arcsec: float

    @classmethod
    def of_pointing(
        cls,
        camera: str,
        pointing: tuple[float, float],
        position_angle_deg: float,
        matrix_deg: tuple[tuple[float, float], tuple[float, float]],
    ) -> CameraView:
        """Build the view from the pixel of the pointing and its position angle.

        Parameters
        ----------
        camera : str
            Camera.
        pointing : tuple of float
            Pixel of RA_PNT, DEC_PNT.
        position_angle_deg : float
            PA_PNT.
        matrix_deg : 2 x 2 floats
            CDi_j of the image: degrees east and north a pixel.
        """
        site = boresight(camera)
        angle = np.radians(position_angle_deg + site.roll_deg)
        # X grows to the west: (X, Y) -> (DETX, DETY) is a rotation with a flip, its own inverse (attcalc's convention).
        turn = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
        plane = np.array([[-1.0, 0.0], [0.0, 1.0]]) @ np.array(matrix_deg) * (3600.0 / 0.05)
        linear = turn @ plane
        shift = np.array(site.pointing) - linear @ np.array(pointing)
        pixel = float(np.sqrt(abs(np.linalg.det(np.array(matrix_deg)))) * 3600.0)
        rows = tuple((float(a), float(b), float(c)) for (a, b), c in zip(linear, shift, strict=True))
        return cls(camera, (rows[0], rows[1]), pixel)

    @property
    def instrument(self) -> int:
        """ID_INST."""
        return INSTRUMENT_IDS[self.camera]

    def det(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """DETX, DETY (0.05 arcsec) of pixels."""
        (a, b, c), (d, e, f) = self.to_det
        return a * x + b * y + c, d * x + e * y + f

    @cached_property
    def axis(self) -> tuple[float, float]:
        """Pixel of the optical axis."""
        (a, b, c), (d, e, f) = self.to_det
        u, v = np.linalg.solve([[a, b], [d, e]], np.array(boresight(self.camera).axis) - (c, f))
        return float(u), float(v)

    def offaxis_arcmin(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Angle from the optical axis (arcmin)."""
        result: FloatArray = np.hypot(x - self.axis[0], y - self.axis[1]) * self.pixel_arcsec / 60.0
        return result

    def azimuth_rad(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Direction from the optical axis, from the x axis of the image counter-clockwise (radian)."""
        result: FloatArray = np.arctan2(y - self.axis[1], x - self.axis[0])
        return result

    def ccd_pixel(self, x: float, y: float) -> tuple[int, float, float]:
        """CCDNR, RAWX, RAWY under a pixel of the image; CCDNR 0 and NaN between the CCDs."""
        detx, dety = self.det(np.array([x]), np.array([y]))
        for ccd in ccd_geometry(self.camera):
            (rawx,), (rawy,) = ccd.det_to_raw(detx, dety)
            low, high = np.array(ccd.first) - 0.5, np.array(ccd.last) + 0.5
            if low[0] <= rawx <= high[0] and low[1] <= rawy <= high[1]:
                return ccd.ccd, float(rawx), float(rawy)
        return 0, float("nan"), float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """The image of one camera in one band.

    Attributes
    ----------
    instrument, band : int
        ID_INST and ID_BAND (number of the image among those of its camera, from 1).
    low_ev, high_ev : float
        PIMIN and PIMAX.
    counts : ndarray, shape (rows, columns)
        Counts.
    exposure : ndarray of the same shape
        Vignetted exposure (s); ones where none is used.
    background : ndarray of the same shape or None
        Background map (counts a pixel).
    ecf : float
        Energy conversion factor (1e11 counts cm2 / erg).
    """

    instrument: int
    band: int
    low_ev: float
    high_ev: float
    counts: npt.NDArray[Any]
    exposure: npt.NDArray[Any]
    background: npt.NDArray[Any] | None = None
    ecf: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """All images of a detection run, in the order pn, MOS1, MOS2, and by band in each.

    Attributes
    ----------
    planes : tuple of Plane
        The images; all of one shape.
    masks : dict of int to ndarray of bool
        Detection mask by ID_INST.
    views : dict of int to CameraView
        How the cameras lie, by ID_INST.
    """

    planes: tuple[Plane, ...]
    masks: dict[int, npt.NDArray[np.bool_]]
    views: dict[int, CameraView]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.planes[0].counts.shape
        return int(rows), int(columns)

    @property
    def pixel_arcsec(self) -> float:
        """Side of a pixel."""
        return next(iter(self.views.values())).pixel_arcsec

    @property
    def instruments(self) -> tuple[int, ...]:
        """ID_INST of the cameras that take part, in order."""
        return tuple(dict.fromkeys(plane.instrument for plane in self.planes))

    def bands(self, instrument: int) -> Sequence[Plane]:
        """Images of one camera by band."""
        return [plane for plane in self.planes if plane.instrument == instrument]
