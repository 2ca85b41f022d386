"""Patterns of pn: neighbouring pixels of a frame are one event.

pn sends down single pixels. Those of one frame that touch at a side belong together; the one of most charge is the main
pixel and stands for the event. Numbers and their meaning: task page epevents, pattern related information.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration.patterns import pattern_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST: Final = 12
"""Largest PATTERN of a valid event."""
MAIN_PIXEL: Final = 2 * 2048 + 2 * 512
"""PAT_ORI of a main pixel in PAT_ID: column 2 and row 2 of the 3 x 3 pixels about it (0x14nn in real lists)."""
ROWS: Final = 256
"""Step from column to column in the numbers of `pixel_keys`: above the largest RAWY, so that columns do not touch."""
COLUMNS: Final = 128
"""Columns from frame to frame in these numbers."""
_LAST_INDEX: Final = 511
_INVALID: Final = 64
_INVALID_SMALL: Final = {2: 13, 3: 14, 4: 15}
_LARGEST_SIZE_CODE: Final = 31


@dataclass(frozen=True, slots=True, eq=False)
class Recognised:
    """Events that were found among the pixels.

    Attributes
    ----------
    main : ndarray of intp, shape (n,)
        Row of the main pixel of each event, in the order of the pixels.
    event : ndarray of intp, shape (pixels,)
        Number of the event that each pixel belongs to.
    pattern : ndarray of uint8, shape (n,)
        PATTERN; 64 and more for shapes that no X-ray makes.
    index : ndarray of int16, shape (n,)
        PAT_IND: number of the pattern among those of more than one pixel in its frame; 0 for singles.
    sequence : ndarray of uint8, shape (pixels,)
        PAT_SEQ: rows to the next pixel of the frame in this column towards the read-out; 0 where there is none.
    """

    main: NDArray[np.intp]
    event: NDArray[np.intp]
    pattern: NDArray[np.uint8]
    index: NDArray[np.int16]
    sequence: NDArray[np.uint8]


def pixel_keys(frame: NDArray[np.intp], rawx: NDArray[np.uint8], rawy: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Numbers that order pixels by frame, column and row; the pixel above has the next number."""
    return (frame.astype(np.int64) * COLUMNS + rawx) * ROWS + rawy


