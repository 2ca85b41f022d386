"""Images of the sky as pictures: cut to the field, smoothed, asinh scale, with a celestial grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.report.graticule import Frame, Graticule, graticule
from xmmpy.report.numbers import nice_step, plain
from xmmpy.report.png import data_url, encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.imaging.mosaic import TangentGrid

_LARGEST = 1e30  # counts
_COUNTS_AVERAGED = 5.0
_LEAST_SMOOTHING, _MOST_SMOOTHING = 1.0, 2.5  # pixels of the picture
_MARGIN = 0.02  # of the field, left free around it


@dataclass(frozen=True, slots=True)
class SkyPicture:
    """A picture for the page.

    Attributes
    ----------
    url : str
        The PNG, as a data URL.
    side : int
        Rows and columns of the PNG.
    counts : float
        Sum of the image.
    smoothing : float
        Standard deviation of the Gaussian, in pixels of the image.
    ticks : tuple of (float, str)
        Legend: per cent along the colours, and counts per pixel of the image.
    lines : Graticule or None
        Celestial grid, where the image has one.
    frame : Frame
        What it shows of the image.
    """

    url: str
    side: int
    counts: float
    smoothing: float
    ticks: tuple[tuple[float, str], ...]
    lines: Graticule | None
    frame: Frame


def field_of(image: NDArray[Any]) -> Frame | None:
    """Smallest square around the pixels that are not zero, with a margin; None where all are."""
    filled = np.nan_to_num(np.asarray(image, np.float64)) != 0
    rows, columns = np.flatnonzero(filled.any(axis=1)), np.flatnonzero(filled.any(axis=0))
    if rows.size == 0:
        return None
    widest = int(max(np.ptp(rows), np.ptp(columns))) + 1
    side = int(np.ceil(widest * (1 + 2 * _MARGIN)))
    x = (columns[0] + columns[-1]) / 2 - (side - 1) / 2
    y = (rows[0] + rows[-1]) / 2 - (side - 1) / 2
    return Frame(float(np.floor(x)) + 0.5, float(np.floor(y)) + 0.5, float(side))


def draw(image: NDArray[Any], frame: Frame, grid: TangentGrid | None, *, most_pixels: int) -> SkyPicture:
    """Make a picture of the part of an image in a frame.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        Counts; NaN counts as none.
    frame : Frame
        What to show, in FITS pixels (the first pixel reaches from 0.5 to 1.5).
    grid : TangentGrid or None
        Its place on the sky.
    most_pixels : int
        Size of the picture at most; larger frames are added up in blocks.
    """
    from scipy.ndimage import gaussian_filter

    counts = np.nan_to_num(np.asarray(image, np.float64), posinf=0.0, neginf=0.0)
    counts = np.clip(counts, -_LARGEST, _LARGEST)  # a damaged image must not overflow
    block = max(1, -(-int(frame.side) // most_pixels))
    shown = _blocks(_cut(counts, frame, block), block)
    smoothing = smoothing_for(shown)
    smooth = gaussian_filter(shown, smoothing, mode="constant") / block**2
    levels, ticks = asinh_levels(smooth)
    whole = Frame(frame.x, frame.y, float(shown.shape[0] * block))
    return SkyPicture(
        data_url(encode(levels)),
        shown.shape[0],
        float(counts.sum()),
        round(smoothing * block, 2),
        ticks,
        _lines(grid, whole),
        whole,
    )


def draw_map(values: NDArray[Any], frame: Frame, grid: TangentGrid | None, *, most_pixels: int) -> SkyPicture:
    """Make a picture of a map (background, sensitivity) on a linear scale, from zero to its 99.5th percentile.

    Parameters
    ----------
    values : ndarray, shape (rows, columns)
        The map; what is not above zero is outside of it.
    frame, grid, most_pixels
        As in `draw`; larger frames are averaged in blocks.
    """
    data = np.nan_to_num(np.asarray(values, np.float64), posinf=0.0, neginf=0.0)
    inside = data > 0.0
    block = max(1, -(-int(frame.side) // most_pixels))
    summed = _blocks(_cut(np.where(inside, np.minimum(data, _LARGEST), 0.0), frame, block), block)
    number = _blocks(_cut(inside.astype(np.float64), frame, block), block)
    mean = np.divide(summed, number, out=np.zeros_like(summed), where=number > 0)
    top = float(np.quantile(mean[mean > 0], 0.995)) if np.any(mean > 0) else 1.0
    step = nice_step(top, 4)
    ticks = tuple((round(100 * step * n / top, 1), f"{step * n:.2g}") for n in range(int(0.97 * top / step) + 1))
    whole = Frame(frame.x, frame.y, float(mean.shape[0] * block))
    levels = np.round(255 * np.clip(mean / top, 0.0, 1.0)).astype(np.uint8)
    return SkyPicture(data_url(encode(levels)), mean.shape[0], 0.0, 0.0, ticks, _lines(grid, whole), whole)


def smoothing_for(image: NDArray[np.float64]) -> float:
    """Standard deviation (pixels) of a Gaussian that averages a handful of counts of the background.

    A Gaussian of standard deviation s averages over 4 pi s^2 pixels (the inverse of its squared integral).
    """
    filled = np.count_nonzero(image)
    if filled == 0:
        return _LEAST_SMOOTHING
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    area = np.pi / 4 * (np.ptp(rows) + 1) * (np.ptp(columns) + 1)  # the field is round
    counts = np.minimum(image, np.quantile(image[image > 0], 0.9) if np.any(image > 0) else 0).sum()
    density = max(float(counts) / float(area), 1e-30)
    wanted = np.sqrt(_COUNTS_AVERAGED / (4 * np.pi * density))
    return round(float(np.clip(wanted, _LEAST_SMOOTHING, _MOST_SMOOTHING)), 1)


def _lines(grid: TangentGrid | None, frame: Frame) -> Graticule | None:
    """Draw the celestial grid; None where the header puts the image at no place of the sky."""
    if grid is None:
        return None
    try:
        with np.errstate(all="ignore"):
            return graticule(grid, frame)
    except (ValueError, OverflowError, np.linalg.LinAlgError):
        return None


def asinh_levels(values: NDArray[np.float64]) -> tuple[NDArray[np.uint8], tuple[tuple[float, str], ...]]:
    """Levels 0 to 255 of an asinh scale, linear about the background and logarithmic above.

    Returns
    -------
    levels : ndarray of uint8, shape of `values`
    ticks : tuple of (float, str)
        Round values and where they lie, per cent of the scale.
    """
    positive = values[values > values.max() * 1e-6] if values.size else values
    if positive.size == 0:
        return np.zeros(values.shape, np.uint8), ()
    typical = float(np.median(positive))
    softening = 1.5 * typical
    # An image of background alone must not look like one full of sources.
    top = max(float(np.quantile(positive, 0.9995)), 10 * typical)
    span = float(np.arcsinh(top / softening))
    scaled = np.arcsinh(np.clip(values, 0, top) / softening) / span
    levels = np.round(255 * scaled).astype(np.uint8)
    return levels, _ticks(softening, top, span)


def _ticks(softening: float, top: float, span: float) -> tuple[tuple[float, str], ...]:
    ticks = [(0.0, "0")]
    power = 10.0 ** np.floor(np.log10(top))
    rounds = [power * factor * 10.0**-decade for decade in range(4) for factor in (5, 2, 1)]
    for value in sorted(rounds):
        place = 100 * float(np.arcsinh(value / softening)) / span
        if value <= top and place - ticks[-1][0] >= 22 and place < 97:
            ticks.append((round(place, 1), plain(value)))
    return tuple(ticks)


def _cut(image: NDArray[np.float64], frame: Frame, block: int) -> NDArray[np.float64]:
    """Cut the frame out, zeros where it reaches over the image, padded to whole blocks."""
    side = -(-int(frame.side) // block) * block
    left, low = int(frame.x - 0.5), int(frame.y - 0.5)
    result = np.zeros((side, side))
    rows = slice(max(low, 0), min(low + side, image.shape[0]))
    columns = slice(max(left, 0), min(left + side, image.shape[1]))
    result[rows.start - low : rows.stop - low, columns.start - left : columns.stop - left] = image[rows, columns]
    return result


def _blocks(image: NDArray[np.float64], block: int) -> NDArray[np.float64]:
    side = image.shape[0] // block
    summed: NDArray[np.float64] = image.reshape(side, block, side, block).sum(axis=(1, 3))
    return summed
