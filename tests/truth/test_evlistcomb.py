"""evlistcomb: simulated lists taken apart into CCDs and put together again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.simulation.observation import SimulationSettings, simulate_events
from xmmpy.tasks import eexpmap, evlistcomb, evselect

Apart = Callable[[Path, Path], list[Path]]
INSTRUMENTS = {"mos1": "emos", "pn": "epn"}
BLOCKS = {"EXPOSU", "BADPIX", "STDGTI"}


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("evlistcomb")
    settings = SimulationSettings(exposure=1500.0, seed=9, cameras=("mos1", "pn"), flares=False, logn_logs=False)
    return dict(simulate_events(folder, settings).event_lists)


@pytest.mark.parametrize("camera", ["mos1", "pn"])
def test_the_list_comes_back(lists: dict[str, Path], take_apart: Apart, tmp_path: Path, camera: str) -> None:
    parts = [str(part) for part in take_apart(lists[camera], tmp_path)]
    output = tmp_path / "whole.fits"
    evlistcomb(eventsets=parts, instrument=INSTRUMENTS[camera], imagingset=str(output), maintable="EVENTS OFFSETS")
    with fits.open(lists[camera]) as before, fits.open(output) as after:
        for name in ("EVENTS", "OFFSETS"):
            old, new = before[name], after[name]
            order = np.argsort(old.data["CCDNR"], kind="stable")
            assert set(old.columns.names) - set(new.columns.names) <= {"TIME_RAW"}
            assert new.columns.names == [c for c in old.columns.names if c in new.columns.names]
            for column in new.columns.names:
                assert new.columns[column].format == old.columns[column].format, column
                assert new.columns[column].unit == old.columns[column].unit, column
                np.testing.assert_array_equal(new.data[column], old.data[column][order])
        for key in ("REFXCRVL", "REFXCRPX", "RA_PNT", "TSTART", "TSTOP", "MJDREF", "FILTER", "OBS_ID"):
            assert after["EVENTS"].header[key] == before["EVENTS"].header.get(key, before[0].header.get(key)), key
        assert "CCDID" not in after["EVENTS"].header
        blocks = [hdu.name for hdu in before if hdu.name[:6] in BLOCKS]
        assert sorted(blocks) == sorted(hdu.name for hdu in after if hdu.name[:6] in BLOCKS)
        for name in blocks:
            assert before[name].data.tobytes() == after[name].data.tobytes()


def test_images_and_exposure_of_it_are_the_same(lists: dict[str, Path], take_apart: Apart, tmp_path: Path) -> None:
    whole = str(tmp_path / "whole.fits")
    parts = [str(part) for part in take_apart(lists["mos1"], tmp_path)]
    evlistcomb(eventsets=parts, imagingset=whole, maintable="EVENTS OFFSETS")
    pictures = {}
    for name, table in (("before", str(lists["mos1"])), ("after", whole)):
        image, exposure = str(tmp_path / f"{name}.img"), str(tmp_path / f"{name}.exp")
        evselect(table=table, imageset=image, xcolumn="X", ycolumn="Y", imagebinning="binSize", ximagebinsize=160,
                 yimagebinsize=160, expression="PATTERN<=12 && PI in [500:2000]")  # fmt: skip
        eexpmap(imageset=image, eventset=table, attitudeset="", expimageset=[exposure], pimin=[500], pimax=[2000])
        pictures[name] = fits.getdata(image), fits.getdata(exposure)
    np.testing.assert_array_equal(pictures["before"][0], pictures["after"][0])
    np.testing.assert_allclose(pictures["before"][1], pictures["after"][1], rtol=1e-6)
    assert pictures["after"][1].max() > 1000.0
