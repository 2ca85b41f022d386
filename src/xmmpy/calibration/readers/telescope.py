"""Constituents of the telescopes: XRTn_XAREAEF (as in the real XRT3_XAREAEF_0012), XRTn_XPSF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.calibration.nominal import Vignetting
from xmmpy.calibration.readers.layout import numbers, other_layout, rising, tables_of
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.products.tables import table_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

_ARCMIN = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class EffectiveArea:
    """Effective area of an X-ray telescope, without the gratings.

    Attributes
    ----------
    energy_kev, area_cm2 : ndarray, shape (n,)
        On the axis.
    vignetting : Vignetting
        Relative area off the axis.
    correction_kev, correction : ndarray, shape (m,)
        Empirical correction of the area (CORRAREA); empty in older issues.
    """

    energy_kev: FloatArray
    area_cm2: FloatArray
    vignetting: Vignetting
    correction_kev: FloatArray
    correction: FloatArray

    def on_axis(self, energy_kev: FloatArray, *, corrected: bool = False) -> FloatArray:
        """Area on the axis (cm2), linear between the rows; with the empirical correction when wanted."""
        area = np.interp(energy_kev, self.energy_kev, self.area_cm2)
        if corrected and self.correction.size:
            area = area * np.interp(energy_kev, self.correction_kev, self.correction)
        return area

    def at(self, energy_kev: FloatArray, offaxis_arcmin: FloatArray, *, corrected: bool = False) -> FloatArray:
        """Area off the axis (cm2)."""
        return self.on_axis(energy_kev, corrected=corrected) * self.vignetting.at(energy_kev, offaxis_arcmin)


def read_effective_area(path: Path) -> EffectiveArea:
    """Read XRTn_XAREAEF: ONAXISXAREAEF, VIGNETTING (D_THETA: step in degrees), and CORRAREA where it is.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    axis, off = tables_of(path, "ONAXISXAREAEF", "VIGNETTING")
    step = off.hdu.value("D_THETA")
    if not isinstance(step, float) or step <= 0.0:
        problem = "has another layout than expected: no step D_THETA in the header of VIGNETTING"
        raise FileProblem(path, problem, "check which issue it is")
    factor = numbers(off, "VIGNETTING_FACTOR", 0)
    correction_kev, correction = np.empty(0), np.empty(0)
    with FitsFile(path) as file:
        if any(hdu.name == "CORRAREA" for hdu in file.hdus):
            table = table_of(file, file.find("CORRAREA"))
            correction_kev = rising(numbers(table, "ENERGY"), table, "ENERGY") / 1000.0
            correction = numbers(table, "FACTOR")
    return EffectiveArea(
        energy_kev=rising(numbers(axis, "ENERGY"), axis, "ENERGY") / 1000.0,
        area_cm2=numbers(axis, "AREA"),
        vignetting=Vignetting(
            energy_kev=rising(numbers(off, "ENERGY"), off, "ENERGY") / 1000.0,
            offaxis_arcmin=np.arange(factor.shape[1], dtype=np.float64) * np.float64(step * _ARCMIN),
            factor=factor,
        ),
        correction_kev=correction_kev,
        correction=correction,
    )


@dataclass(frozen=True, slots=True, eq=False)
class PsfParameters:
    """Parameters of an analytic point-spread function on a grid of energy and off-axis angle.

    Attributes
    ----------
    energy_kev : ndarray, shape (n,)
        Energies.
    offaxis_arcmin : ndarray, shape (m,)
        Off-axis angles.
    parameters : ndarray, shape (n, m, k)
        King profile: core radius (arcsec), slope; elliptical beta profile: core radius, slope, ellipticity and more.
    """

    energy_kev: FloatArray
    offaxis_arcmin: FloatArray
    parameters: FloatArray

    def at(self, energy_kev: float, offaxis_arcmin: float) -> FloatArray:
        """Parameters at an energy and an angle, linear between the nodes of the grid; shape (k,)."""
        along = np.array(
            [
                [np.interp(offaxis_arcmin, self.offaxis_arcmin, row[:, k]) for k in range(row.shape[1])]
                for row in self.parameters
            ]
        )
        return np.array([np.interp(energy_kev, self.energy_kev, along[:, k]) for k in range(along.shape[1])])


def read_psf(path: Path, table: str = "ELLBETA_PARAMS") -> PsfParameters:
    """Read ELLBETA_PARAMS or KING_PARAMS of XRTn_XPSF: ENERGY (eV), THETA (rad), PARAMS, a row for each node.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (found,) = tables_of(path, table)
    energy, theta, values = numbers(found, "ENERGY"), numbers(found, "THETA"), numbers(found, "PARAMS", 0)
    energies, angles = np.unique(energy), np.unique(theta)
    if len(values) != energies.size * angles.size or values.shape[1] < 2:
        raise other_layout(path, f"{table} should have a row for each energy and angle, with two parameters or more")
    if angles.max() > np.radians(1.0):
        raise other_layout(path, f"THETA of {table} should be in radians")
    grid = np.empty((energies.size, angles.size, values.shape[1]))
    grid[np.searchsorted(energies, energy), np.searchsorted(angles, theta)] = values
    return PsfParameters(energies / 1000.0, np.degrees(angles) * _ARCMIN, grid)
