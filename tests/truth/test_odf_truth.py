"""A simulated ODF, reduced from raw: what comes out is what was put in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.calibration.nominal import frame_timing, pattern_fractions
from xmmpy.events.coordinates import TangentPlane
from xmmpy.simulation.observation import SimulationSettings
from xmmpy.simulation.odf import simulate_odf
from xmmpy.simulation.odf.errors import with_errors
from xmmpy.simulation.sky import Sources
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Outcome, Session

pytestmark = pytest.mark.truth

EXPOSURE = 10_000.0
CAMERAS = {"EMOS1": "m1", "EMOS2": "m2", "EPN": "pn"}
# Bright sources in the middle of CCDs, a few arcminutes off the axis.
RA, DEC = 150.0, 2.2
OFFSETS = ((0.0, 0.01), (-0.1, -0.06), (0.05, -0.1))
MATCHED = 1.5  # frames


def run_task(name: str, odf: Path, **values: Any) -> Outcome:
    task = find_task(name)
    return task.execute(values, Session(name, Environment(odf=str(odf))))


@dataclass
class Matched:
    """Rows of a list, and the photon that each came from."""

    camera: str
    events: np.ndarray
    header: Any
    energy: np.ndarray
    time: np.ndarray
    source: np.ndarray
    distance: np.ndarray  # of DETX,DETY from where the photon fell, 0.05 arcsec
    alone: np.ndarray
    known: np.ndarray
    sky: np.ndarray  # distance of X,Y from where the photon came from, 0.05 arcsec; NaN for particles


def match(camera: str, path: Path, truth: Path) -> Matched:
    """Pair rows with photons: the same pixel, the nearest time, within one and a half frames."""
    with fits.open(path) as hdus:
        events, header = np.array(hdus["EVENTS"].data), hdus["EVENTS"].header.copy()
    photons = np.array(fits.getdata(truth / f"photons_{CAMERAS[camera]}.fits"))
    photons = photons[np.isfinite(photons["TIME"])]
    x, y = photons["RAWX"].astype(int), photons["RAWY"].astype(int)
    x, y = (x + 1, y + 1) if camera == "EPN" else (x - 5, y)
    time = events["TIME_RAW"] if camera == "EPN" else events["TIME"]
    start = photons["TIME"].min()
    key = ((photons["CCD"].astype(np.int64) * 1000 + x) * 1000 + y) * 1e6 + (photons["TIME"] - start)
    order = np.argsort(key)
    key, photons = key[order], photons[order]
    sought = ((events["CCDNR"].astype(np.int64) * 1000 + events["RAWX"]) * 1000 + events["RAWY"]) * 1e6 + (time - start)
    place = np.clip(np.searchsorted(key, sought), 1, key.size - 1)
    nearer = np.where(np.abs(key[place - 1] - sought) < np.abs(key[place] - sought), place - 1, place)
    found = photons[nearer]
    known = np.abs(key[nearer] - sought) < MATCHED * frame_timing(camera).frame_s
    plane = TangentPlane(header["TCRVL6"], header["TCRVL7"])
    x, y = plane.to_pixels(found["RA"], found["DEC"])
    sky = np.hypot(events["X"] - x, events["Y"] - y)
    return Matched(
        camera, events, header, found["ENERGY"], found["TIME"], found["SOURCE"],
        np.hypot(events["DETX"] - found["DETX"], events["DETY"] - found["DETY"]), found["SHARED"] == 0, known, sky,
    )  # fmt: skip


@pytest.fixture(scope="module")
def observation(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, Matched]]:
    top = tmp_path_factory.mktemp("odf")
    ra = RA + np.array([dx for dx, _ in OFFSETS]) / np.cos(np.radians(DEC))
    sources = Sources.build(ra, DEC + np.array([dy for _, dy in OFFSETS]), [4e-12, 3e-12, 3e-12])
    settings = SimulationSettings(exposure=EXPOSURE, seed=11, ra=RA, dec=DEC, sources=sources, logn_logs=False)
    simulate_odf(top, settings, write_photons=True)
    products = top / "products"
    products.mkdir()
    for name in ("emproc", "epproc"):
        outcome = run_task(name, top / "ODF", outdir=str(products))
        assert [one["status"] for one in outcome.facts["exposures"]] == ["done"] * (2 if name == "emproc" else 1)
    truth = json.loads((top / "truth/truth.json").read_text())
    lists = {camera: next(products.glob(f"*_{camera}_S00?_ImagingEvts.ds")) for camera in CAMERAS}
    return top, truth, {camera: match(camera, path, top / "truth") for camera, path in lists.items()}


@pytest.mark.parametrize("camera", CAMERAS)
def test_every_row_is_a_photon_that_was_there(observation: Any, camera: str) -> None:
    matched = observation[2][camera]
    # The rest: second halves of split diagonals, whose pixel is not that of the raw event.
    assert np.mean(matched.known) > (0.9999 if camera == "EPN" else 0.995)


@pytest.mark.parametrize("camera", CAMERAS)
def test_times_are_right_within_one_frame(observation: Any, camera: str) -> None:
    """A thousandth is paired with the photon of another frame, on the same pixel of a bright source."""
    matched = observation[2][camera]
    late = (matched.events["TIME"] - matched.time)[matched.known]
    assert np.mean(np.abs(late) <= frame_timing(camera).frame_s * 1.001) > 0.999
    # Photons come during the read-out too; they count for the integration before it.
    timing = frame_timing(camera)
    assert np.median(late) == pytest.approx((timing.integration_s - timing.frame_s) / 2, abs=0.02 * timing.frame_s)


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("band", [(400, 800), (1000, 2000), (2000, 4000), (4000, 8000)])
def test_energies_are_right_to_5_ev(observation: Any, camera: str, band: tuple[int, int]) -> None:
    """The median of PI less the true energy, of events of one photon."""
    matched = observation[2][camera]
    chosen = matched.known & matched.alone & (matched.energy > band[0]) & (matched.energy < band[1])
    chosen &= matched.events["PATTERN"] <= (4 if camera == "EPN" else 12)
    assert chosen.sum() > 1000
    assert abs(np.median((matched.events["PI"] - matched.energy)[chosen])) < 5.0


@pytest.mark.parametrize("camera", CAMERAS)
def test_pattern_fractions_are_those_simulated(observation: Any, camera: str) -> None:
    matched = observation[2][camera]
    for low, high in ((1000, 1500), (3000, 5000)):
        chosen = matched.known & matched.alone & (matched.energy > low) & (matched.energy < high)
        pattern = matched.events["PATTERN"][chosen]
        wanted = pattern_fractions(camera, matched.energy[chosen] / 1000.0).mean(axis=0)
        for kind, numbers in enumerate(([0], range(1, 5), range(5, 9), range(9, 13))):
            assert abs(np.isin(pattern, list(numbers)).mean() - wanted[kind]) < 0.02


@pytest.mark.parametrize("camera", CAMERAS)
def test_live_time_is_right_to_a_thousandth(observation: Any, camera: str) -> None:
    header = observation[2][camera].header
    for ccd in observation[1]["cameras"][camera]["ccds"]:
        assert header[f"LIVETI{ccd['ccd']:02d}"] == pytest.approx(ccd["live_time"], rel=1e-3)


@pytest.mark.parametrize("camera", CAMERAS)
def test_events_lie_within_a_pixel_of_their_photon(observation: Any, camera: str) -> None:
    """Half a pixel where the photon fell in it, half a pixel where the event is put; out-of-time events apart."""
    matched = observation[2][camera]
    pixel = 82.5 if camera == "EPN" else 22.0
    near = matched.distance[matched.known & matched.alone] <= pixel * np.sqrt(2.0)
    assert near.mean() > (0.93 if camera == "EPN" else 0.99)  # 6.3 % of pn's events are out of time


@pytest.mark.parametrize("camera", CAMERAS)
def test_events_lie_within_a_pixel_of_their_photon_on_the_sky(observation: Any, camera: str) -> None:
    """X,Y against RA, Dec of each photon: a pixel, and 0.25 arcsec for the digits of the attitude history."""
    matched = observation[2][camera]
    pixel = 82.5 if camera == "EPN" else 22.0
    chosen = matched.known & matched.alone & np.isfinite(matched.sky)
    near = matched.sky[chosen] <= pixel * np.sqrt(2.0) + 5.0
    assert near.mean() > (0.93 if camera == "EPN" else 0.99)


@pytest.mark.parametrize("camera", CAMERAS)
def test_sources_stand_where_they_are(observation: Any, camera: str) -> None:
    """The mean of X,Y in 8 arcsec about each source, to 0.3 arcsec."""
    top, _, lists = observation
    matched = lists[camera]
    plane = TangentPlane(matched.header["TCRVL6"], matched.header["TCRVL7"])
    sources = fits.getdata(top / "truth/sources.fits")
    for row in sources:
        x, y = plane.to_pixels(row["ra"], row["dec"])
        mine = matched.known & (matched.source == row["id"])
        assert mine.sum() > 2000
        dx, dy = matched.events["X"][mine] - x, matched.events["Y"][mine] - y
        shift = np.zeros(2)
        for _ in range(6):
            core = np.hypot(dx - shift[0], dy - shift[1]) < 160.0
            shift = np.array([dx[core].mean(), dy[core].mean()])
        assert np.hypot(*shift) * 0.05 < 0.3


@pytest.mark.parametrize("camera", CAMERAS)
def test_every_raw_event_has_a_fate(observation: Any, camera: str) -> None:
    top, truth, _ = observation
    task = "epproc" if camera == "EPN" else "emproc"
    values = {"outdir": str(top / "products"), "withinstexpids": True, "runatthkgen": False}
    name = {"EMOS1": "M1S001", "EMOS2": "M2S002", "EPN": "PNS003"}[camera]
    (one,) = run_task(task, top / "ODF", instexpids=name, **values).facts["exposures"]
    assert one["raw_events"] == truth["cameras"][camera]["raw_events"]
    assert one["rows"] + sum(one["fates"].values()) == one["raw_events"]


def test_the_same_input_gives_the_same_bytes(observation: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = observation[0]
    made = []
    for place in (tmp_path / "one", tmp_path / "two"):
        place.mkdir()
        task = find_task("epproc")
        session = Session("epproc", Environment(odf=str(top / "ODF"), source_date_epoch=1))
        monkeypatch.chdir(place)
        task.execute({"outdir": ".", "runatthkgen": False}, session)
        made.append({path.name: path.read_bytes() for path in place.iterdir()})
    assert made[0] == made[1]


def test_a_gain_error_shows_in_the_energies(tmp_path: Path) -> None:
    """The simulator takes tables of its own: 2 % more eV for a channel make energies 2 % too small."""
    settings = SimulationSettings(exposure=1000.0, seed=4, cameras=("pn",), scale=3.0)
    energies = []
    for text in ("", "gain=1.02"):
        top = tmp_path / (text or "none")
        simulate_odf(top, settings, calibration=with_errors(["EPN"], text), write_photons=True)
        run_task("epproc", top / "ODF", outdir=str(top), runatthkgen=False)
        matched = match("EPN", next(top.glob("*_ImagingEvts.ds")), top / "truth")
        chosen = matched.known & matched.alone & (matched.energy > 1500) & (matched.events["PATTERN"] == 0)
        energies.append(np.median(matched.events["PI"][chosen] / matched.energy[chosen]))
    assert energies[1] / energies[0] == pytest.approx(1 / 1.02, abs=0.002)
