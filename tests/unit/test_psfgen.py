"""psfgen: the picture, where it lies, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import detection_sample
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from xmmpy.detection.psf import Psf
from xmmpy.tasks import psfgen
from xmmpy.tasks.messages import TaskError


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return detection_sample.write_image(tmp_path / "image.fits")


def test_picture_lies_where_the_source_is(image: Path, tmp_path: Path) -> None:
    ra, dec = 150.05, 2.07
    output = tmp_path / "psf.fits"
    psfgen(image=image, coordtype="EQPOS", level="ELLBETA", energy=1000, xsize=400, ysize=401, x=ra, y=dec,
           output=output)  # fmt: skip
    with fits.open(output) as file:
        data, header = file[0].data.astype(float), file[0].header
    assert data.shape == (401, 400)
    assert header["INSTRUME"] == "EMOS1"
    assert (header["PSFLEVEL"], header["ENERGY1"]) == ("ELLBETA", 1000)
    assert header["CDELT2"] * 3600 == pytest.approx(1.0)
    y, x = np.indices(data.shape)
    place = WCS(header).all_pix2world([[(data * x).sum() / data.sum() + 1, (data * y).sum() / data.sum() + 1]], 1)[0]
    assert place == pytest.approx((ra, dec), abs=1e-6)
    # The boresight of MOS1 is some 20 arcsec off the pointing.
    assert header["THETA"] == pytest.approx(3600 * np.hypot(0.05, 0.07), abs=120)
    shape = Psf("EMOS1").shape(1.0, header["THETA"] / 60)
    radius = np.hypot(x - 199.5, y - 200.0)
    for limit in (15.0, 60.0, 150.0):
        assert data[radius <= limit].sum() == pytest.approx(float(shape.encircled(limit)), abs=0.004)


def test_coordinates_of_one_place_agree(image: Path) -> None:
    head = fits.getheader(image)
    ra, dec = WCS(head).all_pix2world([[60.0, 130.0]], 1)[0]
    x, y = 18000.5 + 80.0 * 59.0, 18000.5 + 80.0 * 129.0
    places = [psfgen(image=image, coordtype="EQPOS", x=ra, y=dec).facts,
              psfgen(image=image, coordtype="POS", x=x, y=y).facts]  # fmt: skip
    detx, dety = places[0]["detx"], places[0]["dety"]
    places.append(psfgen(instrument="M1", coordtype="DET", x=detx, y=dety).facts)
    for name in ("theta", "detx", "dety"):
        assert [place[name] for place in places] == pytest.approx([places[0][name]] * 3, abs=0.01)


def test_energies_are_weighted(tmp_path: Path) -> None:
    pictures = {}
    for name, energy, weight in (("a", "500", ""), ("b", "8000", ""), ("both", "500 8000", "1 3")):
        output = tmp_path / f"{name}.fits"
        psfgen(instrument="PN", coordtype="TEL", x=600, y=30, energy=energy, weight=weight, xsize=101, ysize=101,
               output=output)  # fmt: skip
        pictures[name] = fits.getdata(output).astype(float)
    assert pictures["both"] == pytest.approx(0.25 * pictures["a"] + 0.75 * pictures["b"], rel=1e-4)


def test_raw_and_det_coordinates(tmp_path: Path) -> None:
    facts = psfgen(instrument="PN", coordtype="RAW", ccdno=4, x=36, y=190).facts
    assert facts["theta"] < 75.0  # the axis of pn lies on CCD 4, near RAWX 36, RAWY 190
    output = tmp_path / "psf.fits"
    psfgen(instrument="PN", coordtype="DET", x=facts["detx"], y=facts["dety"], xsize=51, ysize=51, output=output)
    header = fits.getheader(output)
    assert (header["CTYPE1"], header["CRPIX1"], header["CRVAL1"]) == ("DETX", 26.0, pytest.approx(facts["detx"]))


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"coordtype": "EQPOS", "instrument": "PN", "x": 1, "y": 2}, "needs an image"),
        ({"coordtype": "DET", "x": 1, "y": 2}, "set 'instrument'"),
        ({"coordtype": "DET", "instrument": "PN", "energy": "500 0"}, "above 0"),
        ({"coordtype": "DET", "instrument": "PN", "energy": "500 600", "weight": "1"}, "one weight for each"),
        ({"coordtype": "DET", "instrument": "PN", "energy": "500", "weight": "0"}, "not all of them 0"),
        ({"coordtype": "RAW", "instrument": "M2", "ccdno": 9, "x": 1, "y": 2}, "no CCD of that number"),
    ],
)
def test_what_cannot_be_done(values: dict[str, object], complaint: str, tmp_path: Path) -> None:
    output = tmp_path / "psf.fits"
    with pytest.raises(TaskError, match=complaint):
        psfgen(output=output, **values)
    assert not output.exists()


@pytest.mark.parametrize(("ra", "complaint"), [(250.0, "degrees from the axis|other side"), (330.0, "other side")])
def test_place_far_away(image: Path, ra: float, complaint: str) -> None:
    with pytest.raises(TaskError, match=complaint):
        psfgen(image=image, coordtype="EQPOS", x=ra, y=0)
