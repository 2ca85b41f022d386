"""Errors of the parameters: how far each may go before the statistic has risen by 1, all others fitted again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.detection.fit.data import RATES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.detection.fit.group import Problem

    FloatArray = NDArray[np.float64]

_NORMAL: Final = 5.0
"""Rates of more than so many errors are normal enough for the error from the second derivatives."""


def find_errors(problem: Problem) -> FloatArray:
    """Errors of all parameters of a fitted problem, shape (S, 3 + P); NaN for those that are held.

    The distance to a rise of C by 1 (Lampton, Margon and Bowyer 1976; one parameter), the mean of that below and that
    above. A rate that comes to its limit on the way down has the distance above. For rates of more than five times
    their error, where the likelihood is normal, it follows from the second derivatives.
    """
    from xmmpy.detection.fit import kernels

    assert problem.fisher is not None
    shape = problem.parameters.shape
    free = problem.limits.free
    deviations = _deviations(problem)
    rates = np.zeros(shape, bool)
    rates[:, RATES:] = True
    normal = rates.ravel() & (problem.parameters.ravel() > _NORMAL * deviations)
    which = np.flatnonzero(free & ~normal)
    sides = np.repeat(deviations[which, None], 2, axis=1)
    kernels.profile(
        problem.parameters, problem.pixels, problem.templates, problem.limits, problem.statistic, problem.fisher,
        which, sides,
    )  # fmt: skip
    room = problem.parameters.ravel()[which] - problem.limits.low[which]
    bounded = sides[:, 0] >= room
    errors = np.where(free, deviations, np.nan)
    errors[which] = np.where(bounded, sides[:, 1], sides.mean(axis=1))
    return errors.reshape(shape)


def _deviations(problem: Problem) -> FloatArray:
    """Standard deviations from the expected second derivatives of C (twice those of -ln L)."""
    assert problem.fisher is not None
    diagonal = np.diag(problem.fisher)
    index = np.flatnonzero(problem.limits.free & (diagonal > 0.0))
    scale = 1.0 / np.sqrt(diagonal[index])
    matrix = problem.fisher[np.ix_(index, index)] * np.outer(scale, scale)
    inverse = np.linalg.pinv(matrix, hermitian=True)
    result = np.full(diagonal.size, 1.0)
    result[index] = np.sqrt(2.0 * np.maximum(np.diag(inverse), 1e-12)) * scale
    return result
