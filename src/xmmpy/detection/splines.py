"""A smooth factor to an expected image: the exponential of a penalised spline, fitted to counts by maximum likelihood.

Tensor products of cubic B-splines with a penalty on their second differences (Eilers & Marx 1996, Stat. Sci. 11, 89).
The exponential keeps the factor above zero, beside a bright cluster too, where a plain spline swings below.
The stiffness is that of the greatest marginal likelihood (Laplace's approximation), so that few counts give a smooth
map and many show what is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

CELLS_PER_NODE: Final = 3
_STIFFNESS: Final = np.geomspace(1e-2, 1e6, 17)
_FIRST_TRIALS: Final = (0, 3, 6, 9, 12, 15)
_STEPS: Final = 20
_LONGEST_STEP: Final = 1.5  # of the logarithm, in one round
_RANGE: Final = (-3.0, 7.0)  # of the logarithm
_OVERLAP: Final = 3
"""Neighbours on either side that a cubic B-spline overlaps."""


@dataclass(slots=True, eq=False)
class SplineFit:
    """Cells of an image, a third of a node's interval wide, and the splines at their centres.

    Attributes
    ----------
    counts, base, known : ndarray, shape (cells y, cells x)
        Counts of the image, of what the spline multiplies, and of what is added to it.
    basis_y, basis_x : ndarray, shape (cells, splines)
        Values of the splines at the centres.
    origin, width : tuple of float
        Border of the first cell and width of an interval along y and x (pixels).
    nodes : int
        Intervals along each side.
    stiffness : int
        Number of the stiffness that was best in the last fit; -1 before the first.
    """

    counts: FloatArray
    base: FloatArray
    known: FloatArray
    basis_y: FloatArray
    basis_x: FloatArray
    origin: tuple[float, float]
    width: tuple[float, float]
    nodes: int
    stiffness: int = -1

    @classmethod
    def of(
        cls, counts: FloatArray, base: FloatArray, known: FloatArray, good: npt.NDArray[np.bool_], nodes: int
    ) -> SplineFit:
        """Gather the good pixels of images into cells."""
        lines = (np.flatnonzero(good.any(axis=1)), np.flatnonzero(good.any(axis=0)))
        bounds = [(int(line[0]), int(line[-1]) + 1) for line in lines]
        edges = [
            np.unique(np.rint(np.linspace(low, high, min(CELLS_PER_NODE * nodes, high - low) + 1)).astype(int))
            for low, high in bounds
        ]

        def gather(values: FloatArray) -> FloatArray:
            inside = np.where(good, values, 0.0)[: bounds[0][1], : bounds[1][1]]
            along = np.add.reduceat(inside, edges[0][:-1], axis=0)
            summed: FloatArray = np.add.reduceat(along, edges[1][:-1], axis=1)
            return summed

        centres = [0.5 * (edge[1:] + edge[:-1]) - 0.5 for edge in edges]
        origin = (bounds[0][0] - 0.5, bounds[1][0] - 0.5)
        width = tuple((high - low) / nodes for low, high in bounds)
        return cls(
            counts=gather(counts), base=gather(base), known=gather(known),
            basis_y=b_splines((centres[0] - origin[0]) / width[0], nodes),
            basis_x=b_splines((centres[1] - origin[1]) / width[1], nodes),
            origin=origin, width=(width[0], width[1]), nodes=nodes,
        )  # fmt: skip

    def logarithm(self, coefficients: FloatArray) -> FloatArray:
        """Logarithm of the factor in the cells."""
        return np.clip(self.basis_y @ coefficients @ self.basis_x.T, *_RANGE)

    def model(self, coefficients: FloatArray) -> FloatArray:
        """Expected counts of the cells."""
        return np.exp(self.logarithm(coefficients)) * self.base + self.known

    def factor(self, coefficients: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """The factor in all pixels of the image; beyond the fitted part that of its border."""
        places = [
            np.clip((np.arange(size) - origin) / width, 0.0, self.nodes)
            for size, origin, width in zip(shape, self.origin, self.width, strict=True)
        ]
        spline = b_splines(places[0], self.nodes) @ coefficients @ b_splines(places[1], self.nodes).T
        return np.exp(np.clip(spline, *_RANGE))

    def solve(self, weight: FloatArray, start: FloatArray) -> FloatArray:
        """Coefficients of the spline, shape (splines y, splines x).

        Parameters
        ----------
        weight : ndarray, shape (cells y, cells x)
            0 for cells that are left out.
        start : ndarray
            Coefficients to begin with; empty for a factor of 1.

        Notes
        -----
        Fisher scoring: with m the expected counts and b those that the factor multiplies, the weight of a cell is
        b^2 / m, and the fit is to the logarithm plus (counts - m) / b.
        """
        size_y, size_x = self.basis_y.shape[1], self.basis_x.shape[1]
        coefficients = start if start.size else np.zeros((size_y, size_x))
        products_y, products_x = _lower_products(self.basis_y), _all_products(self.basis_x)
        penalty = _penalty_bands(size_y, size_x)
        rank = size_y * size_x - 4  # the penalty leaves a + b x + c y + d x y alone
        seen = (weight > 0.0) & (self.base > 0.0)
        for _ in range(_STEPS):
            logarithm = self.logarithm(coefficients)
            multiplied = np.where(seen, np.exp(logarithm) * self.base, 0.0)
            model = np.maximum(multiplied + self.known, 1e-6)
            precision = multiplied**2 / model
            wanted = precision * logarithm + multiplied * (self.counts - model) / model
            right = (self.basis_y.T @ wanted @ self.basis_x).ravel()
            found = self._stiffest(_bands(products_y, precision, products_x), right, penalty, rank)
            if found is None:
                return coefficients
            step = found.reshape(size_y, size_x) - coefficients
            longest = float(np.abs(step).max())
            coefficients = coefficients + step * min(1.0, _LONGEST_STEP / max(longest, 1e-30))
            if longest < 1e-3:
                break
        return coefficients

    def _stiffest(self, normal: FloatArray, right: FloatArray, penalty: FloatArray, rank: int) -> FloatArray | None:
        """Solution with the stiffness of the greatest marginal likelihood, sought from the last one on."""
        best: tuple[float, int, FloatArray] | None = None
        tried: set[int] = set()
        pending = list(_FIRST_TRIALS) if self.stiffness < 0 else [self.stiffness]
        while pending:
            trial = pending.pop()
            tried.add(trial)
            found = _penalised(normal, right, penalty, float(_STIFFNESS[trial]), rank)
            if found is not None and (best is None or found[0] > best[0]):
                best = found[0], trial, found[1]
            if not pending and best is not None:
                pending = sorted({best[1] - 1, best[1] + 1} & set(range(_STIFFNESS.size)) - tried)
        if best is None:
            return None
        self.stiffness = best[1]
        return best[2]


def b_splines(places: FloatArray, intervals: int) -> FloatArray:
    """Uniform cubic B-splines at places from 0 to `intervals`, shape (places, intervals + 3)."""
    values = np.asarray(places, np.float64)
    cell = np.clip(np.floor(values).astype(np.intp), 0, intervals - 1)
    t = values - cell
    parts = (
        (1.0 - t) ** 3 / 6.0,
        (3.0 * t**3 - 6.0 * t**2 + 4.0) / 6.0,
        (-3.0 * t**3 + 3.0 * t**2 + 3.0 * t + 1.0) / 6.0,
        t**3 / 6.0,
    )
    result = np.zeros((values.size, intervals + 3))
    for number, part in enumerate(parts):
        result[np.arange(values.size), cell + number] = part
    return result


def _penalised(
    normal: FloatArray, right: FloatArray, penalty: FloatArray, stiffness: float, rank: int
) -> tuple[float, FloatArray] | None:
    """Marginal likelihood r'c/2 + rank/2 ln(stiffness) - ln|H|/2 of the normal equations H c = r, and c."""
    from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded

    matrix = normal + stiffness * penalty
    matrix[0] += 1e-9
    try:
        factor = cholesky_banded(matrix, overwrite_ab=True, lower=True, check_finite=False)
    except LinAlgError:
        return None
    solution = cho_solve_banded((factor, True), right, check_finite=False)
    evidence = 0.5 * float(right @ solution) + 0.5 * rank * np.log(stiffness)
    return evidence - float(np.log(factor[0]).sum()), solution


