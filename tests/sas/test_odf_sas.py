"""Raw data against real files: summaries byte for byte, the clock of a real ODF, attitude tables as SAS makes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.odf.archive_summary import parse_archive_summary
from xmmpy.odf.clock import fit_clock, read_clock_points
from xmmpy.odf.frametimes import reset_from_start, seconds_since_reset
from xmmpy.odf.inventory import take_inventory
from xmmpy.odf.modes import data_mode
from xmmpy.odf.names import EPIC, parse_name
from xmmpy.odf.opening import open_odf
from xmmpy.odf.sexagesimal import from_degrees
from xmmpy.odf.summary import parse_summary, read_summary, write_summary
from xmmpy.odf.texts import read_text
from xmmpy.odf.times import met_of_text, text_of_met
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Session

SUMMARIES = (
    "sas-products/0201901401/0809_0201901401_SCX00000SUM.SAS.gz",
    "sas-products/0201903501/0828_0201903501_SCX00000SUM.SAS.gz",
    "esas/0203930101/0868_0203930101_SCX00000SUM.SAS.gz",
)
ATTITUDES = (
    "sas-products/0201901401/P0201901401OBX000ATTTSR0000.FIT.gz",
    "sas-products/0201903501/P0201903501OBX000ATTTSR0000.FIT.gz",
    "esas/0203930101/P0203930101OBX000ATTTSR0000.FIT.gz",
)


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_real_summary_is_written_again_to_the_byte(real_data: Path, name: str) -> None:
    text = read_text(real_data / name)
    summary = parse_summary(text, name)
    assert write_summary(summary) == text
    assert sum(len(record.exposures) for record in summary.instruments) == text.count("\nEXPOSURE\n") > 20
    assert all(parse_name(file) is not None for file in summary.files)


@pytest.mark.parametrize("name", SUMMARIES)
def test_data_modes_follow_from_the_names_of_the_files(real_data: Path, name: str) -> None:
    summary = read_summary(real_data / name)
    names = [parsed for file in summary.files if (parsed := parse_name(file)) is not None]
    checked = 0
    for code in EPIC:
        for exposure in summary.instrument(code).exposures:
            for file in names:
                mine = (file.instrument, file.exposure_id) == (code, exposure.identifier)
                if mine and file.is_events:
                    assert exposure.value(f"DATA_MODE_{file.ccd}") == data_mode(file.kind)
                    checked += 1
    assert checked >= 24


def test_the_archives_summary(real_data: Path) -> None:
    archive = parse_archive_summary(read_text(real_data / "sas-products/0124710801/0184_0124710801_SCX00000SUM.ASC"))
    assert (archive.observation, archive.start, len(archive.files)) == ("0124710801", "2000-12-10T20:04:10", 143)
    assert (archive.target, archive.right_ascension) == ("Coma8", pytest.approx(13.0237778 * 15))


def test_the_real_incomplete_odf(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "odf/0135730701"
    session = Session("odfingest", Environment(odf=str(folder)))
    outcome = find_task("odfingest").execute({"outdir": tmp_path, "oalcheck": True}, session)
    summary = read_summary(outcome.outputs[0])
    mos = {exposure.identifier: exposure for exposure in summary.instrument("M1").exposures}
    assert list(mos) == ["U003", "U004", "U005", "U007", "U008"]
    for identifier in ("U004", "U005", "U007"):
        assert mos[identifier].value("MODE") == "PrimeFullWindow"
        assert mos[identifier].value("DATA_MODE_1") == "Imaging"
        assert mos[identifier].value("HBR_0_ACTIVATION_STATUS") in {"0", "1"}
        assert mos[identifier].value("HBR_HIG_THR_1") == "4095"
    told = [text for _, text in session.warnings]
    for name in ("SCX00000SUM.ASC", "SCX00000ATS.FIT", "SCX00000ROS.ASC", "M1X00000PEH.FIT"):
        assert sum(text.startswith(f"0234_0135730701_{name} is missing") for text in told) == 1
    rows = {e.identifier: sum(ccd.rows for ccd in e.events) for e in take_inventory(open_odf(folder)).exposures}
    assert rows == {"U003": 0, "U004": 9838, "U005": 35900, "U007": 39058, "U008": 0}


def test_the_real_clock(real_data: Path) -> None:
    points, bad = read_clock_points(real_data / "odf/0135730701/0234_0135730701_SCX00000TCX.FIT.gz")
    assert (len(points), bad) == (8601, 0)
    start, stop = met_of_text("2001-03-20T14:38:23"), met_of_text("2001-03-20T18:05:23")
    clock = fit_clock(points, start, stop)
    assert clock.degree == 4
    assert clock.rms < 1e-6
    assert clock.rejected < 0.01
    assert clock.handovers_ignored
    during = (points.met >= start) & (points.met <= stop)
    assert np.abs(clock.met(points.obt[during]) - points.met[during]).max() < 5e-6
    # every second point alone gives the same clock
    half = np.arange(0, len(points), 2)
    assert (
        np.abs(fit_clock(points[half], start, stop).met(points.obt[during]) - clock.met(points.obt[during])).max()
        < 1e-6
    )


@pytest.mark.parametrize("exposure", ["U005", "U007", "U008"])
def test_real_frames_fill_their_exposure(real_data: Path, exposure: str) -> None:
    with fits.open(real_data / f"odf/0135730701/0234_0135730701_M1{exposure}00AUX.FIT") as file:
        table, header = file[1].data, file[1].header
    seconds = seconds_since_reset(table["FRAME"], table["FTCOARSE"], table["FTFINE"], ccd=table["CCDID"])
    length = met_of_text(header["DATE-END"]) - met_of_text(header["DATE-OBS"])
    assert seconds.min() > 0
    assert seconds.max() < length
    for ccd in np.unique(table["CCDID"]):
        mine = table["CCDID"] == ccd
        assert np.diff(seconds[mine][np.argsort(table["FRAME"][mine])]).min() > 2.5


@pytest.mark.parametrize("exposure", ["U005", "U007", "U008"])
def test_no_real_frame_falls_into_a_counting_cycle(real_data: Path, exposure: str) -> None:
    """While CCD 1 only counted its events it sent no frames: this holds the reset of its clock to 5 s."""
    folder = real_data / "odf/0135730701"
    points, _ = read_clock_points(folder / "0234_0135730701_SCX00000TCX.FIT.gz")
    frames = fits.getdata(folder / f"0234_0135730701_M1{exposure}00AUX.FIT", 1)
    header = fits.getheader(folder / f"0234_0135730701_M1{exposure}00AUX.FIT", 1)
    cycles = fits.getdata(folder / f"0234_0135730701_M1{exposure}00CCX.FIT", 1)
    frames = frames[frames["CCDID"] == 1]
    start = met_of_text(header["DATE-OBS"])
    reset = reset_from_start(float(fit_clock(points, start, start + 3600).obt(start)))
    moments = reset + seconds_since_reset(frames["FRAME"], frames["FTCOARSE"], frames["FTFINE"])
    begin = cycles["STCOARSE"] + cycles["STFINE"] / 65536
    end = cycles["ETCOARSE"] + cycles["ETFINE"] / 65536
    inside = (moments[:, np.newaxis] > begin) & (moments[:, np.newaxis] < end)
    assert not inside.any()
    assert begin[0] > reset


@pytest.mark.parametrize("name", ATTITUDES)
def test_attitude_tables_come_out_as_sas_makes_them(real_data: Path, tmp_path: Path, name: str) -> None:
    """Records of a history are read off SAS's table; the table made of them must be SAS's."""
    with fits.open(real_data / name) as file:
        table, theirs = file["ATTHK"].data, file[0].header
        columns_of_theirs = file["ATTHK"].columns
    odf = tmp_path / "odf"
    odf.mkdir()
    prefix = f"0999_{theirs['OBS_ID']}_"
    _write_history(odf / f"{prefix}SCX00000ATS.FIT", table)
    (odf / f"{prefix}SCX00000SUM.ASC").write_text(
        f"OBSERVATION\n{theirs['OBS_ID']} / Id\n0999 / Rev\n{theirs['DATE-OBS']} / Start\n{theirs['DATE-END']} / Stop\n"
        f"PROPOSAL\n{theirs['RA_OBJ'] / 15:.9f} / Target Right Ascension\n{theirs['DEC_OBJ']} / Target Declination\n"
    )
    session = Session("atthkgen", Environment(odf=str(odf)))
    find_task("atthkgen").execute({"atthkset": tmp_path / "atthk.fits"}, session)
    with fits.open(tmp_path / "atthk.fits") as file:
        ours, header, columns = file["ATTHK"].data, file[0].header, file["ATTHK"].columns
    assert columns.names == columns_of_theirs.names
    assert columns.formats == columns_of_theirs.formats
    assert columns.units == columns_of_theirs.units
    assert np.abs(ours["TIME"] - table["TIME"]).max() < 1e-7
    for column in ("AHFRA", "AHFDEC", "AHFPA", "OMRA", "OMDEC", "OMPA"):
        assert np.abs(ours[column] - table[column]).max() < 1e-8
    # SAS takes the arc cosine, which knows no angle below 1.2e-6 degrees
    assert np.abs(ours["DAHFPNT"] - table["DAHFPNT"]).max() < 2e-6
    assert np.all(ours["DAHFOM"] == 0)
    known = [
        keyword for keyword in theirs if keyword not in {"XDAL0", "HISTORY", "CONTINUE", ""} and "TFIT" not in keyword
    ]
    assert [keyword for keyword in header if keyword in known] == known
    for keyword in known:
        assert header.comments[keyword].startswith(theirs.comments[keyword])  # long ones are cut
        assert type(header[keyword]) is type(theirs[keyword])
        if keyword[0] in "AM" and isinstance(theirs[keyword], float):
            assert header[keyword] == pytest.approx(theirs[keyword], abs=2e-6 if "PNT" in keyword else 1e-8)
    for keyword in ("NATT", "NGAHF", "NGOM", "NGAHFOM", "DATE-OBS", "DATE-END", "OBS_ID", "ATT_SRC"):
        assert header[keyword] == theirs[keyword]


def _write_history(path: Path, table: fits.FITS_rec) -> None:
    """Write the constant stretches of a table as attitude records; samples between two of them are left out."""
    angles = np.stack([table["AHFRA"], table["AHFDEC"], table["AHFPA"]])
    same = np.all(np.abs(np.diff(angles)) < 1e-9, axis=0)
    first = np.flatnonzero(np.concatenate(([True], ~same)))
    last = np.append(first[1:] - 1, angles.shape[1] - 1)
    columns = [
        fits.Column("VALTIME", "19A", array=np.array([text_of_met(float(t), 0) for t in table["TIME"][first]])),
        fits.Column("VALDUR", "1E", array=(last - first).astype(float)),
        fits.Column("VIEWRA", "11A", array=np.array([from_degrees(v, hours=True, digits=2) for v in angles[0, first]])),
        fits.Column("VIEWDECL", "11A", array=np.array([from_degrees(v, hours=False) for v in angles[1, first]])),
        fits.Column("ASTPOS", "1D", array=angles[2, first]),
        fits.Column("ACFLAG", "1B", array=np.zeros(first.size, np.uint8)),
    ]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns, name="SCATS1")]).writeto(path)
