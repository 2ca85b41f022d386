"""Compiled loops over the rows of a table, for long tables.

numpy does the same in several passes; numba in one, but its import takes as long as numpy needs for about fifteen
million rows. So short tables are left to numpy, and both ways give the same bytes (the tests compare them).
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

#: Rows from which on the import of numba pays, for a process that ends with the table and for one that goes on.
WORTH_COMPILING_ONCE = 15_000_000
WORTH_COMPILING = 1_000_000
_CACHED_BYTES = 1 << 18


def worth_compiling(rows: int, *, long_lived: bool) -> bool:
    """Whether compiled loops are quicker for a table of that many rows, the import of numba included.

    Parameters
    ----------
    rows : int
        Rows of the table.
    long_lived : bool
        Whether the process goes on to other work.
    """
    return rows >= (WORTH_COMPILING if long_lived or "numba" in sys.modules else WORTH_COMPILING_ONCE)


@cache
def _compiled() -> dict[str, Callable[..., None]]:
    from numba import njit

    def swap_2(strided: NDArray[np.uint16], out: NDArray[np.uint16]) -> None:
        for row in range(out.size):
            value = np.uint16(strided[row])
            out[row] = (value << np.uint16(8)) | (value >> np.uint16(8))

    def swap_4(strided: NDArray[np.uint32], out: NDArray[np.uint32]) -> None:
        for row in range(out.size):
            value = np.uint32(strided[row])
            out[row] = (
                (value << np.uint32(24))
                | ((value & np.uint32(0xFF00)) << np.uint32(8))
                | ((value >> np.uint32(8)) & np.uint32(0xFF00))
                | (value >> np.uint32(24))
            )

    def swap_8(strided: NDArray[np.uint64], out: NDArray[np.uint64]) -> None:
        for row in range(out.size):
            value = np.uint64(strided[row])
            swapped = np.uint64(0)
            for _ in range(8):
                swapped = (swapped << np.uint64(8)) | (value & np.uint64(0xFF))
                value >>= np.uint64(8)
            out[row] = swapped

    def compress(values: NDArray[Any], mask: NDArray[np.bool_], out: NDArray[Any]) -> None:
        # Every value is written, a rejected one is overwritten by the next: no branch to guess wrong.
        place = 0
        for row in range(mask.size):
            out[place] = values[row]
            place += mask[row]

    def compress_rows(
        words: NDArray[np.uint64],
        tail: NDArray[np.uint8],
        mask: NDArray[np.bool_],
        out_words: NDArray[np.uint64],
        out_tail: NDArray[np.uint8],
    ) -> None:
        place = 0
        for row in range(mask.size):
            for word in range(words.shape[1]):
                out_words[place, word] = words[row, word]
            for byte in range(tail.shape[1]):
                out_tail[place, byte] = tail[row, byte]
            place += mask[row]

    loops = (swap_2, swap_4, swap_8, compress, compress_rows)
    return {loop.__name__: njit(nogil=True, cache=True)(loop) for loop in loops}


def take_columns(raw: bytes, width: int, columns: Sequence[tuple[int, np.dtype[Any]]]) -> list[NDArray[Any]]:
    """Take columns of single big-endian values out of rows.

    Parameters
    ----------
    raw : bytes
        The rows.
    width : int
        Bytes of a row.
    columns : sequence of (int, numpy.dtype)
        For each its first byte in a row and its native type of 1, 2, 4 or 8 bytes.

    Returns
    -------
    list of ndarray, each of shape (rows,)

    Notes
    -----
    A few thousand rows at a time are brought into the cache, and all columns are taken out of them there.
    """
    rows = len(raw) // width
    strided: list[NDArray[Any]] = [
        np.ndarray(rows, f"u{dtype.itemsize}", raw, offset, (width,)) for offset, dtype in columns
    ]
    taken: list[NDArray[Any]] = [np.empty(rows, source.dtype) for source in strided]
    loops: list[Callable[..., Any]] = [
        _compiled().get(f"swap_{source.dtype.itemsize}", np.copyto) for source in strided
    ]
    step = max(1, _CACHED_BYTES // width)
    for first in range(0, rows, step):
        part = slice(first, first + step)
        for loop, source, out in zip(loops, strided, taken, strict=True):
            if loop is np.copyto or sys.byteorder == "big":
                out[part] = source[part]
            else:
                loop(source[part], out[part])
    return [out.view(dtype) for out, (_, dtype) in zip(taken, columns, strict=True)]


def compress(values: NDArray[Any], mask: NDArray[np.bool_], count: int) -> NDArray[Any]:
    """Values where `mask` is True, shape (count,); `count` says how many there are."""
    out = np.empty(count + 1, values.dtype)
    _compiled()["compress"](values, mask, out)
    return out[:count]


def compress_rows(raw: bytes, width: int, mask: NDArray[np.bool_], count: int) -> NDArray[np.uint8]:
    """Rows of `width` bytes where `mask` is True, `count` of them, shape (count * width,)."""
    out = np.empty((count + 1) * width, np.uint8)
    _compiled()["compress_rows"](*_words(raw, width, mask.size), mask, *_words(out, width, count + 1))
    return out[: count * width]


def _words(data: Any, width: int, rows: int) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """See rows as words of 8 bytes, which need not be aligned, and the bytes that are left."""
    words: NDArray[np.uint64] = np.ndarray((rows, width // 8), np.uint64, data, 0, (width, 8))
    tail: NDArray[np.uint8] = np.ndarray((rows, width % 8), np.uint8, data, width // 8 * 8, (width, 1))
    return words, tail
