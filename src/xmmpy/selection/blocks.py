"""What the file-based filters read: good times, mask images, and the protocol by which they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.selection.regions import RegionTable


class BlockFiles(Protocol):
    """Gives the content of the blocks that an expression names.

    `block` is the specification as written: ``set``, ``set+block``, ``set[block]`` or ``set:block``; the set
    may be absent, which means the set of the table at hand.
    """

    def gti(self, block: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """START and STOP of a table of good time intervals, s."""
        ...

    def mask(self, block: str) -> MaskImage:
        """Image of which the pixels that are not zero are inside."""
        ...

    def region(self, block: str) -> RegionTable:
        """Figures of a region table."""
        ...


@dataclass(frozen=True, slots=True)
class GoodTimes:
    """Good time intervals, sorted and merged.

    Parameters
    ----------
    edges : numpy.ndarray
        Start, first value after the stop, start, ... in increasing order, shape (2 n,).
    """

    edges: NDArray[np.float64]

    @classmethod
    def merged(cls, start: Any, stop: Any) -> GoodTimes:
        """Merge intervals that overlap or touch; they may come unsorted, and none is fine.

        An interval holds both its ends, START <= t <= STOP. One whose STOP is before its START, or with a
        NaN, holds nothing.
        """
        first = np.atleast_1d(np.asarray(start, dtype=np.float64)).ravel()
        last = np.atleast_1d(np.asarray(stop, dtype=np.float64)).ravel()
        valid = first <= last
        first, last = first[valid], last[valid]
        order = np.argsort(first, kind="stable")
        first, last = first[order], np.maximum.accumulate(last[order])
        new = np.ones(len(first), dtype=np.bool_)
        new[1:] = first[1:] > last[:-1]
        ends = np.flatnonzero(np.append(new[1:], np.ones(min(len(new), 1), dtype=np.bool_)))
        edges = np.empty(2 * len(ends))
        edges[0::2] = first[new]
        edges[1::2] = np.nextafter(last[ends], np.inf)
        return cls(edges)

    def contains(self, time: NDArray[np.float64]) -> NDArray[np.bool_]:
        """True for every time that is in an interval; NaN is in none."""
        count = len(time)
        if count == 0 or len(self.edges) == 0:
            return np.zeros(count, dtype=np.bool_)
        if count > len(self.edges) and bool((time[1:] >= time[:-1]).all()):
            return self._contains_sorted(time)
        inside: NDArray[np.bool_] = (np.searchsorted(self.edges, time, side="right") & 1).astype(np.bool_)
        if self.edges[-1] == np.inf:
            inside[np.isnan(time)] = False
        return inside

    def _contains_sorted(self, time: NDArray[np.float64]) -> NDArray[np.bool_]:
        """The same for increasing times: look the edges up in the times, not the times in the edges."""
        places = np.searchsorted(time, self.edges, side="left")
        steps = np.zeros(len(time) + 1, dtype=np.int8)
        np.add.at(steps, places[0::2], 1)
        np.add.at(steps, places[1::2], -1)
        inside: NDArray[np.bool_] = np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)
        return inside


@dataclass(frozen=True, slots=True)
class MaskImage:
    """Image mask with linear axes.

    Parameters
    ----------
    data : numpy.ndarray
        Image, shape (ny, nx); a point is inside where it is neither zero nor NaN.
    crpix, crval, cdelt : tuple of float
        Axes: pixel n (from 1) lies at (n - crpix) * cdelt + crval. The default, for an image without these
        keywords, puts the first pixel at 0, so that offsets of 1 place it at 1, as in
        ``mask(badpixels.fits, 1, 1, RAWX, RAWY)``.

    Notes
    -----
    Source of the axes: selectlib documentation, "mask-filter".
    """

    data: NDArray[Any]
    crpix: tuple[float, float] = (1.0, 1.0)
    crval: tuple[float, float] = (0.0, 0.0)
    cdelt: tuple[float, float] = (1.0, 1.0)

    def contains(self, x: Any, y: Any, x_offset: Any = 0.0, y_offset: Any = 0.0) -> NDArray[np.bool_]:
        """True for every point (x, y) on a non-zero pixel of the mask shifted by the offsets."""
        ny, nx = self.data.shape
        column, on_x = self._pixel(x, x_offset, 0, nx)
        row, on_y = self._pixel(y, y_offset, 1, ny)
        value = self.data[row, column]
        inside: NDArray[np.bool_] = on_x & on_y & (value != 0) & (value == value)
        return inside

    def _pixel(self, value: Any, offset: Any, axis: int, size: int) -> tuple[Any, Any]:
        """Index of the pixel on which each value lies, from 0, and whether there is such a pixel."""
        shifted = np.subtract(value, offset, dtype=np.float64)
        index = np.floor((shifted - self.crval[axis]) / self.cdelt[axis] + (self.crpix[axis] - 0.5))
        on_image = (index >= 0) & (index < size)
        return np.where(on_image, index, 0).astype(np.intp), on_image