def _lower_products(basis: FloatArray) -> FloatArray:
    """Products of each spline with itself and the three after it, shape (4, cells, splines)."""
    result = np.zeros((_OVERLAP + 1, *basis.shape))
    size = basis.shape[1]
    for step in range(_OVERLAP + 1):
        result[step, :, : size - step] = basis[:, step:] * basis[:, : size - step]
    return result


def _all_products(basis: FloatArray) -> FloatArray:
    """Products of each spline with those from three before to three after it, shape (7, cells, splines)."""
    after = _lower_products(basis)
    result = np.zeros((2 * _OVERLAP + 1, *basis.shape))
    for step in range(_OVERLAP + 1):
        result[_OVERLAP + step] = after[step]
        result[_OVERLAP - step, :, step:] = after[step, :, : basis.shape[1] - step]
    return result


def _bands(products_y: FloatArray, middle: FloatArray, products_x: FloatArray) -> FloatArray:
    """Diagonal of the normal equations and the bands below it, as LAPACK stores them.

    Splines overlap three others on either side, so that there are few bands: to build and to factorise these takes a
    tenth of the time of the full matrix.
    """
    size_y, size_x = products_y.shape[2], products_x.shape[2]
    result = np.zeros((min(_OVERLAP * size_x + _OVERLAP, size_y * size_x - 1) + 1, size_y * size_x))
    for step_y, along_y in enumerate(products_y):
        half = along_y.T @ middle
        for number, along_x in enumerate(products_x):
            band = step_y * size_x + number - _OVERLAP
            if 0 <= band < len(result):
                result[band] += (half @ along_x).ravel()
    return result


def _penalty_bands(size_y: int, size_x: int) -> FloatArray:
    """Sum of the squared second differences along both axes, in the same form."""

    def along(size: int) -> FloatArray:
        difference = np.diff(np.eye(size), 2, axis=0)
        return np.asarray(difference.T @ difference, np.float64)

    full = np.kron(along(size_y), np.eye(size_x)) + np.kron(np.eye(size_y), along(size_x))
    number = min(_OVERLAP * size_x + _OVERLAP, size_y * size_x - 1)
    bands = np.zeros((number + 1, len(full)))
    for band in range(number + 1):
        bands[band, : len(full) - band] = np.diagonal(full, -band)
    return bands
