"""espfilt on simulated lists whose flares are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.products.gti import read_gti
from xmmpy.simulation.observation import SimulationSettings, simulate_events
from xmmpy.tasks import espfilt
from xmmpy.tasks.messages import TaskError

MADE = ("gti.fits", "hist.qdp", "fovlc.fits", "corlc.fits", "allevc.fits", "allimc.fits", "corevc.fits", "corimc.fits")


@pytest.fixture(scope="module")
def observation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("espfilt")
    simulate_events(folder, SimulationSettings(exposure=12_000.0, seed=4, cameras=("mos1", "pn"), flares=True))
    return folder


@pytest.mark.parametrize(("camera", "prefix", "scale"), [("M1S001", "mos1S001", 6.0), ("PNS003", "pnS003", 15.0)])
def test_flares_are_cut_and_quiet_time_is_kept(
    observation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, camera: str, prefix: str, scale: float
) -> None:
    monkeypatch.chdir(tmp_path)
    (events,) = observation.glob(f"*{camera}*EVLI*")
    outcome = espfilt(eventfile=str(events), rangescale=scale, elow=2500, ehigh=8500, allowsigma=3.0)
    assert all((tmp_path / f"{prefix}-{kind}").is_file() for kind in MADE)
    assert not (tmp_path / f"{prefix}-gti.txt").exists()
    good = read_gti(f"{prefix}-gti.fits")
    truth = json.loads((observation / "truth.json").read_text())
    start = truth["met_start"]
    flares = [(one["start"], one["stop"]) for one in truth["flares"]]
    assert flares
    seconds = np.arange(start, start + 12_000.0) + 0.5
    flaring = np.any([(seconds > begin) & (seconds < end) for begin, end in flares], axis=0)
    kept = good.contains(seconds)
    assert kept[~flaring].mean() > 0.95
    assert kept[flaring].mean() < 0.15  # their faint tails are like quiet time
    with fits.open(f"{prefix}-allevc.fits") as clean, fits.open(events) as all_events:
        assert np.all(good.contains(clean["EVENTS"].data["TIME"]))
        assert outcome.rows_out == len(clean["EVENTS"].data) < len(all_events["EVENTS"].data)
    assert 0.95 * outcome.rows_out < fits.getdata(f"{prefix}-allimc.fits").sum() <= outcome.rows_out
    text = Path(f"{prefix}-hist.qdp").read_text()
    assert f"Fit Center: {outcome.facts['centre']:.4f}" in text


def test_refusals(observation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (events,) = observation.glob("*M1S001MIEVLI*")
    with pytest.raises(TaskError, match="method=ratio"):
        espfilt(eventfile=str(events), method="ratio")
    with pytest.raises(TaskError, match="lower and a higher"):
        espfilt(eventfile=str(events), elow=5000, ehigh=4000)
    with pytest.raises(TaskError, match="out-of-time"):
        espfilt(eventfile=str(events), withoot=True, ootfile="none.fits")
    with pytest.raises(TaskError, match="no good time"):
        espfilt(eventfile=str(events), limits=[50.0, 60.0])
    assert not list(tmp_path.glob("*-gti.fits"))
