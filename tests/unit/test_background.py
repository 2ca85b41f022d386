"""Background maps: unbiased, never negative, sources taken out."""

from __future__ import annotations

import numpy as np
import pytest

from xmmpy.detection.background import (
    Sourceless,
    cut_out,
    flat_exposure,
    model_background,
    reduced_chi_square,
    smooth_background,
    spline_background,
)
from xmmpy.detection.outoftime import out_of_time_image
from xmmpy.detection.planes import CameraView
from xmmpy.detection.psf import PsfShape, psf_image
from xmmpy.detection.sensitivity import OUTSIDE, SearchedImage, counts_needed, sensitivity_map
from xmmpy.detection.splines import b_splines
from xmmpy.detection.wings import KnownSource

SIZE = 300
SHAPE = PsfShape(5.5, 1.47)
SPLINE = {"nodes": 16, "excess_sigma": 4.0, "runs": 3}
VIEW = CameraView.of_pointing("EPN", (160.0, 140.0), 0.0, ((-4.0 / 3600, 0.0), (0.0, 4.0 / 3600)))


def flat_map() -> np.ndarray:
    """Seconds without vignetting: a round field with a gap and a row that was off for most of the time."""
    y, x = np.mgrid[:SIZE, :SIZE]
    exposure = np.where(np.hypot(x - 150, y - 150) < 145, 1e4, 0.0)
    exposure[:, 100:103] = 0.0
    exposure[200:203] *= 0.3
    return exposure


def exposure_map(energy_kev: float = 1.5) -> np.ndarray:
    """Seconds, vignetted."""
    vignetted = flat_map() / np.where(flat_map() > 0, flat_exposure(VIEW, np.ones((SIZE, SIZE)), energy_kev), 1.0)
    return np.asarray(vignetted)


@pytest.mark.parametrize("level", [0.003, 0.02, 0.3])
def test_spline_is_unbiased(level: float) -> None:
    """Sky and particles on 12 images: the maps have the mean of the truth, in the middle and at the edge."""
    exposure, flat = exposure_map(), flat_map()
    used = exposure > 0.2 * exposure.max()
    truth = level * (0.5 * exposure + 0.5 * flat) / 1e4
    templates = [exposure, flat_exposure(VIEW, exposure, 1.5)]
    maps = []
    for seed in range(12):
        image = Sourceless.of(np.random.default_rng(seed).poisson(truth), used)
        maps.append(spline_background(image, templates, **SPLINE))
    mean = np.mean(maps, axis=0)
    assert all(np.all(one[exposure > 0] > 0) and np.all(one[exposure == 0] == 0) for one in maps)
    y, x = np.mgrid[:SIZE, :SIZE]
    distance = np.hypot(x - 150, y - 150)
    for part in (used, used & (distance < 70), used & (distance > 120)):
        counts = truth[part].sum() * 12
        # What is left in a part of the field is the noise of the counts there and, since the map is smooth, nearby.
        assert mean[part].sum() / truth[part].sum() == pytest.approx(1.0, abs=0.003 + 3 / np.sqrt(counts))


def test_spline_follows_what_the_templates_do_not_have() -> None:
    exposure = exposure_map()
    used = exposure > 0.2 * exposure.max()
    y, x = np.mgrid[:SIZE, :SIZE]
    truth = 0.1 * exposure / 1e4 * (1.0 + 0.8 * np.exp(-0.5 * ((x - 90) ** 2 + (y - 180) ** 2) / 40.0**2))
    image = Sourceless.of(np.random.default_rng(3).poisson(truth), used)
    made = spline_background(image, [exposure], **SPLINE)
    ratio = (made / np.where(used, truth, 1.0))[used]
    assert ratio.mean() == pytest.approx(1.0, abs=0.02)
    assert ratio.std() < 0.12


def test_few_counts_give_a_smooth_map() -> None:
    """300 counts in the whole field: the map is the sum of templates to some percent, never negative."""
    exposure = exposure_map()
    used = exposure > 0.2 * exposure.max()
    truth = exposure * (300.0 / exposure[used].sum())
    image = Sourceless.of(np.random.default_rng(4).poisson(truth), used)
    made = spline_background(image, [exposure], **SPLINE)
    assert made[used].sum() == pytest.approx(image.counts[used].sum(), rel=0.02)
    assert (made / np.where(used, truth, 1.0))[used].std() < 0.25
    assert np.all(made[exposure > 0] > 0)


def crowded(seed: int, measured: float = 400.0) -> tuple[Sourceless, np.ndarray]:
    """Sixteen sources of 400 counts on an even background; what they were measured to have."""
    exposure = flat_map()
    rng = np.random.default_rng(seed)
    image = rng.poisson(np.where(exposure > 0, 0.05, 0.0)).astype(float)
    sources = []
    for x, y in [(60.0 + 40 * i, 80.0 + 35 * j) for i in range(4) for j in range(4)]:
        image += rng.poisson(400 * psf_image(SHAPE, 4.0, (SIZE, SIZE), (x, y))) * (exposure > 0)
        sources.append(KnownSource(x, y, measured, SHAPE))
    outside, wings = cut_out((SIZE, SIZE), sources, 4.0, 0.01)
    return Sourceless.of(image, (exposure > 3e3) & outside, wings), exposure


