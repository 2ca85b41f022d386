"""Sensitivity maps: the count rate that a source must have to be found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.detection.boxsearch import box_sums

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


def sensitivity_map(
    backgrounds: Sequence[npt.NDArray[Any]],
    exposures: Sequence[npt.NDArray[Any]],
    mask: npt.NDArray[np.bool_],
    likelihood: float,
) -> FloatArray:
    """Count rate at which a point source reaches a likelihood, in each pixel.

    Parameters
    ----------
    backgrounds, exposures : sequence of ndarray, shape (rows, columns)
        Background (counts a pixel) and exposure (s) of each band; several are searched as one summed band.
    mask : ndarray of bool
        Pixels that are searched.
    likelihood : float
        Likelihood that the source must reach.

    Returns
    -------
    ndarray
        Counts/s of the whole source on the axis; `OUTSIDE` where nothing is searched.
    """
    used = np.asarray(mask, bool)
    background = np.sum([np.asarray(one, np.float64) for one in backgrounds], axis=0)
    exposure = np.mean([np.asarray(one, np.float64) for one in exposures], axis=0)
    used = used & (exposure > 0.0) & (background > 0.0)
    pixels = np.maximum(np.rint(box_sums(used, CELL)), 1.0)
    in_cell = box_sums(np.where(used, background, 0.0), CELL) * (CELL**2 / pixels)
    seconds = box_sums(np.where(used, exposure, 0.0), CELL) / pixels
    result = np.full(used.shape, OUTSIDE)
    if used.any():
        counts = counts_needed(in_cell[used], likelihood)
        result[used] = (counts - in_cell[used]) / FRACTION_IN_CELL / seconds[used]
    return result
