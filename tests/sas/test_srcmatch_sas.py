"""Formulas of source rows and srcmatch against 50 real summary lists of SAS 19 to 21."""

from __future__ import annotations

import gzip
import importlib.util
import io
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning

from xmmpy.detection.jointlikelihood import joint_likelihood
from xmmpy.detection.skynames import galactic
from xmmpy.detection.sourcerows import (
    counts,
    counts_error,
    hardness_ratio,
    total,
    total_error,
    weighted_mean,
)
from xmmpy.products.summarylist import BANDS, CAMERAS, summary_layout
from xmmpy.tasks import srcmatch
from xmmpy.tasks.skyimages import read_plane_image, tangent_grid

LISTS = 50
CLOSE = 1e-4
LOWEST = 0.1  # likelihoods below are sums of rounded zeros
GZIP = b"\x1f\x8b"

Columns = dict[str, np.ndarray]


def unpacked(path: Path) -> bytes:
    """Some of the files were packed twice."""
    content = path.read_bytes()
    while content.startswith(GZIP):
        content = gzip.decompress(content)
    return content


def native(table: fits.FITS_rec) -> Columns:
    columns = {name: np.asarray(table[name]) for name in table.names}
    return {name: values.astype(np.float64) if values.dtype.kind == "f" else values for name, values in columns.items()}


@pytest.fixture(scope="module")
def paths(real_data: Path) -> list[Path]:
    found = sorted((real_data / "source-lists").glob("P*EPX000OBSMLI0000*"))
    assert len(found) == LISTS
    return found


@pytest.fixture(scope="module")
def sources(paths: list[Path]) -> Columns:
    """All rows of all lists."""
    with np.errstate(invalid="ignore"):  # nulls are signalling NaNs
        tables = [native(fits.open(io.BytesIO(unpacked(path)))[1].data) for path in paths]
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


