"""Charts of points and lines, as the page draws them: in a box of 1000 x 1000 with y downwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.report.lightcurve import Tick
from xmmpy.report.numbers import MINUS, nice_step, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from its low to its high end, linear or logarithmic."""

    low: float
    high: float
    logarithmic: bool = False

    def place(self, values: FloatArray | float) -> FloatArray:
        """Per mille along the axis, cut off at its ends."""
        clipped = np.clip(np.asarray(values, np.float64), self.low, self.high)
        if self.logarithmic:
            share = np.log(clipped / self.low) / np.log(self.high / self.low)
        else:
            share = (clipped - self.low) / (self.high - self.low)
        return np.asarray(1000.0 * share)

    def ticks(self) -> tuple[Tick, ...]:
        """Round values and where they lie, per cent."""
        if self.logarithmic:
            powers = range(int(np.ceil(np.log10(self.low))), int(np.floor(np.log10(self.high))) + 1)
            return tuple(Tick(round(float(self.place(10.0**n)) / 10, 2), _power(n)) for n in powers)
        step = nice_step(self.high - self.low, 5)
        first, last = int(np.ceil(self.low / step - 1e-9)), int(np.floor(self.high / step + 1e-9))
        return tuple(Tick(round(float(self.place(n * step)) / 10, 2), plain(n * step)) for n in range(first, last + 1))


def _power(number: int) -> str:
    """Write a power of ten: as a number where it is short."""
    if -3 <= number <= 3:
        return f"{10.0**number:g}"
    digits = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    return f"10{str(number).replace(MINUS, '-').translate(digits)}"


@dataclass(frozen=True, slots=True)
class Point:
    """A point: its place, its error bars as an SVG path, the number of its source, words for it."""

    x: float
    y: float
    bars: str
    source: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line: data of an SVG path, the class that colours it, words for the legend."""

    path: str
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What the page draws.

    Attributes
    ----------
    x_name, y_name : str
        What the axes show, with units.
    x_ticks, y_ticks : tuple of Tick
        Per cent from the left and from the bottom.
    points : tuple of Point
        Points with error bars.
    lines : tuple of Line
        Curves.
    spoken : str
        The chart in words.
    """

    x_name: str
    y_name: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    points: tuple[Point, ...]
    lines: tuple[Line, ...]
    spoken: str


def path_of(axes: tuple[Axis, Axis], x: FloatArray, y: FloatArray) -> str:
    """SVG path through points; those that are not finite are left out."""
    good = np.isfinite(x) & np.isfinite(y)
    words = [f"{a:.1f} {1000.0 - b:.1f}" for a, b in zip(axes[0].place(x[good]), axes[1].place(y[good]), strict=True)]
    return "M" + "L".join(words) if len(words) > 1 else ""


def points_of(
    axes: tuple[Axis, Axis],
    x: FloatArray,
    y: FloatArray,
    x_error: FloatArray,
    y_error: FloatArray,
    sources: Sequence[int],
    words: Sequence[str],
) -> tuple[Point, ...]:
    """Points with bars of one error to either side."""
    points = []
    for number, (a, b, left, low) in enumerate(zip(x, y, x_error, y_error, strict=True)):
        place_x, place_y = float(axes[0].place(a)), 1000.0 - float(axes[1].place(b))
        ends_x = axes[0].place(np.array([a - left, a + left]))
        ends_y = 1000.0 - axes[1].place(np.array([b - low, b + low]))
        bars = f"M{place_x:.1f} {ends_y[0]:.1f}V{ends_y[1]:.1f}"
        if left > 0:
            bars += f"M{ends_x[0]:.1f} {place_y:.1f}H{ends_x[1]:.1f}"
        points.append(Point(round(place_x, 1), round(place_y, 1), bars, sources[number], words[number]))
    return tuple(points)
