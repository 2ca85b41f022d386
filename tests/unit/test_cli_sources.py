"""``xmmpy sources``: lists of three tasks printed, filtered and written for other programs."""

from __future__ import annotations

import csv
import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.units import UnitsWarning
from summary_sample import PROVENANCE, emldetect_rows, made_up_summary, write_list

from xmmpy.cli.main import main
from xmmpy.products.sourcelists import BOX_COLUMNS, empty_rows, write_source_list
from xmmpy.tasks import srcmatch

ALL = (1, 2, 3)
Summary = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def summary() -> Summary:
    return made_up_summary(12, seed=9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, summary: Summary) -> Path:
    """A list of each task, of the same sources."""
    folder = tmp_path_factory.mktemp("lists")
    rows = emldetect_rows(summary, ALL)
    write_list(folder / "emllist.fits", rows, ALL)
    srcmatch(inputlistsets=folder / "emllist.fits", outputlistset=folder / "srclist.fits")
    box = empty_rows(BOX_COLUMNS, len(rows["RA"])) | {name: rows[name] for name in rows if name in _box_names()}
    box["LIKE"] = rows["DET_ML"]
    write_source_list(folder / "eboxlist.fits", BOX_COLUMNS, box, [], PROVENANCE)
    return folder


def _box_names() -> set[str]:
    return {column.name for column in BOX_COLUMNS}


def lines(capsys: pytest.CaptureFixture[str], *words: object) -> list[list[str]]:
    assert main(["sources", *map(str, words)]) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_a_summary_list_is_printed_with_the_names_of_the_catalogue(
    folder: Path, summary: Summary, capsys: pytest.CaptureFixture[str]
) -> None:
    head, *rows = lines(capsys, folder / "srclist.fits")
    assert head[:5] == ["IAUNAME", "RA", "DEC", "POSERR", "EP_8_DET_ML"]
    assert len(rows) == 12
    assert rows[0][0] == "XMMU"
    assert float(rows[3][2]) == pytest.approx(summary["RA"][3], abs=1e-5)
    assert float(rows[3][head.index("EP_8_FLUX") + 1]) == pytest.approx(summary["EP_TOT_FLUX"][3], rel=0.01)


@pytest.mark.parametrize("name", ["srclist.fits", "emllist.fits", "eboxlist.fits"])
def test_all_lists_give_the_same_values(folder: Path, summary: Summary, tmp_path: Path, name: str) -> None:
    assert main(["sources", str(folder / name), "-o", str(tmp_path / "out.fits")]) == 0
    table = Table.read(tmp_path / "out.fits")
    assert table["SRC_NUM"].tolist() == (summary["EP_1_BOXID" if name == "eboxlist.fits" else "EP_1_ML_ID"]).tolist()
    for ours, theirs in (
        ("RA", "RA"), ("EP_8_RATE", "EP_TOT"), ("EP_8_FLUX_ERR", "ERR_EP_TOT_FLUX"), ("PN_3_RATE", "PN_3"),
        ("M2_8_DET_ML", "M2_DET_ML"), ("EP_HR2", "EP_HR2"), ("SC_DET_ML", "EP_DET_ML"), ("SC_RA", "RA"),
    ):  # fmt: skip
        assert np.allclose(table[ours], summary[theirs], rtol=1e-5), ours
    assert np.allclose(table["EP_8_CTS"], sum(summary[f"{camera}_CTS"] for camera in ("PN", "M1", "M2")), rtol=1e-5)
    assert table["EP_8_FLUX"].unit == "erg / (s cm2)"
    assert np.all(table["EP_DIST_NN"] > 0.0)
    if name == "eboxlist.fits":
        assert "SC_EXTENT" not in table.colnames
    else:
        assert np.allclose(table["SC_EXTENT"], 4.0 * summary["EP_EXTENT"], rtol=1e-4)
        assert np.allclose(table["PN_OFFAX"], summary["PN_OFFAX"], rtol=1e-5)
        assert np.array_equal(np.isnan(table["SC_EXT_ERR"].filled(np.nan)), summary["EP_EXTENT"] == 0.0)
    with_systematic = np.hypot(summary["RADEC_ERR"], 1.29)
    wanted = with_systematic if name == "srclist.fits" else summary["RADEC_ERR"]
    assert np.allclose(table["POSERR"], wanted, rtol=1e-5)


def test_the_layout_of_sas(folder: Path, summary: Summary, tmp_path: Path) -> None:
    for name in ("srclist.fits", "emllist.fits"):
        assert main(["sources", str(folder / name), "--layout", "sas", "-o", str(tmp_path / "out.fits")]) == 0
        table = Table.read(tmp_path / "out.fits")
        assert np.allclose(table["EP_EXTENT"], summary["EP_EXTENT"], rtol=1e-5)
        assert np.allclose(table["ERR_M1_4_FLUX"], summary["ERR_M1_4_FLUX"], rtol=1e-5)
        assert "PN_XID" not in table.colnames  # of which these lists know nothing


