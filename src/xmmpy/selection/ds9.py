"""Region files in DS9's text format.

Figures: circle, ellipse, box, polygon, annulus, elliptical and box annulus, panda, point and line;
coordinates: image, physical, and fk5 or icrs with decimal degrees or sexagesimal numbers. Sizes of boxes are
full widths, angles are counter-clockwise from the X axis. Source: DS9 reference manual, "Regions".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from xmmpy.selection.regions import RegionShape, RegionTable
from xmmpy.selection.shapes import SHAPES, check_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xmmpy.selection.schema import CelestialFrame

_CELESTIAL = frozenset({"fk5", "icrs", "j2000"})
_LINEAR = frozenset({"image", "physical"})
_OTHER_SYSTEMS = frozenset({"fk4", "b1950", "galactic", "ecliptic", "detector", "amplifier", "linear"})
#: Statements that hold no figure.
_PASSED_OVER = frozenset({"global", "wcs", "tile", "text", "ruler", "vector", "compass", "projection", "segment"})
_DEGREES_PER_UNIT = {'"': 1 / 3600, "'": 1 / 60, "d": 1.0, "r": 57.29577951308232}
_FIGURE = re.compile(r"^\s*(?P<sign>[-+!]?)\s*(?P<name>[A-Za-z0-9]+)\s*[(\s]\s*(?P<values>[^)#]*)\)?")
_WORD = re.compile(r"^\s*[-+!]?\s*([A-Za-z][A-Za-z0-9]*)")
_SEXAGESIMAL_PARTS = 3


@dataclass(frozen=True, slots=True)
class LinearAxes:
    """Axes of an image in the coordinates of the table: pixel n lies at (n - crpix) * cdelt + crval."""

    crpix: tuple[float, float]
    crval: tuple[float, float]
    cdelt: tuple[float, float]


def parse_region_file(
    text: str,
    celestial: CelestialFrame | None = None,
    image: LinearAxes | None = None,
    columns: tuple[str, str] = ("X", "Y"),
    source: str = "the region file",
) -> RegionTable:
    """Figures of a DS9 region file, in the coordinates of the table.

    Parameters
    ----------
    text : str
        Content of the file.
    celestial : CelestialFrame, optional
        Projection, needed for celestial figures.
    image : LinearAxes, optional
        Axes of the image on which the regions were drawn, needed for image coordinates.
    columns : tuple of str
        Columns to which the figures apply.
    source : str
        What to call the file in an error.

    Returns
    -------
    RegionTable
        Every included figure is a component of its own; the excluded ones cut out of all.

    Raises
    ------
    ValueError
        If a line is no region, or its coordinates cannot be converted.
    """
    included: list[RegionShape] = []
    excluded: list[RegionShape] = []
    system = "physical"
    for number, line in enumerate(text.splitlines(), start=1):
        for statement in _statements(line):
            where = f"line {number} of {source}"
            word = _WORD.match(statement)
            if word is None:
                raise ValueError(f"{where} is no region: {statement.strip()[:60]!r}")
            name = word[1].lower()
            if name in _CELESTIAL | _LINEAR:
                system = name
                continue
            if name in _OTHER_SYSTEMS:
                raise ValueError(f"{where} uses the coordinates {name}; write fk5, image or physical ones")
            if name in _PASSED_OVER:
                continue
            reader = _Reader(system, celestial, image, where)
            sign, shapes = reader.figures(statement)
            target = excluded if sign in {"-", "!"} else included
            for shape, values in shapes:
                target.append(RegionShape(shape, values, component=len(target)))
    return RegionTable(tuple(included), columns, tuple(excluded))


def _statements(line: str) -> list[str]:
    """Statements of a line, without its comment and the ``||`` that joins lines."""
    bare = line.split("#", 1)[0].replace("||", " ")
    return [statement for statement in bare.split(";") if statement.strip()]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one figure in one system of coordinates."""

    system: str
    celestial: CelestialFrame | None
    image: LinearAxes | None
    where: str

    def figures(self, statement: str) -> tuple[str, list[tuple[str, tuple[float, ...]]]]:
        """Sign of the figure and what it is made of: a ring of several radii is several rings."""
        match = _FIGURE.match(statement)
        if match is None:
            raise ValueError(f"{self.where} is no region: {statement.strip()[:60]!r}")
        name = match["name"].lower()
        values = re.split(r"[,\s]+", match["values"].strip())
        if name not in _LAYOUTS:
            raise ValueError(f"{self.where} holds the figure {name!r}, which is unknown")
        layout = _LAYOUTS[name]
        kinds = (layout * len(values))[: len(values)] if name == "polygon" else layout
        if name in _RINGS and len(values) > len(layout):
            kinds = layout[: _RINGS[name]] + "l" * (len(values) - len(layout)) + layout[_RINGS[name] :]
        numbers = self.numbers(kinds, values)
        found = _figure(name, numbers)
        for shape, parameters in found:
            complaint = check_count(shape, len(parameters))
            if complaint:
                raise ValueError(f"{self.where}: {complaint}")
        return match["sign"], found

    def numbers(self, kinds: str, values: Sequence[str]) -> list[float]:
        """Values in the coordinates of the table."""
        numbers: list[float] = []
        i = 0
        while i < min(len(kinds), len(values)):
            if kinds[i] == "x":
                if i + 1 >= len(values):
                    raise ValueError(f"{self.where} lacks a coordinate")
                numbers += self.position(values[i], values[i + 1])
                i += 2
                continue
            numbers.append(self.length(values[i]) if kinds[i] == "l" else self.plain(values[i]))
            i += 1
        return numbers

    def plain(self, value: str) -> float:
        """Number with or without a unit, the unit left aside."""
        try:
            return float(value.rstrip("\"'drpi"))
        except ValueError:
            raise ValueError(f"{self.where} holds {value!r} where a number is needed") from None

    def position(self, x: str, y: str) -> tuple[float, float]:
        """Position in the coordinates of the table."""
        if self.system in _CELESTIAL:
            if self.celestial is None:
                raise ValueError(f"{self.where} is in {self.system}, but the table has no sky projection")
            return self.celestial.to_pixels(self.degrees(x, 15.0), self.degrees(y, 1.0))
        column, row = self.plain(x), self.plain(y)
        if self.system == "physical":
            return column, row
        axes = self.axes()
        return (
            (column - axes.crpix[0]) * axes.cdelt[0] + axes.crval[0],
            (row - axes.crpix[1]) * axes.cdelt[1] + axes.crval[1],
        )

    def axes(self) -> LinearAxes:
        """Axes of the image, which must be known."""
        if self.image is None:
            raise ValueError(f"{self.where} is in image pixels; save the regions in physical or fk5 coordinates")
        return self.image

    def degrees(self, value: str, per_hour: float) -> float:
        """Degrees from a decimal or sexagesimal coordinate (hours for right ascension)."""
        parts = [part for part in re.split(r"[:hdms]", value.lower()) if part]
        if len(parts) != _SEXAGESIMAL_PARTS:
            return self.plain(value)
        scale = 1.0 if "d" in value.lower() else per_hour
        whole, minutes, seconds = (self.plain(part) for part in parts)
        size = abs(whole) + minutes / 60.0 + seconds / 3600.0
        return (-size if value.lstrip().startswith("-") else size) * scale

    def length(self, value: str) -> float:
        """Length in the units of the table."""
        number, unit = self.plain(value), value[-1]
        if unit in _DEGREES_PER_UNIT or self.system in _CELESTIAL:
            if self.celestial is None:
                raise ValueError(f"{self.where} holds an angular size, but the table has no sky projection")
            degrees = number * _DEGREES_PER_UNIT.get(unit, 1.0)
            return degrees / abs(self.celestial.cdelt[1])
        return number * abs(self.axes().cdelt[0]) if self.system == "image" and unit != "p" else number


