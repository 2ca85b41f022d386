"""Sliding-box search: pixels in which a box holds more counts than the background explains.

Images are searched as they are and rebinned two and four times. In each box the counts N of every camera and band are
held against the background B, and the likelihoods are combined. Maxima of the combined likelihood are candidates.

With a map B is known: the likelihood is that of the Poisson distribution. From the frame around the box, which holds
few counts itself, B is not: there the likelihood is that of so many of the counts of both falling into the box, a
binomial distribution, which allows for the uncertainty of the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.detection.likelihoods import combined_likelihood, poisson_likelihood
from xmmpy.detection.psf import Psf, PsfShape, band_energy_kev
from xmmpy.detection.wings import KnownSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from xmmpy.detection.planes import Field

    FloatArray = npt.NDArray[np.float64]

FRAME: Final = 2
"""Width of the frame around a box from which the background is taken (pixels, task page eboxdetect)."""
_LEAST_EXPOSED: Final = 0.25
"""Part of a box that must lie inside of the mask."""
_UNSURE_ARCSEC: Final = (30.0, 100.0)
_UNSURE: Final = (1.05, 1.2)
"""By how much more than the profile tells a source may hold: little in its core, more in its wings, which spiders and
clumps shape."""
_CENTROID_STEPS: Final = 8
_FAINTEST_WINGS: Final = 0.03
"""Part of the background to which the wings of a source are followed."""
_Candidate = tuple[float, float, float, int, int, int]  # likelihood, x, y, run, row and column in it


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
class BoxSources:
    """Candidates; arrays of shape (n,), or (n, planes).

    Attributes
    ----------
    x, y, x_error, y_error : ndarray, shape (n,)
        Place and its error (pixels from 0).
    likelihood : ndarray, shape (n,)
        Combined over all planes.
    rebin : ndarray of int, shape (n,)
        Rebinning in which the box stands out most.
    counts, background, exposure, like, fraction, background_pixel : ndarray, shape (n, planes)
        Counts in the box, background in it, mean exposure (s), likelihood, part of the source's photons in it (less
        what the frame takes), background at the place (counts a pixel).
    """

    x: FloatArray
    y: FloatArray
    x_error: FloatArray
    y_error: FloatArray
    likelihood: FloatArray
    rebin: npt.NDArray[np.int64]
    counts: FloatArray
    background: FloatArray
    exposure: FloatArray
    like: FloatArray
    fraction: FloatArray
    background_pixel: FloatArray

    def __len__(self) -> int:
        return self.x.size


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
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


def search(field: Field, settings: BoxSettings, psfs: Mapping[int, Psf] | None = None) -> BoxSources:
    """Find candidates.

    Parameters
    ----------
    field : Field
        Images, exposure maps, masks, and background maps where `with_map`.
    settings : BoxSettings
        How.
    psfs : mapping of int to Psf, optional
        Point-spread function of each camera, by ID_INST; the nominal ones.
    """
    shapes = psfs or {instrument: Psf(view.camera) for instrument, view in field.views.items()}
    found: list[_Candidate] = []
    runs = [_run(field, settings, 2**number) for number in range(settings.runs)]
    for index, run in enumerate(runs):
        for row, column in _maxima(run.likelihood, settings.likemin):
            y = (row + run.origin[0] + 0.5) * run.factor - 0.5
            x = (column + run.origin[1] + 0.5) * run.factor - 0.5
            found.append((float(run.likelihood[row, column]), x, y, index, row, column))
    chosen = _without_doubles(field, settings, shapes, runs, found)
    return _measure(field, settings, shapes, runs, chosen)


def likelihood_image(field: Field, settings: BoxSettings, factor: int = 1) -> FloatArray:
    """Combined likelihood of the box about each pixel of the images rebinned `factor` times, where the masks are.

    At a place without source it exceeds L with a probability of at most exp(-L).
    """
    return _run(field, settings, factor).likelihood


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


def _run(field: Field, settings: BoxSettings, factor: int) -> _Run:
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
    like = np.zeros(counts.shape)
    total, number = np.zeros(counts.shape[1:]), np.zeros(counts.shape[1:], np.int64)
    _sum_likelihoods()(counts, background, frames, pixels, like, total, number)
    return _Run(factor, origin, counts, background, exposure, pixels, like, combined_likelihood(total, number))


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


def _maxima(likelihood: FloatArray, least: float) -> list[tuple[int, int]]:
    """Pixels above `least` that no neighbour surpasses; of equal neighbours the first."""
    framed = np.pad(likelihood, 1, constant_values=-1.0)
    centre = framed[1:-1, 1:-1]
    top = centre >= least
    rows, columns = likelihood.shape
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if dy == dx == 0:
                continue
            other = framed[1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + columns]
            top &= (centre > other) if (dy, dx) < (0, 0) else (centre >= other)
    return [(int(row), int(column)) for row, column in np.argwhere(top)]


def _without_doubles(
    field: Field, settings: BoxSettings, psfs: Mapping[int, Psf], runs: list[_Run], found: list[_Candidate]
) -> list[_Candidate]:
    """Keep one candidate for each source, the likeliest of the finest images.

    Boxes of one run that lie in each other are one source. Any other candidate must stand out above the photons that
    the accepted ones, of its own run or of finer ones, may put into its box; so a large box that holds two sources does
    not stand for both, and the wings of a bright source are none.
    """
    summed = _summed(field)
    scattered = np.zeros((len(field.planes), *field.shape))
    kept: list[_Candidate] = []
    for one in sorted(found, key=lambda one: (one[3], -one[0])):
        likelihood, x, y, index, row, column = one
        run = runs[index]
        side = settings.boxsize * run.factor
        if any(o[3] == index and max(abs(x - o[1]), abs(y - o[2])) <= 0.5 * side for o in kept):
            continue
        counts, background = run.counts[:, row, column], run.background[:, row, column]
        seen = run.pixels[:, row, column] > 0.0
        box = tuple(slice(max(round(place - 0.5 * (side - 1)), 0), round(place + 0.5 * (side + 1))) for place in (y, x))
        added = scattered[:, *box].sum(axis=(1, 2))
        if added.any():
            background = background + added
            parts = np.where(seen, poisson_likelihood(counts, background), 0.0)
            # From a frame the background is less certain than this takes it to be: it only counts against a source.
            likelihood = min(likelihood, float(combined_likelihood(parts.sum(), int(seen.sum()))))
            if likelihood < settings.likemin:
                continue
        kept.append((likelihood, *one[1:]))
        centre_x, centre_y, _, _ = _centroid(summed, x, y, side)
        for p, shape in enumerate(_shapes(field, psfs, x, y)):
            if not seen[p]:
                continue
            net = (counts[p] - background[p]) / _fraction(shape, field.pixel_arcsec, settings, run.factor)
            source = KnownSource(centre_x, centre_y, max(float(net), 0.0), shape)
            faintest = _FAINTEST_WINGS * max(float(background[p] / run.pixels[p, row, column]), 1e-3)
            reach = source.radius_at(faintest / field.pixel_arcsec**2)
            part, distance = source.distances(field.shape, field.pixel_arcsec, reach)
            mask = field.masks[field.planes[p].instrument][part]
            most = np.interp(distance, _UNSURE_ARCSEC, _UNSURE) * source.pixel_counts(distance, field.pixel_arcsec)
            scattered[p][part] += np.where(mask, most, 0.0)
    return sorted(kept, key=lambda one: -one[0])


def _measure(
    field: Field, settings: BoxSettings, psfs: Mapping[int, Psf], runs: list[_Run], chosen: list[_Candidate]
) -> BoxSources:
    """Places, counts, background and fractions of the candidates."""
    planes = len(field.planes)
    number = len(chosen)
    tables = {
        name: np.zeros((number, planes)) for name in ("counts", "background", "exposure", "fraction", "pixel", "like")
    }
    places = np.zeros((4, number))
    rebin = np.array([runs[one[3]].factor for one in chosen], np.int64)
    summed = _summed(field)
    for n, (_, x, y, index, row, column) in enumerate(chosen):
        run = runs[index]
        places[:, n] = _centroid(summed, x, y, settings.boxsize * run.factor)
        tables["counts"][n] = run.counts[:, row, column]
        tables["like"][n] = run.like[:, row, column]
        tables["background"][n] = run.background[:, row, column]
        pixels = run.pixels[:, row, column]
        tables["exposure"][n] = np.divide(run.exposure[:, row, column], pixels, out=np.zeros(planes), where=pixels > 0)
        tables["pixel"][n] = np.divide(tables["background"][n], pixels, out=np.zeros(planes), where=pixels > 0)
        fractions = [_fraction(one, field.pixel_arcsec, settings, run.factor) for one in _shapes(field, psfs, x, y)]
        tables["fraction"][n] = np.where(pixels > 0, fractions, 0.0)
    return BoxSources(
        x=places[0], y=places[1], x_error=places[2], y_error=places[3],
        likelihood=np.array([one[0] for one in chosen]), rebin=rebin, counts=tables["counts"],
        background=tables["background"], exposure=tables["exposure"],
        like=tables["like"], fraction=tables["fraction"],
        background_pixel=tables["pixel"],
    )  # fmt: skip


def _fraction(shape: PsfShape, pixel_arcsec: float, settings: BoxSettings, factor: int) -> float:
    """Part of a source's photons that its box holds more than background, by circles of the same area."""
    side = pixel_arcsec * factor
    size = settings.boxsize
    box = float(shape.encircled(size * side / np.sqrt(np.pi)))
    if settings.with_map:
        return box
    whole = size + 2 * FRAME
    outer = float(shape.encircled(whole * side / np.sqrt(np.pi)))
    return max(box - (outer - box) * size**2 / (whole**2 - size**2), 0.05)


