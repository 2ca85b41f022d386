"""evlistcomb against lists that SAS's evlistcomb put together: taken apart into CCDs and combined again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.tasks import evlistcomb

LISTS = ("0201903501/mos1_exp1_clean_evts.fits.gz", "0201901401/mos2_exp1_clean_evts.fits.gz")


@pytest.mark.filterwarnings("ignore::astropy.io.fits.verify.VerifyWarning")
@pytest.mark.parametrize("name", LISTS)
def test_columns_and_rows_are_those_of_sas(
    real_data: Path, take_apart: Callable[[Path, Path], list[Path]], tmp_path: Path, name: str
) -> None:
    source = real_data / "sas-products" / name
    if not source.is_file():
        pytest.skip(f"no {name} in the real data")
    parts = [str(part) for part in take_apart(source, tmp_path)]
    output = tmp_path / "whole.fits"
    evlistcomb(eventsets=parts, imagingset=str(output), maintable="EVENTS OFFSETS")
    with fits.open(source) as before, fits.open(output) as after:
        for table in ("EVENTS", "OFFSETS"):
            old, new = before[table], after[table]
            for what in ("names", "formats", "units", "nulls"):
                assert getattr(new.columns, what) == getattr(old.columns, what), what
            order = np.argsort(old.data["CCDNR"], kind="stable")
            kept = np.isin(old.data["CCDNR"][order], np.unique(new.data["CCDNR"]))
            for column in old.columns.names:
                np.testing.assert_array_equal(new.data[column], old.data[column][order][kept])
        for kind in ("TLMIN", "TLMAX", "TCRPX", "TCRVL", "TCDLT", "TCTYP"):
            for number in range(1, 13):
                key = f"{kind}{number}"
                assert after["EVENTS"].header.get(key) == before["EVENTS"].header.get(key), key
        for hdu in after[3:]:
            np.testing.assert_array_equal(hdu.data, before[hdu.name].data)