#: Kinds of the values of each figure in DS9's order: position, length, angle, plain number.
_LAYOUTS = {
    "circle": "xyl",
    "ellipse": "xylla",
    "box": "xylla",
    "rotbox": "xylla",
    "polygon": "xy",
    "annulus": "xyll",
    "panda": "xyaanlln",
    "point": "xy",
    "line": "xyxy",
    "pie": "xyaa",
}
#: Figures that may have more sizes than their layout, and where those begin.
_RINGS = {"annulus": 2, "ellipse": 2, "box": 2}


def _figure(name: str, values: list[float]) -> list[tuple[str, tuple[float, ...]]]:
    """Figures of the selection language that one DS9 figure stands for."""
    if name == "annulus":
        radii = values[2:]
        return [("annulus", (*values[:2], *pair)) for pair in pairwise(radii)]
    if name in {"ellipse", "box", "rotbox"}:
        return _ellipses_or_boxes("ellipse" if name == "ellipse" else "box", values)
    shape = {"pie": "sector"}.get(name, name)
    return [(shape, tuple(values[: len(SHAPES[shape].parameters)] if name != "polygon" else values))]


def _ellipses_or_boxes(shape: str, values: list[float]) -> list[tuple[str, tuple[float, ...]]]:
    """One figure, or rings between successive sizes; DS9 gives the full widths of boxes."""
    odd = len(values) % 2 == 1
    turn = values[-1] if odd else 0.0
    scale = 0.5 if shape == "box" else 1.0
    sizes = [size * scale for size in (values[2:-1] if odd else values[2:])]
    pairs = list(zip(sizes[0::2], sizes[1::2], strict=False))
    if len(pairs) == 1:
        return [(shape, (*values[:2], *pairs[0], turn))]
    ring = "elliptannulus" if shape == "ellipse" else "boxannulus"
    return [(ring, (*values[:2], *inner, *outer, turn, turn)) for inner, outer in pairwise(pairs)]
