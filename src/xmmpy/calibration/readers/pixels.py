"""Constituents of single pixels: BADPIX, REJECT, DARKFRAME."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.calibration.badpixels import BadKind, BadOrigin, BadPixels
from xmmpy.calibration.readers.layout import numbers, other_layout, tables_of, texts, whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from xmmpy.products.tables import SmallTable

    FloatArray = npt.NDArray[np.float64]

_KINDS = {"H": BadKind.HOT, "F": BadKind.FLICKERING, "D": BadKind.DEAD}


def read_known_pixels(path: Path) -> dict[int, BadPixels]:
    """Read BADPIX of EMOSn_BADPIX or EPN_BADPIX: CCD_ID, RAWX, RAWY, TYPE, YEXTENT, and UPLNK where there is one.

    TYPE is a letter (H, F, D) or a number (1, 2, 3); pixels masked on board have UPLNK set.

    Returns
    -------
    dict of int to BadPixels
        By CCD.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (table,) = tables_of(path, "BADPIX")
    ccd = whole(table, "CCD_ID", 1, 12)
    rawx, rawy = whole(table, "RAWX", 0, 700), whole(table, "RAWY", 0, 700)
    extent = whole(table, "YEXTENT", 1, 700)
    kind = _kinds(table)
    uplink = next((name for name in ("UPLNK", "UPLINKED", "UPLINK") if name in table.columns), None)
    uplinked = np.zeros(ccd.size, bool)
    if uplink is not None:
        marks = table.column(uplink)
        uplinked = np.isin(marks, (b"T", b"Y", b"1")) if marks.dtype.kind == "S" else marks != 0
    origin = np.where(uplinked, int(BadOrigin.ON_BOARD), int(BadOrigin.CALIBRATION))
    found = {}
    for number in np.unique(ccd).tolist():
        mine = ccd == number
        found[number] = BadPixels(*(column[mine].astype(np.int16) for column in (rawx, rawy, kind, extent, origin)))
    return found


def _kinds(table: SmallTable) -> npt.NDArray[np.int64]:
    if table.column("TYPE").dtype.kind != "S":
        return whole(table, "TYPE", 1, 3)
    letters = [text[:1].upper() for text in texts(table, "TYPE")]
    unknown = sorted(set(letters) - set(_KINDS))
    if unknown:
        raise other_layout(table.path, f"TYPE of BADPIX should be H, F or D, not '{unknown[0]}'")
    return np.array([int(_KINDS[letter]) for letter in letters], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class MosOffsets:
    """Zero levels of rows and columns of the MOS CCDs that are not subtracted on board.

    Attributes
    ----------
    rows, columns : mapping of int to ndarray
        CCD to the offsets (adu) of its 610 columns and 602 rows, in the mode of the first row of the table.
    """

    rows: Mapping[int, FloatArray]
    columns: Mapping[int, FloatArray]


def read_dark_frame(path: Path) -> MosOffsets:
    """Read OFFSET_CCD1 to 7 of EMOSn_DARKFRAME: ROW_OFFSET, COLUMN_OFFSET.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    rows, columns = {}, {}
    for ccd in range(1, 8):
        (table,) = tables_of(path, f"OFFSET_CCD{ccd}")
        rows[ccd] = numbers(table, "ROW_OFFSET", 0)[0]
        columns[ccd] = numbers(table, "COLUMN_OFFSET", 0)[0]
    return MosOffsets(rows, columns)


@dataclass(frozen=True, slots=True, eq=False)
class NoiseMaps:
    """Which offset and noise maps EPN_REJECT holds for which exposures.

    Attributes
    ----------
    names : tuple of str
        Extensions that the index of the constituent names.
    rows : int
        Rows of the index.
    """

    names: tuple[str, ...]
    rows: int


def read_reject(path: Path) -> NoiseMaps:
    """Read the index of EPN_REJECT (MASTER_OFFSET_TABLE_INDEX).

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (table,) = tables_of(path, "MASTER_OFFSET_TABLE_INDEX")
    labels = [name for name, values in table.columns.items() if values.dtype.kind == "S"]
    if not labels:
        raise other_layout(path, "MASTER_OFFSET_TABLE_INDEX should name extensions")
    return NoiseMaps(tuple(texts(table, labels[0])), len(table.columns[labels[0]]))
