"""What sources look like on the planes of a field, and what is expected there beside them."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.detection.fit.data import EXTENT, RATES, Pixels, Templates
from xmmpy.detection.psf import REACH_ARCSEC, STEP, extended_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from xmmpy.detection.planes import Field
    from xmmpy.detection.psf import ExtentModel, Psf, PsfShape, RadialTable

    FloatArray = NDArray[np.float64]

LEAST_BACKGROUND: Final = 1e-7
"""Counts a pixel; where a background map says less, a single event would exclude it."""
_LEAST_RADIUS = 2.0  # pixels
_NEGLIGIBLE = 5e-3  # of the background: where the wings of a source end
_POINT = np.zeros(1)
_RADII = np.concatenate([np.arange(0.0, 60.0, 0.25), np.arange(60.0, REACH_ARCSEC + 1.0)])


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How a point source looks at one place.

    Attributes
    ----------
    tables : tuple of RadialTable
        Table on each plane.
    turn : ndarray, shape (P, 3)
        As in `Templates`.
    """

    tables: tuple[RadialTable, ...]
    turn: FloatArray


@dataclass(slots=True, eq=False)
class Optics:
    """Tables of the point-spread function and of extended sources, made once for each bin of off-axis angle.

    Parameters
    ----------
    field : Field
        The images.
    psf : mapping of int to Psf
        By ID_INST.
    extent_model : str
        ``beta`` or ``gaussian``.
    largest_extent : float
        Pixels.
    """

    field: Field
    psf: Mapping[int, Psf]
    extent_model: ExtentModel = "beta"
    largest_extent: float = 20.0
    _looks: dict[tuple[float, float], Look] = dataclasses.field(default_factory=dict, repr=False)
    _extended: dict[int, tuple[FloatArray, FloatArray]] = dataclasses.field(default_factory=dict, repr=False)
    _radii: dict[tuple[PsfShape, float], float] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def nodes(self) -> FloatArray:
        """Extents (pixels) of which tables are made."""
        return np.concatenate([[0.0], np.geomspace(0.5, max(self.largest_extent, 1.0), 12)])

    def look(self, x: float, y: float) -> Look:
        """How a point source looks at a place (pixels)."""
        if (x, y) not in self._looks:
            angles, azimuths = {}, {}
            for instrument, view in self.field.views.items():
                angles[instrument] = float(view.offaxis_arcmin(np.array(x), np.array(y)))
                azimuths[instrument] = float(view.azimuth_rad(np.array(x), np.array(y)))
            tables, turn = [], np.empty((len(self.field.planes), 3))
            for row, plane in zip(turn, self.field.planes, strict=True):
                angle, azimuth = angles[plane.instrument], azimuths[plane.instrument]
                psf = self.psf[plane.instrument]
                table = psf.table(plane.low_ev, plane.high_ev, angle, self.field.pixel_arcsec)
                tables.append(table)
                row[:] = math.cos(azimuth), math.sin(azimuth), 1.0 / (1.0 - table.shape.ellipticity)
            self._looks[x, y] = Look(tuple(tables), turn)
        return self._looks[x, y]

    def radii(self, x: float, y: float, cut: float) -> FloatArray:
        """Radius (pixels) on each plane that encircles a fraction of the photons; `cut` itself where it is above 1."""
        if cut > 1.0:
            return np.full(len(self.field.planes), cut)
        found = np.empty(len(self.field.planes))
        for number, table in enumerate(self.look(x, y).tables):
            key = (table.shape, cut)
            if key not in self._radii:
                radius = float(np.interp(cut, table.shape.encircled(_RADII), _RADII))
                self._radii[key] = max(radius / self.field.pixel_arcsec, _LEAST_RADIUS)
            found[number] = self._radii[key]
        return found

    def points(self, x: float, y: float) -> FloatArray:
        """Tables of a point source on each plane, shape (P, K)."""
        return np.stack([table.value for table in self.look(x, y).tables])

    def at_extent(self, x: float, y: float, extent: float) -> FloatArray:
        """Tables of a source of an extent (pixels) on each plane, shape (P, K)."""
        if extent == 0.0:
            return self.points(x, y)
        from xmmpy.detection.fit import kernels

        parts = self._tables(x, y)
        values, slopes = (np.stack(part) for part in zip(*parts, strict=True))
        table, slope, growth = np.empty((3, values.shape[0], values.shape[2]))
        kernels.blend(extent, self.nodes, values, slopes, table, slope, growth)
        return table

    def templates(self, places: Sequence[tuple[float, float]], reach: float, *, extended: bool) -> Templates:
        """Tables of several sources out to a distance (pixels); for all extents if `extended`."""
        length = int(reach / STEP) + 3
        turn = np.stack([self.look(x, y).turn for x, y in places])
        if not extended:
            values = np.stack([self.points(x, y)[:, None, :length] for x, y in places])
            return Templates(_POINT, values, np.zeros_like(values), turn)
        parts = [self._tables(x, y) for x, y in places]
        values, slopes = (np.array([[pair[n][:, :length] for pair in row] for row in parts]) for n in (0, 1))
        return Templates(self.nodes, values, slopes, turn)

    def _tables(self, x: float, y: float) -> list[tuple[FloatArray, FloatArray]]:
        """Tables at all nodes and their derivatives by the extent, shape (M, K) each, on each plane."""
        found = []
        for table in self.look(x, y).tables:
            key = id(table)  # the point-spread function keeps its tables
            if key not in self._extended:
                from scipy.interpolate import CubicSpline

                values, _ = extended_tables(table.shape, table.pixel_arcsec, self.nodes, self.extent_model)
                values[0] = table.value
                self._extended[key] = values, CubicSpline(self.nodes, values, axis=0)(self.nodes, 1)
            found.append(self._extended[key])
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The planes of a field, and what is expected on them: the background and the sources fitted so far.

    Attributes
    ----------
    optics : Optics
        What sources look like.
    counts, exposure, expected : list of ndarray, shape (rows, columns) each
        Counts, vignetted exposure (s), expected counts, by plane.
    usable : list of ndarray of bool
        Pixels inside the mask that are exposed.
    longest, negligible : ndarray, shape (P,)
        Longest exposure (s), and counts a pixel that do not matter beside the background.
    """

    optics: Optics
    counts: list[FloatArray]
    exposure: list[FloatArray]
    expected: list[FloatArray]
    usable: list[NDArray[np.bool_]]
    longest: FloatArray
    negligible: FloatArray

    @classmethod
    def of_field(cls, optics: Optics) -> Scene:
        """Begin with the background maps, which all planes must have."""
        planes = optics.field.planes
        expected = [np.array(plane.background, np.float64) for plane in planes]
        usable = [optics.field.masks[plane.instrument] & (plane.exposure > 0.0) for plane in planes]
        levels = [_mean(image, here) for image, here in zip(expected, usable, strict=True)]
        return cls(
            optics,
            [np.asarray(plane.counts, np.float64) for plane in planes],
            [np.asarray(plane.exposure, np.float64) for plane in planes],
            expected,
            usable,
            np.array([float(plane.exposure.max()) for plane in planes]),
            _NEGLIGIBLE * np.array(levels),
        )

    def add(self, parameters: FloatArray, sign: float = 1.0) -> None:
        """Add a source (x, y, extent, rates) to what is expected, or take it away again with `sign` = -1.

        Its wings are followed to where they no longer matter beside the background.
        """
        tables = self.optics.at_extent(*parameters[:RATES])
        for number, (table, rate) in enumerate(zip(tables, parameters[RATES:], strict=True)):
            peak = abs(rate) * self.longest[number] * table
            reach = STEP * float(np.count_nonzero(peak > self.negligible[number]))
            self._add(self.expected[number], number, (*parameters[:EXTENT], sign * rate), table, reach)

    def sources_alone(self, sources: Sequence[FloatArray], number: int) -> FloatArray:
        """Counts that the sources of some parameters are expected to give on one plane."""
        image = np.zeros(self.optics.field.shape)
        for parameters in sources:
            table = self.optics.at_extent(*parameters[:RATES])[number]
            rate = parameters[RATES + number]
            self._add(image, number, (*parameters[:EXTENT], rate), table, table.size * STEP)
        return image

    def _add(
        self, image: FloatArray, number: int, source: tuple[float, float, float], table: FloatArray, reach: float
    ) -> None:
        from xmmpy.detection.fit import kernels

        x, y, rate = (float(value) for value in source)
        if rate != 0.0 and reach > 0.0:
            kernels.add_source(
                image, self.exposure[number], (x, y, rate), table, self.optics.look(x, y).turn[number], reach
            )

    def pixels(self, places: Sequence[tuple[float, float]], radii: FloatArray) -> Pixels:
        """Usable pixels inside the circles of some sources.

        Parameters
        ----------
        places : sequence of (x, y)
            Sources.
        radii : ndarray, shape (S, P)
            Radius of each on each plane; 0 where it takes no part.
        """
        reach = radii.max(axis=1)
        x_0, y_0 = (np.array(column) for column in zip(*places, strict=True))
        box = self._box(
            float((x_0 - reach).min()),
            float((x_0 + reach).max()),
            float((y_0 - reach).min()),
            float((y_0 + reach).max()),
        )
        y, x = np.ogrid[box]
        chosen = self._cut(self.usable, box)
        inside = np.zeros(chosen.shape, bool)
        for column, row, radius in zip(x_0, y_0, radii, strict=True):
            inside |= ((x - column) ** 2 + (y - row) ** 2)[None] < radius[:, None, None] ** 2
        chosen &= inside
        _, row, column = np.nonzero(chosen)
        first = np.concatenate([[0], np.cumsum(chosen.sum(axis=(1, 2)))])
        return Pixels(
            first.astype(np.int64),
            (column + box[1].start).astype(np.float64),
            (row + box[0].start).astype(np.float64),
            self._cut(self.counts, box)[chosen],
            self._cut(self.exposure, box)[chosen],
            np.maximum(self._cut(self.expected, box)[chosen], LEAST_BACKGROUND),
        )

    def weigh(self, x: float, y: float, radii: FloatArray, tables: FloatArray) -> FloatArray:
        """Sums over the circle of a source, as of `kernels.weigh`; `tables` of the shape (P, K)."""
        from xmmpy.detection.fit import kernels

        reach = float(radii.max())
        box = self._box(x - reach, x + reach, y - reach, y + reach)
        place = (x - box[1].start, y - box[0].start)
        usable, exposure = self._cut(self.usable, box), self._cut(self.exposure, box)
        sums: FloatArray = kernels.weigh(place, radii, tables, self.optics.look(x, y).turn, usable, exposure)
        return sums

    def _box(self, low_x: float, high_x: float, low_y: float, high_y: float) -> tuple[slice, slice]:
        """Rows and columns of a box, as much of it as lies in the images."""
        rows, columns = self.optics.field.shape
        return _span(low_y, high_y, rows), _span(low_x, high_x, columns)

    def _cut(self, images: Sequence[NDArray[Any]], box: tuple[slice, slice]) -> NDArray[Any]:
        """A box of all planes, shape (P, rows, columns)."""
        return np.stack([image[box] for image in images])


def _span(low: float, high: float, size: int) -> slice:
    """Pixels from `low` to `high` of an axis with that many."""
    start = min(max(0, math.floor(low)), size)
    return slice(start, min(max(start, math.ceil(high) + 1), size))


def _mean(image: FloatArray, here: NDArray[np.bool_]) -> float:
    """Mean background of the usable pixels."""
    number = np.count_nonzero(here)
    return max(float(image.sum(where=here)) / number, LEAST_BACKGROUND) if number else LEAST_BACKGROUND
