"""Nominal gain and charge loss: from PHA to energy, for each CCD of MOS and for pn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration.nominal import read_table

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

MOS_TERMS: Final = (
    "offset", "gain", "quadratic", "serial", "parallel", "serial_gain", "parallel_gain", "parallel_root",
    "double", "triple", "quadruple", "split_gain",
)  # fmt: skip
"""Columns of ``mos_energy.csv``, in the order of the terms of `mos_terms`."""
SIDE: Final = 600
"""Pixels of a MOS CCD along each axis; the terms with a place are for this many transfers."""
_PHA_UNIT = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class MosEnergy:
    """Energy calibration of a MOS camera.

    Attributes
    ----------
    coefficients : ndarray, shape (8, 12)
        For CCD 1 to 7 (row 0 is not used) the factors of `mos_terms`, in eV.
    column_offsets : ndarray of int16, shape (8, 601, 601)
        Energy (eV) that events of pixel [ccd, RAWX, RAWY] lost to traps of their column.
    source : str
        Where the figures come from.
    """

    coefficients: FloatArray
    column_offsets: npt.NDArray[np.int16]
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class PnEnergy:
    """Energy calibration of pn.

    Attributes
    ----------
    gain : float
        eV for a PHA channel without transfers.
    relative_loss : float
        Part of the charge lost in one transfer.
    fixed_loss : float
        Energy lost in one transfer whatever the charge (eV).
    source : str
        Where the figures come from.
    column_gain : ndarray of float32, shape (13, 65), or None
        Gain of each column, [CCDNR, RAWX], in units of `gain`; all alike when None.
    column_loss : ndarray of float32, shape (13, 65), or None
        The same of `relative_loss` (itself, not a factor).
    """

    gain: float
    relative_loss: float
    fixed_loss: float
    source: str
    column_gain: npt.NDArray[np.float32] | None = None
    column_loss: npt.NDArray[np.float32] | None = None


def pattern_class(pattern: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    """0 single, 1 double (1 to 4), 2 triple (5 to 8), 3 quadruple and all others."""
    result: npt.NDArray[np.int8] = np.searchsorted(np.array([1, 5, 9]), pattern, side="right").astype(np.int8)
    return result


def mos_terms(
    pha: FloatArray, rawx: FloatArray, rawy: FloatArray, classes: npt.NDArray[np.int8]
) -> tuple[FloatArray, ...]:
    """Terms whose weighted sum is the energy of a MOS event, each of shape (n,).

    1, P, P^2, X, Y, P X, P Y, sqrt(P) Y with P = PHA/1000 and X, Y = RAWX/600, RAWY/600; 1 for doubles, triples and
    quadruples; P for all of these. X and Y stand for the charge lost in the transfers along and across the read-out
    register, of which one part is the same for all events, one grows with the charge and one with its root.
    """
    charge, x, y = pha / _PHA_UNIT, rawx / SIDE, rawy / SIDE
    split = (classes > 0).astype(np.float64)
    kinds = [(classes == kind).astype(np.float64) for kind in (1, 2, 3)]
    root = np.sqrt(np.maximum(charge, 0.0))
    return (
        np.ones_like(charge), charge, charge * charge, x, y, charge * x, charge * y, root * y, *kinds, split * charge,
    )  # fmt: skip


@cache
def mos_energy(camera: str) -> MosEnergy:
    """Energy calibration of ``EMOS1`` or ``EMOS2`` (2004)."""
    table, traps = read_table("mos_energy"), read_table("mos_column_offsets")
    coefficients = np.full((8, len(MOS_TERMS)), np.nan)
    for row in table.where("camera", camera).rows:
        coefficients[int(row["ccd"])] = [float(row[name]) for name in MOS_TERMS]
    offsets = np.zeros((8, SIDE + 1, SIDE + 1), np.int16)
    for row in traps.where("camera", camera).rows:
        offsets[int(row["ccd"]), int(row["rawx"]), int(row["first_rawy"]) :] = int(row["offset"])
    return MosEnergy(coefficients, offsets, f"{table.name} ({camera})")


@cache
def pn_energy() -> PnEnergy:
    """Energy calibration of pn (2023)."""
    row = read_table("pn_energy").rows[0]
    return PnEnergy(float(row["gain"]), float(row["relative_loss"]), float(row["fixed_loss"]), "pn_energy")
