"""A telescope over a camera: from the sky to photons in DETX, DETY."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration import nominal
from xmmpy.simulation import sky, spectra

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

PSF_RADIUS_ARCSEC: Final = 300.0
"""Radius inside which the point-spread function is normalised."""
UNITS_PER_ARCMIN: Final = 60.0 / 0.05


@dataclass(frozen=True, slots=True)
class Pointing:
    """Where the spacecraft looks: RA, Dec and position angle (degrees)."""

    ra: float
    dec: float
    position_angle: float


@dataclass(frozen=True, slots=True, eq=False)
class Photons:
    """Photons that a camera would detect, arrays of one length.

    Attributes
    ----------
    time : ndarray
        Arrival (s from the start of the exposure).
    energy_kev : ndarray
        Energy.
    detx, dety : ndarray
        Where they fall (0.05 arcsec).
    source : ndarray of int32
        Number of the source; 0 sky, -1 soft protons, -2 particles.
    """

    time: FloatArray
    energy_kev: FloatArray
    detx: FloatArray
    dety: FloatArray
    source: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return self.time.size

    @staticmethod
    def join(parts: list[Photons]) -> Photons:
        """All photons of several sets."""
        return Photons(
            time=np.concatenate([part.time for part in parts]),
            energy_kev=np.concatenate([part.energy_kev for part in parts]),
            detx=np.concatenate([part.detx for part in parts]),
            dety=np.concatenate([part.dety for part in parts]),
            source=np.concatenate([part.source for part in parts]),
        )


def _rotation(camera: str, position_angle: float) -> tuple[float, float]:
    angle = np.radians(position_angle + nominal.boresight(camera).roll_deg)
    return float(np.cos(angle)), float(np.sin(angle))


def det_to_plane(
    camera: str, position_angle: float, detx: FloatArray, dety: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """X, Y (0.05 arcsec, real numbers) of DETX, DETY: a rotation, a flip and a shift."""
    cosine, sine = _rotation(camera, position_angle)
    centre = nominal.boresight(camera).pointing
    dx, dy = detx - centre[0], dety - centre[1]
    return sky.REFERENCE_PIXEL + cosine * dx + sine * dy, sky.REFERENCE_PIXEL + sine * dx - cosine * dy


def plane_to_det(camera: str, position_angle: float, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """DETX, DETY of X, Y: inverse of `det_to_plane` (the matrix is its own inverse)."""
    cosine, sine = _rotation(camera, position_angle)
    centre = nominal.boresight(camera).pointing
    dx, dy = x - sky.REFERENCE_PIXEL, y - sky.REFERENCE_PIXEL
    return centre[0] + cosine * dx + sine * dy, centre[1] + sine * dx - cosine * dy


def offaxis_arcmin(camera: str, detx: FloatArray, dety: FloatArray) -> FloatArray:
    """Angle from the optical axis (arcmin)."""
    axis = nominal.boresight(camera).axis
    result: FloatArray = np.hypot(detx - axis[0], dety - axis[1]) / UNITS_PER_ARCMIN
    return result


def draw_psf(
    rng: np.random.Generator, camera: str, energy_kev: FloatArray, offaxis: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Displacements in DETX, DETY (0.05 arcsec) by the telescope, without the spread over the pixels of the camera.

    A King profile normalised inside 300 arcsec, drawn closer to its centre by `without_pixels`; the inverse of its
    encircled energy is explicit:
    r = core sqrt((1 - u (1 - w))^(1 / (1 - slope)) - 1), w = (1 + (300/core)^2)^(1 - slope).
    """
    core, slope = nominal.king_profile(camera).at(energy_kev, offaxis)
    outside = (1.0 + (PSF_RADIUS_ARCSEC / core) ** 2) ** (1.0 - slope)
    share = 1.0 - rng.random(energy_kev.size) * (1.0 - outside)
    radius = core * np.sqrt(np.maximum(share ** (1.0 / (1.0 - slope)) - 1.0, 0.0))
    radius = without_pixels(radius, core, slope, nominal.ccd_geometry(camera)[0].pixel * 0.05) / 0.05
    azimuth = rng.uniform(0.0, 2 * np.pi, energy_kev.size)
    return radius * np.cos(azimuth), radius * np.sin(azimuth)


