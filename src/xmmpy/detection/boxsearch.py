"""Sliding-box search: pixels in which a box holds more counts than the background explains.

Images are searched as they are and rebinned two and four times. In each box the counts N of every camera and band are
held against the background B, and the likelihoods are combined. Maxima of the combined likelihood are candidates. A
source on the slope of a brighter one is no maximum: with a map the images are searched again, with the sources found so
far added to the background.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import field as field_of
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.detection.boxes import FRAME, BoxSettings, BoxSums, likelihood_above, sum_boxes
from xmmpy.detection.likelihoods import combined_likelihood, poisson_likelihood
from xmmpy.detection.psf import Psf, PsfShape, band_energy_kev
from xmmpy.detection.wings import KnownSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from xmmpy.detection.planes import Field

    FloatArray = npt.NDArray[np.float64]

_UNSURE_ARCSEC: Final = (30.0, 100.0)
_UNSURE: Final = (1.05, 1.2)
"""By how much more than the profile tells a source may hold: little in its core, more in its wings, which spiders and
clumps shape."""
_CENTROID_STEPS: Final = 8
_FAINTEST_WINGS: Final = 0.03
"""Part of the background to which the wings of a source are followed."""
_ROUNDS: Final = 3
"""Searches beside the sources found so far; each stops when nothing is new."""
_LEAST_BESIDE: Final = 0.5
"""Excess of a source on the slope of brighter ones over their photons in its box: what is less may be their profile,
which off the axis is no circle."""
_EXTENDED: Final = 2.2
"""Times the counts of a point in a box four times as wide that an extended source has there: 2.6 for a core of 20
arcsec, less than 2 for a point with a companion."""
_EXTENDED_ARCSEC: Final = 100.0
"""About an extended source, whose slope is no point's, none is looked for beside those that stand out by themselves."""
_Candidate = tuple[float, float, float, int, int, int]  # likelihood, x, y, run, row and column in it
_Place = tuple[float, float, float, float]  # x, y and their errors


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
    runs = [sum_boxes(field, settings, 2**number) for number in range(settings.runs)]
    accepted = _Accepted(field, settings, shapes, runs)
    accepted.consider([one for index, run in enumerate(runs) for one in _candidates(run, index, settings.likemin)])
    if settings.with_map:
        for _ in range(_ROUNDS):
            beside = replace(runs[0], likelihood=likelihood_above(runs[0], field, settings, accepted.scattered))
            if not accepted.consider(_candidates(beside, 0, settings.likemin), beside=True):
                break
    return _measure(accepted)


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


def _candidates(run: BoxSums, index: int, least: float) -> list[_Candidate]:
    """Maxima of a rebinning, the `index`-th."""
    found: list[_Candidate] = []
    for row, column in _maxima(run.likelihood, least):
        y = (row + run.origin[0] + 0.5) * run.factor - 0.5
        x = (column + run.origin[1] + 0.5) * run.factor - 0.5
        found.append((float(run.likelihood[row, column]), x, y, index, row, column))
    return found


