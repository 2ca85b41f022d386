"""pn: photons on a CCD become pixels of its telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.calibration.badpixels import BadKind
from xmmpy.calibration.surroundings import particle_tracks
from xmmpy.odf.raw import PnEvents, Window
from xmmpy.simulation.detector.common import bad_pixels_of, hot_signals, split_charge
from xmmpy.simulation.detector.result import SimulatedCcd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.calibration.badpixels import BadPixels
    from xmmpy.calibration.energy import PnEnergy
    from xmmpy.calibration.nominal import CcdGeometry
    from xmmpy.simulation.detector.common import Arrivals, Clocking, DetectorSettings

WIDTH: Final = 64
HEIGHT: Final = 200
LOWER_THRESHOLD: Final = 20
SATURATION: Final = 4095
CYCLE: Final = 20
"""Frames of a cycle, for which the quadrants report their counts."""
_LEAST_EV: Final = 125.0  # of a pixel, so that 20 adu are reached from every row
_HOT_ADU: Final = (30, 90)


def expose_pn_ccd(
    rng: np.random.Generator,
    geometry: CcdGeometry,
    arrived: Arrivals,
    clock: Clocking,
    energy: PnEnergy,
    faults: BadPixels,
    settings: DetectorSettings,
) -> SimulatedCcd:
    """Read out one CCD.

    Parameters
    ----------
    rng : numpy.random.Generator
        Random numbers.
    geometry : CcdGeometry
        The CCD.
    arrived : Arrivals
        Photons on it.
    clock : Clocking
        Its frames.
    energy : PnEnergy
        Gain and charge loss.
    faults : BadPixels
        Hot, flickering and dead pixels.
    settings : DetectorSettings
        What is simulated.
    """
    split = split_charge(rng, "EPN", arrived.true_kev, arrived.energy_ev, _LEAST_EV)
    parts = [(arrived.column, arrived.row, split.share[:, 0], np.ones(arrived.index.size, bool))]
    for place in range(3):
        has = split.kind > place + 1
        step = split.steps[:, place]
        parts.append((arrived.column + step[:, 0], arrived.row + step[:, 1], split.share[:, place + 1], has))
    frame = np.concatenate([arrived.frame[has] for *_, has in parts])
    column = np.concatenate([x[has] for x, _, _, has in parts])
    row = np.concatenate([y[has] for _, y, _, has in parts])
    charge_ev = np.concatenate([(share * arrived.energy_ev)[has] for *_, share, has in parts])
    photon = np.concatenate([arrived.index[has] for *_, has in parts])
    adu = _adu(energy, geometry.ccd, column, row, charge_ev)
    hot = hot_signals(rng, faults, (BadKind.HOT, BadKind.FLICKERING), clock, settings.hot_rate)
    frame = np.concatenate([frame, hot[0]])
    column, row = np.concatenate([column, hot[1]]), np.concatenate([row, hot[2]])
    adu = np.concatenate([adu, rng.uniform(*_HOT_ADU, hot[0].size)])
    photon = np.concatenate([photon, np.full(hot[0].size, -1)])
    inside = (column >= 1) & (column <= WIDTH) & (row >= 1) & (row <= HEIGHT)
    dead = bad_pixels_of(faults, (BadKind.DEAD,), (WIDTH + 1, HEIGHT + 1))
    inside[inside] &= ~dead[column[inside], row[inside]]
    discarded = _tracks(rng, clock, settings)
    inside[inside] &= ~discarded[frame[inside], column[inside]]
    columns: list[NDArray[Any]] = [values[inside] for values in (frame, column, row, adu, photon)]
    frame, column, row, value, photon, shared = _merge(*columns)
    value = np.rint(value)
    seen = value >= LOWER_THRESHOLD
    kept = clock.came_down
    number = np.arange(clock.frames)
    per_frame = np.bincount(frame[seen], minlength=clock.frames)
    return SimulatedCcd(
        ccd=geometry.ccd,
        window=Window(0, 0, WIDTH, HEIGHT, LOWER_THRESHOLD, SATURATION),
        events=PnEvents(
            frame=frame[seen].astype(np.int32),
            rawx=(column[seen] - 1).astype(np.uint8),
            rawy=(row[seen] - 1).astype(np.uint8),
            energy=np.minimum(value[seen], SATURATION).astype(np.int16),
        ),
        photon=photon[seen],
        shared=shared[seen],
        frame=number[kept].astype(np.int32),
        end=clock.end()[kept],
        live=(1.0 - discarded[kept, 1:].sum(axis=1) / WIDTH).astype(np.float32),
        counts={
            "ndiscarded": discarded[kept, 1:].sum(axis=1).astype(np.int32),
            "nabove": per_frame[kept].astype(np.int32),
        },
        discarded_lines=discarded[kept, 1:].sum(axis=0).astype(np.int32),
    )


def _adu(
    energy: PnEnergy, ccd: int, column: NDArray[np.int64], row: NDArray[np.int64], charge_ev: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Signal of pixels (adu): what the transfers to the read-out leave of the charge, amplified.

    In each of the RAWY transfers a fixed amount of energy and a part of the rest is left behind.
    """
    transfers = row.astype(np.float64)
    loss = np.full(column.size, energy.relative_loss)
    if energy.column_loss is not None:
        loss = energy.column_loss[ccd, np.clip(column, 0, WIDTH)].astype(np.float64)
    left = (charge_ev - energy.fixed_loss * transfers) / (1.0 + loss * transfers)
    gain = np.full(column.size, energy.gain)
    if energy.column_gain is not None:
        gain *= energy.column_gain[ccd, np.clip(column, 0, WIDTH)]
    result: NDArray[np.float64] = left / gain
    return result


def _tracks(rng: np.random.Generator, clock: Clocking, settings: DetectorSettings) -> NDArray[np.bool_]:
    """Which columns of which frames are discarded because of a track in them or beside; shape (frames, 65)."""
    discarded = np.zeros((clock.frames, WIDTH + 1), bool)
    if not settings.tracks:
        return discarded
    tracks = particle_tracks("EPN")
    number = rng.poisson(tracks.per_frame * clock.frames)
    frame = rng.integers(0, clock.frames, number)
    middle = rng.integers(1, WIDTH + 1, number)
    half = tracks.columns // 2
    for step in range(-half, half + 1):
        column = middle + step
        inside = (column >= 1) & (column <= WIDTH)
        discarded[frame[inside], column[inside]] = True
    return discarded


def _merge(
    frame: NDArray[Any],
    column: NDArray[Any],
    row: NDArray[Any],
    adu: NDArray[Any],
    photon: NDArray[Any],
) -> tuple[NDArray[Any], ...]:
    """Add up what falls on one pixel in one frame; pixels in the order of their read-out."""
    key = (frame * (WIDTH + 1) + column) * (HEIGHT + 1) + row
    order = np.lexsort((-adu, key))
    key = key[order]
    first = np.concatenate([[True], np.diff(key) > 0]) if key.size else np.zeros(0, bool)
    places = np.flatnonzero(first)
    total = np.add.reduceat(adu[order], places) if places.size else np.zeros(0)
    number = np.diff(np.append(places, key.size))
    main = order[places]
    return frame[main], column[main], row[main], total, photon[main], number > 1
