"""FLAG bits that follow from the place of an event on its CCD: on or next to bad pixels, columns and borders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xmmpy.calibration.badpixels import BadKind, BadOrigin
from xmmpy.events.flags import MosFlag, PnFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.calibration.badpixels import BadPixels
    from xmmpy.calibration.nominal import CcdGeometry

_LONG = 10  # pixels along RAWY from which on a bad stretch counts as a column (of MOS)


def bad_map(geometry: CcdGeometry, bad_pixels: BadPixels) -> NDArray[np.bool_]:
    """Which pixels are bad, indexed [RAWX, RAWY] from 1; shape (last RAWX + 1, last RAWY + 1)."""
    found = np.zeros((geometry.last[0] + 1, geometry.last[1] + 1), bool)
    for column, rows in _stretches(geometry, bad_pixels):
        found[column, rows] = True
    return found


def pixel_flags(
    geometry: CcdGeometry,
    bad_pixels: BadPixels,
    offset_columns: NDArray[np.int16],
    rows: tuple[int, int] | None = None,
    columns: tuple[int, int] | None = None,
) -> NDArray[np.int32]:
    """FLAG bits by pixel.

    Parameters
    ----------
    geometry : CcdGeometry
        The CCD; its camera decides which bits there are.
    bad_pixels : BadPixels
        Known and found.
    offset_columns : ndarray of int16, shape (n, 2)
        RAWX and offset of columns with a raised zero level.
    rows, columns : tuple of int, optional
        First and last RAWY and RAWX that are read out; the whole CCD when not given.

    Returns
    -------
    ndarray of int32, shape (last RAWX + 1, last RAWY + 1)
        Indexed [RAWX, RAWY], which begin at 1. The "close to" bits concern the four pixels beside a bad one (task page
        emenergy); pixels outside the window have OUT_OF_CCD_WINDOW.
    """
    is_pn = geometry.camera == "EPN"
    width, height = geometry.last
    flags = np.zeros((width + 3, height + 3), np.int32)  # a frame of one pixel around, cut off in the end
    for number in range(len(bad_pixels)):
        bit = _neighbour_bit(bad_pixels, number, is_pn=is_pn)
        column, first = int(bad_pixels.rawx[number]), int(bad_pixels.rawy[number])
        last = min(first + max(int(bad_pixels.extent[number]), 1) - 1, height)
        if not (1 <= column <= width) or last < 1 or first > height:
            continue
        first = max(first, 1)
        for beside in (column - 1, column + 1):
            flags[beside, first : last + 1] |= bit
        for beyond in (first - 1, last + 1):
            flags[column, beyond] |= bit
    flags = flags[: width + 1, : height + 1]
    low_x, high_x = columns or (1, width)
    low_y, high_y = rows or (1, height)
    border = PnFlag.CLOSE_TO_CCD_WINDOW if is_pn else MosFlag.CLOSE_TO_CCD_BORDER
    flags[[low_x, high_x], :] |= border
    flags[:, [high_y] if is_pn else [low_y, high_y]] |= border  # charge is not lost at pn's read-out side
    for column in offset_columns[:, 0].tolist() if is_pn and len(offset_columns) else []:
        if 1 <= column <= width:
            flags[column, :] |= PnFlag.ON_OFFSET_COLUMN
            for beside in (column - 1, column + 1):
                if 1 <= beside <= width:
                    flags[beside, :] |= PnFlag.NEXT_TO_OFFSET_COLUMN
    flags[bad_map(geometry, bad_pixels)] |= PnFlag.ON_BADPIX if is_pn else MosFlag.ON_BADPIX
    outside = np.ones_like(flags, bool)
    outside[low_x : high_x + 1, low_y : high_y + 1] = False
    flags[outside] |= PnFlag.OUT_OF_CCD_WINDOW if is_pn else MosFlag.OUT_OF_CCD_WINDOW
    return flags


def _neighbour_bit(bad_pixels: BadPixels, number: int, *, is_pn: bool) -> int:
    """Bit of the pixels beside a bad one."""
    if not is_pn and bad_pixels.extent[number] >= _LONG:
        return MosFlag.CLOSE_TO_BADCOL
    if bad_pixels.origin[number] == BadOrigin.ON_BOARD:
        return PnFlag.CLOSE_TO_ONBOARD_BADPIX
    return PnFlag.CLOSE_TO_DEADPIX if bad_pixels.kind[number] == BadKind.DEAD else PnFlag.CLOSE_TO_BRIGHTPIX


def _stretches(geometry: CcdGeometry, bad_pixels: BadPixels) -> list[tuple[int, slice]]:
    width, height = geometry.last
    found = []
    for number in range(len(bad_pixels)):
        column, first = int(bad_pixels.rawx[number]), int(bad_pixels.rawy[number])
        last = min(first + max(int(bad_pixels.extent[number]), 1) - 1, height)
        if 1 <= column <= width and last >= 1 and first <= height:
            found.append((column, slice(max(first, 1), last + 1)))
    return found
