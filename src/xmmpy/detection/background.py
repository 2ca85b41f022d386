"""Background maps: what an image would hold without its sources.

The images are full of Poisson noise, so that smooth models are fitted by maximum likelihood to the counts outside of
the sources: a penalised spline times the exposure, the sum of a vignetted and a flat part, or an adaptive smoothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from xmmpy.detection.psf import PsfShape

    FloatArray = npt.NDArray[np.float64]

CELLS_PER_NODE: Final = 3
_SMALLEST: Final = 1e-7
_STIFFNESS: Final = np.geomspace(1e-2, 1e6, 17)
_FIRST_TRIALS: Final = (0, 3, 6, 9, 12, 15)
_STEPS: Final = 6
_MODEL_STEPS: Final = 30
_LOWEST_SHARE: Final = 0.02  # of the mean rate, below which the spline is not believed


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A source to cut out: place (pixels from 0), counts in the image, and its point-spread function there."""

    x: float
    y: float
    counts: float
    shape: PsfShape


def cut_radius(source: KnownSource, scut: float) -> float:
    """Radius (arcsec) at which a source falls to `scut` counts/arcsec2; 0 where it is never so bright."""
    from scipy.optimize import brentq

    def above(radius: float) -> float:
        return source.counts * float(source.shape.surface(np.array(radius))) - scut

    last = 299.0
    if above(0.0) <= 0.0:
        return 0.0
    if above(last) >= 0.0:
        return last
    return float(brentq(above, 0.0, last, xtol=1e-2))


def cut_out(
    shape: tuple[int, int], sources: Sequence[KnownSource], pixel_arcsec: float, scut: float
) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    """Pixels outside of the circles around sources, and the counts of the sources that lie in each pixel.

    Returns
    -------
    outside : ndarray of bool, shape `shape`
        Pixels that no circle covers.
    wings : ndarray, shape `shape`
        Counts of all sources by pixel, from their point-spread functions.
    """
    outside, wings = np.ones(shape, bool), np.zeros(shape)
    for source in sources:
        radius = max(cut_radius(source, scut), pixel_arcsec)
        reach = int(300.0 / pixel_arcsec) + 1
        first_x, last_x = max(int(source.x) - reach, 0), min(int(source.x) + reach + 1, shape[1])
        first_y, last_y = max(int(source.y) - reach, 0), min(int(source.y) + reach + 1, shape[0])
        if first_x >= last_x or first_y >= last_y:
            continue
        part = (slice(first_y, last_y), slice(first_x, last_x))
        rows, columns = np.ogrid[part]
        distance = np.hypot(columns - source.x, rows - source.y) * pixel_arcsec
        outside[part] &= distance > radius
        wings[part] += source.counts * source.shape.surface(distance) * pixel_arcsec**2
    return outside, wings


def spline_background(
    counts: npt.NDArray[Any],
    exposure: npt.NDArray[Any],
    used: npt.NDArray[np.bool_],
    wings: FloatArray,
    *,
    nodes: int,
    excess_sigma: float,
    runs: int,
) -> FloatArray:
    """Background as exposure times a smooth rate, the rate a spline with a penalty on its curvature.

    The rate is a tensor product of cubic B-splines with `nodes` intervals along each side of the used part of the
    image (Eilers & Marx 1996, Stat. Sci. 11, 89). Cells of a third of an interval are fitted by the likelihood of their
    Poisson counts; the stiffness is that of the greatest marginal likelihood (Laplace's approximation), so that few
    counts give a smooth map and many show what is there. Cells with more counts than the fit explains drop out, `runs`
    times.

    Parameters
    ----------
    counts, exposure : ndarray, shape (rows, columns)
        Image and exposure map (s, vignetted).
    used : ndarray of bool
        Pixels to fit.
    wings : ndarray
        Known counts of sources in each pixel, not background.
    nodes : int
        Intervals along each side.
    excess_sigma : float
        Cells that exceed the fit by so many standard deviations are left out.
    runs : int
        Fits, each without the cells that exceed the one before.

    Returns
    -------
    ndarray, shape (rows, columns)
        Background (counts a pixel), zero where there is no exposure.
    """
    exposed = np.asarray(exposure, np.float64)
    good = used & (exposed > 0.0)
    if not good.any():
        return np.zeros(exposed.shape)
    cells = _Cells.of(np.asarray(counts, np.float64), exposed, wings, good, nodes)
    weight = np.ones(cells.counts.shape)
    coefficients = np.zeros(0)
    for run in range(max(runs, 1)):
        coefficients = cells.fit(weight, coefficients)
        if run == runs - 1:
            break
        model = cells.model(coefficients)
        excess = (cells.counts - model) / np.sqrt(np.maximum(model, 0.5))
        fresh = np.where((excess > excess_sigma) & (weight > 0.0), 0.0, weight)
        if np.array_equal(fresh, weight):
            break
        weight = fresh
    rate = cells.rate(coefficients, exposed.shape)
    return np.maximum(rate, _LOWEST_SHARE * cells.mean_rate) * np.maximum(exposed, 0.0)


