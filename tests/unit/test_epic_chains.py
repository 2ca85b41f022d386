"""emproc, epproc, emchain, epchain and the bad-pixel tasks on a small simulated ODF: names, outcomes, damage."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.simulation.observation import SimulationSettings
from xmmpy.simulation.odf import simulate_odf
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Outcome, Session

pytestmark = pytest.mark.unit

PREFIX = "1843_0000000001"


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("small")
    simulate_odf(top, SimulationSettings(exposure=200.0, seed=2, scale=2.0))
    return top / "ODF"


@pytest.fixture
def odf(simulated: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(simulated, tmp_path / "ODF"))


def run(name: str, odf: Path | str, **values: Any) -> tuple[Outcome, list[tuple[str, str]]]:
    session = Session(name, Environment(odf=str(odf)))
    return find_task(name).execute(values, session), session.warnings


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_emproc_names_its_products_as_sas_does(simulated: Path, tmp_path: Path) -> None:
    outcome, _ = run("emproc", simulated, outdir=str(tmp_path))
    wanted = {f"{PREFIX}_{camera}_ImagingEvts.ds" for camera in ("EMOS1_S001", "EMOS2_S002")}
    wanted |= {f"{PREFIX}_{camera}_Badpixels.ds" for camera in ("EMOS1_S001", "EMOS2_S002")}
    assert files(tmp_path) == wanted | {f"{PREFIX}_AttHk.ds"} == {path.name for path in outcome.outputs}


def test_the_chains_name_theirs_as_the_pipeline_does(simulated: Path, tmp_path: Path) -> None:
    run("emchain", simulated, outdir=str(tmp_path), instruments="M1")
    run("epchain", simulated, outdir=str(tmp_path))
    run("epchain", simulated, outdir=str(tmp_path), withoutoftime=True, runatthkgen=False)
    stem = "P0000000001"
    assert {f"{stem}M1S001MIEVLI0000.FIT", f"{stem}PNS003PIEVLI0000.FIT", f"{stem}PNS003OOEVLI0000.FIT",
            f"{stem}OBX000ATTTSR0000.FIT"} <= files(tmp_path)  # fmt: skip


def test_emchain_keeps_events_outside_of_the_field_of_view(simulated: Path, tmp_path: Path) -> None:
    for name in ("emproc", "emchain"):
        (tmp_path / name).mkdir()
        run(name, simulated, outdir=str(tmp_path / name), runatthkgen=False)
    flags = [fits.getdata(next((tmp_path / name).glob(pattern)), "EVENTS")["FLAG"]
             for name, pattern in (("emproc", "*EMOS1*Evts.ds"), ("emchain", "*M1S001MIEVLI*"))]  # fmt: skip
    assert not np.any(flags[0] & 0x10000)
    assert np.count_nonzero(flags[1] & 0x10000) > 10
    assert np.count_nonzero(flags[1] & 0x10000 == 0) >= flags[0].size


def test_out_of_time_events_have_other_rows(simulated: Path, tmp_path: Path) -> None:
    run("epproc", simulated, outdir=str(tmp_path))
    run("epproc", simulated, outdir=str(tmp_path), withoutoftime=True, runatthkgen=False)
    lists = [fits.getdata(tmp_path / f"{PREFIX}_EPN_S003_{word}Evts.ds", "EVENTS") for word in ("Imaging", "OOT")]
    assert abs(len(lists[0]) - len(lists[1])) < 0.1 * len(lists[0])
    assert np.mean(lists[1]["RAWY"]) == pytest.approx(100.5, abs=4.0)


@pytest.mark.parametrize("name", ["emproc", "epproc"])
def test_a_list_is_one_that_the_other_tasks_read(simulated: Path, tmp_path: Path, name: str) -> None:
    outcome, _ = run(name, simulated, outdir=str(tmp_path))
    one = outcome.facts["exposures"][0]
    events = tmp_path / one["events"]
    macro = "#XMMEA_EP" if name == "epproc" else "#XMMEA_EM"
    image = {"withimageset": True, "imageset": str(tmp_path / "image.fits"), "xcolumn": "X", "ycolumn": "Y",
             "imagebinning": "imageSize", "ximagesize": 100, "yimagesize": 100}  # fmt: skip
    made, _ = run("evselect", "", table=str(events), expression=f"{macro} && PI in [500:2000]", **image)
    assert made.rows_in == one["rows"]
    assert 0 < made.rows_out < one["rows"]
    assert fits.getdata(tmp_path / "image.fits").sum() == made.rows_out


def test_a_ccd_that_cannot_be_read_does_not_stop_the_others(odf: Path, tmp_path: Path) -> None:
    (odf / f"{PREFIX}_M1S00130IME.FIT").write_bytes(b"noise" * 1000)
    cut = odf / f"{PREFIX}_M1S00140IME.FIT"
    cut.write_bytes(cut.read_bytes()[:7000])
    outcome, warnings = run("emproc", odf, outdir=str(tmp_path), selectinstruments=True, emos2=False)
    (one,) = outcome.facts["exposures"]
    assert one["status"] == "done"
    assert sorted(one["ccds"]) == ["1", "2", "5", "6", "7"]
    said = " ".join(text for _, text in warnings)
    assert "M1S00130IME.FIT" in said
    assert "M1S00140IME.FIT" in said


def test_a_camera_that_fails_is_told_and_the_other_goes_on(odf: Path, tmp_path: Path) -> None:
    (odf / f"{PREFIX}_M1S00100AUX.FIT").unlink()
    outcome, _ = run("emproc", odf, outdir=str(tmp_path))
    assert [one["status"] for one in outcome.facts["exposures"]] == ["failed", "done"]
    assert "AUX" in outcome.facts["exposures"][0]["reason"]
    with pytest.raises(TaskError, match="no list could be made"):
        run("emproc", odf, outdir=str(tmp_path), selectinstruments=True, emos2=False)


def test_without_attitude_there_are_no_places_on_the_sky(odf: Path, tmp_path: Path) -> None:
    (odf / f"{PREFIX}_SCX00000ATS.FIT").unlink()
    outcome, warnings = run("epproc", odf, outdir=str(tmp_path))
    assert outcome.facts["attitude"] == "none"
    assert any(code == "NoAttitude" for code, _ in warnings)
    events = fits.getdata(tmp_path / f"{PREFIX}_EPN_S003_ImagingEvts.ds", "EVENTS")
    assert np.all(events["X"] == -99999999)
    run("epproc", odf, outdir=str(tmp_path), withfixedattitude=True, fixedra=150.0, fixeddec=2.2, fixedposangle=290.0)
    events = fits.getdata(tmp_path / f"{PREFIX}_EPN_S003_ImagingEvts.ds", "EVENTS")
    assert np.all(events["X"] > 0)


def test_without_time_correlation_times_count_from_the_header(odf: Path, tmp_path: Path) -> None:
    for kind in ("TCX", "TCS"):
        (odf / f"{PREFIX}_SCX00000{kind}.FIT").unlink()
    _, warnings = run("epproc", odf, outdir=str(tmp_path), runatthkgen=False)
    assert any(code == "NoTimeCorrelation" for code, _ in warnings)
    header = fits.getheader(tmp_path / f"{PREFIX}_EPN_S003_ImagingEvts.ds", "EVENTS")
    assert header["TSTART"] == pytest.approx(378691200.184, abs=2.0)


def test_exposures_can_be_chosen(simulated: Path, tmp_path: Path) -> None:
    outcome, _ = run("emproc", simulated, outdir=str(tmp_path), withinstexpids=True, instexpids="M2S002")
    assert [one["instrument"] for one in outcome.facts["exposures"]] == ["EMOS2"]
    with pytest.raises(TaskError, match="there is no exposure M1S009"):
        run("emproc", simulated, outdir=str(tmp_path), withinstexpids=True, instexpids="M1S009")


def test_there_is_no_odf(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="SAS_ODF is not set"):
        run("emproc", "", outdir=str(tmp_path))
    with pytest.raises(TaskError, match="there is no folder"):
        run("emproc", "", outdir=str(tmp_path / "nowhere"))


def test_products_tell_where_their_calibration_is_from(simulated: Path, tmp_path: Path) -> None:
    run("epproc", simulated, outdir=str(tmp_path))
    table = fits.getdata(tmp_path / f"{PREFIX}_EPN_S003_ImagingEvts.ds", "CALINDEX")
    names = dict(zip((name.strip() for name in table["TYPEID"]), table["FNAME"], strict=True))
    assert names["LINCOORD"].strip() == "nominal:ccd_geometry.csv"
    assert {"BORESIGHT", "ADUCONV", "CTI"} <= set(names)


@pytest.mark.parametrize(("kind", "word"), [("TIE", "Timing"), ("BUE", "Burst")])
def test_fast_modes_have_a_row_clock_and_no_places(odf: Path, tmp_path: Path, kind: str, word: str) -> None:
    """The files of one CCD stand for those of a fast mode: the layout is the same."""
    for path in odf.glob("*PNS003*IME.FIT"):
        if "S00304" in path.name:
            path.rename(path.with_name(path.name.replace("IME", kind)))
        else:
            path.unlink()
    run("epproc", odf, outdir=str(tmp_path), randomizetime=False)
    path = tmp_path / f"{PREFIX}_EPN_S003_{word}Evts.ds"
    with fits.open(path) as hdus:
        events, header = hdus["EVENTS"].data, hdus["EVENTS"].header
        assert hdus[0].header["DATAMODE"] == "TIMING"
        assert not set(events.columns.names) & {"DETX", "DETY", "X", "Y"}
        assert {"TIME", "RAWX", "RAWY", "PHA", "PI", "FLAG", "PATTERN"} <= set(events.columns.names)
        assert not any(keyword.startswith(("REFX", "TCRVL")) for keyword in header)
        assert header["TLMAX" + str(events.columns.names.index("CCDNR") + 1)] == 12
    same_frame = np.flatnonzero(np.diff(events["TIME_RAW"]) == 0)
    assert np.any(np.diff(events["TIME"])[same_frame] != 0)


def test_timing_of_mos(odf: Path, tmp_path: Path) -> None:
    """CCD 1 in timing mode with its one energy, the others imaging."""
    path = next(odf.glob("*M1S00110IME.FIT"))
    with fits.open(path) as hdus:
        data, header = hdus[1].data, hdus[1].header
        whole = fits.Column("ENGYE1E2", "1I", array=data["ENERGYE1"] + data["ENERGYE2"])
        columns = [hdus[1].columns[name] for name in ("FRAME", "RAWX", "RAWY")]
        columns += [whole, hdus[1].columns["PATTERN"], hdus[1].columns["PERIPIX"]]
        table = fits.BinTableHDU.from_columns(columns, name="M1TIE1")
        table.header.update({key: header[key] for key in ("CCDID", "WINDOWDX", "WINDOWDY", "DATE-OBS", "DATE-END")})
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(path.with_name(path.name.replace("IME", "TIE")))
    for other in odf.glob("*M1S001*IME.FIT"):
        other.unlink()
    run("emproc", odf, outdir=str(tmp_path), selectinstruments=True, emos2=False)
    events = fits.getdata(tmp_path / f"{PREFIX}_EMOS1_S001_TimingEvts.ds", "EVENTS")
    assert events.columns.names == ["TIME", "RAWX", "RAWY", "PHA", "PI", "FLAG", "PATTERN", "CCDNR"]
    assert len(events) > 50


def test_a_mask_of_bad_pixels(simulated: Path, tmp_path: Path) -> None:
    raw = simulated / f"{PREFIX}_PNS00304IME.FIT"
    named = {"userflagbadpix": True, "rawxlist": (3, 4), "rawylist": (10, 20), "yextentlist": (1, 5)}
    written = {"badpixset": str(tmp_path / "bad.fits"), "badpixmap": str(tmp_path / "mask.fits")}
    outcome, _ = run("badpixfind", "", eventset=str(raw), withbadpixmap=True, **named, **written)
    with fits.open(tmp_path / "mask.fits") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "MASK"]
        mask = hdus["MASK"].data
        assert (mask.shape, mask.dtype) == ((200, 64), np.uint8)
        assert hdus[0].header["GOODPIX"] == mask.sum() == outcome.facts["goodpix"]
    assert mask[9, 2] == 0
    assert not mask[19:24, 3].any()
    table = fits.getdata(tmp_path / "bad.fits", "BADPIX")
    assert table.columns.names == ["RAWX", "RAWY", "TYPE", "YEXTENT"]
    run("emproc", simulated, outdir=str(tmp_path))
    with pytest.raises(TaskError, match="choose one with ccd="):
        run("embadpixfind", "", eventset=str(tmp_path / f"{PREFIX}_EMOS1_S001_ImagingEvts.ds"))
