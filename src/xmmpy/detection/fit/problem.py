"""Pixels, tables and parameters of a group of sources, and what is computed from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.detection.fit.data import RATES, Limits, Pixels, Templates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

_MOST_STEPS = 60
_SMALL_STEP = 0.2  # pixels


@dataclass(slots=True, eq=False)
class Problem:
    """Pixels, tables and parameters of a group, and its statistic once minimised.

    Attributes
    ----------
    parameters : ndarray, shape (S, 3 + P)
        As in `xmmpy.detection.fit.data`.
    limits : Limits
        Of the parameters.
    reach : float
        Distance (pixels) that the tables cover.
    statistic : float
        C at the parameters.
    fisher : ndarray
        Expected second derivatives of C there.
    """

    pixels: Pixels
    templates: Templates
    parameters: FloatArray
    limits: Limits
    reach: float = 0.0
    statistic: float = float("nan")
    fisher: FloatArray | None = None

    def minimise(self) -> Problem:
        """The same with the parameters that fit best."""
        from xmmpy.detection.fit import kernels

        parameters = self.parameters.copy()
        fisher = np.empty((parameters.size, parameters.size))
        found = kernels.minimise(parameters, self.pixels, self.templates, self.limits, _MOST_STEPS, fisher)
        return replace(self, parameters=parameters, statistic=float(found), fisher=fisher)

    def with_free(self, source: int, parameters: slice | int, *, free: bool) -> Problem:
        """The same with some parameters of a source free or held."""
        wanted = self.limits.free.reshape(self.parameters.shape).copy()
        wanted[source, parameters] = free
        return replace(self, limits=self.limits._replace(free=wanted.ravel()))

    def without(self, source: int) -> Problem:
        """The same without a source, fitted again."""
        kept = np.arange(len(self.parameters)) != source
        rest = replace(self, parameters=self.parameters[kept], **self._parts(kept))
        return rest.minimise() if len(rest.parameters) else rest

    def with_one_more(self, like: int, parameters: FloatArray) -> Problem:
        """The same with one more source, close to and with the tables of another; parameters of all are given."""
        order = np.append(np.arange(len(self.parameters)), like)
        return replace(self, parameters=parameters, **self._parts(order))

    def _parts(self, order: NDArray[Any]) -> dict[str, Any]:
        shape = self.parameters.shape
        limits = Limits(*(part.reshape(shape)[order].ravel() for part in self.limits))
        tables = self.templates
        templates = Templates(tables.nodes, tables.values[order], tables.slopes[order], tables.turn[order])
        return {"limits": limits, "templates": templates}

    def sums(self, values: FloatArray) -> FloatArray:
        """Sums of values of the pixels over each plane, shape (P,)."""
        first = self.pixels.first
        return np.asarray(np.where(np.diff(first) > 0, np.add.reduceat(np.append(values, 0.0), first[:-1]), 0.0))

    def by_plane(self) -> FloatArray:
        """Statistic of each plane."""
        model = self.model()
        return self.sums(2.0 * (model - self.pixels.counts * np.log(model)))

    def model(self) -> FloatArray:
        """Expected counts of each pixel."""
        from xmmpy.detection.fit import kernels

        result = self.pixels.background.copy()
        kernels.expected(self.parameters, self.pixels, self.templates, result)
        return result

    def image(self, source: int) -> FloatArray:
        """Counts that a source of rate 1 gives in each pixel."""
        from xmmpy.detection.fit import kernels

        result = np.zeros(self.pixels.counts.size)
        one = replace(self, **self._parts(np.array([source])))
        parameters = self.parameters[[source]]
        parameters[0, RATES:] = 1.0
        kernels.expected(parameters, self.pixels, one.templates, result)
        return result

    def slope(self, source: int, axis: int) -> FloatArray:
        """Derivative of `image` by the place of the source along an axis (per pixel)."""
        sides = []
        for step in (-_SMALL_STEP, _SMALL_STEP):
            moved = self.parameters.copy()
            moved[source, axis] += step
            sides.append(replace(self, parameters=moved).image(source))
        return np.asarray((sides[1] - sides[0]) / (2.0 * _SMALL_STEP))
