"""Add images of the sky that need not share a grid.

Both grids are tangent-plane projections, so that going from one to the other is a projective map of the
plane: a matrix of 3 x 3 on (x, y, 1), from pixel to the direction on the sky and back to pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

Sampling = Literal["point", "conserve"]

_SLIVER = 1e-3  # pixel; rounding in CRPIX must not add a row (SAS's own differ by 1e-5)


class MosaicProblem(ValueError):
    """Images cannot be put on a common grid; `index` is the number of the image that does not fit."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index
        self.problem = problem


@dataclass(frozen=True, slots=True)
class TangentGrid:
    """Pixels of a tangent-plane image of the sky (FITS ``RA---TAN``, ``DEC--TAN``).

    Attributes
    ----------
    shape : tuple of int
        Rows and columns (NAXIS2, NAXIS1).
    reference_pixel : tuple of float
        CRPIX1, CRPIX2; the centre of the first pixel is (1, 1).
    reference_sky : tuple of float
        CRVAL1, CRVAL2 in degrees.
    matrix : tuple of tuples of float
        CDi_j in degrees a pixel.
    """

    shape: tuple[int, int]
    reference_pixel: tuple[float, float]
    reference_sky: tuple[float, float]
    matrix: tuple[tuple[float, float], tuple[float, float]]

    @classmethod
    def rotated(
        cls,
        shape: tuple[int, int],
        reference_pixel: tuple[float, float],
        reference_sky: tuple[float, float],
        pixel_size: tuple[float, float],
        rotation: float = 0.0,
    ) -> TangentGrid:
        """Make a grid from CDELT1, CDELT2 and CROTA2, all in degrees."""
        cosine, sine = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
        dx, dy = pixel_size
        return cls(shape, reference_pixel, reference_sky, ((dx * cosine, -dy * sine), (dx * sine, dy * cosine)))

    @property
    def pixel_area(self) -> float:
        """Area of the reference pixel in square degrees."""
        (a, b), (c, d) = self.matrix
        return abs(a * d - b * c)

    @property
    def sizes_and_rotation(self) -> tuple[float, float, float] | None:
        """CDELT1, CDELT2 and CROTA2 in degrees, or None for skewed axes, which these cannot describe."""
        (a, b), (c, d) = self.matrix
        dy = math.hypot(b, d)
        if dy == 0.0 or self.pixel_area == 0.0:
            return None
        if b == 0.0 and c == 0.0:
            return a, d, 0.0
        cosine, sine = d / dy, -b / dy
        dx = a * cosine + c * sine
        skew = math.hypot(a - dx * cosine, c - dx * sine)
        return (dx, dy, math.degrees(math.atan2(sine, cosine))) if skew < _SLIVER * dy else None

    @property
    def to_sky(self) -> NDArray[np.float64]:
        """Matrix (3, 3) from (x, y, 1) in FITS pixels to a vector along the direction on the sky.

        Calabretta & Greisen 2002 (A&A 395, 1077), section 5.1.3, for the gnomonic projection:
        the direction is the reference direction plus xi east and eta north.
        """
        linear = np.radians(np.array(self.matrix))
        plane = np.eye(3)
        plane[:2, :2] = linear
        plane[:2, 2] = -linear @ np.array(self.reference_pixel)
        ra, dec = np.radians(self.reference_sky)
        east = np.array([-np.sin(ra), np.cos(ra), 0.0])
        north = np.array([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)])
        centre = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
        return np.column_stack((east, north, centre)) @ plane

    def sky(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """RA (0 to 360) and Dec in degrees of FITS pixels, of any one shape."""
        columns, rows = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        east, north, up = np.tensordot(self.to_sky, np.stack([columns, rows, np.ones(columns.shape)]), axes=1)
        ra = np.degrees(np.arctan2(north, east)) % 360.0
        ra = np.where(ra < 360.0, ra, 0.0)  # the remainder of a tiny negative angle rounds up to 360
        return ra, np.degrees(np.arctan2(up, np.hypot(east, north)))

    def pixel(self, ra: ArrayLike, dec: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """FITS pixels of directions in degrees, of any one shape; NaN on the far side of the sky."""
        a, d = np.broadcast_arrays(*(np.radians(np.asarray(angle, np.float64)) for angle in (ra, dec)))
        direction = np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
        x, y, depth = np.tensordot(np.linalg.inv(self.to_sky), direction, axes=1)
        depth = np.where(depth > 0.0, depth, np.nan)
        return x / depth, y / depth


def pixel_map(source: TangentGrid, target: TangentGrid) -> NDArray[np.float64]:
    """Matrix (3, 3) that takes (x, y, 1) of one grid to (x w, y w, w) of the other; w > 0 in front."""
    return np.asarray(np.linalg.solve(target.to_sky, source.to_sky), np.float64)


def project(
    matrix: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Apply a pixel map to points; those on the far side of the sky become NaN.

    Parameters
    ----------
    matrix : ndarray of float, shape (3, 3)
        As `pixel_map` gives it.
    x, y : ndarray of float, any one shape
        FITS pixel coordinates (broadcast against each other).
    """
    weight = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    weight = np.where(weight > 0, weight, np.nan)
    return (
        (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / weight,
        (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / weight,
    )


def common_grid(grids: Sequence[TangentGrid], largest: int = 2**26) -> TangentGrid:
    """Extend the grid of the first image by whole pixels until all images lie in it.

    Parameters
    ----------
    grids : sequence of TangentGrid
        At least one.
    largest : int
        Most pixels that the result may have.

    Raises
    ------
    MosaicProblem
        When an image lies too far from the first one.
    """
    first = grids[0]
    low, high = np.array([0.5, 0.5]), np.array([first.shape[1], first.shape[0]]) + 0.5
    for index, grid in enumerate(grids):
        rows, columns = grid.shape
        # The borders of a convex figure stay convex under a projective map: its corners bound it.
        corners_x = np.array([0.5, columns + 0.5, 0.5, columns + 0.5])
        corners_y = np.array([0.5, 0.5, rows + 0.5, rows + 0.5])
        corners = np.array(project(pixel_map(grid, first), corners_x, corners_y))
        if not np.all(np.isfinite(corners)):
            raise MosaicProblem(index, "lies 90 degrees or more from the first image")
        low = np.minimum(low, corners.min(axis=1))
        high = np.maximum(high, corners.max(axis=1))
        if np.prod(high - low) > largest:
            too_far = f"lies so far from the first image that the mosaic would exceed {largest} pixels"
            raise MosaicProblem(index, too_far)
    before = np.ceil(0.5 - low - _SLIVER).astype(int)
    size = before + np.ceil(high - 0.5 - _SLIVER).astype(int)
    return replace(
        first,
        shape=(int(size[1]), int(size[0])),
        reference_pixel=(
            first.reference_pixel[0] + int(before[0]),
            first.reference_pixel[1] + int(before[1]),
        ),
    )


def resample(
    image: NDArray[Any], source: TangentGrid, target: TangentGrid, sampling: Sampling = "point"
) -> NDArray[np.float64]:
    """Put an image on another grid without interpolating.

    Parameters
    ----------
    image : ndarray, shape `source.shape`
        The image; undefined pixels (NaN) count as nothing.
    source, target : TangentGrid
        Its grid and the new one.
    sampling : str
        ``point``: every new pixel takes the value of the old pixel under its centre (right for exposure
        maps; counts are kept on average where the pixels have the same size). ``conserve``: every old
        pixel is put whole into the new pixel under its centre (no count is lost or doubled).

    Returns
    -------
    ndarray of float64, shape `target.shape`
        Zero where the image has no pixel.
    """
    values = np.nan_to_num(np.asarray(image, np.float64), nan=0.0)
    forward = sampling == "conserve"
    walked, found = (source, target) if forward else (target, source)
    y, x = np.ogrid[1.0 : walked.shape[0] + 1, 1.0 : walked.shape[1] + 1]
    there_x, there_y = project(pixel_map(walked, found), x, y)
    there_x = np.nan_to_num(there_x, nan=0.0)  # pixel 0 is outside
    there_y = np.nan_to_num(there_y, nan=0.0)
    column = np.floor(np.clip(there_x, -1, found.shape[1] + 2) - 0.5).astype(np.intp)
    row = np.floor(np.clip(there_y, -1, found.shape[0] + 2) - 0.5).astype(np.intp)
    inside = (column >= 0) & (column < found.shape[1]) & (row >= 0) & (row < found.shape[0])
    result = np.zeros(target.shape)
    if forward:
        np.add.at(result, (row[inside], column[inside]), values[inside])
    else:
        result[inside] = values[row[inside], column[inside]]
    return result


def add_images(
    images: Sequence[NDArray[Any]],
    grids: Sequence[TangentGrid],
    target: TangentGrid,
    sampling: Sampling = "point",
) -> NDArray[np.float64]:
    """Sum images on a common grid, in the order given; those that are on it already go in as they are."""
    total = np.zeros(target.shape)
    for image, grid in zip(images, grids, strict=True):
        total += resample(image, grid, target, sampling)
    return total


def divide_by_exposure(counts: NDArray[np.float64], exposure: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide counts by seconds; zero where there was no exposure."""
    return np.divide(counts, exposure, out=np.zeros_like(counts), where=exposure > 0)
