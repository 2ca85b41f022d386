"""DETX, DETY and an attitude to X, Y: against astropy's projection, at the poles and through RA 0."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from xmmpy.calibration.nominal import Boresight
from xmmpy.events.coordinates import (
    REFERENCE_PIXEL,
    UNIT_DEG,
    Attitude,
    TangentPlane,
    det_to_sky,
    fit_boresight,
)

BORESIGHT = Boresight((-1407.5, 1404.0), -179.998, (0.0, 0.0))
RIGHT_ASCENSION = st.floats(0.0, 360.0)
DECLINATION = st.one_of(st.floats(-90.0, 90.0), st.sampled_from([-90.0, 90.0, 89.9999, -89.9999]))
ANGLE = st.floats(-360.0, 360.0)


def astropy_plane(ra: float, dec: float) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crpix = [REFERENCE_PIXEL, REFERENCE_PIXEL]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.cdelt = [-UNIT_DEG, UNIT_DEG]
    wcs.wcs.set()
    return wcs


@given(RIGHT_ASCENSION, st.floats(-89.9, 89.9), st.floats(1, 51840), st.floats(1, 51840))
def test_the_plane_is_astropys(ra: float, dec: float, x: float, y: float) -> None:
    """To 1e-4 units; astropy's own poles are left out, where its LONPOLE jumps."""
    plane, wcs = TangentPlane(ra, dec), astropy_plane(ra, dec)
    sky = plane.to_sky(x, y)
    there = wcs.wcs_world2pix([[float(sky[0]), float(sky[1])]], 1)[0]
    assert there == pytest.approx([x, y], abs=1e-4)
    back = plane.to_pixels(*sky)
    assert [float(back[0]), float(back[1])] == pytest.approx([x, y], abs=1e-4)


def test_directions_behind_have_no_place() -> None:
    x, y = TangentPlane(10.0, 0.0).to_pixels([101.0, 190.0, 10.0], [0.0, 0.0, 0.0])
    assert np.isnan(x).tolist() == [True, True, False]
    assert np.isnan(y).tolist() == [True, True, False]
    far = Attitude.fixed(200.0, 0.0, 0.0)
    x, _ = det_to_sky(np.zeros(1), np.zeros(1), np.zeros(1), far, BORESIGHT, TangentPlane(10.0, 0.0))
    assert np.isnan(x).all()


@given(RIGHT_ASCENSION, DECLINATION, ANGLE, st.floats(-17000, 17000), st.floats(-17000, 17000))
def test_at_the_pointing_it_is_a_flip_and_a_rotation(ra: float, dec: float, pa: float, u: float, v: float) -> None:
    """Where the reference point is the pointing: X = ref + cos a u + sin a v, Y = ref + sin a u - cos a v."""
    detx, dety = np.array([BORESIGHT.pointing[0] + u]), np.array([BORESIGHT.pointing[1] + v])
    x, y = det_to_sky(detx, dety, np.zeros(1), Attitude.fixed(ra, dec, pa), BORESIGHT, TangentPlane(ra, dec))
    a = np.radians(pa + BORESIGHT.roll_deg)
    assert x[0] - REFERENCE_PIXEL == pytest.approx(np.cos(a) * u + np.sin(a) * v, abs=1e-4)
    assert y[0] - REFERENCE_PIXEL == pytest.approx(np.sin(a) * u - np.cos(a) * v, abs=1e-4)


