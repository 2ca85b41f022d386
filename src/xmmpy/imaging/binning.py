"""Bin columns: the rules that turn a range and a size into pixels, and the counting itself.

The rules are those of SAS's evselect: an integer column has integer bins, and a value equal to the
minimum lies in the first bin, one equal to the maximum in the last (task page of evselect, section on
image extraction).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.imaging.kernels import count_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BINS = 1 << 27
# Columns of these types are binned in 32 bits; the limit keeps differences from wrapping into the range.
_FAST_TYPES = frozenset({"u1", "i1", "u2", "i2", "i4"})
_FAST_LIMIT = 2.0**29


@dataclass(frozen=True, slots=True)
class Axis:
    """Equal bins along one column.

    Attributes
    ----------
    low : float
        Lower border of the first bin (the smallest value in it).
    width : float
        Width of a bin.
    count : int
        Number of bins.
    integer : bool
        Whether the column holds integers: a bin then holds `width` consecutive values.
    high : float
        Largest value that is counted.
    """

    low: float
    width: float
    count: int
    integer: bool
    high: float

    @property
    def first_centre(self) -> float:
        """Centre of the first bin: the mean of the values in it."""
        return self.low + (self.width - 1.0 if self.integer else self.width) / 2.0

    def centres(self) -> NDArray[np.float64]:
        """Centres of all bins, shape (count,)."""
        return self.first_centre + self.width * np.arange(self.count, dtype=np.float64)

    def index(self, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Find the bins of values.

        Parameters
        ----------
        values : ndarray of a number type, shape (n,)
            Values of the column.

        Returns
        -------
        index : ndarray of int, shape (n,)
            Bin numbers from 0; meaningless where `inside` is False.
        inside : ndarray of bool, shape (n,)
            Whether a value lies in the range; NaN does not.
        """
        if self.integer and values.dtype.str[1:] in _FAST_TYPES and max(abs(self.low), abs(self.high)) < _FAST_LIMIT:
            # One comparison serves both ends: what lies below wraps around to large numbers.
            offset = np.subtract(values, np.int32(self.low), dtype=np.int32, casting="unsafe")
            inside = offset.view(np.uint32) <= np.uint32(self.high - self.low)
            return (offset if self.width == 1.0 else offset // np.int32(self.width)), inside
        inside = (values >= self.low) & (values <= self.high)
        if self.integer:
            offset = np.where(inside, values, values.dtype.type(0)).astype(np.int64) - int(self.low)
            index = offset if self.width == 1.0 else offset // int(self.width)
        else:
            scaled = np.where(inside, (values - self.low) / self.width, 0.0)
            index = np.minimum(scaled.astype(np.int64), self.count - 1)
        return index, inside


def axis_of_width(low: float, high: float, width: float, *, integer: bool) -> Axis:
    """Bin a range with bins of a given width; the last one may reach beyond `high`.

    Raises
    ------
    ValueError
        When the range is empty, the width is not positive, or integers meet a width that is none.
    """
    _check(low, high)
    if not width > 0 or not math.isfinite(width):
        raise ValueError(f"a bin of width {width:g} is not possible")
    if integer:
        if width != int(width):
            raise ValueError(f"an integer column takes whole bin sizes, not {width:g}")
        low, high = math.ceil(low), math.floor(high)
        count = math.ceil((high - low + 1) / width)
    else:
        rounding = 4 * float(np.spacing(max(abs(low), abs(high))))  # of the difference that the user meant
        count = max(1, math.ceil((high - low - rounding) / width))
    return _limited(Axis(float(low), float(width), count, integer, float(high)))


def axis_of_size(low: float, high: float, size: int, *, integer: bool) -> Axis:
    """Bin a range with at most `size` bins; integers get the next larger whole bin.

    Raises
    ------
    ValueError
        When the range is empty or the size is not positive.
    """
    _check(low, high)
    if size < 1:
        raise ValueError(f"{size} bins are not possible")
    if integer:
        span = math.floor(high) - math.ceil(low) + 1
        return axis_of_width(low, high, float(max(1, math.ceil(span / size))), integer=True)
    width = (high - low) / size
    return _limited(Axis(float(low), width, size, integer=False, high=float(high)))


def _check(low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high)) or low > high:
        raise ValueError(f"the range {low:g} to {high:g} is empty")


