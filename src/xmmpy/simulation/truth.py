"""The truth beside a simulated observation: what each source should have given and what it gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.calibration import nominal
from xmmpy.products.atomic import atomic_path
from xmmpy.simulation import camera, defects, telescope
from xmmpy.simulation.background import PARTICLE, SOFT_PROTON

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from xmmpy.simulation.camera import CcdEvents
    from xmmpy.simulation.frames import CcdFrames
    from xmmpy.simulation.sky import Sources
    from xmmpy.simulation.telescope import Telescope

    FloatArray = npt.NDArray[np.float64]

COVERAGE_DRAWS: Final = 1000
COVERAGE_ENERGY_KEV: Final = 1.5


class CountsTally:
    """Counts written so far, by source and band, and by kind of background."""

    def __init__(self, sources: int) -> None:
        self.by_source: npt.NDArray[np.int64] = np.zeros((sources, 5), dtype=np.int64)
        self.out_of_time: npt.NDArray[np.int64] = np.zeros((sources, 5), dtype=np.int64)
        self.sky = 0
        self.protons = 0
        self.particles = 0

    def add(self, events: Sequence[CcdEvents]) -> None:
        """Count the events of all CCDs."""
        for part in events:
            self.sky += int(np.sum(part.source == 0))
            self.protons += int(np.sum(part.source == SOFT_PROTON))
            self.particles += int(np.sum(part.source == PARTICLE))
            for table, wanted in (
                (self.by_source, ~part.out_of_time),
                (self.out_of_time, part.out_of_time),
            ):
                real = wanted & (part.source > 0) & (part.band >= 0)
                np.add.at(table, (part.source[real] - 1, part.band[real].astype(np.intp)), 1)


@dataclass(frozen=True, slots=True, eq=False)
class CameraTruth:
    """Truth of one camera; arrays of shape (sources, 5).

    Attributes
    ----------
    expected : ndarray
        Mean counts at the source's place: rate times live time times the part of the point-spread function
        that falls on pixels in use inside the field of view.
    simulated, out_of_time : ndarray of int
        Counts in the list that came while the CCD integrated, and during its read-out (smeared along RAWY).
    coverage : ndarray, shape (sources,)
        That part.
    offaxis : ndarray, shape (sources,)
        Off-axis angle (arcmin).
    frames : tuple of CcdFrames
        Frames of the CCDs.
    scale : float
        Factor on all rates.
    backgrounds : dict
        Events of sky, protons, particles.
    """

    expected: FloatArray
    simulated: npt.NDArray[np.int64]
    out_of_time: npt.NDArray[np.int64]
    coverage: FloatArray
    offaxis: FloatArray
    frames: tuple[CcdFrames, ...]
    scale: float
    backgrounds: dict[str, int]

    def summary(self) -> dict[str, Any]:
        """What goes into truth.json."""
        return {
            "scale": self.scale,
            "ontime_s": [frames.ontime for frames in self.frames],
            "livetime_s": [frames.livetime for frames in self.frames],
            "source_events": int(self.simulated.sum() + self.out_of_time.sum()),
            "background_events": self.backgrounds,
        }


def camera_truth(
    instrument: Telescope,
    sources: Sources,
    rates: FloatArray,
    frames: tuple[CcdFrames, ...],
    counts: CountsTally,
    scale: float,
) -> CameraTruth:
    """Set the counts to expect beside those simulated.

    Parameters
    ----------
    rates : ndarray, shape (n, 5)
        Counts/s of each source in each band without gaps, scale included.
    """
    detx, dety = instrument.sky_to_det(sources.ra, sources.dec)
    offaxis = telescope.offaxis_arcmin(instrument.camera, detx, dety)
    live, coverage = _exposure_at(instrument, sources, rates.sum(axis=1) > 0, detx, dety, frames)
    return CameraTruth(
        expected=rates * live[:, None],
        simulated=counts.by_source,
        out_of_time=counts.out_of_time,
        coverage=coverage,
        offaxis=offaxis,
        frames=frames,
        scale=scale,
        backgrounds={"sky": counts.sky, "protons": counts.protons, "particles": counts.particles},
    )


def _exposure_at(
    instrument: Telescope,
    sources: Sources,
    seen: npt.NDArray[np.bool_],
    detx: FloatArray,
    dety: FloatArray,
    frames: tuple[CcdFrames, ...],
) -> tuple[FloatArray, FloatArray]:
    """Live time (s) averaged over photons of each source, and the part of them that meets a pixel in use."""
    rng = np.random.default_rng(6)
    owner = np.repeat(np.flatnonzero(seen), COVERAGE_DRAWS)
    wide_x, wide_y = telescope.draw_beta_model(rng, sources.core_arcsec[owner], sources.beta[owner])
    place_x, place_y = detx[owner] + wide_x, dety[owner] + wide_y
    offaxis = telescope.offaxis_arcmin(instrument.camera, place_x, place_y)
    energy = np.full(owner.size, COVERAGE_ENERGY_KEV)
    blur_x, blur_y = telescope.draw_psf(rng, instrument.camera, energy, offaxis)
    place_x, place_y = place_x + blur_x, place_y + blur_y
    in_view = np.flatnonzero(~camera.outside_field_of_view(instrument.camera, place_x, place_y))
    live, met = np.zeros(len(sources)), np.zeros(len(sources))
    hits = camera.find_pixels(instrument.camera, place_x, place_y, in_view)
    for ccd, hit, ccd_frames in zip(nominal.ccd_geometry(instrument.camera), hits, frames, strict=True):
        bad = defects.ccd_defects(ccd.camera, ccd.ccd).bad
        good = hit.index[~bad[hit.column - ccd.first[0], hit.row - ccd.first[1]]]
        counts = np.bincount(owner[good], minlength=len(sources))
        live += counts * ccd_frames.livetime
        met += counts
    return live / COVERAGE_DRAWS, met / COVERAGE_DRAWS


def write_sources(path: Path, sources: Sources, cameras: dict[str, CameraTruth]) -> None:
    """Write the table of sources: positions, fluxes, counts expected and simulated per camera and band."""
    from astropy.table import Table

    table = Table(
        {
            "id": sources.identifier,
            "ra": sources.ra,
            "dec": sources.dec,
            "flux": sources.flux,
            "flux_0p5_2": sources.flux[:, 1] + sources.flux[:, 2],
            "core_arcsec": sources.core_arcsec,
            "beta": sources.beta,
        }
    )
    table["ra"].unit = table["dec"].unit = "deg"
    table["flux"].unit = table["flux_0p5_2"].unit = "erg cm-2 s-1"
    table["core_arcsec"].unit = "arcsec"
    for name, record in cameras.items():
        table[f"{name}_expected"] = record.expected
        table[f"{name}_counts"] = record.simulated
        table[f"{name}_out_of_time"] = record.out_of_time
        table[f"{name}_coverage"] = record.coverage
        table[f"{name}_offaxis"] = record.offaxis
        table[f"{name}_offaxis"].unit = "arcmin"
    table.meta["EXTNAME"] = "TRUTH"
    with atomic_path(path) as temporary:
        table.write(temporary, format="fits")
