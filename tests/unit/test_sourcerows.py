"""Formulas of source rows: sums, means, ratios, positions, names, matching."""

from __future__ import annotations

import math

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from xmmpy.detection.matching import Positions, match, nearby
from xmmpy.detection.skynames import galactic, iau_name, iau_names
from xmmpy.detection.sourcerows import (
    counts,
    counts_error,
    flux,
    hardness_ratio,
    mean_position,
    nearest_neighbour,
    position_error,
    radial_error,
    separations,
    total,
    total_error,
    weighted_mean,
)
from xmmpy.imaging.mosaic import TangentGrid

NAN = math.nan


@pytest.fixture
def sky() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(20)
    return rng.uniform(0.0, 360.0, 500), np.degrees(np.arcsin(rng.uniform(-1.0, 1.0, 500)))


def test_total_skips_what_is_missing_and_is_missing_where_all_are() -> None:
    rates = [[1.0, NAN, NAN], [2.0, 3.0, NAN]]
    assert np.array_equal(total(rates), [3.0, 3.0, NAN], equal_nan=True)
    assert np.array_equal(total_error([[3.0, NAN, NAN], [4.0, 5.0, NAN]]), [5.0, 5.0, NAN], equal_nan=True)


def test_weighted_mean_of_equal_errors_is_the_mean() -> None:
    mean, error = weighted_mean([[1.0, NAN, NAN], [3.0, 4.0, NAN]], [[2.0, NAN, NAN], [2.0, 1.0, NAN]])
    assert np.array_equal(mean, [2.0, 4.0, NAN], equal_nan=True)
    assert np.allclose(error, [math.sqrt(2.0), 1.0, NAN], equal_nan=True)


def test_weighted_mean_does_not_count_a_value_without_error() -> None:
    mean, error = weighted_mean([[1.0], [5.0]], [[0.0], [2.0]])
    assert (mean[0], error[0]) == (5.0, 2.0)


def test_hardness_ratio_and_its_error_by_differences() -> None:
    soft, hard, soft_error, hard_error = 0.03, 0.05, 0.004, 0.006
    ratio, error = hardness_ratio(soft, hard, soft_error, hard_error)
    step = 1e-6

    def value(s: float, h: float) -> float:
        return (h - s) / (h + s)

    by_soft = (value(soft + step, hard) - value(soft - step, hard)) / (2 * step)
    by_hard = (value(soft, hard + step) - value(soft, hard - step)) / (2 * step)
    assert ratio == pytest.approx(value(soft, hard))
    assert error == pytest.approx(math.hypot(by_soft * soft_error, by_hard * hard_error), rel=1e-6)


@pytest.mark.parametrize(
    ("soft", "hard", "wanted"), [(0.0, 0.1, 1.0), (0.1, 0.0, -1.0), (0.0, 0.0, NAN), (NAN, 1.0, NAN)]
)
def test_hardness_ratio_at_its_limits(soft: float, hard: float, wanted: float) -> None:
    ratio, error = hardness_ratio(soft, hard, 0.01, 0.01)
    assert np.array_equal(ratio, wanted, equal_nan=True)
    assert np.isnan(error) == np.isnan(wanted)


def test_flux_counts_and_errors() -> None:
    assert flux(0.5, 2.0) == pytest.approx(2.5e-12)
    assert counts([[0.1], [0.2]], [[1000.0], [500.0]])[0] == pytest.approx(200.0)
    assert counts_error([[0.03], [0.08]], [[1000.0], [500.0]])[0] == pytest.approx(50.0)
    assert radial_error(0.3, 0.4, 4.0) == pytest.approx(2.0)
    assert position_error(0.6, 0.8) == pytest.approx(1.0)


def test_galactic_coordinates_are_those_of_astropy(sky: tuple[np.ndarray, np.ndarray]) -> None:
    longitude, latitude = galactic(*sky)
    theirs = SkyCoord(*sky, unit="deg", frame="fk5").galactic
    ours = SkyCoord(longitude, latitude, unit="deg", frame="galactic")
    assert theirs.separation(ours).arcsec.max() < 1e-4
    assert longitude.min() >= 0.0
    assert longitude.max() < 360.0


def test_pixels_lie_where_astropy_puts_them() -> None:
    grid = TangentGrid.rotated((648, 648), (324.5, 330.25), (266.4, -28.9), (-4.0 / 3600, 4.0 / 3600), 33.0)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crpix, wcs.wcs.crval = grid.reference_pixel, grid.reference_sky
    wcs.wcs.cd = grid.matrix
    x, y = np.random.default_rng(3).uniform(0.5, 648.5, (2, 200))
    assert np.allclose(grid.sky(x, y), wcs.all_pix2world(x, y, 1), rtol=0.0, atol=1e-10)


