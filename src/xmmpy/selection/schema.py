"""What the evaluator has to know of a table: its columns, their null values and its sky projection."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_NULLS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CelestialFrame:
    """Tangent-plane projection of a pair of sky pixel columns.

    Parameters
    ----------
    crval : tuple of float
        Right ascension and declination of the reference point, degrees.
    crpix : tuple of float
        Pixel values of the reference point.
    cdelt : tuple of float
        Size of a pixel along both axes, degrees; that of right ascension is negative.
    x_column, y_column : str
        The columns that hold the pixels.
    """

    crval: tuple[float, float]
    crpix: tuple[float, float]
    cdelt: tuple[float, float]
    x_column: str = "X"
    y_column: str = "Y"

    def to_pixels(self, ra: float, dec: float) -> tuple[float, float]:
        """Pixels of a position by the gnomonic projection (FITS WCS paper II, section 5.1.3).

        Parameters
        ----------
        ra, dec : float
            Position, degrees.

        Returns
        -------
        tuple of float
            Pixel values; NaN for a position more than 90 degrees from the reference point.
        """
        d, d0 = np.radians(dec), np.radians(self.crval[1])
        a = np.radians(ra - self.crval[0])
        divisor = np.sin(d) * np.sin(d0) + np.cos(d) * np.cos(d0) * np.cos(a)
        if not divisor > 0:
            return float("nan"), float("nan")
        xi = np.cos(d) * np.sin(a) / divisor
        eta = (np.sin(d) * np.cos(d0) - np.cos(d) * np.sin(d0) * np.cos(a)) / divisor
        x = self.crpix[0] + np.degrees(xi) / self.cdelt[0]
        y = self.crpix[1] + np.degrees(eta) / self.cdelt[1]
        return float(x), float(y)

    def to_parameters(self, kinds: str, parameters: tuple[float, ...]) -> tuple[float, ...]:
        """Parameters of a figure in sky pixels.

        Parameters
        ----------
        kinds : str
            One letter for each parameter, as in `xmmpy.selection.shapes.Shape`.
        parameters : tuple of float
            Positions and lengths in degrees; angles counter-clockwise from the X axis of the image.

        Returns
        -------
        tuple of float
            Positions and lengths in pixels, the rest unchanged.
        """
        converted: list[float] = []
        scale = float(np.sqrt(abs(self.cdelt[0] * self.cdelt[1])))
        i = 0
        while i < len(parameters):
            kind = kinds[i]
            if kind == "x":
                converted += self.to_pixels(parameters[i], parameters[i + 1])
                i += 2
                continue
            converted.append(parameters[i] / scale if kind == "l" else parameters[i])
            i += 1
        return tuple(converted)


@dataclass(frozen=True, slots=True)
class TableSchema:
    """Columns of a table.

    Parameters
    ----------
    columns : mapping of str to numpy.dtype
        Type of every column in native byte order, by name.
    nulls : mapping of str to int
        Null values (TNULL) of integer columns.
    celestial : CelestialFrame, optional
        Projection of the sky pixel columns; without it there are no celestial regions.
    """

    columns: Mapping[str, np.dtype[np.generic]]
    nulls: Mapping[str, int] = field(default_factory=lambda: _NO_NULLS)
    celestial: CelestialFrame | None = None

    def find(self, name: str) -> str | None:
        """Name of a column as the table spells it, from its name in any case; None if there is none."""
        if name in self.columns:
            return name
        folded = name.casefold()
        return next((known for known in self.columns if known.casefold() == folded), None)
