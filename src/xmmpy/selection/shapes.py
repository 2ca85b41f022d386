"""The figures of the selection language: their names, parameters, and which points are inside.

Points on the border are inside. Angles are in degrees, counter-clockwise from the first axis. Sizes of
``box``, ``ellipse`` and ``rhombus`` are half widths. Source: selectlib documentation, "Special region filter
functions"; the argument order of ``boxannulus`` follows that of ``elliptannulus``, that of ``panda`` is
DS9's.

Every test takes arrays `x`, `y` and parameters that are scalars or arrays of the same length, and returns a
boolean array; a point with a NaN coordinate is outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Inside = Callable[..., NDArray[np.bool_]]

#: Distance from a line, in units of the axes, within which a point is on it.
LINE_HALF_WIDTH = 0.5
#: Relative width of a border that counts as inside: rounding of the test itself.
_BORDER = 1e-12


def _rotated(x: Any, y: Any, xc: Any, yc: Any, rotation: Any) -> tuple[Any, Any]:
    """Coordinates in the frame of a figure centred on (xc, yc) and turned by `rotation` degrees."""
    dx, dy = np.subtract(x, xc, dtype=np.float64), np.subtract(y, yc, dtype=np.float64)
    if np.ndim(rotation) == 0 and rotation % 360 == 0:
        return dx, dy
    c, s = _cos_sin(rotation)
    return dx * c + dy * s, dy * c - dx * s


def _cos_sin(degrees: Any) -> tuple[Any, Any]:
    """Cosine and sine, exact at the multiples of 90 degrees."""
    if np.ndim(degrees) == 0 and degrees % 90 == 0:
        return [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][int(degrees // 90) % 4]
    angle = np.deg2rad(degrees)
    return np.cos(angle), np.sin(angle)


def point(x: Any, y: Any, x0: Any, y0: Any) -> Any:
    """Point coincides with (x0, y0)."""
    return (x == x0) & (y == y0)


def line(x: Any, y: Any, x0: Any, y0: Any, x1: Any, y1: Any) -> Any:
    """Point lies within half a unit of the segment from (x0, y0) to (x1, y1)."""
    dx, dy = np.subtract(x, x0, dtype=np.float64), np.subtract(y, y0, dtype=np.float64)
    lx, ly = np.subtract(x1, x0, dtype=np.float64), np.subtract(y1, y0, dtype=np.float64)
    length2 = lx * lx + ly * ly
    along = np.clip((dx * lx + dy * ly) / np.where(length2 == 0, 1.0, length2), 0.0, 1.0)
    return np.hypot(dx - along * lx, dy - along * ly) <= LINE_HALF_WIDTH


def circle(x: Any, y: Any, xc: Any, yc: Any, radius: Any) -> Any:
    """Point is no farther than `radius` from the centre."""
    dx, dy = np.subtract(x, xc, dtype=np.float64), np.subtract(y, yc, dtype=np.float64)
    dx *= dx
    dy *= dy
    dx += dy
    return dx <= _squared_border(radius)


def _squared_border(radius: Any) -> Any:
    return np.where(np.asarray(radius) < 0, -1.0, np.square(np.asarray(radius, dtype=np.float64)) * (1.0 + _BORDER))


def sector(x: Any, y: Any, xc: Any, yc: Any, start: Any, stop: Any) -> Any:
    """Direction from the centre to the point is between two angles; the centre itself is inside."""
    dx, dy = np.subtract(x, xc, dtype=np.float64), np.subtract(y, yc, dtype=np.float64)
    width = np.subtract(stop, start, dtype=np.float64)
    angle = np.rad2deg(np.arctan2(dy, dx))
    turn = np.mod(angle - start, 360.0)
    # On the first border rounding may give a turn of just under 360 degrees.
    inside = (turn <= width + 1e-9) | (turn >= 360.0 - 1e-9)
    return ((inside | (width >= 360.0)) & (width >= 0)) | ((dx == 0) & (dy == 0))


def annulus(x: Any, y: Any, xc: Any, yc: Any, inner: Any, outer: Any) -> Any:
    """Distance from the centre is between two radii."""
    dx, dy = np.subtract(x, xc, dtype=np.float64), np.subtract(y, yc, dtype=np.float64)
    dx *= dx
    dy *= dy
    dx += dy
    return (dx >= np.square(np.asarray(inner, dtype=np.float64)) * (1.0 - _BORDER)) & (dx <= _squared_border(outer))


def _ellipse_radius2(x: Any, y: Any, xc: Any, yc: Any, a: Any, b: Any, rotation: Any) -> Any:
    u, v = _rotated(x, y, xc, yc, rotation)
    return np.square(u / a) + np.square(v / b)


def ellipse(x: Any, y: Any, xc: Any, yc: Any, a: Any, b: Any, rotation: Any = 0.0) -> Any:
    """Point is in the ellipse of half axes `a` and `b`."""
    return _ellipse_radius2(x, y, xc, yc, a, b, rotation) <= 1.0 + _BORDER


def elliptannulus(
    x: Any,
    y: Any,
    xc: Any,
    yc: Any,
    ai: Any,
    bi: Any,
    ao: Any,
    bo: Any,
    rotation_in: Any = 0.0,
    rotation_out: Any = None,
) -> Any:
    """Point is in the outer ellipse and not inside the inner one; one rotation may serve both."""
    turn = rotation_in if rotation_out is None else rotation_out
    in_hole = _ellipse_radius2(x, y, xc, yc, ai, bi, rotation_in) < 1.0 - _BORDER
    return ellipse(x, y, xc, yc, ao, bo, turn) & ~in_hole


def box(x: Any, y: Any, xc: Any, yc: Any, half_x: Any, half_y: Any, rotation: Any = 0.0) -> Any:
    """Point is in the box of half widths `half_x` and `half_y`."""
    u, v = _rotated(x, y, xc, yc, rotation)
    slack_x, slack_y = _slack(rotation, xc, half_x), _slack(rotation, yc, half_y)
    return (np.abs(u) <= half_x + slack_x) & (np.abs(v) <= half_y + slack_y)


def _slack(rotation: Any, centre: Any, half: Any) -> Any:
    """Rounding of the rotation, so that a corner is inside; nothing where there is no rotation."""
    if np.ndim(rotation) == 0 and rotation % 90 == 0:
        return 0.0
    return _BORDER * (np.abs(centre) + np.abs(half))


def boxannulus(
    x: Any,
    y: Any,
    xc: Any,
    yc: Any,
    xi: Any,
    yi: Any,
    xo: Any,
    yo: Any,
    rotation_in: Any = 0.0,
    rotation_out: Any = None,
) -> Any:
    """Point is in the outer box and not inside the inner one; one rotation may serve both."""
    turn = rotation_in if rotation_out is None else rotation_out
    u, v = _rotated(x, y, xc, yc, rotation_in)
    in_hole = (np.abs(u) < xi) & (np.abs(v) < yi)
    return box(x, y, xc, yc, xo, yo, turn) & ~in_hole


def rectangle(x: Any, y: Any, x0: Any, y0: Any, x1: Any, y1: Any, rotation: Any = 0.0) -> Any:
    """Point is in the rectangle from corner (x0, y0) to corner (x1, y1), turned about its centre."""
    if np.ndim(rotation) == 0 and rotation % 360 == 0:
        return (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    half_x, half_y = np.subtract(x1, x0) / 2.0, np.subtract(y1, y0) / 2.0
    return box(x, y, x0 + half_x, y0 + half_y, half_x, half_y, rotation)


def rhombus(x: Any, y: Any, xc: Any, yc: Any, half_x: Any, half_y: Any, rotation: Any = 0.0) -> Any:
    """Point is in the rhombus of half diagonals `half_x` and `half_y`."""
    u, v = _rotated(x, y, xc, yc, rotation)
    return np.abs(u) / half_x + np.abs(v) / half_y <= 1.0 + _BORDER


def polygon(x: Any, y: Any, *corners: Any) -> Any:
    """Point is inside the polygon by the even-odd rule, or on one of its sides."""
    xs, ys = corners[0::2], corners[1::2]
    px, py = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    inside = np.zeros(np.broadcast(px, py).shape, dtype=np.bool_)
    border = np.zeros_like(inside)
    for i in range(len(xs)):
        x1, y1, x2, y2 = xs[i - 1], ys[i - 1], xs[i], ys[i]
        ex, ey = np.subtract(x2, x1, dtype=np.float64), np.subtract(y2, y1, dtype=np.float64)
        cross = ex * (py - y1) - ey * (px - x1)
        spans = np.greater(y1, py) != np.greater(y2, py)
        rising = np.greater(y2, y1)
        inside ^= spans & (((cross > 0) & rising) | ((cross < 0) & ~rising))
        within = (px >= np.minimum(x1, x2)) & (px <= np.maximum(x1, x2))
        within &= (py >= np.minimum(y1, y2)) & (py <= np.maximum(y1, y2))
        border |= within & (np.abs(cross) <= _BORDER * (np.abs(ex * (py - y1)) + np.abs(ey * (px - x1))))
    return inside | border


def panda(
    x: Any,
    y: Any,
    xc: Any,
    yc: Any,
    start: Any,
    stop: Any,
    _sectors: Any,
    inner: Any,
    outer: Any,
    _rings: Any = 1,
) -> Any:
    """Point is in the part of an annulus between two angles; the divisions of a panda do not matter."""
    return sector(x, y, xc, yc, start, stop) & annulus(x, y, xc, yc, inner, outer)


@dataclass(frozen=True, slots=True)
class Shape:
    """One figure: what its parameters are, how few may be given, and its test.

    `parameters` has one letter for each: ``x`` ``y`` coordinates, ``l`` length, ``a`` angle, ``n`` a plain
    number. A polygon repeats its letters without end.
    """

    parameters: str
    least: int
    inside: Inside
    repeats: bool = False


SHAPES: dict[str, Shape] = {
    "point": Shape("xy", 2, point),
    "line": Shape("xyxy", 4, line),
    "circle": Shape("xyl", 3, circle),
    "sector": Shape("xyaa", 4, sector),
    "annulus": Shape("xyll", 4, annulus),
    "ellipse": Shape("xylla", 4, ellipse),
    "elliptannulus": Shape("xyllllaa", 6, elliptannulus),
    "box": Shape("xylla", 4, box),
    "boxannulus": Shape("xyllllaa", 6, boxannulus),
    "rectangle": Shape("xyxya", 4, rectangle),
    "rhombus": Shape("xylla", 4, rhombus),
    "polygon": Shape("xy", 6, polygon, repeats=True),
    "panda": Shape("xyaanlln", 7, panda),
}

#: Other names of the figures.
SYNONYMS = {
    "pie": "sector",
    "ring": "annulus",
    "elliptring": "elliptannulus",
    "boxring": "boxannulus",
    "diamond": "rhombus",
    "polygon2": "polygon",
}


def canonical_shape(name: str) -> str | None:
    """Canonical name of a figure, or None if the name is none."""
    folded = name.lower()
    folded = SYNONYMS.get(folded, folded)
    return folded if folded in SHAPES else None


def check_count(shape: str, count: int) -> str | None:
    """Sentence that says how many parameters a figure takes, or None if `count` is right."""
    known = SHAPES[shape]
    if known.repeats:
        return None if count >= known.least and count % 2 == 0 else f"{shape} takes pairs of corners, three or more"
    most = len(known.parameters)
    if known.least <= count <= most:
        return None
    wanted = str(most) if known.least == most else f"{known.least} to {most}"
    return f"{shape} takes {wanted} parameters and two columns; there are {count} parameters"
