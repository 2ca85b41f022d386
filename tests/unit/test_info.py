"""What `xmmpy info` says of files, good and bad."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xmmpy.cli.info import describe_file, info_command
from xmmpy.cli.main import main
from xmmpy.products.errors import FileProblem
from xmmpy.products.gti import gti_hdu
from xmmpy.products.intervals import Intervals
from xmmpy.report.subspace import condition_words
from xmmpy.selection.dataspace import Figures
from xmmpy.selection.ranges import Bits, Ranges


def event_list(path: Path) -> Path:
    columns = [
        fits.Column("TIME", "D", unit="s", array=[1.0, 2.0]),
        fits.Column("PI", "I", unit="CHAN", array=[300, 400]),
        fits.Column("FLAG", "J", array=[0, 0]),
    ]
    events = fits.BinTableHDU.from_columns(columns, name="EVENTS")
    events.header["TLMIN2"], events.header["TLMAX2"] = 0, 15000
    events.header.comments["TTYPE2"] = "energy in eV"
    events.header.update(INSTRUME="EMOS1", ONTIME01=100.0, LIVETI01=98.0, ONTIME02=90.0, TSTART=1e8, TSTOP=1e8 + 5000)
    events.header.update(DSTYP1="CCDNR", DSTYP2="TIME", DSTYP3="FLAG", DSTYP4="PI", DSUNI4="eV", DSTYP5="PATTERN")
    events.header.update(DSVAL1="1", DSREF2=":GTI00002", DSVAL3="b0x1", DSVAL4="500:2000", DSVAL5=":12", DSVAL2="TABLE")
    events.header["2DSVAL1"], events.header["2DSREF2"] = "2", ":GTI00102"
    primary = fits.PrimaryHDU()
    primary.header.update(TELESCOP="XMM", OBJECT="A [bold]star[/bold]", FILTER="Thin1", SUBMODE="PrimeFullWindow")
    primary.header.update(XPROC0="evselect table=a.fits expression='(PI>150)'", XPROC1="emevents # long", OBS_ID="0123")
    gtis = [gti_hdu(Intervals.of([0], [50.0 * n]), f"GTI00{n - 1}02") for n in (1, 2)]
    fits.HDUList([primary, events, *gtis]).writeto(path)
    return path


def test_event_list_in_words(tmp_path: Path) -> None:
    told = describe_file(str(event_list(tmp_path / "e.fits")))
    facts = dict(told.facts)
    assert told.kind == "event list"
    assert facts["Content"] == "2 rows of 3 columns in EVENTS"
    assert facts["Telescope"] == "XMM EMOS1"
    assert facts["Filter"] == "Thin1"
    assert facts["Mission time"].endswith("(5 ks)")
    assert told.selections == (
        "CCD 1-2; good time 50 s to 100 s; FLAG & 0x5 == 0x1; PI from 500 to 2000 eV; PATTERN at most 12",
    )
    pi = told.columns[1]
    assert (pi.name, pi.type, pi.unit, pi.range, pi.comment) == (
        "PI", "integer, 2 bytes", "CHAN", "0 to 15000", "energy in eV",
    )  # fmt: skip
    assert [(ccd.ccd, ccd.ontime, ccd.livetime) for ccd in told.ccds] == [(1, 100.0, 98.0), (2, 90.0, None)]
    assert told.calls == ("evselect table=a.fits expression='(PI>150)'", "emevents # long")
    assert [block.name for block in told.blocks] == ["PRIMARY", "EVENTS", "GTI00002", "GTI00102"]


def test_plain_when_piped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = event_list(tmp_path / "e.fits")
    assert info_command(str(path)) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    for words in (
        "e.fits: event list",
        "A [bold]star[/bold]",
        "PI from 500 to 2000 eV",
        "98.0 %",
        "energy in eV",
    ):
        assert words in out
    assert main(["info", str(path)]) == 0
    assert capsys.readouterr().out == out


def test_json_and_keyword(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = event_list(tmp_path / "e.fits")
    assert main(["info", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kind"] == "event list"
    assert told["facts"]["Filter"] == "Thin1"
    assert main(["info", str(path), "--keyword", "extname"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("EVENTS    EXTNAME = 'EVENTS'")
    assert len(lines) == 3
    assert main(["info", str(path), "--keyword", "nothing"]) == 1
    assert "has no keyword NOTHING" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"hello", "is not a FITS file"),
        (gzip.compress(b"SIMPLE  =" * 999)[:40], "cannot be unpacked"),
    ],
)
def test_broken_files_give_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, words: str
) -> None:
    path = tmp_path / "x.fits"
    if content is not None:
        path.write_bytes(content)
    assert main(["info", str(path)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert words in shown.err
    assert len(shown.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "columns", "kind"),
    [
        ("STDGTI", ("START", "STOP"), "good time intervals"),
        ("SOMETHING", ("START", "STOP"), "good time intervals"),
        ("RATE", ("TIME", "RATE"), "rate curve"),
        ("SPECTRUM", ("CHANNEL", "COUNTS"), "spectrum"),
        ("CALINDEX", ("TELESCOP",), "calibration index (CIF)"),
        ("ATTHK", ("TIME",), "attitude history"),
        ("SRCLIST", ("RA",), "source list"),
        ("MATRIX", ("MATRIX",), "response matrix (RMF)"),
        ("SPECRESP", ("SPECRESP",), "effective area (ARF)"),
        ("M1IME1", ("FRAME",), "raw file of an ODF: MOS1, events in imaging mode"),
        ("OTHER", ("A",), "tables"),
    ],
)
def test_kinds_of_tables(tmp_path: Path, name: str, columns: tuple[str, ...], kind: str) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column(c, "D", array=[1.0]) for c in columns], name=name)
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "t.fits")
    assert describe_file(str(tmp_path / "t.fits")).kind == kind


@pytest.mark.parametrize(
    ("keywords", "kind"),
    [
        ({}, "image"),
        ({"CONTENT": "EPIC EXPOSURE MAP"}, "exposure map"),
        ({"HDUCLAS2": "MASK"}, "mask"),
        ({"XPROC0": "emosaic imagesets=a"}, "mosaic of images"),
    ],
)
def test_kinds_of_images(tmp_path: Path, keywords: dict[str, str], kind: str) -> None:
    hdu = fits.PrimaryHDU(np.zeros((4, 6), np.int16))
    hdu.header.update(keywords)
    hdu.writeto(tmp_path / "i.fits")
    told = describe_file(str(tmp_path / "i.fits"))
    assert told.kind == kind
    assert dict(told.facts)["Content"] == "image, 6 x 4 pixels, integer of 2 bytes"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Ranges.parse("500:2000"), "PI from 500 to 2000 eV"),
        (Ranges.parse("(200:12000)"), "PI from 200 to 12000 (without 200 and 12000) eV"),
        (Ranges.parse(":4"), "PI at most 4 eV"),
        (Ranges.parse("(150:)"), "PI above 150 eV"),
        (Ranges.parse("0"), "PI = 0 eV"),
        (Ranges.parse("1,3:5"), "PI = 1 or from 3 to 5 eV"),
        (Ranges.parse(":"), ""),
        (Bits.parse("b0xx"), "PI & 0x4 == 0"),
        (Figures((), "REG00105"), "PI in the regions of REG00105"),
    ],
)
def test_conditions_in_words(value: Ranges | Bits | Figures, words: str) -> None:
    assert condition_words("PI", "eV", value) == words


@cache
def sound_bytes(folder: Path) -> bytes:
    return event_list(folder / "sound.fits").read_bytes()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=12)), min_size=1, max_size=6),
    length=st.floats(0.2, 1.5),
)
def test_damaged_files_give_a_description_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, bytes]], length: float
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "damage").mkdir(exist_ok=True)
    data = bytearray(sound_bytes(folder / "damage"))
    for place, junk in changes:
        start = int(place * (len(data) - len(junk)))
        data[start : start + len(junk)] = junk
    path = folder / "damage" / "damaged.fits"
    path.write_bytes(data[: int(len(data) * length)])
    try:
        kind = describe_file(str(path)).kind
    except FileProblem as problem:
        kind = str(problem).removeprefix(str(path))  # the sentence begins with the file
        told = str(problem)
    else:
        told = str(path) + kind
    assert kind
    assert told == str(path) + kind
