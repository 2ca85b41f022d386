"""What the detectors have in common: frames, the pixels that photons meet, measured energies, shared charge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration import nominal
from xmmpy.calibration.patterns import pattern_pixels
from xmmpy.simulation.background import PARTICLE
from xmmpy.simulation.camera import FWHM_OVER_SIGMA, outside_field_of_view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from xmmpy.calibration.badpixels import BadPixels
    from xmmpy.calibration.camera import CameraCalibration
    from xmmpy.calibration.nominal import CcdGeometry, FrameTiming
    from xmmpy.simulation.telescope import Photons

    FloatArray = NDArray[np.float64]

_FIRST_SPLIT: Final = (0, 1, 5, 9)


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What is simulated of the detectors.

    Attributes
    ----------
    hot_rate : float
        Part of the frames in which a hot pixel lights up.
    lost : tuple of (float, float)
        Stretches (s from the start) whose frames do not come down.
    tracks : bool
        Whether there are tracks of particles.
    """

    hot_rate: float = 0.02
    lost: tuple[tuple[float, float], ...] = ()
    tracks: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Photons on one CCD, in the order of their frames; arrays of one length.

    Attributes
    ----------
    index : ndarray of int64
        Number of the photon.
    frame : ndarray of int64
        Frame from 0.
    column, row : ndarray of int64
        RAWX, RAWY at which the photon is read out, from 1.
    energy_ev : ndarray of float64
        Energy that is measured of the whole event: the true one with its statistical spread.
    true_kev : ndarray of float64
        True energy.
    """

    index: NDArray[np.int64]
    frame: NDArray[np.int64]
    column: NDArray[np.int64]
    row: NDArray[np.int64]
    energy_ev: FloatArray
    true_kev: FloatArray

    def take(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> Arrivals:
        """Only some of them."""
        return Arrivals(
            self.index[kept], self.frame[kept], self.column[kept], self.row[kept], self.energy_ev[kept],
            self.true_kev[kept],
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Clocking:
    """Frames of one CCD.

    Attributes
    ----------
    timing : FrameTiming
        Of the mode.
    start : float
        Begin of the first integration (s from the start of the exposure).
    frames : int
        How many there are.
    came_down : ndarray of bool, shape (frames,)
        Whether each was received.
    """

    timing: FrameTiming
    start: float
    frames: int
    came_down: NDArray[np.bool_]

    def end(self) -> FloatArray:
        """End of each integration (s from the start of the exposure)."""
        begin = self.start + np.arange(self.frames, dtype=np.float64) * self.timing.frame_s
        return begin + self.timing.integration_s


def clocking(timing: FrameTiming, lag_s: float, exposure_s: float, settings: DetectorSettings) -> Clocking:
    """Frames of a CCD that begins `lag_s` after the exposure."""
    frames = int((exposure_s - lag_s) / timing.frame_s)
    if frames < 1:
        raise ValueError(f"an exposure of {exposure_s:g} s is shorter than one frame")
    begin = lag_s + np.arange(frames) * timing.frame_s
    came_down = np.ones(frames, bool)
    for first, last in settings.lost:
        came_down &= (begin + timing.frame_s < first) | (begin > last)
    return Clocking(timing, lag_s, frames, came_down)


def arrivals(
    rng: np.random.Generator,
    calibration: CameraCalibration,
    photons: Photons,
    clocks: dict[int, Clocking],
) -> Iterator[tuple[CcdGeometry, Arrivals]]:
    """Photons on each CCD; a place on two CCDs belongs to the first, X-rays outside of the field of view to none."""
    camera = calibration.camera
    blocked = (photons.source != PARTICLE) & outside_field_of_view(camera, photons.detx, photons.dety)
    waiting = np.flatnonzero(~blocked)
    for geometry in calibration.geometry:
        dx, dy = photons.detx[waiting] - geometry.origin[0], photons.dety[waiting] - geometry.origin[1]
        scale = geometry.pixel**2
        column = np.rint(geometry.reference[0] + (geometry.axis_x[0] * dx + geometry.axis_x[1] * dy) / scale)
        row = np.rint(geometry.reference[1] + (geometry.axis_y[0] * dx + geometry.axis_y[1] * dy) / scale)
        inside = (
            (column >= geometry.first[0]) & (column <= geometry.last[0])
            & (row >= geometry.first[1]) & (row <= geometry.last[1])
        )  # fmt: skip
        index = waiting[inside]
        waiting = waiting[~inside]
        clock = clocks[geometry.ccd]
        position = (photons.time[index] - clock.start) / clock.timing.frame_s
        frame = np.floor(position).astype(np.int64)
        rows = row[inside].astype(np.int64)
        late = (position - frame) * clock.timing.frame_s >= clock.timing.integration_s
        late &= photons.source[index] != PARTICLE
        rows[late] = rng.integers(geometry.first[1], geometry.last[1] + 1, int(late.sum()))
        kept = (frame >= 0) & (frame < clock.frames)
        kept[kept] = clock.came_down[frame[kept]]
        order = np.flatnonzero(kept)
        order = order[np.argsort(frame[order], kind="stable")]
        true = photons.energy_kev[index[order]]
        sigma = nominal.energy_resolution(camera, true) / FWHM_OVER_SIGMA
        yield (
            geometry,
            Arrivals(
                index=index[order],
                frame=frame[order],
                column=column[inside].astype(np.int64)[order],
                row=rows[order],
                energy_ev=true * 1000.0 + sigma * rng.standard_normal(order.size),
                true_kev=true,
            ),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Charge of events over pixels.

    Attributes
    ----------
    kind : ndarray of int64, shape (n,)
        Pixels of each event, 1 to 4.
    steps : ndarray of int64, shape (n, 3, 2)
        Where its other pixels lie (RAWX, RAWY) as seen from the main one; (0, 0) where there is none.
    share : ndarray of float64, shape (n, 4)
        Part of the charge in the main pixel and in the others.
    """

    kind: NDArray[np.int64]
    steps: NDArray[np.int64]
    share: FloatArray


