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
        assert abs(made["XCEN"] - wanted["XCEN"]) <= 2
        assert abs(made["YCEN"] - wanted["YCEN"]) <= 3


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
