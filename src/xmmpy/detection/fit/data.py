"""What a fit works on: pixels, images of the sources at every extent, limits of the parameters.

The parameters of S sources on P planes are an array of shape (S, 3 + P): x, y, extent (pixels), then the rate on each
plane (counts / s).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

X: Final = 0
Y: Final = 1
EXTENT: Final = 2
RATES: Final = 3
"""Place of the parameters of a source; the rates are the last."""


class Pixels(NamedTuple):
    """Pixels that take part, one plane after the other.

    Attributes
    ----------
    first : ndarray of int, shape (P + 1,)
        Those of plane p go from first[p] to first[p + 1].
    x, y : ndarray, shape (n,)
        Places (pixels).
    counts, exposure, background : ndarray, shape (n,)
        Counts, vignetted exposure (s), all else that is expected there (counts, above 0).
    """

    first: NDArray[Any]
    x: NDArray[Any]
    y: NDArray[Any]
    counts: NDArray[Any]
    exposure: NDArray[Any]
    background: NDArray[Any]


class Templates(NamedTuple):
    """Tables by distance (`xmmpy.detection.psf.RadialTable`) of each source on each plane.

    Attributes
    ----------
    nodes : ndarray, shape (M,)
        Extents (pixels) that there are tables of; one for sources that are points.
    values, slopes : ndarray, shape (S, P, M, K)
        Fraction of the photons in a pixel at distances 0, STEP, 2 STEP ..., and its derivative by the extent.
    turn : ndarray, shape (S, P, 3)
        Cosine and sine of the direction from the optical axis, and 1 / (1 - ellipticity).
    """

    nodes: NDArray[Any]
    values: NDArray[Any]
    slopes: NDArray[Any]
    turn: NDArray[Any]


class Limits(NamedTuple):
    """Which parameters are fitted, and how far they go; shape (S * (3 + P),) each."""

    free: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]
