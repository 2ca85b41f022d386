"""A camera: photons in the focal plane become rows of an event list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration import nominal
from xmmpy.products import layout
from xmmpy.products.eventlists import template_name
from xmmpy.simulation import defects, telescope
from xmmpy.simulation.background import PARTICLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from xmmpy.simulation.frames import CcdFrames
    from xmmpy.simulation.telescope import Photons, Pointing

    FloatArray = npt.NDArray[np.float64]

FWHM_OVER_SIGMA: Final = 2.354820045
PATTERN_BASE: Final = np.array([0, 1, 5, 9])
PARTICLE_INVALID: Final = {"EMOS1": 0.06, "EMOS2": 0.06, "EPN": 0.03}
"""Part of the particle events with a pattern that no X-ray makes: above 12 (pn: INVALID_PATTERN)."""
INVALID_PATTERN: Final = 1 << 0
PN_PATTERN_ID: Final = 5121
"""PAT_ID of the first (here: only) pattern of more than one pixel in a pn frame."""


@dataclass(frozen=True, slots=True, eq=False)
class CcdEvents:
    """Rows of one CCD in the order of their frames.

    Attributes
    ----------
    rows : ndarray of records
        As `layout.row_type` of the camera's EVENTS template.
    source : ndarray of int32
        Where each event comes from, as in Photons.
    band : ndarray of int8
        Band of its true energy, 0 to 4; -1 outside all.
    out_of_time : ndarray of bool
        It came during the read-out of the frame.
    """

    rows: npt.NDArray[np.void]
    source: npt.NDArray[np.int32]
    band: npt.NDArray[np.int8]
    out_of_time: npt.NDArray[np.bool_]


def outside_field_of_view(camera: str, detx: FloatArray, dety: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether DETX, DETY lie outside the field of view."""
    result: npt.NDArray[np.bool_] = ~nominal.field_of_view(camera).contains(detx, dety)
    return result


