"""Unknown bad pixels: single pixels, stretches of columns and dead stretches, found in the counts of a CCD.

Bright ones are told from sources by their neighbours: a source is wider than a pixel (1.1 arcsec on MOS, 4.1 on pn;
the point-spread function has a core of 5 arcsec), a hot pixel stands alone and a hot column is one pixel wide. Dark
ones can only be found where enough counts are expected; see `Sought.dark_counts`. All tests are of Poisson counts
against the mean of the neighbours, as badpixfind and embadpixfind do it (task pages); the limits are chosen so that
chance gives less than one false pixel in a hundred CCDs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration.badpixels import BadKind, BadOrigin, BadPixels

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    Counts = NDArray[np.float32]

_FEWEST: Final = 5
_FLOOR: Final = 0.02  # counts that a pixel is expected to have at least


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for.

    Attributes
    ----------
    peak : float
        Largest ratio of a pixel to its neighbours that a source can make.
    column_peak : float
        The same for a stretch of a column and the columns beside it.
    block : int
        Rows of the shortest stretch of a hot column.
    chance : float
        Probability by chance for a pixel or a stretch above which it is not bad.
    dark_counts : float
        Counts that a dark stretch is expected to have at least: with fewer, no counts may be chance.
    """

    peak: float
    column_peak: float
    block: int
    chance: float = 1e-9
    dark_counts: float = 16.0

    @classmethod
    def of(cls, camera: str) -> Sought:
        """Limits for a camera: the profile of the PSF falls to 0.56 from pixel to pixel on pn, to 0.95 on MOS."""
        return cls(peak=3.0, column_peak=1.8, block=20) if camera == "EPN" else cls(1.8, 1.4, 30)


def find_bad_pixels(counts: NDArray[Any], known: NDArray[np.bool_], sought: Sought) -> BadPixels:
    """Find bad pixels of one CCD.

    Parameters
    ----------
    counts : ndarray, shape (nx, ny)
        Counts by [RAWX, RAWY]; index 0 is not used.
    known : ndarray of bool, same shape
        Pixels that are known to be bad or are not read out: they are neither found nor taken for neighbours.
    sought : Sought
        Limits.

    Returns
    -------
    BadPixels
        With TYPE hot or dead and BADFLAG found.
    """
    image = counts.astype(np.float32)
    usable = ~known
    usable[0, :] = usable[:, 0] = False
    columns = _hot_columns(image, usable, sought)
    for column, first, last in columns:
        usable[column, first : last + 1] = False
    pixels = _hot_pixels(image, usable, sought)
    usable[pixels[:, 0], pixels[:, 1]] = False
    dark = _dark_stretches(image, usable, sought)
    rows = [(column, first, BadKind.HOT, last - first + 1) for column, first, last in columns]
    rows += [(int(x), int(y), BadKind.HOT, 1) for x, y in pixels]
    rows += [(column, first, BadKind.DEAD, last - first + 1) for column, first, last in dark]
    table = np.array(rows, np.int16).reshape(-1, 4)
    origin = np.full(len(table), BadOrigin.FOUND, np.int16)
    return BadPixels(table[:, 0], table[:, 1], table[:, 2], table[:, 3], origin)


def _tail(counts: NDArray[Any], mean: NDArray[Any]) -> NDArray[np.float64]:
    """Probability of at least so many counts."""
    from scipy.special import gammainc

    return np.asarray(gammainc(np.maximum(counts, 1e-30), mean), np.float64)


def _shifted(values: NDArray[Any], dx: int, dy: int) -> NDArray[Any]:
    """Values of the neighbours (dx, dy) away; 0 beyond the edge."""
    moved = np.zeros_like(values)
    width, height = values.shape
    moved[max(-dx, 0) : width - max(dx, 0), max(-dy, 0) : height - max(dy, 0)] = values[
        max(dx, 0) : width - max(-dx, 0), max(dy, 0) : height - max(-dy, 0)
    ]
    return moved


def _hot_pixels(image: Counts, usable: NDArray[np.bool_], sought: Sought) -> NDArray[np.intp]:
    """Pixels far above the eight around them, shape (n, 2); two hot ones side by side are found one after the other."""
    free = usable.copy()
    found: list[NDArray[np.intp]] = []
    level = max(float(np.mean(image[usable])) if usable.any() else 0.0, _FLOOR)
    while True:
        candidates = np.argwhere(free & (image >= max(_FEWEST, sought.peak * level)))
        if not candidates.size:
            break
        means, brightest = _around(image, free, candidates)
        mean = np.maximum(sought.peak * means, level)
        own = image[candidates[:, 0], candidates[:, 1]]
        hot = (_tail(own, mean) < sought.chance) & (own > brightest)
        if not hot.any():
            break
        found.append(candidates[hot])
        free[candidates[hot, 0], candidates[hot, 1]] = False
    return np.concatenate(found) if found else np.zeros((0, 2), np.intp)


