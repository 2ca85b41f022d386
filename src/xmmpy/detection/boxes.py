"""Sums over boxes about each pixel of a field's images, and how likely the background alone gives them.

In each box the counts N of every camera and band are held against the background B, and the likelihoods are combined.
With a map B is known: the likelihood is that of the Poisson distribution. From the frame around the box, which holds
few counts itself, B is not: there the likelihood is that of so many of the counts of both falling into the box, a
binomial distribution, which allows for the uncertainty of the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.detection.likelihoods import combined_likelihood

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from xmmpy.detection.planes import Field

    FloatArray = npt.NDArray[np.float64]

FRAME: Final = 2
"""Width of the frame around a box from which the background is taken (pixels, task page eboxdetect)."""
_LEAST_EXPOSED: Final = 0.25
"""Part of a box that must lie inside of the mask."""


@dataclass(frozen=True, slots=True)
class BoxSettings:
    """How to search.

    Attributes
    ----------
    boxsize : int
        3 or 5 pixels.
    runs : int
        Rebinnings: 1, 2, 4 ... (nruns).
    likemin : float
        Smallest likelihood of a candidate.
    with_map : bool
        Background from the maps of the planes, not from the frame around the box.
    """

    boxsize: int = 5
    runs: int = 3
    likemin: float = 8.0
    with_map: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class BoxSums:
    """One rebinning: counts, background, exposure and pixels of the boxes, shape (planes, rows, columns).

    The arrays begin at `origin`, a row and column of the rebinned image: what lies beyond the masks is left out.
    """

    factor: int
    origin: tuple[int, int]
    counts: FloatArray
    background: FloatArray
    exposure: FloatArray
    pixels: FloatArray
    like: FloatArray
    likelihood: FloatArray


def likelihood_image(field: Field, settings: BoxSettings, factor: int = 1) -> FloatArray:
    """Combined likelihood of the box about each pixel of the images rebinned `factor` times, where the masks are.

    At a place without source it exceeds L with a probability of at most exp(-L).
    """
    return sum_boxes(field, settings, factor).likelihood


def box_sums(image: npt.NDArray[Any], size: int) -> FloatArray:
    """Sums over boxes of `size` pixels a side (odd) about each pixel; what is outside counts 0."""
    half = size // 2
    framed = np.pad(np.asarray(image, np.float64), half + 1)
    total = framed.cumsum(axis=0).cumsum(axis=1)
    rows, columns = image.shape
    high_y, low_y = slice(size, size + rows), slice(0, rows)
    high_x, low_x = slice(size, size + columns), slice(0, columns)
    result: FloatArray = total[high_y, high_x] - total[low_y, high_x] - total[high_y, low_x] + total[low_y, low_x]
    return result


def rebinned(image: npt.NDArray[Any], factor: int) -> FloatArray:
    """Sum blocks of pixels; the last ones are filled up with zeros."""
    values = np.asarray(image, np.float64)
    if factor == 1:
        return values
    rows, columns = (-(-size // factor) for size in values.shape)
    padded = np.zeros((rows * factor, columns * factor))
    padded[: values.shape[0], : values.shape[1]] = values
    summed: FloatArray = padded.reshape(rows, factor, columns, factor).sum(axis=(1, 3))
    return summed


def sum_boxes(field: Field, settings: BoxSettings, factor: int) -> BoxSums:
    """Boxes of one rebinning."""
    size = settings.boxsize
    whole = size + 2 * FRAME
    part, origin = _searched(field, settings, factor)
    layers: list[tuple[FloatArray, ...]] = []
    areas: dict[int, tuple[FloatArray, FloatArray]] = {}
    masks = {instrument: mask[part] for instrument, mask in field.masks.items()}
    for instrument, mask in masks.items():
        area = rebinned(mask, factor)
        inner = box_sums(area, size)
        areas[instrument] = inner, box_sums(area, whole) - inner
    for plane in field.planes:
        mask = masks[plane.instrument]
        inner, frame = areas[plane.instrument]
        counts = rebinned(np.where(mask, plane.counts[part], 0.0), factor)
        exposure = rebinned(np.where(mask, plane.exposure[part], 0.0), factor)
        box_counts = np.rint(box_sums(counts, size))
        box_exposure = np.maximum(box_sums(exposure, size), 0.0)
        if settings.with_map and plane.background is not None:
            background = box_sums(rebinned(np.where(mask, plane.background[part], 0.0), factor), size)
            frame_counts = np.full(background.shape, -1.0)
        else:
            frame_exposure = box_sums(exposure, whole) - box_exposure
            frame_counts = np.rint(box_sums(counts, whole)) - box_counts
            known = (frame > 0.5) & (frame_exposure > 0.0)
            # No counts in a frame do not mean no background: half a count is the least.
            ratio = np.divide(box_exposure, frame_exposure, out=np.zeros_like(box_exposure), where=known)
            background = np.maximum(frame_counts, 0.5) * ratio
        seen = (inner >= _LEAST_EXPOSED * size**2 * factor**2) & (box_exposure > 0.0)
        if not settings.with_map:
            seen &= frame > 0.5
        pixels = np.where(seen, np.rint(inner), 0.0)
        layers.append(
            (np.where(seen, box_counts, 0.0), np.maximum(background, 0.0), box_exposure, pixels, frame_counts)
        )
    counts, background, exposure, pixels, frames = (np.stack(part) for part in zip(*layers, strict=True))
    like, likelihood = _likelihoods(counts, background, frames, pixels)
    return BoxSums(factor, origin, counts, background, exposure, pixels, like, likelihood)


def likelihood_above(run: BoxSums, field: Field, settings: BoxSettings, added: FloatArray) -> FloatArray:
    """Combined likelihood of the boxes of a rebinning where more is expected beside the background maps.

    Parameters
    ----------
    run : BoxSums
        The rebinning, with the background from maps.
    field, settings
        What it was made of.
    added : ndarray, shape (planes, rows, columns)
        Counts that are expected in the pixels of the images, inside of the masks.
    """
    part, _ = _searched(field, settings, run.factor)
    background = run.background.copy()
    for more, plane in zip(background, added, strict=True):
        more += box_sums(rebinned(plane[part], run.factor), settings.boxsize)
    return _likelihoods(run.counts, background, np.full(background.shape, -1.0), run.pixels)[1]


def _likelihoods(
    counts: FloatArray, background: FloatArray, frames: FloatArray, pixels: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Likelihood of each box on each plane, and combined."""
    like = np.zeros(counts.shape)
    total, number = np.zeros(counts.shape[1:]), np.zeros(counts.shape[1:], np.int64)
    _sum_likelihoods()(counts, background, frames, pixels, like, total, number)
    return like, combined_likelihood(total, number)


