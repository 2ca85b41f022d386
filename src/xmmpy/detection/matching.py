"""Find the same sources in two lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.detection.sourcerows import separations

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Where the sources of a list are.

    Attributes
    ----------
    ra, dec : ndarray, shape (n,)
        Degrees.
    error : ndarray, shape (n,)
        Statistical error in arcsec; NaN counts as 0.
    """

    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    error: NDArray[np.float64]


def match(
    first: Positions, second: Positions, max_sigmas: float, systematic_arcsec: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For each source of the second list find its partner in the first.

    Distances are counted in sigmas: the root of the sum of squares of both statistical errors and the systematic one
    (srcmatch's documentation, "Description"). The closest pair of all is joined first, then the closest of those
    that are left, so that the order of the lists does not matter and every source has one partner at most.

    Parameters
    ----------
    first, second : Positions
        The lists.
    max_sigmas : float
        Pairs further apart are none.
    systematic_arcsec : float
        Added once in squares, for the boresight of one camera against another.

    Returns
    -------
    partner : ndarray of int, shape (m,)
        Number in the first list, -1 where there is none.
    sigmas : ndarray, shape (m,)
        The distance, NaN where there is none.
    """
    partner = np.full(len(second.ra), -1, np.intp)
    found = np.full(len(second.ra), np.nan)
    if not len(first.ra) or not len(second.ra):
        return partner, found
    squares = np.nan_to_num(first.error[:, None]) ** 2 + np.nan_to_num(second.error) ** 2 + systematic_arcsec**2
    distance = separations(first.ra, first.dec, second.ra, second.dec)
    with np.errstate(divide="ignore", invalid="ignore"):
        sigmas = np.where(distance == 0.0, 0.0, distance / np.sqrt(squares))
    ones, others = np.nonzero(sigmas <= max_sigmas)
    taken = np.zeros(len(first.ra), bool)
    for place in np.argsort(sigmas[ones, others], kind="stable"):
        one, other = ones[place], others[place]
        if not taken[one] and partner[other] < 0:
            partner[other], found[other], taken[one] = one, sigmas[one, other], True
    return partner, found


def nearby(
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    other_ra: NDArray[np.float64],
    other_dec: NDArray[np.float64],
    radius_arcsec: float,
    most: int,
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp]]:
    """Find the neighbours of each source in another list, nearest first.

    Parameters
    ----------
    ra, dec, other_ra, other_dec : ndarray
        Degrees.
    radius_arcsec : float
        How far to look.
    most : int
        How many neighbours to keep.

    Returns
    -------
    index, distance : ndarray, shape (n, most)
        Numbers in the other list (-1 where there are no more) and distances in arcsec (0 there).
    number : ndarray of int, shape (n,)
        How many there are, kept or not.
    """
    index = np.full((len(ra), most), -1, np.intp)
    kept = np.zeros((len(ra), most))
    if not len(ra) or not len(other_ra):
        return index, kept, np.zeros(len(ra), np.intp)
    distance = separations(ra, dec, other_ra, other_dec)
    number = (distance <= radius_arcsec).sum(axis=1)
    order = np.argsort(distance, axis=1, kind="stable")[:, :most]
    nearest = np.take_along_axis(distance, order, axis=1)
    inside = nearest <= radius_arcsec
    width = order.shape[1]
    index[:, :width] = np.where(inside, order, -1)
    kept[:, :width] = np.where(inside, nearest, 0.0)
    return index, kept, number
