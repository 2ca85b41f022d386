"""On-board time of read-out frames, from the coarse and fine counters of the AUX files.

The counters run from zero at the reset of an instrument's clock at the begin of an exposure, and start again after
their wrap-around. A frame's time stamp is the end of its integration (Data Files Handbook, glossary).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_MASK = 0xFFFF
_SMOOTH = 5  # rows: a damaged counter stands alone


@dataclass(frozen=True, slots=True)
class FrameCounter:
    """The clock of a camera.

    Attributes
    ----------
    fine_step : float
        Step of FTFINE, s (Data Files Handbook, tables 6 and 9).
    wrap : float
        Seconds after which FTCOARSE starts again (CLOCK_WRAP_AROUND of real summary files).
    """

    fine_step: float
    wrap: float


MOS = FrameCounter(fine_step=40e-6, wrap=32767.0)
PN = FrameCounter(fine_step=20.48e-6, wrap=32400.0)


def seconds_since_reset(
    frame: ArrayLike, coarse: ArrayLike, fine: ArrayLike, counter: FrameCounter = MOS, ccd: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Seconds since the reset of the clock.

    Parameters
    ----------
    frame : array-like of int, shape (n,)
        Frame numbers, which grow with time within a CCD; rows may be in any order.
    coarse, fine : array-like of int, shape (n,)
        FTCOARSE in s, FTFINE in steps; unsigned numbers of 16 bits, however they were stored.
    counter : FrameCounter
        Of the camera.
    ccd : array-like of int, shape (n,), optional
        What tells the counters of frames apart: the CCD, with its node where there are two. One CCD when not given.

    Returns
    -------
    ndarray of float64, shape (n,)
        Seconds, in the order of the rows. A row whose counter is damaged keeps its wrong time but does not move others.
    """
    number = np.asarray(frame, np.int64)
    whole = (np.asarray(coarse, np.int64) & _MASK).astype(np.float64)
    raw = whole + (np.asarray(fine, np.int64) & _MASK) * counter.fine_step
    group = np.zeros(number.size, np.int64) if ccd is None else np.asarray(ccd, np.int64)
    seconds = np.empty(raw.size)
    for one in np.unique(group):
        rows = np.flatnonzero(group == one)
        rows = rows[np.argsort(number[rows], kind="stable")]
        seconds[rows] = _unwrap(raw[rows], counter.wrap)
    return seconds


def _unwrap(raw: NDArray[np.float64], wrap: float) -> NDArray[np.float64]:
    """Add the turns of the counter to times in the order of frames."""
    smooth = _running_median(raw)
    falls = np.concatenate(([False], np.diff(smooth) < -wrap / 2))
    unwrapped = smooth + np.cumsum(falls) * wrap
    return np.asarray(raw + wrap * np.round((unwrapped - raw) / wrap), np.float64)


def counters_of(seconds: ArrayLike, counter: FrameCounter = MOS) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """FTCOARSE and FTFINE of seconds since the reset; the inverse of `seconds_since_reset`."""
    within = np.mod(np.asarray(seconds, np.float64), counter.wrap)
    coarse = np.floor(within)
    fine = np.round((within - coarse) / counter.fine_step)
    carried = fine * counter.fine_step >= 1.0 - counter.fine_step / 4
    coarse, fine = np.where(carried, np.mod(coarse + 1, counter.wrap), coarse), np.where(carried, 0, fine)
    return coarse.astype(np.int64), fine.astype(np.int64)


def reset_from_start(obt_of_start: float) -> float:
    """On-board time of the clock's reset where no summary file tells it (`Exposure.clock_reset`).

    The reset is at a whole second (CLOCK_RESET_TIME_FINE is 0 in all real summary files) near the begin of the exposure
    (DATE-OBS), which is known to a second; the result is right to about 2 s, alike for all frames of the exposure.
    """
    return float(np.round(obt_of_start))


def _running_median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if values.size < _SMOOTH:
        return values
    padded = np.pad(values, _SMOOTH // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _SMOOTH)
    return np.asarray(np.median(windows, axis=1), np.float64)