@dataclass(slots=True, eq=False)
class _Cells:
    """Counts and exposure of the cells, and the splines at their centres; arrays of shape (cells y, cells x)."""

    counts: FloatArray
    exposure: FloatArray
    wings: FloatArray
    basis_y: FloatArray
    basis_x: FloatArray
    origin: tuple[float, float]
    width: tuple[float, float]
    nodes: int
    mean_rate: float
    stiffness: int = -1

    @classmethod
    def of(
        cls, counts: FloatArray, exposure: FloatArray, wings: FloatArray, good: npt.NDArray[np.bool_], nodes: int
    ) -> _Cells:
        rows, columns = np.flatnonzero(good.any(axis=1)), np.flatnonzero(good.any(axis=0))
        bounds = [(int(line[0]), int(line[-1]) + 1) for line in (rows, columns)]
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
        summed, seconds, known = gather(counts), gather(exposure), gather(wings)
        mean = max(float((summed - known).sum()), 0.5) / max(float(seconds.sum()), 1e-30)
        return cls(
            counts=summed, exposure=seconds, wings=known, basis_y=b_splines((centres[0] - origin[0]) / width[0], nodes),
            basis_x=b_splines((centres[1] - origin[1]) / width[1], nodes), origin=origin, width=(width[0], width[1]),
            nodes=nodes, mean_rate=mean,
        )  # fmt: skip

    def model(self, coefficients: FloatArray) -> FloatArray:
        """Expected counts of the cells."""
        rate = self.basis_y @ coefficients @ self.basis_x.T
        return np.maximum(rate, _LOWEST_SHARE * self.mean_rate) * self.exposure + self.wings

    def rate(self, coefficients: FloatArray, shape: tuple[int, int]) -> FloatArray:
        """Rate in all pixels of the image; beyond the fitted part that of its border."""
        places = [
            np.clip((np.arange(size) - origin) / width, 0.0, self.nodes)
            for size, origin, width in zip(shape, self.origin, self.width, strict=True)
        ]
        result: FloatArray = b_splines(places[0], self.nodes) @ coefficients @ b_splines(places[1], self.nodes).T
        return result

    def fit(self, weight: FloatArray, start: FloatArray) -> FloatArray:
        """Coefficients of the rate, shape (splines y, splines x)."""
        size_y, size_x = self.basis_y.shape[1], self.basis_x.shape[1]
        coefficients = start if start.size else np.full((size_y, size_x), self.mean_rate)
        products_y = np.einsum("ci,cj->cij", self.basis_y, self.basis_y).reshape(len(self.basis_y), -1)
        products_x = np.einsum("ci,cj->cij", self.basis_x, self.basis_x).reshape(len(self.basis_x), -1)
        bands = min(3 * size_x + 3, size_y * size_x - 1)
        penalty = _lower_bands(_penalty(size_y, size_x), bands)
        rank = size_y * size_x - 4
        seen = (weight > 0.0) & (self.exposure > 0.0)
        for _ in range(_STEPS):
            model = np.maximum(self.model(coefficients), 1e-6)
            # Counts in units of the mean rate, so that the stiffness has no unit.
            design = np.where(seen, self.exposure * self.mean_rate, 0.0)
            precision = design**2 / model
            right = self.basis_y.T @ (design * (self.counts - self.wings) / model) @ self.basis_x
            normal = (products_y.T @ precision @ products_x).reshape(size_y, size_y, size_x, size_x)
            normal = _lower_bands(normal.transpose(0, 2, 1, 3).reshape(size_y * size_x, -1), bands)
            best: tuple[float, int, FloatArray] | None = None
            tried: set[int] = set()
            pending = list(_FIRST_TRIALS) if self.stiffness < 0 else [self.stiffness]
            while pending:
                trial = pending.pop()
                tried.add(trial)
                found = _penalised(normal, right.ravel(), penalty, float(_STIFFNESS[trial]), rank)
                if found is not None and (best is None or found[0] > best[0]):
                    best = found[0], trial, found[1]
                if not pending and best is not None:
                    beside = {best[1] - 1, best[1] + 1} & set(range(_STIFFNESS.size))
                    pending = sorted(beside - tried)
            if best is None:
                return coefficients
            self.stiffness = best[1]
            new = best[2].reshape(size_y, size_x) * self.mean_rate
            moved = np.abs(new - coefficients).max() / self.mean_rate
            coefficients = new
            if moved < 1e-3:
                break
        return coefficients


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