def _searched(field: Field, settings: BoxSettings, factor: int) -> tuple[tuple[slice, slice], tuple[int, int]]:
    """Part of the images that the masks cover, from a pixel of the coarsest run on; its first pixel in this run."""
    coarsest = 2 ** (settings.runs - 1)
    covered = np.any(list(field.masks.values()), axis=0)
    slices, origin = [], []
    for axis in (1, 0):
        line = np.flatnonzero(covered.any(axis=axis))
        first, last = (int(line[0]), int(line[-1]) + 1) if line.size else (0, 1)
        first -= first % coarsest
        slices.append(slice(first, last))
        origin.append(first // factor)
    return (slices[0], slices[1]), (origin[0], origin[1])


@cache
def _sum_likelihoods() -> Callable[..., None]:
    from numba import njit

    def add(
        counts: FloatArray,
        background: FloatArray,
        frames: FloatArray,
        pixels: FloatArray,
        like: FloatArray,
        total: FloatArray,
        number: npt.NDArray[np.int64],
    ) -> None:
        for plane in range(counts.shape[0]):
            for row in range(counts.shape[1]):
                for column in range(counts.shape[2]):
                    if pixels[plane, row, column] <= 0.0:
                        continue
                    number[row, column] += 1
                    n = counts[plane, row, column]
                    if n < 0.5:
                        continue
                    mean = max(background[plane, row, column], 1e-9)
                    frame = frames[plane, row, column]
                    # Terms of the distribution: each follows from the one before as odds(k) = top(k) / k.
                    every = frame + n
                    odds = mean if frame < 0.0 else mean / max(frame, 0.5)
                    log_term = -mean if frame < 0.0 else -every * np.log1p(odds)
                    above = n > (mean if frame < 0.0 else every * odds / (1.0 + odds))
                    last = int(n) if above else int(n) - 1
                    for k in range(1, last + 1):
                        log_term += np.log((odds if frame < 0.0 else odds * (every - k + 1.0)) / k)
                    series, term, step = 1.0, 1.0, float(last)
                    if above:  # the tail from its largest term
                        while term > 1e-12 * series and (frame < 0.0 or step < every):
                            step += 1.0
                            term *= (odds if frame < 0.0 else odds * (every - step + 1.0)) / step
                            series += term
                        value = -(log_term + np.log(series))
                    else:  # one less the lower part, summed downwards
                        while step > 0.5 and term > 1e-12 * series:
                            term *= step / (odds if frame < 0.0 else odds * (every - step + 1.0))
                            series += term
                            step -= 1.0
                        value = -np.log(max(1.0 - np.exp(log_term) * series, 1e-300))
                    like[plane, row, column] = value
                    total[row, column] += value

    compiled: Callable[..., None] = njit(cache=True, nogil=True)(add)
    return compiled
