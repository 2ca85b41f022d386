"""DET_ML of several cameras or bands together, from that of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.detection.likelihoods import equivalent_likelihood

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

POSITION_PARAMETERS: Final = 2
"""X_IMA and Y_IMA are free in the fit of a source beside its rates."""
EXTENT_PARAMETERS: Final = 3
"""... and the extent, of a source that is extended."""

_FAR = 300.0  # beyond, the incomplete gamma function comes near the smallest double
_STEPS = 60  # of Newton's method; it takes under 10


def raw_likelihood(equivalent: ArrayLike, freedom: ArrayLike) -> NDArray[np.float64]:
    """Invert `equivalent_likelihood`: half the change of the Cash statistic from DET_ML and its degrees of freedom.

    Parameters
    ----------
    equivalent : array
        DET_ML; NaN stays NaN.
    freedom : array
        Bands fitted, plus `POSITION_PARAMETERS` or `EXTENT_PARAMETERS`.
    """
    from scipy.special import gammainccinv, gammaincinv

    wanted, nu = np.broadcast_arrays(np.asarray(equivalent, np.float64), np.asarray(freedom, np.float64))
    wanted = np.maximum(wanted, 0.0)
    raw = np.full(wanted.shape, np.nan)
    near = wanted <= _FAR
    below, above = -np.expm1(-wanted[near]), np.exp(-wanted[near])
    half = nu[near] / 2.0
    raw[near] = np.where(below < 0.5, gammaincinv(half, below), gammainccinv(half, above))
    far = wanted > _FAR
    goal, nu_far = wanted[far], nu[far]
    guess = goal + (nu_far / 2.0 - 1.0) * np.log(goal)
    for _ in range(_STEPS):
        change = equivalent_likelihood(guess, nu_far) - goal
        guess = guess - change  # the slope is 1 to within (freedom / 2 - 1) / L
        if np.all(np.abs(change) <= 1e-13 * goal):
            break
    raw[far] = guess
    return raw


def joint_likelihood(
    likelihoods: ArrayLike, bands: ArrayLike, extended: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """DET_ML of several cameras or bands together.

    Parameters
    ----------
    likelihoods : array, shape (parts, n)
        DET_ML of each; NaN where one has none.
    bands : array, shape (parts, n) or (parts, 1)
        Bands in each: 1 for the rows of a band.
    extended : array of bool, shape (n,)
        Whether the source was fitted as extended.

    Returns
    -------
    likelihood, bands : ndarray, shape (n,)
        NaN and 0 where no part has one.
    """
    likelihoods = np.asarray(likelihoods, np.float64)
    bands = np.broadcast_to(np.asarray(bands, np.float64), likelihoods.shape)
    shared = np.where(np.asarray(extended, bool), EXTENT_PARAMETERS, POSITION_PARAMETERS)
    there = ~np.isnan(likelihoods)
    raw = np.nansum(raw_likelihood(likelihoods, bands + shared), axis=0)
    number = np.where(there, bands, 0.0).sum(axis=0)
    joint = equivalent_likelihood(raw, np.maximum(number, 1.0) + shared)
    return np.where(there.any(axis=0), joint, np.nan), number
