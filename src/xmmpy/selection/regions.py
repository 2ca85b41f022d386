"""Region tables: figures that together say which points of a plane are inside.

Source: selectlib documentation, "region-filter"; the ASC/HEASARC convention for FITS region files (HFWG), in
which sizes of boxes are full widths and a leading ``!`` excludes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.selection.shapes import SHAPES, canonical_shape, check_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

#: Names of figures in FITS region tables that differ from those of expressions.
_FITS_NAMES = {
    "rotbox": "box",
    "rotrectangle": "rectangle",
    "rotdiamond": "rhombus",
    "rotrhombus": "rhombus",
}
#: Figures whose R gives full widths in a FITS region table.
_FULL_WIDTHS = frozenset({"box", "rhombus", "boxannulus"})
_TRIANGLE = 3


@dataclass(frozen=True, slots=True)
class RegionShape:
    """One figure of a region table.

    Parameters
    ----------
    shape : str
        Canonical name (`xmmpy.selection.shapes.SHAPES`).
    parameters : tuple of float
        Its parameters, in the order and with the half widths of the selection language.
    excluded : bool
        Points inside are outside.
    component : int
        Figures of one component must all hold.
    """

    shape: str
    parameters: tuple[float, ...]
    excluded: bool = False
    component: int = 0

    def contains(self, x: Any, y: Any) -> NDArray[np.bool_]:
        """True for every point that this figure lets through."""
        with np.errstate(all="ignore"):
            inside: NDArray[np.bool_] = SHAPES[self.shape].inside(x, y, *self.parameters)
        return ~inside if self.excluded else inside


@dataclass(frozen=True, slots=True)
class RegionTable:
    """Figures of a region file.

    Parameters
    ----------
    shapes : tuple of RegionShape
        The figures. Those of one component are combined with *and*, components with *or*.
    columns : tuple of str, optional
        The columns to which it applies (MFORM1), for ``region(block)`` without columns.
    excluded_everywhere : tuple of RegionShape
        Figures that cut out of all components, as the excluded figures of a DS9 file do.
    """

    shapes: tuple[RegionShape, ...]
    columns: tuple[str, str] | None = None
    excluded_everywhere: tuple[RegionShape, ...] = field(default=())

    @classmethod
    def from_columns(
        cls, table: Mapping[str, Any], columns: tuple[str, str] = ("X", "Y"), source: str = "the region table"
    ) -> RegionTable:
        """Region table from the columns of a FITS region extension: see `region_table`."""
        return region_table(table, columns, source)

    def contains(self, x: Any, y: Any) -> NDArray[np.bool_]:
        """True for every point inside.

        Parameters
        ----------
        x, y : array_like
            Points, shape (n,).

        Returns
        -------
        numpy.ndarray
            Shape (n,). A table without figures holds no point, one with excluded figures alone all other
            points.
        """
        components: dict[int, list[RegionShape]] = {}
        for shape in self.shapes:
            components.setdefault(shape.component, []).append(shape)
        everything = not components and bool(self.excluded_everywhere)
        inside = np.full(np.broadcast(x, y).shape, everything, dtype=np.bool_)
        for shapes in components.values():
            within = shapes[0].contains(x, y)
            for shape in shapes[1:]:
                within = within & shape.contains(x, y)
            inside |= within
        for shape in self.excluded_everywhere:
            inside &= ~shape.contains(x, y)
        return inside


def region_table(
    table: Mapping[str, Any], columns: tuple[str, str] = ("X", "Y"), source: str = "the region table"
) -> RegionTable:
    """Region table from the columns of a FITS region extension.

    Parameters
    ----------
    table : mapping of str to array_like
        SHAPE and the two coordinate columns, and as far as the table has them R, ROTANG and COMPONENT; every
        column has one row for each figure, a number or a vector.
    columns : tuple of str
        Names of the coordinate columns, as MFORM1 gives them; the table may also call them X and Y.
    source : str
        What to call the table in an error.

    Returns
    -------
    RegionTable
        The figures, with `columns`.

    Raises
    ------
    ValueError
        If a row holds a figure that is unknown or lacks parameters, or a column is missing.

    Notes
    -----
    R holds full widths of boxes and half axes of ellipses. Corners of a polygon that only fill up a vector,
    (0, 0) or the last corner again, are left out.
    """
    folded = {name.upper(): table[name] for name in table}
    x, y = (folded.get(name.upper(), folded.get(letter)) for name, letter in zip(columns, "XY", strict=True))
    if "SHAPE" not in folded or x is None or y is None:
        raise ValueError(f"{source} lacks one of the columns SHAPE, {columns[0]}, {columns[1]}")
    vectors = {"X": x, "Y": y, **{name: folded.get(name) for name in ("R", "ROTANG", "COMPONENT")}}
    shapes = tuple(
        _from_row(written, {name: _row(vectors[name], i) for name in vectors}, f"row {i + 1} of {source}")
        for i, written in enumerate(folded["SHAPE"])
    )
    return RegionTable(shapes, columns)


def _row(column: Any, row: int) -> list[float]:
    if column is None:
        return []
    return [float(value) for value in np.atleast_1d(column[row]).ravel()]


def _from_row(written: Any, vectors: dict[str, list[float]], where: str) -> RegionShape:
    text = (written.decode("ascii", "replace") if isinstance(written, bytes) else str(written)).strip()
    excluded = text.startswith("!")
    name = text.lstrip("!+").strip().lower()
    shape = canonical_shape(_FITS_NAMES.get(name, name))
    if shape is None:
        raise ValueError(f"{where} holds the figure {text!r}, which is unknown")
    parameters = _parameters(shape, vectors["X"], vectors["Y"], vectors["R"], vectors["ROTANG"])
    if parameters is None or check_count(shape, len(parameters)):
        raise ValueError(f"{where} holds a {shape} without all its parameters")
    component = int(vectors["COMPONENT"][0]) if vectors["COMPONENT"] else 0
    return RegionShape(shape, tuple(parameters), excluded, component)


def _parameters(
    shape: str, xs: list[float], ys: list[float], sizes: list[float], angles: list[float]
) -> list[float] | None:
    """Parameters in the order of the selection language, or None if there are not enough."""
    if shape == "polygon":
        corners = [corner for corner in zip(xs, ys, strict=False) if not np.isnan(corner).any()]
        while len(corners) > _TRIANGLE and corners[-1] in {(0.0, 0.0), corners[-2]}:
            corners.pop()
        return [value for corner in corners for value in corner]
    kinds = SHAPES[shape].parameters
    if shape == "sector":
        # The two angles stand in ROTANG.
        sizes, angles = [], angles if len(angles) > 1 else sizes
    if shape in _FULL_WIDTHS:
        sizes = [size / 2.0 for size in sizes]
    positions = [value for pair in zip(xs, ys, strict=False) for value in pair]
    taken: list[float] = []
    for kind in kinds:
        pool = positions if kind in "xy" else angles if kind == "a" else sizes
        if pool:
            taken.append(pool.pop(0))
        elif kind == "a":
            taken.append(taken[-1] if taken and kinds.count("a") > 1 and len(taken) == len(kinds) - 1 else 0.0)
        else:
            return None
    return taken
