"""Frames of an exposure: when each CCD integrates, how well, and its good time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration import nominal

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

CCD_LAG_S: Final = {"EMOS1": 0.0092, "EMOS2": 0.0092, "EPN": 0.0061}
"""Delay from one CCD's frame to the next one's; MOS as in the public lists, pn a twelfth of a frame."""


@dataclass(frozen=True, slots=True, eq=False)
class CcdFrames:
    """Frames of one CCD.

    Attributes
    ----------
    start : float
        Begin of the first frame (s from the start of the exposure).
    timing : FrameTiming
        Frame and integration time.
    good : ndarray of bool, shape (n,)
        Frames that arrived.
    live : ndarray of float32, shape (n,)
        FRACEXP of each frame.
    """

    start: float
    timing: nominal.FrameTiming
    good: npt.NDArray[np.bool_]
    live: npt.NDArray[np.float32]

    def centre(self, index: npt.NDArray[np.int64]) -> FloatArray:
        """Centre of the integration of frames (s from the start of the exposure)."""
        begin: FloatArray = self.start + index.astype(np.float64) * self.timing.frame_s
        return begin + 0.5 * self.timing.integration_s

    def find(self, time: FloatArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Frame of each time; whether that frame arrived; whether the time falls in its read-out."""
        position = (time - self.start) / self.timing.frame_s
        index = np.floor(position).astype(np.int64)
        inside = (index >= 0) & (index < self.good.size)
        index = np.clip(index, 0, self.good.size - 1)
        read_out = (position - index) * self.timing.frame_s >= self.timing.integration_s
        return index, inside & self.good[index], read_out

    def good_times(self) -> tuple[FloatArray, FloatArray]:
        """Good time intervals: START, STOP (s from the start of the exposure).

        They end in the middle of a read-out, so that no rounding makes a frame reach over a border.
        """
        edges = np.diff(np.concatenate([[0], self.good.astype(np.int8), [0]]))
        first = np.flatnonzero(edges == 1).astype(np.float64)
        last = np.flatnonzero(edges == -1).astype(np.float64)
        begin: FloatArray = self.span[0] + first * self.timing.frame_s
        end: FloatArray = self.span[0] + last * self.timing.frame_s
        return begin, end

    @property
    def span(self) -> tuple[float, float]:
        """From half a read-out before the first frame to half a read-out after the last one (s)."""
        begin = self.start - 0.5 * (self.timing.frame_s - self.timing.integration_s)
        return begin, begin + self.good.size * self.timing.frame_s

    @property
    def ontime(self) -> float:
        """Sum of the good time intervals (s)."""
        start, stop = self.good_times()
        return float(np.sum(stop - start))

    @property
    def livetime(self) -> float:
        """Sum of FRACEXP times the integration time over the frames (s), products in single precision."""
        products = np.float32(self.timing.integration_s) * self.live[self.good]
        return float(np.sum(products, dtype=np.float64))


def camera_frames(rng: np.random.Generator, camera: str, exposure: float) -> tuple[CcdFrames, ...]:
    """Frames of all CCDs of a camera.

    Two short interruptions are common to the camera, and some CCDs have one more of their own, as lost
    telemetry makes them; exposures below 500 s have none.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.
    exposure : float
        Length (s).
    """
    timing = nominal.frame_timing(camera)
    ccds = nominal.ccd_geometry(camera)
    number = int((exposure - CCD_LAG_S[camera] * len(ccds)) / timing.frame_s)
    if number < 1:
        raise ValueError(f"an exposure of {exposure} s is shorter than one frame of {camera}")
    common = _interruptions(rng, number, timing.frame_s, 2, (5.0, 40.0)) if exposure >= 500 else []
    frames = []
    for order in range(len(ccds)):
        good = np.ones(number, dtype=bool)
        own = _interruptions(rng, number, timing.frame_s, int(rng.random() < 0.3), (3.0, 12.0))
        for first, last in [*common, *(own if exposure >= 500 else [])]:
            good[first:last] = False
        blocks = -(-number // timing.live_block)
        live = rng.normal(timing.live_fraction, timing.live_spread, blocks).clip(0.0, 1.0)
        frames.append(
            CcdFrames(
                start=order * CCD_LAG_S[camera],
                timing=timing,
                good=good,
                live=np.repeat(live, timing.live_block)[:number].astype(np.float32),
            )
        )
    return tuple(frames)


def _interruptions(
    rng: np.random.Generator, frames: int, frame_s: float, number: int, lengths: tuple[float, float]
) -> list[tuple[int, int]]:
    gaps = []
    for _ in range(number):
        length = max(1, round(rng.uniform(*lengths) / frame_s))
        first = int(rng.integers(frames // 20, max(frames // 20 + 1, frames - length - frames // 20)))
        gaps.append((first, first + length))
    return gaps
