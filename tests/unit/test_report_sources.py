"""What the page says of sources: table, places, charts, maps, and what is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from xmmpy.products.record import RunRecord, StepRecord
from xmmpy.report.charts import Axis, path_of, points_of
from xmmpy.report.content import page_content
from xmmpy.report.numbers import DASH, MINUS
from xmmpy.report.page import write_page
from xmmpy.report.sky import draw_map, field_of


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "w"


@pytest.fixture
def record(work: Path, make_work: Callable[..., Any], add_sources: Callable[..., object]) -> RunRecord:
    made: RunRecord = make_work(work)
    add_sources(work, made)
    return made


def test_rows_and_their_places(record: RunRecord, work: Path) -> None:
    page = page_content(record, work)
    found = page.sources
    assert found is not None
    assert (found.title, len(found.rows), found.missing) == ("Sources of all cameras", 6, "")
    likelihoods = [row.cells[3].value for row in found.rows]
    assert likelihoods == sorted(likelihoods, reverse=True)
    listed = fits.getdata(work / "coords/all_emllist.fits", "SRCLIST")
    last = listed[(listed["ID_INST"] == 0) & (listed["ML_ID_SRC"] == 1)][0]  # the least likely one, extended
    assert found.rows[-1].cells[-1].text == "80.0"  # two pixels of 40 arcsec
    assert found.rows[0].cells[-1].text == DASH
    picture = page.mosaic.picture if page.mosaic is not None else None
    assert picture is not None
    x, y = WCS(fits.getheader(work / "mosaic.ds")).all_world2pix([[last["RA"], last["DEC"]]], 1)[0]
    expected = (x - picture.frame.x) / picture.frame.side, 1 - (y - picture.frame.y) / picture.frame.side
    assert (found.rows[-1].x, found.rows[-1].y) == pytest.approx([1000 * place for place in expected], abs=0.1)


def test_charts_and_maps(record: RunRecord, work: Path) -> None:
    found = page_content(record, work).sources
    assert found is not None
    assert found.ratios is not None
    assert len(found.ratios.points) == 6
    assert found.profile is not None
    assert {line.kind for line in found.profile.lines} == {"model", "level"}
    assert "15 counts" in found.profile_words
    kinds = [f"{camera} {kind}" for kind in ("background", "sensitivity") for camera in ("pn", "MOS1")]
    assert [panel.title for panel in found.maps] == [f"{kind}, 1{DASH}2 keV" for kind in kinds]
    assert all(panel.picture is not None for panel in found.maps)


def test_sources_that_are_missing_are_told_of(record: RunRecord, work: Path) -> None:
    (work / "images/all/pn_image_b2bkg.fits").unlink()
    found = page_content(record, work).sources
    assert found is not None
    assert "pn_image_b2bkg.fits does not exist" in found.maps[0].missing
    (work / "coords/all_emllist.fits").write_bytes(b"nothing")
    found = page_content(record, work).sources
    assert found is not None
    assert found.missing.startswith("coords/all_emllist.fits ")
    record.steps[-1].status, record.steps[-1].reason = "failed", "eboxdetect: the disk is full"
    found = page_content(record, work).sources
    assert found is not None
    assert "the disk is full" in found.missing
    record.write(work)
    assert "No sources were found" in write_page(work).read_text()


def test_list_of_one_camera_where_there_is_none_of_all(record: RunRecord, work: Path) -> None:
    step = record.steps[-1]
    record.steps[-1] = step.model_copy(update={"name": "pn/detect", "camera": "pn"})
    record.steps.append(StepRecord(name="detect", task="edetect_chain", status="failed", reason="no"))
    found = page_content(record, work).sources
    assert found is not None
    assert found.title == "Sources of pn"


def test_no_search_no_section(work: Path, make_work: Callable[..., Any]) -> None:
    assert page_content(make_work(work), work).sources is None
    assert 'id="sources"' not in write_page(work).read_text()


def test_empty_list(record: RunRecord, work: Path) -> None:
    with fits.open(work / "coords/all_emllist.fits", mode="update") as file:
        file["SRCLIST"].data = file["SRCLIST"].data[:0]
    found = page_content(record, work).sources
    assert found is not None
    assert (found.rows, found.ratios, found.profile) == ((), None, None)
    assert "0</p>" in write_page(work).read_text()


def test_axes() -> None:
    linear, steps = Axis(-1.0, 1.0), Axis(0.5, 2000.0, logarithmic=True)
    assert linear.place(np.array([-1.0, 0.0, 5.0])).tolist() == [0.0, 500.0, 1000.0]
    assert [tick.text for tick in linear.ticks()] == [f"{MINUS}1", f"{MINUS}0.5", "0", "0.5", "1"]
    assert [tick.text for tick in steps.ticks()] == ["1", "10", "100", "1000"]
    assert Axis(1e-6, 1e-3, logarithmic=True).ticks()[0].text == "10⁻⁶"
    assert path_of((linear, linear), np.array([0.0, np.nan, 1.0]), np.array([0.0, 0.0, 1.0])) == (
        "M500.0 500.0L1000.0 0.0"
    )
    (point,) = points_of((linear, linear), np.zeros(1), np.zeros(1), np.array([0.5]), np.array([0.2]), [4], ["four"])
    assert (point.x, point.y, point.source) == (500.0, 500.0, 4)
    assert point.bars == "M500.0 600.0V400.0M250.0 500.0H750.0"


def test_maps_are_drawn_on_a_linear_scale() -> None:
    values = np.zeros((40, 40))
    values[5:35, 5:35] = np.linspace(1.0, 2.0, 30)
    values[0, 0] = np.nan
    frame = field_of(values)
    assert frame is not None
    picture = draw_map(values, frame, None, most_pixels=20)
    assert picture.side <= 20
    assert [text for _, text in picture.ticks] == ["0", "0.5", "1", "1.5"]
