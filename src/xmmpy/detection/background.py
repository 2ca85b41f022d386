"""Background maps: what an image would hold without its sources.

The images are full of Poisson noise, so that smooth models are fitted by maximum likelihood to the counts outside of
the sources. Sky comes through the telescope and is vignetted, particles are not: a sum of the vignetted and the flat
exposure with two factors is the first model, and a penalised spline times that sum is the second, which follows what is
left. The third is an adaptive smoothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.calibration.nominal import azimuthal_vignetting, vignetting
from xmmpy.detection.boxes import rebinned
from xmmpy.detection.likelihoods import poisson_likelihood
from xmmpy.detection.splines import SplineFit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from xmmpy.detection.planes import CameraView
    from xmmpy.detection.wings import KnownSource

    FloatArray = npt.NDArray[np.float64]

_MODEL_STEPS: Final = 30
_MODEL_CELL: Final = 4  # pixels, over which the parts of the model hardly change
_WINGS_PRIOR: Final = 0.5
_BRIGHT_COUNTS: Final = 100.0
_OWN_WINGS: Final = 12
_LEAST_VIGNETTING: Final = 0.05
_GOODNESS_CELL: Final = 16  # pixels
_GOODNESS_COUNTS: Final = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Sourceless:
    """An image and what of it is background; arrays of shape (rows, columns).

    Attributes
    ----------
    counts : ndarray
        The image.
    used : ndarray of bool
        Pixels inside of the mask and outside of the sources.
    wings : ndarray, shape (groups, rows, columns)
        Counts of groups of sources by pixel, as they were measured; the fits scale each.
    fixed : ndarray
        Other known counts, such as those out of time.
    """

    counts: FloatArray
    used: npt.NDArray[np.bool_]
    wings: FloatArray
    fixed: FloatArray

    @classmethod
    def of(
        cls, counts: npt.NDArray[Any], used: npt.NDArray[np.bool_], wings: FloatArray | None = None,
        fixed: FloatArray | None = None,
    ) -> Sourceless:  # fmt: skip
        """An image of any type; no wings or fixed counts are none."""
        nothing = np.zeros(np.shape(counts))
        groups = nothing[None] if wings is None else np.reshape(wings, (-1, *nothing.shape))
        return cls(np.asarray(counts, np.float64), used, groups, nothing if fixed is None else fixed)


def cut_out(
    shape: tuple[int, int],
    sources: Sequence[KnownSource],
    pixel_arcsec: float,
    scut: float,
    faint: Sequence[KnownSource] = (),
) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    """Pixels outside of the circles around sources, and the counts of the sources that lie in each pixel.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    sources : sequence of KnownSource
        Sources to cut out.
    pixel_arcsec : float
        Side of a pixel.
    scut : float
        Brightness (counts/arcsec2) down to which a source is cut out.
    faint : sequence of KnownSource
        Sources that are not cut out, but whose counts are no background.

    Returns
    -------
    outside : ndarray of bool, shape `shape`
        Pixels that no circle covers.
    wings : ndarray, shape (groups, rows, columns)
        Counts of the sources by pixel, from their point-spread functions: in the first group those of all but the
        brightest, each of which has its own.
    """
    bright = sorted((source.counts for source in sources if source.counts >= _BRIGHT_COUNTS), reverse=True)
    least = bright[min(_OWN_WINGS, len(bright)) - 1] if bright else np.inf
    outside, wings = np.ones(shape, bool), [np.zeros(shape)]
    for source in sources:
        part, distance = source.distances(shape, pixel_arcsec)
        outside[part] &= distance > max(source.radius_at(scut), pixel_arcsec)
        if source.counts >= least:
            wings.append(np.zeros(shape))
        wings[-1 if source.counts >= least else 0][part] += source.pixel_counts(distance, pixel_arcsec)
    for source in faint:
        part, distance = source.distances(shape, pixel_arcsec)
        wings[0][part] += source.pixel_counts(distance, pixel_arcsec)
    return outside, np.stack(wings)


def flat_exposure(view: CameraView, exposure: npt.NDArray[Any], energy_kev: float) -> FloatArray:
    """Exposure without its vignetting, that of particles: the map divided by the nominal vignetting at the energy.

    Parameters
    ----------
    view : CameraView
        How the camera lies on the map.
    exposure : ndarray, shape (rows, columns)
        Vignetted exposure (s).
    energy_kev : float
        Energy for which it was made.
    """
    y, x = np.mgrid[: exposure.shape[0], : exposure.shape[1]].astype(np.float64)
    factor = vignetting().at(np.full(exposure.shape, energy_kev), view.offaxis_arcmin(x, y))
    factor = factor * azimuthal_vignetting(view.camera).at_det(view.camera, *view.det(x, y))
    result: FloatArray = np.asarray(exposure, np.float64) / np.maximum(factor, _LEAST_VIGNETTING)
    return result


def model_background(
    image: Sourceless, templates: Sequence[npt.NDArray[Any]]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Background as a sum of templates with factors of zero or more, by maximum likelihood.

    Parameters
    ----------
    image : Sourceless
        Image, its sources.
    templates : sequence of ndarray, shape (rows, columns)
        Such as the vignetted and the flat exposure map.

    Returns
    -------
    background : ndarray, shape (rows, columns)
        Counts a pixel.
    factors : ndarray
        Of the templates.
    wings_factors : ndarray, shape (groups,)
        Of the wings.

    Notes
    -----
    Least squares with factors of zero or more, each time weighted with the variances of the last model: these converge
    to the maximum of the Poisson likelihood. Found sources are on average fainter than they were measured, since those
    that happen to have more counts are found, and the counts of boxes on an extended source do not have the wings of
    point sources: the pixels outside of the cut-out circles tell what wings there are. The factor of each group is
    fitted with the others, with 1 +- 0.5 to begin with.
    """
    from scipy.optimize import nnls

    part = _covered(image.used)
    used = image.used[part]

    def gather(values: npt.NDArray[Any]) -> FloatArray:
        return rebinned(np.where(used, np.maximum(values[part], 0.0), 0.0), _MODEL_CELL).ravel()

    filled = rebinned(used, _MODEL_CELL).ravel() > 0.0
    stacked = np.stack([gather(one)[filled] for one in (*templates, *image.wings)], axis=1)
    seen, fixed = gather(image.counts)[filled], gather(image.fixed)[filled]
    number = len(templates)
    scale = np.maximum(stacked.max(axis=0, initial=0.0), 1e-30)
    scale[number:] = 1.0
    stacked /= scale
    # The priors of the wings are further rows, whose weights stay.
    prior = np.zeros((len(image.wings), len(scale) + 1))
    prior[:, number:-1] = np.eye(len(image.wings)) / _WINGS_PRIOR
    prior[:, -1] = 1.0 / _WINGS_PRIOR
    counts = max(float((seen - fixed).sum() - stacked[:, number:].sum()), 0.5)
    factors = np.full(len(scale), counts / max(float(stacked[:, :number].sum()), 1e-30))
    factors[number:] = 1.0
    for _ in range(_MODEL_STEPS):
        root = np.sqrt(np.maximum(stacked @ factors + fixed, 1e-9))
        rows = np.vstack([np.column_stack([stacked / root[:, None], (seen - fixed) / root]), prior])
        # The normal equations are small; their root serves nnls as well as the long table.
        triangle: FloatArray = np.asarray(np.linalg.qr(rows, mode="r"))
        new, _ = nnls(triangle[:, :-1], triangle[:, -1])
        moved = np.abs(new - factors).max()
        factors = new
        if moved < 1e-6 * max(float(factors.max()), 1e-30):
            break
    factors = factors / scale
    background = sum(factor * np.asarray(one, np.float64) for factor, one in zip(factors, templates, strict=False))
    return np.asarray(background, np.float64), factors[:number], factors[number:]


