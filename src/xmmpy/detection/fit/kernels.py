"""Compiled loops of the source fit; importing this module imports numba.

The model of a pixel is its background plus, for each source, rate x exposure x fraction of the photons in that pixel.
The statistic is that of Cash (1979, ApJ 228, 939), C = 2 sum(m - n ln m).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numba import njit

from xmmpy.detection.fit.data import EXTENT, RATES, Limits, Pixels, Templates, X, Y
from xmmpy.detection.psf import STEP

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Loop = TypeVar("Loop", bound="Callable[..., Any]")

_MAX_MOVE = 1.5  # pixels that a source may move in one step
_DAMPING = 1e-3
_TOLERANCE = 1e-4  # of the statistic, of which 1 is one standard deviation
_PER_PIXEL = 1.0 / STEP
_OWN = 4  # derivatives of a pixel by a source: x, y, extent and one rate


def compiled(loop: Loop) -> Loop:
    """Compile a loop and keep it on disk."""
    made: Loop = njit(nogil=True, cache=True, error_model="numpy")(loop)
    return made


@compiled
def blend(extent: float, nodes: Array, values: Array, slopes: Array, table: Array, slope: Array, growth: Array) -> None:
    """Make the tables of one source at an extent: cubic between those of the nodes, with both derivatives."""
    planes, number, length = values.shape
    if number == 1:
        table[:] = values[:, 0]
        growth[:] = 0.0
    else:
        m = 0
        while m < number - 2 and nodes[m + 1] <= extent:
            m += 1
        width = nodes[m + 1] - nodes[m]
        t = (extent - nodes[m]) / width
        h00, h10 = (1 + 2 * t) * (1 - t) ** 2, t * (1 - t) ** 2 * width
        h01, h11 = t * t * (3 - 2 * t), t * t * (t - 1) * width
        d00, d10, d11 = 6 * t * (t - 1) / width, (1 - t) * (1 - 3 * t), t * (3 * t - 2)
        for p in range(planes):
            for k in range(length):
                low, high = values[p, m, k], values[p, m + 1, k]
                at_low, at_high = slopes[p, m, k], slopes[p, m + 1, k]
                table[p, k] = h00 * low + h10 * at_low + h01 * high + h11 * at_high
                growth[p, k] = d00 * (low - high) + d10 * at_low + d11 * at_high
    for p in range(planes):
        slope[p, 0] = 0.0
        for k in range(1, length - 1):
            slope[p, k] = (table[p, k + 1] - table[p, k - 1]) / (2 * STEP)
        slope[p, length - 1] = 0.0


@compiled
def evaluate(
    parameters: Array, pixels: Pixels, turn: Array, tables: tuple[Array, Array, Array], gradient: Array, fisher: Array
) -> float:
    """Statistic, its gradient and the expected matrix of its second derivatives; infinite for a negative model."""
    table, slope, growth = tables
    sources, width = parameters.shape
    last = table.shape[2] - 1
    gradient[:] = 0.0
    fisher[:] = 0.0
    statistic = 0.0
    derivative = np.zeros((sources, _OWN))
    block = np.zeros((_OWN * sources, _OWN * sources))
    slant = np.zeros(_OWN * sources)
    for p in range(width - RATES):
        block[:] = 0.0
        slant[:] = 0.0
        for pixel in range(pixels.first[p], pixels.first[p + 1]):
            model = pixels.background[pixel]
            exposure = pixels.exposure[pixel]
            for s in range(sources):
                rate = parameters[s, RATES + p] * exposure
                cosine, sine, squeeze = turn[s, p, 0], turn[s, p, 1], turn[s, p, 2]
                dx, dy = pixels.x[pixel] - parameters[s, X], pixels.y[pixel] - parameters[s, Y]
                radial = (cosine * dx + sine * dy) * squeeze
                across = cosine * dy - sine * dx
                distance = np.sqrt(radial * radial + across * across)
                k = int(distance * _PER_PIXEL)
                if k >= last:
                    derivative[s, :] = 0.0
                    continue
                u = distance * _PER_PIXEL - k
                fraction = table[s, p, k] * (1 - u) + table[s, p, k + 1] * u
                steep = rate * (slope[s, p, k] * (1 - u) + slope[s, p, k + 1] * u) / max(distance, 1e-9)
                radial *= squeeze
                derivative[s, X] = -steep * (cosine * radial - sine * across)
                derivative[s, Y] = -steep * (sine * radial + cosine * across)
                derivative[s, EXTENT] = rate * (growth[s, p, k] * (1 - u) + growth[s, p, k + 1] * u)
                derivative[s, RATES] = exposure * fraction
                model += rate * fraction
            if model <= 0.0:
                return np.inf
            number = pixels.counts[pixel]
            statistic += 2 * model
            if number > 0:
                statistic -= 2 * number * np.log(model)
            excess, weight = 2 * (1 - number / model), 2 / model
            for s in range(sources):
                for i in range(_OWN):
                    value = derivative[s, i]
                    if value == 0.0:
                        continue
                    row = _OWN * s + i
                    slant[row] += excess * value
                    value *= weight
                    for t in range(s + 1):
                        for j in range(_OWN):
                            block[row, _OWN * t + j] += value * derivative[t, j]
        for row in range(_OWN * sources):
            target = row // _OWN * width + row % _OWN + (p if row % _OWN == RATES else 0)
            gradient[target] += slant[row]
            for column in range(row + 1):
                other = column // _OWN * width + column % _OWN + (p if column % _OWN == RATES else 0)
                fisher[target, other] += block[row, column]
                fisher[other, target] = fisher[target, other]
    return statistic


@compiled
def solve(matrix: Array, vector: Array, free: Array, damping: float, step: Array) -> None:
    """Solve (matrix + damping x its diagonal) step = -vector for the free parameters, by Cholesky; 0 for the others."""
    size = 0
    index = np.empty(vector.size, np.int64)
    for i in range(vector.size):
        step[i] = 0.0
        if free[i] and matrix[i, i] > 0.0:
            index[size] = i
            size += 1
    lower, right = np.zeros((size, size)), np.empty(size)
    for i in range(size):
        scale = np.sqrt(matrix[index[i], index[i]])
        for j in range(i + 1):
            value = matrix[index[i], index[j]] / (scale * np.sqrt(matrix[index[j], index[j]]))
            if i == j:
                value += damping + 1e-10
            for k in range(j):
                value -= lower[i, k] * lower[j, k]
            lower[i, j] = np.sqrt(max(value, 1e-12)) if i == j else value / lower[j, j]
        value = -vector[index[i]] / scale
        for k in range(i):
            value -= lower[i, k] * right[k]
        right[i] = value / lower[i, i]
    for i in range(size - 1, -1, -1):
        value = right[i]
        for k in range(i + 1, size):
            value -= lower[k, i] * right[k]
        right[i] = value / lower[i, i]
    for i in range(size):
        step[index[i]] = right[i] / np.sqrt(matrix[index[i], index[i]])


@compiled
def minimise(
    parameters: Array, pixels: Pixels, templates: Templates, limits: Limits, most_steps: int, fisher: Array
) -> float:
    """Bring the parameters, in place, to the least statistic, which is returned; Levenberg-Marquardt.

    Parameters that would leave their limits rest there for that step. `fisher` is left as that of the best parameters.
    """
    sources, width = parameters.shape
    size = sources * width
    shape = (sources, templates.values.shape[1], templates.values.shape[3])
    tables = (np.empty(shape), np.empty(shape), np.empty(shape))
    nodes, values, slopes = templates.nodes, templates.values, templates.slopes
    for s in range(sources):
        blend(parameters[s, EXTENT], nodes, values[s], slopes[s], tables[0][s], tables[1][s], tables[2][s])
    gradient, new_gradient, step = np.empty(size), np.empty(size), np.empty(size)
    new_fisher = np.empty((size, size))
    active = np.empty(size, np.bool_)
    trial = parameters.copy()
    flat, flat_trial = parameters.reshape(size), trial.reshape(size)
    best = evaluate(parameters, pixels, templates.turn, tables, gradient, fisher)
    damping = _DAMPING
    for _ in range(most_steps):
        for i in range(size):
            held_low = flat[i] <= limits.low[i] and gradient[i] > 0.0
            held_high = flat[i] >= limits.high[i] and gradient[i] < 0.0
            active[i] = limits.free[i] and not held_low and not held_high
        solve(fisher, gradient, active, damping, step)
        for s in range(sources):
            move = max(abs(step[s * width + X]), abs(step[s * width + Y])) / _MAX_MOVE
            if move > 1.0:
                step[s * width + X] /= move
                step[s * width + Y] /= move
        promised = 0.0
        for i in range(size):
            flat_trial[i] = min(max(flat[i] + step[i], limits.low[i]), limits.high[i]) if active[i] else flat[i]
            promised -= gradient[i] * (flat_trial[i] - flat[i])
        if promised < 0.5 * _TOLERANCE:
            break
        for s in range(sources):
            if trial[s, EXTENT] != parameters[s, EXTENT]:
                blend(trial[s, EXTENT], nodes, values[s], slopes[s], tables[0][s], tables[1][s], tables[2][s])
        found = evaluate(trial, pixels, templates.turn, tables, new_gradient, new_fisher)
        if found < best:
            gain = best - found
            best = found
            flat[:] = flat_trial
            gradient[:] = new_gradient
            fisher[:] = new_fisher
            damping *= 0.1
            if gain < _TOLERANCE:
                break
        else:
            for s in range(sources):
                if trial[s, EXTENT] != parameters[s, EXTENT]:
                    blend(parameters[s, EXTENT], nodes, values[s], slopes[s], tables[0][s], tables[1][s], tables[2][s])
            damping = max(damping * 10.0, 1e-2)
            if damping > 1e6:
                break
    return best


@compiled
def add_source(
    image: Array, exposure: Array, parameters: tuple[float, float, float], table: Array, turn: Array, reach: float
) -> None:
    """Add a source (x, y, rate) to an image, out to a distance in pixels."""
    x, y, rate = parameters
    rows, columns = image.shape
    last = table.size - 1
    for row in range(max(0, int(y - reach)), min(rows, int(y + reach) + 2)):
        for column in range(max(0, int(x - reach)), min(columns, int(x + reach) + 2)):
            dx, dy = column - x, row - y
            radial = (turn[0] * dx + turn[1] * dy) * turn[2]
            across = turn[0] * dy - turn[1] * dx
            distance = np.sqrt(radial * radial + across * across)
            k = int(distance * _PER_PIXEL)
            if k < last and distance <= reach:
                u = distance * _PER_PIXEL - k
                image[row, column] += rate * exposure[row, column] * (table[k] * (1 - u) + table[k + 1] * u)


@compiled
def weigh(
    place: tuple[float, float], radii: Array, tables: Array, turn: Array, usable: NDArray[np.bool_], exposure: Array
) -> Array:
    """Sums over the circle of a source on each plane, shape (P, 3).

    Of the fraction of the photons in all pixels, in the usable ones, and of the latter times the exposure. Pixels
    outside of the box are not usable. `tables` has the shape (P, K), `usable` and `exposure` (P, rows, columns); the
    place counts from the first pixel of the box.
    """
    x, y = place
    planes, rows, columns = exposure.shape
    sums = np.zeros((planes, 3))
    last = tables.shape[1] - 1
    for p in range(planes):
        reach = radii[p]
        for row in range(int(np.floor(y - reach)), int(np.ceil(y + reach)) + 1):
            for column in range(int(np.floor(x - reach)), int(np.ceil(x + reach)) + 1):
                dx, dy = column - x, row - y
                if dx * dx + dy * dy >= reach * reach:
                    continue
                radial = (turn[p, 0] * dx + turn[p, 1] * dy) * turn[p, 2]
                across = turn[p, 0] * dy - turn[p, 1] * dx
                distance = np.sqrt(radial * radial + across * across)
                k = int(distance * _PER_PIXEL)
                if k >= last:
                    continue
                u = distance * _PER_PIXEL - k
                fraction = tables[p, k] * (1 - u) + tables[p, k + 1] * u
                sums[p, 0] += fraction
                if 0 <= row < rows and 0 <= column < columns and usable[p, row, column]:
                    sums[p, 1] += fraction
                    sums[p, 2] += fraction * exposure[p, row, column]
    return sums


@compiled
def search(pixels: Pixels, model: Array, places: Array, tables: Array, turn: Array) -> Array:
    """Score of one more source at places (n, 2): the change of C that a small rate on each plane would promise."""
    scores = np.zeros(places.shape[0])
    last = tables.shape[1] - 1
    for n in range(places.shape[0]):
        for p in range(tables.shape[0]):
            slant, weight = 0.0, 0.0
            for pixel in range(pixels.first[p], pixels.first[p + 1]):
                dx, dy = pixels.x[pixel] - places[n, 0], pixels.y[pixel] - places[n, 1]
                radial = (turn[p, 0] * dx + turn[p, 1] * dy) * turn[p, 2]
                across = turn[p, 0] * dy - turn[p, 1] * dx
                distance = np.sqrt(radial * radial + across * across)
                k = int(distance * _PER_PIXEL)
                if k >= last:
                    continue
                u = distance * _PER_PIXEL - k
                value = pixels.exposure[pixel] * (tables[p, k] * (1 - u) + tables[p, k + 1] * u)
                slant += (pixels.counts[pixel] / model[pixel] - 1) * value
                weight += value * value / model[pixel]
            if slant > 0.0:
                scores[n] += slant * slant / weight
    return scores


@compiled
def expected(parameters: Array, pixels: Pixels, templates: Templates, model: Array) -> None:
    """Add the sources to the model of each pixel, shape (n,)."""
    sources, width = parameters.shape
    turn = templates.turn
    shape = (templates.values.shape[1], templates.values.shape[3])
    table, slope, growth = np.empty(shape), np.empty(shape), np.empty(shape)
    last = shape[1] - 1
    for s in range(sources):
        blend(parameters[s, EXTENT], templates.nodes, templates.values[s], templates.slopes[s], table, slope, growth)
        for p in range(width - RATES):
            for pixel in range(pixels.first[p], pixels.first[p + 1]):
                dx, dy = pixels.x[pixel] - parameters[s, X], pixels.y[pixel] - parameters[s, Y]
                radial = (turn[s, p, 0] * dx + turn[s, p, 1] * dy) * turn[s, p, 2]
                across = turn[s, p, 0] * dy - turn[s, p, 1] * dx
                distance = np.sqrt(radial * radial + across * across)
                k = int(distance * _PER_PIXEL)
                if k < last:
                    u = distance * _PER_PIXEL - k
                    fraction = table[p, k] * (1 - u) + table[p, k + 1] * u
                    model[pixel] += parameters[s, RATES + p] * pixels.exposure[pixel] * fraction