@given(RIGHT_ASCENSION, st.floats(-88, 88), ANGLE, st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_another_reference_point_moves_no_event_on_the_sky(
    ra: float, dec: float, pa: float, east: float, north: float
) -> None:
    attitude = Attitude.fixed(ra, dec, pa)
    detx, dety = np.array([-15000.0, 0.0, 12000.0]), np.array([3000.0, 14000.0, -9000.0])
    places = []
    for plane in (TangentPlane(ra, dec), TangentPlane((ra + east) % 360.0, dec + north)):
        x, y = det_to_sky(detx, dety, np.zeros(3), attitude, BORESIGHT, plane)
        vector = plane.directions(x, y)
        places.append(vector / np.linalg.norm(vector, axis=1)[:, None])
    assert np.degrees(np.abs(places[0] - places[1]).max()) / UNIT_DEG < 1e-3


@given(RIGHT_ASCENSION, DECLINATION, ANGLE, st.floats(0.0, 1.0))
def test_a_jump_of_an_angle_by_a_turn_is_no_jump(ra: float, dec: float, pa: float, moment: float) -> None:
    """Samples on both sides of 0/360, and the same attitude with whole turns added, give the same places."""
    step = 0.001
    plane = TangentPlane(ra, dec)
    detx, dety, time = np.array([5000.0]), np.array([-7000.0]), np.array([moment])
    smooth = Attitude(np.array([0.0, 1.0]), np.array([ra, ra + step]), np.array([dec, dec]), np.array([pa, pa + step]))
    turns = np.array([0.0, 360.0])
    turned = Attitude(smooth.time, smooth.ra + turns, smooth.dec, smooth.position_angle - turns)
    one = det_to_sky(detx, dety, time, smooth, BORESIGHT, plane)
    other = det_to_sky(detx, dety, time, turned, BORESIGHT, plane)
    assert one[0] == pytest.approx(other[0], abs=1e-3)
    assert one[1] == pytest.approx(other[1], abs=1e-3)


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_over_the_pole(pole: float) -> None:
    """Samples 2 arcsec before and behind a pole: RA and PA jump by 180 degrees, the camera moves on."""
    near = pole - np.sign(pole) * 2.0 / 3600.0
    attitude = Attitude(np.array([0.0, 1.0]), np.array([20.0, 200.0]), np.array([near, near]), np.array([35.0, 215.0]))
    plane = TangentPlane(20.0, near)
    detx, dety = np.array([4000.0, -8000.0]), np.array([9000.0, 100.0])
    ends = [det_to_sky(detx, dety, np.full(2, moment), attitude, BORESIGHT, plane) for moment in (0.0, 0.5, 1.0)]
    for axis in (0, 1):
        middle = (ends[0][axis] + ends[2][axis]) / 2
        assert ends[1][axis] == pytest.approx(middle, abs=0.01)
    moved = np.hypot(ends[2][0] - ends[0][0], ends[2][1] - ends[0][1])
    assert moved == pytest.approx([80.0, 80.0], abs=0.01)  # 4 arcsec


@given(RIGHT_ASCENSION, st.floats(-85, 85), ANGLE, st.floats(-2000, 2000), st.floats(-2000, 2000), ANGLE)
def test_the_fit_finds_what_the_places_were_made_with(
    ra: float, dec: float, pa: float, x0: float, y0: float, roll: float
) -> None:
    rng = np.random.default_rng(7)
    detx, dety, time = rng.uniform(-17000, 17000, 300), rng.uniform(-17000, 17000, 300), rng.uniform(0, 100, 300)
    drift = np.linspace(0, 0.003, 11)
    attitude = Attitude(np.linspace(0, 100, 11), ra + drift, dec - drift, pa + drift)
    plane, made_with = TangentPlane(ra, dec), Boresight((x0, y0), roll, (0.0, 0.0))
    x, y = det_to_sky(detx, dety, time, attitude, made_with, plane)
    found = fit_boresight(detx, dety, time, x, y, attitude, plane)
    assert found.pointing == pytest.approx(made_with.pointing, abs=0.01)
    assert (found.roll_deg - roll + 180.0) % 360.0 - 180.0 == pytest.approx(0.0, abs=1e-4)


def test_samples_are_sorted_and_bad_ones_left_out() -> None:
    attitude = Attitude.of(np.array([3.0, 1.0, 2.0, 1.0]), np.array([3.0, 1.0, np.nan, 9.0]), np.zeros(4), np.zeros(4))
    assert attitude.time.tolist() == [1.0, 3.0]
    assert attitude.ra.tolist() == [1.0, 3.0]
    wide = Attitude(np.array([0.0, 10.0, 100.0]), *np.zeros((3, 3)))
    for moment, near in ((-21.0, False), (-19.0, True), (25.0, True), (31.0, False), (81.0, True), (121.0, False)):
        assert wide.covers(np.array([moment])).tolist() == [near]
    assert Attitude.fixed(0.0, 0.0, 0.0).covers(np.array([1e9])).all()