def _shapes(field: Field, psfs: Mapping[int, Psf], x: float, y: float) -> list[PsfShape]:
    """Point-spread function of each plane at a place."""
    angles = {one: float(view.offaxis_arcmin(np.array(x), np.array(y))) for one, view in field.views.items()}
    return [
        psfs[plane.instrument].shape(band_energy_kev(plane.low_ev, plane.high_ev), angles[plane.instrument])
        for plane in field.planes
    ]


def _summed(field: Field) -> FloatArray:
    total = np.zeros(field.shape)
    for plane in field.planes:
        total += np.where(field.masks[plane.instrument], plane.counts, 0.0)
    return total


def _centroid(image: FloatArray, x: float, y: float, size: int) -> tuple[float, float, float, float]:
    """Centroid of the counts about a place and its error (pixels): the box follows its own centroid."""
    half = 0.5 * max(size, 3)
    centre_x, centre_y = x, y
    error = (half, half)
    for _ in range(_CENTROID_STEPS):
        first_x, last_x = max(int(np.ceil(centre_x - half)), 0), min(int(np.floor(centre_x + half)) + 1, image.shape[1])
        first_y, last_y = max(int(np.ceil(centre_y - half)), 0), min(int(np.floor(centre_y + half)) + 1, image.shape[0])
        part = image[first_y:last_y, first_x:last_x]
        total = float(part.sum())
        if total <= 0.0:
            break
        columns, rows = np.arange(first_x, last_x), np.arange(first_y, last_y)
        new_x, new_y = float(part.sum(axis=0) @ columns) / total, float(part.sum(axis=1) @ rows) / total
        spread_x = float(part.sum(axis=0) @ (columns - new_x) ** 2) / total
        spread_y = float(part.sum(axis=1) @ (rows - new_y) ** 2) / total
        error = (np.sqrt((spread_x + 1.0 / 12.0) / total), np.sqrt((spread_y + 1.0 / 12.0) / total))
        moved = np.hypot(new_x - centre_x, new_y - centre_y)
        if np.hypot(new_x - x, new_y - y) > half:
            break  # it runs away to a brighter neighbour
        centre_x, centre_y = new_x, new_y
        if moved < 0.01:
            break
    return centre_x, centre_y, float(error[0]), float(error[1])
