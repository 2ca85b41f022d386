"""tabgtigen and gtibuild against the files that SAS made from the same input."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import xmmpy.tasks
from xmmpy.flares.timeline import write_timeline
from xmmpy.products.gti import read_gti

CASES = {
    "rate": ("sas-products/0124710801", "PN_rate.fits.gz", "PN_gti.fits"),
    "background": ("esas/0203930101", "P0203930101PNS003FBKTSR0000.FIT", "P0203930101PNS003FBKGTI0000.FIT"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_call_in_the_header_gives_the_same_table(real_data: Path, tmp_path: Path, case: str) -> None:
    folder, table, product = CASES[case]
    real = real_data / folder / product
    call = fits.getheader(real)["XPROC0"].split(" # ")[0]
    values = dict(re.findall(r"(\w+)=(\S+)", call))
    values |= {"table": str(real_data / folder / table), "gtiset": str(tmp_path / "gti.fits")}
    xmmpy.tasks.tabgtigen(**values)
    ours, theirs = read_gti(values["gtiset"]), read_gti(str(real))
    assert ours.start == pytest.approx(theirs.start, abs=1e-6)
    assert ours.stop == pytest.approx(theirs.stop, abs=1e-6)
    mine, model = fits.getheader(values["gtiset"], 1), fits.getheader(real, 1)
    assert list(mine) == list(model)
    assert {key: mine[key] for key in mine} == {key: model[key] for key in model}


def test_attitude_and_its_distance_from_the_pointing(real_data: Path, tmp_path: Path) -> None:
    """The intervals hold the samples that pass, and no other."""
    table = real_data / "esas/0203930101/P0203930101OBX000ATTTSR0000.FIT.gz"
    target = tmp_path / "att.fits"
    xmmpy.tasks.tabgtigen(table=table, expression="!isnull(AHFRA) && DAHFPNT<=0.0002", gtiset=target)
    with fits.open(table) as hdus:
        time, distance = (hdus["ATTHK"].data[name].astype(float) for name in ("TIME", "DAHFPNT"))
    intervals = read_gti(str(target))
    assert 1 < len(intervals) < 100
    assert np.array_equal(intervals.contains(time), distance <= 0.0002)


@pytest.mark.parametrize("camera", ["mos1S001", "pnS003"])
def test_gtibuild_makes_espfilts_table(real_data: Path, tmp_path: Path, camera: str) -> None:
    real = real_data / "esas/0203930101" / f"{camera}-gti.fits"
    text = tmp_path / "gti.txt"
    text.write_text(write_timeline(read_gti(str(real))))
    xmmpy.tasks.gtibuild(file=text, table=tmp_path / "gti.fits")
    assert read_gti(str(tmp_path / "gti.fits")) == read_gti(str(real))
    mine, model = fits.getheader(tmp_path / "gti.fits", 1), fits.getheader(real, 1)
    assert list(mine) == list(model)
    assert {key: mine[key] for key in mine} == {key: model[key] for key in model}
