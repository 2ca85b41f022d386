"""Exposure maps: how long each pixel of an image was looked at, weighted with the vignetting.

The detector is a raster in DETX, DETY that says which CCD sees with which spot. For each attitude the pixels of
the image are brought onto the raster by a projective map, each divided into subpixels, and collect the time of the CCDs
that they meet. Bands differ in their vignetting alone, which is smooth: it is taken at the centres of the pixels, so
that all bands come from one pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from xmmpy.calibration.nominal import AzimuthalVignetting, CcdGeometry, FieldOfView, Vignetting

    FloatArray = npt.NDArray[np.float64]

SUBPIXELS: Final = 4
"""Image pixels are divided into so many parts along each side: about one pixel of MOS for the usual 4 arcsec."""
PARTS_OF_A_PIXEL: Final = 2
"""Cells of the raster along the side of a CCD's pixel."""
_STEPS_PER_ARCMIN = 20
_FARTHEST_ARCMIN = 25.0


@dataclass(frozen=True, slots=True, eq=False)
class DetectorRaster:
    """Which CCD sees with which spot of the focal plane.

    Attributes
    ----------
    ccd : ndarray of uint8, shape (rows, columns)
        Number of the CCD, 0 where none sees: gaps, bad pixels, outside of the field of view.
    origin : tuple of float
        DETX, DETY (0.05 arcsec) of the centre of the first cell.
    step : float
        Side of a cell (0.05 arcsec).
    """

    ccd: npt.NDArray[np.uint8]
    origin: tuple[float, float]
    step: float


def detector_raster(
    geometry: Sequence[CcdGeometry],
    good: Mapping[int, npt.NDArray[np.bool_]],
    field_of_view: FieldOfView | None,
) -> DetectorRaster:
    """Lay the usable pixels of the CCDs onto a raster.

    Parameters
    ----------
    geometry : sequence of CcdGeometry
        The CCDs.
    good : mapping of int to ndarray of bool, indexed [RAWX, RAWY]
        Which pixels are used; a CCD that is not in it sees nothing.
    field_of_view : FieldOfView, optional
        Outside of it nothing counts.
    """
    step = geometry[0].pixel / PARTS_OF_A_PIXEL
    corners = []
    for ccd in geometry:
        x, y = np.array([ccd.first[0] - 1.0, ccd.last[0] + 1.0]), np.array([ccd.first[1] - 1.0, ccd.last[1] + 1.0])
        corners.append(np.array(ccd.raw_to_det(np.repeat(x, 2), np.tile(y, 2))))
    places = np.concatenate(corners, axis=1)
    low, high = places.min(axis=1), places.max(axis=1)
    columns, rows = (int(size) for size in np.ceil((high - low) / step) + 1)
    raster = np.zeros((rows, columns), np.uint8)
    for ccd in geometry:
        if ccd.ccd in good:
            _lay(raster, ccd, good[ccd.ccd], low, step)
    if field_of_view is not None:
        detx, dety = low[0] + step * np.arange(columns), low[1] + step * np.arange(rows)
        raster[~field_of_view.contains(detx[None, :], dety[:, None])] = 0
    return DetectorRaster(raster, (float(low[0]), float(low[1])), step)


def _lay(
    raster: npt.NDArray[np.uint8], ccd: CcdGeometry, good: npt.NDArray[np.bool_], low: FloatArray, step: float
) -> None:
    """Mark the cells of one CCD."""
    x, y = np.array([ccd.first[0] - 1.0, ccd.last[0] + 1.0]), np.array([ccd.first[1] - 1.0, ccd.last[1] + 1.0])
    corners = (np.array(ccd.raw_to_det(np.repeat(x, 2), np.tile(y, 2))) - low[:, None]) / step
    first = np.maximum(np.floor(corners.min(axis=1)).astype(int), 0)
    last = np.minimum(np.ceil(corners.max(axis=1)).astype(int) + 1, raster.shape[::-1])
    detx = low[0] + step * np.arange(first[0], last[0], dtype=np.float64)
    dety = low[1] + step * np.arange(first[1], last[1], dtype=np.float64)
    rawx, rawy = ccd.det_to_raw(detx[None, :], dety[:, None])
    column, row = np.rint(rawx).astype(np.intp), np.rint(rawy).astype(np.intp)
    inside = (column >= ccd.first[0]) & (column <= ccd.last[0]) & (row >= ccd.first[1]) & (row <= ccd.last[1])
    inside[inside] = good[column[inside], row[inside]]
    raster[first[1] : last[1], first[0] : last[0]][inside] = ccd.ccd


@dataclass(frozen=True, slots=True, eq=False)
class AttitudeBins:
    """Attitudes that differ by more than a step, and how long each CCD looked in each.

    Attributes
    ----------
    ra, dec, position_angle : ndarray, shape (n,)
        Mean attitude (degrees).
    time : ndarray, shape (n, 13)
        Seconds, by the number of the CCD.
    """

    ra: FloatArray
    dec: FloatArray
    position_angle: FloatArray
    time: FloatArray


