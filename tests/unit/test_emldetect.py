"""emldetect on files: rows, columns, switches, source maps, bad input."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from xmmpy.detection.likelihoods import equivalent_likelihood
from xmmpy.products.sourcelists import BOX_COLUMNS, ML_COLUMNS
from xmmpy.tasks.catalogue.emldetect.parameters import EmldetectParameters, warn_of_unavailable
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Session

_SPEC = importlib.util.spec_from_file_location(
    "photon_field_of_units", Path(__file__).parents[1] / "truth" / "photon_field.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
photon_field = importlib.util.module_from_spec(_SPEC)
sys.modules["photon_field_of_units"] = photon_field
_SPEC.loader.exec_module(photon_field)

ROWS = 1 + 3 * 6
SOURCES = [
    photon_field.Photons(40.3, 50.8, 900.0), photon_field.Photons(90.1, 60.2, 300.0),
    photon_field.Photons(60.7, 100.4, 80.0),
]  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Images, maps, masks and the list of eboxdetect."""
    folder = tmp_path_factory.mktemp("emldetect")
    field = photon_field.photon_field(5, SOURCES, size=128)
    names: dict[str, Any] = photon_field.write_field(folder, field)
    names["withdetmask"] = True
    box = str(folder / "eboxlist.fits")
    find_task("eboxdetect")(**names, usemap=True, boxlistset=box, likemin=8)
    return {**names, "boxlistset": box}


