"""The sky: sources in a table or drawn from logN-logS, and its projection on the tangent plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration import nominal
from xmmpy.simulation import spectra

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

UNIT_DEG: Final = 0.05 / 3600.0
"""Size of a unit of X, Y, DETX, DETY: 0.05 arcsec, in degrees."""
REFERENCE_PIXEL: Final = 25921.0
"""X and Y of the pointing direction."""


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Sources on the sky; arrays of length n.

    Attributes
    ----------
    identifier : ndarray of int
        Number of the source, from 1.
    ra, dec : ndarray
        Position (degrees, FK5).
    flux : ndarray, shape (n, 5)
        Absorbed flux in the five bands (erg cm-2 s-1).
    core_arcsec, beta : ndarray
        Beta model of an extended source, S ~ (1 + (r/core)^2)^(0.5 - 3 beta); core 0 for a point.
    """

    identifier: npt.NDArray[np.int64]
    ra: FloatArray
    dec: FloatArray
    flux: FloatArray
    core_arcsec: FloatArray
    beta: FloatArray

    def __len__(self) -> int:
        return self.ra.size

    @classmethod
    def build(
        cls,
        ra: npt.ArrayLike,
        dec: npt.ArrayLike,
        flux_0p5_2: npt.ArrayLike,
        core_arcsec: npt.ArrayLike = 0.0,
        beta: npt.ArrayLike = 2.0 / 3.0,
    ) -> Sources:
        """Make sources with the standard spectrum from their 0.5-2 keV flux (erg cm-2 s-1)."""
        ra_array = np.atleast_1d(np.asarray(ra, dtype=float))
        flux = np.broadcast_to(np.asarray(flux_0p5_2, dtype=float), ra_array.shape)
        return cls(
            identifier=np.arange(1, ra_array.size + 1),
            ra=ra_array,
            dec=np.broadcast_to(np.asarray(dec, dtype=float), ra_array.shape).copy(),
            flux=flux[:, None] * np.array(spectra.band_flux_shares()),
            core_arcsec=np.broadcast_to(np.asarray(core_arcsec, dtype=float), ra_array.shape).copy(),
            beta=np.broadcast_to(np.asarray(beta, dtype=float), ra_array.shape).copy(),
        )


def read_sources(path: Path, optical_filter: str) -> Sources:
    """Read sources from a FITS, CSV or ECSV table.

    Parameters
    ----------
    path : Path
        Table with columns ``ra``, ``dec`` (degrees) and either ``flux_0p5_2`` (erg cm-2 s-1) or ``rate``
        (counts/s of pn in 0.5-2 keV on the axis); optional ``core_arcsec`` and ``beta`` of a beta model.
    optical_filter : str
        FILTER, for turning rates into fluxes.
    """
    from astropy.table import Table

    kind = "fits" if path.suffix.lower() in {".fits", ".fit", ".fts", ".ds"} else None
    if kind is None:
        kind = "ascii.ecsv" if path.suffix.lower() == ".ecsv" else "ascii.csv"
    try:
        table = Table.read(path, format=kind)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"cannot read the source table {path}: {reason}") from error
    table.rename_columns(list(table.colnames), [name.lower() for name in table.colnames])
    missing = [name for name in ("ra", "dec") if name not in table.colnames]
    if missing or not {"flux_0p5_2", "rate"} & set(table.colnames):
        raise ValueError(
            f"the source table {path} needs columns ra, dec and flux_0p5_2 (or rate); it has "
            f"{', '.join(table.colnames)}"
        )

    def column(name: str) -> FloatArray:
        try:
            values: FloatArray = np.ma.filled(np.ma.asarray(table[name], dtype=float), np.nan)
        except (TypeError, ValueError) as error:
            raise ValueError(f"column {name} of the source table {path} is not a number in every row") from error
        if not np.all(np.isfinite(values)):
            raise ValueError(f"column {name} of the source table {path} has rows without a finite number")
        return values

    if "flux_0p5_2" in table.colnames:
        flux = column("flux_0p5_2")
    else:
        shares = np.array(spectra.band_flux_shares())[1:3]
        per_flux = float(np.sum(shares * nominal.energy_conversion_factors("EPN", optical_filter)[1:3]))
        if per_flux == 0.0:
            raise ValueError("with a closed filter sources need flux_0p5_2, not rate")
        flux = column("rate") / per_flux
    core = column("core_arcsec") if "core_arcsec" in table.colnames else np.zeros(flux.size)
    beta = column("beta") if "beta" in table.colnames else np.full(flux.size, 2.0 / 3.0)
    if np.any(flux < 0) or np.any(core < 0) or np.any(beta <= 0.5):
        raise ValueError(f"the source table {path} needs fluxes and cores of 0 or more and beta above 0.5")
    return Sources.build(column("ra"), column("dec"), flux, core, beta)


