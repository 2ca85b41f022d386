"""`xmmpy reduce` from the raw files of a simulated ODF: folder, archive, going on, damage."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.cli.main import main
from xmmpy.simulation.observation import SimulationSettings
from xmmpy.simulation.odf import simulate_odf

pytestmark = pytest.mark.truth


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("reduce")
    simulate_odf(top, SimulationSettings(exposure=1000.0, seed=2, flares=False))
    return top / "ODF"


def copy(odf: Path, target: Path) -> Path:
    return Path(shutil.copytree(odf, target / "ODF")).parent


def record(top: Path) -> dict[str, dict[str, object]]:
    steps = json.loads((top / "work/record.json").read_text())["steps"]
    return {step["name"]: step for step in steps}


def test_from_raw_files_to_the_page(simulated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    top = copy(simulated, tmp_path)
    assert main(["reduce", str(top)]) == 0
    steps = record(top)
    assert steps["cifbuild"]["status"] == "nothing to do"
    assert {steps[name]["status"] for name in ("odfingest", "atthkgen", "mos1_S001/emproc", "pn_S003/epproc")} == {
        "done"
    }
    work = top / "work"
    for name in ("mos1.fits", "mos2.fits", "pn.fits", "mosaic.ds", "index.html", "images/pn_image_full.fits",
                 "coords/pn_emllist.fits", "coords/all_emllist.fits"):  # fmt: skip
        assert (work / name).is_file()
    assert next(work.glob("*SUM.SAS")).is_file()
    assert len(list(work.glob("*OOTEvts.ds"))) == 1
    assert "AttHk.ds" in str(steps["pn/detect"]["line"])
    page = (work / "index.html").read_text()
    assert "From raw events to the calibrated list" in page
    assert "nominal tables" in page
    images = [fits.getdata(work / f"images/{name}_image_full.fits") for name in ("m1", "m2", "pn")]
    assert np.all(fits.getdata(work / "mosaic.ds") == sum(images))
    capsys.readouterr()
    assert main(["reduce", str(top)]) == 0
    assert "nothing to do: all is done already" in capsys.readouterr().out


def test_from_an_archive(simulated: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "odf.tar.gz", "w:gz") as tar:
        tar.add(simulated, "0000000001/ODF")
    assert main(["reduce", str(tmp_path / "odf.tar.gz"), "--no-detect", "--cameras", "mos1"]) == 0
    assert (tmp_path / "work/mos1_clean.fits").is_file()
    assert (tmp_path / "work/odf_odf").is_dir()


def test_a_camera_without_frames_leaves_the_others_done(
    simulated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    top = copy(simulated, tmp_path)
    aux = next((top / "ODF").glob("*M1S00100AUX.FIT"))
    content = aux.read_bytes()
    aux.unlink()
    assert main(["reduce", str(top), "--no-detect"]) == 2
    assert "mos1 (S001, Thin1): failed: " in capsys.readouterr().out
    assert (top / "work/mos2_clean.fits").is_file()
    assert not (top / "work/mos1.fits").exists()
    page = (top / "work/index.html").read_text()
    assert "no file of frames (AUX)" in page
    aux.write_bytes(content)  # the file is found after all
    assert main(["reduce", str(top), "--no-detect"]) == 0
    assert (top / "work/mos1_clean.fits").is_file()


def test_what_is_no_odf_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["reduce", str(tmp_path / "empty")]) == 1
    (tmp_path / "broken.tar.gz").write_bytes(b"no archive")
    assert main(["reduce", str(tmp_path / "broken.tar.gz")]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 2
    assert "broken archive" in said[1]


def test_the_lines_of_the_first_part_are_shown(
    simulated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    top = copy(simulated, tmp_path)
    assert main(["reduce", str(top), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "xmmpy task emproc" in shown
    assert "instexpids=M1S001" in shown
    assert "SAS_ODF" in shown
    assert not (top / "work").exists()


def test_calibration_that_is_given_later_is_used(simulated: Path, tmp_path: Path) -> None:
    top = copy(simulated, tmp_path)
    assert main(["reduce", str(top), "--no-detect", "--cameras", "mos1"]) == 0
    before = record(top)["mos1_S001/emproc"]
    (tmp_path / "ccf").mkdir()
    assert main(["reduce", str(top), "--no-detect", "--cameras", "mos1", "--ccf", str(tmp_path / "ccf")]) == 0
    after = record(top)["mos1_S001/emproc"]
    assert record(top)["cifbuild"]["status"] == "done"
    assert "ccf.cif" not in before["inputs"]  # type: ignore[operator]
    assert "ccf.cif" in after["inputs"]  # type: ignore[operator]
    assert main(["reduce", str(top), "--no-detect", "--cameras", "mos1"]) == 0
    assert record(top)["mos1_S001/emproc"]["inputs"] == before["inputs"]
    assert not (top / "work/ccf.cif").exists()


def test_without_an_attitude_there_are_lists_and_a_way_to_images(
    simulated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    top = copy(simulated, tmp_path)
    next((top / "ODF").glob("*ATS.FIT")).unlink()
    for raw in (top / "ODF").glob("*RAS.*"):
        raw.unlink()
    (top / "ODF/1843_0000000001_SCX00000SUM.ASC").unlink()
    command = ["reduce", str(top), "--no-detect", "--cameras", "mos2", "--seed", "3"]
    assert main(command) == 2
    assert "give --attitude" in capsys.readouterr().out
    assert (top / "work/mos2_clean.fits").is_file()
    assert not (top / "work/mosaic.ds").exists()
    page = (top / "work/index.html").read_text()
    assert "SCX00000ATS.FIT is missing" in page
    assert main([*command, "--attitude", "150,2.2,290"]) == 0
    assert fits.getdata(top / "work/mosaic.ds").sum() > 0
