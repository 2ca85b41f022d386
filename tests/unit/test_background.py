"""Background maps: unbiased, never negative, sources taken out."""

from __future__ import annotations

import numpy as np
import pytest

from xmmpy.detection.background import (
    KnownSource,
    b_splines,
    cut_out,
    cut_radius,
    model_background,
    smooth_background,
    spline_background,
)
from xmmpy.detection.outoftime import out_of_time_image
from xmmpy.detection.planes import CameraView
from xmmpy.detection.psf import PsfShape, psf_image
from xmmpy.detection.sensitivity import OUTSIDE, counts_needed, sensitivity_map

SIZE = 300
SHAPE = PsfShape(5.5, 1.47)


def exposure_map() -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE]
    angle = np.hypot(x - 160, y - 140) * 4.0 / 60.0
    exposure = np.where(np.hypot(x - 150, y - 150) < 145, 1e4 * (1 - 0.045 * angle), 0.0)
    exposure[:, 100:103] = 0.0
    exposure[200:203] *= 0.3
    return exposure


@pytest.mark.parametrize("level", [0.003, 0.02, 0.3])
def test_spline_is_unbiased(level: float) -> None:
    """Sky and particles on 12 images: the maps have the mean and the shape of the truth."""
    exposure = exposure_map()
    used = exposure > 0.3 * exposure.max()
    truth = level * (0.5 * exposure / 1e4 + 0.5 * (exposure > 0) * np.minimum(exposure / 3e3, 1.0))
    maps = []
    for seed in range(12):
        image = np.random.default_rng(seed).poisson(truth)
        maps.append(
            spline_background(image, exposure, used, np.zeros_like(exposure), nodes=16, excess_sigma=4.0, runs=3)
        )
    mean = np.mean(maps, axis=0)
    counts = level * used.sum() * 12
    assert mean[used].sum() / truth[used].sum() == pytest.approx(1.0, abs=0.005 + 3 / np.sqrt(counts))
    assert all(np.all(one[exposure > 0] > 0) and np.all(one[exposure == 0] == 0) for one in maps)
    y, x = np.mgrid[:SIZE, :SIZE]
    inner, outer = used & (np.hypot(x - 150, y - 150) < 70), used & (np.hypot(x - 150, y - 150) > 120)
    for part in (inner, outer):
        assert mean[part].sum() / truth[part].sum() == pytest.approx(
            1.0, abs=0.03 + 4 / np.sqrt(level * part.sum() * 12)
        )


def test_sources_leave_no_trace() -> None:
    exposure = exposure_map()
    level, used = 0.05, exposure_map() > 3e3
    rng = np.random.default_rng(5)
    places = [(60.0 + 40 * i, 80.0 + 35 * j) for i in range(4) for j in range(4)]
    image = rng.poisson(np.where(exposure > 0, level, 0.0)).astype(float)
    sources = []
    for x, y in places:
        image += rng.poisson(400 * psf_image(SHAPE, 4.0, (SIZE, SIZE), (x, y))) * (exposure > 0)
        sources.append(KnownSource(x, y, 400.0, SHAPE))
    outside, wings = cut_out((SIZE, SIZE), sources, 4.0, 0.01)
    made = spline_background(image, exposure, used & outside, wings, nodes=16, excess_sigma=4.0, runs=3)
    assert made[used].mean() == pytest.approx(level, rel=0.03)
    blind = spline_background(image, exposure, used & outside, np.zeros_like(wings), nodes=16, excess_sigma=4.0, runs=3)
    assert blind[used].mean() > 1.04 * level  # what the wings would do


def test_cells_with_unknown_sources_are_left_out() -> None:
    exposure = np.full((SIZE, SIZE), 1e4)
    image = np.random.default_rng(6).poisson(np.full((SIZE, SIZE), 0.05)).astype(float)
    image += np.random.default_rng(7).poisson(2000 * psf_image(SHAPE, 4.0, (SIZE, SIZE), (150.0, 150.0)))
    everywhere = np.ones((SIZE, SIZE), bool)
    once = spline_background(image, exposure, everywhere, np.zeros_like(image), nodes=16, excess_sigma=4.0, runs=1)
    thrice = spline_background(image, exposure, everywhere, np.zeros_like(image), nodes=16, excess_sigma=4.0, runs=4)
    assert once[150, 150] > 5 * 0.05
    assert thrice[150, 150] < 3 * 0.05


def test_cut_radius_is_where_the_brightness_falls_to_scut() -> None:
    source = KnownSource(0.0, 0.0, 500.0, SHAPE)
    radius = cut_radius(source, 0.01)
    assert 500.0 * float(SHAPE.surface(np.array(radius))) == pytest.approx(0.01, rel=1e-2)
    assert cut_radius(KnownSource(0.0, 0.0, 0.1, SHAPE), 0.01) == 0.0


def test_splines_add_up_to_one() -> None:
    assert b_splines(np.linspace(0.0, 16.0, 101), 16).sum(axis=1) == pytest.approx(np.ones(101))


def test_model_finds_the_parts() -> None:
    exposure = exposure_map()
    used = exposure > 0
    flat = used.astype(float)
    image = np.random.default_rng(8).poisson(2e-5 * exposure + 0.1 * flat)
    background, factors = model_background(image, [exposure, flat], used, np.zeros_like(exposure))
    assert factors == pytest.approx([2e-5, 0.1], rel=0.1)
    assert background[used].sum() == pytest.approx(image[used].sum(), rel=1e-6)


def test_smoothing_keeps_the_level() -> None:
    exposure = exposure_map()
    used = exposure > 0
    image = np.random.default_rng(9).poisson(4e-6 * exposure)
    made = smooth_background(image, exposure, used, np.zeros_like(exposure), least_snr=30.0, sigma=6.0)
    assert made[used].sum() == pytest.approx(4e-6 * exposure[used].sum(), rel=0.03)
    assert np.all(made[used] > 0)


def test_out_of_time_events_fill_their_column() -> None:
    view = CameraView.of_pointing("EPN", (324.0, 324.0), 0.0, ((-4.0 / 3600, 0.0), (0.0, 4.0 / 3600)))
    image = out_of_time_image(view, (648, 648), np.full(1000, 4), np.full(1000, 30), 0.063)
    assert image.sum() == pytest.approx(63.0)
    rows, columns = np.nonzero(image)
    assert np.hypot(np.ptp(rows), np.ptp(columns)) == pytest.approx(200 * 4.12 / 4.0, rel=0.02)


def test_counts_needed_reach_the_likelihood() -> None:
    from scipy.special import gammainc

    background = np.geomspace(0.01, 30.0, 20)
    needed = counts_needed(background, 12.0)
    assert -np.log(gammainc(needed, background)) == pytest.approx(np.full(20, 12.0), rel=1e-2)


def test_sensitivity_map() -> None:
    exposure, mask = exposure_map(), exposure_map() > 3e3
    made = sensitivity_map([0.05 * (exposure > 0)], [exposure], mask, 10.0)
    assert np.all(made[~mask] == OUTSIDE)
    assert made[150, 160] < made[150, 280]  # less exposed
    cell = 9 * 0.05
    counts = float(counts_needed(np.array([cell]), 10.0)[0])
    assert made[140, 160] == pytest.approx((counts - cell) / 0.3 / exposure[140, 160], rel=0.02)