def _around(
    image: Counts, free: NDArray[np.bool_], places: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and largest counts of the usable pixels around some."""
    total: NDArray[np.float32] = np.zeros(len(places), np.float32)
    number = np.zeros(len(places), np.float32)
    largest = np.zeros(len(places), np.float32)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            if not (dx or dy):
                continue
            x = np.clip(places[:, 0] + dx, 0, image.shape[0] - 1)
            y = np.clip(places[:, 1] + dy, 0, image.shape[1] - 1)
            counts = np.where(free[x, y], image[x, y], 0)
            total += counts
            number += free[x, y]
            largest = np.maximum(largest, counts)
    return (total / np.maximum(number, 1)).astype(np.float32), largest


def _blocks(values: NDArray[Any], block: int) -> NDArray[Any]:
    """Sums over so many rows."""
    edges = np.arange(1, values.shape[1], block)
    return np.add.reduceat(values.astype(np.float32), edges, axis=1)


def _hot_columns(image: Counts, usable: NDArray[np.bool_], sought: Sought) -> list[tuple[int, int, int]]:
    """Stretches of columns above the columns beside them: (RAWX, first RAWY, last RAWY).

    A stretch needs most of its rows to be bright, so that one hot pixel does not make a column.
    """
    good = np.where(usable, image, 0)
    # A single bright pixel counts for no more than a tenth of its stretch.
    level = max(float(np.mean(good[usable])) if usable.any() else 0.0, _FLOOR)
    capped = np.minimum(good, np.maximum(4.0 * level, 2.0))
    sums, pixels = _blocks(capped, sought.block), _blocks(usable, sought.block)
    beside = [_shifted(sums, dx, 0) for dx in (-2, -1, 1, 2)]
    seen = [_shifted(pixels, dx, 0) for dx in (-2, -1, 1, 2)]
    rates = np.stack([b / np.maximum(s, 1) for b, s in zip(beside, seen, strict=True)])
    # At the edge of the CCD the brightest column there is stands for those that are not: a source may fall off steeply.
    rates = np.where(np.stack(seen) > 0, rates, rates.max(axis=0))
    rate = np.sort(rates, axis=0)[1:3].mean(axis=0)
    mean = np.maximum(rate, level / 2) * pixels * sought.column_peak
    hot = (pixels > sought.block / 2) & (sums > _FEWEST) & (sums > mean)
    hot[hot] = _tail(sums[hot], mean[hot]) < sought.chance
    lit = _blocks(good > 0, sought.block)
    hot &= lit > 0.5 * pixels
    found = []
    for column in np.flatnonzero(hot.any(axis=1)).tolist():
        edges = np.diff(np.concatenate([[0], hot[column].astype(np.int8), [0]]))
        for first, last in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
            begin, end = int(first) * sought.block + 1, min(int(last) * sought.block, image.shape[1] - 1)
            found.append((column, *_trim(good[column], begin, end)))
    return found


def _trim(column: Counts, first: int, last: int) -> tuple[int, int]:
    """Draw the ends of a stretch out or in to where its counts begin and end."""
    level = float(np.median(column[first : last + 1])) / 2.0
    while first > 1 and column[first - 1] > level:
        first -= 1
    while last < column.size - 1 and column[last + 1] > level:
        last += 1
    while first < last and column[first] <= level:
        first += 1
    while last > first and column[last] <= level:
        last -= 1
    return first, last


def _dark_stretches(image: Counts, usable: NDArray[np.bool_], sought: Sought) -> list[tuple[int, int, int]]:
    """Stretches of columns without counts where the columns beside them have enough."""
    good = np.where(usable, image, 0)
    expected = np.zeros_like(good)
    number = np.zeros_like(good)
    # A column is compared with the mean of the three on each side, smoothed along them: sources are wide.
    for dx in (-3, -2, -1, 1, 2, 3):
        expected += _shifted(good, dx, 0)
        number += _shifted(usable, dx, 0)
    expected = np.where(number > 2, expected / np.maximum(number, 1), 0)
    expected[~usable] = 0
    found = []
    for column in range(1, image.shape[0]):
        lit = (good[column] > 0) & usable[column]
        places = np.concatenate([[0], np.flatnonzero(lit), [image.shape[1]]])
        before = np.concatenate([[0.0], np.cumsum(expected[column], dtype=np.float64)])
        weights = before[places[1:]] - before[np.minimum(places[:-1] + 1, image.shape[1])]
        for gap in np.flatnonzero(weights > sought.dark_counts):
            first, last = int(places[gap]) + 1, int(places[gap + 1]) - 1
            if last >= first and usable[column, first : last + 1].any():
                found.append((column, first, last))
    return found
