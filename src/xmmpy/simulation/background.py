"""What a camera sees besides the sky: particles everywhere, soft protons in the field of view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration import nominal, surroundings
from xmmpy.simulation import spectra, telescope
from xmmpy.simulation.telescope import Photons

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

PROTON_RESPONSE: Final = {"EMOS1": 1.0, "EMOS2": 1.0, "EPN": 2.5}
"""Counts of soft protons in a camera over those in a MOS: pn has no grating before it."""
FLARE_PEAKS: Final = (8.0, 80.0)
"""Range of the peak count rates of flares in a MOS, counts/s: up to a hundred times the quiet level."""
SOFT_PROTON, PARTICLE = -1, -2


@dataclass(frozen=True, slots=True)
class Flare:
    """A flare of soft protons: peak sin^2(pi (t - start) / (stop - start)).

    Attributes
    ----------
    start, stop : float
        Seconds from the start of the exposure.
    peak : float
        Counts/s in a MOS camera at the peak.
    """

    start: float
    stop: float
    peak: float

    def counts_before(self, time: FloatArray) -> FloatArray:
        """Mean MOS counts from the start of the flare to `time`."""
        phase = np.clip((time - self.start) / (self.stop - self.start), 0.0, 1.0)
        result: FloatArray = (
            self.peak * (self.stop - self.start) * (0.5 * phase - np.sin(2 * np.pi * phase) / (4 * np.pi))
        )
        return result


def draw_flares(rng: np.random.Generator, exposure: float) -> tuple[Flare, ...]:
    """Flares of an exposure: one per 8 ks on average, at least one, 15 % of the time in the mean."""
    number = max(1, int(rng.poisson(exposure / 8000.0)))
    flares = []
    for _ in range(number):
        length = float(np.exp(rng.uniform(np.log(300.0), np.log(3000.0))))
        length = min(length, 0.25 * exposure)
        start = float(rng.uniform(0.0, exposure - length))
        peak = float(np.exp(rng.uniform(*np.log(FLARE_PEAKS))))
        flares.append(Flare(start, start + length, peak))
    return tuple(sorted(flares, key=lambda flare: flare.start))


def flare_photons(
    rng: np.random.Generator,
    camera: str,
    flares: tuple[Flare, ...],
    scale: float,
    start: float,
    stop: float,
) -> Photons:
    """Soft protons that reach the field of view between two times (s from the start of the exposure).

    Their vignetting is half that of X-rays.
    """
    centre_x, centre_y, radius = nominal.field_of_view(camera).enclosing
    times = []
    for flare in flares:
        first, last = flare.counts_before(np.array([start, stop]))
        number = int(rng.poisson(PROTON_RESPONSE[camera] * scale * (last - first)))
        grid = np.linspace(max(start, flare.start), min(stop, flare.stop), 257)
        if number:
            wanted = first + rng.random(number) * (last - first)
            times.append(np.interp(wanted, flare.counts_before(grid), grid))
    time = np.concatenate(times) if times else np.empty(0)
    detx, dety = telescope.draw_disc(rng, time.size, centre_x, centre_y, radius)
    energy = spectra.proton_sampler().draw(rng, time.size)
    factor = nominal.vignetting().at(np.ones(time.size), telescope.offaxis_arcmin(camera, detx, dety))
    kept = rng.random(time.size) < 0.5 * (1.0 + factor)
    return Photons(
        time[kept],
        energy[kept],
        detx[kept],
        dety[kept],
        np.full(int(kept.sum()), SOFT_PROTON, dtype=np.int32),
    )


def particle_rate(camera: str) -> float:
    """Counts/s of the quiescent particle background over all CCDs of a camera."""
    background = surroundings.particle_background(camera)
    per_area = float(np.trapezoid(background.rate, background.energy_kev) + background.line_rate.sum())
    return per_area * sum(ccd.area_arcmin2 for ccd in nominal.ccd_geometry(camera))


def particle_photons(rng: np.random.Generator, camera: str, scale: float, start: float, stop: float) -> Photons:
    """Quiescent particle events, evenly over all CCDs."""
    background = surroundings.particle_background(camera)
    ccds = nominal.ccd_geometry(camera)
    continuum = spectra.EnergySampler.from_density(background.energy_kev, background.rate)
    number = int(rng.poisson(particle_rate(camera) * scale * (stop - start)))
    rates = np.concatenate([[continuum.total], background.line_rate])
    component = rng.choice(rates.size, number, p=rates / rates.sum())
    energy = continuum.draw(rng, number)
    lines = component > 0
    energy[lines] = background.line_kev[component[lines] - 1]
    areas = np.array([ccd.area_arcmin2 for ccd in ccds])
    shares = rng.multinomial(number, areas / areas.sum())
    places = []
    for ccd, share in zip(ccds, shares, strict=True):
        rawx = rng.uniform(ccd.first[0] - 0.5, ccd.last[0] + 0.5, share)
        rawy = rng.uniform(ccd.first[1] - 0.5, ccd.last[1] + 0.5, share)
        places.append(ccd.raw_to_det(rawx, rawy))
    return Photons(
        time=rng.uniform(start, stop, number),
        energy_kev=energy,
        detx=np.concatenate([place[0] for place in places]),
        dety=np.concatenate([place[1] for place in places]),
        source=np.full(number, PARTICLE, dtype=np.int32),
    )
