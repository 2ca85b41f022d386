"""The detectors: photons in the focal plane become what the cameras send down.

This goes the other way than the reduction and shares none of its formulas: both know the calibration tables alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xmmpy.calibration.badpixels import BadPixels
from xmmpy.calibration.energy import MosEnergy, PnEnergy
from xmmpy.calibration.nominal import frame_timing
from xmmpy.simulation.detector.common import DetectorSettings, arrivals, clocking
from xmmpy.simulation.detector.mos import expose_mos_ccd
from xmmpy.simulation.detector.pn import expose_pn_ccd
from xmmpy.simulation.detector.result import SimulatedCcd
from xmmpy.simulation.frames import CCD_LAG_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from xmmpy.calibration.camera import CameraCalibration
    from xmmpy.simulation.telescope import Photons

__all__ = ["MODES", "DetectorSettings", "SimulatedCcd", "expose_ccds"]

MODES = {"EMOS1": ("PrimeFullWindow",), "EMOS2": ("PrimeFullWindow",),
         "EPN": ("PrimeFullWindow", "PrimeFullWindowExtended")}  # fmt: skip
"""Modes that are simulated."""


def expose_ccds(
    rng: np.random.Generator,
    calibration: CameraCalibration,
    mode: str,
    photons: Photons,
    exposure_s: float,
    faults: Mapping[int, BadPixels],
    settings: DetectorSettings | None = None,
) -> Iterator[SimulatedCcd]:
    """Expose the CCDs of a camera, one after the other.

    Parameters
    ----------
    rng : numpy.random.Generator
        Random numbers.
    calibration : CameraCalibration
        Tables of the camera, which may differ from those of the reduction.
    mode : str
        SUBMODE, one of `MODES`.
    photons : Photons
        X-rays and particles in the focal plane.
    exposure_s : float
        Length of the exposure (s).
    faults : mapping of int to BadPixels
        CCD to its hot, flickering and dead pixels.
    settings : DetectorSettings, optional
        What is simulated.

    Raises
    ------
    ValueError
        When the mode is not simulated or the exposure shorter than a frame.
    """
    camera = calibration.camera
    if mode not in MODES[camera]:
        raise ValueError(f"mode {mode} of {camera} is not simulated; simulated are {', '.join(MODES[camera])}")
    chosen = settings or DetectorSettings()
    timing = frame_timing(camera, mode)
    lag = CCD_LAG_S[camera]
    clocks = {
        ccd.ccd: clocking(timing, order * lag, exposure_s, chosen) for order, ccd in enumerate(calibration.geometry)
    }
    energy = calibration.energy
    for geometry, arrived in arrivals(rng, calibration, photons, clocks):
        bad = faults.get(geometry.ccd, BadPixels.none())
        clock = clocks[geometry.ccd]
        if isinstance(energy, PnEnergy):
            yield expose_pn_ccd(rng, geometry, arrived, clock, energy, bad, chosen)
        else:
            assert isinstance(energy, MosEnergy)
            yield expose_mos_ccd(rng, geometry, arrived, clock, energy, bad, chosen)
