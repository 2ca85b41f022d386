"""The compiled loops of the source fit, and the errors: against finite differences and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq

from xmmpy.detection.fit import kernels
from xmmpy.detection.fit.data import EXTENT, RATES, Limits, Pixels, Templates
from xmmpy.detection.fit.errors import find_errors
from xmmpy.detection.fit.problem import Problem
from xmmpy.detection.psf import STEP, PsfShape, extended_tables, radial_table

SHAPES = (PsfShape(5.0, 1.5), PsfShape(6.0, 1.4, 0.25))
NODES = np.concatenate([[0.0], np.geomspace(0.5, 12.0, 10)])
PIXEL = 4.0


def templates(sources: int, *, extended: bool = True) -> Templates:
    """Two planes, the second with an elliptical point-spread function that lies askew."""
    from scipy.interpolate import CubicSpline

    length = int(45.0 / STEP)
    turn = np.array([[1.0, 0.0, 1.0], [np.cos(0.7), np.sin(0.7), 1.0 / 0.75]])
    if not extended:
        values = np.stack([radial_table(shape, PIXEL).value[None, :length] for shape in SHAPES])
        return Templates(
            np.zeros(1), np.stack([values] * sources), np.zeros((sources, *values.shape)), np.stack([turn] * sources)
        )
    values = np.stack([extended_tables(shape, PIXEL, NODES)[0][:, :length] for shape in SHAPES])
    slopes = np.stack([CubicSpline(NODES, part, axis=0)(NODES, 1) for part in values])
    return Templates(NODES, np.stack([values] * sources), np.stack([slopes] * sources), np.stack([turn] * sources))


def grid(background: float = 0.05, exposure: float = 1e4, half: int = 9) -> Pixels:
    y, x = np.mgrid[-half : half + 1, -half : half + 1].reshape(2, -1).astype(float) + 30.0
    number = x.size
    first = np.array([0, number, 2 * number])
    both = np.ones(2 * number)
    return Pixels(first, np.tile(x, 2), np.tile(y, 2), 0.0 * both, exposure * both, background * both)


def expected(pixels: Pixels, tables: Templates, parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    model = pixels.background.copy()
    kernels.expected(parameters, pixels, tables, model)
    return model


def evaluate(pixels: Pixels, tables: Templates, parameters: NDArray[np.float64]):  # type: ignore[no-untyped-def]
    shape = (len(parameters), 2, tables.values.shape[3])
    made = (np.empty(shape), np.empty(shape), np.empty(shape))
    for s, row in enumerate(parameters):
        kernels.blend(row[EXTENT], tables.nodes, tables.values[s], tables.slopes[s], made[0][s], made[1][s], made[2][s])
    gradient, fisher = np.empty(parameters.size), np.empty((parameters.size, parameters.size))
    statistic = kernels.evaluate(parameters, pixels, tables.turn, made, gradient, fisher)
    return statistic, gradient, fisher


PAIR = np.array([[29.3, 30.4, 2.0, 0.02, 0.01], [32.6, 28.2, 0.8, 0.005, 0.015]])


def test_gradient_is_the_slope_of_the_statistic() -> None:
    tables, pixels = templates(2), grid()
    counts = np.random.default_rng(3).poisson(expected(pixels, tables, PAIR * 1.1)).astype(float)
    pixels = pixels._replace(counts=counts)
    _, gradient, _ = evaluate(pixels, tables, PAIR)
    for index, scale in enumerate(np.tile([1e-3, 1e-3, 1e-3, 1e-6, 1e-6], 2)):
        high, low = PAIR.copy(), PAIR.copy()
        high.ravel()[index] += scale
        low.ravel()[index] -= scale
        slope = (evaluate(pixels, tables, high)[0] - evaluate(pixels, tables, low)[0]) / (2.0 * scale)
        assert gradient[index] == pytest.approx(slope, rel=0.01, abs=0.02 / scale * 1e-3)


def test_fisher_is_the_curvature_where_the_data_are_as_expected() -> None:
    tables, pixels = templates(2), grid()
    pixels = pixels._replace(counts=expected(pixels, tables, PAIR))
    _, gradient, fisher = evaluate(pixels, tables, PAIR)
    scale = np.tile([1e-2, 1e-2, 1e-2, 1e-5, 1e-5], 2)
    assert np.abs(gradient * scale).max() < 1e-8
    moved = PAIR + scale.reshape(PAIR.shape) * np.array([[1, -1, 0.5, 1, -1], [-1, 1, 1, -0.5, 1]])
    change = (moved - PAIR).ravel()
    rise = evaluate(pixels, tables, moved)[0] - evaluate(pixels, tables, PAIR)[0]
    assert rise == pytest.approx(0.5 * change @ fisher @ change, rel=0.02)
    assert np.allclose(fisher, fisher.T)


def test_solve_is_the_linear_solution_of_the_free_parameters() -> None:
    generator = np.random.default_rng(1)
    root = generator.normal(size=(6, 6)) * np.array([1, 1e3, 1e-3, 1, 1, 1])[:, None]
    matrix, vector = root @ root.T, generator.normal(size=6)
    free = np.array([True, True, True, False, True, True])
    step = np.empty(6)
    kernels.solve(matrix, vector, free, 0.0, step)
    inside = np.ix_(free, free)
    assert step[3] == 0.0
    assert step[free] == pytest.approx(-np.linalg.solve(matrix[inside], vector[free]), rel=1e-5)


@pytest.mark.parametrize("extended", [True, False])
def test_minimum_of_exact_data_is_the_truth(extended: bool) -> None:
    truth = PAIR.copy()
    if not extended:
        truth[:, EXTENT] = 0.0
    tables, pixels = templates(2, extended=extended), grid()
    pixels = pixels._replace(counts=expected(pixels, tables, truth))
    begin = truth + np.array([[0.5, -0.4, 0.7, 0.01, -0.004], [-0.6, 0.5, 0.5, 0.005, 0.01]])
    begin[:, EXTENT] *= extended
    free = np.ones(begin.shape, bool)
    free[:, EXTENT] = extended
    low, high = np.full(begin.shape, -np.inf), np.full(begin.shape, np.inf)
    low[:, EXTENT:], high[:, EXTENT] = 0.0, 12.0
    found = Problem(pixels, tables, begin, Limits(free.ravel(), low.ravel(), high.ravel())).minimise()
    errors = np.sqrt(2.0 * np.diag(np.linalg.pinv(found.fisher[np.ix_(free.ravel(), free.ravel())])))
    assert np.abs((found.parameters - truth)[free] / errors).max() < 0.05


def test_tables_between_the_nodes() -> None:
    tables = templates(1)
    table, slope, growth = np.empty((3, 2, tables.values.shape[3]))
    kernels.blend(2.3, tables.nodes, tables.values[0], tables.slopes[0], table, slope, growth)
    exact = extended_tables(SHAPES[0], PIXEL, np.array([2.3, 2.31]))[0][:, : table.shape[1]]
    assert table[0, :400] == pytest.approx(exact[0, :400], rel=3e-3)
    assert growth[0, :100] == pytest.approx((exact[1] - exact[0])[:100] / 0.01, rel=0.05, abs=1e-4)


def test_weights_of_a_circle_are_the_encircled_energy() -> None:
    table = radial_table(SHAPES[0], PIXEL).value[None]
    usable, exposure = np.ones((1, 60, 60), bool), np.full((1, 60, 60), 5e3)
    usable[0, :, :30] = False
    turn = np.array([[1.0, 0.0, 1.0]])
    (sums,) = kernels.weigh((29.5, 30.2), np.array([20.0]), table, turn, usable, exposure)
    assert sums[0] == pytest.approx(float(SHAPES[0].encircled(20.0 * PIXEL)), abs=0.005)
    assert sums[1] == pytest.approx(0.5 * sums[0], rel=0.01)
    assert sums[2] == pytest.approx(5e3 * sums[1])
    (beyond,) = kernels.weigh((-0.5, 30.2), np.array([20.0]), table, turn, np.ones_like(usable), exposure)
    assert beyond[1] == pytest.approx(0.5 * beyond[0], rel=0.01)


def _problem(parameters: NDArray[np.float64], background: float, *, noise: int | None) -> Problem:
    tables, pixels = templates(1, extended=False), grid(background)
    model = expected(pixels, tables, parameters)
    counts = model if noise is None else np.random.default_rng(noise).poisson(model).astype(float)
    free = np.ones(parameters.shape, bool)
    free[:, EXTENT] = False
    low, high = np.full(parameters.shape, -np.inf), np.full(parameters.shape, np.inf)
    low[:, RATES:] = 0.0
    limits = Limits(free.ravel(), low.ravel(), high.ravel())
    return Problem(pixels._replace(counts=counts), tables, parameters.copy(), limits).minimise()


def test_errors_of_a_bright_source_are_the_normal_ones() -> None:
    problem = _problem(np.array([[30.2, 29.7, 0.0, 0.5, 0.3]]), 0.05, noise=None)
    free = problem.limits.free
    covariance = 2.0 * np.linalg.inv(problem.fisher[np.ix_(free, free)])
    assert find_errors(problem)[0, [0, 1, 3, 4]] == pytest.approx(np.sqrt(np.diag(covariance)), rel=0.02)


@pytest.mark.parametrize("number", [0, 1, 4, 20])
def test_errors_of_few_counts_are_where_c_rises_by_one(number: int) -> None:
    # All counts in the pixel of the source, no background: the likelihood is that of Poisson's distribution.
    tables, pixels = templates(1, extended=False), grid(1e-12)
    counts = np.zeros(pixels.x.size)
    counts[(pixels.x == 30.0) & (pixels.y == 30.0)] = number
    free = np.array([False, False, False, True, True])
    low = np.array([0.0, 0.0, 0.0, 0.0, 0.0])
    begin = np.array([[30.0, 30.0, 0.0, 1e-3, 1e-3]])
    problem = Problem(pixels._replace(counts=counts), tables, begin, Limits(free, low, np.full(5, np.inf))).minimise()
    weight = problem.image(0)[: pixels.first[1]].sum()

    def rise(mean: float) -> float:
        return 2.0 * (mean - number - (number * np.log(mean / number) if number else 0.0)) - 1.0

    up = brentq(rise, max(number, 1e-9), number + 40.0) - number
    down = number - brentq(rise, 1e-12, number) if number and rise(1e-12) > 0.0 else None
    wanted = up if down is None else 0.5 * (up + down)
    assert problem.parameters[0, RATES] * weight == pytest.approx(number, abs=0.02)
    assert find_errors(problem)[0, RATES] * weight == pytest.approx(wanted, rel=0.02)