@pytest.fixture(scope="module")
def sample() -> ModuleType:
    path = Path(__file__).parent.parent / "unit" / "summary_sample.py"
    spec = importlib.util.spec_from_file_location("summary_sample", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def agreement(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Share of the rows where both are null or differ by less than 1e-4 of the value."""
    with np.errstate(divide="ignore", invalid="ignore"):
        same = (ours == theirs) | (np.abs(ours - theirs) < CLOSE * np.abs(theirs))
    return float(np.mean(same | (np.isnan(ours) & np.isnan(theirs))))


def stack(sources: Columns, form: str, parts: tuple[str, ...]) -> np.ndarray:
    return np.stack([sources[form.format(part)] for part in parts])


@pytest.mark.parametrize("camera", CAMERAS)
def test_totals_of_a_camera(sources: Columns, camera: str) -> None:
    rates, errors = stack(sources, camera + "_{}", BANDS), stack(sources, camera + "_{}_ERR", BANDS)
    fluxes, flux_errors = (stack(sources, form, BANDS) for form in (f"{camera}_{{}}_FLUX", f"ERR_{camera}_{{}}_FLUX"))
    assert agreement(total(rates), sources[f"{camera}_TOT"]) == 1.0
    assert agreement(total_error(errors), sources[f"{camera}_TOT_ERR"]) == 1.0
    assert agreement(total(fluxes), sources[f"{camera}_TOT_FLUX"]) == 1.0
    assert agreement(total_error(flux_errors), sources[f"ERR_{camera}_TOT_FLUX"]) == 1.0


@pytest.mark.parametrize("camera", CAMERAS)
def test_counts_of_a_camera_are_null_where_they_are_zero(sources: Columns, camera: str) -> None:
    exposures = stack(sources, camera + "_{}_EXP", BANDS)
    ours = counts(stack(sources, camera + "_{}", BANDS), exposures)
    error = counts_error(stack(sources, camera + "_{}_ERR", BANDS), exposures)
    none = ours == 0.0
    assert none.any()
    assert agreement(np.where(none, np.nan, ours), sources[f"{camera}_CTS"]) == 1.0
    assert agreement(np.where(none, np.nan, error), sources[f"{camera}_CTS_ERR"]) == 1.0


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_hardness_ratios(sources: Columns, camera: str, number: int) -> None:
    soft, hard = f"{camera}_{number}", f"{camera}_{number + 1}"
    ratio, error = hardness_ratio(sources[soft], sources[hard], sources[f"{soft}_ERR"], sources[f"{hard}_ERR"])
    assert agreement(ratio, sources[f"{camera}_HR{number}"]) == 1.0
    assert agreement(error, sources[f"{camera}_HR{number}_ERR"]) == 1.0


@pytest.mark.parametrize("column", ["{}_TOT_FLUX", *(f"{{}}_{band}_FLUX" for band in BANDS), "{}_XID_FLUX"])
def test_fluxes_of_all_cameras(sources: Columns, column: str) -> None:
    mean, error = weighted_mean(stack(sources, column, CAMERAS), stack(sources, f"ERR_{column}", CAMERAS))
    assert agreement(mean, sources[column.format("EP")]) == 1.0
    assert agreement(error, sources["ERR_" + column.format("EP")]) == 1.0


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_hardness_ratios_of_all_cameras(sources: Columns, number: int) -> None:
    column = f"{{}}_HR{number}"
    mean, error = weighted_mean(stack(sources, column, CAMERAS), stack(sources, f"{column}_ERR", CAMERAS))
    assert agreement(mean, sources[f"EP_HR{number}"]) > 0.999  # of means near 0 the third digit is rounding
    assert agreement(error, sources[f"EP_HR{number}_ERR"]) == 1.0


def test_rates_of_all_cameras(sources: Columns) -> None:
    assert agreement(total(stack(sources, "{}_TOT", CAMERAS)), sources["EP_TOT"]) == 1.0
    assert agreement(total_error(stack(sources, "{}_TOT_ERR", CAMERAS)), sources["EP_TOT_ERR"]) == 1.0


def test_xid_rates_of_all_cameras_include_those_whose_own_value_is_null(sources: Columns) -> None:
    rate, error = total(stack(sources, "{}_XID", CAMERAS)), total_error(stack(sources, "{}_XID_ERR", CAMERAS))
    complete = np.isfinite(stack(sources, "{}_XID", CAMERAS)).all(axis=0)
    assert complete.sum() > 2000
    assert agreement(rate[complete], sources["EP_XID"][complete]) == 1.0
    assert agreement(error[complete], sources["EP_XID_ERR"][complete]) == 1.0
    differs = ~np.isclose(error, sources["EP_XID_ERR"], rtol=CLOSE, atol=0.0)
    assert 0.0 < differs.mean() < 0.04
    assert np.all(sources["EP_XID"][differs] >= rate[differs] * (1.0 - CLOSE))
    assert np.all(sources["EP_XID_ERR"][differs] > error[differs])


def test_values_are_null_where_the_detector_covers_less_than_15_percent(sources: Columns) -> None:
    for camera in CAMERAS:
        covered, known = sources[f"{camera}_MASKFRAC"], np.isfinite(sources[f"{camera}_TOT"])
        assert covered[known].min() >= 0.15
        assert not np.nanmax(covered[~known]) >= 0.15


@pytest.mark.parametrize(("camera", "share"), [("PN", 0.99), ("M1", 0.97), ("M2", 0.97)])
def test_likelihoods_of_a_camera(sources: Columns, camera: str, share: float) -> None:
    known = sources[f"{camera}_DET_ML"] > LOWEST
    extended = sources["EP_EXTENT"] > 0.0
    ours, bands = joint_likelihood(stack(sources, camera + "_{}_ML", BANDS), 1, extended)
    assert set(bands[known]) <= {5.0}
    assert agreement(ours[known], sources[f"{camera}_DET_ML"][known]) > share


def test_likelihoods_of_all_cameras(sources: Columns) -> None:
    parts = np.stack([sources[f"{camera}_{band}_ML"] for camera in CAMERAS for band in BANDS])
    ours, _ = joint_likelihood(parts, 1, sources["EP_EXTENT"] > 0.0)
    assert agreement(ours, sources["EP_DET_ML"]) > 0.985
    assert np.max(np.abs(ours / sources["EP_DET_ML"] - 1.0)) < 0.02


@pytest.mark.parametrize("suffix", ["", "_CORR"])
def test_galactic_coordinates(sources: Columns, suffix: str) -> None:
    longitude, latitude = galactic(sources[f"RA{suffix}"], sources[f"DEC{suffix}"])
    assert np.max(np.abs(longitude - sources[f"LII{suffix}"])) < 1e-6
    assert np.max(np.abs(latitude - sources[f"BII{suffix}"])) < 1e-6


def test_pixels_of_real_images_lie_where_astropy_puts_them(real_data: Path, sources: Columns) -> None:
    """Real summary lists have no X_IMA, Y_IMA (each comes from two lists); images have the keywords of their grid."""
    assert np.isnan(sources["X_IMA"]).all()
    found = sorted((real_data / "sas-products").glob("*/*0.50-2.00keVimg.fits.gz"))
    assert found
    x, y = np.random.default_rng(8).uniform(1.0, 512.0, (2, 1000))
    for path in found:
        ours = tangent_grid(read_plane_image(str(path))).sky(x, y)
        with fits.open(path) as file, pytest.warns(FITSFixedWarning):
            theirs = WCS(file[0].header).all_pix2world(x, y, 1)
        assert np.allclose(ours, theirs, rtol=0.0, atol=1e-9)


def test_columns_are_those_of_sas(paths: list[Path]) -> None:
    ours = [(column.name, column.form, column.unit, column.null) for column in summary_layout()]
    for path in paths:
        table = fits.open(io.BytesIO(unpacked(path)))[1].header
        theirs = [
            (table[f"TTYPE{n}"], table[f"TFORM{n}"], table.get(f"TUNIT{n}", ""), table.get(f"TNULL{n}"))
            for n in range(1, table["TFIELDS"] + 1)
        ]
        different = [n for n, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1]]
        assert {theirs[n][0] for n in different} <= {"PN_OFFAX", "M1_OFFAX", "M2_OFFAX"}  # no unit before SAS 21


LATER = {  # what other tasks than srcmatch write into these lists, and the partners in lists that are not at hand
    "SPECTRA", "TSERIES", "PN_FLAG", "M1_FLAG", "M2_FLAG", "EP_FLAG", "RA_CORR", "DEC_CORR", "LII_CORR", "BII_CORR",
    "SYSERRCC", "OMFLAG", "N_OPT_CO", *(f"OM_ID{n}{end}" for n in range(1, 6) for end in ("", "_DIST")),
}  # fmt: skip


@pytest.mark.parametrize("number", [0, 5, 17, 38])
def test_a_real_list_comes_back_from_lists_of_emldetect(
    paths: list[Path], sample: ModuleType, tmp_path: Path, number: int
) -> None:
    with fits.open(io.BytesIO(unpacked(paths[number]))) as file, np.errstate(invalid="ignore"):
        theirs, header = native(file[1].data), file[1].header
    cameras = sample.cameras_used(theirs)
    lists = [
        sample.write_list(tmp_path / f"{xid}.fits", sample.emldetect_rows(theirs, cameras, xid=xid), cameras, xid=xid)
        for xid in (False, True)
    ]
    srcmatch(inputlistsets=lists, outputlistset=tmp_path / "summary.fits")
    with fits.open(tmp_path / "summary.fits") as file:
        ours, made = native(file[1].data), file[1].header
    assert set(ours) == set(theirs)
    for name in sorted(set(theirs) - LATER):
        if theirs[name].dtype.kind == "f":
            assert agreement(ours[name], theirs[name]) >= (0.95 if name.startswith("EP_HR") else 1.0), name
        else:
            assert np.array_equal(ours[name], theirs[name]), name
    for keyword in header:
        if keyword.endswith(("_ELO", "_EHI")) or keyword in {"NSETS", "NCROSSID", "SYST_ERR", "MAX_ERR", "OM_DIST"}:
            assert made[keyword] == header[keyword]