def recognise(keys: NDArray[np.int64], charge: NDArray[np.int16]) -> Recognised:
    """Find the events.

    Parameters
    ----------
    keys : ndarray of int64, shape (n,)
        Of `pixel_keys`, in order, each once.
    charge : ndarray of int16, shape (n,)
        Charge of each pixel (adu).
    """
    number = keys.size
    gap = np.diff(keys, prepend=keys[:1] - 1) if number else keys
    same_column = np.concatenate([[False], keys[1:] // ROWS == keys[:-1] // ROWS]) if number else np.zeros(0, bool)
    sequence = np.where(same_column, np.minimum(gap, 255), 0).astype(np.uint8)
    above = np.flatnonzero(gap[1:] == 1) if number else np.zeros(0, np.intp)
    right = np.searchsorted(keys, keys + ROWS)
    touches = np.flatnonzero(keys[np.minimum(right, number - 1)] == keys + ROWS) if number else above
    one = np.concatenate([above, touches])
    other = np.concatenate([above + 1, right[touches]])
    stretch = np.maximum.accumulate(np.where(gap == 1, 0, np.arange(number)))
    label = _join(stretch, touches, right[touches])
    joined = np.zeros(number, bool)  # pixels of events of more than one
    joined[one] = joined[other] = True
    members = np.flatnonzero(joined)
    roots = members[label[members] == members]
    numbered = np.empty(number, np.intp)
    numbered[roots] = np.arange(roots.size)
    which = numbered[label[members]]
    main, pattern = _shapes(keys, charge, members, which, roots.size)
    mains = np.ones(number, bool)
    mains[members] = False
    mains[main] = True
    rows = np.flatnonzero(mains)
    event_of = np.empty(number, np.intp)
    event_of[rows] = np.arange(rows.size)
    event_of[members] = event_of[main][which]
    patterns = np.zeros(rows.size, np.uint8)
    index = np.zeros(rows.size, np.int16)
    place = event_of[main]
    patterns[place] = pattern
    index[place] = _running(keys[main] // (ROWS * COLUMNS))
    return Recognised(rows, event_of, patterns, index, sequence)


def _join(stretch: NDArray[np.intp], one: NDArray[np.intp], other: NDArray[np.intp]) -> NDArray[np.intp]:
    """Smallest pixel of the group that each pixel belongs to.

    Given are the first pixel of the stretch along a column that each pixel lies in, and pairs of pixels that touch
    sideways. In each round the groups of a pair take the name of the smaller one; their number halves at least.
    """
    label = stretch.copy()
    one, other = stretch[one], stretch[other]
    nodes = np.unique(np.concatenate([one, other]))
    while True:
        first, second = label[one], label[other]
        apart = first != second
        if not apart.any():
            return label[stretch]
        one, other, first, second = one[apart], other[apart], first[apart], second[apart]
        np.minimum.at(label, np.maximum(first, second), np.minimum(first, second))
        while not np.array_equal(label[nodes], label[label[nodes]]):
            label[nodes] = label[label[nodes]]


def _shapes(
    keys: NDArray[np.int64], charge: NDArray[np.int16], members: NDArray[np.intp], which: NDArray[np.intp], groups: int
) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """Main pixel and PATTERN of each group."""
    if not groups:
        return np.zeros(0, np.intp), np.zeros(0, np.uint8)
    mine = charge[members].astype(np.int64)
    order = np.lexsort((members, -mine, which))  # the largest charge of each group first
    first = np.concatenate([[True], np.diff(which[order]) > 0])
    main = members[order[first]]
    size = np.bincount(which, minlength=groups)
    key = keys[members]
    column, row = key // ROWS, key % ROWS
    dx, dy = column - (keys[main] // ROWS)[which], row - (keys[main] % ROWS)[which]
    near = (np.abs(dx) <= 1) & (np.abs(dy) <= 1)
    bit = np.where(near, 1 << ((np.clip(dx, -1, 1) + 1) * 3 + np.clip(dy, -1, 1) + 1), 0)
    mask = np.bincount(which, weights=bit, minlength=groups).astype(np.int64)
    far = np.bincount(which, weights=~near, minlength=groups) > 0
    pattern = np.where(far, 255, _numbers()[mask]).astype(np.int64)
    # A quadruple's smallest pixel is opposite to its largest: charge spreads from the corner that they share.
    opposite = (dx != 0) & (dy != 0) & near
    smallest = np.full(groups, np.iinfo(np.int64).max)
    np.minimum.at(smallest, which, mine)
    across = np.zeros(groups, np.int64)
    across[which[opposite]] = mine[opposite]
    pattern[(pattern >= 9) & (pattern <= LARGEST) & (across > smallest)] = 255
    invalid = pattern == 255
    codes = np.where(size >= 5, 32 + np.minimum(size - 5, _LARGEST_SIZE_CODE), 0)
    for pixels, code in _INVALID_SMALL.items():
        codes[size == pixels] = code
    pattern[invalid] = _INVALID + codes[invalid]
    return main, pattern.astype(np.uint8)


@cache
def _numbers() -> NDArray[np.int64]:
    """PATTERN by the set of pixels about the main one, a bit for each; 255 for sets that are none."""
    table = np.full(512, 255, np.int64)
    for number, steps in pattern_pixels().items():
        if number <= LARGEST:
            table[sum(1 << ((x + 1) * 3 + y + 1) for x, y in ((0, 0), *steps))] = number
    return table


def _running(frame: NDArray[np.int64]) -> NDArray[np.int16]:
    """Number from 1 of each pattern in its frame."""
    order = np.argsort(frame, kind="stable")
    ordered = frame[order]
    start = np.concatenate([[True], np.diff(ordered) > 0]) if ordered.size else np.zeros(0, bool)
    begin = np.maximum.accumulate(np.where(start, np.arange(ordered.size), 0))
    index = np.empty(frame.size, np.int16)
    index[order] = np.minimum(np.arange(ordered.size) - begin + 1, _LAST_INDEX)
    return index
