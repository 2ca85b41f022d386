"""Simulated observations: calibrated event lists of the three cameras, and the truth beside them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

import xmmpy
from xmmpy.calibration import nominal
from xmmpy.products.atomic import atomic_path
from xmmpy.simulation import background, eventlist, sky, truth
from xmmpy.simulation.exposure import CameraExposure
from xmmpy.simulation.frames import camera_frames
from xmmpy.simulation.telescope import Pointing, Telescope
from xmmpy.tasks.session import Environment

if TYPE_CHECKING:
    from xmmpy.products.layout import Value
    from xmmpy.simulation.background import Flare

EXPOSURE_IDS: Final = {"EMOS1": "M1S001", "EMOS2": "M2S002", "EPN": "PNS003"}
MET_START: Final = 378_691_200.0
"""Mission time of the start, 2010-01-01T00:00:00 TT."""
START_UTC: Final = datetime(2009, 12, 31, 23, 58, 53, 816_000, tzinfo=UTC)
"""The same in UTC: TT - 32.184 s - 34 s."""
REVOLUTION: Final = 1843
SHORT_NAMES: Final = {"mos1": "EMOS1", "mos2": "EMOS2", "pn": "EPN"}


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """What to simulate.

    Attributes
    ----------
    exposure : float
        Length (s).
    seed : int
        Of all random numbers.
    cameras : tuple of str
        Of ``mos1``, ``mos2``, ``pn``.
    ra, dec, position_angle : float
        Attitude (degrees).
    optical_filter : str
        FILTER of all cameras.
    sources : Sources or None
        Given sources.
    logn_logs : bool
        Also draw sources from number counts.
    flares : bool
        Soft-proton flares; a closed filter keeps them out.
    scale : float
        Factor on all rates.
    events : int or None
        About so many events per camera, instead of `scale`.
    obs_id : str
        OBS_ID, ten digits.
    date : datetime or None
        DATE of the files; None takes SOURCE_DATE_EPOCH or now.
    """

    exposure: float = 10_000.0
    seed: int = 1
    cameras: tuple[str, ...] = ("mos1", "mos2", "pn")
    ra: float = 150.0
    dec: float = 2.2
    position_angle: float = 290.0
    optical_filter: str = "Thin1"
    sources: sky.Sources | None = None
    logn_logs: bool = True
    flares: bool = True
    scale: float = 1.0
    events: int | None = None
    obs_id: str = "0000000001"
    date: datetime | None = None

    def __post_init__(self) -> None:
        problems = []
        if not 10.0 <= self.exposure <= 1e6:
            problems.append(f"the exposure is 10 s to 1 Ms, not {self.exposure} s")
        if self.seed < 0:
            problems.append(f"the seed is a whole number from 0, not {self.seed}")
        if not self.cameras or len(set(self.cameras)) < len(self.cameras) or set(self.cameras) - set(SHORT_NAMES):
            problems.append(f"the cameras are some of mos1, mos2, pn, each once, not {', '.join(self.cameras)}")
        if not (0 <= self.ra < 360 and -90 <= self.dec <= 90 and np.isfinite(self.position_angle)):
            problems.append(f"RA {self.ra}, Dec {self.dec}, PA {self.position_angle} are no attitude in degrees")
        if not (np.isfinite(self.scale) and self.scale > 0):
            problems.append(f"the scale is above 0, not {self.scale}")
        if self.events is not None and self.events < 1:
            problems.append(f"the number of events is 1 or more, not {self.events}")
        if len(self.obs_id) != 10 or not self.obs_id.isdigit():
            problems.append(f"OBS_ID has ten digits; {self.obs_id!r} has not")
        if problems:
            raise ValueError("; ".join(problems))
        nominal.energy_conversion_factors("EPN", self.optical_filter)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedObservation:
    """What was made.

    Attributes
    ----------
    event_lists : dict
        Camera (``mos1`` ...) to its list.
    truth_sources, truth : Path
        The table of sources and the JSON file of everything else.
    sources : Sources
        Sources given and drawn.
    flares : tuple of Flare
        Flares, seconds from the start of the exposure.
    met_start : float
        Mission time of the start (s).
    rows : dict
        Camera to number of events.
    """

    event_lists: dict[str, Path]
    truth_sources: Path
    truth: Path
    sources: sky.Sources
    flares: tuple[Flare, ...]
    met_start: float
    rows: dict[str, int]


def creation_date() -> datetime:
    """SOURCE_DATE_EPOCH where it is set, else now (UTC)."""
    epoch = Environment.from_mapping(os.environ).source_date_epoch
    return datetime.now(UTC) if epoch is None else datetime.fromtimestamp(epoch, UTC)


def simulate_events(outdir: str | os.PathLike[str], settings: SimulationSettings) -> SimulatedObservation:
    """Simulate the calibrated event lists of an observation.

    Parameters
    ----------
    outdir : path-like
        Folder to write to; made if missing.
    settings : SimulationSettings
        What to simulate. The same settings, seed and date give the same bytes.

    Returns
    -------
    SimulatedObservation
        The files and the truth.
    """
    folder = Path(outdir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot make the folder {folder}: {error.strerror}") from error
    sources, unresolved = make_sky(settings)
    flares: tuple[Flare, ...] = ()
    if settings.flares and not settings.optical_filter.lower().startswith("clos"):
        flares = background.draw_flares(np.random.default_rng([settings.seed, 2]), settings.exposure)
    lists: dict[str, Path] = {}
    rows: dict[str, int] = {}
    records: dict[str, truth.CameraTruth] = {}
    for name in settings.cameras:
        instrument = SHORT_NAMES[name]
        lists[name] = folder / f"P{settings.obs_id}{EXPOSURE_IDS[instrument]}{name[0].upper()}IEVLI0000.FIT"
        records[name], rows[name] = _simulate_camera(lists[name], instrument, settings, sources, unresolved, flares)
    truth_sources, truth_file = folder / "truth_sources.fits", folder / "truth.json"
    truth.write_sources(truth_sources, sources, records)
    _write_json(truth_file, _truth_record(settings, flares, unresolved, records, rows))
    return SimulatedObservation(lists, truth_sources, truth_file, sources, flares, MET_START, rows)


def make_sky(settings: SimulationSettings) -> tuple[sky.Sources, float]:
    """Sources given and drawn, and the part of the extragalactic background they leave."""
    parts = [settings.sources] if settings.sources is not None else []
    unresolved = 1.0
    if settings.logn_logs:
        rng = np.random.default_rng([settings.seed, 1])
        parts.append(sky.draw_sources(rng, settings.ra, settings.dec, 18.0))
        unresolved = sky.unresolved_part(sky.NumberCounts())
    return sky.join_sources(parts), unresolved


def _simulate_camera(
    path: Path,
    instrument: str,
    settings: SimulationSettings,
    sources: sky.Sources,
    unresolved: float,
    flares: tuple[Flare, ...],
) -> tuple[truth.CameraTruth, int]:
    number = nominal.CAMERAS.index(instrument)
    pointing = Pointing(settings.ra, settings.dec, settings.position_angle)
    telescope = Telescope(instrument, settings.optical_filter, pointing)
    exposure = CameraExposure(
        telescope=telescope,
        sources=sources,
        unresolved=unresolved,
        flares=flares,
        frames=camera_frames(np.random.default_rng([settings.seed, 3, number]), instrument, settings.exposure),
        length=settings.exposure,
        met_start=MET_START,
        rates=telescope.source_rates(sources),
    )
    scale = settings.scale
    if settings.events is not None:
        scale = exposure.scale_for(np.random.default_rng([settings.seed, 5, number]), settings.events)
    counts = truth.CountsTally(len(sources))
    spool = eventlist.EventSpool.open(len(exposure.frames), path.parent)
    try:
        for slab, (start, stop) in enumerate(exposure.slabs(scale)):
            events = exposure.events(np.random.default_rng([settings.seed, 4, number, slab]), scale, start, stop)
            spool.add(events)
            counts.add(events)
        history = (
            "Simulated by XMM-Python; this is no observation.",
            f"Seed {settings.seed}; the truth is in truth.json and truth_sources.fits beside the list.",
        )
        values = _header_values(instrument, settings)
        eventlist.write_event_list(path, instrument, values, spool, exposure.frames, history)
    finally:
        spool.close()
    record = truth.camera_truth(telescope, sources, exposure.rates * scale, exposure.frames, counts, scale)
    return record, spool.rows


def _header_values(instrument: str, settings: SimulationSettings) -> dict[str, Value]:
    identifier = EXPOSURE_IDS[instrument][2:]
    iso = "%Y-%m-%dT%H:%M:%S"
    end = START_UTC + timedelta(seconds=settings.exposure)
    return {
        "date": (settings.date or creation_date()).strftime(iso),
        "creator": f"xmmpy simulate events [xmm-python-{xmmpy.__version__}]",
        "origin": "XMM-Python simulation",
        "call": _call(settings),
        "instrument": instrument,
        "obs_id": settings.obs_id,
        "exp_id": f"{settings.obs_id}{identifier[1:]}",
        "expidstr": identifier,
        "date_obs": START_UTC.strftime(iso),
        "date_end": end.strftime(iso),
        "revolution": REVOLUTION,
        "object": "SIMULATED",
        "observer": "XMM-Python",
        "filter": settings.optical_filter,
        "ra": settings.ra,
        "dec": settings.dec,
        "pa": settings.position_angle % 360.0,
        "met_start": MET_START,
    }


def _call(settings: SimulationSettings) -> str:
    parts = [
        f"xmmpy simulate events --exposure {settings.exposure:g} --seed {settings.seed}",
        f"--cameras {','.join(settings.cameras)} --ra {settings.ra!r} --dec {settings.dec!r}",
        f"--pa {settings.position_angle!r} --filter {settings.optical_filter}",
        "--logn-logs" if settings.logn_logs else "--no-logn-logs",
        "--flares" if settings.flares else "--no-flares",
        f"--scale {settings.scale!r}",
    ]
    if settings.sources is not None:
        parts.append("--sources truth_sources.fits")
    if settings.events is not None:
        parts.append(f"--events {settings.events}")
    return " ".join(parts)


def _truth_record(
    settings: SimulationSettings,
    flares: tuple[Flare, ...],
    unresolved: float,
    records: dict[str, truth.CameraTruth],
    rows: dict[str, int],
) -> dict[str, Any]:
    return {
        "simulated": True,
        "version": xmmpy.__version__,
        "seed": settings.seed,
        "exposure_s": settings.exposure,
        "ra": settings.ra,
        "dec": settings.dec,
        "position_angle": settings.position_angle,
        "filter": settings.optical_filter,
        "logn_logs": settings.logn_logs,
        "unresolved_part_of_background": unresolved,
        "met_start": MET_START,
        "flares": [
            {
                "start": MET_START + flare.start,
                "stop": MET_START + flare.stop,
                "peak_counts_s_mos": flare.peak,
            }
            for flare in flares
        ],
        "cameras": {name: record.summary() | {"events": rows[name]} for name, record in records.items()},
    }


def _write_json(path: Path, record: dict[str, Any]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
