"""Fit of a few sources at once: which of them are there, how many, how extended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.detection.fit.data import EXTENT, RATES, Limits, Pixels, Templates, X, Y
from xmmpy.detection.fit.errors import find_errors
from xmmpy.detection.fit.settings import LEAST_MASKFRAC, FitSettings, Source
from xmmpy.detection.likelihoods import equivalent_likelihood

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xmmpy.detection.fit.model import Scene

    FloatArray = NDArray[np.float64]

MOST_SOURCES: Final = 8
"""Sources of one fit."""
_MOST_STEPS = 60
_EXTENT_CIRCLE = 5.0  # radius of the circle of an extended source in extents
_WIDEST_CIRCLE = 40.0  # pixels
_FURTHEST = 6.0  # pixels that a source may go along an axis
_LEAST_SHARE = 0.05  # of the counts of a source: less is its point-spread function, not a companion
_FIRST_EXTENTS = (3.0, 1.0, 8.0)  # pixels, where fits of the extent begin
_PROMISING = 0.5  # gain of the first that makes the others worth a try


@dataclass(slots=True, eq=False)
class Problem:
    """Pixels, tables and parameters of a group, and its statistic once minimised.

    Attributes
    ----------
    parameters : ndarray, shape (S, 3 + P)
        As in `xmmpy.detection.fit.data`.
    limits : Limits
        Of the parameters.
    statistic : float
        C at the parameters.
    fisher : ndarray
        Expected second derivatives of C there.
    """

    pixels: Pixels
    templates: Templates
    parameters: FloatArray
    limits: Limits
    statistic: float = float("nan")
    fisher: FloatArray | None = None

    def minimise(self) -> Problem:
        """The same with the parameters that fit best."""
        from xmmpy.detection.fit import kernels

        parameters = self.parameters.copy()
        fisher = np.empty((parameters.size, parameters.size))
        found = kernels.minimise(parameters, self.pixels, self.templates, self.limits, _MOST_STEPS, fisher)
        return replace(self, parameters=parameters, statistic=float(found), fisher=fisher)

    def with_free(self, source: int, parameters: slice | int, *, free: bool) -> Problem:
        """The same with some parameters of a source free or held."""
        wanted = self.limits.free.reshape(self.parameters.shape).copy()
        wanted[source, parameters] = free
        return replace(self, limits=self.limits._replace(free=wanted.ravel()))

    def without(self, source: int) -> Problem:
        """The same without a source, fitted again."""
        kept = np.arange(len(self.parameters)) != source
        rest = replace(self, parameters=self.parameters[kept], **self._parts(kept))
        return rest.minimise() if len(rest.parameters) else rest

    def with_one_more(self, like: int, parameters: FloatArray) -> Problem:
        """The same with one more source, close to and with the tables of another; parameters of all are given."""
        order = np.append(np.arange(len(self.parameters)), like)
        return replace(self, parameters=parameters, **self._parts(order))

    def _parts(self, order: NDArray[Any]) -> dict[str, Any]:
        shape = self.parameters.shape
        limits = Limits(*(part.reshape(shape)[order].ravel() for part in self.limits))
        tables = self.templates
        templates = Templates(tables.nodes, tables.values[order], tables.slopes[order], tables.turn[order])
        return {"limits": limits, "templates": templates}

    def by_plane(self) -> FloatArray:
        """Statistic of each plane."""
        model = self.model()
        each = 2.0 * (model - self.pixels.counts * np.log(model))
        sums = np.concatenate([[0.0], np.cumsum(each)])
        return np.asarray(sums[self.pixels.first[1:]] - sums[self.pixels.first[:-1]])

    def model(self) -> FloatArray:
        """Expected counts of each pixel."""
        from xmmpy.detection.fit import kernels

        result = self.pixels.background.copy()
        kernels.expected(self.parameters, self.pixels, self.templates, result)
        return result

    def image(self, source: int) -> FloatArray:
        """Counts that a source of rate 1 gives in each pixel."""
        from xmmpy.detection.fit import kernels

        result = np.zeros(self.pixels.counts.size)
        one = replace(self, **self._parts(np.array([source])))
        parameters = self.parameters[[source]]
        parameters[0, RATES:] = 1.0
        kernels.expected(parameters, self.pixels, one.templates, result)
        return result


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
    if settings.fitextent:
        for number in range(len(sources)):
            problem = _try_extent(problem, settings, sources, number)
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
    templates = scene.optics.templates(places, reach, extended=settings.fitextent)
    parameters = np.stack([source.parameters for source in sources])
    parameters[:, RATES:] = np.where([source.used for source in sources], parameters[:, RATES:], 0.0)
    for source, row in zip(sources, parameters, strict=True):
        if not np.isfinite(row).all():
            row[RATES:] = _first_rates(pixels, source, len(sources))
    limits = _limits(settings, sources, parameters)
    return Problem(pixels, templates, parameters, limits)


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


def _try_extent(problem: Problem, settings: FitSettings, sources: list[Source], number: int) -> Problem:
    """Fit a source as a point and as an extended one, and keep the better if it is so by enough."""
    held = problem.with_free(number, EXTENT, free=False)
    held = replace(held, parameters=held.parameters.copy())
    held.parameters[number, EXTENT] = 0.0
    point = held.minimise()
    best = None
    current = problem.parameters[number, EXTENT]
    for extent in (current,) if current > 0.0 else _FIRST_EXTENTS:
        begin = point.with_free(number, EXTENT, free=True)
        begin = replace(begin, parameters=(problem if current > 0.0 else point).parameters.copy())
        begin.parameters[number, EXTENT] = min(extent, settings.maxextent)
        found = begin.minimise()
        if best is None or found.statistic < best.statistic:
            best = found
        if point.statistic - best.statistic < _PROMISING:
            break
    assert best is not None
    source = sources[number]
    source.extent_ml = extent_likelihood(point.statistic, best.statistic)
    if source.extent_ml >= settings.dmlextmin and best.parameters[number, EXTENT] >= settings.minextent:
        return best
    return point


def extent_likelihood(point: float, extended: float) -> float:
    """EXT_ML: the equivalent likelihood of one more parameter, from the statistics of both fits."""
    return float(equivalent_likelihood(0.5 * (point - extended), 1.0))


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
