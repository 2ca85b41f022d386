"""emosaic against the mosaics that SAS made of the same images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.products.images import read_image
from xmmpy.tasks import emosaic

OBSERVATIONS = ("0201901401", "0201903501")
BANDS = ("0.50-2.00", "2.00-10.00")
OUT_OF_TIME = 0.063  # fraction of the pn counts that were registered during readout, full frame


@pytest.fixture(params=[(obs, band) for obs in OBSERVATIONS for band in BANDS], ids=lambda p: "-".join(p))
def files(request: pytest.FixtureRequest, real_data: Path) -> dict[str, Path]:
    obs, band = request.param
    folder = real_data / "sas-products" / obs
    found = {camera: folder / f"{obs}_{camera}_exp1-{band}keVimg.fits.gz" for camera in ("mos1", "mos2", "pn")}
    return {**found, "merged": folder / f"{obs}-{band}keVmerged_img.fits.gz"}


def test_mosaic_of_the_mos_cameras_is_their_sum(files: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "m.fits"
    emosaic(imagesets=[files["mos1"], files["mos2"]], mosaicedset=out)
    mos1, mos2 = read_image(str(files["mos1"])), read_image(str(files["mos2"]))
    mosaic = read_image(str(out))
    assert mosaic.data.dtype == mos1.data.dtype
    np.testing.assert_array_equal(mosaic.data, mos1.data + mos2.data)
    assert mosaic.data.sum() > 100


def test_what_sas_added_to_the_mos_mosaic_is_the_corrected_pn_image(files: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "m.fits"
    emosaic(imagesets=[files["mos1"], files["mos2"]], mosaicedset=out)
    pn = read_image(str(files["pn"])).data
    subtracted = pn - (read_image(str(files["merged"])).data - read_image(str(out)).data)
    multiples = subtracted / OUT_OF_TIME
    np.testing.assert_allclose(multiples, np.round(multiples), atol=1e-10)
    assert multiples.min() == pytest.approx(0, abs=1e-10)
    assert multiples.max() > 0.5


def test_keywords_are_those_of_sas(files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = fits.getheader(files["merged"])
    instruments = {"EMOS1": "mos1", "EMOS2": "mos2", "EPN": "pn"}
    order = [instruments[theirs[f"EMSCI{number:03d}"]] for number in (1, 2, 3)]
    for camera in order:
        (tmp_path / f"{camera}.fits").symlink_to(files[camera].resolve())
    monkeypatch.chdir(tmp_path)
    emosaic(imagesets=[f"{camera}.fits" for camera in order], mosaicedset="m.fits")
    ours = fits.getheader("m.fits")

    own = {"XDAL0"}  # how SAS was configured
    assert [k for k in ours if k != "HISTORY"] == [k for k in theirs if k not in own | {"HISTORY"}]
    told_otherwise = own | {"XPROC0", "CREATOR", "DATE", "HISTORY", "EMSCF001", "EMSCF002", "EMSCF003"}
    for keyword in ours:
        if keyword not in told_otherwise and not keyword.startswith("CRPIX"):
            assert ours[keyword] == theirs[keyword], keyword
            assert type(ours[keyword]) is type(theirs[keyword]), keyword
        standard = keyword in {"SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "EXTEND", "HISTORY"}
        if not standard and not keyword.startswith("EMSCF"):
            assert ours.comments[keyword] == theirs.comments[keyword], keyword
    for axis in (1, 2):  # SAS rounds it to single precision
        assert ours[f"CRPIX{axis}"] == pytest.approx(theirs[f"CRPIX{axis}"], abs=2e-5)
    assert [ours[f"EMSCF{n:03d}"] for n in (1, 2, 3)] == [f"{camera}.fits" for camera in order]


def test_call_is_kept_with_the_parameters_of_sas_in_their_order(files: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "m.fits"
    emosaic(imagesets=[files["mos1"]], mosaicedset=out)

    def names(header: fits.Header) -> list[str]:
        return [w.split("=")[0] for w in header["XPROC0"].split() if "=" in w]

    assert names(fits.getheader(out)) == names(fits.getheader(files["merged"]))


def test_single_precision_maps_give_a_single_precision_mosaic(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "sas-products" / "0201903501"
    maps = [folder / f"0201903501_{c}_exp1-0.50-2.00keVexpmap.fits.gz" for c in ("pn", "mos1", "mos2")]
    out = tmp_path / "e.fits"
    emosaic(imagesets=maps, mosaicedset=out)
    ours, theirs = (
        fits.getheader(out),
        fits.getheader(folder / "0201903501-0.50-2.00keVmerged_expmap.fits.gz"),
    )
    assert ours["BITPIX"] == theirs["BITPIX"] == -32
    assert ours["DURATION"] == theirs["DURATION"] == "??"
    total = sum(read_image(str(map_)).data.astype(float) for map_ in maps)
    np.testing.assert_allclose(read_image(str(out)).data, total, rtol=1e-6)
