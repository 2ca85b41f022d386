"""Which files of a folder are event lists, and what they are."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest
from astropy.io import fits
from pipeline_stubs import write_list

from xmmpy.pipeline.discovery import EventList, Found, find_lists
from xmmpy.pipeline.names import Names
from xmmpy.pipeline.recipe import LEGAL_RANGE, SkyGrid, standard_reduction
from xmmpy.pipeline.settings import Settings
from xmmpy.products.errors import FileProblem

ALL = ("mos1", "mos2", "pn")


def found(folder: Path, cameras: tuple[str, ...] = ALL) -> dict[str, EventList]:
    return {one.key: one for one in find_lists([folder], cameras).lists}


@pytest.mark.parametrize(
    ("name", "instrument", "camera"),
    [
        ("mos1.fits", "EMOS1", "mos1"),
        ("pn.ds", "EPN", "pn"),
        ("0828_0201903501_EMOS2_S002_ImagingEvts.ds", "EMOS2", "mos2"),
        ("P0201903501M1S001MIEVLI0000.FIT", "EMOS1", "mos1"),
        ("P0201903501PNU002PIEVLI0000.FTZ", "EPN", "pn"),
        ("P0201903501M2S002MIEVLI0000.FIT.gz", "EMOS2", "mos2"),
    ],
)
def test_names_under_which_lists_lie(tmp_path: Path, name: str, instrument: str, camera: str) -> None:
    path = write_list(tmp_path / "list.tmp", instrument)
    if name.endswith(("FTZ", "gz")):
        with path.open("rb") as source, gzip.open(tmp_path / name, "wb") as target:
            shutil.copyfileobj(source, target)
    else:
        shutil.copy(path, tmp_path / name)
    lists = found(tmp_path)
    assert list(lists) == [camera]
    assert lists[camera].packed == name.endswith(("FTZ", "gz"))
    assert lists[camera].x_limits == (1, 51840)


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    write_list(tmp_path / "mos1.fits", "EMOS1")
    for name in ("mos1_rate.fits", "mos1_clean.fits", "P0201903501OBX000ATTTSR0000.FIT", "notes.txt"):
        (tmp_path / name).write_text("something else")
    assert list(found(tmp_path)) == ["mos1"]


def test_the_header_decides_and_not_the_name(tmp_path: Path) -> None:
    write_list(tmp_path / "mos1.fits", "EPN")
    assert list(found(tmp_path)) == ["pn"]


def test_a_list_of_another_instrument_is_remarked_on(tmp_path: Path) -> None:
    write_list(tmp_path / "mos1.fits", "EMOS1")
    write_list(tmp_path / "pn.fits", "RGS1")
    result = find_lists([tmp_path], ALL)
    assert [one.key for one in result.lists] == ["mos1"]
    assert "RGS1" in result.remarks[0]


def test_several_exposures_have_keys_with_a_suffix(tmp_path: Path) -> None:
    for exposure in ("U002", "S001", "S003"):
        write_list(tmp_path / f"0828_0201903501_EMOS1_{exposure}_ImagingEvts.ds", "EMOS1", exposure)
    lists = found(tmp_path)
    assert {key: one.exposure for key, one in lists.items()} == {
        "mos1": "S001",
        "mos1_S003": "S003",
        "mos1_U002": "U002",
    }
    assert Names("mos1_U002").image("b1") == "images/m1_U002_image_b1.fits"


def test_a_usable_exposure_has_the_plain_key(tmp_path: Path) -> None:
    write_list(tmp_path / "P0201903501M1S001MIEVLI0000.FIT", "EMOS1", "S001", FILTER="Closed")
    write_list(tmp_path / "P0201903501M1S002MIEVLI0000.FIT", "EMOS1", "S002")
    lists = found(tmp_path)
    assert (lists["mos1"].exposure, lists["mos1_S001"].usable) == ("S002", False)


def test_one_exposure_under_two_names_is_taken_once(tmp_path: Path) -> None:
    write_list(tmp_path / "P0201903501M1S001MIEVLI0000.FIT", "EMOS1")
    write_list(tmp_path / "mos1.fits", "EMOS1")
    result = find_lists([tmp_path], ALL)
    assert [Path(one.path).name for one in result.lists] == ["mos1.fits"]
    assert "same exposure" in result.remarks[0]


@pytest.mark.parametrize(
    ("keywords", "reason"),
    [
        ({"DATAMODE": "TIMING"}, "timing mode"),
        ({"DATAMODE": "BURST"}, "burst mode"),
        ({"FILTER": "Closed"}, "filter Closed"),
        ({"FILTER": "CalClosed"}, "filter CalClosed"),
        ({"FILTER": "CalThin1"}, "calibration source"),
        ({"rows": 0}, "no events"),
    ],
)
def test_reasons_for_nothing_to_do(tmp_path: Path, keywords: dict[str, object], reason: str) -> None:
    write_list(tmp_path / "pn.fits", "EPN", **keywords)
    one = found(tmp_path)["pn"]
    assert reason in one.nothing_to_do
    assert not one.usable
    assert standard_reduction([one], Settings(), tmp_path / "work").steps == ()


def test_a_list_without_sky_coordinates_names_the_task_to_run(tmp_path: Path) -> None:
    path = write_list(tmp_path / "pn.fits", "EPN")
    with fits.open(path, mode="update") as hdus:
        hdus["EVENTS"].header["TTYPE2"] = "XX"
    assert "has no column X" in found(tmp_path)["pn"].problem
    assert "attcalc" in found(tmp_path)["pn"].problem


@pytest.mark.parametrize("size", [0, 100, 2880, 3000])
def test_a_file_cut_short_is_a_problem_of_its_camera(tmp_path: Path, size: int) -> None:
    path = write_list(tmp_path / "mos2.fits", "EMOS2")
    path.write_bytes(path.read_bytes()[:size])
    one = found(tmp_path)["mos2"]
    assert str(path) in one.problem


def test_only_the_wanted_cameras(tmp_path: Path) -> None:
    write_list(tmp_path / "mos1.fits", "EMOS1")
    write_list(tmp_path / "pn.fits", "EPN")
    assert list(found(tmp_path, ("pn",))) == ["pn"]
    with pytest.raises(FileProblem, match="no calibrated event list of mos2"):
        find_lists([tmp_path], ("mos2",))


@pytest.mark.parametrize("make", [False, True])
def test_a_folder_without_lists_says_how_they_are_named(tmp_path: Path, make: bool) -> None:
    folder = tmp_path / "there"
    if make:
        folder.mkdir()
    wanted = "no calibrated event list .* lists are named" if make else "does not exist"
    with pytest.raises(FileProblem, match=wanted):
        find_lists([folder], ALL)


def test_what_is_known_is_not_read_again(tmp_path: Path) -> None:
    path = write_list(tmp_path / "pn.fits", "EPN")
    first: Found = find_lists([tmp_path], ALL)
    known = first.lists[0].to_json()
    known["exposure"] = "S999"  # as if read so: shows which was taken
    assert find_lists([tmp_path], ALL, {str(path): known}).lists[0].exposure == "S999"
    with path.open("ab") as stream:
        stream.write(b"\0" * 2880)
    assert find_lists([tmp_path], ALL, {str(path): known}).lists[0].exposure == "S001"


def test_the_images_of_all_cameras_have_one_range(tmp_path: Path) -> None:
    one, other = EventList("a", "mos1", x_limits=(1, 100), y_limits=(5, 60)), EventList("b", "pn")
    assert SkyGrid.of([one, other]) == SkyGrid((1, 100), (5, 60))
    assert SkyGrid.of([other]) == SkyGrid(LEGAL_RANGE, LEGAL_RANGE)
    third = EventList("c", "mos2", x_limits=(-10, 90), y_limits=(1, 70))
    assert SkyGrid.of([one, third]) == SkyGrid((-10, 100), (1, 70))
