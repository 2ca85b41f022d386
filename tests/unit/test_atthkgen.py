"""atthkgen: the attitude of an observation as a table."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from odf_sample import FIRST, PREFIX, write_odf

from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Outcome, Session


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_odf(tmp_path_factory.mktemp("odf") / "ODF")


def run(folder: Path, target: Path, **values: object) -> tuple[Outcome, Session]:
    session = Session("atthkgen", Environment(odf=str(folder)))
    return find_task("atthkgen").execute({"atthkset": target, **values}, session), session


def test_the_table_of_a_whole_odf(whole: Path, tmp_path: Path) -> None:
    outcome, session = run(whole, tmp_path / "atthk.fits")
    assert outcome.facts["source"] == "AHF"
    assert session.warnings == []
    with fits.open(tmp_path / "atthk.fits") as file:
        table, header = file["ATTHK"].data, file[0].header
        assert table["TIME"][0] == FIRST
        assert np.all(np.diff(table["TIME"]) == 1)
        assert len(table) == header["NATT"] == header["NGAHF"] == 1201
        assert table["AHFRA"][0] == pytest.approx(149.5, abs=3e-5)
        assert table["AHFRA"][-1] == pytest.approx(149.51, abs=3e-5)
        assert np.array_equal(table["AHFPA"], table["OMPA"])
        assert header["MAHFPA"] == pytest.approx(120.0)
        assert header["MDAHFPNT"] == 0
        assert header["AAHFRA"] == pytest.approx(table["AHFRA"].mean(), abs=1e-10)
        assert (header["TFIT_DEG"], header["ORB_RCNS"], header["ATT_SRC"]) == (4, True, "AHF")
        assert header["TFIT_RMS"] < 1e-6
        assert header["RA_NOM"] == pytest.approx(149.5922925)


def test_another_step_and_range(whole: Path, tmp_path: Path) -> None:
    run(whole, tmp_path / "a.fits", timestep=10)
    assert len(fits.getdata(tmp_path / "a.fits", 1)) == 121
    run(whole, tmp_path / "b.fits", timebegin=FIRST + 1000, timeend=FIRST + 1010)
    assert fits.getdata(tmp_path / "b.fits", 1)["TIME"].tolist() == [FIRST + 1000 + step for step in range(11)]


def test_moments_without_attitude_are_null(whole: Path, tmp_path: Path) -> None:
    _, session = run(whole, tmp_path / "a.fits", timebegin=FIRST - 700, timeend=FIRST)
    table = fits.getdata(tmp_path / "a.fits", 1)
    missing = np.isnan(table["AHFRA"])
    assert missing.sum() == 80  # the first record begins 600 s before, 20 s around it are good
    assert np.array_equal(missing, np.isnan(table["DAHFPNT"]))
    assert [code for code, _ in session.warnings] == ["BadAhfAttitude"]


def test_without_attitude_a_fixed_one_is_taken(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "ODF"))
    (folder / f"{PREFIX}SCX00000ATS.FIT").unlink()
    with pytest.raises(TaskError, match="holds no attitude; give fixedra") as caught:
        run(folder, tmp_path / "a.fits")
    assert caught.value.code == "NoAttitude"
    outcome, _ = run(folder, tmp_path / "a.fits", fixedra=10, fixeddec=-80, fixedposangle=200)
    assert (outcome.facts["ra"], outcome.facts["dec"]) == pytest.approx((10, -80))
    assert fits.getheader(tmp_path / "a.fits")["ATT_SRC"] == "FIXED"
    pointing = {"RA_PNT": 33.0, "DEC_PNT": 44.0, "PA_PNT": 55.0}
    with fits.open(folder / f"{PREFIX}M1S00110IME.FIT", mode="update") as file:
        file[1].header.update(pointing)
    outcome, session = run(folder, tmp_path / "a.fits")
    assert (outcome.facts["ra"], outcome.facts["dec"], outcome.facts["position_angle"]) == pytest.approx((33, 44, 55))
    assert any(code == "BadAhfAttitude" for code, _ in session.warnings)


def test_raw_attitude_stands_in(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "ODF"))
    (folder / f"{PREFIX}SCX00000ATS.FIT").write_bytes(b"broken")
    lines = [f"2004-06-17T10:{minute}:{second:02d} 20.5 30.5 40.5" for minute in (38, 39) for second in range(60)]
    (folder / f"{PREFIX}SCX00000RAS.ASC").write_text("\n".join(lines) + "\n")
    outcome, session = run(folder, tmp_path / "a.fits")
    assert outcome.facts["source"] == "RAF"
    assert any("SCX00000ATS.FIT is not a FITS file" in text for _, text in session.warnings)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"timestep": 0}, "badTimestep"),
        ({"timestep": 1e-9}, "badTimestep"),
        ({"timebegin": 5, "timeend": 1}, "BadParameter"),
    ],
)
def test_what_stops_it(whole: Path, tmp_path: Path, values: dict[str, float], code: str) -> None:
    with pytest.raises(TaskError) as caught:
        run(whole, tmp_path / "a.fits", **values)
    assert caught.value.code == code
    assert not (tmp_path / "a.fits").exists()


def test_without_an_odf_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="SAS_ODF is not set"):
        find_task("atthkgen").execute({"atthkset": tmp_path / "a"}, Session("atthkgen", Environment()))