def test_distances_are_those_of_astropy(sky: tuple[np.ndarray, np.ndarray]) -> None:
    ra, dec = sky
    near_ra, near_dec = ra[:20] + 1e-7, np.clip(dec[:20] + 2e-7, -90, 90)
    ours = separations(ra[:20], dec[:20], near_ra, near_dec)
    here, there = SkyCoord(ra[:20, None], dec[:20, None], unit="deg"), SkyCoord(near_ra, near_dec, unit="deg")
    assert np.allclose(ours, here.separation(there).to_value(units.arcsec), rtol=1e-9, atol=1e-9)


def test_nearest_neighbour() -> None:
    distance = nearest_neighbour([10.0, 10.0, 11.0], [0.0, 1.0, 0.0])
    assert np.allclose(distance, 3600.0, rtol=1e-9)
    assert np.isnan(nearest_neighbour([10.0], [0.0])[0])
    assert nearest_neighbour([], []).size == 0


def test_mean_position_across_zero_hours() -> None:
    ra, dec, error = mean_position([[359.9999], [0.0002]], [[10.0], [10.0]], [[1.0], [2.0]])
    assert (ra[0] + 180.0) % 360.0 - 180.0 == pytest.approx((-0.0001 + 0.0002 / 4) / 1.25, abs=1e-9)
    assert dec[0] == pytest.approx(10.0)
    assert error[0] == pytest.approx(1.0 / math.sqrt(1.25))


def test_mean_position_of_one_measurement_is_that_one() -> None:
    ra, dec, error = mean_position([[20.0, 20.0], [NAN, 21.0]], [[-5.0, -5.0], [NAN, -5.0]], [[NAN, 0.5], [NAN, NAN]])
    assert np.allclose(ra, 20.0)
    assert np.allclose(dec, -5.0)
    assert np.array_equal(error, [NAN, 0.5], equal_nan=True)


@pytest.mark.parametrize(
    ("ra", "dec", "name"),
    [
        (163.154583, 57.403055, "XMMU J105237.0+572410"),  # 10 52 37.09992, +57 24 10.998: cut, not rounded
        (0.0, -0.00005, "XMMU J000000.0-000000"),
        (359.9999999, 89.99999, "XMMU J235959.9+895959"),
        (15.0, 10.0, "XMMU J010000.0+100000"),
        (15.4, -10.1, "XMMU J010136.0-100600"),
    ],
)
def test_iau_names(ra: float, dec: float, name: str) -> None:
    assert iau_name(ra, dec) == name


def test_a_source_without_position_has_no_name() -> None:
    assert iau_names([NAN, 15.0], [1.0, 10.0], prefix="XMM") == ["", "XMM J010000.0+100000"]


def positions(offsets: list[float], error: float = 1.0) -> Positions:
    ra = 50.0 + np.array(offsets) / 3600.0
    return Positions(ra, np.zeros(len(ra)), np.full(len(ra), error))


def test_the_closest_pairs_are_joined_first_whatever_the_order() -> None:
    first, second = positions([0.0, 4.0]), positions([1.5, 0.5])
    partner, sigmas = match(first, second, max_sigmas=3.0, systematic_arcsec=1.0)
    assert partner.tolist() == [1, 0]
    assert np.allclose(sigmas, [2.5 / math.sqrt(3.0), 0.5 / math.sqrt(3.0)])
    backwards, _ = match(second, first, max_sigmas=3.0, systematic_arcsec=1.0)
    assert backwards.tolist() == [1, 0]


def test_pairs_too_far_apart_are_none() -> None:
    partner, sigmas = match(positions([0.0]), positions([6.0]), max_sigmas=3.0, systematic_arcsec=1.0)
    assert partner.tolist() == [-1]
    assert np.isnan(sigmas[0])


def test_lists_may_be_empty_and_errors_missing() -> None:
    assert match(positions([]), positions([1.0]), 3.0, 1.0)[0].tolist() == [-1]
    assert match(positions([0.0], NAN), positions([0.5], NAN), 3.0, 1.0)[0].tolist() == [0]
    assert match(positions([0.0], NAN), positions([0.0], NAN), 3.0, 0.0)[0].tolist() == [0]


def test_neighbours_come_nearest_first() -> None:
    here, there = positions([0.0, 100.0]), positions([9.0, -3.0, 7.0])
    index, distance, number = nearby(here.ra, here.dec, there.ra, there.dec, 10.0, 2)
    assert index.tolist() == [[1, 2], [-1, -1]]
    assert np.allclose(distance, [[3.0, 7.0], [0.0, 0.0]])
    assert number.tolist() == [3, 0]
