"""Coordinates of the cameras: there and back, and the nominal tables behind them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmmpy.calibration import nominal
from xmmpy.detection.psf import PsfShape
from xmmpy.simulation import camera, sky, telescope

cameras = st.sampled_from(nominal.CAMERAS)
angles = st.floats(0.0, 359.9)
places = st.floats(-20_000.0, 20_000.0)


@given(cameras, places, places)
def test_raw_det_round_trip(name: str, detx: float, dety: float) -> None:
    for ccd in nominal.ccd_geometry(name):
        rawx, rawy = ccd.det_to_raw(np.array([detx]), np.array([dety]))
        back = ccd.raw_to_det(rawx, rawy)
        assert np.allclose([back[0][0], back[1][0]], [detx, dety], atol=1e-6)


@given(cameras, angles, places, places)
def test_det_plane_round_trip(name: str, angle: float, detx: float, dety: float) -> None:
    x, y = telescope.det_to_plane(name, angle, np.array([detx]), np.array([dety]))
    back = telescope.plane_to_det(name, angle, x, y)
    assert np.allclose([back[0][0], back[1][0]], [detx, dety], atol=1e-6)


@given(angles, st.floats(-89.0, 89.0), places, places)
def test_plane_sky_round_trip(ra: float, dec: float, dx: float, dy: float) -> None:
    x, y = sky.REFERENCE_PIXEL + dx, sky.REFERENCE_PIXEL + dy
    back = sky.sky_to_plane(*sky.plane_to_sky(x, y, ra, dec), ra, dec)
    assert np.allclose([float(back[0]), float(back[1])], [x, y], atol=1e-3)


def test_sky_to_plane_agrees_with_astropy() -> None:
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crpix = [sky.REFERENCE_PIXEL] * 2
    wcs.wcs.crval = [149.59475, -11.08763888888889]
    wcs.wcs.cdelt = [-sky.UNIT_DEG, sky.UNIT_DEG]
    rng = np.random.default_rng(1)
    ra, dec = 149.59475 + rng.uniform(-0.25, 0.25, 100), -11.0876 + rng.uniform(-0.25, 0.25, 100)
    expected = wcs.all_world2pix(ra, dec, 1)
    assert np.allclose(sky.sky_to_plane(ra, dec, *wcs.wcs.crval), expected, atol=1e-4)


def test_the_other_half_of_the_sky_has_no_place() -> None:
    assert np.isnan(sky.sky_to_plane(330.0, -2.0, 150.0, 2.0)[0])


@pytest.mark.parametrize("name", nominal.CAMERAS)
def test_ccds_do_not_share_pixels(name: str) -> None:
    """Every pixel centre is found on its own CCD, but for the few columns where MOS CCDs overlap."""
    wrong = total = 0
    for number, ccd in enumerate(nominal.ccd_geometry(name)):
        rawx, rawy = np.meshgrid(
            np.linspace(ccd.first[0], ccd.last[0], 60).round(),
            np.linspace(ccd.first[1], ccd.last[1], 60).round(),
        )
        detx, dety = ccd.raw_to_det(rawx.ravel(), rawy.ravel())
        hits = list(camera.find_pixels(name, detx, dety, np.arange(detx.size)))
        total += detx.size
        wrong += detx.size - hits[number].index.size
        found = hits[number]
        assert np.array_equal(found.column, rawx.ravel()[found.index])
        assert np.array_equal(found.row, rawy.ravel()[found.index])
    assert wrong / total <= (0.0 if name == "EPN" else 0.02)


def test_pn_limits_are_those_of_a_real_list() -> None:
    """TLMIN and TLMAX of DETX, DETY in pn lists are the outermost pixel centres."""
    centres = [ccd.raw_to_det(np.array([1.0, 64.0]), np.array([2.0, 200.0])) for ccd in nominal.ccd_geometry("EPN")]
    detx, dety = np.concatenate([c[0] for c in centres]), np.concatenate([c[1] for c in centres])
    assert np.allclose([detx.min(), detx.max(), dety.min(), dety.max()], [-18283, 13880, -17527, 15325], atol=3)


@pytest.mark.parametrize("name", nominal.CAMERAS)
def test_vignetting_and_psf_behave(name: str) -> None:
    energy = np.full(5, 1.5)
    angle = np.array([0.0, 3.0, 6.0, 10.0, 14.0])
    factor = nominal.vignetting().at(energy, angle)
    assert factor[0] == pytest.approx(1.0)
    assert np.all(np.diff(factor) < 0)
    core, slope = nominal.king_profile(name).at(energy, angle)
    assert np.all((core >= 2.0) & (slope > 1.0))


@pytest.mark.parametrize(
    ("name", "encircled"),
    [("EMOS1", (0.68, 0.84, 0.92)), ("EMOS2", (0.66, 0.81, 0.91)), ("EPN", (0.63, 0.82, 0.92))],
)
def test_drawn_psf_has_the_published_encircled_energy(name: str, encircled: tuple[float, ...]) -> None:
    """Figures of the handbook at 1.5 keV on the axis, inside 15, 30 and 60 arcsec."""
    rng = np.random.default_rng(2)
    dx, dy = telescope.draw_psf(rng, name, np.full(200_000, 1.5), np.zeros(200_000))
    assert np.hypot(dx, dy).max() * 0.05 <= 300.0 + 1e-6
    radius = recorded_radius(rng, name, dx, dy)
    for limit, expected in zip((15.0, 30.0, 60.0), encircled, strict=True):
        assert np.mean(radius < limit) == pytest.approx(expected, abs=0.015)


def recorded_radius(rng: np.random.Generator, name: str, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Distances (arcsec) of events from a source anywhere on a pixel, each placed at random in its pixel."""
    pixel = nominal.ccd_geometry(name)[0].pixel
    recorded = []
    for offset in (dx, dy):
        source = rng.uniform(0.0, pixel, offset.size)
        recorded.append((np.floor((source + offset) / pixel) + rng.random(offset.size)) * pixel - source)
    return np.hypot(*recorded) * 0.05