def _covered(used: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """Smallest part of an image that holds all pixels that are used."""
    rows, columns = np.flatnonzero(used.any(axis=1)), np.flatnonzero(used.any(axis=0))
    if not rows.size:
        return slice(0, 1), slice(0, 1)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def spline_background(
    image: Sourceless, templates: Sequence[npt.NDArray[Any]], *, nodes: int, excess_sigma: float, runs: int
) -> FloatArray:
    """Background as the sum of templates times a spline.

    Parameters
    ----------
    image : Sourceless
        Image, its sources.
    templates : sequence of ndarray, shape (rows, columns)
        As in `model_background`; the vignetted exposure map alone makes a plain spline of the rate.
    nodes : int
        Intervals of the spline along each side.
    excess_sigma : float
        Cells whose excess over the fit is as improbable as that many standard deviations are left out.
    runs : int
        Fits, each without the cells that exceed the one before.

    Returns
    -------
    ndarray, shape (rows, columns)
        Background (counts a pixel) without the fixed counts; above zero wherever a template is.
    """
    from scipy.special import log_ndtr

    base, _, wings_factors = model_background(image, templates)
    known = np.tensordot(wings_factors, image.wings, axes=1) + image.fixed
    good = image.used & (base > 0.0)
    if not good.any():
        return np.zeros(base.shape)
    fit = SplineFit.of(image.counts, base, known, good, nodes)
    least = -float(log_ndtr(-excess_sigma))
    weight = np.ones(fit.counts.shape)
    coefficients = np.zeros(0)
    for run in range(max(runs, 1)):
        coefficients = fit.solve(weight, coefficients)
        if run == runs - 1:
            break
        model = fit.model(coefficients)
        excess = (fit.counts > model) & (poisson_likelihood(fit.counts, model) > least)
        fresh = np.where(excess, 0.0, weight)
        if np.array_equal(fresh, weight):
            break
        weight = fresh
    return fit.factor(coefficients, base.shape) * np.maximum(base, 0.0)


def smooth_background(image: Sourceless, exposure: npt.NDArray[Any], *, least_snr: float, sigma: float) -> FloatArray:
    """Background by smoothing with Gaussians, each pixel by the narrowest that reaches a signal-to-noise ratio.

    Parameters
    ----------
    image : Sourceless
        Image, its sources.
    exposure : ndarray, shape (rows, columns)
        Exposure map (s).
    least_snr : float
        Root of the counts that the Gaussian must hold (snrmin).
    sigma : float
        Narrowest Gaussian (pixels, smoothsigma); each next one is sqrt(2) times as wide.
    """
    from scipy.ndimage import gaussian_filter

    exposed = np.maximum(np.asarray(exposure, np.float64), 0.0)
    counts = np.where(image.used, image.counts, 0.0)
    _, _, wings_factors = model_background(image, [exposed])
    wings = np.tensordot(wings_factors, image.wings, axes=1)
    seen = np.where(image.used, image.counts - wings - image.fixed, 0.0)
    seconds = np.where(image.used, exposed, 0.0)
    result, open_ = np.zeros(seen.shape), exposed > 0.0
    width = max(sigma, 1.0)
    while open_.any():
        smoothed, weight = gaussian_filter(seen, width), gaussian_filter(seconds, width)
        held = gaussian_filter(counts, width) * 4.0 * np.pi * width**2
        last = width > max(seen.shape) / 2
        enough = open_ & (weight > 0.0) & ((np.sqrt(np.maximum(held, 0.0)) >= least_snr) | last)
        rate = np.divide(np.maximum(smoothed, 0.0), weight, out=np.zeros(seen.shape), where=weight > 0.0)
        result[enough] = rate[enough]
        open_ &= ~enough
        if last:
            break
        width *= np.sqrt(2.0)
    return result * exposed


def reduced_chi_square(image: Sourceless, background: FloatArray) -> tuple[float, int]:
    """Reduced chi-square of the map against the image in squares of 16 pixels, and the degrees of freedom.

    The wings of sources are added to the map, known counts are in it. Squares in which fewer than 5 counts are expected
    are left out: theirs are not normal.
    """
    _, _, wings_factors = model_background(replace(image, fixed=np.zeros(background.shape)), [background])
    wings = np.tensordot(wings_factors, image.wings, axes=1)

    def gather(values: FloatArray) -> FloatArray:
        return rebinned(np.where(image.used, values, 0.0), _GOODNESS_CELL)

    seen, expected = gather(image.counts), gather(background + wings)
    enough = expected >= _GOODNESS_COUNTS
    number = int(enough.sum())
    if not number:
        return 0.0, 0
    return float(((seen - expected)[enough] ** 2 / expected[enough]).sum() / number), number


def automatic_nodes(shape: tuple[int, int]) -> int:
    """Nodes for an image where none are given: half the root of its longer side, 10 to 40 (task page esplinemap)."""
    return int(np.clip(round(np.sqrt(max(shape)) / 2.0), 10, 40))
