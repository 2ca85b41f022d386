"""eboxdetect, esplinemap and esensmap by their files: from an image to list, background map and sensitivity map."""

from __future__ import annotations

from pathlib import Path

import detection_sample
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from xmmpy.products.sourcelists import BOX_COLUMNS, read_source_list
from xmmpy.products.tables import read_table
from xmmpy.tasks import eboxdetect, esensmap, esplinemap
from xmmpy.tasks.detection.outoftime import passes_image_selection
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Session

PLACE = (70.3, 120.8)  # pixel of the source, from 0
COUNTS = 800.0
BACKGROUND = 0.05
BANDS = {"pimin": [500, 2000], "pimax": [2000, 4500]}


@pytest.fixture
def field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Images of two bands with one source, their exposure maps and mask, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for band in (1, 2):
        image = detection_sample.write_image(tmp_path / f"m1_b{band}.fits", COUNTS, PLACE, BACKGROUND, seed=band)
        with fits.open(image) as file:
            seconds = np.full(file[0].data.shape, 1e4, np.float32)
            fits.PrimaryHDU(seconds, file[0].header).writeto(tmp_path / f"m1_b{band}exp.fits")
    mask = np.ones(seconds.shape, np.int32)
    mask[:, 150:] = 0
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(mask, name="MASK")]).writeto(tmp_path / "mask.fits")
    return tmp_path


def search(**values: object) -> None:
    eboxdetect(
        imagesets=["m1_b1.fits", "m1_b2.fits"], expimagesets=["m1_b1exp.fits", "m1_b2exp.fits"], withdetmask=True,
        detmasksets=["mask.fits"], ecf=[1.9, 0.75], **{"likemin": 10, **BANDS, **values},
    )  # fmt: skip


def test_list_of_the_search(field: Path) -> None:
    search(boxlistset="local.fits")
    listed = read_source_list("local.fits")
    assert list(listed.columns) == [column.name for column in BOX_COLUMNS]
    assert listed["ID_INST"].tolist() == [0, 2, 2, 2]
    assert listed["ID_BAND"].tolist() == [0, 0, 1, 2]
    assert listed["X_IMA"] == pytest.approx(PLACE[0] + 1, abs=0.3)
    assert listed["Y_IMA"] == pytest.approx(PLACE[1] + 1, abs=0.3)
    place = WCS(fits.getheader("m1_b1.fits")).all_pix2world([[listed["X_IMA"][0], listed["Y_IMA"][0]]], 1)[0]
    assert (listed["RA"][0], listed["DEC"][0]) == pytest.approx(tuple(place), abs=1e-6)
    bands = slice(2, 4)
    assert listed["SCTS"][bands] == pytest.approx([COUNTS] * 2, rel=0.15)
    assert listed["SCTS"][0] == pytest.approx(listed["SCTS"][bands].sum(), rel=1e-5)
    assert listed["RATE"][bands] == pytest.approx(listed["SCTS"][bands] / listed["EXP_MAP"][bands], rel=1e-5)
    assert listed["FLUX"][bands] == pytest.approx(listed["RATE"][bands] / np.array([1.9e11, 0.75e11]), rel=1e-5)
    assert np.all(listed["BG_MAP"][bands] > BACKGROUND)  # the frame holds wings
    assert np.all(listed["LIKE"] > 100)
    ratio = (listed["RATE"][3] - listed["RATE"][2]) / (listed["RATE"][3] + listed["RATE"][2])
    assert listed["HR1"][1] == pytest.approx(ratio, abs=1e-5)
    assert (listed.header["M1_1_ELO"], listed.header["M1_2_EHI"]) == (500, 4500)


def test_a_matched_filter_is_not_pretended(field: Path) -> None:
    search(boxlistset="plain.fits")
    session = Session("eboxdetect")
    values = {
        "imagesets": ["m1_b1.fits", "m1_b2.fits"], "expimagesets": ["m1_b1exp.fits", "m1_b2exp.fits"],
        "withdetmask": True, "detmasksets": ["mask.fits"], "ecf": [1.9, 0.75], "likemin": 10, **BANDS,
    }  # fmt: skip
    task = find_task("eboxdetect")
    task.execute({**values, "boxlistset": "asked.fits", "usematchedfilter": True}, session)
    assert [code for code, _ in session.warnings] == ["notAvailable"]
    plain, asked = read_source_list("plain.fits"), read_source_list("asked.fits")
    assert asked["LIKE"].tolist() == plain["LIKE"].tolist()


