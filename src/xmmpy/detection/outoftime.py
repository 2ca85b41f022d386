"""Events that arrived while a CCD was read out: smeared along its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.calibration.nominal import ccd_geometry

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from xmmpy.detection.planes import CameraView

    FloatArray = npt.NDArray[np.float64]

_PARTS = 3
"""Parts of a pixel of the CCD along each side, so that the pixels of the image are filled evenly."""


def out_of_time_image(
    view: CameraView,
    shape: tuple[int, int],
    ccdnr: npt.NDArray[Any],
    rawx: npt.NDArray[Any],
    rows: Mapping[int, tuple[int, int]],
    fraction: float,
) -> FloatArray:
    """Mean image of the out-of-time events of a list.

    Each column of a CCD holds `fraction` of its events out of time, evenly spread over its rows.

    Parameters
    ----------
    view : CameraView
        How the camera lies on the image.
    shape : tuple of int
        Rows and columns of the image.
    ccdnr, rawx : ndarray, shape (events,)
        CCD and column of the selected events.
    rows : mapping of int to (int, int)
        First and last row that is read of each CCD; a window has fewer than the CCD.
    fraction : float
        Part of the events that is out of time.

    Returns
    -------
    ndarray, shape `shape`
        Counts a pixel.
    """
    result = np.zeros(shape)
    (a, b, c), (d, e, f) = view.to_det
    back = np.linalg.inv(np.array([[a, b], [d, e]]))
    for ccd in ccd_geometry(view.camera):
        columns = np.bincount(rawx[ccdnr == ccd.ccd].astype(np.intp), minlength=ccd.last[0] + 1)[: ccd.last[0] + 1]
        numbers = np.flatnonzero(columns)
        if not numbers.size:
            continue
        first, last = rows.get(ccd.ccd, (ccd.first[1], ccd.last[1]))
        lines = np.arange(first - 0.5 + 0.5 / _PARTS, last + 0.5, 1.0 / _PARTS)
        across = (numbers[:, None] + (np.arange(_PARTS) + 0.5) / _PARTS - 0.5).ravel()
        x, y = np.meshgrid(across, lines)
        det = np.stack(ccd.raw_to_det(x, y)) - np.array([c, f])[:, None, None]
        place = np.rint(np.tensordot(back, det, axes=1)).astype(np.intp)
        share = np.repeat(columns[numbers] * fraction / _PARTS, _PARTS)
        weight = np.broadcast_to(share / lines.size, x.shape)
        inside = (place[0] >= 0) & (place[0] < shape[1]) & (place[1] >= 0) & (place[1] < shape[0])
        np.add.at(result, (place[1][inside], place[0][inside]), weight[inside])
    return result