def split_charge(
    rng: np.random.Generator, camera: str, true_kev: FloatArray, energy_ev: FloatArray, least_ev: float
) -> Split:
    """Draw how the charge of events is shared by pixels.

    The numbers of pixels are those of the nominal pattern fractions; each other pixel has at least `least_ev`, so that
    it is seen, and less than the main one; the pixel across in a quadruple has the least.
    """
    number = true_kev.size
    edges = np.cumsum(nominal.pattern_fractions(camera, true_kev), axis=1)[:, :3]
    kind = np.sum(rng.random(number)[:, None] > edges, axis=1)
    # A charge that cannot be seen in so many pixels stays in fewer.
    kind = np.minimum(kind, np.maximum(energy_ev / (1.25 * least_ev) - 1, 0).astype(np.int64))
    direction = rng.integers(0, 4, number)
    table = np.zeros((4, 4, 3, 2), np.int64)
    for pixels in (1, 2, 3):
        for turn in range(4):
            for place, step in enumerate(pattern_pixels()[_FIRST_SPLIT[pixels] + turn]):
                table[pixels, turn, place] = step
    share = np.zeros((number, 4))
    least = np.minimum(least_ev / np.maximum(energy_ev, 1.0), 0.2)
    drawn = rng.random((number, 3))
    for pixels in (1, 2, 3):
        mine = kind == pixels
        largest = 1.0 / (pixels + 1)  # then the main pixel has the most in any case
        parts = least[mine, None] + drawn[mine, :pixels] * (largest - least[mine, None]) * 0.98
        if pixels == 3:
            parts = np.sort(parts, axis=1)[:, ::-1]
        share[mine, 1 : pixels + 1] = parts
    share[:, 0] = 1.0 - share.sum(axis=1)
    return Split(kind + 1, table[kind, direction], share)


def bad_pixels_of(faults: BadPixels, kinds: tuple[int, ...], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Map of the bad pixels of some kinds, indexed [RAWX, RAWY] from 1."""
    found = np.zeros(shape, bool)
    for x, y, kind, extent in zip(faults.rawx, faults.rawy, faults.kind, faults.extent, strict=True):
        if int(kind) in kinds:
            found[int(x), int(y) : int(y) + int(extent)] = True
    return found


def hot_signals(
    rng: np.random.Generator, faults: BadPixels, kinds: tuple[int, ...], clock: Clocking, rate: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Frames, columns and rows in which hot pixels light up."""
    frames, columns, rows = [], [], []
    for x, y, kind, extent in zip(faults.rawx, faults.rawy, faults.kind, faults.extent, strict=True):
        if int(kind) not in kinds:
            continue
        often = rate if int(extent) == 1 else rate / 5.0  # a hot column is fainter than a hot pixel
        for row in range(int(y), int(y) + int(extent)):
            lit = rng.integers(0, clock.frames, int(rng.poisson(often * clock.frames)))
            frames.append(lit)
            columns.append(np.full(lit.size, int(x)))
            rows.append(np.full(lit.size, row))
    if not frames:
        empty = np.zeros(0, np.int64)
        return empty, empty, empty
    frame, column, row_ = np.concatenate(frames), np.concatenate(columns), np.concatenate(rows)
    kept = clock.came_down[frame]
    return frame[kept], column[kept], row_[kept]
