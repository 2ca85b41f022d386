"""Lines of right ascension and declination over an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.report.numbers import PRIME, short_dec, short_ra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.imaging.mosaic import TangentGrid

_ARCMIN = 1 / 60
_DEC_STEPS = tuple(m * _ARCMIN for m in (0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1800))
_RA_STEPS = tuple(s * 15 / 3600 for s in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600))
_SAMPLES = 33  # points of a line; its bend within a field is far below a pixel between them
_MAX_LINES = 60


@dataclass(frozen=True, slots=True)
class Frame:
    """A square cut out of an image, in FITS pixels: its lower left corner and its side."""

    x: float
    y: float
    side: float


@dataclass(frozen=True, slots=True)
class Label:
    """A text at a border of the picture, `place` in per cent of it from the left or from the bottom."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Graticule:
    """Lines as an SVG path in a box of 1000 x 1000 with y downwards, and their labels.

    Attributes
    ----------
    path : str
        Data of an SVG path.
    bottom, left : tuple of Label
        Right ascensions along the lower border, declinations along the left one.
    scale_percent, scale_text
        A bar of a round length: how many per cent of the picture it takes, and what it stands for.
    """

    path: str
    bottom: tuple[Label, ...]
    left: tuple[Label, ...]
    scale_percent: float
    scale_text: str


def graticule(grid: TangentGrid, frame: Frame) -> Graticule:
    """Draw the lines that suit the size of the frame."""
    edge = np.linspace(0, frame.side, _SAMPLES)
    x, y = (axis.ravel() for axis in np.meshgrid(frame.x + edge, frame.y + edge))
    ra, dec = grid.sky(x, y)
    middle = _SAMPLES * _SAMPLES // 2
    ra_offset = (ra - ra[middle] + 180) % 360 - 180
    paths: list[str] = []
    bottom: list[Label] = []
    left: list[Label] = []
    if np.abs(dec).max() < 89:
        for value in _round_values(ra[middle] + ra_offset.min(), ra[middle] + ra_offset.max(), _RA_STEPS):
            line = places(grid, frame, np.full(_SAMPLES, value), np.linspace(dec.min(), dec.max(), _SAMPLES))
            paths.append(_path(line))
            bottom += [Label(place, short_ra(value)) for place in _crossings(line[1], line[0], 1000.0)]
    ra_range = ra[middle] + np.linspace(ra_offset.min(), ra_offset.max(), _SAMPLES)
    for value in _round_values(dec.min(), dec.max(), _DEC_STEPS):
        line = places(grid, frame, ra_range, np.full(_SAMPLES, value))
        paths.append(_path(line))
        left += [Label(100 - place, short_dec(value)) for place in _crossings(line[0], line[1], 0.0)]
    pixel = np.sqrt(grid.pixel_area)
    bar = next((step for step in _DEC_STEPS[::-1] if step <= 0.3 * pixel * frame.side), 0.0)
    text = f"{bar:.0f}°" if bar >= 1 else f"{bar * 60:g}{PRIME}"
    shown = (
        [label for label in bottom if 9 < label.place < 91],
        [label for label in left if 4 < label.place < 96],
    )
    return Graticule("".join(paths), tuple(shown[0]), tuple(shown[1]), round(100 * bar / (pixel * frame.side), 2), text)


def places(grid: TangentGrid, frame: Frame, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place positions of the sky (degrees) in the box of 1000 x 1000; NaN behind the observer. Shape (2, n)."""
    x, y = grid.pixel(ra, dec)
    return np.array([(x - frame.x) / frame.side * 1000, 1000 - (y - frame.y) / frame.side * 1000])


def _round_values(low: float, high: float, steps: tuple[float, ...]) -> list[float]:
    step = next((step for step in steps if (high - low) / step <= 6), steps[-1])
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    return [number * step for number in range(first, last + 1)][:_MAX_LINES]


def _path(line: NDArray[np.float64]) -> str:
    """Path of the points in or just outside the box."""
    inside = np.all((line > -400) & (line < 1400), axis=0)
    words = [f"{x:.0f} {y:.0f}" for x, y in line.T[inside]]
    return "M" + "L".join(words) if len(words) > 1 else ""


def _crossings(level: NDArray[np.float64], along: NDArray[np.float64], border: float) -> list[float]:
    """Where a line crosses a border, in per cent along it."""
    above = level > border
    index = np.flatnonzero(above[1:] != above[:-1])[:1]
    fraction = (border - level[index]) / (level[index + 1] - level[index])
    places = along[index] + fraction * (along[index + 1] - along[index])
    return [round(float(place) / 10, 2) for place in places if 0 <= place <= 1000]
