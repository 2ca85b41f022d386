"""merge: two simulated exposures of one sky, a few arcminutes apart, and their attitudes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from xmmpy.products.gti import read_gti
from xmmpy.simulation.observation import SimulationSettings, simulate_events
from xmmpy.tasks import eexpmap, evselect, merge
from xmmpy.tasks.messages import TaskError

POINTINGS = ((150.0, 2.2), (150.05, 2.15))


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """MOS1 with two pointings; the second began a day later."""
    found = []
    for n, (ra, dec) in enumerate(POINTINGS):
        folder = tmp_path_factory.mktemp(f"pointing{n}")
        settings = SimulationSettings(
            exposure=1500.0, seed=4 + n, cameras=("mos1",), flares=False, logn_logs=True, ra=ra, dec=dec
        )
        path = simulate_events(folder, settings).event_lists["mos1"]
        if n:
            with fits.open(path, mode="update") as file:
                for hdu in file[1:]:
                    for name in {"TIME", "START", "STOP"} & set(hdu.columns.names):
                        hdu.data[name] += 86400.0
        found.append(path)
    return found


def sky(header: fits.Header, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RA and Dec of X,Y by astropy, from the REF keywords."""
    world = WCS(naxis=2)
    world.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    for name in ("crpix", "crval", "cdelt"):
        key = {"crpix": "CRPX", "crval": "CRVL", "cdelt": "CDLT"}[name]
        setattr(world.wcs, name, [header[f"REF{axis}{key}"] for axis in "XY"])
    ra, dec = world.all_pix2world(x, y, 1)
    return np.asarray(ra), np.asarray(dec)


def test_places_stay_on_the_sky(lists: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "merged.fits"
    outcome = merge(set1=str(lists[1]), set2=str(lists[0]), outset=str(output))  # in any order
    with fits.open(output) as merged, fits.open(lists[0]) as one, fits.open(lists[1]) as other:
        events = merged["EVENTS"]
        number = [len(file["EVENTS"].data) for file in (one, other)]
        assert outcome.rows_out == len(events.data) == sum(number)
        assert np.all(np.diff(events.data["TIME"]) >= 0)
        middle = np.mean(POINTINGS, axis=0)
        assert (events.header["REFXCRVL"], events.header["REFYCRVL"]) == pytest.approx(middle, abs=1e-4)
        for part, source in ((events.data[: number[0]], one), (events.data[number[0] :], other)):
            before = source["EVENTS"].data[np.argsort(source["EVENTS"].data["TIME"], kind="stable")]
            placed = (before["X"] > 0) & (part["X"] > 0)
            assert placed.mean() > 0.99
            for found, true in zip(
                sky(events.header, part["X"][placed], part["Y"][placed]),
                sky(source["EVENTS"].header, before["X"][placed], before["Y"][placed]),
                strict=True,
            ):
                assert np.abs(found - true).max() < 0.06 / 3600.0  # a unit of X is 0.05 arcsec
            np.testing.assert_array_equal(part["PI"], before["PI"])
        for ccd in range(1, 8):
            name = f"EXPOSU{ccd:02d}"
            assert len(merged[name].data) == len(one[name].data) + len(other[name].data)
        assert "BADPIX01" not in merged


def test_the_list_may_be_used_like_any_other(lists: list[Path], tmp_path: Path) -> None:
    output, image, exposure = (str(tmp_path / name) for name in ("merged.fits", "image.fits", "exposure.fits"))
    merge(set1=str(lists[0]), set2=str(lists[1]), outset=output)
    whole = [read_gti(f"{path}:STDGTI01").total for path in lists]
    assert read_gti(f"{output}:STDGTI01").total == pytest.approx(sum(whole))
    evselect(table=output, imageset=image, xcolumn="X", ycolumn="Y", imagebinning="binSize", ximagebinsize=80,
             yimagebinsize=80, expression="PATTERN<=12 && #XMMEA_EM")  # fmt: skip
    with fits.open(output) as file:
        assert 0.5 * len(file["EVENTS"].data) < fits.getdata(image).sum() <= len(file["EVENTS"].data)
    eexpmap(imageset=image, eventset=output, attitudeset="", expimageset=[exposure], pimin=[500], pimax=[2000])
    assert fits.getdata(exposure).max() == pytest.approx(sum(whole), rel=0.03)


def test_a_point_of_the_user_and_shifts(lists: list[Path], tmp_path: Path) -> None:
    output = str(tmp_path / "merged.fits")
    merge(set1=str(lists[0]), set2=str(lists[0]), outset=output, withradec=True, ra=150.02, dec=2.19,
          withset2adjustpos=True, set2deltadec=0.01)  # fmt: skip
    with fits.open(output) as file:
        data = file["EVENTS"].data
        assert file["EVENTS"].header["REFXCRVL"] == 150.02
        _, dec = sky(file["EVENTS"].header, data["X"], data["Y"])
        pairs = dec[data["X"] > 0]
    # Each event is there twice, once 0.01 degrees to the north.
    spread = np.sort(np.abs(np.diff(pairs.reshape(-1, 2), axis=1)).ravel()) if pairs.size % 2 == 0 else np.array([0.01])
    assert np.median(spread) == pytest.approx(0.01, abs=2e-5)


def test_refusals(lists: list[Path], tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("TIME", "D", array=np.zeros(1))], name="ATTHK")
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "att.fits")
    with pytest.raises(TaskError, match="two event lists or two attitude files"):
        merge(set1=str(lists[0]), set2=str(tmp_path / "att.fits"), outset=str(tmp_path / "out.fits"))
    with pytest.raises(TaskError, match="does not exist"):
        merge(set1=str(lists[0]), set2=str(tmp_path / "none.fits"), outset=str(tmp_path / "out.fits"))
    merge(set1=str(tmp_path / "att.fits"), set2=str(tmp_path / "att.fits"), outset=str(tmp_path / "both.fits"))
    assert len(fits.getdata(tmp_path / "both.fits", "ATTHK")) == 2
    assert not (tmp_path / "out.fits").exists()
