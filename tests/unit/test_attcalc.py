"""attcalc: X,Y of a small list, its keywords, and what it says where it cannot do its work."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from small_list import START, SmallList, write_small_list

from xmmpy.calibration.nominal import boresight
from xmmpy.events.coordinates import NULL_PIXEL, Attitude, TangentPlane, det_to_sky, whole_pixels
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Outcome, Session

RA, DEC, PA = 359.9999, -11.0, 120.0


@pytest.fixture
def small(tmp_path: Path) -> SmallList:
    return write_small_list(tmp_path / "events.fits", EQUINOX=1950.0)


def write_history(path: Path, *, keywords: bool = True, last: float = START + 2000) -> Attitude:
    """An attitude that drifts through RA 0, with a sample that is no number."""
    time = np.arange(START, last, 10.0)
    attitude = Attitude(time, (RA + 1e-6 * (time - START)) % 360, DEC + 0 * time, PA + 1e-6 * (time - START))
    columns = {"TIME": time, "DAHFPNT": 0 * time}
    for name, values in (("RA", attitude.ra), ("DEC", attitude.dec), ("PA", attitude.position_angle)):
        columns[f"AHF{name}"], columns[f"OM{name}"] = values.copy(), values + 1.0
    columns["AHFRA"][3] = np.nan
    table = fits.BinTableHDU.from_columns([fits.Column(name, "D", array=values) for name, values in columns.items()])
    table.header["EXTNAME"] = "ATTHK"
    primary = fits.PrimaryHDU()
    if keywords:
        for number, name in enumerate(("RA", "DEC", "PA")):
            primary.header[f"MAHF{name}"] = (RA, DEC, PA)[number] + 0.001
            primary.header[f"AAHF{name}"] = (0.0, DEC, PA)[number] + 0.002
    fits.HDUList([primary, table]).writeto(path, overwrite=True)
    return Attitude.of(time, columns["AHFRA"], columns["AHFDEC"], columns["AHFPA"])


def attcalc(path: Path, **values: Any) -> tuple[Outcome, list[str]]:
    session = Session("attcalc", Environment())
    outcome = find_task("attcalc").execute({"eventset": str(path), **values}, session)
    return outcome, [code for code, _ in session.warnings]


def test_places_and_keywords(small: SmallList, tmp_path: Path) -> None:
    attitude = write_history(tmp_path / "att.fits")
    before = fits.HDUList.fromstring(small.path.read_bytes())
    outcome, warnings = attcalc(small.path, atthkset=str(tmp_path / "att.fits"))
    assert warnings == []
    assert outcome.facts["boresight"] == "nominal"
    plane = TangentPlane(RA + 0.001, DEC + 0.001)
    columns = small.columns
    wanted = det_to_sky(columns["DETX"], columns["DETY"], columns["TIME"], attitude, boresight("EMOS1"), plane)
    with fits.open(small.path, memmap=False) as after:
        after.verify("exception")
        data, header = after["EVENTS"].data, after["EVENTS"].header
        for axis, number, values in zip("XY", (6, 7), wanted, strict=True):
            assert np.array_equal(data[axis], whole_pixels(values))
            assert (header[f"TDMIN{number}"], header[f"TDMAX{number}"]) == (data[axis].min(), data[axis].max())
            assert (header[f"TLMIN{number}"], header[f"TLMAX{number}"], header[f"TCRPX{number}"]) == (1, 51840, 25921)
            for block in (after[0].header, header):
                assert (block[f"REF{axis}DMIN"], block[f"REF{axis}DMAX"]) == (data[axis].min(), data[axis].max())
        for block in (after[0].header, header):
            assert (block["REFXCRVL"], block["REFYCRVL"]) == pytest.approx((plane.ra, plane.dec))
            assert (block["RA_PNT"], block["DEC_PNT"], block["PA_PNT"]) == pytest.approx(
                (RA + 0.001, DEC + 0.001, PA + 0.001)
            )
            assert (block["AVRG_PNT"], block["EQUINOX"], block["REFXCTYP"]) == ("MEDIAN", 2000.0, "RA---TAN")
        assert "Source of reference point information: PNT" in str(after[0].header["HISTORY"])
        assert [hdu.name for hdu in after] == [hdu.name for hdu in before]
        for name in ("TIME", "DETX", "PI", "WEIGHT"):
            assert np.array_equal(data[name], before["EVENTS"].data[name])
        for old, new in zip(before[2:], after[2:], strict=True):
            assert old.data.tobytes() == new.data.tobytes()
    again = small.path.read_bytes()
    assert len(list(small.path.parent.glob("*.part"))) == 0
    with fits.open(small.path) as file:
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = [file["EVENTS"].header[f"TCTYP{n}"] for n in (6, 7)]
        wcs.wcs.crval = [file["EVENTS"].header[f"TCRVL{n}"] for n in (6, 7)]
    assert wcs.wcs.crval == pytest.approx([plane.ra, plane.dec])
    assert len(again) % 2880 == 0


def test_reference_points_and_averages(small: SmallList, tmp_path: Path) -> None:
    history = str(tmp_path / "att.fits")
    write_history(tmp_path / "att.fits")
    with fits.open(small.path, mode="update") as file:
        file[0].header.update({"RA_NOM": 0.1, "DEC_NOM": -11.1, "RA_OBJ": 0.2, "DEC_OBJ": -11.2})
    for values, wanted in (
        ({"refpointlabel": "nom"}, (0.1, -11.1)),
        ({"refpointlabel": "OBJ"}, (0.2, -11.2)),
        ({"refpointlabel": "user", "nominalra": 0.05, "nominaldec": -10.9}, (0.05, -10.9)),
        ({"withmedianpnt": False}, (0.002, -10.998)),
    ):
        attcalc(small.path, atthkset=history, **values)
        header = fits.getheader(small.path, "EVENTS")
        assert (header["TCRVL6"], header["TCRVL7"]) == pytest.approx(wanted)
        assert header["AVRG_PNT"] == ("MEAN" if values == {"withmedianpnt": False} else "MEDIAN")
    one = fits.getdata(small.path, "EVENTS")["X"].astype(int)
    attcalc(small.path, atthkset=history, attitudelabel="om", refpointlabel="user", nominalra=0.9, nominaldec=-10.0)
    assert not np.array_equal(one, fits.getdata(small.path, "EVENTS")["X"])


def test_a_fixed_attitude(small: SmallList) -> None:
    outcome, warnings = attcalc(
        small.path, attitudelabel="fixed", fixedra=10.0, fixeddec=89.99, fixedposangle=300.0, refpointlabel="pnt"
    )
    assert warnings == []
    columns = small.columns
    plane = TangentPlane(10.0, 89.99)
    wanted = det_to_sky(
        columns["DETX"], columns["DETY"], columns["TIME"], Attitude.fixed(10.0, 89.99, 300.0), boresight("EMOS1"), plane
    )
    data = fits.getdata(small.path, "EVENTS")
    assert np.array_equal(data["X"], whole_pixels(wanted[0]))
    assert np.array_equal(data["Y"], whole_pixels(wanted[1]))
    assert fits.getheader(small.path)["PA_PNT"] == 300.0
    assert outcome.rows_out == len(data)


def test_the_list_gets_columns_that_it_lacks(small: SmallList) -> None:
    with fits.open(small.path) as file:
        events = file["EVENTS"]
        names = [name for name in events.columns.names if name not in {"X", "Y"}]
        table = fits.BinTableHDU.from_columns([events.columns[name] for name in names], name="EVENTS")
        table.header["INSTRUME"] = "EMOS1"
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(small.path.with_name("bare.fits"))
    values = {"attitudelabel": "fixed", "fixedra": 10.0, "fixeddec": 20.0}
    attcalc(small.path, **values)
    attcalc(small.path.with_name("bare.fits"), **values)
    with fits.open(small.path.with_name("bare.fits")) as bare:
        bare.verify("exception")
        assert bare["EVENTS"].columns.names == [*names, "X", "Y"]
        for name in (*names, "X", "Y"):
            assert np.array_equal(bare["EVENTS"].data[name], fits.getdata(small.path, "EVENTS")[name])
        assert bare["EVENTS"].header["TNULL13"] == NULL_PIXEL
        assert bare["EVENTS"].header["TCTYP14"] == "DEC--TAN"


def test_events_outside_of_the_plane_and_a_plane_that_fits(small: SmallList) -> None:
    values: dict[str, Any] = {"attitudelabel": "fixed", "fixedra": 10.0, "fixeddec": 20.0}
    outcome, warnings = attcalc(small.path, imagesize=0.1, **values)
    assert warnings == ["outOfImageRange"]
    data, header = fits.getdata(small.path, "EVENTS"), fits.getheader(small.path, "EVENTS")
    lost = data["X"] == NULL_PIXEL
    assert np.array_equal(lost, data["Y"] == NULL_PIXEL)
    assert outcome.cuts[-1].rows == np.count_nonzero(~lost) < len(data)
    assert (header["TLMAX6"], header["TCRPX6"]) == (14400, 7201)
    assert (data["X"][~lost].min(), data["X"][~lost].max()) >= (1, 1)
    assert data["X"][~lost].max() <= 14400
    _, warnings = attcalc(small.path, imagesize=0.1, calctlmax=True, **values)
    assert warnings == []
    data, header = fits.getdata(small.path, "EVENTS"), fits.getheader(small.path, "EVENTS")
    assert min(data["X"].min(), data["Y"].min()) >= 1
    assert max(data["X"].max(), data["Y"].max()) <= header["TLMAX6"] == 2 * (header["TCRPX6"] - 1)
    sky = TangentPlane(10.0, 20.0, header["REFXCRPX"]).to_sky(data["X"], data["Y"])
    attcalc(small.path, **values)
    data = fits.getdata(small.path, "EVENTS")
    assert TangentPlane(10.0, 20.0).to_sky(data["X"], data["Y"])[0] == pytest.approx(sky[0], abs=1e-9)


def test_events_without_attitude_have_no_place(small: SmallList, tmp_path: Path) -> None:
    write_history(tmp_path / "att.fits", keywords=False, last=START + 500)
    _, warnings = attcalc(small.path, atthkset=str(tmp_path / "att.fits"))
    assert warnings == ["badPntValues", "noAttitude"]
    data, header = fits.getdata(small.path, "EVENTS"), fits.getheader(small.path, "EVENTS")
    assert np.array_equal(data["X"] == NULL_PIXEL, data["TIME"] > START + 510)
    assert header["RA_PNT"] % 360 == pytest.approx((RA + 250e-6) % 360, abs=1e-5)  # not 180, half way from 360 to 0


def test_a_history_of_texts_or_of_nothing(small: SmallList, tmp_path: Path) -> None:
    before = small.path.read_bytes()
    for values in (np.full(3, np.nan), np.array(["a", "b", "c"])):
        form = "D" if values.dtype.kind == "f" else "4A"
        columns = [fits.Column("TIME", "D", array=np.arange(3.0))]
        columns += [fits.Column(f"AHF{name}", form, array=values) for name in ("RA", "DEC", "PA")]
        table = fits.BinTableHDU.from_columns(columns, name="ATTHK")
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "att.fits", overwrite=True)
        with pytest.raises(TaskError, match="atthkgen"):
            attcalc(small.path, atthkset=str(tmp_path / "att.fits"))
    assert small.path.read_bytes() == before


def test_without_a_history_the_pointing_of_the_list_holds(small: SmallList, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="give atthkset") as caught:
        attcalc(small.path, atthkset=str(tmp_path / "no.fits"))
    assert caught.value.code == "badInfile"
    with fits.open(small.path, mode="update") as file:
        file[0].header.update({"RA_PNT": 10.0, "DEC_PNT": 20.0, "PA_PNT": 30.0, "AVRG_PNT": "MEAN"})
    _, warnings = attcalc(small.path, atthkset=str(tmp_path / "no.fits"))
    assert warnings == ["noAtthkgenFile"]
    header = fits.getheader(small.path, "EVENTS")
    assert (header["TCRVL6"], header["PA_PNT"], header["AVRG_PNT"]) == (10.0, 30.0, "MEAN")
    _, warnings = attcalc(small.path, withatthkset=False)
    assert warnings == []


def test_an_empty_list_keeps_its_keywords_right(tmp_path: Path) -> None:
    small = write_small_list(tmp_path / "events.fits")
    with fits.open(small.path) as file:
        hdus = [file[0], fits.BinTableHDU(file["EVENTS"].data[:0], file["EVENTS"].header)]
        fits.HDUList(hdus).writeto(tmp_path / "empty.fits")
    _, warnings = attcalc(tmp_path / "empty.fits", attitudelabel="fixed", fixedra=10.0)
    assert warnings == ["noEvents"]
    header = fits.getheader(tmp_path / "empty.fits", "EVENTS")
    assert header["TCRVL6"] == 10.0
    assert "TDMIN6" not in header
    assert "REFXDMIN" not in header


@pytest.mark.parametrize(
    ("cards", "code", "said"),
    [
        ({"INSTRUME": "RGS1"}, "badInstrument", "RGS1"),
        ({"DATAMODE": "TIMING"}, "badDatamode", "TIMING"),
        ({"EXTNAME": "RATE"}, "badInfile", "no table EVENTS"),
    ],
)
def test_lists_that_it_cannot_take(tmp_path: Path, cards: dict[str, str], code: str, said: str) -> None:
    small = write_small_list(tmp_path / "events.fits", **cards)
    before = small.path.read_bytes()
    with pytest.raises(TaskError, match=said) as caught:
        attcalc(small.path, attitudelabel="fixed")
    assert caught.value.code == code
    assert small.path.read_bytes() == before


def test_a_list_without_camera_coordinates(small: SmallList) -> None:
    small.path.write_bytes(small.path.read_bytes().replace(b"'DETX    '", b"'OTHERX  '"))
    with pytest.raises(TaskError, match="no column DETX") as caught:
        attcalc(small.path, attitudelabel="fixed")
    assert caught.value.code == "badInfile"


def test_a_gzipped_list_and_a_bad_history(small: SmallList, tmp_path: Path) -> None:
    packed = tmp_path / "events.fits.gz"
    packed.write_bytes(gzip.compress(small.path.read_bytes()))
    with pytest.raises(TaskError, match="unpack it first"):
        attcalc(packed, attitudelabel="fixed")
    with pytest.raises(TaskError, match="ATTHK"):
        attcalc(small.path, atthkset=str(small.path))
    with pytest.raises(TaskError, match="RA_NOM"):
        attcalc(small.path, attitudelabel="fixed", refpointlabel="nom")
    with pytest.raises(TaskError, match=r"none\.fits"):
        attcalc(tmp_path / "none.fits", attitudelabel="fixed")
