"""Errors of the parameters: how far each may go before the statistic has risen by 1.

A rise of C by 1 bounds one parameter with a confidence of 68 % (Cash 1979; Lampton, Margon and Bowyer 1976). Positions
and extents go with all other parameters fitted again. Rates go alone, one plane each, where the likelihood has its
skew; how much the other parameters widen them follows from the second derivatives.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.detection.fit.data import RATES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.detection.fit.group import Problem

    FloatArray = NDArray[np.float64]

_CLOSE: Final = 0.01  # how well the rise is met, in its root
_TRIALS: Final = 12
_HALVINGS: Final = 30


def find_errors(problem: Problem) -> FloatArray:
    """Errors of all parameters of a fitted problem, shape (S, 3 + P); NaN for those that are held.

    The mean of the distances down and up; the one up for a rate that meets its limit on the way down.
    """
    shape = problem.parameters.shape
    free = problem.limits.free.reshape(shape)
    joint, alone = (part.reshape(shape) for part in _deviations(problem))
    errors = np.where(free, joint, np.nan)
    for source in range(shape[0]):
        for parameter in np.flatnonzero(free[source, :RATES]):
            index = source * shape[1] + int(parameter)
            sides = [_distance(problem, index, sign, float(joint[source, parameter])) for sign in (-1.0, 1.0)]
            errors[source, parameter] = 0.5 * sum(sides)
        widening = np.maximum(joint[source, RATES:] / alone[source, RATES:], 1.0)
        rates = free[source, RATES:]
        errors[source, RATES:] = np.where(rates, _rate_errors(problem, source) * widening, np.nan)
    return errors


def _distance(problem: Problem, index: int, sign: float, guess: float) -> float:
    """How far a parameter goes, others fitted again, until the statistic has risen by 1, or to its limit."""
    limits, best = problem.limits, problem.parameters.ravel()
    room = best[index] - limits.low[index] if sign < 0.0 else limits.high[index] - best[index]
    free = limits.free.copy()
    free[index] = False
    held = replace(problem, limits=limits._replace(free=free))
    near, near_root, far, far_root = 0.0, 0.0, np.inf, np.inf
    distance = min(guess, room)
    parameters = problem.parameters
    for _ in range(_TRIALS):
        moved = parameters.copy()
        moved.ravel()[index] = best[index] + sign * distance
        found = replace(held, parameters=moved).minimise()
        root = float(np.sqrt(max(found.statistic - problem.statistic, 0.0)))
        if abs(root - 1.0) < _CLOSE:
            break
        if root < 1.0:
            near, near_root = distance, root
            if distance >= room:
                break
        else:
            far, far_root = distance, root
        parameters = found.parameters
        if np.isinf(far):
            distance = min(room, distance * min(max(1.0 / max(root, 0.1), 1.1), 3.0))
        else:
            share = (1.0 - near_root) / (far_root - near_root) if np.isfinite(far_root) else 0.5
            distance = near + (far - near) * min(max(share, 0.05), 0.95)
    return float(distance)


def _rate_errors(problem: Problem, source: int) -> FloatArray:
    """Error of the rate of a source on each plane while everything else rests, shape (P,)."""
    pixels, rates = problem.pixels, problem.parameters[source, RATES:]
    shape = problem.image(source)
    model = problem.model()
    numbers = np.diff(pixels.first)
    planes = np.flatnonzero(numbers)
    starts = pixels.first[:-1][planes]
    plane_of = np.repeat(np.arange(numbers.size), numbers)
    rest = model - rates[plane_of] * shape
    low = problem.limits.low.reshape(problem.parameters.shape)[source, RATES:]

    def rise(change: FloatArray) -> FloatArray:
        moved = np.maximum(rest + (rates + change)[plane_of] * shape, 1e-300)
        each = 2.0 * (moved - model - pixels.counts * np.log(moved / model))
        result = np.zeros(numbers.size)
        result[planes] = np.add.reduceat(each, starts)
        return result

    whole = np.zeros(numbers.size)
    whole[planes] = np.add.reduceat(shape, starts)
    step = 1.0 / np.maximum(whole, 1e-300)  # one count
    sides = []
    for sign in (-1.0, 1.0):
        room = np.minimum(rates - low, 1e300) if sign < 0.0 else np.full(rates.size, 1e300)
        far = np.minimum(step, room)
        for _ in range(_HALVINGS):
            short = (rise(sign * far) < 1.0) & (far < room)
            if not short.any():
                break
            far = np.where(short, np.minimum(2.0 * far, room), far)
        near = np.zeros(rates.size)
        for _ in range(_HALVINGS):
            middle = 0.5 * (near + far)
            beyond = rise(sign * middle) >= 1.0
            near, far = np.where(beyond, near, middle), np.where(beyond, middle, far)
        sides.append(far)
    at_limit = sides[0] >= (rates - low) * (1.0 - 1e-6)
    return np.asarray(np.where(at_limit, sides[1], 0.5 * (sides[0] + sides[1])))


def _deviations(problem: Problem) -> tuple[FloatArray, FloatArray]:
    """Standard deviations from the expected second derivatives of C: with the others fitted, and on their own.

    C is twice -ln L, so that the covariance is twice the inverse.
    """
    assert problem.fisher is not None
    diagonal = np.diag(problem.fisher)
    index = np.flatnonzero(problem.limits.free & (diagonal > 0.0))
    scale = np.sqrt(2.0 / diagonal[index])
    matrix = 0.5 * problem.fisher[np.ix_(index, index)] * np.outer(scale, scale)
    joint, alone = np.ones(diagonal.size), np.ones(diagonal.size)
    alone[index] = scale
    joint[index] = np.sqrt(np.maximum(np.diag(np.linalg.pinv(matrix, hermitian=True)), 1.0)) * scale
    return joint, alone
