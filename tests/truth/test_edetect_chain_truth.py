"""edetect_chain on a simulated observation of two cameras: sources, maps, names."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.calibration.nominal import energy_conversion_factors
from xmmpy.products.sourcelists import SourceList, read_source_list
from xmmpy.simulation import SimulationSettings, simulate_events
from xmmpy.tasks import edetect_chain, evselect

BANDS = (500, 2000, 4500)
CAMERAS = {"pn": ("EPN", "(FLAG==0) && (PATTERN<=4)"), "mos1": ("EMOS1", "(FLAG==0) && (PATTERN<=12)")}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the chain has run."""
    folder = tmp_path_factory.mktemp("chain")
    made = simulate_events(folder, SimulationSettings(exposure=8000, seed=77, cameras=tuple(CAMERAS), flares=False))
    images, lists, factors = [], [], []
    for name, (camera, selection) in CAMERAS.items():
        lists.append(str(made.event_lists[name]))
        known = energy_conversion_factors(camera, "Thin1") / 1e11
        factors += [known[2], known[3]]
        for band, (low, high) in enumerate(pairwise(BANDS), 1):
            images.append(str(folder / f"{name}_image_b{band}.fits"))
            evselect(
                table=lists[-1], imageset=images[-1], xcolumn="X", ycolumn="Y", imagebinning="imageSize",
                ximagesize=400, yimagesize=400, ximagemin=9000, ximagemax=43000, yimagemin=9000, yimagemax=43000,
                expression=f"{selection} && (PI>{low}&&PI<={high})",
            )  # fmt: skip
    before = Path.cwd()
    os.chdir(folder)
    try:
        edetect_chain(
            imagesets=images, eventsets=lists, attitudeset="", pimin=BANDS[:2] * 2, pimax=BANDS[1:] * 2, ecf=factors,
            eml_list="emllist.fits", likemin=12, esen_mlmin=15, eml_withsourcemap=True, esp_withcheese=True,
        )  # fmt: skip
    finally:
        os.chdir(before)
    return folder


@pytest.fixture(scope="module")
def found(work: Path) -> SourceList:
    return read_source_list(str(work / "emllist.fits"))


def test_names_of_all_products(work: Path) -> None:
    expected = {"eboxlist_local.fits", "eboxlist_map.fits", "emllist.fits"}
    for camera in CAMERAS:
        expected.add(f"{camera}_image_b1mask.fits")
        for band in (1, 2):
            expected |= {f"{camera}_image_b{band}{kind}.fits" for kind in ("", "exp", "bkg", "sen", "smap", "cheese")}
    there = {path.name for path in work.iterdir() if not path.name.startswith(("P0000", "truth"))}
    assert there == expected


def test_bright_sources_are_found_where_they_are(work: Path, found: SourceList) -> None:
    truth = fits.getdata(work / "truth_sources.fits", 1)
    rows = found.rows()
    seen = (truth["pn_coverage"] > 0.9) & (truth["mos1_coverage"] > 0.9)
    counts = (truth["pn_counts"] + truth["mos1_counts"])[:, 1:4].sum(axis=1)  # 0.5 to 4.5 keV
    bright = truth[seen & (counts > 80)]
    assert len(bright) > 5
    east = (rows["RA"][None, :] - bright["ra"][:, None]) * np.cos(np.radians(2.2))
    distance = np.hypot(east, rows["DEC"][None, :] - bright["dec"][:, None]) * 3600
    assert distance.min(axis=1).max() < 4.0
    assert len(rows) < 120


def test_rows_of_both_cameras(found: SourceList) -> None:
    number = len(found.rows())
    assert len(found) == number * 7  # all, pn and its two bands, MOS1 and its two
    assert found["ID_INST"][:7].tolist() == [0, 1, 1, 1, 2, 2, 2]
    assert found["ID_BAND"][:7].tolist() == [0, 0, 1, 2, 0, 1, 2]
    assert found.rows()["DET_ML"].min() >= 12


def test_backgrounds_have_the_counts_outside_of_sources(work: Path) -> None:
    for camera in CAMERAS:
        image = fits.getdata(work / f"{camera}_image_b1.fits").astype(float)
        cheese = fits.getdata(work / f"{camera}_image_b1cheese.fits")
        background = fits.getdata(work / f"{camera}_image_b1bkg.fits")
        mask = fits.getdata(work / f"{camera}_image_b1mask.fits")
        assert background[mask > 0].sum() < image[mask > 0].sum()
        assert background[mask > 0].sum() == pytest.approx(cheese.sum(), rel=0.25)  # the holes are filled
        exposure = fits.getdata(work / f"{camera}_image_b1exp.fits")
        assert 5000 < exposure.max() < 8200
