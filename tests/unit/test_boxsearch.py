"""The sliding box: planted sources found where they are, noise left alone, gaps no sources."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xmmpy.detection import boxsearch
from xmmpy.detection.boxes import BoxSettings, box_sums, likelihood_image, rebinned
from xmmpy.detection.boxsearch import search
from xmmpy.detection.planes import CameraView, Field, Plane
from xmmpy.detection.psf import Psf, psf_image

SIZE = 160
MATRIX = ((-4.0 / 3600, 0.0), (0.0, 4.0 / 3600))


def field(
    rates: list[tuple[float, float, float]], *, level: float = 0.05, seed: int = 1, gap: bool = False, bands: int = 2
) -> Field:
    """Planes of pn with sources (x, y, counts in each band) on an even background."""
    rng = np.random.default_rng(seed)
    view = CameraView.of_pointing("EPN", (80.0, 80.0), 30.0, MATRIX)
    exposure = np.full((SIZE, SIZE), 1e4)
    mask = np.ones((SIZE, SIZE), bool)
    if gap:
        exposure[:, 70:76] = 0.0
        mask[:, 70:76] = False
    planes = []
    for band in range(1, bands + 1):
        background = np.where(mask, level, 0.0)
        mean = background.copy()
        for x, y, counts in rates:
            offaxis = float(view.offaxis_arcmin(np.array(x), np.array(y)))
            mean += counts * psf_image(Psf("EPN").shape(1.0, offaxis), 4.0, (SIZE, SIZE), (x, y))
        image = np.where(mask, rng.poisson(mean), 0)
        planes.append(Plane(1, band, 500.0 * band, 1000.0 * band, image, exposure, background))
    return Field(tuple(planes), {1: mask}, {1: view})


@pytest.mark.parametrize("with_map", [False, True])
def test_sources_are_found_where_they_are(with_map: bool) -> None:
    planted = [(40.3, 50.8, 150.0), (110.0, 30.5, 80.0), (60.0, 120.0, 60.0)]
    found = search(field(planted), BoxSettings(likemin=12.0, with_map=with_map))
    assert len(found) == 3
    for x, y, counts in planted:
        distance = np.hypot(found.x - x, found.y - y)
        nearest = int(distance.argmin())
        assert distance[nearest] < 4 * np.hypot(found.x_error[nearest], found.y_error[nearest]) + 0.3
        net = (found.counts - found.background)[nearest] / found.fraction[nearest]
        assert net == pytest.approx([counts, counts], abs=5 * np.sqrt(counts) + 0.1 * counts)


@pytest.mark.parametrize("with_map", [False, True])
@pytest.mark.parametrize("level", [0.01, 0.05, 1.0])
def test_noise_is_left_alone(with_map: bool, level: float) -> None:
    found = search(field([], level=level, bands=3), BoxSettings(likemin=14.0, with_map=with_map))
    assert len(found) == 0


def test_borders_of_gaps_are_no_sources() -> None:
    found = search(field([], level=0.5, gap=True), BoxSettings(likemin=13.0))
    assert len(found) == 0


def test_a_source_beside_a_gap_is_found_by_what_is_left() -> None:
    found = search(field([(78.0, 80.0, 300.0)], gap=True), BoxSettings(likemin=15.0, with_map=True))
    assert len(found) >= 1
    assert np.hypot(found.x[0] - 78.0, found.y[0] - 80.0) < 3.0


def test_box_sums_and_rebinning_keep_counts() -> None:
    image = np.random.default_rng(2).poisson(0.3, (13, 18))
    assert box_sums(image, 3)[5, 7] == image[4:7, 6:9].sum()
    assert box_sums(image, 5)[0, 0] == image[:3, :3].sum()
    assert rebinned(image, 4).sum() == image.sum()
    assert rebinned(image, 4).shape == (4, 5)


def test_local_likelihood_allows_for_the_uncertainty_of_the_frame() -> None:
    """At few counts the frame knows little: the same image gives less likelihood than with the true background."""
    image = field([(80.0, 80.0, 12.0)], level=0.01, bands=1)
    known = search(image, BoxSettings(likemin=3.0, with_map=True, runs=1))
    guessed = search(image, BoxSettings(likemin=1.0, runs=1))

    def best(sources: object) -> float:
        near = np.hypot(sources.x - 80.0, sources.y - 80.0) < 3.0  # type: ignore[attr-defined]
        return float(sources.likelihood[near].max(initial=0.0))  # type: ignore[attr-defined]

    assert 0.0 < best(guessed) < best(known)


def test_bright_sources_have_large_likelihoods() -> None:
    """200,000 counts in each band: the likelihood stays a number, and grows with the counts."""
    likelihoods = []
    for counts in (2e3, 2e4, 2e5):
        found = search(field([(80.0, 80.0, counts)]), BoxSettings(likemin=20.0, with_map=True))
        assert np.all(np.isfinite(found.likelihood))
        assert np.all(np.isfinite(found.like))
        likelihoods.append(float(found.likelihood.max()))
    assert likelihoods[2] > 1e5
    assert np.all(np.diff(likelihoods) > 0)


@pytest.mark.parametrize("with_map", [True, False])
@pytest.mark.parametrize("factor", [1, 2, 4])
def test_likelihoods_of_noise_are_as_frequent_as_they_say(with_map: bool, factor: int) -> None:
    """Everywhere, beside gaps too, L is exceeded with a probability of exp(-L) or, counts being whole, less."""
    settings = BoxSettings(with_map=with_map)
    images = [likelihood_image(field([], level=0.3, seed=seed, gap=True), settings, factor) for seed in range(12)]
    for level in (2.0, 4.0):
        share = np.mean(np.stack(images) > level) / np.exp(-level)
        assert 0.3 < share < 1.1


@pytest.mark.parametrize("counts", [300.0, 1e4, 1e6])
@pytest.mark.parametrize("with_map", [True, False])
def test_one_source_is_one_record(counts: float, with_map: bool) -> None:
    """However bright: larger boxes and wings make no second one. (Noise of bright wings reaches 14 now and then.)"""
    found = search(field([(80.4, 79.7, counts)], level=0.02), BoxSettings(likemin=20.0, with_map=with_map))
    assert len(found) == 1
    assert np.hypot(found.x[0] - 80.4, found.y[0] - 79.7) < 0.4


@pytest.mark.parametrize(("dx", "dy"), [(5.0, 0.0), (0.0, -5.2), (3.6, 3.6), (-6.0, 2.0)])
def test_a_source_on_the_slope_of_a_brighter_one_is_found(dx: float, dy: float) -> None:
    """20 arcsec from one of seven times its counts there is no maximum of the likelihood."""
    place = (80.4 + dx, 79.7 + dy)
    found = search(field([(80.4, 79.7, 500.0), (*place, 70.0)]), BoxSettings(likemin=10.0, with_map=True))
    assert len(found) == 2
    assert np.hypot(found.x[1] - place[0], found.y[1] - place[1]) < 1.5


@pytest.mark.parametrize(("core", "counts"), [(5.0, 200.0), (5.0, 2000.0), (10.0, 2000.0)])
def test_nothing_is_sought_on_the_slope_of_an_extended_source(
    core: float, counts: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise has maxima on it; the search beside points adds none."""
    image = field([], level=0.05)
    y, x = np.mgrid[:SIZE, :SIZE]
    profile = (1.0 + ((x - 80.0) ** 2 + (y - 80.0) ** 2) / core**2) ** -1.5
    rng = np.random.default_rng(5)
    planes = tuple(
        replace(plane, counts=plane.counts + rng.poisson(counts * profile / profile.sum())) for plane in image.planes
    )
    settings = BoxSettings(likemin=10.0, with_map=True)
    found = search(replace(image, planes=planes), settings)
    monkeypatch.setattr(boxsearch, "_ROUNDS", 0)
    assert len(found) == len(search(replace(image, planes=planes), settings)) > 0


@pytest.mark.parametrize("with_map", [True, False])
def test_pairs_are_two(with_map: bool) -> None:
    """Equal sources 15 arcsec apart, of 200 counts in two bands: a box between them does not stand for both."""
    offset = 15.0 / 4.0 / 2.0
    split = 0
    for seed in range(10):
        pair = [(80.3 + offset, 80.1, 100.0), (80.3 - offset, 80.1, 100.0)]
        found = search(field(pair, level=0.02, seed=seed), BoxSettings(likemin=5.0, with_map=with_map))
        split += int(np.sum(np.hypot(found.x - 80.3, found.y - 80.1) < 6.0) >= 2)
    assert split >= 8
