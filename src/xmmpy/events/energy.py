"""PHA to PI: gain and charge loss, for whole columns of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.calibration.energy import SIDE, MosEnergy, PnEnergy, mos_terms, pattern_class

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

_EVENTS_AT_A_TIME = 1 << 16  # their terms stay in the processor's cache


def mos_event_energy(
    calibration: MosEnergy,
    ccdnr: npt.NDArray[Any],
    rawx: npt.NDArray[Any],
    rawy: npt.NDArray[Any],
    pattern: npt.NDArray[Any],
    pha: npt.NDArray[Any],
    rng: np.random.Generator | None = None,
) -> FloatArray:
    """Energy of MOS events.

    Parameters
    ----------
    calibration : MosEnergy
        Of the camera.
    ccdnr, rawx, rawy, pattern, pha : ndarray, shape (n,)
        Columns of the list; PHA is the charge of the whole event.
    rng : numpy.random.Generator, optional
        Spreads PHA evenly over its channel.

    Returns
    -------
    ndarray of float64, shape (n,)
        Energy (eV), not rounded; NaN for a CCD that is none.
    """
    energy = np.empty(len(pha))
    for first in range(0, len(pha), _EVENTS_AT_A_TIME):
        part = slice(first, first + _EVENTS_AT_A_TIME)
        charge = pha[part].astype(np.float64)
        if rng is not None:
            charge += rng.uniform(-0.5, 0.5, charge.size)
        ccd = ccdnr[part] % 10
        ccd = np.where((ccd >= 1) & (ccd <= 7), ccd, 0).astype(np.intp)
        x, y = rawx[part].astype(np.intp), rawy[part].astype(np.intp)
        terms = mos_terms(charge, x.astype(np.float64), y.astype(np.float64), pattern_class(pattern[part]))
        factors = calibration.coefficients[ccd]
        total = sum((factors[:, number] * term for number, term in enumerate(terms)), start=np.zeros(charge.size))
        inside = (x >= 0) & (x <= SIDE) & (y >= 0) & (y <= SIDE)
        lost = calibration.column_offsets[ccd, np.where(inside, x, 0), np.where(inside, y, 0)]
        energy[part] = total + np.where(inside, lost, 0)
    return energy


def pn_pixel_energy(
    calibration: PnEnergy,
    rawy: npt.NDArray[Any],
    pha: npt.NDArray[Any],
    rng: np.random.Generator | None = None,
) -> FloatArray:
    """Energy of the charge in single pixels of pn; the energy of a pattern is the sum over its pixels.

    A pixel is moved RAWY times until it is read; it loses a part of its charge and a fixed amount in each transfer:
    E = gain PHA (1 + relative_loss RAWY) + fixed_loss RAWY.

    Parameters
    ----------
    calibration : PnEnergy
        Gain and losses.
    rawy, pha : ndarray, shape (n,)
        Row (from 1, at the read-out) and PHA of each pixel.
    rng : numpy.random.Generator, optional
        Spreads PHA evenly over its channel.

    Returns
    -------
    ndarray of float64, shape (n,)
        Energy (eV), not rounded.
    """
    charge = np.asarray(pha, dtype=np.float64)
    if rng is not None:
        charge = charge + rng.uniform(-0.5, 0.5, charge.size)
    transfers = np.asarray(rawy, dtype=np.float64)
    result: FloatArray = (
        calibration.gain * charge * (1.0 + calibration.relative_loss * transfers) + calibration.fixed_loss * transfers
    )
    return result