def _lower_bands(matrix: FloatArray, number: int) -> FloatArray:
    """Diagonal of a symmetric matrix and the `number` bands below it, as LAPACK stores them.

    Splines overlap three others on either side, so that the normal equations have few bands; their factorisation takes
    a tenth of the time of the full one.
    """
    bands = np.zeros((number + 1, len(matrix)))
    for band in range(number + 1):
        bands[band, : len(matrix) - band] = np.diagonal(matrix, -band)
    return bands


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


def _penalty(size_y: int, size_x: int) -> FloatArray:
    """Sum of the squared second differences along both axes, as a matrix."""

    def along(size: int) -> FloatArray:
        difference = np.diff(np.eye(size), 2, axis=0)
        return np.asarray(difference.T @ difference, np.float64)

    return np.kron(along(size_y), np.eye(size_x)) + np.kron(np.eye(size_y), along(size_x))


def model_background(
    counts: npt.NDArray[Any], templates: Sequence[npt.NDArray[Any]], used: npt.NDArray[np.bool_], wings: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Background as a sum of templates with factors of zero or more, by maximum likelihood.

    Parameters
    ----------
    counts : ndarray
        Image.
    templates : sequence of ndarray
        Such as the vignetted and the flat exposure map.
    used, wings
        As in `spline_background`.

    Returns
    -------
    background : ndarray
        Counts a pixel.
    factors : ndarray
        Of the templates.

    Notes
    -----
    Least squares with factors of zero or more, each time weighted with the variances of the last model: these converge
    to the maximum of the Poisson likelihood.
    """
    from scipy.optimize import nnls

    stacked = np.stack([np.maximum(np.asarray(one, np.float64)[used], 0.0) for one in templates], axis=1)
    scale = np.maximum(stacked.max(axis=0, initial=0.0), 1e-30)
    stacked /= scale
    seen, known = np.asarray(counts, np.float64)[used], wings[used]
    factors = np.full(len(templates), max(float((seen - known).sum()), 0.5) / max(float(stacked.sum()), 1e-30))
    for _ in range(_MODEL_STEPS):
        root = np.sqrt(np.maximum(stacked @ factors + known, 1e-9))
        weighted = stacked / root[:, None]
        # The normal equations are small; their root serves nnls as well as the long table.
        triangle: FloatArray = np.asarray(np.linalg.qr(np.column_stack([weighted, (seen - known) / root]), mode="r"))
        new, _ = nnls(triangle[:, :-1], triangle[:, -1])
        moved = np.abs(new - factors).max(initial=0.0)
        factors = new
        if moved < 1e-6 * max(float(factors.max(initial=0.0)), 1e-30):
            break
    factors = factors / scale
    background = sum(factor * np.asarray(one, np.float64) for factor, one in zip(factors, templates, strict=True))
    return np.asarray(background, np.float64), factors


def smooth_background(
    counts: npt.NDArray[Any],
    exposure: npt.NDArray[Any],
    used: npt.NDArray[np.bool_],
    wings: FloatArray,
    *,
    least_snr: float,
    sigma: float,
) -> FloatArray:
    """Background by smoothing with Gaussians, each pixel by the narrowest that reaches a signal-to-noise ratio.

    Parameters
    ----------
    counts, exposure, used, wings
        As in `spline_background`.
    least_snr : float
        Root of the counts that the Gaussian must hold (snrmin).
    sigma : float
        Narrowest Gaussian (pixels, smoothsigma); each next one is sqrt(2) times as wide.
    """
    from scipy.ndimage import gaussian_filter

    seen = np.where(used, np.asarray(counts, np.float64) - wings, 0.0)
    seconds = np.where(used, np.asarray(exposure, np.float64), 0.0)
    result, open_ = np.zeros(seen.shape), np.asarray(exposure, np.float64) > 0.0
    width = max(sigma, 1.0)
    while open_.any():
        smoothed, weight = gaussian_filter(seen, width), gaussian_filter(seconds, width)
        held = gaussian_filter(np.where(used, np.asarray(counts, np.float64), 0.0), width) * 4.0 * np.pi * width**2
        last = width > max(seen.shape) / 2
        enough = open_ & (weight > 0.0) & ((np.sqrt(np.maximum(held, 0.0)) >= least_snr) | last)
        rate = np.divide(np.maximum(smoothed, 0.0), weight, out=np.zeros(seen.shape), where=weight > 0.0)
        result[enough] = rate[enough]
        open_ &= ~enough
        if last:
            break
        width *= np.sqrt(2.0)
    return result * np.maximum(np.asarray(exposure, np.float64), 0.0)


def automatic_nodes(shape: tuple[int, int]) -> int:
    """Nodes for an image where none are given: half the root of its longer side, 10 to 40 (task page esplinemap)."""
    return int(np.clip(round(np.sqrt(max(shape)) / 2.0), 10, 40))
