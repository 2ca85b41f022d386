"""A simulated MOS CCD: the X-rays that are absorbed too deep to be recognised."""

from __future__ import annotations

import numpy as np
import pytest

from xmmpy.calibration.badpixels import BadPixels
from xmmpy.calibration.camera import nominal_camera
from xmmpy.calibration.energy import MosEnergy
from xmmpy.calibration.nominal import frame_timing
from xmmpy.odf.raw import MosEvents
from xmmpy.simulation.detector import DetectorSettings
from xmmpy.simulation.detector.common import Arrivals, clocking
from xmmpy.simulation.detector.mos import expose_mos_ccd

pytestmark = pytest.mark.truth

CCD, MODE = 1, "PrimeFullWindow"
PHOTONS = 40_000


@pytest.mark.parametrize(("kev", "part"), [(0.8, 0.0), (6.0, 0.2), (9.0, 0.5)])
def test_deep_x_rays_make_pattern_31(kev: float, part: float) -> None:
    """A fifth of the events of 6 keV, half of those of 9 keV; photons of the other patterns are as many as ever."""
    calibration = nominal_camera("EMOS1")
    assert isinstance(calibration.energy, MosEnergy)
    settings = DetectorSettings(hot_rate=0.0, tracks=False)
    clock = clocking(frame_timing("EMOS1", MODE), 0.0, 5200.0, settings)
    rng = np.random.default_rng(3)
    energy = np.full(PHOTONS, 1000.0 * kev)
    photons = Arrivals(
        np.arange(PHOTONS), np.sort(rng.integers(0, clock.frames, PHOTONS)), rng.integers(10, 590, PHOTONS),
        rng.integers(10, 590, PHOTONS), energy, energy / 1000.0,
    )  # fmt: skip
    sent = expose_mos_ccd(rng, calibration.ccd(CCD), photons, clock, calibration.energy, BadPixels.none(), settings)
    assert isinstance(sent.events, MosEvents)
    deep = (sent.photon < 0) & (sent.events.pattern == 31)
    assert np.count_nonzero(sent.photon >= 0) > 0.99 * PHOTONS
    assert deep.mean() == pytest.approx(part, abs=0.01)
    if part:
        whole = sent.events.e1.astype(int) + sent.events.e2
        assert whole[deep].max() < whole[~deep].mean()  # a part of their charge is lost