def _limited(axis: Axis) -> Axis:
    if axis.count > MAX_BINS:
        raise ValueError(f"{axis.count} bins are more than the limit of {MAX_BINS}")
    if not axis.width > 0:
        raise ValueError(f"the range {axis.low:g} to {axis.high:g} is empty")
    return axis


def pixel_numbers(axes: tuple[Axis, ...], columns: tuple[NDArray[Any], ...]) -> NDArray[Any]:
    """Number the pixel of each row.

    Parameters
    ----------
    axes : tuple of Axis
        The first varies fastest, as in FITS.
    columns : tuple of ndarray, each of shape (n,)
        Values of the rows.

    Returns
    -------
    ndarray of int, shape (n,)
        Pixel numbers from 0 in C order of the image; the number of pixels for rows outside it.
    """
    size = math.prod(axis.count for axis in axes)
    kind = np.int32 if size < np.iinfo(np.int32).max else np.int64
    first, inside = axes[0].index(columns[0])
    pixels: NDArray[Any] = first.astype(kind, copy=False)
    stride = axes[0].count
    for axis, values in zip(axes[1:], columns[1:], strict=True):
        index, valid = axis.index(values)
        shifted: NDArray[Any] = np.multiply(index, stride, dtype=kind, casting="unsafe")
        pixels = np.add(pixels, shifted)
        inside &= valid
        stride *= axis.count
    np.copyto(pixels, size, where=~inside, casting="unsafe")
    return pixels


class PixelCounter:
    """Counts pixels, or sums weights in them; rows are gathered and counted many at a time.

    Parameters
    ----------
    size : int
        Number of pixels; numbers equal to it are rows outside.
    weighted : bool
        Whether rows add weights.
    compiled : bool
        Whether a compiled loop counts.

    Notes
    -----
    Counting touches every pixel once a batch, so that batches are made as large as the image, but no larger than
    a few MB.
    """

    def __init__(self, size: int, *, weighted: bool = False, compiled: bool = False) -> None:
        self._size = size
        self._compiled = compiled
        # A list has fewer rows than 2^32, and small totals stay in the cache.
        self._total: NDArray[Any] = np.zeros(size + 1, np.float64 if weighted else np.uint32)
        self._batch: list[NDArray[Any]] = []
        self._pending = 0
        self._enough = min(max(size, 1 << 16), 1 << 19)

    def add(self, pixels: NDArray[Any], weights: NDArray[np.float64] | None = None) -> None:
        """Count rows by their pixel numbers; `weights`, shape (n,), for a weighted counter."""
        if weights is not None:
            self._total += np.bincount(pixels, weights, minlength=self._size + 1)
            return
        if self._compiled:
            count_pixels(self._total, pixels)
            return
        self._batch.append(pixels)
        self._pending += pixels.size
        if self._pending >= self._enough:
            self._count()

    def total(self) -> NDArray[Any]:
        """Counts or sums so far, shape (size,)."""
        self._count()
        return self._total[: self._size]

    def _count(self) -> None:
        if self._batch:
            counted = np.bincount(np.concatenate(self._batch), minlength=self._size + 1)
            self._total += counted.astype(self._total.dtype)
            self._batch.clear()
            self._pending = 0


def smallest_integer_type(highest: int) -> np.dtype[Any]:
    """Integer type of an image with counts up to `highest`: 16 bits, or 32 where those do not hold them.

    SAS makes no 8-bit image unless asked to: faint real images have BITPIX 16.
    """
    return np.dtype("i2" if highest <= np.iinfo(np.int16).max else "i4")