def test_background_map_and_second_search(field: Path) -> None:
    search(boxlistset="local.fits")
    for band in (1, 2):
        esplinemap(
            boxlistset="local.fits", imageset=f"m1_b{band}.fits", bkgimageset=f"m1_b{band}bkg.fits", idband=band,
            expimageset=f"m1_b{band}exp.fits", detmaskset="mask.fits", withcheese=True, withcheesemask=True,
            pimin=[BANDS["pimin"][band - 1]], pimax=[BANDS["pimax"][band - 1]],
        )  # fmt: skip
    with fits.open("m1_b2bkg.fits") as file:
        background, header = file[0].data, file[0].header
    assert background[:, :150].mean() == pytest.approx(BACKGROUND, rel=0.1)
    assert header["CONTENT"] == "EPIC BACKGROUND MAP"
    assert header["CHISQR"] == pytest.approx(1.0, abs=0.6)
    assert header["NDOF"] > 50
    assert header["CRPIX1"] == fits.getheader("m1_b2.fits")["CRPIX1"]
    cheese, cheese_mask = fits.getdata("cheese.fits"), fits.getdata("cheesemask.fits")
    x, y = (round(place) for place in PLACE)
    assert cheese[y, x] == cheese_mask[y, x] == 0
    assert cheese_mask[20, 20] == 1
    assert np.all(cheese_mask[:, 150:] == 0)
    search(boxlistset="map.fits", usemap=True, bkgimagesets=["m1_b1bkg.fits", "m1_b2bkg.fits"])
    found = read_source_list("map.fits").rows()
    assert len(found) == 1
    assert found["BG_MAP"][0] == pytest.approx(2 * BACKGROUND, rel=0.15)

    esensmap(expimagesets=["m1_b1exp.fits"], bkgimagesets=["m1_b1bkg.fits"], detmasksets=["mask.fits"], mlmin=12,
             sensimageset="sens.fits", outunit="both", ecf=[1.9])  # fmt: skip
    with fits.open("sens.fits") as file:
        rate, flux, header = file[0].data, file["FLUX"].data, file[0].header
    assert np.all(rate[:, 150:] == -1)
    assert np.all(rate[:, :150] > 0)
    assert flux[:, :150] == pytest.approx(rate[:, :150] / 1.9e11, rel=1e-5)
    assert (header["BUNIT"], header["MLMIN"]) == ("count/s", 12)


@pytest.mark.parametrize("method", ["spline", "model", "smooth"])
@pytest.mark.parametrize("exposure", [True, False])
def test_methods_agree_on_an_even_background(field: Path, method: str, exposure: bool) -> None:
    search(boxlistset="local.fits")
    esplinemap(
        boxlistset="local.fits", imageset="m1_b1.fits", bkgimageset="bkg.fits", fitmethod=method, snrmin=10,
        withexpimage=exposure, expimageset="m1_b1exp.fits", detmaskset="mask.fits", pimin=[500], pimax=[2000],
    )  # fmt: skip
    assert fits.getdata("bkg.fits")[:, :150].mean() == pytest.approx(BACKGROUND, rel=0.1)


def test_out_of_time_events_are_in_the_map(field: Path) -> None:
    """A list whose events all lie in one column: the map holds 6.3 % of them along it, beside the background."""
    header = fits.getheader("m1_b1.fits")
    header.update(INSTRUME="EPN", SUBMODE="PrimeFullWindow", DSTYP1="PATTERN", DSVAL1=":4", DSTYP2="FLAG", DSVAL2="0")
    data = fits.getdata("m1_b1.fits")
    fits.PrimaryHDU(data, header).writeto("pn.fits")
    number = 20_000
    columns = {
        "PI": np.full(number, 1000), "CCDNR": np.full(number, 4), "RAWX": np.full(number, 32),
        "RAWY": np.arange(number) % 200 + 1, "PATTERN": np.arange(number) % 8, "FLAG": (np.arange(number) % 4 > 1) * 64,
    }  # fmt: skip
    table = fits.BinTableHDU.from_columns(
        [fits.Column(name, "J", array=values) for name, values in columns.items()], name="EVENTS"
    )
    table.writeto("events.fits")
    eboxdetect(imagesets=["pn.fits"], boxlistset="pn_local.fits", likemin=10, pimin=[500], pimax=[2000])
    shared = {
        "boxlistset": "pn_local.fits", "imageset": "pn.fits", "withexpimage": False, "pimin": [500], "pimax": [2000],
    }  # fmt: skip
    esplinemap(bkgimageset="without.fits", **shared)
    esplinemap(bkgimageset="with.fits", withootset=True, ooteventset="events.fits", **shared)
    passing = np.sum((columns["PATTERN"] <= 4) & (columns["FLAG"] == 0))
    added = fits.getdata("with.fits") - fits.getdata("without.fits")
    assert passes_image_selection(header, read_table("events.fits:EVENTS")).sum() == passing
    rows, columns_hit = np.nonzero(added > added.max() / 4)
    length = np.hypot(np.ptp(rows), np.ptp(columns_hit))  # of the part of the column that lies on the image
    assert length > 50
    a_pixel = 0.063 * passing / (200 * 4.12 / 4.0)
    assert added[rows, columns_hit].sum() / length == pytest.approx(a_pixel, rel=0.1)
    with pytest.raises(TaskError, match="needs 'ooteventset'"):
        esplinemap(bkgimageset="x.fits", withootset=True, **shared)


def test_what_cannot_be_done(field: Path) -> None:
    search(boxlistset="local.fits")
    wrong_band = {"boxlistset": "local.fits", "imageset": "m1_b1.fits", "bkgimageset": "b.fits", "idband": 7}
    with pytest.raises(TaskError, match="has no rows of M1 with ID_BAND 7"):
        esplinemap(**wrong_band)
    with pytest.raises(TaskError, match="takes 3 or 5"):
        search(boxlistset="x.fits", boxsize=4)
    with pytest.raises(TaskError, match="esplinemap makes them"):
        search(boxlistset="x.fits", usemap=True)
    with pytest.raises(TaskError, match="give one of each"):
        esensmap(expimagesets=["m1_b1exp.fits"], bkgimagesets=["a", "b"], sensimageset="s.fits")
    with pytest.raises(TaskError, match="give one for all"):
        esensmap(expimagesets=["m1_b1exp.fits"] * 3, bkgimagesets=["m1_b1exp.fits"] * 3, sensimageset="s.fits",
                 detmasksets=["mask.fits"] * 2)  # fmt: skip
    assert not any(Path(name).exists() for name in ("x.fits", "b.fits", "s.fits"))
