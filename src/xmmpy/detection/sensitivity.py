"""Sensitivity maps: the count rate that a source must have to be found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.detection.boxes import box_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

CELL: Final = 3
"""Side of the detection cell (pixels)."""
FRACTION_IN_CELL: Final = 0.30
"""Part of a source's photons that the cell is taken to hold (task page esensmap)."""
OUTSIDE: Final = -1.0
"""Value outside of the mask and where there is no exposure or background."""
_NODES = 400


def counts_needed(background: npt.ArrayLike, likelihood: float) -> FloatArray:
    """Counts N in a cell with -ln P(N, B) = `likelihood`, P the regularised lower incomplete gamma function.

    Parameters
    ----------
    background : array-like
        Expected background B in the cell, above 0.
    likelihood : float
        Wanted likelihood (mlmin).

    Notes
    -----
    N is a real number here, so that the map is smooth. It is solved at nodes over ln B and interpolated.
    """
    from scipy.optimize import brentq
    from scipy.special import gammainc

    mean = np.asarray(background, np.float64)
    low, high = max(float(mean.min(initial=np.inf)), 1e-12), max(float(mean.max(initial=0.0)), 1e-11)
    nodes = np.geomspace(low * 0.999, high * 1.001, _NODES)

    def miss(counts: float, expected: float) -> float:
        return -float(np.log(max(gammainc(counts, expected), 1e-300))) - likelihood

    needed = [brentq(miss, 1e-9, node + 40.0 + 10.0 * likelihood + 20.0 * node**0.5, (node,)) for node in nodes]
    result: FloatArray = np.interp(np.log(np.maximum(mean, low)), np.log(nodes), np.array(needed))
    return result


@dataclass(frozen=True, slots=True, eq=False)
class SearchedImage:
    """Maps of one image that is searched; arrays of shape (rows, columns).

    Attributes
    ----------
    background : ndarray
        Counts a pixel.
    exposure : ndarray
        Seconds, vignetted.
    mask : ndarray of bool
        Pixels that are searched.
    ecf : float
        Energy conversion factor (1e11 counts cm2 / erg), times the part of the flux that the band has where several
        bands are searched as one.
    """

    background: npt.NDArray[Any]
    exposure: npt.NDArray[Any]
    mask: npt.NDArray[np.bool_]
    ecf: float = 1.0


def sensitivity_map(images: Sequence[SearchedImage], likelihood: float) -> tuple[FloatArray, FloatArray]:
    """Count rate and flux at which a point source reaches a likelihood, in each pixel.

    Parameters
    ----------
    images : sequence of SearchedImage
        Bands and cameras; several are searched as one, their sum.
    likelihood : float
        Likelihood that the source must reach.

    Returns
    -------
    rate : ndarray, shape (rows, columns)
        Counts/s of the whole source on the axis, summed over the images that cover the pixel; `OUTSIDE` where there is
        none.
    flux : ndarray, shape (rows, columns)
        The same in erg/cm2/s.
    """
    shape = images[0].exposure.shape
    in_cell, seconds, collected, covering = (np.zeros(shape) for _ in range(4))
    for image in images:
        used = np.asarray(image.mask, bool) & (image.exposure > 0.0) & (image.background > 0.0)
        pixels = np.maximum(np.rint(box_sums(used, CELL)), 1.0)
        background = box_sums(np.where(used, image.background, 0.0), CELL) * (CELL**2 / pixels)
        exposure = box_sums(np.where(used, image.exposure, 0.0), CELL) / pixels
        in_cell += np.where(used, background, 0.0)
        seconds += np.where(used, exposure, 0.0)
        collected += np.where(used, exposure * image.ecf * 1e11, 0.0)
        covering += used
    searched = covering > 0.0
    rate, flux = np.full(shape, OUTSIDE), np.full(shape, OUTSIDE)
    if searched.any():
        counts = counts_needed(in_cell[searched], likelihood)
        net = (counts - in_cell[searched]) / FRACTION_IN_CELL
        rate[searched] = net * covering[searched] / seconds[searched]
        flux[searched] = net / collected[searched]
    return rate, flux