@dataclass(slots=True, eq=False)
class _Accepted:
    """Candidates that stand for a source each, and the photons that these may put elsewhere.

    Attributes
    ----------
    field, settings, psfs, runs
        What is searched.
    kept : list of (candidate, place)
        So far.
    extended : list of (x, y)
        Those that are no points.
    scattered : ndarray, shape (planes, rows, columns)
        Counts that they put into the pixels, rather too many than too few.
    summed, background : ndarray, shape (rows, columns)
        Counts of all planes, and what the background maps expect of them.
    """

    field: Field
    settings: BoxSettings
    psfs: Mapping[int, Psf]
    runs: list[BoxSums]
    kept: list[tuple[_Candidate, _Place]] = field_of(default_factory=list)
    extended: list[tuple[float, float]] = field_of(default_factory=list)
    scattered: FloatArray = field_of(init=False)
    summed: FloatArray = field_of(init=False)
    background: FloatArray = field_of(init=False)

    def __post_init__(self) -> None:
        self.scattered = np.zeros((len(self.field.planes), *self.field.shape))
        self.summed, self.background = np.zeros((2, *self.field.shape))
        for plane in self.field.planes:
            mask = self.field.masks[plane.instrument]
            self.summed += np.where(mask, plane.counts, 0.0)
            if plane.background is not None:
                self.background += np.where(mask, plane.background, 0.0)

    def consider(self, found: list[_Candidate], *, beside: bool = False) -> int:
        """Keep one candidate for each source, the likeliest of the finest images; how many are new.

        Boxes of one run that lie in each other are one source. Any other candidate must stand out above the photons
        that the accepted ones, of its own run or of finer ones, may put into its box; so a large box that holds two
        sources does not stand for both, and the wings of a bright source are none. Those `beside` accepted ones must
        hold a share of what these put there, and none of these may be extended.
        """
        before = len(self.kept)
        around = _EXTENDED_ARCSEC / self.field.pixel_arcsec
        for one in sorted(found, key=lambda one: (one[3], -one[0])):
            likelihood, x, y, index, row, column = one
            run = self.runs[index]
            side = self.settings.boxsize * run.factor
            if beside and any(np.hypot(x - o[0], y - o[1]) < around for o in self.extended):
                continue
            if any(o[3] == index and max(abs(x - o[1]), abs(y - o[2])) <= 0.5 * side for o, _ in self.kept):
                continue
            counts, background = run.counts[:, row, column], run.background[:, row, column]
            seen = run.pixels[:, row, column] > 0.0
            added = self.scattered[:, *_box(x, y, side)].sum(axis=(1, 2))
            if added.any():
                background = background + added
                parts = np.where(seen, poisson_likelihood(counts, background), 0.0)
                # From a frame the background is less certain than this takes it to be: it only counts against a source.
                likelihood = min(likelihood, float(combined_likelihood(parts.sum(), int(seen.sum()))))
                share = _LEAST_BESIDE if beside else 0.0
                if likelihood < self.settings.likemin or (counts - background)[seen].sum() < share * added[seen].sum():
                    continue
            place = self._centroid_beside(x, y, side) if beside else _centroid(self.summed, x, y, side)
            self._accept((likelihood, *one[1:]), place, np.maximum(counts - background, 0.0), background)
        return len(self.kept) - before

    def _accept(self, one: _Candidate, place: _Place, net: FloatArray, background: FloatArray) -> None:
        """Keep a candidate with its counts and the background in its box on each plane; see whether it is a point."""
        *_, index, row, column = one
        run = self.runs[index]
        self.kept.append((one, place))
        wider = _box(*place[:2], 4 * self.settings.boxsize * run.factor + 1)
        others = float(self.scattered[:, *wider].sum())
        self._scatter(place, run, net, background, run.pixels[:, row, column])
        point = float(self.scattered[:, *wider].sum()) - others
        there = float(self.summed[wider].sum())
        excess = there - float(self.background[wider].sum()) - others
        if excess - _EXTENDED * point > 3.0 * np.sqrt(there):
            self.extended.append(place[:2])

    def _centroid_beside(self, x: float, y: float, side: int) -> _Place:
        """Centroid of what stands out above the sources accepted so far."""
        rows, columns = part = _box(x, y, 3 * side)
        left_over = np.maximum(self.summed[part] - self.scattered[:, *part].sum(axis=0), 0.0)
        here_x, here_y, error_x, error_y = _centroid(left_over, x - columns.start, y - rows.start, side)
        return here_x + columns.start, here_y + rows.start, error_x, error_y

    def _scatter(
        self, place: _Place, run: BoxSums, net: FloatArray, background: FloatArray, pixels: FloatArray
    ) -> None:
        """Add what a source may put into the pixels."""
        scale = self.field.pixel_arcsec
        for p, shape in enumerate(_shapes(self.field, self.psfs, *place[:2])):
            if pixels[p] <= 0.0:
                continue
            counts = float(net[p]) / _fraction(shape, scale, self.settings, run.factor)
            source = KnownSource(place[0], place[1], counts, shape)
            faintest = _FAINTEST_WINGS * max(float(background[p] / pixels[p]), 1e-3)
            part, distance = source.distances(self.field.shape, scale, source.radius_at(faintest / scale**2))
            mask = self.field.masks[self.field.planes[p].instrument][part]
            most = np.interp(distance, _UNSURE_ARCSEC, _UNSURE) * source.pixel_counts(distance, scale)
            self.scattered[p][part] += np.where(mask, most, 0.0)


def _box(x: float, y: float, side: int) -> tuple[slice, slice]:
    """Rows and columns of a box about a place."""
    low_x, low_y = (max(round(place - 0.5 * (side - 1)), 0) for place in (x, y))
    return slice(low_y, round(y + 0.5 * (side + 1))), slice(low_x, round(x + 0.5 * (side + 1)))


def _measure(accepted: _Accepted) -> BoxSources:
    """Places, counts, background and fractions of the candidates, the likeliest first."""
    field, settings, runs = accepted.field, accepted.settings, accepted.runs
    chosen = sorted(accepted.kept, key=lambda one: -one[0][0])
    planes = len(field.planes)
    number = len(chosen)
    tables = {
        name: np.zeros((number, planes)) for name in ("counts", "background", "exposure", "fraction", "pixel", "like")
    }
    for n, ((_, x, y, index, row, column), _) in enumerate(chosen):
        run = runs[index]
        tables["counts"][n] = run.counts[:, row, column]
        tables["like"][n] = run.like[:, row, column]
        tables["background"][n] = run.background[:, row, column]
        pixels = run.pixels[:, row, column]
        tables["exposure"][n] = np.divide(run.exposure[:, row, column], pixels, out=np.zeros(planes), where=pixels > 0)
        tables["pixel"][n] = np.divide(tables["background"][n], pixels, out=np.zeros(planes), where=pixels > 0)
        shapes = _shapes(field, accepted.psfs, x, y)
        fractions = [_fraction(one, field.pixel_arcsec, settings, run.factor) for one in shapes]
        tables["fraction"][n] = np.where(pixels > 0, fractions, 0.0)
    places = np.array([place for _, place in chosen]).reshape(-1, 4).T
    return BoxSources(
        x=places[0], y=places[1], x_error=places[2], y_error=places[3],
        likelihood=np.array([one[0] for one, _ in chosen]),
        rebin=np.array([runs[one[3]].factor for one, _ in chosen], np.int64),
        counts=tables["counts"], background=tables["background"], exposure=tables["exposure"],
        like=tables["like"], fraction=tables["fraction"], background_pixel=tables["pixel"],
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
