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

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BINS = 1 << 27


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
        return self.first_centre + self.width * np.arange(self.count)

    def index(self, values: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
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
        inside = (values >= self.low) & (values <= self.high)
        if self.integer:
            offset = values.astype(np.int64) - int(self.low)
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
        count = max(1, math.ceil((high - low) / width * (1 - 1e-12)))
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


def add_counts(
    total: NDArray[Any],
    axes: tuple[Axis, ...],
    columns: tuple[NDArray[Any], ...],
    weights: NDArray[Any] | None = None,
) -> None:
    """Count rows into bins, in place.

    Parameters
    ----------
    total : ndarray, shape ``(axes[-1].count, ..., axes[0].count)``, C order
        What was counted so far; first axis of `axes` varies fastest, as in FITS.
    axes : tuple of Axis
        One for each column.
    columns : tuple of ndarray, each of shape (n,)
        Values of the rows.
    weights : ndarray of float, shape (n,), optional
        What each row adds; 1 when not given.
    """
    flat: NDArray[np.intp] | None = None
    inside: NDArray[np.bool_] | None = None
    stride = 1
    for axis, values in zip(axes, columns, strict=True):
        index, valid = axis.index(values)
        flat = index if flat is None else flat + stride * index
        inside = valid if inside is None else inside & valid
        stride *= axis.count
    assert flat is not None
    assert inside is not None
    if not inside.all():
        flat = flat[inside]
        weights = None if weights is None else weights[inside]
    if weights is None and flat.size * 4 > stride:
        total.reshape(-1)[:] += np.bincount(flat, minlength=stride).astype(total.dtype, copy=False)
    else:
        np.add.at(total.reshape(-1), flat, total.dtype.type(1) if weights is None else weights)


def smallest_integer_type(highest: int) -> np.dtype[Any]:
    """Integer type of an image with counts up to `highest`: 16 bits, or 32 where those do not hold them.

    SAS makes no 8-bit image unless asked to: faint real images have BITPIX 16.
    """
    return np.dtype("i2" if highest <= np.iinfo(np.int16).max else "i4")
