"""A simulated pn CCD, calibrated: energies, places, frames and live time against what was put in."""

from __future__ import annotations

import numpy as np
import pytest

from xmmpy.calibration.badpixels import BadPixels
from xmmpy.calibration.camera import nominal_camera
from xmmpy.calibration.energy import PnEnergy
from xmmpy.calibration.nominal import frame_timing
from xmmpy.events.calibrated import CalibratedCcd
from xmmpy.events.livetime import live_time
from xmmpy.events.pn import PnOptions, calibrate_pn_ccd
from xmmpy.odf.raw import PnFrameTable
from xmmpy.simulation.detector import DetectorSettings, SimulatedCcd
from xmmpy.simulation.detector.common import Arrivals, clocking
from xmmpy.simulation.detector.pn import CYCLE, expose_pn_ccd

CCD, MODE, START = 5, "PrimeFullWindow", 8.1e8
EXPOSURE_S = 2000.0
PHOTONS = 20_000


def arrived(frames: int) -> Arrivals:
    rng = np.random.default_rng(1)
    energy = rng.uniform(600.0, 6000.0, PHOTONS)
    return Arrivals(
        np.arange(PHOTONS), np.sort(rng.integers(0, frames, PHOTONS)), rng.integers(3, 62, PHOTONS),
        rng.integers(10, 195, PHOTONS), energy, energy / 1000.0,
    )  # fmt: skip


def frame_table(ccd: SimulatedCcd) -> PnFrameTable:
    """What the camera would report of a quadrant of three such CCDs; frames without events have no row."""
    cycle = ccd.frame // CYCLE
    cycles = np.unique(cycle)
    per_cycle = {
        name: np.bincount(cycle, weights=3 * ccd.counts[name]).astype(np.int32)[cycles]
        for name in ("ndiscarded", "nabove")
    }
    sent = np.isin(ccd.frame, ccd.events.frame)
    nabove = per_cycle["nabove"]
    return PnFrameTable(
        ccd.frame[sent], START + ccd.end[sent], cycle[sent], cycles.astype(np.int32), nabove, nabove, nabove,
        per_cycle["ndiscarded"], np.zeros(cycles.size, bool),
    )  # fmt: skip


@pytest.fixture(scope="module", params=[False, True], ids=["no tracks", "tracks"])
def exposed(request: pytest.FixtureRequest) -> tuple[Arrivals, SimulatedCcd, CalibratedCcd]:
    calibration = nominal_camera("EPN")
    assert isinstance(calibration.energy, PnEnergy)
    settings = DetectorSettings(hot_rate=0.0, tracks=request.param)
    clock = clocking(frame_timing("EPN", MODE), 0.0, EXPOSURE_S, settings)
    photons = arrived(clock.frames)
    rng = np.random.default_rng(2)
    none = BadPixels.none()
    sent = expose_pn_ccd(rng, calibration.ccd(CCD), photons, clock, calibration.energy, none, settings)
    done = calibrate_pn_ccd(
        sent.events, frame_table(sent), sent.window, CCD, MODE, calibration, none, PnOptions(), rng,
        discarded=sent.discarded_lines,
    )  # fmt: skip
    return photons, sent, done


def test_every_photon_comes_back(exposed: tuple[Arrivals, SimulatedCcd, CalibratedCcd]) -> None:
    """As many events as photons outside discarded columns; energies right to the rounding of each pixel."""
    photons, sent, done = exposed
    rows = done.events
    live = float(sent.live.mean())
    assert len(rows) == pytest.approx(PHOTONS * live, rel=0.01)
    valid = rows.pattern <= 12
    assert valid.mean() > 0.99
    assert rows.pi[valid].mean() == pytest.approx(photons.energy_ev.mean(), rel=0.01)
    known = {}
    for frame, column, row, energy in zip(photons.frame, photons.column, photons.row, photons.energy_ev, strict=True):
        known.setdefault((int(frame), int(column), int(row)), float(energy))
    assert rows.time_raw is not None
    timing = frame_timing("EPN", MODE)
    frame = np.rint((rows.time_raw - START - timing.integration_s / 2) / timing.frame_s).astype(int)
    wanted = np.array(
        [known.get(place, np.nan) for place in zip(frame.tolist(), rows.rawx.tolist(), rows.rawy.tolist(), strict=True)]
    )
    assert np.isfinite(wanted).mean() > 0.99
    off = rows.pi - wanted
    assert abs(np.nanmedian(off)) < 1.0
    assert np.nanpercentile(np.abs(off), 95) < 8.0
    assert np.abs(rows.time - rows.time_raw).max() <= timing.integration_s / 2 + 1e-6


def test_live_time(exposed: tuple[Arrivals, SimulatedCcd, CalibratedCcd]) -> None:
    """Nearly all frames are there, from those with events alone; FRACEXP is what the tracks left, on the mean."""
    _, sent, done = exposed
    timing = frame_timing("EPN", MODE)
    assert done.frames.time.size == pytest.approx(sent.frame.size, abs=40)
    assert len(done.good) == 1
    truth = float(sent.live.sum(dtype=np.float64)) * timing.integration_s
    assert live_time(done.frames, done.good) == pytest.approx(truth, rel=2e-3)


def test_columns_discarded_on_board(exposed: tuple[Arrivals, SimulatedCcd, CalibratedCcd]) -> None:
    """DLIODF counts by column: as many as the frames lost, fewer at the borders, where tracks come from one side."""
    _, sent, done = exposed
    assert sent.discarded_lines is not None
    assert done.discarded_lines is not None
    assert done.discarded_lines[:64, 0].tolist() == sent.discarded_lines.tolist()
    assert not done.discarded_lines[64:, 0].any()
    assert sent.discarded_lines.sum() == sent.counts["ndiscarded"].sum()
    if sent.discarded_lines.any():
        middle = sent.discarded_lines[2:-2].mean()
        assert np.all(sent.discarded_lines[[0, -1]] < 0.9 * middle)
        assert sent.discarded_lines[2:-2].std() < 0.1 * middle
