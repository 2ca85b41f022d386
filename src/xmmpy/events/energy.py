"""PHA to PI: gain and charge loss, for whole columns of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.calibration.energy import SIDE, MosEnergy, PnEnergy, pattern_class

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

_EVENTS_AT_A_TIME = 1 << 16  # their terms stay in the processor's cache


def mos_ccd_energy(
    calibration: MosEnergy,
    ccd: int,
    rawx: npt.NDArray[Any],
    rawy: npt.NDArray[Any],
    classes: npt.NDArray[np.int8],
    charge: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Energy of the events of one MOS CCD; the formula is that of `xmmpy.calibration.energy.mos_terms`.

    Parameters
    ----------
    calibration : MosEnergy
        Of the camera.
    ccd : int
        1 to 7.
    rawx, rawy : ndarray of int, shape (n,)
        Pixels.
    classes : ndarray of int8, shape (n,)
        Of `pattern_class`.
    charge : ndarray of float32, shape (n,)
        Charge of the whole event (adu), spread over its channel or not.

    Returns
    -------
    ndarray of float32, shape (n,)
        Energy (eV), not rounded; exact to 0.01 eV.
    """
    factors = calibration.coefficients[ccd].astype(np.float32)
    constant, gain, square, by_x, by_y, gain_x, gain_y, root_y, double, triple, quadruple, split = factors
    kinds = np.array([0.0, double, triple, quadruple], np.float32)
    gains = np.array([gain, gain + split, gain + split, gain + split], np.float32)
    unit = np.float32(1.0 / 1000.0)
    energy = np.empty(charge.size, np.float32)
    for first in range(0, charge.size, _EVENTS_AT_A_TIME):
        part = slice(first, first + _EVENTS_AT_A_TIME)
        kind = classes[part]
        column, row = rawx[part], rawy[part]
        pha = charge[part] * unit
        x, y = column * np.float32(1 / SIDE), row * np.float32(1 / SIDE)
        total = gains[kind] + square * pha + gain_x * x + gain_y * y
        total *= pha
        total += kinds[kind] + constant + by_x * x
        total += y * (by_y + root_y * np.sqrt(np.maximum(pha, np.float32(0.0))))
        inside = (column >= 0) & (column <= SIDE) & (row >= 0) & (row <= SIDE)
        lost = calibration.column_offsets[ccd][np.where(inside, column, 0), np.where(inside, row, 0)]
        energy[part] = total + np.where(inside, lost, 0)
    return energy


def mos_event_energy(
    calibration: MosEnergy,
    ccdnr: npt.NDArray[Any],
    rawx: npt.NDArray[Any],
    rawy: npt.NDArray[Any],
    pattern: npt.NDArray[Any],
    pha: npt.NDArray[Any],
    rng: np.random.Generator | None = None,
) -> FloatArray:
    """Energy of MOS events of several CCDs.

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
    charge = np.asarray(pha, np.float32)
    if rng is not None:
        charge = charge + (rng.random(charge.size, np.float32) - np.float32(0.5))
    numbers = np.asarray(ccdnr) % 10
    classes = pattern_class(pattern)
    energy = np.full(len(pha), np.nan)
    for ccd in range(1, 8):
        mine = np.flatnonzero(numbers == ccd)
        if mine.size:
            energy[mine] = mos_ccd_energy(calibration, ccd, rawx[mine], rawy[mine], classes[mine], charge[mine])
    return energy


def pn_pixel_energy(
    calibration: PnEnergy,
    rawy: npt.NDArray[Any],
    pha: npt.NDArray[Any],
    rng: np.random.Generator | None = None,
    gain: npt.NDArray[np.float32] | None = None,
    loss: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
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
    gain : ndarray of float32, shape (n,), optional
        Gain of the column of each pixel, in units of the mean gain.
    loss : ndarray of float32, shape (n,), optional
        Part of the charge that a transfer in the column of each pixel loses.

    Returns
    -------
    ndarray of float32, shape (n,)
        Energy (eV), not rounded; exact to 0.01 eV.
    """
    charge = np.asarray(pha, dtype=np.float32)
    if rng is not None:
        charge = charge + (rng.random(charge.size, np.float32) - np.float32(0.5))
    transfers = np.asarray(rawy, dtype=np.float32)
    relative = np.float32(calibration.relative_loss) if loss is None else loss
    energy = charge * (transfers * relative + np.float32(1.0))
    energy *= np.float32(calibration.gain)
    if gain is not None:
        energy *= gain
    energy += transfers * np.float32(calibration.fixed_loss)
    return np.asarray(energy, np.float32)