def read_out(
    rng: np.random.Generator,
    camera: str,
    pointing: Pointing,
    met_start: float,
    photons: Photons,
    frames: tuple[CcdFrames, ...],
) -> tuple[CcdEvents, ...]:
    """Events of all CCDs from photons.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.
    pointing : Pointing
        Attitude, for X and Y.
    met_start : float
        Mission time of the start of the exposure (s).
    photons : Photons
        What reaches the focal plane.
    frames : tuple of CcdFrames
        Frames of each CCD.

    Returns
    -------
    tuple of CcdEvents
        One per CCD.
    """
    blocked = (photons.source != PARTICLE) & outside_field_of_view(camera, photons.detx, photons.dety)
    hits = find_pixels(camera, photons.detx, photons.dety, np.flatnonzero(~blocked))
    return tuple(
        _ccd_events(rng, geometry, pointing, met_start, photons, hit, ccd_frames)
        for geometry, hit, ccd_frames in zip(nominal.ccd_geometry(camera), hits, frames, strict=True)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Which photons meet a CCD, and its pixels: arrays of one length.

    Attributes
    ----------
    index : ndarray of int
        Number of the photon.
    column, row : ndarray of int
        RAWX, RAWY.
    """

    index: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]


def find_pixels(camera: str, detx: FloatArray, dety: FloatArray, candidates: npt.NDArray[np.int64]) -> Iterator[Hits]:
    """Pixels on which places in the focal plane lie, CCD by CCD; a place on two CCDs belongs to the first.

    Parameters
    ----------
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.
    detx, dety : ndarray
        Places (0.05 arcsec).
    candidates : ndarray of int
        Which of them to look for.
    """
    waiting = candidates
    for geometry in nominal.ccd_geometry(camera):
        rawx, rawy = geometry.det_to_raw(detx[waiting], dety[waiting])
        column, row = np.rint(rawx).astype(np.int64), np.rint(rawy).astype(np.int64)
        inside = (
            (column >= geometry.first[0])
            & (column <= geometry.last[0])
            & (row >= geometry.first[1])
            & (row <= geometry.last[1])
        )
        yield Hits(waiting[inside], column[inside], row[inside])
        waiting = waiting[~inside]


def _ccd_events(
    rng: np.random.Generator,
    geometry: nominal.CcdGeometry,
    pointing: Pointing,
    met_start: float,
    photons: Photons,
    hits: Hits,
    frames: CcdFrames,
) -> CcdEvents:
    camera = geometry.camera
    index, column, row = hits.index, hits.column, hits.row
    scale = nominal.energy_scale(camera)
    faults = defects.ccd_defects(camera, geometry.ccd)
    frame, arrived, late = frames.find(photons.time[index])
    late &= photons.source[index] != PARTICLE
    row = np.where(late, rng.integers(geometry.first[1], geometry.last[1] + 1, row.size), row)
    energy = photons.energy_kev[index]
    pi = _measured_energy(rng, camera, energy)
    kept = arrived & (rng.random(index.size) < frames.live[frame])
    kept &= ~faults.bad[column - geometry.first[0], row - geometry.first[1]]
    kept &= (pi >= scale.threshold_ev) & (pi <= scale.largest_pi)
    order = np.flatnonzero(kept)
    order = order[np.argsort(frame[order], kind="stable")]
    index, column, row, frame = index[order], column[order], row[order], frame[order]
    energy, pi, source = energy[order], pi[order], photons.source[index]

    detx, dety = geometry.raw_to_det(
        column + rng.uniform(-0.5, 0.5, order.size), row + rng.uniform(-0.5, 0.5, order.size)
    )
    x, y = telescope.det_to_plane(camera, pointing.position_angle, detx, dety)
    pattern = _patterns(rng, camera, energy, source == PARTICLE)
    flag = faults.flags[column - geometry.first[0], row - geometry.first[1]]
    flag = np.where(outside_field_of_view(camera, detx, dety), flag | defects.OUT_OF_FOV, flag)
    centre = met_start + frames.centre(frame)
    rows = np.zeros(order.size, dtype=layout.row_type(template_name(camera, "events")))
    rows["TIME"] = centre + rng.uniform(-0.5, 0.5, order.size) * frames.timing.integration_s
    rows["RAWX"], rows["RAWY"] = column, row
    rows["DETX"], rows["DETY"] = np.rint(detx), np.rint(dety)
    rows["X"], rows["Y"] = np.rint(x), np.rint(y)
    rows["PHA"] = np.minimum(np.rint(pi / scale.ev_per_channel), scale.largest_pha)
    rows["PI"] = np.rint(pi)
    rows["PATTERN"] = pattern
    rows["CCDNR"] = geometry.ccd
    if camera == "EPN":
        flag = np.where(pattern > 12, flag | INVALID_PATTERN, flag)
        rows["PAT_ID"] = np.where(pattern > 0, PN_PATTERN_ID, 0)
        rows["TIME_RAW"] = centre
    rows["FLAG"] = flag
    band = np.searchsorted(nominal.BAND_EDGES_KEV, energy, side="right") - 1
    band[band > 4] = -1
    return CcdEvents(rows, source, band.astype(np.int8), late[order])


def _measured_energy(rng: np.random.Generator, camera: str, energy_kev: FloatArray) -> FloatArray:
    """Energy as measured (eV): Gaussian about the true one."""
    sigma = nominal.energy_resolution(camera, energy_kev) / FWHM_OVER_SIGMA
    result: FloatArray = energy_kev * 1000.0 + sigma * rng.standard_normal(energy_kev.size)
    return result


def _patterns(
    rng: np.random.Generator, camera: str, energy_kev: FloatArray, particle: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Draw PATTERN by energy; some particle events get one that no X-ray makes."""
    edges = np.cumsum(nominal.pattern_fractions(camera, energy_kev), axis=1)[:, :3]
    kind = np.sum(rng.random(energy_kev.size)[:, None] > edges, axis=1)
    pattern = PATTERN_BASE[kind] + np.where(kind > 0, rng.integers(0, 4, energy_kev.size), 0)
    invalid = particle & (rng.random(energy_kev.size) < PARTICLE_INVALID[camera])
    largest = 60 if camera == "EPN" else 29
    return np.where(invalid, rng.integers(13, largest + 1, energy_kev.size), pattern)