@pytest.mark.parametrize("name", ["EMOS1", "EMOS2", "EPN"])
@pytest.mark.parametrize("offaxis", [0.0, 8.0])
def test_recorded_events_follow_the_profile(name: str, offaxis: float) -> None:
    """Core and wings, though pixels of pn are as large as the core: encircled energy to 0.004, 0.025 for raw draws."""
    rng = np.random.default_rng(5)
    number = 400_000
    dx, dy = telescope.draw_psf(rng, name, np.full(number, 1.5), np.full(number, offaxis))
    radius = recorded_radius(rng, name, dx, dy)
    core, slope = (float(one[0]) for one in nominal.king_profile(name).at(np.full(1, 1.5), np.full(1, offaxis)))
    shape = PsfShape(core, slope)
    for limit in (2.0, 3.0, 5.0, 8.0, 15.0, 40.0):
        assert np.mean(radius < limit) == pytest.approx(float(shape.encircled(limit)), abs=0.004)


def test_unknown_table_rows_are_an_error() -> None:
    with pytest.raises(ValueError, match="no filter 'Blue'"):
        nominal.energy_conversion_factors("EPN", "Blue")
    assert np.all(nominal.energy_conversion_factors("EPN", "Closed") == 0)
    with pytest.raises(ValueError, match="ccd_geometry has no row"):
        nominal.ccd_geometry("RGS1")


def test_every_table_names_its_source() -> None:
    from importlib.resources import files

    tables = [entry.name for entry in (files("xmmpy.calibration") / "tables").iterdir() if entry.name.endswith(".csv")]
    assert len(tables) >= 13
    for table in tables:
        assert "Source" in nominal.read_table(table.removesuffix(".csv")).source
