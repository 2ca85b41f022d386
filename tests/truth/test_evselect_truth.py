"""evselect on simulated lists: rows and times against astropy and numpy, sources where the sky has them."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

import xmmpy.tasks
from xmmpy.products.gti import read_gti
from xmmpy.simulation import SimulationSettings, simulate_events, sky

RA, DEC = 83.0, -5.0
OFFSETS_ARCMIN = np.array([[1.0, 1.5], [-5.0, 3.0], [4.0, -6.0]])
CAMERAS = ("mos1", "pn")
MACRO = {"mos1": ("XMMEA_EM", 0x766BA000), "pn": ("XMMEA_EP", 0xCFA0000)}


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    """Simulated lists of two cameras with three bright sources and flares, by camera."""
    ra = RA + OFFSETS_ARCMIN[:, 0] / 60.0 / np.cos(np.radians(DEC))
    sources = sky.Sources.build(ra, DEC + OFFSETS_ARCMIN[:, 1] / 60.0, 1e-11)
    settings = SimulationSettings(
        exposure=4000, seed=4, ra=RA, dec=DEC, position_angle=70.0, sources=sources, logn_logs=False, cameras=CAMERAS
    )
    return simulate_events(tmp_path_factory.mktemp("simulated"), settings).event_lists


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_classic_reduction_step_by_step(lists, tmp_path, camera):
    """Rate curve, cut, cleaned list, image, each checked by plain numpy on astropy's columns."""
    table, (macro, mask) = lists[camera], MACRO[camera]
    data, header = fits.getdata(table, "EVENTS"), fits.getheader(table, "EVENTS")
    high = f"#{macro} && PI>10000 && PATTERN==0"
    xmmpy.tasks.evselect(table=table, rateset=tmp_path / "rate.fits", expression=high, timebinsize=100,
                         maketimecolumn=True, makeratecolumn=True)  # fmt: skip
    rate = fits.getdata(tmp_path / "rate.fits", 1)
    chosen = (data["FLAG"] & mask == 0) & (data["PI"] > 10000) & (data["PATTERN"] == 0)
    edges = header["TSTART"] + 100 * np.arange(len(rate) + 1)
    assert np.array_equal(np.round(rate["RATE"] * 100), np.histogram(data["TIME"][chosen], edges)[0])

    limit = float(np.median(rate["RATE"]) * 1.2)
    xmmpy.tasks.tabgtigen(table=tmp_path / "rate.fits", expression=f"RATE<={limit}", gtiset=tmp_path / "gti.fits")
    cut = read_gti(str(tmp_path / "gti.fits"))
    text = f"#{macro} && gti({tmp_path / 'gti.fits'},TIME) && PI>150 && PATTERN<=4"
    xmmpy.tasks.evselect(table=table, filteredset=tmp_path / "clean.fits", expression=text)
    quiet = cut.contains(data["TIME"].astype(float))
    kept = (data["FLAG"] & mask == 0) & quiet & (data["PI"] > 150) & (data["PATTERN"] <= 4)
    assert 0.1 < quiet.mean() < 0.95
    with fits.open(tmp_path / "clean.fits") as clean, fits.open(table) as source:
        assert clean["EVENTS"].data.tobytes() == data[kept].tobytes()
        new = clean["EVENTS"].header
        ccds = sorted({int(ccd) for ccd in data["CCDNR"][kept]})
        assert len(ccds) == (7 if camera == "mos1" else 12)
        for ccd in ccds:
            good = read_gti(f"{table}:STDGTI{ccd:02d}").intersect(cut)
            frames = source[f"EXPOSU{ccd:02d}"]
            length = frames.data["TIMEDEL"] if "TIMEDEL" in frames.columns.names else frames.header["TIMEDEL"]
            time = frames.data["TIME"].astype(float)
            whole = np.zeros(len(time), bool)
            for start, stop in zip(good.start, good.stop, strict=True):
                whole |= (time - np.asarray(length, float) / 2 >= start) & (
                    time + np.asarray(length, float) / 2 <= stop
                )
            live = np.sum((length * frames.data["FRACEXP"])[whole], dtype=float)
            assert new[f"ONTIME{ccd:02d}"] == pytest.approx(good.total, rel=1e-12)
            assert new[f"LIVETI{ccd:02d}"] == pytest.approx(live, rel=1e-7)
            assert 0.8 * good.total < live < good.total

    xmmpy.tasks.evselect(table=tmp_path / "clean.fits", imageset=tmp_path / "image.fits", xcolumn="X", ycolumn="Y",
                         imagebinning="binSize", ximagebinsize=80, yimagebinsize=80)  # fmt: skip
    with fits.open(tmp_path / "image.fits") as image:
        x, y = data["X"][kept].astype(int), data["Y"][kept].astype(int)
        inside = (x >= 1) & (x <= 51840) & (y >= 1) & (y <= 51840)
        expected = np.zeros((648, 648), int)
        np.add.at(expected, ((y[inside] - 1) // 80, (x[inside] - 1) // 80), 1)
        assert np.array_equal(image[0].data, expected)
        assert image[0].header["EXPOSURE"] == max(new[f"ONTIME{ccd:02d}"] for ccd in ccds)


@pytest.mark.filterwarnings("ignore::astropy.wcs.FITSFixedWarning")  # RADECSYS, times as SAS writes them
@pytest.mark.parametrize("camera", CAMERAS)
def test_sources_stand_in_the_image_where_the_sky_has_them(lists, tmp_path, camera):
    xmmpy.tasks.evselect(table=lists[camera], imageset=tmp_path / "image.fits", xcolumn="X", ycolumn="Y",
                         imagebinning="binSize", ximagebinsize=40, yimagebinsize=40,
                         expression=f"#{MACRO[camera][0]} && PI in [500:4000]")  # fmt: skip
    with fits.open(tmp_path / "image.fits") as file:
        image, wcs = file[0].data, WCS(file[0].header)
    rows, columns = np.indices(image.shape)
    for east, north in OFFSETS_ARCMIN:
        px, py = wcs.world_to_pixel_values(RA + east / 60.0 / np.cos(np.radians(DEC)), DEC + north / 60.0)
        near = np.hypot(columns - px, rows - py) < 8
        counts = image[near]
        assert counts.sum() > 100
        centre = np.array([np.average(columns[near], weights=counts), np.average(rows[near], weights=counts)])
        assert np.hypot(*(centre - [px, py])) < 1.0  # of 2 arcsec pixels


def test_a_circle_on_the_sky_and_in_pixels_selects_the_same_events(lists, tmp_path):
    table = lists["pn"]
    ra, dec = RA + OFFSETS_ARCMIN[0, 0] / 60.0 / np.cos(np.radians(DEC)), DEC + OFFSETS_ARCMIN[0, 1] / 60.0
    header = fits.getheader(table, "EVENTS")
    number = next(n for n in range(1, header["TFIELDS"] + 1) if header[f"TTYPE{n}"] == "X")
    plane = WCS(naxis=2)
    plane.wcs.ctype = "RA---TAN", "DEC--TAN"
    plane.wcs.crpix = [header[f"TCRPX{number + n}"] for n in (0, 1)]
    plane.wcs.crval = [header[f"TCRVL{number + n}"] for n in (0, 1)]
    plane.wcs.cdelt = [header[f"TCDLT{number + n}"] for n in (0, 1)]
    x, y = plane.wcs_world2pix(ra, dec, 1)
    radius = 30 / 0.05
    outcome = xmmpy.tasks.evselect(table=table, expression=f"(RA,DEC) in circle({ra},{dec},{30 / 3600})")
    data = fits.getdata(table, "EVENTS")
    expected = np.hypot(data["X"] - float(x), data["Y"] - float(y)) <= radius
    assert outcome.rows_out == pytest.approx(expected.sum(), abs=3)  # X, Y are whole numbers
    assert expected.sum() > 100
