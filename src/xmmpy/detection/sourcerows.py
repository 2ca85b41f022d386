"""Sums, means, ratios and distances of the rows of source lists.

Each formula is that of the rows which emldetect and srcmatch write; ``docs/tasks/srcmatch.md`` shows how well they give
back the columns of real lists. All work on arrays in double precision; NaN is a value that a camera or band lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ECF_UNIT: Final = 1e11
"""Energy conversion factors are in units of 1e11 counts cm2/erg."""
UNCORRECTED_ERROR: Final = 1.29
"""SYSERRCC (arcsec) in SAS 19 to 21 of a field whose astrometry was not corrected with a reference catalogue."""


def total(values: ArrayLike) -> NDArray[np.float64]:
    """Sum of rates, counts or (over the bands of one camera) fluxes.

    Parameters
    ----------
    values : array, shape (parts, ...)
        Cameras or bands along the first axis.

    Returns
    -------
    ndarray
        The sum of those parts that have a value; NaN where none has.
    """
    values = np.asarray(values, np.float64)
    return np.where(np.isnan(values).all(axis=0), np.nan, np.nansum(values, axis=0))


def total_error(errors: ArrayLike) -> NDArray[np.float64]:
    """Error of a `total`: the root of the sum of squares of the parts that have one."""
    return np.sqrt(total(np.asarray(errors, np.float64) ** 2))


def weighted_mean(values: ArrayLike, errors: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of the cameras with weights 1 / error^2, for fluxes and hardness ratios, and its error.

    Rates of cameras with different areas are added (`total`); fluxes and ratios are averaged.

    Parameters
    ----------
    values, errors : array, shape (parts, ...)
        Parts without value or without a positive error do not count.

    Returns
    -------
    mean, error : ndarray
        NaN where no part counts.
    """
    values, errors = np.asarray(values, np.float64), np.asarray(errors, np.float64)
    counts = ~np.isnan(values) & (errors > 0.0)
    weights = np.where(counts, 1.0 / np.where(counts, errors, 1.0) ** 2, 0.0)
    sums = weights.sum(axis=0)
    found = sums > 0.0
    weight = np.where(found, sums, 1.0)
    mean = (weights * np.where(counts, values, 0.0)).sum(axis=0) / weight
    return np.where(found, mean, np.nan), np.where(found, 1.0 / np.sqrt(weight), np.nan)


def hardness_ratio(
    soft: ArrayLike, hard: ArrayLike, soft_error: ArrayLike, hard_error: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hardness ratio (H - S) / (H + S) of two rates, with the error that follows from theirs.

    Returns
    -------
    ratio, error : ndarray
        NaN where both rates are zero or one is missing.
    """
    soft, hard = np.asarray(soft, np.float64), np.asarray(hard, np.float64)
    both = soft + hard
    counts = both > 0.0
    divisor = np.where(counts, both, 1.0)
    spread = 2.0 * np.hypot(hard * np.asarray(soft_error, np.float64), soft * np.asarray(hard_error, np.float64))
    return np.where(counts, (hard - soft) / divisor, np.nan), np.where(counts, spread / divisor**2, np.nan)


def flux(rate: ArrayLike, ecf: ArrayLike) -> NDArray[np.float64]:
    """Flux (erg/cm2/s) of a rate (counts/s) and its energy conversion factor (1e11 counts cm2/erg); errors alike."""
    return np.asarray(rate, np.float64) / (np.asarray(ecf, np.float64) * ECF_UNIT)


def counts(rates: ArrayLike, exposures: ArrayLike) -> NDArray[np.float64]:
    """Counts of a camera from the rates and exposures of its bands (first axis)."""
    return total(np.asarray(rates, np.float64) * np.asarray(exposures, np.float64))


def counts_error(rate_errors: ArrayLike, exposures: ArrayLike) -> NDArray[np.float64]:
    """Error of `counts`."""
    return total_error(np.asarray(rate_errors, np.float64) * np.asarray(exposures, np.float64))


def radial_error(x_error: ArrayLike, y_error: ArrayLike, pixel_arcsec: float) -> NDArray[np.float64]:
    """RADEC_ERR (arcsec): the root of the sum of squares of the errors (pixels) along both axes.

    63.2 % of the true positions lie within it.
    """
    return np.hypot(np.asarray(x_error, np.float64), np.asarray(y_error, np.float64)) * pixel_arcsec


def position_error(radec_error: ArrayLike, systematic: ArrayLike) -> NDArray[np.float64]:
    """POSERR of 4XMM (arcsec): RADEC_ERR and SYSERRCC added in squares (4XMM user guide, "Coordinates")."""
    return np.hypot(np.asarray(radec_error, np.float64), np.asarray(systematic, np.float64))


def unit_vectors(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """Directions on the sky, shape (3, n), from RA and Dec in degrees."""
    ra, dec = np.radians(np.asarray(ra, np.float64)), np.radians(np.asarray(dec, np.float64))
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def separations(ra: ArrayLike, dec: ArrayLike, other_ra: ArrayLike, other_dec: ArrayLike) -> NDArray[np.float64]:
    """Distances in arcsec of every position of one list to every one of another, shape (n, m).

    From the chord, which keeps its accuracy at the smallest distances.
    """
    difference = unit_vectors(ra, dec)[:, :, None] - unit_vectors(other_ra, other_dec)[:, None, :]
    chord = np.sqrt((difference**2).sum(axis=0))
    distances: NDArray[np.float64] = np.degrees(2.0 * np.arcsin(np.minimum(chord / 2.0, 1.0))) * 3600.0
    return distances


def nearest_neighbour(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """DIST_NN: distance in arcsec of each source to the nearest other one; NaN for a source that is alone."""
    distances = separations(ra, dec, ra, dec)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.min(axis=1) if len(distances) else np.zeros(0)
    return np.where(np.isfinite(nearest), nearest, np.nan)


def mean_position(
    ra: ArrayLike, dec: ArrayLike, errors: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean of several measurements of each position, with weights 1 / error^2.

    Parameters
    ----------
    ra, dec, errors : array, shape (measurements, n)
        Degrees and arcsec. A measurement without error counts where there is no other.

    Returns
    -------
    ra, dec, error : ndarray, shape (n,)
        Degrees and arcsec. The mean is that of the unit vectors, right at the poles and at RA = 0 too.
    """
    ra, dec, errors = (np.asarray(values, np.float64) for values in (ra, dec, errors))
    known = ~np.isnan(ra) & (errors > 0.0)
    alone = ~known.any(axis=0) & ~np.isnan(ra)
    weights = np.where(known, 1.0 / np.where(known, errors, 1.0) ** 2, np.where(alone, 1.0, 0.0))
    vectors = np.where(np.isnan(ra), 0.0, unit_vectors(np.nan_to_num(ra), np.nan_to_num(dec)))
    mean_ra, mean_dec = _angles((vectors * weights).sum(axis=1))
    found = weights.sum(axis=0) > 0.0
    spread = weighted_mean(np.zeros_like(errors), np.where(known, errors, np.nan))[1]
    return np.where(found, mean_ra, np.nan), np.where(found, mean_dec, np.nan), spread


def _angles(vectors: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ra = np.degrees(np.arctan2(vectors[1], vectors[0])) % 360.0
    ra = np.where(ra < 360.0, ra, 0.0)  # the remainder of a tiny negative angle rounds up to 360
    return ra, np.degrees(np.arctan2(vectors[2], np.hypot(vectors[0], vectors[1])))
