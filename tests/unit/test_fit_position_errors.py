"""What the noise of fitted rates adds to the error of a position."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xmmpy.detection.fit.data import RATES, Limits, Pixels, Templates, X, Y
from xmmpy.detection.fit.errors import CONTAINED, looseness, position_errors
from xmmpy.detection.fit.problem import Problem
from xmmpy.detection.psf import STEP, PsfShape, radial_table

HALF = 9
SIDE = 2 * HALF + 1


def problem_of(
    planes: int, background: float, counts: float, generator: np.random.Generator | None = None, share: float = 1.0
) -> Problem:
    """A source in the middle of equal planes, fitted; `share` of its counts is spread over all planes but the first."""
    value = radial_table(PsfShape(5.0, 1.5), 4.0).value[None, : int(45.0 / STEP)]
    values = np.stack([value] * planes)[None]
    turn = np.tile([1.0, 0.0, 1.0], (1, planes, 1))
    tables = Templates(np.zeros(1), values, np.zeros_like(values), turn)
    y, x = np.mgrid[-HALF : HALF + 1, -HALF : HALF + 1].reshape(2, -1).astype(float) + 30.0
    first = np.arange(planes + 1) * x.size
    ones = np.ones(planes * x.size)
    pixels = Pixels(first, np.tile(x, planes), np.tile(y, planes), 0.0 * ones, ones, background * ones)
    rates = np.full(planes, counts * share / planes)
    rates[0] += counts * (1.0 - share)
    parameters = np.concatenate([[30.0, 30.0, 0.0], rates])[None]
    free = np.ones(parameters.size, bool)
    free[2] = False
    low = np.concatenate([[24.0, 24.0, 0.0], np.zeros(planes)])
    limits = Limits(free, low, np.concatenate([[36.0, 36.0, 0.0], np.full(planes, np.inf)]))
    problem = Problem(pixels, tables, parameters, limits)
    mean = problem.model()
    counted = mean if generator is None else generator.poisson(mean).astype(float)
    return replace(problem, pixels=pixels._replace(counts=counted)).minimise()


def test_bright_sources_are_left_alone() -> None:
    assert looseness(problem_of(8, 0.05, 1e5), 0) == pytest.approx(1.0, abs=1e-3)


def test_planes_that_have_only_background_make_it_worse() -> None:
    few, many = (problem_of(planes, 5.0, 250.0, share=0.3) for planes in (2, 12))
    assert looseness(many, 0) > looseness(few, 0) > 1.0


def test_a_source_of_rate_zero_has_no_factor() -> None:
    problem = problem_of(2, 1.0, 100.0)
    parameters = problem.parameters.copy()
    parameters[:, RATES:] = 0.0
    assert looseness(replace(problem, parameters=parameters), 0) == 1.0


def test_errors_of_weak_sources_on_many_planes_hold_what_they_should() -> None:
    generator = np.random.default_rng(10)
    alone, widened = [], []
    for _ in range(500):
        problem = problem_of(10, 5.0, 320.0, generator)  # seven standard deviations over all planes
        offset = np.hypot(*(problem.parameters[0, [X, Y]] - 30.0))
        free = problem.limits.free
        assert problem.fisher is not None
        covariance = 2.0 * np.linalg.inv(problem.fisher[np.ix_(free, free)])[:2, :2]
        radius = np.hypot(*position_errors(problem, 0, covariance))
        alone.append(offset < radius)
        widened.append(offset < radius * looseness(problem, 0))
    assert np.mean(alone) < 0.57
    assert np.mean(widened) == pytest.approx(CONTAINED, abs=0.06)
