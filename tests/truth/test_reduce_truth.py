"""The whole reduction of a simulated observation, against the events and flares that went in."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.pipeline.names import FOLDERS
from xmmpy.products.gti import read_gti
from xmmpy.products.intervals import Intervals
from xmmpy.simulation import SimulationSettings, simulate_events

GOOD = {"mos1": 0x766BA000, "mos2": 0x766BA000, "pn": 0xCFA0000}
SHORT = {"mos1": "m1", "mos2": "m2", "pn": "pn"}
PATTERNS = {"mos1": 12, "mos2": 12, "pn": 4}
BANDS = {"b2": (500, 1000), "b3": (1000, 2000), "b4": (2000, 4500), "b5": (4500, 12000)}


def xmmpy(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, "-m", "xmmpy", *words],
        env=environment, cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("observation")
    simulate_events(folder, SimulationSettings(exposure=6000, seed=5))
    done = xmmpy("reduce", str(folder), "--jobs", "2")
    assert (done.returncode, done.stderr.count("failed")) == (0, 0), done.stderr
    return folder


@pytest.fixture(scope="module")
def work(home: Path) -> Path:
    return home / "work"


@pytest.fixture(scope="module")
def record(work: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((work / "record.json").read_text())
    return loaded


def events(path: Path) -> fits.FITS_rec:
    with fits.open(path) as hdus:
        return hdus["EVENTS"].data.copy()


@pytest.mark.parametrize("camera", GOOD)
def test_the_cleaned_list_holds_the_good_events_of_the_quiet_time(work: Path, camera: str) -> None:
    rows = events(work / f"{camera}.fits")
    quiet = read_gti(str(work / f"gtiset_{camera}.fits")).contains(rows["TIME"])
    wanted = rows[((rows["FLAG"] & GOOD[camera]) == 0) & (rows["PI"] > 150) & quiet]
    clean = events(work / f"{camera}_clean.fits")
    assert 0 < len(clean) < len(rows)
    for name in rows.names:
        np.testing.assert_array_equal(clean[name], wanted[name])


@pytest.mark.parametrize("camera", GOOD)
def test_every_image_holds_the_events_of_its_band(work: Path, camera: str) -> None:
    rows = events(work / f"{camera}_clean.fits")
    rows = rows[(rows["FLAG"] == 0) & (rows["X"] >= 1) & (rows["X"] <= 51840) & (rows["Y"] >= 1) & (rows["Y"] <= 51840)]
    lowest = (200, 500) if camera != "pn" else (300, 500)
    for band, (low, high) in {"b1": lowest, **BANDS, "full": (lowest[0], 12000)}.items():
        highest = 0 if (camera, band) == ("pn", "b1") else PATTERNS[camera]
        chosen = rows[(rows["PI"] > low) & (rows["PI"] <= high) & (rows["PATTERN"] <= highest)]
        image = fits.getdata(work / "images" / f"{SHORT[camera]}_image_{band}.fits")
        width = 51840 / image.shape[1]
        assert image.shape[0] == image.shape[1] <= 600
        assert width <= 88
        assert image.sum() == len(chosen)
        edges = 1 + 87 * np.arange(image.shape[0] + 1)
        counted, _, _ = np.histogram2d(chosen["Y"], chosen["X"], bins=(edges, edges))
        np.testing.assert_array_equal(image, counted)


def test_the_mosaic_is_the_sum_of_the_full_images(work: Path) -> None:
    images = [fits.getdata(work / "images" / f"{name}_image_full.fits") for name in SHORT.values()]
    np.testing.assert_array_equal(fits.getdata(work / "mosaic.ds"), np.sum(images, axis=0))


@pytest.mark.parametrize("camera", GOOD)
def test_the_cut_removes_the_flares_and_keeps_the_quiet_time(home: Path, record: dict[str, Any], camera: str) -> None:
    truth = json.loads((home / "truth.json").read_text())
    kept = read_gti(str(home / "work" / f"gtiset_{camera}.fits"))
    cut = next(entry for entry in record["cameras"] if entry["key"] == camera)["cut"]
    assert cut["kept"] == pytest.approx(kept.total, abs=200)
    flares = Intervals.of(*zip(*((flare["start"], flare["stop"]) for flare in truth["flares"]), strict=True))
    exposure = Intervals.of([truth["met_start"]], [truth["met_start"] + truth["exposure_s"]])
    quiet = exposure.subtract(flares)
    assert flares.total > 300
    assert kept.intersect(quiet).total > 0.95 * quiet.total
    # A flare's ends are as weak as the noise: its counts are lost, not every second of it.
    rows = events(home / "work" / f"{camera}.fits")
    high = rows["TIME"][(rows["PI"] > 10000) & flares.contains(rows["TIME"])]
    rate_kept = kept.contains(high).sum() / kept.intersect(flares).total if len(kept.intersect(flares)) else 0
    assert rate_kept < 0.5 * high.size / flares.total


def test_the_cut_flow_counts_events(work: Path, record: dict[str, Any]) -> None:
    for camera, mask in GOOD.items():
        step = next(entry for entry in record["steps"] if entry["name"] == f"{camera}/clean")
        rows = events(work / f"{camera}.fits")
        good = (rows["FLAG"] & mask) == 0
        assert step["rows_in"] == len(rows)
        assert [cut["rows"] for cut in step["cuts"]][:2] == [good.sum(), (good & (rows["PI"] > 150)).sum()]
        assert step["rows_out"] == step["cuts"][-1]["rows"] == len(events(work / f"{camera}_clean.fits"))


def test_the_recorded_lines_repeat_every_product(home: Path, record: dict[str, Any], tmp_path: Path) -> None:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for path in home.glob("P*"):
        (tmp_path / path.name).symlink_to(path)
    batch = []
    for step in record["steps"]:
        words = shlex.split(step["line"], comments=True)
        if words[:1] == ["ln"]:
            (tmp_path / words[-1]).symlink_to(Path(words[-2]).name)
        elif words:
            batch.append(step["line"])
    (tmp_path / "lines").write_text("\n".join(batch))
    done = xmmpy("batch", "lines", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for step in record["steps"]:
        for name in step["outputs"] if step["task"] else ():
            assert (tmp_path / name).read_bytes() == (home / "work" / name).read_bytes(), name


def test_one_job_gives_the_same_bytes_elsewhere(home: Path, record: dict[str, Any], tmp_path: Path) -> None:
    for path in home.glob("P*"):
        (tmp_path / path.name).symlink_to(path)
    done = xmmpy("reduce", ".", "--jobs", "1", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["exit_status"] == 0
    assert done.stderr == ""
    for step in record["steps"]:
        for name in step["outputs"]:
            assert (tmp_path / "work" / name).read_bytes() == (home / "work" / name).read_bytes(), name


def test_a_second_run_finds_all_done(home: Path) -> None:
    before = (home / "work" / "record.json").stat().st_mtime_ns
    done = xmmpy("reduce", str(home))
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing to do" in done.stdout
    assert (home / "work" / "record.json").stat().st_mtime_ns == before


def test_sources_are_those_that_went_in(home: Path, work: Path) -> None:
    truth = fits.getdata(home / "truth_sources.fits", 1)
    counts = sum(truth[f"{camera}_counts"][:, 1:4].sum(axis=1) for camera in GOOD)
    inside = np.all([truth[f"{camera}_coverage"] > 0.9 for camera in GOOD], axis=0)
    bright = truth[inside & (counts > 80)]
    assert len(bright) >= 5
    for name, least in (("all", 0.99), ("m1", 0.5), ("m2", 0.5), ("pn", 0.7)):
        rows = fits.getdata(work / f"coords/{name}_emllist.fits", "SRCLIST")
        rows = rows[(rows["ID_INST"] == 0) & (rows["ID_BAND"] == 0)]
        east = (rows["RA"][None, :] - bright["ra"][:, None]) * np.cos(np.radians(bright["dec"]))[:, None]
        distance = np.hypot(east, rows["DEC"][None, :] - bright["dec"][:, None]) * 3600
        assert np.mean(distance.min(axis=1) < 8.0) >= least, name
        regions = (work / f"coords/{name}_regionfile.txt").read_text()
        assert regions.count("circle(") == len(rows)
    assert len(fits.getdata(work / "coords/all_srcmatch.fits")) > len(bright)


def test_products_please_astropy(work: Path) -> None:
    for path in [*work.glob("*.fits"), *work.glob("images/**/*.fits"), *work.glob("coords/*.fits"), work / "mosaic.ds"]:
        with fits.open(path) as hdus:
            hdus.verify("exception")
