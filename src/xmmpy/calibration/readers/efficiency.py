"""Constituents of the detected part of the light: FILTERTRANSX, QUANTUMEF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.calibration.readers.layout import numbers, other_layout, rising, tables_of, texts
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FilterTransmission:
    """Transmission of one filter.

    Attributes
    ----------
    energy : ndarray, shape (n,)
        As in EBINS (eV).
    transmission : ndarray, shape (regions, n)
        0 to 1.
    regions : tuple of str
        Where each row holds, in the selection language.
    """

    energy: FloatArray
    transmission: FloatArray
    regions: tuple[str, ...]


def read_filter_transmission(path: Path, optical_filter: str) -> FilterTransmission:
    """Read one filter of EMOSn_FILTERTRANSX or EPN_FILTERTRANSX.

    Parameters
    ----------
    path : Path
        The constituent.
    optical_filter : str
        FILTER of an exposure: Thin1, Thin2, Medium, Thick, Open, Closed.

    Raises
    ------
    FileProblem
        When it is laid out otherwise, or has no such filter.
    """
    bins, table = tables_of(path, "EBINS", f"FILTER-{optical_filter.strip().upper()}")
    energy = rising(numbers(bins, "ENERGY"), bins, "ENERGY")
    transmission = numbers(table, "TRANSMISSION", len(energy))
    if transmission.min() < 0.0 or transmission.max() > 1.0:
        problem = f"has another layout than expected: TRANSMISSION of {table.name} is not between 0 and 1"
        raise FileProblem(path, problem, "check which issue it is")
    return FilterTransmission(energy, transmission, tuple(texts(table, "REGION")))


@dataclass(frozen=True, slots=True, eq=False)
class QuantumEfficiency:
    """Quantum efficiency of a camera, summed over the patterns.

    Attributes
    ----------
    energy : ndarray, shape (n,)
        Energies (eV).
    total : ndarray, shape (n,)
        Part of the photons that are detected.
    """

    energy: FloatArray
    total: FloatArray

    def at(self, energy: FloatArray) -> FloatArray:
        """Efficiency at energies (eV), linear between the nodes, as the calibration access layer has it."""
        return np.interp(energy, self.energy, self.total)


def read_quantum_efficiency(path: Path) -> QuantumEfficiency:
    """Read QE_TOTAL and EBINS of EMOSn_QUANTUMEF or EPN_QUANTUMEF.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    bins, table = tables_of(path, "EBINS", "QE_TOTAL")
    energy = rising(numbers(bins, "ENERGY"), bins, "ENERGY")
    name = next((name for name in ("QE_TOTAL", "QE", "EFFICIENCY") if name in table.columns), None)
    if name is None:
        raise other_layout(path, "QE_TOTAL should have a column QE_TOTAL or QE")
    total = numbers(table, name, len(energy))[0] if table.column(name).ndim > 1 else numbers(table, name)
    if total.shape != energy.shape or total.min() < 0.0 or total.max() > 1.0:
        raise other_layout(path, f"{name} should have a number from 0 to 1 for each energy of EBINS")
    return QuantumEfficiency(energy, total)
