"""A shell script of the classic kind, written for SAS, runs unchanged and gives what `xmmpy reduce` gives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.cli.standin.tree import write_tree

SCRIPT = Path(__file__).with_name("classic_reduction.sh")
RATES = {"mos1": 0.35, "mos2": 0.35, "pn": 0.4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The observation, reduced by the script in work/ and by `xmmpy reduce` in reduced/work."""
    root = tmp_path_factory.mktemp("observation")
    xmmpy = [sys.executable, "-m", "xmmpy"]
    subprocess.run(
        [*xmmpy, "simulate", "odf", root, "--exposure", "2000", "--seed", "8"], check=True, capture_output=True
    )
    tree = root / "sas"
    write_tree(tree)
    environment = {**os.environ, "SAS": str(tree), "HEADAS": str(tree), "SOURCE_DATE_EPOCH": "1262304000"}
    for name in ("SAS_ODF", "SAS_CCF", "SAS_CCFPATH", "DISPLAY"):
        environment.pop(name, None)
    answers = "".join(f"{rate}\n" for rate in RATES.values())
    done = subprocess.run(
        ["bash", "-eu", SCRIPT], cwd=root, env=environment, input=answers, capture_output=True, text=True, check=False,
        timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert " error (" not in done.stderr
    shutil.copytree(root / "ODF", root / "reduced/ODF")
    cut = ",".join(f"{camera}={rate}" for camera, rate in RATES.items())
    subprocess.run(
        [*xmmpy, "reduce", root / "reduced", "--flare-cut", cut], check=True, capture_output=True, env=environment
    )
    return root


@pytest.mark.parametrize("camera", RATES)
def test_the_same_events(folder: Path, camera: str) -> None:
    for name in (f"{camera}.fits", f"{camera}_clean.fits"):
        script, ours = (fits.getdata(folder / where / name, "EVENTS") for where in ("work", "reduced/work"))
        assert len(script) > 500
        np.testing.assert_array_equal(script, ours)


@pytest.mark.parametrize("camera", ["m1", "m2", "pn"])
def test_the_same_images(folder: Path, camera: str) -> None:
    for band in ("b1", "b2", "b3", "b4", "b5", "full"):
        name = f"images/{camera}_image_{band}.fits"
        script, ours = (fits.getdata(folder / where / name) for where in ("work", "reduced/work"))
        assert script.sum() > 0
        np.testing.assert_array_equal(script, ours)


def test_the_same_mosaic(folder: Path) -> None:
    script, ours = (fits.getdata(folder / where / "mosaic.ds") for where in ("work", "reduced/work"))
    np.testing.assert_array_equal(script, ours)


@pytest.mark.parametrize("name", ["m1", "m2", "pn", "all"])
def test_source_lists_with_their_region_files(folder: Path, name: str) -> None:
    with fits.open(folder / f"work/coords/{name}_emllist.fits") as hdus:
        rows = hdus["SRCLIST"].data
    sources = np.count_nonzero((rows["ID_INST"] == 0) & (rows["ID_BAND"] == 0))
    assert sources > 0
    assert np.all(np.isfinite(rows["RA"]))
    region = (folder / f"work/coords/{name}.reg").read_text()
    assert region.lower().count("circle") >= sources


def test_the_same_sources(folder: Path) -> None:
    """The joint list of `xmmpy reduce`: other factors and thresholds may differ, sources and places do not."""
    ours = folder / "reduced/work/coords/all_emllist.fits"
    rows = [fits.getdata(path, "SRCLIST") for path in (folder / "work/coords/all_emllist.fits", ours)]
    first, second = [one[(one["ID_INST"] == 0) & (one["ID_BAND"] == 0)] for one in rows]
    bright = first[first["DET_ML"] > 12]
    assert len(bright) > 3
    for source in bright:
        away = np.hypot(
            (second["RA"] - source["RA"]) * np.cos(np.radians(source["DEC"])), second["DEC"] - source["DEC"]
        )  # fmt: skip
        assert away.min() * 3600 < 1.0
