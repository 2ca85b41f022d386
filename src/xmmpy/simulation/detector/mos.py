"""MOS: photons on a CCD become the events that its camera recognises and sends down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.calibration.badpixels import BadKind
from xmmpy.calibration.patterns import DIAGONALS, pattern_numbers
from xmmpy.calibration.surroundings import particle_tracks
from xmmpy.odf.raw import MosEvents, Window
from xmmpy.simulation.detector.common import bad_pixels_of, hot_signals, split_charge
from xmmpy.simulation.detector.result import SimulatedCcd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.calibration.badpixels import BadPixels
    from xmmpy.calibration.energy import MosEnergy
    from xmmpy.calibration.nominal import CcdGeometry
    from xmmpy.simulation.detector.common import Arrivals, Clocking, DetectorSettings, Split

SIDE: Final = 600
PRESCAN: Final = 5
WINDOW: Final = Window(0, 0, 610, 602, 0, 4095)
PIXEL_THRESHOLD: Final = 25
"""EDUTHR (adu)."""
_LEAST_EV: Final = 100.0
_NOISE_ADU: Final = 4.5
"""Spread of a pixel without charge: E4 of single events of the real ODF 0135730701 over the root of its 16 pixels."""
_RINGS: Final = (8, 16)
_TRACK_SIDES: Final = ((3, 10), (4, 8), (5, 7))
"""Tracks are rectangles of pixels; with the ring around them they hide 2.0, 1.9 and 1.8 pixels for each."""
_TRACK_EVENTS: Final = 0.04
"""Events of patterns 30 and 31 for each track: some 250 in 129 frames of a CCD of the real ODF 0135730701."""
_HOT_ADU: Final = (150, 400)
_DEEP_KEV: Final = (1.0, 6.0, 9.0, 12.0)
_DEEP_PART: Final = (0.0, 0.2, 0.5, 0.6)
"""Part of the X-rays that are absorbed below the depletion zone and make pattern 31: 20 % at 6 keV, 50 % at 9 keV
(SAS users' guide, MOS event lists). Areas and ECFs are those of patterns 0 to 12: these X-rays come in addition."""
_DEEP_SHARE: Final = 0.4
"""Part of their charge in E1, and again in E2: it spreads over more pixels than the five by five that are looked at."""
_LEAST_DEEP: Final = 4  # pixels at threshold


def expose_mos_ccd(
    rng: np.random.Generator,
    geometry: CcdGeometry,
    arrived: Arrivals,
    clock: Clocking,
    energy: MosEnergy,
    faults: BadPixels,
    settings: DetectorSettings,
) -> SimulatedCcd:
    """Read out one CCD; the parameters are those of `expose_pn_ccd`."""
    split = split_charge(rng, geometry.camera, arrived.true_kev, arrived.energy_ev, _LEAST_EV)
    tracks, track_pixels, hidden = _tracks(rng, geometry.camera, clock, settings)
    dead = bad_pixels_of(faults, (BadKind.DEAD,), (SIDE + 1, SIDE + 1))
    seen = (rng.random(arrived.index.size) >= hidden[arrived.frame]) & ~dead[arrived.column, arrived.row]
    charge = total_charge(energy, geometry.ccd, arrived, split)
    seen &= charge >= PIXEL_THRESHOLD
    kept = np.flatnonzero(seen)
    pattern = _patterns(split)[kept]
    e1 = charge[kept] * split.share[kept, 0]
    e2 = charge[kept] - e1
    frame, column, row, photon = (
        values[kept] for values in (arrived.frame, arrived.column, arrived.row, arrived.index)
    )
    frame, column, row, e1, e2, pattern, photon, shared = _pile_up(frame, column, row, e1, e2, pattern, photon)
    deep = _deep_events(rng, arrived, clock, kept[charge[kept] > _LEAST_DEEP * PIXEL_THRESHOLD])
    hot = hot_signals(rng, faults, (BadKind.HOT, BadKind.FLICKERING), clock, settings.hot_rate)
    cosmic = rng.poisson(_TRACK_EVENTS * tracks)
    extra = np.repeat(np.arange(clock.frames), cosmic)
    place = rng.integers(1, SIDE + 1, (2, extra.size))
    seen = clock.came_down[extra] & ~dead[place[0], place[1]]
    extra, place = extra[seen], place[:, seen]
    hot_adu = rng.uniform(*_HOT_ADU, hot[0].size)
    frame = np.concatenate([frame, hot[0], extra, deep[0]])
    column = np.concatenate([column, hot[1], place[0], arrived.column[deep[1]]])
    row = np.concatenate([row, hot[2], place[1], arrived.row[deep[1]]])
    others = hot[0].size + extra.size + deep[0].size
    e1 = np.concatenate([e1, hot_adu, rng.uniform(100, 1500, extra.size), _DEEP_SHARE * charge[deep[1]]])
    e2 = np.concatenate([e2, np.zeros(hot[0].size), rng.uniform(200, 4000, extra.size), _DEEP_SHARE * charge[deep[1]]])
    kinds = [np.zeros(hot[0].size, np.int64), 30 + (rng.random(extra.size) < 0.5), np.full(deep[0].size, 31)]
    pattern = np.concatenate([pattern, *kinds])
    photon = np.concatenate([photon, np.full(others, -1)])
    shared = np.concatenate([shared, np.zeros(others, bool)])
    order = np.lexsort((column, row, frame))
    columns: list[NDArray[Any]] = [values[order] for values in (frame, column, row, e1, e2, pattern, photon, shared)]
    frame, column, row, e1, e2, pattern, photon, shared = columns
    e1, e2 = np.rint(e1), np.rint(e2)
    kept_frames = clock.came_down
    nvalid = np.bincount(frame, minlength=clock.frames)
    own = np.bincount(frame, weights=_pixel_number(pattern), minlength=clock.frames).astype(np.int64)
    e3, e4, peripix = _surroundings(rng, pattern)
    events = MosEvents(
        frame=(frame + 1).astype(np.int32),
        rawx=(column + PRESCAN).astype(np.int16),
        rawy=row.astype(np.int16),
        e1=np.minimum(e1, 4095).astype(np.int16),
        e2=np.minimum(e2, 16383).astype(np.int16),
        e3=e3,
        e4=e4,
        pattern=pattern.astype(np.uint8),
        peripix=peripix,
    )
    number = np.arange(1, clock.frames + 1)
    counts = {
        "npixel": track_pixels + own, "nvalid": nvalid, "nbelow": np.zeros_like(nvalid),
        "nabove": np.minimum(tracks, track_pixels),
    }  # fmt: skip
    return SimulatedCcd(
        ccd=geometry.ccd,
        window=WINDOW,
        events=events,
        photon=photon,
        shared=shared,
        frame=number[kept_frames].astype(np.int32),
        end=clock.end()[kept_frames],
        live=(1.0 - hidden[kept_frames]).astype(np.float32),
        counts={name: values[kept_frames].astype(np.int32) for name, values in counts.items()},
    )


def total_charge(energy: MosEnergy, ccd: int, arrived: Arrivals, split: Split) -> NDArray[np.float64]:
    """Charge of events (adu) whose energy the calibration would find again, by Newton's method.

    The table gives energy for charge; here charge is sought for energy, event by event.
    """
    factor = energy.coefficients[ccd]
    x, y = arrived.column / SIDE, arrived.row / SIDE
    kind = split.kind - 1
    constant = factor[0] + factor[3] * x + factor[4] * y + np.array([0.0, *factor[8:11]])[kind]
    constant = constant + energy.column_offsets[ccd][arrived.column, arrived.row]
    slope = factor[1] + factor[5] * x + factor[6] * y + np.where(kind > 0, factor[11], 0.0)
    charge = np.maximum((arrived.energy_ev - constant) / slope, 1e-4)  # thousands of adu
    for _ in range(6):
        root = np.sqrt(charge)
        found = constant + slope * charge + factor[2] * charge**2 + factor[7] * root * y
        rise = slope + 2.0 * factor[2] * charge + 0.5 * factor[7] * y / root
        charge = np.maximum(charge - (found - arrived.energy_ev) / rise, 1e-4)
    result: NDArray[np.float64] = charge * 1000.0
    return result


def _deep_events(
    rng: np.random.Generator, arrived: Arrivals, clock: Clocking, seen: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Frames of X-rays that make pattern 31, and the photons of those `seen` whose place and energy they have."""
    part = np.interp(arrived.true_kev[seen], _DEEP_KEV, _DEEP_PART)
    like = seen[rng.random(seen.size) < part / (1.0 - part)]
    frame = rng.integers(0, clock.frames, like.size)
    came = clock.came_down[frame]
    return frame[came], like[came]


def _patterns(split: Split) -> NDArray[np.int64]:
    """PATTERN by the pixels of each event."""
    code = np.zeros(split.kind.size, np.int64)
    for place in range(3):
        step = split.steps[:, place]
        has = split.kind > place + 1
        code |= np.where(has, 1 << ((step[:, 0] + 1) * 3 + step[:, 1] + 1), 0)
    table = np.zeros(512, np.int64)
    for steps, number in pattern_numbers().items():
        table[sum(1 << ((x + 1) * 3 + y + 1) for x, y in steps)] = number
    return table[code]


def _tracks(
    rng: np.random.Generator, camera: str, clock: Clocking, settings: DetectorSettings
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Tracks in each frame, their pixels, and the part of the CCD that they hide with the ring around them."""
    if not settings.tracks:
        nothing = np.zeros(clock.frames, np.int64)
        return nothing, nothing, np.zeros(clock.frames)
    mean = particle_tracks(camera).per_frame / len(_TRACK_SIDES)
    numbers = rng.poisson(mean, (clock.frames, len(_TRACK_SIDES)))
    pixels = numbers @ np.array([a * b for a, b in _TRACK_SIDES])
    hidden = numbers @ np.array([(a + 2) * (b + 2) for a, b in _TRACK_SIDES])
    return numbers.sum(axis=1), pixels, hidden / (WINDOW.width * WINDOW.height)


def _pile_up(
    frame: NDArray[Any],
    column: NDArray[Any],
    row: NDArray[Any],
    e1: NDArray[Any],
    e2: NDArray[Any],
    pattern: NDArray[Any],
    photon: NDArray[Any],
) -> tuple[NDArray[Any], ...]:
    """Two photons of a frame on one pixel, or on pixels that touch, are one event.

    On one pixel or side by side they look like one photon with the energy of both; at a corner they make a diagonal
    pattern, of which the reduction makes two events again, if each was a single.
    """
    size = SIDE + 3
    key = (frame * size + column) * size + row
    order = np.argsort(key, kind="stable")
    columns: list[NDArray[Any]] = [values[order] for values in (frame, column, row, e1, e2, pattern, photon, key)]
    frame, column, row, e1, e2, pattern, photon, key = columns
    gone = np.zeros(key.size, bool)
    shared = np.zeros(key.size, bool)
    for dx, dy in ((0, 0), (0, 1), (1, 0), (1, 1), (1, -1)):
        partner = np.searchsorted(key, key + dx * size + dy)
        if not (dx or dy):
            partner = np.arange(key.size) + 1
        partner = np.minimum(partner, max(key.size - 1, 0))
        pairs = np.flatnonzero((key[partner] == key + dx * size + dy) & (partner != np.arange(key.size)))
        pairs = pairs[~gone[pairs] & ~gone[partner[pairs]] & ~shared[pairs] & ~shared[partner[pairs]]]
        if not pairs.size:
            continue
        _, first = np.unique(partner[pairs], return_index=True)
        one = pairs[first]
        two = partner[one]
        free = ~np.isin(two, one)
        one, two = one[free], two[free]
        swap = e1[two] > e1[one]
        main, other = np.where(swap, two, one), np.where(swap, one, two)
        diagonal = (pattern[main] == 0) & (pattern[other] == 0) if dx and dy else np.zeros(main.size, bool)
        numbers = pattern_numbers()
        if dx and dy:
            sign = np.where(swap, -1, 1)
            forward, backward = numbers[frozenset({(dx, dy)})], numbers[frozenset({(-dx, -dy)})]
            pattern[main] = np.where(diagonal, np.where(sign > 0, forward, backward), 31)
            assert forward in DIAGONALS
        elif dx or dy:
            forward, backward = numbers[frozenset({(dx, dy)})], numbers[frozenset({(-dx, -dy)})]
            single = (pattern[main] == 0) & (pattern[other] == 0)
            pattern[main] = np.where(single, np.where(swap, backward, forward), 31)
        if dx or dy:
            e2[main] = e2[main] + e1[other] + e2[other]
        else:
            e1[main] = e1[main] + e1[other]
            e2[main] = e2[main] + e2[other]
            pattern[main] = np.maximum(pattern[main], pattern[other])
        gone[other] = True
        shared[main] = True
    kept = ~gone
    return (
        frame[kept], column[kept], row[kept], e1[kept], e2[kept], pattern[kept], photon[kept], shared[kept]
    )  # fmt: skip


def _pixel_number(pattern: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pixels above threshold of each pattern; none for those of tracks, whose pixels are counted with the track."""
    table = np.array([1] + [2] * 4 + [3] * 4 + [4] * 4 + [3] * 13 + [2] * 4 + [0, 0])
    result: NDArray[np.int64] = table[pattern]
    return result


def _surroundings(
    rng: np.random.Generator, pattern: NDArray[np.int64]
) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.uint8]]:
    """E3, E4 and PERIPIX: the noise of the two rings about an event."""
    inner = _RINGS[0] + 1 - np.maximum(_pixel_number(pattern), 1)
    e3 = np.rint(rng.standard_normal(pattern.size) * _NOISE_ADU * np.sqrt(inner)).astype(np.int16)
    e4 = np.rint(rng.standard_normal(pattern.size) * _NOISE_ADU * np.sqrt(_RINGS[1])).astype(np.int16)
    touching = pattern >= 30
    peripix = np.where(touching, rng.integers(1, 8, pattern.size), 0).astype(np.uint8)
    return e3, e4, peripix
