"""The page of a reduction: what it says, of good files and of bad ones."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.products.errors import FileProblem
from xmmpy.products.record import RunRecord, StepRecord, read_record
from xmmpy.report import write_page

Maker = Callable[..., RunRecord]
HOSTILE = "<script>document.title='owned'</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"


class Outline(HTMLParser):
    """Elements with their attributes, and the text outside style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._hidden = tag in {"style", "script"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page_of(work: Path) -> Outline:
    return Outline(write_page(work).read_text(encoding="utf-8"))


def test_page_shows_what_was_observed_and_made(tmp_path: Path, make_work: Maker) -> None:
    make_work(tmp_path / "w")
    page = page_of(tmp_path / "w")
    for words in (
        "Abell 1",
        "0123456789",
        "10h 00m 24.0s, +02° 12\u2032 00\u2033",
        "MOS1",
        "MOS2",
        "pn",
        "exposure S001, filter Thin1",
        "9 ks of 10 ks",
        "90.0 %",
        "rate at most 0.35 counts/s",
        "0.2\u201312 keV (full)",
        "4.5\u201312 keV (b5)",
        "#XMMEA_EM",
        "75.0 %",
        "25.0 %",
        "xmmpy task emosaic imagesets='a b' mosaicedset=mosaic.ds",
        "XMM-Python 0.1.0",
    ):
        assert words in page.text, words
    pictures = page.all("img")
    assert len(pictures) == 19
    assert all(picture["src"].startswith("data:image/png;base64,") and picture["alt"] for picture in pictures)
    assert len({picture["src"] for picture in pictures}) == 19
    assert len(page.all("h1")) == 1
    assert all(link["href"].startswith("#") for link in page.all("a"))


def test_page_shows_how_raw_events_became_a_list(tmp_path: Path, make_work: Maker) -> None:
    make_work(tmp_path / "w")
    text = page_of(tmp_path / "w").text
    for words in (
        "Attitude AHF",
        "Clock fit 3.7e-07 s rms",
        "From raw events to the calibrated list",
        "read 8 000 not track of a cosmic ray 5 000 62.5 % not on a bad pixel 4 000 50.0 %",
        "EMOS1 LINCOORD nominal table ccd_geometry.csv",
        "XMM BORESIGHT XMM_BORESIGHT_0029.CCF",
        "About the data",
        "a frame is out of order",
    ):
        assert words in text, words
    assert "EMOS2 LINCOORD" not in text  # of the other camera
    assert text.count("0001_SCX00000ROS.ASC is missing") == 1
    assert text.count("From raw events to the calibrated list") == 1


def test_a_failure_is_told_once(tmp_path: Path, make_work: Maker) -> None:
    record = make_work(tmp_path / "w")
    reason = "emproc: no list could be made: no frames"
    step, camera = record.steps[0], record.cameras[0]
    step.status, step.reason, step.outputs, step.warnings = "failed", reason, {}, ["no frames"]
    camera.status, camera.reason = "failed", reason
    record.write(tmp_path / "w")
    page = page_of(tmp_path / "w")
    assert "1 part was not done mos1_S001/emproc failed" in page.text
    assert "From raw events" not in page.text


def test_page_asks_for_nothing_from_outside(tmp_path: Path, make_work: Maker) -> None:
    make_work(tmp_path / "w")
    html = write_page(tmp_path / "w").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", html)
    assert "url(" not in html
    assert "@import" not in html


def test_same_record_gives_the_same_bytes(tmp_path: Path, make_work: Maker) -> None:
    pages = []
    for name in ("a", "b"):
        make_work(tmp_path / name)
        pages.append(write_page(tmp_path / name).read_bytes())
    assert pages[0] == pages[1]
    assert write_page(tmp_path / "a").read_bytes() == pages[0]
    assert not list((tmp_path / "a").glob(".*.part"))


def test_texts_from_files_are_escaped(tmp_path: Path, make_work: Maker) -> None:
    record = make_work(tmp_path / "w", target=HOSTILE, reason=HOSTILE)
    camera = record.cameras[0]
    camera.filter = camera.mode = camera.exposure = camera.reason = HOSTILE
    camera.instrument = camera.images["full"] = camera.rate = HOSTILE
    camera.key = "x" + HOSTILE
    record.steps[0].camera = camera.key
    record.steps[0].name = record.steps[0].task = record.steps[0].line = record.steps[0].log = HOSTILE
    record.steps[0].cuts[0].name = HOSTILE
    record.steps[0].warnings.append(HOSTILE)
    record.settings[HOSTILE] = HOSTILE
    record.version = record.started = record.observation.obs_id = HOSTILE
    record.write(tmp_path / "w")
    page = page_of(tmp_path / "w")
    assert len(page.all("script")) == 1
    assert not [name for name, attributes in page.elements if any(key.startswith("on") for key in attributes)]
    assert all(picture["src"] != "x" for picture in page.all("img"))
    assert "<script>document.title='owned'</script>" in page.text
    assert "{{ 7*7 }}" in page.text


def test_missing_and_broken_files_are_told_in_their_place(tmp_path: Path, make_work: Maker) -> None:
    work = tmp_path / "w"
    make_work(work, reason="no events pass")
    (work / "images/pn_image_b3.fits").unlink()
    (work / "images/pn_image_b4.fits").write_bytes(b"SIMPLE  = nonsense" * 300)
    whole = (work / "images/pn_image_b5.fits").read_bytes()
    (work / "images/pn_image_b5.fits").write_bytes(whole[:4000])
    (work / "images/mos1_image_b1.fits").write_bytes(gzip.compress(whole)[:200])
    fits.PrimaryHDU(np.zeros((9, 9))).writeto(work / "images/mos1_image_b2.fits", overwrite=True)
    fits.PrimaryHDU(np.zeros((2, 9, 9))).writeto(work / "images/mos1_image_b3.fits", overwrite=True)
    fits.PrimaryHDU(np.full((9, 9), np.nan)).writeto(work / "images/mos1_image_b4.fits", overwrite=True)
    (work / "mos1_rate.fits").unlink()
    (work / "gtiset_mos2.fits").write_bytes(b"")
    empty = fits.BinTableHDU.from_columns([fits.Column("TIME", "D", array=[]), fits.Column("RATE", "D", array=[])])
    empty.writeto(work / "pn_rate.fits", overwrite=True)
    (work / "mosaic.ds").unlink()
    page = page_of(work)
    for words in (
        "images/pn_image_b3.fits does not exist",
        "images/pn_image_b4.fits is damaged",
        "images/pn_image_b5.fits is cut short",
        "images/mos1_image_b1.fits cannot be unpacked",
        "images/mos1_image_b2.fits holds no counts",
        "images/mos1_image_b3.fits is no plane image",
        "images/mos1_image_b4.fits holds no counts",
        "The rate curve mos1_rate.fits does not exist",
        "The GTI file gtiset_mos2.fits is empty",
        "The rate curve pn_rate.fits cannot be drawn",
        "mosaic.ds does not exist",
        "1 part was not done",
        "no events pass",
    ):
        assert words in page.text, words
    assert len(page.all("img")) == 11


def test_page_of_a_run_that_made_nothing(tmp_path: Path) -> None:
    record = RunRecord(version="0.1.0", started="now")
    record.steps.append(StepRecord(name="mosaic", task="emosaic", status="skipped", reason="no images"))
    record.write(tmp_path)
    page = page_of(tmp_path)
    assert "No mosaic was made: no images" in page.text
    assert not page.all("img")


@pytest.mark.parametrize(
    "change",
    [
        {"ra": float("inf"), "dec": 5.0},
        {"ra": 10.0, "dec": 500.0},
    ],
)
def test_positions_that_are_none_are_left_out(tmp_path: Path, make_work: Maker, change: dict[str, Any]) -> None:
    from xmmpy.report.content import page_content

    record = make_work(tmp_path / "w")
    record.observation.ra, record.observation.dec = change["ra"], change["dec"]
    assert "Pointing (J2000)" not in dict(page_content(record, tmp_path / "w").facts)


def test_without_a_record_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"record.json does not exist; run the reduction first"):
        write_page(tmp_path)
    assert read_record(tmp_path) is None
    assert not (tmp_path / "index.html").exists()
