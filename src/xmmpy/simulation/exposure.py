"""One camera's exposure: everything that falls on it, in time slabs of bounded size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.simulation import background, camera
from xmmpy.simulation.telescope import Photons

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from xmmpy.simulation.background import Flare
    from xmmpy.simulation.camera import CcdEvents
    from xmmpy.simulation.frames import CcdFrames
    from xmmpy.simulation.sky import Sources
    from xmmpy.simulation.telescope import Telescope

    FloatArray = npt.NDArray[np.float64]

SLAB_EVENTS: Final = 500_000
"""Events made at a time: bounds the memory."""
PILOT_EVENTS: Final = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class CameraExposure:
    """What one camera will see.

    Attributes
    ----------
    telescope : Telescope
        Camera, filter and attitude.
    sources : Sources
        Sources on the sky.
    unresolved : float
        Part of the extragalactic background that is not in the sources.
    flares : tuple of Flare
        Soft protons.
    frames : tuple of CcdFrames
        Frames of the CCDs.
    length : float
        Exposure (s).
    met_start : float
        Mission time of its start (s).
    rates : ndarray, shape (n, 5)
        Counts/s of the sources on the axis-to-edge vignetted, gapless camera.
    """

    telescope: Telescope
    sources: Sources
    unresolved: float
    flares: tuple[Flare, ...]
    frames: tuple[CcdFrames, ...]
    length: float
    met_start: float
    rates: FloatArray

    def events(self, rng: np.random.Generator, scale: float, start: float, stop: float) -> tuple[CcdEvents, ...]:
        """Events of all CCDs between two times (s from the start), all rates times `scale`."""
        instrument = self.telescope.camera
        photons = Photons.join(
            [
                self.telescope.source_photons(rng, self.sources, self.rates * scale, start, stop),
                self.telescope.diffuse_photons(rng, self.unresolved, scale, start, stop),
                background.flare_photons(rng, instrument, self.flares, scale, start, stop),
                background.particle_photons(rng, instrument, scale, start, stop),
            ]
        )
        return camera.read_out(rng, instrument, self.telescope.pointing, self.met_start, photons, self.frames)

    def photons_before(self, time: FloatArray) -> FloatArray:
        """Mean number of photons and particles made from the start to `time` at scale 1."""
        instrument = self.telescope.camera
        steady = (
            float(self.rates.sum())
            + self.telescope.diffuse_rate(self.unresolved)
            + background.particle_rate(instrument)
        )
        total: FloatArray = steady * time
        for flare in self.flares:
            total = total + background.PROTON_RESPONSE[instrument] * flare.counts_before(time)
        return total

    def scale_for(self, rng: np.random.Generator, events: int) -> float:
        """Scale at which the list has about `events` events, from a small run."""
        made = float(self.photons_before(np.array([self.length]))[0])
        scale = min(events, PILOT_EVENTS) / made
        pilot = sum(part.rows.size for part in self.events(rng, scale, 0.0, self.length))
        return scale * events / max(pilot, 1)

    def slabs(self, scale: float) -> Iterator[tuple[float, float]]:
        """Time slabs of at most about `SLAB_EVENTS` events that begin at frames."""
        grid = np.linspace(0.0, self.length, 20_001)
        before = self.photons_before(grid) * scale
        number = max(1, int(np.ceil(before[-1] / SLAB_EVENTS)))
        edges = np.interp(np.arange(1, number) * (before[-1] / number), before, grid)
        frame_s = self.frames[0].timing.frame_s
        edges = np.unique(np.concatenate([[0.0], np.floor(edges / frame_s) * frame_s, [self.length]]))
        yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
