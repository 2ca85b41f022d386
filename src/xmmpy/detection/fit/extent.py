"""Whether a source is extended, and how far."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.detection.fit.data import EXTENT, RATES, Templates
from xmmpy.detection.likelihoods import equivalent_likelihood
from xmmpy.detection.psf import STEP

if TYPE_CHECKING:
    from xmmpy.detection.fit.problem import Problem
    from xmmpy.detection.fit.settings import FitSettings

_FIRST_EXTENTS: Final = (3.0, 1.0, 8.0)  # pixels, where fits of the extent begin
_PROMISING: Final = 0.5  # gain of the first that makes the others worth a try


def extension_score(problem: Problem, number: int) -> float:
    """Standard deviations by which a source, fitted as a point, looks like one that is blurred a little.

    A narrow Gaussian blur changes the image by its Laplacian. The score of that change, free of what the rates can do,
    tells whether a fit of the extent is worth its time.
    """
    tables = problem.templates.values[:, :, :1]
    distance = np.maximum(STEP * np.arange(tables.shape[3]), STEP)
    slope = np.gradient(tables, STEP, axis=3)
    laplacian = np.gradient(slope, STEP, axis=3) + slope / distance
    changed = Templates(np.zeros(1), laplacian, np.zeros_like(laplacian), problem.templates.turn)
    image = problem.image(number)
    planes = np.repeat(np.arange(problem.parameters.shape[1] - RATES), np.diff(problem.pixels.first))
    blur = problem.parameters[number, RATES:][planes] * replace(problem, templates=changed).image(number)
    model = problem.model()
    own, cross, rate = (
        np.bincount(planes, values / model, minlength=problem.parameters.shape[1] - RATES)
        for values in (blur**2, blur * image, image**2)
    )
    information = float(np.sum(own - cross**2 / np.maximum(rate, 1e-300)))
    score = float(np.sum((problem.pixels.counts / model - 1.0) * blur))
    return score / np.sqrt(information) if information > 0.0 else 0.0


def try_extent(problem: Problem, settings: FitSettings, number: int) -> tuple[Problem, float]:
    """Fit a source as a point and as an extended one.

    Returns
    -------
    problem : Problem
        The better of both, the extended one only where it is so by ``dmlextmin``.
    likelihood : float
        EXT_ML.
    """
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
    likelihood = extent_likelihood(point.statistic, best.statistic)
    if likelihood >= settings.dmlextmin and best.parameters[number, EXTENT] >= settings.minextent:
        return best, likelihood
    return point, likelihood


def extent_likelihood(point: float, extended: float) -> float:
    """EXT_ML: the equivalent likelihood of one more parameter, from the statistics of both fits."""
    return float(equivalent_likelihood(0.5 * (point - extended), 1.0))
