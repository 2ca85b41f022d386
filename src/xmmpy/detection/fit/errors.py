"""Errors of the parameters, from the likelihood itself.

Extents: how far the parameter may go, all others fitted again, until C has risen by 1, which bounds one parameter with
a confidence of 68 % (Cash 1979; Lampton, Margon and Bowyer 1976); the mean of both sides. Rates: the same for each
plane alone, where the likelihood has its skew; how much the other parameters widen it follows from the second
derivatives. Positions: the circle that holds 63.2 % of the likelihood, see `position_errors`, widened by what the noise
of the rates adds, see `looseness`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.detection.fit.data import EXTENT, RATES, X, Y

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.detection.fit.problem import Problem

    FloatArray = NDArray[np.float64]

CONTAINED: Final = 1.0 - np.exp(-1.0)
"""Of a normal likelihood in two dimensions inside the radius sqrt(x_err^2 + y_err^2)."""
_DIRECTIONS: Final = 8
_RADII: Final = np.array([0.6, 1.2, 1.8, 2.5, 3.5])  # standard deviations at which the likelihood is probed
_FINE: Final = np.linspace(0.0, 5.0, 251)[1:]
_FINE_DIRECTIONS: Final = 64
_CLOSE: Final = 0.01  # how well the rise is met, in its root
_TRIALS: Final = 12
_HALVINGS: Final = 30
_PLACE: Final = 2  # parameters of a place


def find_errors(problem: Problem) -> FloatArray:
    """Errors of all parameters of a fitted problem, shape (S, 3 + P); NaN for those that are held."""
    shape = problem.parameters.shape
    free = problem.limits.free.reshape(shape)
    joint, alone, covariance = _deviations(problem)
    errors = np.where(free, joint.reshape(shape), np.nan)
    for source in range(shape[0]):
        first = source * shape[1]
        part = slice(first + RATES, first + shape[1])
        widening = joint[part] / alone[part]
        errors[source, RATES:] = np.where(free[source, RATES:], _rate_errors(problem, source) * widening, np.nan)
        if free[source, EXTENT]:
            sides = [_distance(problem, first + EXTENT, sign, float(joint[first + EXTENT])) for sign in (-1.0, 1.0)]
            errors[source, EXTENT] = 0.5 * sum(sides)
        if free[source, X] and free[source, Y]:
            square = covariance[first : first + 2, first : first + 2]
            places = position_errors(problem, source, square)
            errors[source, [X, Y]] = np.array(places) * looseness(problem, source)
    return errors


def looseness(problem: Problem, source: int) -> float:
    """Factor by which the likelihood of positions is too narrow because the rates are fitted too; 1 for bright sources.

    With the place held at x, C falls by r^2 / s^2 on each plane, where r(x) is the rate fitted there and s its error;
    the best place makes the sum T of that over the planes largest. Noise takes part in three ways of second order,
    which follow from an r(x) whose noise n is Gaussian, with the variance s^2 and the correlation of the profile with
    itself:

    - The slope of T is the sum of r n' / s^2; its variance V goes with the squares of the fitted rates, noise included.
    - The curvature of T lacks L, the sum of n'^2 / s^2: the rate of a plane follows the noise from place to place.
    - At the best place T is larger by 2 than at the true one, and one of the slopes n' is not free.

    In units in which V is T, the variance of the place is V0 / H0^2, where V0 = T - 2 and H0 = V0 - L, but the inverse
    of the curvature that is found is 1 / H, where H = H0 + 2 + L / P for P planes. Where the source outshines the
    background L is less: each pixel counts with the square of the background's share.
    """
    rates = problem.parameters[source, RATES:]
    shape, model = problem.image(source), problem.model()
    background = model - np.repeat(rates, np.diff(problem.pixels.first)) * shape
    steepness = (problem.slope(source, X) ** 2 + problem.slope(source, Y) ** 2) / model
    of_rate, of_place = problem.sums(shape**2 / model), problem.sums(steepness)
    own = problem.sums(steepness * (background / model) ** 2)
    seen = (rates != 0.0) & (of_rate > 0.0)
    if not seen.any():
        return 1.0
    total = float(np.sum((rates**2 * of_rate)[seen]))
    lost = total * float(np.sum(own[seen] / of_rate[seen]) / np.sum((rates**2 * of_place)[seen]))
    slope = max(total - _PLACE, 0.5 * total)
    curvature = max(slope - lost, 0.5 * total)  # below, the series does not hold
    found = curvature + _PLACE + lost / np.count_nonzero(seen)
    return float(np.sqrt(slope * found) / curvature)


def position_errors(problem: Problem, source: int, covariance: FloatArray) -> tuple[float, float]:
    """Errors of x and y (pixels) of a source.

    The likelihood of positions, for each of which all other parameters are fitted again, is normalised over the plane.
    The root of the sum of squares of both errors is the radius about the best position that holds 63.2 % of it, as for
    a normal likelihood; their ratio is that of the distances to which C rises by 1. For bright sources that is the
    same as the latter; for faint ones, whose likelihood has wide wings, those distances are too small (measured in
    ``docs/tasks/emldetect.md``).

    Parameters
    ----------
    problem : Problem
        At its best parameters.
    source : int
        Which one.
    covariance : ndarray, shape (2, 2)
        Expected covariance of x and y, in whose directions and units the likelihood is probed.
    """
    root = np.linalg.cholesky(covariance + 1e-12 * np.trace(covariance) * np.eye(2))
    angles = 2.0 * np.pi * np.arange(_DIRECTIONS + 1) / _DIRECTIONS
    curvature = np.empty((_DIRECTIONS + 1, _RADII.size))
    held, best = problem.with_free(source, slice(X, Y + 1), free=False), problem.parameters[source, [X, Y]]
    for row, angle in zip(curvature[:-1], angles, strict=False):
        parameters = problem.parameters
        for n, radius in enumerate(_RADII):
            moved = parameters.copy()
            moved[source, [X, Y]] = best + radius * (root @ (np.cos(angle), np.sin(angle)))
            found = replace(held, parameters=moved).minimise()
            row[n] = max(found.statistic - problem.statistic, 0.0) / radius**2
            parameters = found.parameters
    curvature[-1] = curvature[0]
    # C is nearly the square of the radius; what remains is smooth in radius and direction.
    fine_angles = 2.0 * np.pi * (np.arange(_FINE_DIRECTIONS) + 0.5) / _FINE_DIRECTIONS
    along = np.stack([np.interp(_FINE, _RADII, row) for row in curvature], axis=1)
    rise = np.stack([np.interp(fine_angles, angles, row) for row in along]) * _FINE[:, None] ** 2
    unit = root @ np.stack([np.cos(fine_angles), np.sin(fine_angles)])
    weight = _FINE[:, None] * np.exp(-0.5 * rise)
    distance = _FINE[:, None] * np.hypot(*unit)
    order = np.argsort(distance, axis=None)
    share = np.cumsum(weight.ravel()[order])
    radius = float(np.interp(CONTAINED, share / share[-1], distance.ravel()[order]))
    first = np.array([np.interp(1.0, column, _FINE) for column in np.maximum.accumulate(rise, axis=0).T])
    x_error, y_error = (0.5 * float(np.ptp(first * part)) for part in unit)
    scale = radius / np.hypot(x_error, y_error)
    return float(x_error * scale), float(y_error * scale)


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
    """How far the rate goes on each plane, everything else at rest, until C has risen by 1, shape (P,).

    The mean of both sides; that upwards where the way down ends at a limit.
    """
    pixels, rates = problem.pixels, problem.parameters[source, RATES:]
    shape, model = problem.image(source), problem.model()
    numbers = np.diff(pixels.first)
    plane_of = np.repeat(np.arange(numbers.size), numbers)
    room = np.minimum(rates - problem.limits.low.reshape(problem.parameters.shape)[source, RATES:], np.abs(rates) + 1e9)

    def rise(change: FloatArray) -> FloatArray:
        more = change[plane_of] * shape
        return problem.sums(2.0 * (more - pixels.counts * np.log(np.maximum(1.0 + more / model, 1e-300))))

    seen = problem.sums(shape)
    sides = []
    for sign, furthest in ((1.0, np.full(rates.size, np.inf)), (-1.0, room)):
        far = np.where(seen > 0.0, np.minimum(1.0 / np.maximum(seen, 1e-300), furthest), 0.0)  # one count
        for _ in range(_HALVINGS):
            short = (rise(sign * far) < 1.0) & (seen > 0.0) & (far < furthest)
            if not short.any():
                break
            far = np.where(short, np.minimum(2.0 * far, furthest), far)
        near = np.zeros(rates.size)
        for _ in range(_HALVINGS):
            middle = 0.5 * (near + far)
            beyond = rise(sign * middle) >= 1.0
            near, far = np.where(beyond, near, middle), np.where(beyond, middle, far)
        sides.append(far)
    up, down = sides
    return np.asarray(np.where(down >= room * (1.0 - 1e-6), up, 0.5 * (up + down)))


def _deviations(problem: Problem) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Standard deviations with the others fitted and on their own, and the covariance.

    From the expected second derivatives of C, which is twice -ln L, so that the covariance is twice the inverse.
    """
    assert problem.fisher is not None
    diagonal = np.diag(problem.fisher)
    index = np.flatnonzero(problem.limits.free & (diagonal > 0.0))
    scale = np.sqrt(2.0 / diagonal[index])
    inverse = np.linalg.pinv(0.5 * problem.fisher[np.ix_(index, index)] * np.outer(scale, scale), hermitian=True)
    covariance = np.eye(diagonal.size)
    covariance[np.ix_(index, index)] = inverse * np.outer(scale, scale)
    alone = np.ones(diagonal.size)
    alone[index] = scale
    return np.maximum(np.sqrt(np.maximum(np.diag(covariance), 0.0)), alone), alone, covariance
