"""evlistcomb on small tables: types, numbers of CCDs, keywords, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.tasks import evlistcomb
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Session


def ccd(path: Path, number: int, *, start: float = 0.0, cards: dict[str, Any] | None = None, **columns: Any) -> str:
    """A list of one MOS CCD with three events; `cards` go into its primary header."""
    values = {"TIME": start + np.arange(3.0), "RAWX": np.array([1, 2, 3]), "PI": np.array([100.0, 200.4, 300.6])}
    values |= columns
    forms = {"TIME": "D", "RAWX": "I", "PI": "E", "PATTERN": "I", "FLAG": "J"}
    events = fits.BinTableHDU.from_columns(
        [fits.Column(name, forms[name], array=np.asarray(data)) for name, data in values.items()], name="EVENTS"
    )
    events.header.update({"TSTART": start, "TSTOP": start + 3, "TIMESYS": "TT", "TLMIN2": number,
                          "TLMAX2": 600 + number, "ONTIME": 10.0 * number})  # fmt: skip
    primary = fits.PrimaryHDU()
    primary.header.update({"TELESCOP": "XMM", "INSTRUME": "EMOS1", "OBS_ID": "1", "EXP_ID": "2", "DATAMODE": "IMAGING",
                           "CCDID": number, "CCDNODE": 0, "ORIGIN": "here", "FILTER": "Thin1"})  # fmt: skip
    primary.header.update(cards or {})
    gti = fits.BinTableHDU.from_columns(
        [fits.Column("START", "D", array=[start]), fits.Column("STOP", "D", array=[start + 3])], name="STDGTI"
    )
    bad = fits.ImageHDU(np.full((2, 3), number, np.int16), name="BADPIX")
    fits.HDUList([primary, events, bad, gti]).writeto(path)
    return str(path)


@pytest.fixture
def two(tmp_path: Path) -> list[str]:
    return [ccd(tmp_path / "one.fits", 1), ccd(tmp_path / "two.fits", 2, start=5.0)]


def test_rows_types_and_keywords(two: list[str], tmp_path: Path) -> None:
    output = tmp_path / "whole.fits"
    evlistcomb(eventsets=two, imagingset=str(output))
    with fits.open(output) as file:
        assert [hdu.name for hdu in file] == ["PRIMARY", "EVENTS", "BADPIX01", "STDGTI01", "BADPIX02", "STDGTI02"]
        data, header = file["EVENTS"].data, file["EVENTS"].header
        assert file["EVENTS"].columns.names == ["TIME", "RAWX", "PI", "CCDNR"]
        assert file["EVENTS"].columns.formats == ["D", "I", "I", "B"]
        assert data["PI"].tolist() == [100, 200, 301] * 2
        assert data["CCDNR"].tolist() == [1] * 3 + [2] * 3
        assert (header["TSTART"], header["TSTOP"], header["TLMIN2"], header["TLMAX2"]) == (0.0, 8.0, 1, 602)
        assert (header["ONTIME01"], header["ONTIME02"]) == (10.0, 20.0)
        assert "ONTIME" not in header
        assert header["FILTER"] == file["STDGTI02"].header["FILTER"] == "Thin1"
        assert file[0].header["ORIGIN"] == "here"
        assert "ORIGIN" not in header
        assert np.all(file["BADPIX02"].data == 2)
        assert file["STDGTI02"].data["START"][0] == 5.0


def test_what_a_type_cannot_hold_is_null(tmp_path: Path) -> None:
    lists = [ccd(tmp_path / "one.fits", 1, PI=[1.0, 1e6, np.nan], PATTERN=[1, 300, 2]), ccd(tmp_path / "two.fits", 2)]
    output = tmp_path / "whole.fits"
    session = Session("evlistcomb")
    find_task("evlistcomb").execute({"eventsets": lists, "imagingset": str(output)}, session)
    assert any("2 values of PI" in text for _, text in session.warnings)
    with fits.open(output) as file:
        columns = file["EVENTS"].columns
        assert (columns["PI"].null, columns["PATTERN"].null) == (-32768, 255)
        assert file["EVENTS"].data["PI"].tolist() == [1, -32768, -32768, 100, 200, 301]
        assert file["EVENTS"].data["PATTERN"].tolist() == [1, 255, 2, 255, 255, 255]


@pytest.mark.parametrize(
    ("cards", "instrument", "number"),
    [
        ({"CCDID": 3, "CCDNODE": 1}, "emos", 13),
        ({"CCDID": 2, "QUADRANT": 3, "INSTRUME": "EPN"}, "epn", 12),
        ({"CCDID": 0, "QUADRANT": 0, "INSTRUME": "EPN"}, "epn", 1),
    ],
)
def test_numbers_of_ccds(tmp_path: Path, cards: dict[str, Any], instrument: str, number: int) -> None:
    name = ccd(tmp_path / "one.fits", 1, cards=cards)
    output = tmp_path / "whole.fits"
    evlistcomb(eventsets=[name], instrument=instrument, imagingset=str(output))
    with fits.open(output) as file:
        assert set(file["EVENTS"].data["CCDNR"]) == {number}
        assert f"STDGTI{number:02d}" in file


def test_modes_go_into_two_lists(two: list[str], tmp_path: Path) -> None:
    timing = ccd(tmp_path / "three.fits", 3, cards={"DATAMODE": "TIMING"})
    outcome = evlistcomb(
        eventsets=[*two, timing], imagingset=str(tmp_path / "img.fits"), timingset=str(tmp_path / "tim.fits")
    )
    assert [path.name for path in outcome.outputs] == ["img.fits", "tim.fits"]
    assert set(fits.getdata(tmp_path / "tim.fits", "EVENTS")["CCDNR"]) == {3}


def test_columns_of_the_user(two: list[str], tmp_path: Path) -> None:
    output = tmp_path / "whole.fits"
    evlistcomb(eventsets=two, imagingset=str(output), emosimgcolnames="PI TIME", emosimgcoltypes="single double",
               mainattributes="NONE", othertables="")  # fmt: skip
    with fits.open(output) as file:
        assert file["EVENTS"].columns.names == ["PI", "TIME", "CCDNR"]
        assert file["EVENTS"].data["PI"].tolist() == pytest.approx([100.0, 200.4, 300.6] * 2)
        assert len(file) == 2
        assert (file["EVENTS"].header["TSTART"], file["EVENTS"].header["TIMESYS"]) == (0.0, "TT")


def test_a_list_of_another_exposure_is_left_out(two: list[str], tmp_path: Path) -> None:
    other = ccd(tmp_path / "three.fits", 3, cards={"EXP_ID": "7"})
    session = Session("evlistcomb")
    output = tmp_path / "whole.fits"
    find_task("evlistcomb").execute({"eventsets": [*two, other], "imagingset": str(output)}, session)
    assert [code for code, _ in session.warnings] == ["incompatibleFiles"]
    assert set(fits.getdata(output, "EVENTS")["CCDNR"]) == {1, 2}


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"eventsets": []}, "no list is given"),
        ({"instrument": "rgs"}, "RGS cannot be combined"),
        ({"emosimgcolnames": "TIME PI", "emosimgcoltypes": "double"}, "2 names and emosimgcoltypes 1 types"),
        ({"emosimgcolnames": "TIME", "emosimgcoltypes": "real16"}, "'real16' is no type"),
        ({"maintable": "FRAMES"}, "has no table FRAMES"),
        ({"primarychecks": "REVOLUT"}, "has no keyword REVOLUT"),
        ({"emosdatamodes": "BURST"}, "no list is of DATAMODE BURST"),
        ({"eventsets": "none.fits"}, "none.fits does not exist"),
    ],
)
def test_refusals(two: list[str], tmp_path: Path, values: dict[str, Any], what: str) -> None:
    output = tmp_path / "whole.fits"
    with pytest.raises(TaskError, match=what):
        evlistcomb(**({"eventsets": two, "imagingset": str(output)} | values))
    assert not output.exists()


def test_two_lists_of_one_ccd(two: list[str], tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="both of CCD 1"):
        evlistcomb(eventsets=[two[0], two[0]], imagingset=str(tmp_path / "whole.fits"))