def test_filters_and_order(folder: Path, summary: Summary, capsys: pytest.CaptureFixture[str]) -> None:
    limit = float(np.median(summary["EP_DET_ML"]))
    likely = lines(capsys, folder / "srclist.fits", "--min-det-ml", limit, "--columns", "src_num")
    assert [int(row[0]) for row in likely[1:]] == (np.flatnonzero(summary["EP_DET_ML"] >= limit) + 1).tolist()
    extended = lines(capsys, folder / "srclist.fits", "--select", "EP_EXTENT > 0 && RA > 0", "--columns", "SRC_NUM")
    assert [int(row[0]) for row in extended[1:]] == [5, 10]
    ordered = lines(
        capsys, folder / "emllist.fits", "--sort", "EP_8_FLUX", "--descending", "-n", 4, "--columns", "SRC_NUM,RA"
    )
    assert [int(row[0]) for row in ordered[1:]] == (np.argsort(-summary["EP_TOT_FLUX"])[:4] + 1).tolist()


def test_missing_values_come_last_whatever_the_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for switch in ([], ["--descending"]):
        rows = lines(capsys, folder / "srclist.fits", "--sort", "SC_EXT_ERR", *switch, "--columns", "SC_EXT_ERR")
        assert [row[0] for row in rows[3:]] == ["-"] * 10


def test_positions_in_hours_and_degrees(folder: Path, summary: Summary, capsys: pytest.CaptureFixture[str]) -> None:
    _, *rows = lines(capsys, folder / "srclist.fits", "--sexagesimal", "--columns", "RA_HMS,DEC_DMS")
    hours, minutes, seconds = rows[0][0].split(":")
    assert 15.0 * (int(hours) + int(minutes) / 60 + float(seconds) / 3600) == pytest.approx(summary["RA"][0], abs=1e-4)
    assert rows[0][1].startswith("+")


def test_csv_gives_every_number_back(folder: Path, tmp_path: Path) -> None:
    for ending in ("fits", "csv"):
        assert main(["sources", str(folder / "srclist.fits"), "-o", str(tmp_path / f"out.{ending}")]) == 0
    table = Table.read(tmp_path / "out.fits")
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == table.colnames
    assert [float(row["RA"]) for row in rows] == table["RA"].tolist()
    assert [np.float32(row["EP_8_FLUX"]) for row in rows] == table["EP_8_FLUX"].tolist()
    assert [row["SC_EXT_ERR"] == "" for row in rows] == np.isnan(table["SC_EXT_ERR"].filled(np.nan)).tolist()


def test_votable(folder: Path, summary: Summary, tmp_path: Path) -> None:
    assert main(["sources", str(folder / "srclist.fits"), "-o", str(tmp_path / "out.xml"), "--format", "vot"]) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnitsWarning)  # the erg is discouraged
        table = Table.read(tmp_path / "out.xml", format="votable")
    assert np.allclose(table["DEC"], summary["DEC"])
    assert table["SC_EXT_ERR"].mask.tolist() == (summary["EP_EXTENT"] == 0.0).tolist()
    assert str(table["RA"].unit) == "deg"


def test_whole_numbers_keep_their_null_in_fits(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.fits"
    assert main(["sources", str(folder / "srclist.fits"), "--layout", "sas", "-o", str(output)]) == 0
    with fits.open(output) as file:
        column = file[1].columns["EP_1_ML_ID"]
        assert (column.format, column.null) == ("J", -1)
        assert "sources" in file[0].header["CREATOR"]


def test_parquet(folder: Path, summary: Summary, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="no pyarrow: Parquet cannot be checked")
    assert main(["sources", str(folder / "srclist.fits"), "-o", str(tmp_path / "out.parquet")]) == 0
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table["RA"].to_pylist() == summary["RA"].tolist()
    assert table["SC_EXT_ERR"].null_count == (summary["EP_EXTENT"] == 0.0).sum()


def test_parquet_without_its_package_is_explained(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "pyarrow" else real(name, *rest)
    )
    assert main(["sources", str(folder / "srclist.fits"), "-o", str(tmp_path / "out.parquet")]) == 1
    assert "needs the package pyarrow" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--sort", "EP_8_FLOX"], "no column 'EP_8_FLOX'; did you mean 'EP_8_FLUX'?"),
        (["--select", "EP_8_FLUX >"], "--select: "),
        (["-o", "nowhere/out.fits"], "there is no folder 'nowhere'"),
        (["-o", "out.txt"], "give --format fits, csv, vot, parquet"),
    ],
)
def test_wrong_words_are_answered(
    folder: Path, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sources", str(folder / "srclist.fits"), *words]) == 1
    assert text in capsys.readouterr().err


def test_a_file_that_is_no_list_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fits.PrimaryHDU(np.zeros((3, 3))).writeto(tmp_path / "image.fits")
    assert main(["sources", str(tmp_path / "image.fits")]) == 1
    assert "has no table SRCLIST" in capsys.readouterr().err