def test_sources_leave_no_trace() -> None:
    image, exposure = crowded(5)
    made = spline_background(image, [np.where(exposure > 0, 1.0, 0.0)], **SPLINE)
    inside = exposure > 3e3
    assert made[inside].mean() == pytest.approx(0.05, rel=0.03)
    blind = Sourceless.of(image.counts, image.used)
    assert spline_background(blind, [np.where(exposure > 0, 1.0, 0.0)], **SPLINE)[inside].mean() > 1.04 * 0.05


def test_wings_of_sources_that_were_measured_too_bright_are_scaled() -> None:
    factors, levels = [], []
    for seed in range(4):
        image, exposure = crowded(seed, measured=600.0)
        background, _, factor = model_background(image, [np.where(exposure > 0, 1.0, 0.0)])
        factors.append(factor.mean())
        levels.append(background[exposure > 3e3].mean())
    assert np.mean(factors) == pytest.approx(400.0 / 600.0, abs=0.12)
    assert np.mean(levels) == pytest.approx(0.05, rel=0.03)


def test_beside_a_cluster_there_is_no_hole() -> None:
    """Emission of a cluster, taken for point sources with far too many counts: the map about it stays at the level."""
    flat = flat_map()
    y, x = np.mgrid[:SIZE, :SIZE]
    cluster = 3.0 * (1.0 + ((x - 180) ** 2 + (y - 150) ** 2) / 8.0**2) ** -1.5
    image = np.random.default_rng(1).poisson(np.where(flat > 0, 0.05 * flat / 1e4 + cluster, 0.0))
    clumps = [KnownSource(180.0 + dx, 150.0 + dy, 1500.0, SHAPE) for dx in (-8, 0, 9) for dy in (-9, 1, 8)]
    outside, wings = cut_out((SIZE, SIZE), clumps, 4.0, 0.01)
    used = (flat > 3e3) & outside
    made = spline_background(Sourceless.of(image, used, wings), [flat], **SPLINE)
    distance = np.hypot(x - 180, y - 150)
    truth = 0.05 * flat / 1e4 + cluster
    beside = used & (distance > 40) & (distance < 80)
    assert made[beside].mean() == pytest.approx(truth[beside].mean(), rel=0.15)
    assert (made / np.where(used, truth, 1.0))[beside].min() > 0.5


def test_cells_with_unknown_sources_are_left_out() -> None:
    image = np.random.default_rng(6).poisson(np.full((SIZE, SIZE), 0.05)).astype(float)
    image += np.random.default_rng(7).poisson(2000 * psf_image(SHAPE, 4.0, (SIZE, SIZE), (150.0, 150.0)))
    everything = Sourceless.of(image, np.ones((SIZE, SIZE), bool))
    flat = [np.ones((SIZE, SIZE))]
    once = spline_background(everything, flat, nodes=16, excess_sigma=4.0, runs=1)
    often = spline_background(everything, flat, nodes=16, excess_sigma=4.0, runs=4)
    assert once[150, 150] > 5 * 0.05
    assert often[150, 150] < once[150, 150] / 3


def test_few_counts_are_no_excess() -> None:
    """Clipping takes no whole counts for sources where hardly any are expected: the sum of the map stays."""
    exposure = exposure_map()
    used = exposure > 0.2 * exposure.max()
    ratios = []
    for seed in range(10):
        image = Sourceless.of(np.random.default_rng(seed).poisson(0.005 * exposure / 1e4), used)
        made = spline_background(image, [exposure], **SPLINE)
        ratios.append(made[used].sum() / image.counts[used].sum())
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.005)


def test_known_counts_are_not_background() -> None:
    exposure = exposure_map()
    used = exposure > 0
    fixed = np.where(used, np.linspace(0.0, 0.2, SIZE)[None, :], 0.0)
    image = Sourceless.of(np.random.default_rng(2).poisson(2e-5 * exposure + fixed), used, fixed=fixed)
    for made in (
        spline_background(image, [exposure], **SPLINE),
        model_background(image, [exposure])[0],
        smooth_background(image, exposure, least_snr=30.0, sigma=6.0),
    ):
        assert made[used].sum() == pytest.approx(2e-5 * exposure[used].sum(), rel=0.02)


def test_chi_square_tells_a_good_map_from_a_bad_one() -> None:
    exposure = exposure_map()
    used = exposure > 0
    truth = 3e-5 * exposure
    image = Sourceless.of(np.random.default_rng(1).poisson(truth), used)
    good, freedom = reduced_chi_square(image, truth)
    assert good == pytest.approx(1.0, abs=4 * np.sqrt(2 / freedom))
    assert reduced_chi_square(image, 1.5 * truth)[0] > 2.0


