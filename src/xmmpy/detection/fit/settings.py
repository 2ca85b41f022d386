"""How sources are fitted, and what a fitted source is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.detection.fit.data import EXTENT, RATES, X, Y
from xmmpy.detection.likelihoods import equivalent_likelihood

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

LEAST_MASKFRAC: Final = 0.15
"""A plane on which less of the photons of a source fall on the mask takes no part in its fit."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """Settings of the fit; the names are those of emldetect's parameters.

    Attributes
    ----------
    mlmin : float
        Least DET_ML of a source.
    dmlextmin : float
        Least EXT_ML of an extended source.
    ecut, scut : float
        Radius of the circle whose pixels are fitted, and radius inside which neighbours are fitted together: fraction
        of the photons, or pixels if above 1.
    fitposition, fitcounts, fitextent, fitnegative : bool
        What is fitted; whether rates may be negative.
    minextent, maxextent : float
        Pixels; a smaller extent is none.
    nmaxfit, nmulsou : int
        Most candidates fitted at once; most sources that one candidate is split into.
    """

    mlmin: float = 10.0
    dmlextmin: float = 10.0
    ecut: float = 0.68
    scut: float = 0.9
    fitposition: bool = True
    fitcounts: bool = True
    fitextent: bool = False
    fitnegative: bool = False
    minextent: float = 1.5
    maxextent: float = 20.0
    nmaxfit: int = 1
    nmulsou: int = 1

    @property
    def shape_parameters(self) -> int:
        """Free parameters of a source beside its rates, which count in DET_ML: 2, or 3 with the extent."""
        return 3 if self.fitextent else 2


@dataclass(slots=True, eq=False)
class Source:
    """A candidate, and what the fit made of it.

    Attributes
    ----------
    candidate : int
        Its BOX_ID_SRC.
    parameters : ndarray, shape (3 + P,)
        x, y, extent (pixels, from 0), rate on each plane (counts / s).
    splittable : bool
        Whether the candidate may turn out to be several sources.
    cluster : int
        Sources fitted together have the same number.
    errors : ndarray, shape (3 + P,)
        Of the parameters; NaN where there is none.
    likelihoods : ndarray, shape (P,)
        Half of the change of the statistic on each plane when the source is taken away.
    extent_ml : float
        EXT_ML.
    used : ndarray of bool, shape (P,)
        Planes that took part.
    radii : ndarray, shape (P,)
        Radius of the fitted circle (pixels).
    sums : ndarray, shape (P, 3)
        As of `kernels.weigh`.
    """

    candidate: int
    parameters: FloatArray
    splittable: bool = True
    cluster: int = 0
    errors: FloatArray = field(default_factory=lambda: np.zeros(0))
    likelihoods: FloatArray = field(default_factory=lambda: np.zeros(0))
    extent_ml: float = 0.0
    used: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    radii: FloatArray = field(default_factory=lambda: np.zeros(0))
    sums: FloatArray = field(default_factory=lambda: np.zeros((0, 3)))

    @property
    def place(self) -> tuple[float, float]:
        """X and y (pixels)."""
        return float(self.parameters[X]), float(self.parameters[Y])

    @property
    def extent(self) -> float:
        """Extent (pixels), 0 for a point."""
        return float(self.parameters[EXTENT])

    @property
    def rates(self) -> FloatArray:
        """Rate on each plane."""
        return self.parameters[RATES:]

    def det_ml(self, settings: FitSettings, chosen: NDArray[np.bool_] | None = None) -> float:
        """DET_ML of all planes, or of those chosen; NaN where none took part."""
        planes = self.used if chosen is None else self.used & chosen
        number = int(planes.sum())
        if not number:
            return float("nan")
        total = float(self.likelihoods[planes].sum())
        return float(equivalent_likelihood(total, settings.shape_parameters + number))
