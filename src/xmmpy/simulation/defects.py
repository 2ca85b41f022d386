"""Bad pixels and offset columns of the simulated cameras, and the FLAG bits that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration import nominal

if TYPE_CHECKING:
    import numpy.typing as npt

HOT, DEAD = 1, 3
ON_BOARD, IN_CALIBRATION = 1, 2
CLOSE_TO_CCD_BORDER: Final = 1 << 1
CLOSE_TO_CCD_WINDOW: Final = 1 << 2
ON_OFFSET_COLUMN: Final = 1 << 3
NEXT_TO_OFFSET_COLUMN: Final = 1 << 4
CLOSE_TO_ONBOARD_BADPIX: Final = 1 << 5
CLOSE_TO_BRIGHTPIX: Final = 1 << 6
CLOSE_TO_DEADPIX: Final = 1 << 8
CLOSE_TO_BADCOL: Final = 1 << 9
OUT_OF_FOV: Final = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class CcdDefects:
    """Defects of one CCD.

    Attributes
    ----------
    badpix : ndarray of int16, shape (n, 5)
        RAWX, RAWY, TYPE (1 hot, 3 dead), YEXTENT, BADFLAG (1 masked on board, 2 of the calibration).
    offsets : ndarray of int16, shape (m, 2)
        Offset columns of pn: RAWX, OFFSETX.
    bad : ndarray of bool, shape (RAWX, RAWY)
        Pixels without events, counted from the first pixel in use.
    flags : ndarray of int32, shape (RAWX, RAWY)
        FLAG bits of an event on each pixel.
    """

    badpix: npt.NDArray[np.int16]
    offsets: npt.NDArray[np.int16]
    bad: npt.NDArray[np.bool_]
    flags: npt.NDArray[np.int32]


@cache
def ccd_defects(camera: str, ccd: int) -> CcdDefects:
    """Defects of a CCD; the same in every simulation, as they belong to the camera.

    MOS: a dozen pixels and one column segment per CCD. pn: rows 2 to 12 masked on board, as in real
    lists, a few pixels, and an offset column on every third CCD.
    """
    geometry = nominal.ccd_geometry(camera)[ccd - 1]
    rng = np.random.default_rng([nominal.CAMERAS.index(camera), ccd, 2010])
    width, height = geometry.last
    is_pn = camera == "EPN"
    rows = [(rawx, 2, HOT, 11, ON_BOARD) for rawx in range(1, width + 1)] if is_pn else []
    for _ in range(4 if is_pn else 12):
        kind, flag = (HOT, ON_BOARD) if rng.random() < 0.5 else (DEAD, IN_CALIBRATION)
        rows.append((int(rng.integers(3, width - 1)), int(rng.integers(15, height - 1)), kind, 1, flag))
    if not is_pn:
        start = int(rng.integers(height // 2, height - 20))
        rows.append((int(rng.integers(3, width - 1)), start, DEAD, height - start + 1, IN_CALIBRATION))
    offsets = [(int(rng.integers(5, width - 4)), int(rng.integers(5, 40)))] if is_pn and ccd % 3 == 1 else []
    badpix = np.array(rows, dtype=np.int16)
    bad, flags = _maps(geometry, badpix, [column for column, _ in offsets])
    return CcdDefects(badpix, np.array(offsets, dtype=np.int16).reshape(-1, 2), bad, flags)


def _maps(
    geometry: nominal.CcdGeometry, badpix: npt.NDArray[np.int16], offset_columns: list[int]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int32]]:
    first_x, first_y = geometry.first
    is_pn = geometry.camera == "EPN"
    bad = np.zeros(geometry.pixels, dtype=bool)
    flags = np.zeros(geometry.pixels, dtype=np.int32)
    border = CLOSE_TO_CCD_WINDOW if is_pn else CLOSE_TO_CCD_BORDER
    flags[[0, -1], :] |= border
    flags[:, [0, -1]] |= border
    for rawx, rawy, kind, extent, origin in badpix.astype(int):
        i, j = rawx - first_x, rawy - first_y
        bad[i, j : j + extent] = True
        bit = CLOSE_TO_ONBOARD_BADPIX if origin == ON_BOARD else 0
        if extent > 1 and not is_pn:
            bit |= CLOSE_TO_BADCOL
        elif origin == IN_CALIBRATION:
            bit |= CLOSE_TO_DEADPIX if kind == DEAD else CLOSE_TO_BRIGHTPIX
        for neighbour in (i - 1, i + 1):
            if 0 <= neighbour < bad.shape[0]:
                flags[neighbour, j : j + extent] |= bit
        for neighbour in (j - 1, j + extent):
            if 0 <= neighbour < bad.shape[1]:
                flags[i, neighbour] |= bit
    for column in offset_columns:
        flags[column - first_x, :] |= ON_OFFSET_COLUMN
        for neighbour in (column - first_x - 1, column - first_x + 1):
            flags[neighbour, :] |= NEXT_TO_OFFSET_COLUMN
    return bad, flags
