"""Compiled loops that find and count pixels, for long tables (see `xmmpy.products.kernels`)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xmmpy.imaging.binning import Axis


@cache
def _compiled() -> dict[str, Callable[..., None]]:
    from numba import njit

    def find(
        x: NDArray[Any], y: NDArray[Any], x_axis: tuple[int, ...], y_axis: tuple[int, ...], out: NDArray[np.int32]
    ) -> None:
        x_low, x_high, x_width, x_count = x_axis
        y_low, y_high, y_width, y_count = y_axis
        outside = x_count * y_count
        x_scale, y_scale = 1.0 / x_width, 1.0 / y_width
        for row in range(out.size):
            across, up = np.int64(x[row]) - x_low, np.int64(y[row]) - y_low
            if 0 <= across <= x_high - x_low and 0 <= up <= y_high - y_low:
                # A product and a step are quicker than an integer division, and exact as well.
                column, line = int(across * x_scale), int(up * y_scale)
                column += int(across - column * x_width >= x_width) - int(across - column * x_width < 0)
                line += int(up - line * y_width >= y_width) - int(up - line * y_width < 0)
                out[row] = column + x_count * line
            else:
                out[row] = outside

    def count(total: NDArray[Any], pixels: NDArray[Any]) -> None:
        for pixel in pixels:
            total[pixel] += 1

    return {loop.__name__: njit(nogil=True, cache=True, error_model="numpy")(loop) for loop in (find, count)}


def can_find(axes: tuple[Axis, ...], columns: tuple[NDArray[Any], ...]) -> bool:
    """Whether `find_pixels` knows the case: two axes of integers."""
    return len(axes) == 2 and all(axis.integer for axis in axes) and all(c.dtype.kind in "iu" for c in columns)


def find_pixels(axes: tuple[Axis, ...], columns: tuple[NDArray[Any], ...]) -> NDArray[np.int32]:
    """Number the pixel of each row as `xmmpy.imaging.binning.pixel_numbers` does, for two integer columns."""
    out = np.empty(columns[0].size, np.int32)
    limits = [(int(axis.low), int(axis.high), int(axis.width), axis.count) for axis in axes]
    _compiled()["find"](*columns, *limits, out)
    return out


def count_pixels(total: NDArray[Any], pixels: NDArray[Any]) -> None:
    """Add one to the total of each pixel, in place."""
    _compiled()["count"](total, pixels)
