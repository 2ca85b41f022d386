"""Frames of pn: times that are missing or damaged, what is lost, good time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmmpy.calibration.nominal import frame_timing
from xmmpy.events.livetime import live_time
from xmmpy.events.pn.frames import PnFrames, analyse_frames
from xmmpy.odf.raw import PnFrameTable
from xmmpy.products.intervals import Intervals

TIMING = frame_timing("EPN")
START = 8.1e8


def table(number: int = 200, frames_of: slice | np.ndarray = slice(None), **cycles: int) -> PnFrameTable:
    """Frames one after the other, 20 in a cycle."""
    frame = np.arange(number, dtype=np.int32)
    count = -(-number // 20)

    def counter(name: str, default: int) -> np.ndarray:
        return np.full(count, cycles.get(name, default), np.int32)

    return PnFrameTable(
        frame=frame[frames_of],
        end=(START + (frame + 1) * TIMING.frame_s)[frames_of],
        cycle=(frame // 20)[frames_of].astype(np.int32),
        cycles=np.arange(count, dtype=np.int32),
        nabove=counter("nabove", 700),
        ndefa=counter("ndefa", 700),
        nepdh=counter("nepdh", 140),
        ndiscarded=counter("ndiscarded", 173),
        counting=np.zeros(count, bool),
    )


def test_the_part_that_is_kept() -> None:
    """FRACEXP of a real list: 173 columns of 3840 discarded; what NEPDH counts does not matter."""
    frames = analyse_frames(table(ndiscarded=173), TIMING)
    assert frames.exposure().fraction == pytest.approx(np.full(200, 0.9549479), abs=1e-6)
    assert frames.exposure().duration == pytest.approx(TIMING.integration_s, rel=1e-7)
    assert live_time(frames.exposure(), frames.good) == pytest.approx(200 * TIMING.integration_s * 0.9549479, rel=1e-6)
    assert len(frames.good) == 1
    assert frames.good.total == pytest.approx(200 * TIMING.frame_s, rel=1e-6)


def test_an_overflow_costs_five_frames() -> None:
    whole = table(ndiscarded=0)
    above = whole.nabove.copy()
    above[3] = 900
    frames = analyse_frames(replace(whole, nabove=above), TIMING)
    kept = frames.exposure().fraction
    assert kept[60:80] == pytest.approx(np.full(20, 0.75))
    assert np.delete(kept, slice(60, 80)) == pytest.approx(np.ones(180))
    assert frames.facts["cycles with FIFO overflow"] == 1
    assert frames.facts["lost_s"] == pytest.approx(0.3668248, abs=1e-5)


def test_columns_discarded_on_the_ground() -> None:
    frames = analyse_frames(table(ndiscarded=0), TIMING)
    discarded = np.zeros(200, np.int64)
    discarded[7] = 3
    assert frames.exposure(discarded).fraction[6:9] == pytest.approx([1.0, 61 / 64, 1.0])


@given(st.integers(0, 2**16), st.floats(0.05, 0.9))
def test_empty_frames_are_filled_in(seed: int, part: float) -> None:
    rng = np.random.default_rng(seed)
    sent = rng.random(200) < part
    sent[[0, 1, -1]] = True
    frames, whole = analyse_frames(table(frames_of=sent), TIMING), analyse_frames(table(), TIMING)
    assert np.array_equal(frames.number, whole.number)
    assert frames.end == pytest.approx(whole.end, abs=1e-6)
    assert frames.facts["empty frames filled in"] == np.count_nonzero(~sent)
    assert len(frames.good) == 1


def test_a_gap_ends_the_good_time() -> None:
    whole = table()
    late = whole.end + np.where(whole.frame >= 100, 50 * TIMING.frame_s, 0.0)
    frames = analyse_frames(replace(whole, end=late), TIMING)
    assert len(frames.good) == 2
    assert frames.good.total == pytest.approx(200 * TIMING.frame_s, rel=1e-6)
    assert live_time(frames.exposure(), frames.good) == pytest.approx(200 * TIMING.integration_s * 0.9549479, rel=1e-5)


@pytest.mark.parametrize("wrong", [np.nan, START - 1000.0, START + 65535.0])
@pytest.mark.parametrize("place", [0, 57, 199])
def test_a_damaged_time_is_mended(wrong: float, place: int) -> None:
    whole = table()
    end = whole.end.copy()
    end[place] = wrong
    frames = analyse_frames(replace(whole, end=end), TIMING)
    assert frames.facts["wrong times mended"] == 1
    assert frames.facts["frames out of order"] == 0
    assert len(frames.good) == 1
    if place == 57:
        assert frames.end == pytest.approx(whole.end, abs=1e-6)
    else:
        assert frames.number.size == 199


def test_counting_mode_and_housekeeping() -> None:
    whole = table()
    counting = whole.counting.copy()
    counting[5] = True
    hot = Intervals.of([START], [START + 30.0 * TIMING.frame_s])
    frames = analyse_frames(
        replace(whole, counting=counting), TIMING, Intervals.of([START - 1], [START + 1000]).subtract(hot)
    )
    assert frames.facts["frames in counting mode"] == 20
    assert frames.facts["frames outside housekeeping limits"] == 30
    assert np.flatnonzero(~frames.usable).tolist() == [*range(30), *range(100, 120)]
    assert not frames.good.contains(whole.end[[10, 110]] - 0.01).any()


def test_each_frame_is_found_and_no_other() -> None:
    frames = analyse_frames(table(frames_of=np.arange(200) >= 50), TIMING)
    assert frames.find(np.array([50, 199, 49, 200, -3], np.int32)).tolist() == [0, 149, -1, -1, -1]


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_few_frames(number: int) -> None:
    frames: PnFrames = analyse_frames(table(number), TIMING)
    assert frames.number.size == number
    assert frames.good.total == pytest.approx(number * TIMING.frame_s, abs=1e-6)
    assert live_time(frames.exposure(), frames.good) == pytest.approx(
        number * TIMING.integration_s * 0.9549479, rel=1e-5
    )


def test_without_cycles_all_is_kept() -> None:
    none = np.zeros(0, np.int32)
    bare = replace(
        table(), cycles=none, nabove=none, ndefa=none, nepdh=none, ndiscarded=none, counting=none.astype(bool)
    )
    assert analyse_frames(bare, TIMING).exposure().fraction.min() == 1.0
