"""From a sky to the files of an ODF, and the truth beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.calibration import nominal
from xmmpy.calibration.camera import CameraCalibration, nominal_camera
from xmmpy.calibration.nominal import frame_timing
from xmmpy.products.atomic import atomic_path
from xmmpy.simulation import background
from xmmpy.simulation.background import draw_flares
from xmmpy.simulation.detector import DetectorSettings, SimulatedCcd, expose_ccds
from xmmpy.simulation.observation import (
    EXPOSURE_IDS,
    MET_START,
    REVOLUTION,
    SHORT_NAMES,
    START_UTC,
    SimulationSettings,
    make_sky,
)
from xmmpy.simulation.odf import cameras, spacecraft
from xmmpy.simulation.odf.faults import plant
from xmmpy.simulation.odf.files import OdfWriter
from xmmpy.simulation.sky import plane_to_sky
from xmmpy.simulation.telescope import Photons, Pointing, Telescope, det_to_plane

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from xmmpy.calibration.badpixels import BadPixels
    from xmmpy.simulation.background import Flare
    from xmmpy.simulation.sky import Sources

    FloatArray = NDArray[np.float64]

START: Final = START_UTC.replace(microsecond=0) + timedelta(seconds=1)
"""Begin of the exposures (UTC): a whole second, as DATE-OBS tells it."""
MET: Final = MET_START + (START - START_UTC).total_seconds()
"""The same as mission elapsed time (s)."""
_CODES: Final = {"EMOS1": "M1", "EMOS2": "M2", "EPN": "PN"}
_SKY: Final = 0
_PLACE_UNIT: Final = 0.05
_LOST_LENGTHS: Final = (5.0, 40.0)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedOdf:
    """What was made.

    Attributes
    ----------
    folder : pathlib.Path
        The ODF.
    truth : pathlib.Path
        The folder with the truth.
    raw_events : dict of str to int
        Camera to raw events.
    sources : Sources
        Sources given and drawn.
    flares : tuple of Flare
        Flares.
    """

    folder: Path
    truth: Path
    raw_events: dict[str, int]
    sources: Sources
    flares: tuple[Flare, ...]


def simulate_odf(
    outdir: str | os.PathLike[str],
    settings: SimulationSettings,
    *,
    calibration: Mapping[str, CameraCalibration] | None = None,
    modes: Mapping[str, str] | None = None,
    write_photons: bool = False,
) -> SimulatedOdf:
    """Simulate an ODF.

    Parameters
    ----------
    outdir : path
        A new folder, or one to write into: the files go to ``ODF`` in it, the truth to ``truth``.
    settings : SimulationSettings
        Sky, cameras, length, seed.
    calibration : mapping of str to CameraCalibration, optional
        Tables of cameras (``EMOS1`` ...) that differ from the nominal ones.
    modes : mapping of str to str, optional
        SUBMODE of cameras; PrimeFullWindow when not given.
    write_photons : bool
        Also write where every raw event came from.

    Raises
    ------
    ValueError
        When a mode is not simulated.
    OSError
        When the disk does not take it.
    """
    top = Path(outdir)
    folder, truth = top / "ODF", top / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    truth.mkdir(exist_ok=True)
    iso = "%Y-%m-%dT%H:%M:%S"
    begin, end = START.strftime(iso), (START + timedelta(seconds=settings.exposure)).strftime(iso)
    writer = OdfWriter(folder, f"{REVOLUTION:04d}", settings.obs_id, begin, end)
    sources, unresolved = make_sky(settings)
    closed = settings.optical_filter == "Closed"
    with_flares = settings.flares and not closed
    flares = draw_flares(np.random.default_rng([settings.seed, 2]), settings.exposure) if with_flares else ()
    clock = spacecraft.SpacecraftClock()
    pointing = Pointing(settings.ra, settings.dec, settings.position_angle)
    attitude = spacecraft.DriftingAttitude(pointing)
    spacecraft.write_clock(writer, np.random.default_rng([settings.seed, 7]), clock, START, settings.exposure)
    spacecraft.write_attitude(writer, attitude, START, settings.exposure)
    record: dict[str, Any] = {
        "exposure": settings.exposure, "seed": settings.seed, "ra": settings.ra, "dec": settings.dec,
        "position_angle": settings.position_angle, "filter": settings.optical_filter, "met_start": MET,
        "flares": [{"start": one.start, "stop": one.stop, "peak": one.peak} for one in flares], "cameras": {},
    }  # fmt: skip
    raw_events = {}
    for name in settings.cameras:
        camera = SHORT_NAMES[name]
        tables = (calibration or {}).get(camera) or nominal_camera(camera)
        mode = (modes or {}).get(camera, "PrimeFullWindow")
        exposure = _Exposure(settings, camera, tables, mode, attitude, clock, writer, sources, unresolved, flares)
        summary = exposure.run(truth if write_photons else None)
        record["cameras"][camera] = summary
        raw_events[name] = summary["raw_events"]
    files = sorted(path.name for path in folder.iterdir() if path.suffix == ".FIT")
    spacecraft.write_summary(writer, files, begin, end, "SIMULATED", settings.ra, settings.dec)
    _write_sources(truth / "sources.fits", sources)
    with atomic_path(truth / "truth.json") as temporary:
        temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
    return SimulatedOdf(folder, truth, raw_events, sources, flares)


@dataclass(frozen=True, slots=True, eq=False)
class _Exposure:
    """One camera's exposure."""

    settings: SimulationSettings
    camera: str
    calibration: CameraCalibration
    mode: str
    attitude: spacecraft.DriftingAttitude
    clock: spacecraft.SpacecraftClock
    writer: OdfWriter
    sources: Sources
    unresolved: float
    flares: tuple[Flare, ...]

    def rng(self, purpose: int) -> np.random.Generator:
        """Random numbers for one purpose."""
        return np.random.default_rng([self.settings.seed, purpose, nominal.CAMERAS.index(self.camera)])

    def run(self, truth: Path | None) -> dict[str, Any]:
        """Write the files of the exposure; gives what is worth knowing of it."""
        settings, writer, code = self.settings, self.writer, _CODES[self.camera]
        name = EXPOSURE_IDS[self.camera]
        photons, directions = self.photons()
        rng = self.rng(8)
        planted = {ccd.ccd: plant(rng, ccd) for ccd in self.calibration.geometry}
        lost = self.lost_stretches()
        detector = DetectorSettings(lost=lost)
        frame_ms = 1000.0 * frame_timing(self.camera, self.mode).frame_s
        ccds, summary = [], []
        records = []
        for ccd in expose_ccds(
            self.rng(4), self.calibration, self.mode, photons, settings.exposure, planted, detector
        ):  # fmt: skip
            cameras.write_events(writer, name, self.camera, ccd, frame_ms)
            if self.camera == "EPN":
                cameras.write_discarded(writer, name, ccd)
            summary.append(_ccd_summary(ccd, planted[ccd.ccd], frame_timing(self.camera, self.mode).integration_s))
            if truth is not None:
                records.append(self._photon_rows(ccd, photons, directions))
            empty = type(ccd.events)(*(getattr(ccd.events, column)[:0] for column in ccd.events.__slots__))
            nothing = np.zeros(0, np.int64)
            ccds.append(replace(ccd, events=empty, photon=nothing, shared=nothing.astype(bool)))  # rows are on disk
        if self.camera == "EPN":
            cameras.write_pn_frames(writer, name, ccds, self.clock)
        else:
            cameras.write_mos_frames(writer, name, self.camera, ccds, self.clock)
        cameras.write_counting(writer, name, self.camera, self.clock)
        cameras.write_housekeeping(writer, code, self.camera, settings.optical_filter, START, settings.exposure)
        cameras.write_settings(writer, code, self.camera, START)
        if truth is not None:
            _write_photons(truth / f"photons_{code.lower()}.fits", np.concatenate(records))
        return {
            "exposure": name[2:], "mode": self.mode, "photons": len(photons), "lost": [list(one) for one in lost],
            "raw_events": sum(one["raw_events"] for one in summary), "ccds": summary,
        }  # fmt: skip

    def lost_stretches(self) -> tuple[tuple[float, float], ...]:
        """Times without telemetry."""
        rng, length = self.rng(3), self.settings.exposure
        if length < 500.0:
            return ()
        starts = rng.uniform(0.1, 0.9, 2) * length
        return tuple((float(start), float(start + rng.uniform(*_LOST_LENGTHS))) for start in sorted(starts))

    def photons(self) -> tuple[Photons, tuple[FloatArray, FloatArray]]:
        """What falls on the camera, X-rays where the drifting attitude puts them; and where each seems to come from.

        Those directions (RA, Dec in degrees) have the point-spread function in them; particles and protons have none.
        """
        settings, rng = self.settings, self.rng(9)
        telescope = Telescope(self.camera, settings.optical_filter, self.attitude.pointing)
        scale, length = self._scale(telescope), settings.exposure
        rates = telescope.source_rates(self.sources) * scale
        parts = [
            telescope.source_photons(rng, self.sources, rates, 0.0, length),
            telescope.diffuse_photons(rng, self.unresolved, scale, 0.0, length),
            background.flare_photons(rng, self.camera, self.flares, scale, 0.0, length),
            background.particle_photons(rng, self.camera, scale, 0.0, length),
        ]
        photons = Photons.join(parts)
        sky = photons.source >= _SKY
        pointing = self.attitude.pointing
        plane = det_to_plane(self.camera, pointing.position_angle, photons.detx, photons.dety)
        ra, dec = plane_to_sky(*plane, pointing.ra, pointing.dec)
        directions = np.where(sky, ra, np.nan), np.where(sky, dec, np.nan)
        detx, dety = photons.detx.copy(), photons.dety.copy()
        detx[sky], dety[sky] = self._drifted(photons.time[sky], photons.detx[sky], photons.dety[sky])
        return replace(photons, detx=detx, dety=dety), directions

    def _scale(self, telescope: Telescope) -> float:
        """Factor on all rates."""
        settings = self.settings
        if settings.events is None:
            return settings.scale
        steady = float(telescope.source_rates(self.sources).sum()) + telescope.diffuse_rate(self.unresolved)
        steady += background.particle_rate(self.camera)
        expected = steady * settings.exposure
        for flare in self.flares:
            whole = flare.counts_before(np.array([settings.exposure]))[0]
            expected += background.PROTON_RESPONSE[self.camera] * float(whole)
        return settings.events / expected

    def _drifted(self, seconds: FloatArray, detx: FloatArray, dety: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Where photons fall when the spacecraft has moved: the sky shifts the other way, and turns."""
        x, y = det_to_plane(self.camera, self.attitude.pointing.position_angle, detx, dety)
        east, north, roll = self.attitude.offsets(seconds)
        # X grows to the west: moving east brings a source to larger X.
        x, y = x + east / _PLACE_UNIT, y - north / _PLACE_UNIT
        boresight = self.calibration.boresight
        angle = np.radians(self.attitude.pointing.position_angle + roll + boresight.roll_deg)
        dx, dy = x - 25921.0, y - 25921.0
        return (
            boresight.pointing[0] + np.cos(angle) * dx + np.sin(angle) * dy,
            boresight.pointing[1] + np.sin(angle) * dx - np.cos(angle) * dy,
        )

    def _photon_rows(
        self, ccd: SimulatedCcd, photons: Photons, directions: tuple[FloatArray, FloatArray]
    ) -> NDArray[np.void]:
        """Where each raw event of a CCD came from."""
        known = ccd.photon >= 0
        index = np.where(known, ccd.photon, 0)
        rows = np.zeros(
            ccd.photon.size,
            [("CCD", "u1"), ("FRAME", "i4"), ("RAWX", "i2"), ("RAWY", "i2"), ("TIME", "f8"), ("ENERGY", "f4"),
             ("SOURCE", "i4"), ("RA", "f8"), ("DEC", "f8"), ("DETX", "f4"), ("DETY", "f4"), ("SHARED", "u1")],
        )  # fmt: skip
        rows["CCD"], rows["FRAME"] = ccd.ccd, ccd.events.frame
        rows["RAWX"], rows["RAWY"] = ccd.events.rawx, ccd.events.rawy
        for label, values in (("TIME", photons.time + MET), ("ENERGY", photons.energy_kev * 1000.0),
                              ("DETX", photons.detx), ("DETY", photons.dety),
                              ("RA", directions[0]), ("DEC", directions[1])):  # fmt: skip
            rows[label] = np.where(known, values[index], np.nan)
        rows["SOURCE"] = np.where(known, photons.source[index], -9)
        rows["SHARED"] = ccd.shared
        return rows


def _ccd_summary(ccd: SimulatedCcd, planted: BadPixels, integration_s: float) -> dict[str, Any]:
    return {
        "ccd": ccd.ccd,
        "raw_events": len(ccd.events),
        "photons": int(np.count_nonzero(ccd.photon >= 0)),
        "frames": int(ccd.frame.size),
        "live_time": float(ccd.live.sum(dtype=np.float64) * integration_s),
        "bad_pixels": [
            [int(value) for value in row]
            for row in zip(planted.rawx, planted.rawy, planted.kind, planted.extent, strict=True)
        ],
    }


def _write_sources(path: Path, sources: Sources) -> None:
    from astropy.table import Table

    table = Table({"id": sources.identifier, "ra": sources.ra, "dec": sources.dec, "flux": sources.flux,
                   "core_arcsec": sources.core_arcsec, "beta": sources.beta})  # fmt: skip
    with atomic_path(path) as temporary:
        table.write(temporary, format="fits")


def _write_photons(path: Path, rows: NDArray[np.void]) -> None:
    from astropy.io import fits

    with atomic_path(path) as temporary:
        fits.BinTableHDU(rows, name="PHOTONS").writeto(temporary)