@dataclass(frozen=True, slots=True)
class NumberCounts:
    """Number of sources per square degree brighter than a flux in 0.5-2 keV.

    N(>S) = normalisation (2e-15)^bright / (S^bright + break^(bright - faint) S^faint), S in erg cm-2 s-1
    (Moretti et al. 2003, ApJ 588, 696: soft band).
    """

    normalisation: float = 6150.0
    bright: float = 1.82
    faint: float = 0.60
    break_flux: float = 1.48e-14

    def brighter_than(self, flux: FloatArray) -> FloatArray:
        """Sources per square degree brighter than `flux`."""
        result: FloatArray = (
            self.normalisation
            * 2e-15**self.bright
            / (flux**self.bright + self.break_flux ** (self.bright - self.faint) * flux**self.faint)
        )
        return result

    def draw(self, rng: np.random.Generator, number: int, faintest: float, brightest: float) -> FloatArray:
        """Fluxes between the limits, shape (number,)."""
        grid = np.geomspace(faintest, brightest, 4001)
        counts = self.brighter_than(grid)
        wanted = counts[-1] + rng.random(number) * (counts[0] - counts[-1])
        fluxes: FloatArray = np.exp(np.interp(wanted, counts[::-1], np.log(grid[::-1])))
        return fluxes

    def intensity(self, faintest: float, brightest: float) -> float:
        """Flux of all sources between the limits, erg cm-2 s-1 deg-2."""
        grid = np.geomspace(faintest, brightest, 4001)
        counts = self.brighter_than(grid)
        return float(np.sum(-np.diff(counts) * 0.5 * (grid[1:] + grid[:-1])))


FAINTEST: Final = 3e-16
BRIGHTEST: Final = 2e-13
"""Limits of the drawn fluxes, 0.5-2 keV: below what an exposure can see; one source per ten fields."""


def unresolved_part(counts: NumberCounts, faintest: float = FAINTEST, brightest: float = BRIGHTEST) -> float:
    """Part of the extragalactic background in 0.5-2 keV that the sources between the limits leave."""
    energy = np.geomspace(0.5, 2.0, 257)
    photons = spectra.CXB_NORMALISATION * energy**-spectra.CXB_INDEX
    per_steradian = float(np.trapezoid(photons * energy, energy)) * spectra.ERG_PER_KEV
    per_square_degree = per_steradian * np.radians(1.0) ** 2
    return float(max(0.0, 1.0 - counts.intensity(faintest, brightest) / per_square_degree))


def draw_sources(
    rng: np.random.Generator,
    ra: float,
    dec: float,
    radius_arcmin: float,
    counts: NumberCounts | None = None,
    faintest: float = FAINTEST,
    brightest: float = BRIGHTEST,
) -> Sources:
    """Draw point sources in a circle about `ra`, `dec` (degrees) from number counts."""
    law = counts or NumberCounts()
    area = np.pi * (radius_arcmin / 60.0) ** 2
    limits = law.brighter_than(np.array([faintest, brightest]))
    number = int(rng.poisson(area * (limits[0] - limits[1])))
    distance = radius_arcmin * 60.0 / 0.05 * np.sqrt(rng.random(number))
    azimuth = rng.uniform(0.0, 2 * np.pi, number)
    right, declination = plane_to_sky(
        REFERENCE_PIXEL + distance * np.cos(azimuth), REFERENCE_PIXEL + distance * np.sin(azimuth), ra, dec
    )
    flux = np.sort(law.draw(rng, number, faintest, brightest))[::-1]
    return Sources.build(right, declination, flux)


def sky_to_plane(
    ra: npt.ArrayLike, dec: npt.ArrayLike, ra_pointing: float, dec_pointing: float
) -> tuple[FloatArray, FloatArray]:
    """X, Y (0.05 arcsec, real numbers) of sky positions: tangent projection about the pointing direction.

    Positions on the other half of the sky give NaN.
    """
    alpha = np.radians(np.asarray(ra, dtype=float) - ra_pointing)
    delta, delta0 = np.radians(np.asarray(dec, dtype=float)), np.radians(dec_pointing)
    depth = np.sin(delta) * np.sin(delta0) + np.cos(delta) * np.cos(delta0) * np.cos(alpha)
    depth = np.where(depth > 0, depth, np.nan)
    east = np.cos(delta) * np.sin(alpha) / depth
    north = (np.sin(delta) * np.cos(delta0) - np.cos(delta) * np.sin(delta0) * np.cos(alpha)) / depth
    return (
        REFERENCE_PIXEL - np.degrees(east) / UNIT_DEG,
        REFERENCE_PIXEL + np.degrees(north) / UNIT_DEG,
    )


def plane_to_sky(
    x: npt.ArrayLike, y: npt.ArrayLike, ra_pointing: float, dec_pointing: float
) -> tuple[FloatArray, FloatArray]:
    """RA, Dec (degrees) of X, Y: inverse of `sky_to_plane`."""
    east = -np.radians((np.asarray(x, dtype=float) - REFERENCE_PIXEL) * UNIT_DEG)
    north = np.radians((np.asarray(y, dtype=float) - REFERENCE_PIXEL) * UNIT_DEG)
    delta0 = np.radians(dec_pointing)
    across = np.cos(delta0) - north * np.sin(delta0)
    ra = ra_pointing + np.degrees(np.arctan2(east, across))
    dec = np.degrees(np.arctan2(np.sin(delta0) + north * np.cos(delta0), np.hypot(east, across)))
    return np.mod(ra, 360.0), dec


def join_sources(parts: list[Sources]) -> Sources:
    """All sources of several sets, numbered anew from 1."""
    if not parts:
        return Sources.build(np.empty(0), np.empty(0), np.empty(0))
    total = sum(len(part) for part in parts)
    return Sources(
        identifier=np.arange(1, total + 1),
        ra=np.concatenate([part.ra for part in parts]),
        dec=np.concatenate([part.dec for part in parts]),
        flux=np.concatenate([part.flux for part in parts]),
        core_arcsec=np.concatenate([part.core_arcsec for part in parts]),
        beta=np.concatenate([part.beta for part in parts]),
    )