def without_pixels(radius: FloatArray, core: FloatArray, slope: FloatArray, pixel: float) -> FloatArray:
    """Distances of photons whose recorded events follow a King profile, from distances that follow it.

    The profile was measured in orbit on recorded events, so that it holds the spread over the pixels: an event is put
    somewhere in the pixel that its photon met, pixel^2 / 6 of variance along each axis. Diffusion by that much is
    undone by moving each photon along half the gradient of the logarithm of the density (the probability flow of the
    heat equation, one step with the core of its middle): r -> r (1 - a s / (core^2 - a s + r^2)), a the slope, s the
    variance. Recorded events then have the encircled energy of the profile to 0.004.

    Parameters
    ----------
    radius, core, slope : ndarray
        Distance and profile (arcsec).
    pixel : float
        Size of a pixel (arcsec).
    """
    step = slope * pixel**2 / 6.0
    middle = np.maximum(core**2 - step, 0.5 * core**2)
    result: FloatArray = radius * np.maximum(1.0 - step / (middle + radius**2), 0.0)
    return result


def draw_beta_model(rng: np.random.Generator, core: FloatArray, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Displacements on the sky (0.05 arcsec) by a beta model cut at 15 core radii; none for core 0."""
    power = 1.5 - 3.0 * beta
    cut = (1.0 + 15.0**2) ** power
    share = 1.0 - rng.random(core.size) * (1.0 - cut)
    radius = core * np.sqrt(np.maximum(share ** (1.0 / power) - 1.0, 0.0)) / 0.05
    azimuth = rng.uniform(0.0, 2 * np.pi, core.size)
    return radius * np.cos(azimuth), radius * np.sin(azimuth)


@dataclass(frozen=True, slots=True)
class Telescope:
    """One telescope with its camera and filter, looking somewhere.

    Attributes
    ----------
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.
    optical_filter : str
        FILTER.
    pointing : Pointing
        Attitude.
    """

    camera: str
    optical_filter: str
    pointing: Pointing

    def sky_to_det(self, ra: npt.ArrayLike, dec: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """DETX, DETY of sky positions (degrees)."""
        x, y = sky.sky_to_plane(ra, dec, self.pointing.ra, self.pointing.dec)
        return plane_to_det(self.camera, self.pointing.position_angle, x, y)

    def source_rates(self, sources: sky.Sources) -> FloatArray:
        """Counts/s of each source in each band on a camera without gaps, shape (n, 5).

        Flux times conversion factor times the vignetting at the source and at the mean energy of the
        detected photons.
        """
        detx, dety = self.sky_to_det(sources.ra, sources.dec)
        offaxis = np.nan_to_num(offaxis_arcmin(self.camera, detx, dety), nan=np.inf)
        factors = nominal.energy_conversion_factors(self.camera, self.optical_filter)
        rates = sources.flux * factors
        for band in range(5):
            energies = self._mean_energy(band)
            rates[:, band] /= self._selected_part(band, energies)
            rates[:, band] *= nominal.vignetting().at(np.full(offaxis.size, energies), offaxis)
        rates *= nominal.azimuthal_vignetting(self.camera).at_det(self.camera, detx, dety)[:, None]
        rates[~(offaxis <= 20.0)] = 0.0
        return rates

    def _selected_part(self, band: int, energy_kev: float) -> float:
        """Part of the photons that have the patterns for which the conversion factors hold.

        Those of pn hold for single events in the softest band and for singles and doubles above; those of MOS for all
        patterns that X-rays make.
        """
        if self.camera != "EPN":
            return 1.0
        singles, doubles, *_ = nominal.pattern_fractions(self.camera, np.array([energy_kev]))[0]
        return float(singles if band == 0 else singles + doubles)

    def _mean_energy(self, band: int) -> float:
        sampler = spectra.source_sampler(self.camera, self.optical_filter, band)
        middle = 0.5 * (sampler.energy_kev[1:] + sampler.energy_kev[:-1])
        return float(np.sum(middle * np.diff(sampler.cumulative)))

    def source_photons(
        self, rng: np.random.Generator, sources: sky.Sources, rates: FloatArray, start: float, stop: float
    ) -> Photons:
        """Photons of the sources between two times (s from the start of the exposure).

        Parameters
        ----------
        rates : ndarray, shape (n, 5)
            Of `source_rates`, perhaps scaled.
        """
        counts = rng.poisson(rates * (stop - start))
        index = np.concatenate([np.repeat(np.arange(len(sources)), counts[:, band]) for band in range(5)])
        energy = np.concatenate(
            [
                spectra.source_sampler(self.camera, self.optical_filter, band).draw(rng, int(counts[:, band].sum()))
                for band in range(5)
            ]
        )
        x, y = sky.sky_to_plane(sources.ra, sources.dec, self.pointing.ra, self.pointing.dec)
        wide_x, wide_y = draw_beta_model(rng, sources.core_arcsec[index], sources.beta[index])
        detx, dety = plane_to_det(self.camera, self.pointing.position_angle, x[index] + wide_x, y[index] + wide_y)
        blur_x, blur_y = draw_psf(rng, self.camera, energy, offaxis_arcmin(self.camera, detx, dety))
        return Photons(
            time=rng.uniform(start, stop, index.size),
            energy_kev=energy,
            detx=detx + blur_x,
            dety=dety + blur_y,
            source=sources.identifier[index].astype(np.int32),
        )

    def diffuse_rate(self, unresolved: float) -> float:
        """Counts/s of the diffuse sky over the field of view, before vignetting."""
        radius = nominal.field_of_view(self.camera).enclosing[2]
        solid_angle = np.pi * np.radians(radius * sky.UNIT_DEG) ** 2
        return float(spectra.diffuse_sampler(self.camera, self.optical_filter, unresolved).total * solid_angle)

    def diffuse_photons(
        self, rng: np.random.Generator, unresolved: float, scale: float, start: float, stop: float
    ) -> Photons:
        """Photons of the diffuse sky inside the field of view, vignetted."""
        number = int(rng.poisson(self.diffuse_rate(unresolved) * scale * (stop - start)))
        sampler = spectra.diffuse_sampler(self.camera, self.optical_filter, unresolved)
        centre_x, centre_y, radius = nominal.field_of_view(self.camera).enclosing
        energy = sampler.draw(rng, number)
        detx, dety = draw_disc(rng, number, centre_x, centre_y, radius)
        factor = nominal.vignetting().at(energy, offaxis_arcmin(self.camera, detx, dety))
        factor = factor * nominal.azimuthal_vignetting(self.camera).at_det(self.camera, detx, dety)
        kept = rng.random(number) < factor
        return Photons(
            time=rng.uniform(start, stop, number)[kept],
            energy_kev=energy[kept],
            detx=detx[kept],
            dety=dety[kept],
            source=np.zeros(int(kept.sum()), dtype=np.int32),
        )


def draw_disc(
    rng: np.random.Generator, number: int, centre_x: float, centre_y: float, radius: float
) -> tuple[FloatArray, FloatArray]:
    """Points spread evenly over a disc."""
    distance = radius * np.sqrt(rng.random(number))
    azimuth = rng.uniform(0.0, 2 * np.pi, number)
    return centre_x + distance * np.cos(azimuth), centre_y + distance * np.sin(azimuth)
