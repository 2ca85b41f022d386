"""MOS events: every raw event has one fate, splitting keeps charge, places lie in their pixels, seeds decide all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmmpy.calibration.badpixels import BadKind, BadOrigin, BadPixels
from xmmpy.calibration.camera import nominal_camera
from xmmpy.calibration.patterns import DIAGONALS, pattern_numbers, pattern_pixels
from xmmpy.events.calibrated import CalibratedCcd
from xmmpy.events.flags import EMPROC_REJECTED, MosFlag
from xmmpy.events.mos import MosOptions, calibrate_mos_ccd
from xmmpy.odf.raw import MosEvents, MosFrameTable, Window

pytestmark = pytest.mark.unit
CAMERA = nominal_camera("EMOS1")
FULL = Window(0, 0, 610, 602, 0, 4095)
PERIOD = 2.6
FIELDS = ("frame", "rawx", "rawy", "e1", "e2", "e3", "e4", "pattern", "peripix")


def raw(**columns: object) -> MosEvents:
    """Raw events; columns that are not given are those of a clean single event near the middle of CCD 1."""
    usual = {"frame": 1, "rawx": 305, "rawy": 300, "e1": 400, "e2": 0, "e3": 0, "e4": 0, "pattern": 0, "peripix": 0}
    types = dict.fromkeys(FIELDS, np.int16) | {"frame": np.int32, "pattern": np.uint8, "peripix": np.uint8}
    size = max((np.size(value) for value in columns.values()), default=1)
    whole = usual | columns
    return MosEvents(**{name: np.broadcast_to(np.asarray(whole[name], types[name]), size).copy() for name in FIELDS})


def table(events: MosEvents, frames: int = 5, **columns: object) -> MosFrameTable:
    """Frames 1 to `frames`, whose counters agree with the events."""
    number = np.arange(1, frames + 1, dtype=np.int32)
    zeros = np.zeros(frames, np.int32)
    valid = np.bincount(events.frame[(events.frame >= 1) & (events.frame <= frames)], minlength=frames + 1)[1:]
    made = MosFrameTable(
        number, 1e8 + PERIOD * number, zeros, valid.astype(np.int32), zeros, zeros, zeros.astype(bool),
        zeros.astype(bool),
    )  # fmt: skip
    return replace(made, **columns)


def calibrate(events: MosEvents, seed: int = 1, **given: object) -> CalibratedCcd:
    usual = {
        "frames": table(events), "window": FULL, "ccdnr": 1, "mode": "PrimeFullWindow", "bad": BadPixels.none(),
        "options": MosOptions(),
    } | given  # fmt: skip
    return calibrate_mos_ccd(
        events, usual["frames"], usual["window"], usual["ccdnr"], usual["mode"], CAMERA, usual["bad"],
        usual["options"], np.random.default_rng(seed),
    )  # fmt: skip


def fates(found: CalibratedCcd) -> dict[str, int]:
    return {fate.reason: fate.events for fate in found.fates}


def adds_up(found: CalibratedCcd) -> bool:
    return len(found.events) + sum(fate.events for fate in found.fates) == found.raw_events


any_event = st.tuples(
    st.integers(-2, 8), st.integers(-40, 700), st.integers(-40, 700), st.integers(-100, 4095), st.integers(-100, 4095),
    st.integers(-300, 300), st.sampled_from([-16384, -200, 0, 50, 300]), st.integers(0, 255), st.integers(0, 16),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(any_event, max_size=40),
    st.sampled_from(["PrimeFullWindow", "PrimePartialW2", "FastUncompressed", "FastCompressed"]),
    st.sampled_from([0, EMPROC_REJECTED, 0x766BA000, 0x7FFFFFFF]),
    st.sampled_from([1, 11]),
    st.booleans(),
)
def test_every_raw_event_has_one_fate(rows: list[tuple[int, ...]], mode: str, rejected: int, ccdnr: int, split: bool):
    """Rows and fates add up whatever came down."""
    events = raw(**dict(zip(FIELDS, np.array(rows, int).reshape(-1, 9).T, strict=True)))
    window = Window(255, 250, 110, 100, 0, 4095) if mode == "PrimePartialW2" else FULL
    options = MosOptions(rejected=rejected, split_diagonals=split)
    found = calibrate(events, window=window, mode=mode, ccdnr=ccdnr, options=options)
    assert adds_up(found)
    assert not np.any(found.events.flag & rejected)
    assert (found.events.detx is None) == mode.startswith("Fast")
    assert all(fate.events > 0 or "split" in fate.reason for fate in found.fates)


def test_a_seed_decides_every_value():
    rng = np.random.default_rng(3)
    events = raw(frame=np.sort(rng.integers(1, 6, 500)), rawx=rng.integers(6, 606, 500), e1=rng.integers(50, 3000, 500))
    one, same, other = (calibrate(events, seed).events for seed in (5, 5, 6))
    for name in ("time", "rawx", "rawy", "detx", "dety", "pha", "pi", "flag", "pattern"):
        assert np.array_equal(getattr(one, name), getattr(same, name)), name
    assert not np.array_equal(one.detx, other.detx)


def test_places_lie_within_half_a_pixel_of_the_centre():
    rng = np.random.default_rng(4)
    events = raw(rawx=rng.integers(6, 606, 3000), rawy=rng.integers(1, 601, 3000))
    spread = calibrate(events, options=MosOptions(rejected=0)).events
    centre = calibrate(events, options=MosOptions(rejected=0, randomize_position=False)).events
    geometry = CAMERA.ccd(1)
    half = (abs(geometry.axis_x[0]) + abs(geometry.axis_y[0])) / 2
    for axis in ("detx", "dety"):
        off = getattr(spread, axis).astype(float) - getattr(centre, axis)
        assert np.abs(off).max() <= half + 1.0  # both are rounded
        assert off.std() == pytest.approx(2 * half / np.sqrt(12), rel=0.05)


@pytest.mark.parametrize(("ccdnr", "first"), [(1, 1), (11, 600)])
def test_columns_begin_after_the_prescan(ccdnr: int, first: int):
    """Telemetered 6 is the first column that sees light; node 1 is read from the other side."""
    found = calibrate(raw(rawx=6), ccdnr=ccdnr, options=MosOptions(rejected=0)).events
    assert (found.rawx[0], found.rawy[0]) == (first, 300)


def test_a_window_moves_its_pixels():
    found = calibrate(raw(rawx=10, rawy=20), window=Window(255, 250, 110, 100, 0, 4095), mode="PrimePartialW2").events
    assert (found.rawx[0], found.rawy[0]) == (260, 270)
    assert found.flag[0] == 0


@pytest.mark.parametrize("pattern", DIAGONALS)
@pytest.mark.parametrize("ccdnr", [1, 11])
def test_splitting_conserves_charge(pattern: int, ccdnr: int):
    """Two singles that touch at a corner, E1 in the one and E2 in the other."""
    found = calibrate(raw(pattern=pattern, e1=500, e2=120), ccdnr=ccdnr)
    rows = found.events
    assert rows.pha.tolist() == [500, 120]
    assert rows.pattern.tolist() == [0, 0]
    assert np.all(rows.flag & MosFlag.DIAGONAL)
    step_x, step_y = pattern_pixels()[pattern][0]
    sign = -1 if ccdnr > 10 else 1
    assert (rows.rawx[1] - rows.rawx[0], rows.rawy[1] - rows.rawy[0]) == (sign * step_x, step_y)
    assert fates(found) == {"second event of a split diagonal pattern": -1}
    whole = calibrate(raw(pattern=pattern, e1=500, e2=120), options=MosOptions(split_diagonals=False)).events
    assert (whole.pha.tolist(), whole.pattern.tolist()) == ([620], [pattern])


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"frame": 99}, "of a frame that did not come down"),
        ({"rawx": 0}, "outside the window of the CCD"),
        ({"pattern": 77}, "of no known pattern"),
        ({"pattern": 30}, "track of a cosmic ray (patterns 30, 31)"),
        ({"pattern": 31}, "track of a cosmic ray (patterns 30, 31)"),
        ({"e1": 4095}, "energy cut off by the converter"),
        ({"e4": -500}, "undershoot around it"),
        ({"e3": 400}, "stray charge around it (E3, E4)"),
        ({"rawx": 106}, "on a bad pixel"),
    ],
)
def test_each_rule_takes_its_event(columns: dict[str, int], reason: str):
    bad = BadPixels(*(np.array([value], np.int16) for value in (101, 300, BadKind.HOT, 1, BadOrigin.FOUND)))
    found = calibrate(raw(**columns), bad=bad)
    assert fates(found) == {reason: 1}
    assert len(found.events) == 0


def test_the_ring_is_ignored_where_asked():
    found = calibrate(raw(e3=400), options=MosOptions(reject_e3e4=False))
    assert (len(found.events), found.events.flag[0]) == (1, 0)


def test_unmeasured_surroundings_reject_nothing():
    assert len(calibrate(raw(e3=400, e4=-16384)).events) == 1


def test_thresholds_of_the_data_handling():
    """They are for E1 + E2, whatever the pattern."""
    events = raw(e1=[100, 140, 200, 700, 900], e2=[0, 20, 0, 110, 0], pattern=[0, 1, 0, 1, 0])
    found = calibrate(events, window=replace(FULL, low=150, high=800))
    assert found.events.pha.tolist() == [160, 200]
    assert fates(found) == {"outside the energy thresholds": 3}


def test_energies_that_the_converter_may_have_cut_off():
    """emchain keeps them with their flag."""
    events = raw(e1=[3849, 3850, 4024])
    assert calibrate(events).events.pha.tolist() == [3849]
    flagged = calibrate(events, options=MosOptions(rejected=EMPROC_REJECTED)).events
    assert ((flagged.flag & MosFlag.REJECTED_BY_GATTI) != 0).tolist() == [False, True, True]


def test_energy_does_not_depend_on_the_order_of_events():
    rng = np.random.default_rng(8)
    e1 = rng.integers(100, 2000, 50)
    plain = MosOptions(randomize_energy=False, randomize_position=False, randomize_time=False)
    forth = calibrate(raw(e1=e1), options=plain).events
    back = calibrate(raw(e1=e1[::-1]), options=plain).events
    assert np.array_equal(forth.pi, back.pi[::-1])
    assert np.array_equal(np.argsort(forth.pha, kind="stable"), np.argsort(forth.pi, kind="stable"))


def test_light_in_the_outer_ring_is_taken_from_the_energy():
    """E4 of 160 adu is 10 adu a pixel: 10 from singles, 20 from doubles."""
    plain = MosOptions(randomize_energy=False)
    pattern = np.repeat([0, 1], 200)
    dark = calibrate(raw(pattern=pattern, e1=500, e2=np.where(pattern, 10, 0), e3=0), options=plain)
    bright = raw(pattern=pattern, e1=510, e2=np.where(pattern, 20, 0), e3=np.where(pattern, 70, 80), e4=160)
    lit = calibrate(bright, options=plain)
    assert (dark.facts["background_adu"], lit.facts["background_adu"]) == (0.0, 10.0)
    assert np.array_equal(lit.events.pi, dark.events.pi)


def test_times_fill_the_integration_and_not_more():
    events = raw(frame=np.repeat([1, 2, 3], 2000))
    found = calibrate(events)
    fixed = calibrate(events, options=MosOptions(randomize_time=False)).events.time
    assert sorted(set(fixed)) == pytest.approx(found.frames.time[:3])
    off = found.events.time - fixed
    length = float(np.asarray(found.frames.duration)[0])
    assert np.abs(off).max() <= length / 2
    assert off.std() == pytest.approx(length / np.sqrt(12), rel=0.05)
    assert np.all(found.good.contains(found.events.time))


def test_timing_mode_counts_rows():
    """TIME goes on by the row clock of 1.75 ms; no place along RAWY."""
    found = calibrate(raw(frame=2, rawy=[0, 1, 599, 900]), mode="FastUncompressed").events
    assert np.diff(found.time) == pytest.approx([1.75e-3, 598 * 1.75e-3, 301 * 1.75e-3], abs=1e-6)
    assert found.detx is None
    assert found.dety is None
    assert len(set(found.pi.tolist())) <= 3  # RAWY is no place: the same charge, the same energy but for its channel


def test_shapes_of_patterns_are_told_apart():
    shapes = pattern_pixels()
    assert len(pattern_numbers()) == len(shapes) == 17
    for first, count, others in ((0, 1, 0), (1, 4, 1), (5, 4, 2), (9, 4, 3), (26, 4, 1)):
        for number in range(first, first + count):
            assert len(set(shapes[number])) == others
            assert all(max(abs(x), abs(y)) == 1 for x, y in shapes[number])
        turned = {frozenset((y, -x) for x, y in shapes[number]) for number in range(first, first + count)}
        assert turned == {frozenset(shapes[number]) for number in range(first, first + count)}
