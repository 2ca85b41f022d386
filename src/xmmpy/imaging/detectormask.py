"""Detection masks from exposure maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def detection_mask(exposure: NDArray[Any], least: float, steepest: float) -> NDArray[np.bool_]:
    """Pixels in which sources are looked for.

    Parameters
    ----------
    exposure : ndarray, shape (rows, columns)
        Exposure map.
    least : float
        Smallest part of the longest exposure (threshold1 of emask).
    steepest : float
        Largest slope (threshold2): the root of the squared differences between the right and the left neighbour and
        between the upper and the lower one, over the longest exposure. On real masks of MOS and pn this gives the
        pixels of SAS, without one that differs.
    """
    values = np.asarray(exposure, np.float64)
    longest = values.max(initial=0.0)
    if longest <= 0.0:
        return np.zeros(values.shape, bool)
    framed = np.pad(values, 1, mode="edge")
    across = framed[1:-1, 2:] - framed[1:-1, :-2]
    along = framed[2:, 1:-1] - framed[:-2, 1:-1]
    result: NDArray[np.bool_] = (values > least * longest) & (np.hypot(across, along) < steepest * longest)
    return result