@pytest.fixture(scope="module")
def fitted(files: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Table:
    path = tmp_path_factory.mktemp("fitted") / "emllist.fits"
    find_task("emldetect")(**files, mllistset=str(path), ecf=[2.0])
    return Table.read(path, hdu="SRCLIST")


def run(files: dict[str, Any], folder: Path, **values: Any) -> Table:
    path = folder / "emllist.fits"
    find_task("emldetect")(**files, mllistset=str(path), **values)
    return Table.read(path, hdu="SRCLIST")


def test_rows_of_a_source(fitted: Table) -> None:
    assert len(fitted) == 3 * ROWS
    first = fitted[:ROWS]
    assert list(first["ID_INST"]) == [0] + [1] * 6 + [2] * 6 + [3] * 6
    assert list(first["ID_BAND"]) == [0] + [0, 1, 2, 3, 4, 5] * 3
    assert list(fitted["ML_ID_SRC"][::ROWS]) == [1, 2, 3]
    assert fitted.colnames == [column.name for column in ML_COLUMNS]


def test_sources_are_where_they_are(fitted: Table) -> None:
    summary = fitted[fitted["ID_INST"] == 0]
    for row, source in zip(summary, SOURCES, strict=True):
        assert abs(row["X_IMA"] - 1.0 - source.x) < 4.0 * row["X_IMA_ERR"]
        assert abs(row["Y_IMA"] - 1.0 - source.y) < 4.0 * row["Y_IMA_ERR"]
        assert abs(row["SCTS"] - source.counts) < 4.0 * row["SCTS_ERR"]
        assert row["RADEC_ERR"] == pytest.approx(4.0 * np.hypot(row["X_IMA_ERR"], row["Y_IMA_ERR"]), rel=1e-4)


def test_columns_follow_from_each_other(fitted: Table) -> None:
    bands = fitted[fitted["ID_BAND"] > 0]
    assert np.allclose(bands["SCTS"], bands["RATE"] * bands["EXP_MAP"], rtol=1e-4)
    assert np.allclose(bands["FLUX"], bands["RATE"] / 2.0 * 1e-11, rtol=1e-4)
    assert np.allclose(bands["MASKFRAC"], 1.0, atol=1e-5)
    assert np.allclose(bands["EFF"], 0.68, atol=1e-3)
    assert np.allclose(bands["BG_MAP"], 0.02)
    assert np.all((bands["VIGNETTING"] > 0.5) & (bands["VIGNETTING"] <= 1.001))
    cameras = fitted[(fitted["ID_INST"] > 0) & (fitted["ID_BAND"] == 0)]
    first = fitted[(fitted["ID_INST"] == 1) & (fitted["ML_ID_SRC"] == 1)]
    soft, hard = first["RATE"][2], first["RATE"][3]
    assert first["HR2"][0] == pytest.approx((hard - soft) / (hard + soft), rel=1e-4)
    assert np.allclose(cameras["SCTS"][0], first["SCTS"][1:].sum(), rtol=1e-5)
    assert set(fitted["CCDNR"][fitted["ID_INST"] == 2].filled(-1)) == {1}
    assert np.isnan(np.ma.filled(fitted["OFFAX"][fitted["ID_INST"] == 0], np.nan)).all()


def test_likelihoods_of_rows_combine(fitted: Table) -> None:
    # From DET_ML of the bands (3 degrees of freedom) back to L, summed, and with 2 + n again.
    from scipy.special import gammainccinv

    block = fitted[(fitted["ML_ID_SRC"] == 3) & (fitted["ID_BAND"] > 0)]
    raw = gammainccinv(1.5, np.exp(-np.asarray(block["DET_ML"], float)))
    whole = float(fitted["DET_ML"][2 * ROWS])
    assert whole == pytest.approx(float(equivalent_likelihood(raw.sum(), 17)), rel=1e-3)
    mos1 = fitted[(fitted["ML_ID_SRC"] == 3) & (fitted["ID_BAND"] == 0) & (fitted["ID_INST"] == 2)]
    part = raw[np.asarray(block["ID_INST"]) == 2].sum()
    assert mos1["DET_ML"][0] == pytest.approx(float(equivalent_likelihood(part, 7)), rel=1e-3)


def test_positions_and_rates_can_be_held(files: dict[str, Any], tmp_path: Path) -> None:
    boxes = Table.read(files["boxlistset"], hdu="SRCLIST")
    held = run(files, tmp_path, fitposition="no", fitcounts="no", determineerrors="no")
    for row in held[held["ID_INST"] == 0]:
        box = boxes[(boxes["BOX_ID_SRC"] == row["BOX_ID_SRC"])]
        assert row["X_IMA"] == box["X_IMA"][0]
        mine = held[(held["ML_ID_SRC"] == row["ML_ID_SRC"]) & (held["ID_BAND"] > 0)]
        wanted = np.maximum(box["RATE"][box["ID_BAND"] > 0], 0.0)
        assert np.allclose(mine["RATE"], wanted, rtol=1e-4, atol=1e-9)
    assert np.isnan(np.ma.filled(held["RADEC_ERR"], np.nan)).all()


def test_negative_rates_only_where_allowed(files: dict[str, Any], tmp_path: Path, fitted: Table) -> None:
    assert fitted["RATE"].min() >= 0.0
    free = run(files, tmp_path, fitnegative="yes", mlmin=1)
    assert free["RATE"].min() < 0.0


def test_source_maps_hold_the_counts(files: dict[str, Any], tmp_path: Path, fitted: Table) -> None:
    maps = [str(tmp_path / f"smap_{n}.fits") for n in range(15)]
    run(files, tmp_path, sourceimagesets=maps)
    for name, band in ((maps[2], 3), (maps[7], 3)):
        instrument = 1 if name == maps[2] else 2
        rows = fitted[(fitted["ID_INST"] == instrument) & (fitted["ID_BAND"] == band)]
        with fits.open(name) as file:
            assert file[0].header["CTYPE1"] == "RA---TAN"
            # Up to 300 arcsec, as far as they lie in the image.
            assert 0.85 * rows["SCTS"].sum() < file[0].data.sum() < rows["SCTS"].sum()


def test_one_camera_and_no_masks(files: dict[str, Any], tmp_path: Path) -> None:
    few = {name: files[name][5:7] for name in ("imagesets", "expimagesets", "bkgimagesets")}
    found = run({**few, "boxlistset": files["boxlistset"]}, tmp_path)
    assert len(found) % 4 == 0
    assert set(found["ID_INST"]) == {0, 2}


def test_a_mask_that_hides_a_source(files: dict[str, Any], tmp_path: Path) -> None:
    mask = np.ones((128, 128), np.int32)
    mask[:, 70:] = 0
    hidden = str(tmp_path / "mask.fits")
    fits.PrimaryHDU(mask).writeto(hidden)
    found = run({**files, "detmasksets": [hidden] * 3}, tmp_path)
    assert len(found) == 2 * ROWS


def test_no_candidates_give_an_empty_list(files: dict[str, Any], tmp_path: Path) -> None:
    columns = [fits.Column(column.name, column.form, array=np.zeros(0)) for column in BOX_COLUMNS]
    empty = str(tmp_path / "empty.fits")
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns, name="SRCLIST")]).writeto(empty)
    assert len(run({**files, "boxlistset": empty}, tmp_path)) == 0


def test_what_is_not_available_is_said(files: dict[str, Any]) -> None:
    session = Session("emldetect")
    given = {"withxidband": "yes", "withrawrows": "yes", "useevents": "yes", "withtwostage": "yes"}
    warn_of_unavailable(EmldetectParameters.from_values({**files, "mllistset": "a.fits", **given}), session)
    assert {code for code, _ in session.warnings} == {"notAvailable"}
    assert all(any(name in text for _, text in session.warnings) for name in given)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bkgimagesets": []}, "bkgimagesets"),
        ({"bkgimagesets": ["one.fits"]}, "15 images and 1"),
        ({"sourceimagesets": ["one.fits"]}, "one source map"),
        ({"imagesets": []}, "no image"),
    ],
)
def test_bad_input_is_one_sentence(files: dict[str, Any], tmp_path: Path, change: dict[str, Any], words: str) -> None:
    output = tmp_path / "emllist.fits"
    output.write_bytes(b"before")
    with pytest.raises(TaskError, match=words):
        find_task("emldetect")(**{**files, **change}, mllistset=str(output))
    assert output.read_bytes() == b"before"
