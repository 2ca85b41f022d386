"""The point-spread function of the telescopes: shape by energy and off-axis angle, tables by distance for fits.

The model is a King profile with a Gaussian core, elliptical off the axis (ELLBETA of the constituents XRTn_XPSF; Read
et al. 2011, A&A 534, A34). Where there is no constituent, the circular King profile of the nominal table stands in. All
are normalised inside 300 arcsec.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from xmmpy.calibration.nominal import king_profile

if TYPE_CHECKING:
    import numpy.typing as npt

    from xmmpy.calibration.readers.telescope import PsfParameters

    FloatArray = npt.NDArray[np.float64]

ExtentModel = Literal["beta", "gaussian"]

REACH_ARCSEC: Final = 300.0
"""Radius inside which the profile is normalised."""
STEP: Final = 0.05
"""Step of the tables by distance (image pixels)."""
ANGLE_BIN_ARCMIN: Final = 0.5
"""Width of the off-axis bins in which one table serves."""
_PHOTON_INDEX = 1.7  # of the spectrum that the conversion factors hold for
_FWHM_PER_SIGMA = float(2.0 * np.sqrt(2.0 * np.log(2.0)))
_SMOOTH_BEYOND = 15.0  # pixels from the centre on which the average over a pixel is the value at its centre


def band_energy_kev(low_ev: float, high_ev: float) -> float:
    """Mean energy (keV) of the photons of a power law of index 1.7 in a band.

    The standard bands have 0.31, 0.70, 1.38, 2.97 and 7.2 keV.
    """
    low, high = low_ev / 1000.0, high_ev / 1000.0
    if high <= low:
        return low
    first, second = 2.0 - _PHOTON_INDEX, 1.0 - _PHOTON_INDEX
    return float((high**first - low**first) / first / ((high**second - low**second) / second))


@dataclass(frozen=True, slots=True)
class PsfShape:
    """Point-spread function at one energy and off-axis angle.

    Attributes
    ----------
    core_arcsec, slope : float
        King profile (1 + (r / core)^2)^-slope.
    ellipticity : float
        1 - minor / major axis; the major axis is perpendicular to the direction of the optical axis.
    gaussian_fwhm_arcsec, gaussian_norm : float
        Gaussian core, and its height relative to that of the King profile.
    """

    core_arcsec: float
    slope: float
    ellipticity: float = 0.0
    gaussian_fwhm_arcsec: float = 0.0
    gaussian_norm: float = 0.0

    @property
    def _sigma(self) -> float:
        return self.gaussian_fwhm_arcsec / _FWHM_PER_SIGMA

    @property
    def _parts(self) -> tuple[float, float]:
        """Integral over the plane of the King profile inside 300 arcsec and of the Gaussian, both for height 1."""
        king = np.pi * self.core_arcsec**2 / (self.slope - 1.0) * self._king_share(np.array(REACH_ARCSEC))
        return float(king), float(self.gaussian_norm * 2.0 * np.pi * self._sigma**2)

    def _king_share(self, radius: FloatArray) -> FloatArray:
        share: FloatArray = 1.0 - (1.0 + (radius / self.core_arcsec) ** 2) ** (1.0 - self.slope)
        return share

    def surface(self, radius_arcsec: FloatArray) -> FloatArray:
        """Fraction of the photons per arcsec2 at a distance along the major axis; zero beyond 300 arcsec."""
        radius = np.asarray(radius_arcsec, np.float64)
        value = (1.0 + (radius / self.core_arcsec) ** 2) ** -self.slope
        if self.gaussian_norm > 0.0 and self._sigma > 0.0:
            value = value + self.gaussian_norm * np.exp(-0.5 * (radius / self._sigma) ** 2)
        whole = sum(self._parts) * (1.0 - self.ellipticity)
        result: FloatArray = np.where(radius <= REACH_ARCSEC, value, 0.0) / whole
        return result

    def encircled(self, radius_arcsec: npt.ArrayLike) -> FloatArray:
        """Encircled energy fraction; the circle stands for the ellipse of the same area where there is one.

        King profile: (1 - (1 + (r/core)^2)^(1-slope)) over the same at 300 arcsec.
        """
        radius = np.minimum(np.asarray(radius_arcsec, np.float64), REACH_ARCSEC)
        king, gaussian = self._parts
        share = king * self._king_share(radius) / self._king_share(np.array(REACH_ARCSEC))
        if gaussian > 0.0:
            share = share + gaussian * (1.0 - np.exp(-0.5 * (radius / self._sigma) ** 2))
        result: FloatArray = share / (king + gaussian)
        return result

    def radius_of(self, fraction: float) -> float:
        """Radius (arcsec) that encircles a fraction of the photons."""
        from scipy.optimize import brentq

        if fraction <= 0.0:
            return 0.0
        if fraction >= 1.0:
            return REACH_ARCSEC
        return float(brentq(lambda r: float(self.encircled(r)) - fraction, 0.0, REACH_ARCSEC, xtol=1e-4))

    def transform(self, wave_number: FloatArray) -> FloatArray:
        """Fourier transform of the circular profile at wave numbers (radian / arcsec); 1 / (normalised share) at 0.

        That of the King profile is 2 / Gamma(slope-1) (k core / 2)^(slope-1) K_(slope-1)(k core).
        """
        from scipy.special import gamma, kv

        order = self.slope - 1.0
        scaled = np.maximum(wave_number * self.core_arcsec, 1e-12)
        king_whole = np.pi * self.core_arcsec**2 / order
        value = king_whole * 2.0 / gamma(order) * (scaled / 2.0) ** order * kv(order, scaled)
        if self.gaussian_norm > 0.0:
            whole = self.gaussian_norm * 2.0 * np.pi * self._sigma**2
            value = value + whole * np.exp(-0.5 * (wave_number * self._sigma) ** 2)
        result: FloatArray = value / sum(self._parts)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class RadialTable:
    """Fraction of the photons in a pixel by the distance of its centre from the source.

    Attributes
    ----------
    value, derivative : ndarray, shape (n,)
        Fraction per pixel at distances 0, STEP, 2 STEP ... (pixels), and its derivative by the distance; zero at the
        end.
    shape : PsfShape
        What it was made from.
    pixel_arcsec : float
        Side of a pixel.
    """

    value: FloatArray
    derivative: FloatArray
    shape: PsfShape
    pixel_arcsec: float

    def at(self, distance: FloatArray) -> FloatArray:
        """Fraction per pixel at distances (pixels), linear between the nodes."""
        return np.interp(distance, STEP * np.arange(self.value.size), self.value, right=0.0)


def radial_table(shape: PsfShape, pixel_arcsec: float) -> RadialTable:
    """Table of a point source, averaged over square pixels.

    The average over a square hardly depends on its orientation (fourth order in pixel / core): the mean of three is
    taken.
    """
    distance: FloatArray = STEP * np.arange(int(REACH_ARCSEC / pixel_arcsec / STEP) + 2, dtype=np.float64)
    value = shape.surface(distance * pixel_arcsec)
    offset_x, offset_y, weight, between = _pixel_average(STEP)
    coarse = 2.0 * STEP * np.arange(between.shape[1])
    radius = np.hypot(coarse[:, None] + offset_x, offset_y) * pixel_arcsec
    mean = between @ (shape.surface(radius) @ weight)
    size = min(mean.size, value.size)
    value[:size] = mean[:size]
    value *= pixel_arcsec**2
    value[-1] = 0.0
    derivative = np.gradient(value, STEP)
    derivative[0] = 0.0  # by symmetry
    return RadialTable(value, derivative, shape, pixel_arcsec)


@lru_cache(maxsize=1)
def _pixel_average(step: float) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Points of a pixel and their weights for its average, in three orientations, and a matrix between distances.

    The matrix takes averages at distances 0, 2 step, 4 step ... to those at 0, step, 2 step ... by cubics through four
    neighbours; the average is an even function of the distance.
    """
    nodes, weights = np.polynomial.legendre.leggauss(5)
    x, y = (part.ravel() / 2.0 for part in np.meshgrid(nodes, nodes))
    angles = np.radians((0.0, 22.5, 45.0))[:, None]
    offset_x = (np.cos(angles) * x - np.sin(angles) * y).ravel()
    offset_y = (np.sin(angles) * x + np.cos(angles) * y).ravel()
    weight = np.tile(np.outer(weights, weights).ravel(), 3) / 12.0
    number = int(_SMOOTH_BEYOND / (2.0 * step))
    between = np.zeros((2 * number, number + 3))
    for row in range(2 * number):
        if row % 2 == 0:
            between[row, row // 2] = 1.0
            continue
        for place, share in zip(range(row // 2 - 1, row // 2 + 3), (-1.0, 9.0, 9.0, -1.0), strict=True):
            between[row, abs(place)] += share / 16.0
    return offset_x, offset_y, weight, between


def extended_tables(
    shape: PsfShape, pixel_arcsec: float, extents: FloatArray, model: ExtentModel = "beta"
) -> tuple[FloatArray, FloatArray]:
    """Tables of extended sources: the point-spread function convolved with a beta model or a Gaussian.

    Parameters
    ----------
    shape : PsfShape
        Point-spread function.
    pixel_arcsec : float
        Side of a pixel.
    extents : ndarray, shape (m,)
        Core radii of the beta model, (1 + (r/extent)^2)^(-3 beta + 1/2) with beta = 2/3, or standard deviations
        (pixels).
    model : str
        ``beta`` or ``gaussian``.

    Returns
    -------
    value, derivative : ndarray, shape (m, n)
        As in `RadialTable`, one row for each extent.

    Notes
    -----
    In Fourier space the convolution is a product, and both models have closed transforms: exp(-k extent) for the beta
    model, exp(-(k extent)^2 / 2) for the Gaussian. One Hankel transform brings the product back.
    """
    distance = STEP * np.arange(int(REACH_ARCSEC / pixel_arcsec / STEP) + 2)
    coarse, wave, back = _hankel(float(distance[-1]))
    spread = shape.transform(wave / pixel_arcsec) * _pixel_transform(wave)
    phase = np.outer(extents, wave)
    source = np.exp(-phase) if model == "beta" else np.exp(-0.5 * phase**2)
    values = (source * spread) @ back
    from scipy.interpolate import CubicSpline

    spline = CubicSpline(coarse, values, axis=1)
    value = spline(distance)
    derivative = spline(distance, 1)
    value[:, -1] = derivative[:, -1] = 0.0
    derivative[:, 0] = 0.0  # by symmetry
    return value, derivative


@lru_cache(maxsize=4)
def _hankel(reach: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distances (n,), wave numbers (m,) in radian / pixel and the matrix (m, n) of the inverse Hankel transform."""
    from scipy.special import j0

    inner = np.arange(0.0, min(12.0, reach), 0.1)
    coarse = np.concatenate([inner, np.arange(12.0, reach + 0.5, 0.5)]) if reach > 12.0 else inner
    edges = np.concatenate([[0.0], np.geomspace(1e-4, 0.05, 12), np.arange(0.1, 14.0, 0.05)])
    nodes, weights = np.polynomial.legendre.leggauss(6)
    half = np.diff(edges)[:, None] / 2.0
    wave = (edges[:-1, None] + half * (nodes + 1.0)).ravel()
    weight = (half * weights).ravel()
    return coarse, wave, j0(np.outer(wave, coarse)) * (weight * wave)[:, None] / (2.0 * np.pi)


def _pixel_transform(wave: FloatArray) -> FloatArray:
    """Transform of a square pixel of side 1, averaged over its orientation."""
    angle = (np.arange(8) + 0.5) * np.pi / 16.0
    across = np.outer(wave, np.cos(angle)) / (2.0 * np.pi)
    along = np.outer(wave, np.sin(angle)) / (2.0 * np.pi)
    result: FloatArray = (np.sinc(across) * np.sinc(along)).mean(axis=1)
    return result


@dataclass(slots=True, eq=False)
class Psf:
    """Point-spread function of the telescope of one camera; keeps the tables that it has made.

    Parameters
    ----------
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.
    parameters : PsfParameters, optional
        ELLBETA_PARAMS of the constituent: core (arcsec), slope, ellipticity, a phase that is not used, FWHM (arcsec)
        and height of the Gaussian; or KING_PARAMS: core, slope. Without it the nominal table holds.
    """

    camera: str
    parameters: PsfParameters | None = None
    _tables: dict[tuple[float, float, int, float], RadialTable] = field(default_factory=dict, repr=False)

    def shape(self, energy_kev: float, offaxis_arcmin: float) -> PsfShape:
        """Shape at an energy and an off-axis angle."""
        if self.parameters is not None:
            values = self.parameters.at(energy_kev, offaxis_arcmin)
            ellipticity = float(values[2]) if values.size > 2 else 0.0
            gaussian = (float(values[4]), float(values[5])) if values.size > 5 else (0.0, 0.0)
            return PsfShape(float(values[0]), float(values[1]), min(max(ellipticity, 0.0), 0.9), *gaussian)
        core, slope = king_profile(self.camera).at(np.array(energy_kev), np.array(offaxis_arcmin))
        return PsfShape(float(core), float(slope))

    def table(self, low_ev: float, high_ev: float, offaxis_arcmin: float, pixel_arcsec: float) -> RadialTable:
        """Table of a band in the off-axis bin that an angle lies in."""
        number = int(offaxis_arcmin / ANGLE_BIN_ARCMIN)
        key = (low_ev, high_ev, number, pixel_arcsec)
        if key not in self._tables:
            middle = (number + 0.5) * ANGLE_BIN_ARCMIN
            self._tables[key] = radial_table(self.shape(band_energy_kev(low_ev, high_ev), middle), pixel_arcsec)
        return self._tables[key]


def psf_image(
    shape: PsfShape, pixel_arcsec: float, size: tuple[int, int], centre: tuple[float, float], azimuth_deg: float = 0.0
) -> FloatArray:
    """Image of a point source, the fraction of the photons in each pixel.

    Parameters
    ----------
    shape : PsfShape
        Point-spread function.
    pixel_arcsec : float
        Side of a pixel.
    size : tuple of int
        Rows and columns.
    centre : tuple of float
        x and y of the source, counted from 0 at the centre of the first pixel.
    azimuth_deg : float
        Direction from the optical axis to the source, from the x axis of the image counter-clockwise.

    Returns
    -------
    ndarray, shape `size`
    """
    y, x = np.ogrid[: size[0], : size[1]]
    dx, dy = x - centre[0], y - centre[1]
    table = radial_table(shape, pixel_arcsec)
    return table.at(elliptical_distance(dx, dy, shape.ellipticity, np.radians(azimuth_deg)))


def elliptical_distance(dx: FloatArray, dy: FloatArray, ellipticity: float, azimuth_rad: float) -> FloatArray:
    """Semi-major axis of the ellipse through a point; the major axis is perpendicular to `azimuth_rad`."""
    cosine, sine = np.cos(azimuth_rad), np.sin(azimuth_rad)
    radial = cosine * dx + sine * dy
    tangential = -sine * dx + cosine * dy
    result: FloatArray = np.hypot(tangential, radial / (1.0 - ellipticity))
    return result
