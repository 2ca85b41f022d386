"""Fit of a few sources at once: which of them are there, how many, how extended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.detection.fit.data import EXTENT, RATES, Limits, Pixels, X, Y
from xmmpy.detection.fit.errors import find_errors
from xmmpy.detection.fit.extent import extension_score, try_extent
from xmmpy.detection.fit.problem import Problem
from xmmpy.detection.fit.settings import LEAST_MASKFRAC, FitSettings, Source
from xmmpy.detection.likelihoods import equivalent_likelihood

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xmmpy.detection.fit.model import Scene

    FloatArray = NDArray[np.float64]

MOST_SOURCES: Final = 8
"""Sources of one fit."""
_LEAST_SCORE = 1.0  # standard deviations by which a source must look extended for its extent to be fitted
_EXTENT_CIRCLE = 5.0  # radius of the circle of an extended source in extents
_WIDEST_CIRCLE = 40.0  # pixels
_FURTHEST = 6.0  # pixels that a source may go along an axis
_LEAST_SHARE = 0.05  # of the counts of a source: less is its point-spread function, not a companion


def fit_group(
    scene: Scene, settings: FitSettings, sources: Sequence[Source], threshold: float, *, errors: bool = False
) -> list[Source]:
    """Fit sources together; those whose DET_ML is below the threshold fall out.

    Parameters
    ----------
    scene : Scene
        The planes; what is expected there without these sources.
    settings : FitSettings
        How to fit.
    sources : sequence of Source
        Where to begin.
    threshold : float
        Least DET_ML.
    errors : bool
        Whether to find the errors of the parameters.

    Returns
    -------
    list of Source
        Those that are there, with parameters and likelihoods; more than were given where one was split.
    """
    sources = [placed for source in sources if (placed := _placed(scene, settings, source)).used.any()]
    if not sources:
        return []
    problem, sources = _prune(_problem(scene, settings, sources).minimise(), settings, sources, threshold)
    pruned = problem
    if settings.fitextent and sources:
        problem = _fit_extents(scene, problem, settings, sources)
        grown = problem.parameters[:, EXTENT] > 0.0
        if any(now and source.extent == 0.0 for now, source in zip(grown, sources, strict=True)):
            # An extended source has a wider circle: all begins again with it, before fainter sources are looked at.
            begin = [replace(one, parameters=row) for one, row in zip(sources, problem.parameters, strict=True)]
            return fit_group(scene, settings, begin, threshold, errors=errors)
    number = 0
    while number < len(sources) and settings.nmulsou > 1:
        problem, sources = _try_split(problem, settings, sources, number, max(threshold, settings.mlmin))
        number += 1
    if problem is not pruned:
        problem, sources = _prune(problem, settings, sources, threshold)
    for source, parameters in zip(sources, problem.parameters, strict=True):
        source.parameters = parameters.copy()
        source.errors = np.full(parameters.size, np.nan)
    if errors and sources:
        for source, values in zip(sources, find_errors(problem), strict=True):
            source.errors = values
    return sources


def _fit_extents(scene: Scene, problem: Problem, settings: FitSettings, sources: list[Source]) -> Problem:
    """Fit the extents of those sources that are no points already or ask for it."""
    wide = [
        number
        for number, source in enumerate(sources)
        if source.extent > 0.0 or extension_score(problem, number) > _LEAST_SCORE
    ]
    if wide and problem.templates.nodes.size == 1:
        templates = scene.optics.templates([source.place for source in sources], problem.reach, extended=True)
        problem = replace(problem, templates=templates)
    for number in wide:
        problem, sources[number].extent_ml = try_extent(problem, settings, number)
    return problem


def _placed(scene: Scene, settings: FitSettings, source: Source) -> Source:
    """A source with its circle and what of it lies on the mask."""
    x, y = source.place
    optics = scene.optics
    radii = optics.radii(x, y, settings.ecut)
    if source.extent > 0.0:
        radii = np.minimum(np.hypot(radii, _EXTENT_CIRCLE * source.extent), _WIDEST_CIRCLE)
    tables = optics.at_extent(x, y, source.extent)
    sums = scene.weigh(x, y, radii, tables)
    used = (sums[:, 1] >= LEAST_MASKFRAC * sums[:, 0]) & (sums[:, 2] > 0.0)
    return replace(source, radii=radii, sums=sums, used=used)


def _problem(scene: Scene, settings: FitSettings, sources: Sequence[Source]) -> Problem:
    places = [source.place for source in sources]
    radii = np.stack([np.where(source.used, source.radii, 0.0) for source in sources])
    pixels = scene.pixels(places, radii)
    spread = max(np.hypot(a[0] - b[0], a[1] - b[1]) for a in places for b in places)
    squeeze = max(float(scene.optics.look(*place).turn[:, 2].max()) for place in places)
    reach = (spread + float(radii.max()) + 1.5 * _wander(radii) + 2.0) * squeeze
    templates = scene.optics.templates(places, reach, extended=any(source.extent > 0.0 for source in sources))
    parameters = np.stack([source.parameters for source in sources])
    parameters[:, RATES:] = np.where([source.used for source in sources], parameters[:, RATES:], 0.0)
    for source, row in zip(sources, parameters, strict=True):
        if not np.isfinite(row).all():
            row[RATES:] = _first_rates(pixels, source, len(sources))
    limits = _limits(settings, sources, parameters)
    return Problem(pixels, templates, parameters, limits, reach)


def _first_rates(pixels: Pixels, source: Source, sharing: int) -> FloatArray:
    """Rates with which to begin: the excess over the background, shared among the sources of the group."""
    rates = np.zeros(source.used.size)
    for plane in np.flatnonzero(source.used):
        part = slice(pixels.first[plane], pixels.first[plane + 1])
        excess = float(np.sum(pixels.counts[part] - pixels.background[part]))
        rates[plane] = max(excess / sharing, 0.5) / float(source.sums[plane, 2])
    return rates


def _wander(radii: FloatArray) -> float:
    """How far (pixels) a source may go along each axis from where the fit begins."""
    return min(float(radii.max()), _FURTHEST)


def _limits(settings: FitSettings, sources: Sequence[Source], parameters: FloatArray) -> Limits:
    free = np.zeros(parameters.shape, bool)
    low, high = np.full(parameters.shape, -np.inf), np.full(parameters.shape, np.inf)
    for n, source in enumerate(sources):
        wander = _wander(source.radii)
        free[n, [X, Y]] = settings.fitposition
        low[n, [X, Y]], high[n, [X, Y]] = parameters[n, [X, Y]] - wander, parameters[n, [X, Y]] + wander
        free[n, EXTENT] = source.extent > 0.0
        low[n, EXTENT], high[n, EXTENT] = 0.0, settings.maxextent
        free[n, RATES:] = source.used & settings.fitcounts
        low[n, RATES:] = -np.inf if settings.fitnegative else 0.0
    return Limits(free.ravel(), low.ravel(), high.ravel())


def _prune(
    problem: Problem, settings: FitSettings, sources: list[Source], threshold: float
) -> tuple[Problem, list[Source]]:
    """Take sources out, the least likely first, until all are above the threshold; their likelihoods are set."""
    while sources:
        here = problem.by_plane()
        for number, source in enumerate(sources):
            source.likelihoods = np.maximum(0.5 * (problem.without(number).by_plane() - here), 0.0)
        worst = int(np.argmin([source.det_ml(settings) for source in sources]))
        if sources[worst].det_ml(settings) >= threshold:
            break
        sources = [source for source in sources if source is not sources[worst]]
        problem = problem.without(worst)
    return problem, sources


def _try_split(
    problem: Problem, settings: FitSettings, sources: list[Source], number: int, threshold: float
) -> tuple[Problem, list[Source]]:
    """Look for a companion of a source in what the fit leaves over, and fit both."""
    parent = sources[number]
    family = [source for source in sources if source.candidate == parent.candidate]
    if not parent.splittable or len(family) >= settings.nmulsou or len(sources) >= MOST_SOURCES:
        return problem, sources
    extent = float(problem.parameters[number, EXTENT])
    reach = float(parent.radii.max())
    if extent > 0.0:  # as wide as the circle of a point
        reach = np.sqrt(max(reach**2 - (_EXTENT_CIRCLE * extent) ** 2, (0.5 * reach) ** 2))
    if extent > reach:
        return problem, sources
    single = problem
    if extent > 0.0:
        single = problem.with_free(number, EXTENT, free=False)
        single = replace(single, parameters=single.parameters.copy())
        single.parameters[number, EXTENT] = 0.0
        single = single.minimise()
    best = min((start.minimise() for start in _pairs(single, number, reach)), key=lambda one: one.statistic)
    planes = int(parent.used.sum())
    gain = 0.5 * (single.statistic - best.statistic)
    if equivalent_likelihood(gain, settings.shape_parameters + planes) < threshold:
        return problem, sources
    # An extended source has one parameter more than a point, a pair two and a rate on each plane.
    if best.statistic + 2.0 * (1 + planes) > problem.statistic and single is not problem:
        return problem, sources
    weights = np.where(parent.used, parent.sums[:, 2], 0.0)
    counts = best.parameters[[number, -1], RATES:] @ weights
    if counts.min() < _LEAST_SHARE * counts.max():
        return problem, sources
    companion = replace(parent, parameters=best.parameters[-1].copy(), extent_ml=0.0)
    parent.extent_ml = 0.0
    return best, [*sources, companion]


def _pairs(single: Problem, number: int, reach: float) -> list[Problem]:
    """Problems with a second source where the residuals ask for one: beside the first, and the first moved away."""
    from xmmpy.detection.fit import kernels

    pixels, templates = single.pixels, single.templates
    x, y = single.parameters[number, [X, Y]]
    places = np.unique(np.stack([pixels.x, pixels.y], axis=1), axis=0)
    near = np.hypot(places[:, 0] - x, places[:, 1] - y)
    places = places[(near < reach) & (near > 0.7)]
    if not len(places):
        return [single]
    scores = kernels.search(pixels, single.model(), places, templates.values[number, :, 0], templates.turn[number])
    away = places[int(np.argmax(scores))] - (x, y)
    starts = []
    for share, back in ((0.5, 1.0), (0.2, 0.0)):
        parameters = np.vstack([single.parameters, single.parameters[number]])
        parameters[-1, [X, Y]] += away
        parameters[number, [X, Y]] -= back * away
        parameters[-1, RATES:] *= share
        parameters[number, RATES:] *= 1.0 - share
        starts.append(single.with_one_more(number, parameters))
    return starts
