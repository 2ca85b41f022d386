"""Pixels of a CCD to DETX, DETY."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmmpy.calibration.nominal import CAMERAS, ccd_geometry
from xmmpy.events.coordinates import NULL_PIXEL, raw_to_det, whole_pixels


@pytest.mark.parametrize("camera", CAMERAS)
def test_every_ccd_keeps_to_its_own_geometry(camera: str) -> None:
    geometry = ccd_geometry(camera)
    rng = np.random.default_rng(1)
    ccdnr = rng.integers(1, len(geometry) + 1, 5000).astype(np.uint8)
    rawx, rawy = rng.integers(1, 65, 5000).astype(np.int16), rng.integers(1, 201, 5000).astype(np.int16)
    detx, dety = raw_to_det(geometry, ccdnr, rawx, rawy)
    for ccd in geometry:
        own = ccdnr == ccd.ccd
        back = ccd.det_to_raw(detx[own], dety[own])
        assert back[0] == pytest.approx(rawx[own].astype(float), abs=1e-6)
        assert back[1] == pytest.approx(rawy[own].astype(float), abs=1e-6)


def test_randomised_places_fill_the_pixel_evenly() -> None:
    geometry = ccd_geometry("EPN")
    number = 40000
    ones = np.ones(number, np.int16)
    detx, dety = raw_to_det(geometry, ones * 2, ones * 30, ones * 150, np.random.default_rng(5))
    centre = raw_to_det(geometry, np.array([2]), np.array([30]), np.array([150]))
    for values, middle in zip((detx, dety), centre, strict=True):
        offset = (values - middle) / geometry[1].pixel
        assert np.abs(offset).max() <= 0.5
        counts = np.histogram(offset, 20, (-0.5, 0.5))[0]
        assert np.sum((counts - number / 20) ** 2) / (number / 20) < 50  # chi2 of 19 degrees of freedom: p = 1e-4
    again = raw_to_det(geometry, ones * 2, ones * 30, ones * 150, np.random.default_rng(5))
    assert np.array_equal(again[0], detx)
    assert np.corrcoef(detx, dety)[0, 1] == pytest.approx(0.0, abs=0.03)


def test_the_node_does_not_move_a_mos_event() -> None:
    geometry = ccd_geometry("EMOS1")
    one, other = (raw_to_det(geometry, np.array([ccd]), np.array([10]), np.array([20])) for ccd in (1, 11))
    assert one[0] == other[0]
    assert one[1] == other[1]


def test_unknown_ccds_have_no_place() -> None:
    detx, _ = raw_to_det(ccd_geometry("EMOS1"), np.array([0, 8, 3]), np.array([1, 1, 1]), np.array([1, 1, 1]))
    assert np.isnan(detx).tolist() == [True, True, False]
    detx, _ = raw_to_det(ccd_geometry("EPN"), np.array([0, 13, 12, -1]), np.ones(4), np.ones(4))
    assert np.isnan(detx).tolist() == [True, True, False, True]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True)))
def test_rounding_never_wraps(values: list[float]) -> None:
    array = np.array(values, dtype=float)
    rounded = whole_pixels(array)
    for value, result in zip(values, rounded.tolist(), strict=True):
        if np.isfinite(value) and abs(value) < 2**31 - 1:
            assert abs(result - value) <= 0.5
        else:
            assert result == NULL_PIXEL