def test_cut_radius_is_where_the_brightness_falls_to_scut() -> None:
    source = KnownSource(0.0, 0.0, 500.0, SHAPE)
    radius = source.radius_at(0.01)
    assert 500.0 * float(SHAPE.surface(np.array(radius))) == pytest.approx(0.01, rel=1e-2)
    assert KnownSource(0.0, 0.0, 0.1, SHAPE).radius_at(0.01) == 0.0


def test_splines_add_up_to_one() -> None:
    assert b_splines(np.linspace(0.0, 16.0, 101), 16).sum(axis=1) == pytest.approx(np.ones(101))


def test_model_finds_the_parts() -> None:
    exposure, flat = exposure_map(), flat_map() / 1e4
    used = exposure > 0
    image = Sourceless.of(np.random.default_rng(8).poisson(2e-5 * exposure + 0.1 * flat), used)
    background, factors, _ = model_background(image, [exposure, flat])
    assert factors == pytest.approx([2e-5, 0.1], rel=0.1)
    assert background[used].sum() == pytest.approx(image.counts[used].sum(), rel=1e-3)


def test_smoothing_keeps_the_level() -> None:
    exposure = exposure_map()
    used = exposure > 0
    image = Sourceless.of(np.random.default_rng(9).poisson(4e-6 * exposure), used)
    made = smooth_background(image, exposure, least_snr=30.0, sigma=6.0)
    assert made[used].sum() == pytest.approx(4e-6 * exposure[used].sum(), rel=0.03)
    assert np.all(made[used] > 0)


@pytest.mark.parametrize(("rows", "length"), [((1, 200), 200), ((1, 64), 64)])
def test_out_of_time_events_fill_their_column(rows: tuple[int, int], length: int) -> None:
    view = CameraView.of_pointing("EPN", (324.0, 324.0), 0.0, ((-4.0 / 3600, 0.0), (0.0, 4.0 / 3600)))
    image = out_of_time_image(view, (648, 648), np.full(1000, 4), np.full(1000, 30), {4: rows}, 0.063)
    assert image.sum() == pytest.approx(63.0)
    found = np.nonzero(image)
    assert np.hypot(*(np.ptp(line) for line in found)) == pytest.approx(length * 4.12 / 4.0, rel=0.03)
    along = found[0] if np.ptp(found[0]) > np.ptp(found[1]) else found[1]
    filled = np.bincount(along, image[found])[along.min() + 2 : along.max() - 1]
    assert filled.std() < 0.2 * filled.mean()  # no holes where a pixel of the CCD is larger than one of the image


def test_counts_needed_reach_the_likelihood() -> None:
    from scipy.special import gammainc

    background = np.geomspace(0.01, 30.0, 20)
    needed = counts_needed(background, 12.0)
    assert -np.log(gammainc(needed, background)) == pytest.approx(np.full(20, 12.0), rel=1e-2)


def test_sensitivity_map() -> None:
    exposure, mask = exposure_map(), exposure_map() > 3e3
    image = SearchedImage(0.05 * (exposure > 0), exposure, mask, 6.0)
    rate, flux = sensitivity_map([image], 10.0)
    assert np.all(rate[~mask] == OUTSIDE)
    assert rate[150, 160] < rate[150, 250]  # less exposed
    cell = 9 * 0.05
    counts = float(counts_needed(np.array([cell]), 10.0)[0])
    assert rate[140, 160] == pytest.approx((counts - cell) / 0.3 / exposure[140, 160], rel=0.02)
    assert flux[mask] == pytest.approx(rate[mask] / 6e11)


def test_sensitivity_of_several_images_is_that_of_their_sum() -> None:
    exposure, mask = exposure_map(), exposure_map() > 3e3
    half = mask.copy()
    half[:, :150] = False
    one = SearchedImage(0.05 * (exposure > 0), exposure, mask, 6.0)
    other = SearchedImage(0.02 * (exposure > 0), 0.5 * exposure, half, 2.0)
    rate, flux = sensitivity_map([one, other], 10.0)
    alone, flux_alone = sensitivity_map([one], 10.0)
    assert rate[120, 60] == pytest.approx(alone[120, 60], rel=1e-3)  # the second does not see it
    counts = float(counts_needed(np.array([9 * 0.07]), 10.0)[0]) - 9 * 0.07
    seconds = exposure[140, 200]
    assert rate[140, 200] == pytest.approx(counts / 0.3 / (0.75 * seconds), rel=0.02)
    assert flux[140, 200] == pytest.approx(counts / 0.3 / (7e11 * seconds), rel=0.02)
    assert flux[140, 200] < flux_alone[140, 200]
