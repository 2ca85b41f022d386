"""Nominal tables of what an observation meets beside its sources: particles, and the gas in front of the sky."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.calibration.nominal import read_table

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ParticleBackground:
    """Quiescent particle background of a camera, per arcmin2 of CCD.

    Attributes
    ----------
    energy_kev, rate : ndarray, shape (n,)
        Continuum, counts s-1 keV-1 arcmin-2.
    line_kev, line_rate : ndarray, shape (m,)
        Fluorescence lines, counts s-1 arcmin-2.
    """

    energy_kev: FloatArray
    rate: FloatArray
    line_kev: FloatArray
    line_rate: FloatArray


@cache
def particle_background(camera: str) -> ParticleBackground:
    """Quiescent particle background of a camera."""
    continuum = read_table("particle_continuum").where("camera", camera)
    lines = read_table("particle_lines").where("camera", camera)
    return ParticleBackground(
        energy_kev=continuum.numbers("energy"),
        rate=continuum.numbers("rate"),
        line_kev=lines.numbers("energy"),
        line_rate=lines.numbers("rate"),
    )


@dataclass(frozen=True, slots=True)
class ParticleTracks:
    """Tracks that a camera cuts out on board.

    Attributes
    ----------
    per_frame : float
        Tracks in a frame of a full CCD.
    hidden_per_pixel : float
        MOS: pixels in which no event can be recognised for each pixel of a track.
    columns : int
        pn: columns that are discarded for a track.
    """

    per_frame: float
    hidden_per_pixel: float
    columns: int


@cache
def particle_tracks(camera: str) -> ParticleTracks:
    """Tracks of particles in a camera."""
    row = read_table("particle_tracks").where("camera", camera).rows[0]
    return ParticleTracks(float(row["tracks_per_frame"]), float(row["hidden_per_pixel"]), int(row["columns_per_track"]))


def photoabsorption_cm2(energy_kev: FloatArray) -> FloatArray:
    """Photoelectric cross-section of the interstellar gas per hydrogen atom (cm2).

    Valid from 0.03 to 10 keV (Morrison & McCammon 1983); beyond, the last row goes on.
    """
    table = read_table("photoabsorption")
    index = np.clip(np.searchsorted(table.numbers("energy_low"), energy_kev, side="right") - 1, 0, None)
    c0, c1, c2 = (table.numbers(name)[index] for name in ("c0", "c1", "c2"))
    result: FloatArray = (c0 + c1 * energy_kev + c2 * energy_kev**2) / energy_kev**3 * 1e-24
    return result
