"""Fits of sources whose places, rates and extents are known, drawn photon by photon."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from photon_field import CAMERAS, SHARES, Photons, photon_field

from xmmpy.detection.boxes import BoxSettings
from xmmpy.detection.boxsearch import search
from xmmpy.detection.fit.data import EXTENT, RATES, X, Y
from xmmpy.detection.fit.fitting import fit_sources
from xmmpy.detection.fit.model import Optics, Scene
from xmmpy.detection.fit.settings import FitSettings, Source
from xmmpy.detection.planes import Field
from xmmpy.detection.psf import Psf

pytestmark = pytest.mark.truth

EXPOSURE = 1e4
PSF = {instrument: Psf(camera) for instrument, camera in CAMERAS.items()}


def lattice(seed: int, counts: Sequence[float], *, step: int = 36, core: float = 0.0) -> tuple[list[Photons], int]:
    """Sources on a lattice, each somewhere in its pixel; and the size of the field."""
    generator = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(len(counts))))
    places = list(product(range(side), repeat=2))
    middle = np.array(places) * step + step / 2.0 + generator.random((len(places), 2))
    return [Photons(x, y, c, core) for (x, y), c in zip(middle, counts, strict=False)], side * step


def begin(sources: Sequence[Photons], seed: int) -> list[Source]:
    """Candidates half a pixel from the sources, the brightest first."""
    generator = np.random.default_rng(seed)
    order = sorted(range(len(sources)), key=lambda n: -sources[n].counts)
    found = []
    for n in order:
        x, y = np.array([sources[n].x, sources[n].y]) + generator.normal(scale=0.4, size=2)
        found.append(Source(n, np.concatenate([[x, y, 0.0], np.full(SHARES.size, np.nan)])))
    return found


def fit(field: Field, candidates: list[Source], *, errors: bool = True, **settings: float) -> list[Source]:
    scene = Scene.of_field(Optics(field, PSF))
    return fit_sources(scene, FitSettings(**settings), candidates, errors=errors)  # type: ignore[arg-type]


def compare(found: list[Source], sources: Sequence[Photons]) -> NDArray[np.float64]:
    """Offset, RADEC_ERR (pixels), pull of the rate of all planes."""
    rows = []
    for one in found:
        truth = sources[one.candidate]
        offset = np.hypot(one.parameters[X] - truth.x, one.parameters[Y] - truth.y)
        radius = np.hypot(one.errors[X], one.errors[Y])
        error = np.sqrt(np.nansum(one.errors[RATES:] ** 2))
        rows.append((offset, radius, (one.rates.sum() - truth.counts / EXPOSURE) / error))
    return np.array(rows)


@pytest.mark.parametrize(("low", "high"), [(25.0, 50.0), (50.0, 300.0), (300.0, 2000.0)])
def test_positions_and_rates_are_as_good_as_their_errors(low: float, high: float) -> None:
    counts = np.geomspace(low, high, 144)
    sources, size = lattice(11, counts)
    field = photon_field(12, sources, size=size, gaps=True)
    found = fit(field, begin(sources, 13), mlmin=10.0)
    offset, radius, pull = compare(found, sources).T
    # 63.2 % expected; 4 % is one standard deviation of that many sources.
    assert np.mean(offset < radius) == pytest.approx(0.632, abs=0.12)
    assert np.median(offset) == pytest.approx(0.833 * np.median(radius), rel=0.2)
    if low >= 50.0:
        assert len(found) == len(sources)
        assert abs(pull.mean()) < 0.25
        assert 0.8 < pull.std() < 1.2


def test_a_background_that_is_too_high_costs_its_counts_alone() -> None:
    sources, size = lattice(21, [200.0] * 49)
    found = fit(photon_field(22, sources, size=size, believed=1.1), begin(sources, 23), errors=False)
    rate = np.mean([one.rates.sum() for one in found]) * EXPOSURE
    # A tenth of 0.02 counts on some 65 pixels of 15 planes is 2 counts, a little more for the whole PSF.
    assert rate == pytest.approx(197.0, abs=5.0)


def test_rates_are_whole_beside_gaps() -> None:
    """Sources that lose up to half of their photons in a gap: the mean pull of 24 lies within three of its errors."""
    sources = [Photons(31.0 + 64.0 * n + 2.5, 24.0 + 26.0 * k, 2000.0) for n in range(2) for k in range(4)]
    pulls = []
    for seed in (31, 131, 231):
        found = fit(photon_field(seed, sources, size=160, gaps=True), begin(sources, seed + 1))
        assert len(found) == len(sources)
        assert all(0.5 < (one.sums[:, 1] / one.sums[:, 0]).min() < 0.95 for one in found)
        pulls.append(compare(found, sources)[:, 2])
    assert abs(np.mean(pulls)) < 3.0 / np.sqrt(24)
    assert np.abs(pulls).max() < 4.0


def test_two_candidates_of_one_source_are_one() -> None:
    """Sources a little wider than points, a candidate on each side: what the first leaves over is no second one."""
    truth = [Photons(20.3 + 40 * a, 20.2 + 40 * b, 1000.0, core=0.4) for a, b in product(range(3), repeat=2)]
    sides = [Source(2 * n + k, np.r_[one.x + d, one.y, 0.0, np.full(SHARES.size, np.nan)])
             for n, one in enumerate(truth) for k, d in enumerate((2.0, -2.0))]  # fmt: skip
    found = fit(photon_field(36, truth, size=124), sides, errors=False)
    assert len(found) == len(truth)
    for one in truth:
        assert min(np.hypot(f.parameters[X] - one.x, f.parameters[Y] - one.y) for f in found) < 0.4


def test_extent_of_extended_sources() -> None:
    sources, size = lattice(41, [1500.0] * 4, step=80, core=5.0)
    found = fit(photon_field(42, sources, size=size), begin(sources, 43), fitextent=1)
    assert len(found) == 4
    extent = np.array([one.extent for one in found])
    error = np.array([one.errors[EXTENT] for one in found])
    assert extent == pytest.approx(5.0, rel=0.2)
    assert extent.mean() == pytest.approx(5.0, rel=0.1)
    assert np.abs((extent - 5.0) / error).max() < 3.5
    assert np.mean([one.rates.sum() for one in found]) * EXPOSURE == pytest.approx(1500.0, rel=0.05)


def test_point_sources_have_no_extent() -> None:
    sources, size = lattice(51, np.geomspace(60.0, 1000.0, 64))
    found = fit(photon_field(52, sources, size=size), begin(sources, 53), errors=False, fitextent=1, dmlextmin=6.0)
    assert len(found) == 64
    assert sum(one.extent > 0.0 for one in found) <= 1


def _pairs(seed: int) -> tuple[list[Photons], int]:
    centres, size = lattice(seed, [400.0] * 16, step=50)
    generator = np.random.default_rng(seed)
    half = 15.0 / 4.0 / 2.0
    sources = []
    for centre in centres:
        angle = 2.0 * np.pi * generator.random()
        for sign in (1.0, -1.0):
            x, y = centre.x + sign * half * np.cos(angle), centre.y + sign * half * np.sin(angle)
            sources.append(Photons(x, y, 200.0))
    return sources, size


def _separated(found: list[Source], sources: Sequence[Photons]) -> int:
    """Pairs of which each source has one of its own within a pixel."""
    x, y = np.array([one.place for one in found]).T
    number = 0
    for pair in zip(sources[::2], sources[1::2], strict=True):
        distances = [np.hypot(x - source.x, y - source.y) for source in pair]
        nearest = {int(np.argmin(distance)) for distance in distances}
        number += len(nearest) == 2 and max(float(distance.min()) for distance in distances) < 1.0
    return number


def test_a_candidate_between_two_sources_is_split_where_that_is_allowed() -> None:
    sources, size = _pairs(61)
    field = photon_field(62, sources, size=size)
    middle = [
        Photons((one.x + other.x) / 2.0, (one.y + other.y) / 2.0, 400.0)
        for one, other in zip(sources[::2], sources[1::2], strict=True)
    ]
    assert len(fit(field, begin(middle, 63), errors=False)) == len(middle)
    assert _separated(fit(field, begin(middle, 63), errors=False, nmulsou=2), sources) >= 0.8 * len(middle)


def test_pairs_that_the_box_search_finds_are_two_sources() -> None:
    sources, size = _pairs(64)
    field = photon_field(65, sources, size=size)
    boxes = search(field, BoxSettings(5, 3, 8.0, with_map=True))
    candidates = [
        Source(int(n), np.concatenate([[boxes.x[n], boxes.y[n], 0.0], np.full(SHARES.size, np.nan)]))
        for n in np.argsort(-boxes.likelihood)
    ]
    found = fit(field, candidates, errors=False, nmulsou=2)
    assert _separated(found, sources) >= 0.8 * len(sources) / 2
    assert len(found) <= len(sources) + 1


def test_splitting_leaves_single_sources_whole() -> None:
    sources, size = lattice(71, np.geomspace(60.0, 5000.0, 49))
    found = fit(photon_field(72, sources, size=size), begin(sources, 73), errors=False, nmulsou=2)
    assert 49 <= len(found) <= 50


def test_background_alone_has_few_sources() -> None:
    field = photon_field(81, [], size=200)
    generator = np.random.default_rng(82)
    sources = [Photons(*(10.0 + 180.0 * generator.random(2)), 0.0) for _ in range(100)]
    found = fit(field, begin(sources, 83), mlmin=6.0)
    # DET_ML = -ln p of one place of many: e^-6 of some ten independent places about each candidate.
    assert len(found) <= 6


def test_equal_candidates_are_one_source() -> None:
    sources, size = lattice(91, [300.0] * 4)
    field = photon_field(92, sources, size=size)
    for together in (1, 2):
        found = fit(field, begin([*sources, *sources], 93), errors=False, nmaxfit=together)
        assert len(found) == 4
