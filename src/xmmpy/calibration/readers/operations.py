"""Constituents of the operation: HKPARMINT, TIMECORR, MODEPARAM, PATTERNLIB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.calibration.readers.layout import numbers, other_layout, tables_of, texts, whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

_SIDE = 5


def read_housekeeping_limits(path: Path) -> dict[str, tuple[float, float]]:
    """Read HKPARMINT: the range of each housekeeping parameter in which data are good.

    Columns: the name (PARM_ID, PARAMETER or NAME), and the limits (LOW, HIGH; MIN, MAX).

    Returns
    -------
    dict of str to (float, float)
        Parameter to its lowest and highest good value; a parameter in several rows has the widest range of them.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (table,) = tables_of(path, "HKPARMINT")
    label = next((name for name in ("PARM_ID", "PARAMETER", "NAME") if name in table.columns), None)
    pair = next((pair for pair in (("LOW", "HIGH"), ("MIN", "MAX")) if set(pair) <= table.columns.keys()), None)
    if label is None or pair is None:
        raise other_layout(path, "HKPARMINT should have a name (PARM_ID) and two limits (LOW, HIGH) in each row")
    found: dict[str, tuple[float, float]] = {}
    for name, low, high in zip(texts(table, label), numbers(table, pair[0]), numbers(table, pair[1]), strict=True):
        if low > high:
            raise other_layout(path, f"the limits of {name} are the wrong way round")
        old = found.get(name.upper(), (low, high))
        found[name.upper()] = (min(low, old[0]), max(high, old[1]))
    return found


def read_frame_times(path: Path) -> dict[str, float]:
    """Read FRAMETIME of EMOSn_TIMECORR: mode to the time of a frame (ms).

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (table,) = tables_of(path, "FRAMETIME")
    name = next((name for name in ("FRAMETIME", "FRMTIME", "FRAME_TIME") if name in table.columns), None)
    if name is None:
        raise other_layout(path, "FRAMETIME should have a column FRAMETIME")
    modes = texts(table, "MODE_ID") if table.column("MODE_ID").dtype.kind == "S" else [
        str(int(mode)) for mode in numbers(table, "MODE_ID")
    ]  # fmt: skip
    times = numbers(table, name)
    if times.min() <= 0.0:
        raise other_layout(path, "frame times should be above 0")
    return dict(zip(modes, times.tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """Windows of the read-out modes.

    Attributes
    ----------
    identifiers : tuple of int
        MODE_ID.
    columns : mapping of str to ndarray
        Vector columns of inner and outer CCDs, by name.
    """

    identifiers: tuple[int, ...]
    columns: Mapping[str, FloatArray]


def read_modes(path: Path) -> Modes:
    """Read MODEPARAM: MODE_ID, and whatever numbers it holds for inner and outer CCDs.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (table,) = tables_of(path, "MODEPARAM")
    identifiers = whole(table, "MODE_ID", 0, 999)
    columns = {
        name: values.astype(np.float64)
        for name, values in table.columns.items()
        if name != "MODE_ID" and values.dtype.kind in "iuf"
    }
    if not columns:
        raise other_layout(path, "MODEPARAM should hold numbers for each mode")
    return Modes(tuple(identifiers.tolist()), columns)


def read_patterns(path: Path, mode: str = "PrimeFullWindow") -> dict[int, npt.NDArray[np.int64]]:
    """Read the table of a mode of PATTERNLIB: PATTERN_ID and a matrix of 5 x 5 pixels.

    Returns
    -------
    dict of int to ndarray of int, shape (5, 5)
        PATTERN to its matrix.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (table,) = tables_of(path, mode)
    label = next((name for name in ("PATTERN_ID", "PATTERN") if name in table.columns), None)
    matrix = next((name for name, values in table.columns.items() if values.ndim > 1), None)
    if label is None or matrix is None:
        raise other_layout(path, f"{mode} should have a number (PATTERN_ID) and a matrix in each row")
    values = table.column(matrix).reshape(len(table.column(matrix)), -1)
    if values.shape[1] != _SIDE * _SIDE:
        raise other_layout(path, f"the matrices of {mode} should have 5 x 5 pixels")
    numbers_ = whole(table, label, 0, 255)
    return {int(n): row.reshape(_SIDE, _SIDE).astype(np.int64) for n, row in zip(numbers_, values, strict=True)}