def bin_attitude(
    ra: FloatArray, dec: FloatArray, position_angle: FloatArray, time: FloatArray, step_arcsec: float
) -> AttitudeBins:
    """Gather attitude samples.

    Parameters
    ----------
    ra, dec, position_angle : ndarray, shape (n,)
        Samples (degrees).
    time : ndarray, shape (n, 13)
        Seconds that each CCD looked in each sample.
    step_arcsec : float
        Size of the bins; a turn counts by what it moves at 15 arcmin from the axis.
    """
    used = time.sum(axis=1) > 0.0
    ra, dec, position_angle, time = ra[used], dec[used], position_angle[used], time[used]
    if not ra.size:
        return AttitudeBins(ra, dec, position_angle, time)
    away = (ra - ra[0] + 180.0) % 360.0 - 180.0
    turned = (position_angle - position_angle[0] + 180.0) % 360.0 - 180.0
    moved = np.stack([away * np.cos(np.radians(dec[0])), dec - dec[0], np.radians(turned) * 0.25], axis=1) * 3600.0
    moved -= np.median(moved, axis=0)
    _, number = np.unique(np.rint(moved / step_arcsec).astype(np.int64), axis=0, return_inverse=True)
    number = number.ravel()
    weight = time.sum(axis=1)
    whole = np.bincount(number, weight)
    means = [np.bincount(number, weight * values) / whole for values in (away, dec, turned)]
    gathered = np.stack([np.bincount(number, column).astype(np.float64) for column in time.T], axis=1)
    return AttitudeBins((ra[0] + means[0]) % 360.0, means[1], (position_angle[0] + means[2]) % 360.0, gathered)


def exposure_maps(
    raster: DetectorRaster,
    shape: tuple[int, int],
    to_det: Sequence[FloatArray],
    time: FloatArray,
    axis: tuple[float, float],
    vignetting: Vignetting | None,
    azimuthal: AzimuthalVignetting | None,
    energies_kev: Sequence[float],
    subpixels: int | None = None,
) -> FloatArray:
    """Seconds that each pixel of an image was looked at, in each band.

    Parameters
    ----------
    raster : DetectorRaster
        The camera.
    shape : tuple of int
        Rows and columns of the image.
    to_det : sequence of ndarray, shape (3, 3)
        For each attitude the projective map from pixels of the image, counted from 1, to DETX, DETY.
    time : ndarray, shape (attitudes, 13)
        Seconds, by the number of the CCD (0: none).
    axis : tuple of float
        DETX, DETY of the optical axis.
    vignetting : Vignetting or None
        Relative effective area; None for plain exposure, the same in all bands.
    azimuthal : AzimuthalVignetting or None
        Further factor by the place about the axis.
    energies_kev : sequence of float
        Energy of each band.
    subpixels : int, optional
        Parts of an image pixel along each side.

    Returns
    -------
    ndarray, shape (bands, rows, columns)
        Seconds.
    """
    bands = len(energies_kev) if vignetting is not None else 1
    profile = _profiles(vignetting, energies_kev)
    factors = np.ones((1, 1)) if azimuthal is None else np.ascontiguousarray(azimuthal.coefficients)
    result = np.zeros((bands, *shape))
    kernel = _kernel()
    seconds = np.ascontiguousarray(time, np.float64)
    seconds[:, 0] = 0.0
    for matrix, times in zip(to_det, seconds, strict=True):
        kernel(
            raster.ccd, raster.origin[0], raster.origin[1], raster.step, np.ascontiguousarray(matrix), times, axis[0],
            axis[1], profile, factors, subpixels or SUBPIXELS, result,
        )  # fmt: skip
    if vignetting is None and len(energies_kev) > 1:
        result = np.repeat(result, len(energies_kev), axis=0)
    return result


def _profiles(vignetting: Vignetting | None, energies_kev: Sequence[float]) -> FloatArray:
    """Vignetting of the bands by the off-axis angle in steps of 3 arcsec, shape (bands, steps)."""
    angle = np.arange(int(_FARTHEST_ARCMIN * _STEPS_PER_ARCMIN)) / _STEPS_PER_ARCMIN
    if vignetting is None:
        return np.ones((1, angle.size))
    return np.stack([vignetting.at(np.full(angle.size, energy), angle) for energy in energies_kev])


@cache
def _kernel() -> Callable[..., None]:
    from numba import njit

    def add(
        ccd: npt.NDArray[np.uint8],
        x0: float,
        y0: float,
        step: float,
        matrix: FloatArray,
        times: FloatArray,
        axis_x: float,
        axis_y: float,
        profile: FloatArray,
        factors: FloatArray,
        parts: int,
        result: FloatArray,
    ) -> None:
        rows, columns = result.shape[1], result.shape[2]
        last = profile.shape[1] - 1
        for row in range(rows):
            for column in range(columns):
                total = 0.0
                for sub_y in range(parts):
                    y = row + 0.5 + (sub_y + 0.5) / parts
                    for sub_x in range(parts):
                        x = column + 0.5 + (sub_x + 0.5) / parts
                        depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
                        if depth <= 0.0:
                            continue
                        detx = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / depth
                        dety = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / depth
                        cell_x = int(np.floor((detx - x0) / step + 0.5))
                        cell_y = int(np.floor((dety - y0) / step + 0.5))
                        if 0 <= cell_x < ccd.shape[1] and 0 <= cell_y < ccd.shape[0]:
                            total += times[ccd[cell_y, cell_x]]
                if total <= 0.0:
                    continue
                total /= parts * parts
                x, y = column + 1.0, row + 1.0
                depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
                dx = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / depth - axis_x
                dy = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / depth - axis_y
                dx, dy = dx / 1200.0, dy / 1200.0  # arcmin
                azimuthal = 0.0
                for i in range(factors.shape[0] - 1, -1, -1):
                    inner = 0.0
                    for j in range(factors.shape[1] - 1, -1, -1):
                        inner = inner * dy + factors[i, j]
                    azimuthal = azimuthal * dx + inner
                total *= azimuthal
                place = np.sqrt(dx * dx + dy * dy) * 20.0  # _STEPS_PER_ARCMIN
                low = min(int(place), last - 1)
                part = min(place - low, 1.0)
                for band in range(profile.shape[0]):
                    factor = profile[band, low] * (1.0 - part) + profile[band, low + 1] * part
                    result[band, row, column] += total * factor

    compiled: Callable[..., Any] = njit(cache=True, nogil=True)(add)
    return compiled
