"""eexpmap and emask against the maps and masks of SAS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.tasks import eexpmap, emask

OBSERVATIONS = ("0201901401", "0201903501")
BANDS = {"0.50-2.00": (500, 2000), "2.00-10.00": (2000, 10000)}


def agreement(ours: Path, theirs: Path) -> tuple[float, float, float]:
    """Median of ours over SAS's, part of the pixels within 3 %, part of the exposed pixels that are exposed in both."""
    made, wanted = fits.getdata(ours).astype(float), fits.getdata(theirs).astype(float)
    both = (made > 0) & (wanted > 0)
    ratio = made[both] / wanted[both]
    either = np.count_nonzero((made > 0) | (wanted > 0))
    return float(np.median(ratio)), float(np.mean(np.abs(ratio - 1.0) < 0.03)), both.sum() / either


@pytest.mark.parametrize("obs", OBSERVATIONS)
@pytest.mark.parametrize("camera", ["mos1", "mos2"])
def test_maps_of_real_mos_lists(real_data: Path, tmp_path: Path, obs: str, camera: str) -> None:
    folder = real_data / "sas-products" / obs
    (attitude,) = folder.glob("*ATTTSR*")
    images = [folder / f"{obs}_{camera}_exp1-{band}keVimg.fits.gz" for band in BANDS]
    outputs = [tmp_path / f"{n}.fits" for n in range(2)]
    eexpmap(
        imageset=images[0], attitudeset=attitude, eventset=folder / f"{camera}_exp1_clean_evts.fits.gz",
        expimageset=outputs, attrebin=4, pimin=[low for low, _ in BANDS.values()],
        pimax=[high for _, high in BANDS.values()],
    )  # fmt: skip
    for output, image in zip(outputs, images, strict=True):
        median, near, exposed = agreement(output, Path(str(image).replace("keVimg", "keVexpmap")))
        assert median == pytest.approx(1.0, abs=0.01)
        assert near > 0.90
        assert exposed > 0.98
        made = fits.getheader(output)
        wanted = fits.getheader(str(image).replace("keVimg", "keVexpmap"))
        assert made["BITPIX"] == wanted["BITPIX"] == -32
        assert {key for key in wanted if key.isalnum() and not key.startswith("XDAL")} - set(made) == set()
        theirs = fits.getdata(str(image).replace("keVimg", "keVexpmap"))  # flat around its brightest pixel
        assert theirs[int(wanted["YCEN"]), int(wanted["XCEN"])] == theirs.max()
        assert theirs[int(made["YCEN"]), int(made["XCEN"])] > 0.985 * theirs.max()


def list_of_image(image: Path, name: Path) -> Path:
    """An event list without events, frames and bad pixels, that has the keywords and the good times of an image."""
    columns = [("TIME", "D"), ("RAWX", "I"), ("RAWY", "I"), ("DETX", "I"), ("DETY", "I"), ("X", "J"), ("Y", "J"),
               ("PI", "I"), ("FLAG", "J"), ("PATTERN", "B"), ("CCDNR", "B")]  # fmt: skip
    events = fits.BinTableHDU.from_columns([fits.Column(*one, array=np.zeros(0)) for one in columns], name="EVENTS")
    primary = fits.PrimaryHDU()
    with fits.open(image) as file:
        for card in file[0].header.cards:
            if card.keyword.startswith(
                ("HISTORY", "COMMENT", "XPROC", "XDAL", "CRPIX", "CRVAL", "CDELT", "CTYPE", "LT", "NAXIS")
            ):
                continue
            for hdu in (primary, events):
                if card.keyword and card.keyword not in hdu.header:
                    hdu.header[card.keyword] = card.value
        fits.HDUList([primary, events, *(hdu.copy() for hdu in file[1:])]).writeto(name)
    return name


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("obs", OBSERVATIONS)
def test_shape_of_real_pn_maps(real_data: Path, tmp_path: Path, obs: str) -> None:
    """pn: 90 % within 5 % of SAS's once scaled, from the keywords of the image alone.

    The frames and bad pixels that SAS had from the list are not known: the scale is that of the lost frames, and the
    CCDs differ in it. The optical axis comes from source lists of other years.
    """
    folder = real_data / "sas-products" / obs
    (attitude,) = folder.glob("*ATTTSR*")
    images = [folder / f"{obs}_pn_exp1-{band}keVimg.fits.gz" for band in BANDS]
    outputs = [tmp_path / f"{n}.fits" for n in range(2)]
    eexpmap(
        imageset=images[0], attitudeset=attitude, eventset=list_of_image(images[0], tmp_path / "list.fits"),
        expimageset=outputs, attrebin=4, pimin=[low for low, _ in BANDS.values()],
        pimax=[high for _, high in BANDS.values()],
    )  # fmt: skip
    for output, image in zip(outputs, images, strict=True):
        with fits.open(output) as made, fits.open(str(image).replace("keVimg", "keVexpmap")) as wanted:
            both = (made[0].data > 0) & (wanted[0].data > 0)
            ratio = made[0].data[both] / wanted[0].data[both]
            assert np.mean(np.abs(ratio / np.median(ratio) - 1.0) < 0.05) > 0.90
            assert both.sum() > 0.9 * np.count_nonzero((made[0].data > 0) | (wanted[0].data > 0))
            assert made[0].header["OOTCORR"] is wanted[0].header["OOTCORR"] is True
            assert made[0].header["OOTFRAC"] == pytest.approx(wanted[0].header["OOTFRAC"], abs=1e-6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("image", "theirs", "band", "detector"),
    [
        ("mos1S001-obj-im", "mos1S001-exp-im", (300, 8000), False),
        ("mos1S001-exp-im-det-500-10000", "mos1S001-exp-im-det-500-10000", (500, 10000), True),
    ],
)
def test_maps_from_the_list_of_the_corners(
    real_data: Path, tmp_path: Path, image: str, theirs: str, band: tuple[int, int], detector: bool
) -> None:
    folder = real_data / "esas/0203930101"
    (attitude,) = folder.glob("*ATTTSR*")
    output = tmp_path / "map.fits"
    eexpmap(
        imageset=folder / f"{image}.fits.gz", attitudeset=attitude, eventset=folder / "mos1S001-corn.fits.gz",
        expimageset=[output], attrebin=4, pimin=[band[0]], pimax=[band[1]], withdetcoords=detector,
    )  # fmt: skip
    median, near, _ = agreement(output, folder / f"{theirs}.fits.gz")
    assert median == pytest.approx(1.0, abs=0.01)
    assert near > 0.90


@pytest.mark.parametrize(("name", "steepest"), [("mos1S001", 0.5), ("pnS003", 5.0)])
def test_masks_are_those_of_sas(real_data: Path, tmp_path: Path, name: str, steepest: float) -> None:
    folder = real_data / "esas/0203930101"
    output = tmp_path / "mask.fits"
    emask(
        expimageset=folder / f"{name}-exp-im.fits.gz", detmaskset=output, threshold1=0.01, threshold2=steepest
    )  # fmt: skip
    with fits.open(output) as made, fits.open(folder / f"{name}-mask-im.fits.gz") as wanted:
        assert made["MASK"].data.dtype == wanted["MASK"].data.dtype
        assert np.count_nonzero(made["MASK"].data != wanted["MASK"].data) == 0
        assert wanted["MASK"].data.sum() > 300_000
