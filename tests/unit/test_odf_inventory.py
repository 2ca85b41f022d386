"""What an ODF holds, whatever is missing or damaged; housekeeping."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from odf_sample import FIRST, PREFIX, write_odf

import xmmpy.tasks
from xmmpy.odf.housekeeping import Housekeeping, filter_of_position, good_times, read_housekeeping
from xmmpy.odf.inventory import Inventory, take_inventory
from xmmpy.odf.modes import CcdWindow, instrument_mode
from xmmpy.odf.opening import open_odf
from xmmpy.products.errors import FileProblem
from xmmpy.products.intervals import Intervals


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_odf(tmp_path_factory.mktemp("odf") / "ODF")


def copied(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "ODF"))


def look(folder: Path) -> Inventory:
    return take_inventory(open_odf(folder))


def test_exposures_with_their_modes_and_filters(whole: Path) -> None:
    inventory = look(whole)
    found = {
        (exposure.instrument, exposure.identifier): (exposure.mode, exposure.filter, exposure.kind)
        for exposure in inventory.exposures
    }
    assert found == {
        ("M1", "S001"): ("PrimeFullWindow", "Thin1", "sky"),
        ("M1", "U002"): ("FastUncompressed", "Thin1", "sky"),
        ("M2", "S002"): ("PrimePartialW2", "CalClosed", "calibration closed"),
        ("PN", "S003"): ("PrimeFullWindowExtended", "Medium", "sky"),
        ("PN", "U002"): ("Diagnostic", "Medium", "sky"),
    }
    first = inventory.exposures[0]
    assert (first.scheduled, first.is_timing, first.data_modes()) == (True, False, {1: "Imaging", 2: "Imaging"})
    assert [ccd.rows for ccd in first.events] == [5, 5]
    assert (first.start, first.stop) == (FIRST, FIRST + 1200)
    assert inventory.exposures[1].is_timing
    assert not inventory.exposures[-1].is_science
    assert inventory.archive is not None
    assert inventory.remarks == ()


def test_what_is_missing_is_told_in_one_line_each(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    before = set(look(folder).missing)
    for kind in ("SCX00000ATS.FIT", "SCX00000TCX.FIT", "M1S00100AUX.FIT", "PNX00000PMH.FIT", "SCX00000SUM.ASC"):
        (folder / (PREFIX + kind)).unlink()
    new = [line for line in look(folder).missing if line not in before]
    assert [line.split()[0].removeprefix(PREFIX) for line in new] == [
        "SCX00000SUM.ASC", "SCX00000ATS.FIT", "SCX00000TCX.FIT", "M1S00100AUX.FIT", "PNX00000PMH.FIT",
    ]  # fmt: skip
    assert not any("\n" in line for line in new)


def test_files_that_the_archive_lists_are_looked_for(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    names = ["M1S00120IME", "M1S00130IME", "R1S00401SPE", "R1S00402SPE", "SCX00000TCX"]
    (folder / f"{PREFIX}SCX00000TCX.FIT").unlink()
    listed = "".join(f"{PREFIX}{name}.FIT / Generic ODF file\n" for name in names)
    path = folder / f"{PREFIX}SCX00000SUM.ASC"
    title = "FILES\n1 /  Number of files into this ODF/SDF\n"
    assert title in path.read_text()
    path.write_text(path.read_text().replace(title, title.replace("1 /", "6 /") + listed))
    lines = [line for line in look(folder).missing if "archive's summary lists" in line]
    assert [line.split(" missing")[0] for line in lines] == [f"{PREFIX}M1S00130IME.FIT is", "2 files of R1 are"]
    assert sum("SCX00000TCX.FIT" in line for line in look(folder).missing) == 1


@pytest.mark.parametrize("seed", range(25))
def test_any_damage_is_a_result_or_a_sentence(whole: Path, tmp_path: Path, seed: int) -> None:
    folder = copied(whole, tmp_path)
    chance = random.Random(seed)
    files = sorted(folder.iterdir())
    for path in chance.sample(files, 6):
        damage = chance.choice(["remove", "cut", "empty", "noise", "swap", "folder", "text"])
        other = chance.choice([item for item in files if item != path])
        if damage == "remove" or not path.is_file():
            path.unlink() if path.is_file() else None
        elif damage == "cut":
            path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size)])
        elif damage == "empty":
            path.write_bytes(b"")
        elif damage == "noise":
            path.write_bytes(chance.randbytes(4000))
        elif damage == "text":
            path.write_text("404 not found\n")
        elif damage == "swap" and other.is_file():
            here, there = path.read_bytes(), other.read_bytes()
            path.write_bytes(there)
            other.write_bytes(here)
        elif damage == "folder":
            path.unlink()
            path.mkdir()
    inventory = look(folder)
    assert not any("\n" in line for line in (*inventory.missing, *inventory.remarks))
    assert all(exposure.stop >= exposure.start or np.isnan(exposure.start) for exposure in inventory.exposures)


def test_a_file_under_another_exposures_name_is_told(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    shutil.copy(folder / f"{PREFIX}M1S00110IME.FIT", folder / f"{PREFIX}M1S00510IME.FIT")
    assert any("says that it is of exposure" in line for line in look(folder).remarks)


def test_dates_of_another_year_are_not_used(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    with fits.open(folder / f"{PREFIX}M1S00110IME.FIT", mode="update") as file:
        file[1].header["DATE-END"] = "2040-06-17T10:58:28"
    inventory = look(folder)
    assert (inventory.start, inventory.stop) == (FIRST, FIRST + 1200)
    assert inventory.exposures[0].start == FIRST
    assert [line.split()[0] for line in inventory.remarks] == [f"{PREFIX}M1S00110IME.FIT"]


def test_a_summary_that_is_there_tells_what_housekeeping_does_not(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    name = f"{PREFIX}SCX00000SUM.SAS"
    xmmpy.tasks.odfingest(odfdir=folder, outdir=folder)
    text = (folder / name).read_text()
    reset = (
        "CLOCK_WRAP_AROUND = 32767 // Clock wrap around",
        "CLOCK_RESET_TIME_COARSE = 125094272 // Coarse component of the clock reset time",
    )
    text = text.replace(reset[0], reset[1], 1).replace("FILTER = Thin1", "FILTER = Thick")
    (folder / name).write_text(text)
    (folder / f"{PREFIX}M1X00000PEH.FIT").unlink()
    exposures = look(folder).exposures
    assert [exposure.filter for exposure in exposures[:3]] == ["Thick", "Thick", "CalClosed"]
    assert exposures[0].clock_reset == 125094272
    assert np.isnan(exposures[1].clock_reset)
    xmmpy.tasks.odfingest(odfdir=folder, outdir=folder)
    assert look(folder).exposures[0].clock_reset == 125094272
    (folder / name).write_text("nonsense\n")
    inventory = look(folder)
    assert inventory.exposures[0].filter == "Unknown"
    assert sum(name in line for line in inventory.remarks) == 1


@pytest.mark.parametrize(
    ("instrument", "windows", "mode"),
    [
        ("M1", [CcdWindow(1, "IME", 310, 302), CcdWindow(2, "IME", 610, 602)], "PrimePartialW3"),
        ("M1", [CcdWindow(2, "IME", 610, 602)], "PrimeFullWindow"),
        ("M2", [CcdWindow(1, "CTE")], "FastCompressed"),
        ("M1", [CcdWindow(1, "DII", 610, 602)], "Diagnostic"),
        ("M1", [], "UNDEFINED"),
        ("PN", [CcdWindow(ccd, "IME", 64, 200, 73) for ccd in range(1, 13)], "PrimeFullWindow"),
        ("PN", [CcdWindow(ccd, "IME", 64, 100, 47) for ccd in range(1, 13)], "PrimeLargeWindow"),
        ("PN", [CcdWindow(4, "IME", 63, 64, 5)], "PrimeSmallWindow"),
        ("PN", [CcdWindow(4, "TIE")], "FastTiming"),
        ("PN", [CcdWindow(4, "BUE")], "FastBurst"),
        ("PN", [CcdWindow(2, "DLI"), CcdWindow(2, "HDI")], "Offset"),
        ("OM", [CcdWindow(0, "IMI")], "Image"),
        ("R1", [CcdWindow(1, "SPE")], "UNDEFINED"),
    ],
)
def test_modes(instrument: str, windows: list[CcdWindow], mode: str) -> None:
    assert instrument_mode(instrument, windows) == mode


@pytest.mark.parametrize(
    ("instrument", "position", "name"),
    [
        ("M1", 267, "Thin1"), ("M2", 266, "Thin1"), ("M2", 799, "Medium"), ("M1", 1599, "Closed"), ("M1", 5, "Closed"),
        ("M1", 700, "Unknown"), ("PN", 115.011, "Thin1"), ("PN", 233.649, "Medium"), ("PN", 200, "Unknown"),
        ("PN", float("nan"), "Unknown"),
    ],
)  # fmt: skip
def test_filters(instrument: str, position: float, name: str) -> None:
    assert filter_of_position(instrument, position) == name


def test_housekeeping_is_read_in_the_order_of_time(whole: Path) -> None:
    table = read_housekeeping(whole / f"{PREFIX}M1X00000PEH.FIT")
    assert np.all(np.diff(table.time) == 8)
    assert set(table.columns) == {"E1317"}
    assert table.during("E1317", FIRST + 8, FIRST + 24).size == 2
    assert table.during("E1317", FIRST + 5000, FIRST + 6000).size == 1
    assert table.during("E1317", FIRST - 20, FIRST - 10).size == 0
    assert table.during("E9999", FIRST, FIRST + 10).size == 0
    with pytest.raises(FileProblem, match="no column TIME"):
        read_housekeeping(whole / f"{PREFIX}M1S00110IME.FIT")


def test_good_times_by_limits() -> None:
    time = np.array([0.0, 10, 20, 30, 400, 410])
    table = Housekeeping(time, {"T": np.array([1.0, 5, 1, 1, 1, 1]), "V": np.array([0, 0, 0, 1, 0, 0])})
    assert good_times(table, {"T": (0, 2)}) == Intervals.of([0, 20, 400], [10, 40, 420])
    assert good_times(table, {"T": (0, 2), "V": (0, 0)}) == Intervals.of([0, 20, 400], [10, 30, 420])
    assert good_times(table, {"absent": (0, 0)}).total == 60
    assert good_times(table, {"T": (9, 9)}).total == 0
    assert len(good_times(Housekeeping(np.empty(0), {}), {})) == 0
