"""Photon spectra and the drawing of energies from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration import nominal, surroundings

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

ERG_PER_KEV: Final = 1.602176634e-9
SOURCE_INDEX: Final = 1.7
GALACTIC_COLUMN_CM2: Final = 3e20
"""Column of the spectrum for which the catalogue's conversion factors hold."""
CXB_INDEX: Final = 1.42
CXB_NORMALISATION: Final = 11.0
"""Extragalactic background at 1 keV, photons cm-2 s-1 sr-1 keV-1 (handbook, EPIC background)."""
FOREGROUND: Final = ((0.10, 200.0), (0.225, 60.0))
"""Temperature (keV) and normalisation n of n exp(-E/kT)/E for the local bubble and the halo, set so that
the two give about 70 photons cm-2 s-1 sr-1 keV-1 at 0.25 keV and 7 at 0.6 keV (typical high latitude)."""
PROTON_BREAK_KEV: Final = 3.2
PROTON_INDICES: Final = (0.4, 0.9)
"""Soft protons: a broken power law in counts, not folded with the telescope's area."""


@dataclass(frozen=True, slots=True, eq=False)
class EnergySampler:
    """Inverse of a cumulative distribution over energy.

    Attributes
    ----------
    energy_kev, cumulative : ndarray, shape (n,)
        The distribution; `cumulative` runs from 0 to 1.
    total : float
        Integral of the density.
    """

    energy_kev: FloatArray
    cumulative: FloatArray
    total: float

    @classmethod
    def from_density(cls, energy_kev: FloatArray, density: FloatArray) -> EnergySampler:
        """Take a density at rising energies (linear between)."""
        steps = 0.5 * (density[1:] + density[:-1]) * np.diff(energy_kev)
        cumulative = np.concatenate([[0.0], np.cumsum(steps)])
        total = float(cumulative[-1])
        return cls(energy_kev, cumulative / total, total)

    def draw(self, rng: np.random.Generator, number: int) -> FloatArray:
        """Energies (keV), shape (number,)."""
        return np.interp(rng.random(number), self.cumulative, self.energy_kev)


def source_photons(energy_kev: FloatArray) -> FloatArray:
    """Photon spectrum of a source, arbitrary units: absorbed power law of index 1.7."""
    absorption = np.exp(-GALACTIC_COLUMN_CM2 * surroundings.photoabsorption_cm2(energy_kev))
    result: FloatArray = energy_kev**-SOURCE_INDEX * absorption
    return result


def diffuse_photons(energy_kev: FloatArray, unresolved: float) -> FloatArray:
    """Photon intensity of the diffuse sky (cm-2 s-1 sr-1 keV-1).

    Parameters
    ----------
    energy_kev : ndarray
        Energies.
    unresolved : float
        Part of the extragalactic background that is not in the sources simulated one by one.
    """
    absorption = np.exp(-GALACTIC_COLUMN_CM2 * surroundings.photoabsorption_cm2(energy_kev))
    result = unresolved * CXB_NORMALISATION * energy_kev**-CXB_INDEX * absorption
    for temperature, normalisation in FOREGROUND:
        result = result + normalisation * np.exp(-energy_kev / temperature) / energy_kev
    return result


def proton_counts(energy_kev: FloatArray) -> FloatArray:
    """Counts spectrum of soft protons, arbitrary units."""
    low, high = PROTON_INDICES
    ratio = energy_kev / PROTON_BREAK_KEV
    return np.where(ratio < 1, ratio**-low, ratio**-high)


@cache
def band_grid(band: int) -> FloatArray:
    """Fine energy grid (keV) of a band, 0 to 4."""
    edges = nominal.BAND_EDGES_KEV
    return np.geomspace(edges[band], edges[band + 1], 129)


@cache
def band_flux_shares() -> tuple[float, ...]:
    """Flux of the source spectrum in each band over that in 0.5-2 keV."""
    fluxes = []
    for band in range(5):
        energy = band_grid(band)
        fluxes.append(float(np.trapezoid(energy * source_photons(energy), energy)))
    return tuple(flux / (fluxes[1] + fluxes[2]) for flux in fluxes)


def mean_effective_area(camera: str, optical_filter: str) -> tuple[FloatArray, FloatArray]:
    """Mean photon energy (keV) and effective area (cm2) on the axis in each band, shape (5,) both.

    The area is what turns the catalogue's conversion factors into counts per photon: factor times mean
    energy.
    """
    means = np.empty(5)
    for band in range(5):
        energy = band_grid(band)
        photons = source_photons(energy)
        means[band] = np.trapezoid(energy * photons, energy) / np.trapezoid(photons, energy)
    return means, nominal.energy_conversion_factors(camera, optical_filter) * means * ERG_PER_KEV


def effective_area(camera: str, optical_filter: str, energy_kev: FloatArray) -> FloatArray:
    """Effective area on the axis (cm2): logarithmic interpolation through the band means."""
    means, areas = mean_effective_area(camera, optical_filter)
    if not np.any(areas):
        return np.zeros_like(energy_kev)
    result: FloatArray = np.exp(np.interp(np.log(energy_kev), np.log(means), np.log(areas)))
    return result


def source_sampler(camera: str, optical_filter: str, band: int) -> EnergySampler:
    """Energies of the detected photons of a source in one band."""
    energy = band_grid(band)
    density = source_photons(energy) * np.maximum(effective_area(camera, optical_filter, energy), 1e-30)
    return EnergySampler.from_density(energy, density)


def diffuse_sampler(camera: str, optical_filter: str, unresolved: float) -> EnergySampler:
    """Energies of detected photons of the diffuse sky; `total` is counts s-1 sr-1 on the axis."""
    energy = np.geomspace(nominal.BAND_EDGES_KEV[0], nominal.BAND_EDGES_KEV[-1], 641)
    area = np.maximum(effective_area(camera, optical_filter, energy), 1e-30)
    return EnergySampler.from_density(energy, diffuse_photons(energy, unresolved) * area)


def proton_sampler() -> EnergySampler:
    """Energies of soft protons."""
    energy = np.geomspace(0.2, 15.0, 641)
    return EnergySampler.from_density(energy, proton_counts(energy))
