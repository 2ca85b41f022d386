"""Counts in a region of an image: centroid, the best circle and ellipse, upper limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.detection.psf import REACH_ARCSEC, psf_image

if TYPE_CHECKING:
    import numpy.typing as npt

    from xmmpy.detection.psf import PsfShape

    FloatArray = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]

ENERGY_KEV: Final = 1.5
"""Energy at which encircled fractions are taken."""
_STEP_ARCSEC = 1.0  # of the radii that are tried


def centroid(counts: FloatArray, inside: Mask, background: float) -> tuple[float, float] | None:
    """Centre of gravity of the counts above a background; None where there are none above it.

    Parameters
    ----------
    counts : ndarray, shape (rows, columns)
        Image.
    inside : ndarray of bool, same shape
        The region.
    background : float
        Counts a pixel.

    Returns
    -------
    tuple of float or None
        x and y, from 0 at the centre of the first pixel.
    """
    y, x = np.nonzero(inside)
    weight = counts[inside] - background
    total = float(weight.sum())
    if total <= 0.0:
        return None
    return float((x * weight).sum() / total), float((y * weight).sum() / total)


def best_radius(net: float, background: float, shape: PsfShape, *, elliptical: bool = False) -> float:
    """Radius (arcsec) at which signal over noise, S / sqrt(S + B), is largest.

    Parameters
    ----------
    net : float
        Counts of the source, of the whole point-spread function.
    background : float
        Counts an arcsec2.
    shape : PsfShape
        Point-spread function.
    elliptical : bool
        The semi-major axis of an ellipse of the point-spread function's shape, not the radius of a circle.

    Notes
    -----
    Radii of 1, 2 ... 300 arcsec are tried. The circle is that of the circular profile; the ellipse of semi-major axis a
    holds what that profile has inside of a, and the background of its own area, pi a^2 (1 - ellipticity).
    """
    radius: FloatArray = np.arange(1.0, REACH_ARCSEC + _STEP_ARCSEC / 2.0, _STEP_ARCSEC)
    area = np.pi * radius**2 * (1.0 - shape.ellipticity if elliptical else 1.0)
    signal = net * shape.encircled(radius)
    return float(radius[np.argmax(signal / np.sqrt(signal + background * area))])


def fraction_inside(
    shape: PsfShape, pixel_arcsec: float, inside: Mask, centre: tuple[float, float], azimuth_deg: float
) -> float:
    """Part of the photons of a source at `centre` (pixel, from 0) that fall into a region of any form."""
    return float(psf_image(shape, pixel_arcsec, (inside.shape[0], inside.shape[1]), centre, azimuth_deg)[inside].sum())


def upper_limit(counts: float, background: float, probability: float) -> float:
    """Counts of a source that are exceeded with the probability ``1 - probability``.

    Bayesian, with a source of 0 or more counts beforehand (Kraft, Burrows & Nousek 1991, ApJ 374, 344): the limit S
    solves Q(N + 1, B + S) / Q(N + 1, B) = 1 - probability, with Q the regularised upper incomplete gamma function.

    Parameters
    ----------
    counts, background : float
        Counts N in the region, of which B are expected from the background.
    probability : float
        Between 0 and 1, such as 0.9973.
    """
    from scipy.optimize import brentq
    from scipy.special import gammaincc

    whole = float(gammaincc(counts + 1.0, background))
    tail = 1.0 - probability
    if whole < 1e-290:  # far fewer counts than expected: the posterior falls like an exponential
        return float(-np.log(tail) / (1.0 - counts / background))
    reach = max(counts - background, 0.0) + 40.0 * np.sqrt(counts + 1.0) + 40.0
    return float(brentq(lambda s: float(gammaincc(counts + 1.0, background + s)) / whole - tail, 0.0, reach))
