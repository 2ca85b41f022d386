"""Calibration tables with errors, to see what they do to an observation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xmmpy.calibration.camera import CameraCalibration, nominal_camera
from xmmpy.calibration.energy import PnEnergy

if TYPE_CHECKING:
    from collections.abc import Iterable

KNOWN = ("gain", "cti", "boresight")
_UNIT_ARCSEC = 0.05


def with_errors(cameras: Iterable[str], text: str) -> dict[str, CameraCalibration]:
    """Nominal tables of cameras with errors.

    Parameters
    ----------
    cameras : iterable of str
        INSTRUME.
    text : str
        ``gain=1.02``: the true gain is that much the nominal one (eV for a channel); ``cti=1.5``: the same of the
        charge that pn loses in transfers; ``boresight=3``: the true boresight is 3 arcsec away along DETX. Several
        are separated by commas.

    Raises
    ------
    ValueError
        When the text cannot be understood.
    """
    errors: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        try:
            errors[name.strip()] = float(value)
        except ValueError:
            raise ValueError(f"calibration error '{part}': give it as name=number") from None
    unknown = sorted(set(errors) - set(KNOWN))
    if unknown:
        raise ValueError(f"calibration error '{unknown[0]}' is not known; known are {', '.join(KNOWN)}")
    return {camera: _changed(nominal_camera(camera), errors) for camera in cameras}


def _changed(tables: CameraCalibration, errors: dict[str, float]) -> CameraCalibration:
    gain, cti, shift = errors.get("gain", 1.0), errors.get("cti", 1.0), errors.get("boresight", 0.0)
    energy = tables.energy
    if isinstance(energy, PnEnergy):
        energy = replace(
            energy,
            gain=energy.gain * gain,
            relative_loss=energy.relative_loss * cti,
            fixed_loss=energy.fixed_loss * cti,
        )
    else:
        coefficients = energy.coefficients.copy()
        coefficients[:, 1] *= gain
        energy = replace(energy, coefficients=coefficients)
    pointing = (tables.boresight.pointing[0] + shift / _UNIT_ARCSEC, tables.boresight.pointing[1])
    return replace(tables, energy=energy, boresight=replace(tables.boresight, pointing=pointing))
