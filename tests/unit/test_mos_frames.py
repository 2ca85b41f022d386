"""Frames of MOS: which count, how live they are, the good time they leave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xmmpy.calibration.nominal import frame_timing
from xmmpy.calibration.surroundings import particle_tracks
from xmmpy.events.livetime import live_time
from xmmpy.events.mos.frames import MosFrames, analyse_frames
from xmmpy.odf.raw import MosEvents, MosFrameTable, Window
from xmmpy.products.intervals import Intervals

HIDDEN_PER_PIXEL = particle_tracks("EMOS1").hidden_per_pixel
pytestmark = pytest.mark.unit
TIMING = frame_timing("EMOS1", "PrimeFullWindow")
FULL = Window(0, 0, 610, 602, 0, 4095)
PIXELS = 610 * 602


def events_in(frames: list[int], pattern: int = 0) -> MosEvents:
    size = len(frames)
    zeros = np.zeros(size, np.int16)
    kind = np.full(size, pattern, np.uint8)
    return MosEvents(np.array(frames, np.int32), *[zeros] * 6, kind, kind)


def table(numbers: list[int], nvalid: list[int] | None = None, **columns: object) -> MosFrameTable:
    number = np.array(numbers, np.int32)
    zeros = np.zeros(number.size, np.int32)
    valid = zeros if nvalid is None else np.array(nvalid, np.int32)
    no = zeros.astype(bool)
    made = MosFrameTable(number, 1e8 + TIMING.frame_s * number, zeros, valid, zeros, zeros, no, no)
    return replace(made, **columns)


def analyse(frames: MosFrameTable, events: MosEvents, housekeeping: Intervals | None = None) -> MosFrames:
    return analyse_frames(frames, events, FULL, TIMING, housekeeping, HIDDEN_PER_PIXEL)


def test_quiet_frames_all_count():
    found = analyse(table([1, 2, 3, 4], [1, 0, 2, 0]), events_in([1, 3, 3]))
    assert found.usable.all()
    assert len(found.good) == 1
    assert found.length == pytest.approx(TIMING.integration_s, rel=1e-5)
    assert np.diff(found.centre) == pytest.approx(TIMING.frame_s)
    assert live_time(found.exposure(), found.good) == pytest.approx(4 * TIMING.integration_s, rel=1e-5)


def test_missing_events_and_overflow_make_a_frame_useless():
    overflow = np.array([False, False, False, True, False])
    found = analyse(table([1, 2, 3, 4, 5], [0, 2, 0, 1, 0], overflow=overflow), events_in([2]))
    assert found.usable.tolist() == [True, False, True, False, True]
    assert found.facts["frames with events missing"] == 1
    assert found.facts["frames with FIFO overflow"] == 1
    assert len(found.good) == 3
    assert found.exposure().time.size == 3


def test_lost_frames_leave_a_gap():
    found = analyse(table([1, 2, 3, 4, 8, 9]), events_in([]))
    assert len(found.good) == 2
    assert found.good.start[1] - found.good.stop[0] == pytest.approx(3 * TIMING.frame_s)
    assert found.find(np.array([1, 5, 8, 10, -3], np.int32)).tolist() == [0, -1, 4, -1, -1]


def test_numbers_far_apart_are_found_too():
    found = analyse(table([1, 2, 1_000_000]), events_in([]))
    assert found.find(np.array([2, 3, 1_000_000, 2_000_000], np.int32)).tolist() == [1, -1, 2, -1]


def test_the_order_of_rows_and_repeated_rows_change_nothing():
    once = analyse(table([1, 2, 3, 4]), events_in([]))
    shuffled = analyse(table([3, 1, 4, 4, 2, 1]), events_in([]))
    assert np.array_equal(once.number, shuffled.number)
    assert np.array_equal(once.centre, shuffled.centre)


@pytest.mark.parametrize("wrong", [5000.0, -5000.0, np.nan])
def test_the_time_of_a_single_frame_is_mended(wrong: float):
    frames = table([1, 2, 3, 4, 5, 6])
    end = frames.end.copy()
    end[2] += wrong
    found = analyse(replace(frames, end=end), events_in([]))
    assert found.facts["frames with mended times"] == 1
    assert found.usable.all()
    assert found.centre == pytest.approx(analyse(frames, events_in([])).centre)


def test_a_jump_of_the_clock_is_no_wrong_time():
    frames = table([1, 2, 3, 4, 5, 6, 7, 8])
    end = frames.end + np.repeat([0.0, 100.0], 4)
    found = analyse(replace(frames, end=end), events_in([]))
    assert found.facts["frames with mended times"] == 0
    assert len(found.good) == 2


def test_another_frame_time_is_measured():
    """A constant step other than that of the mode is believed when it comes three times."""
    frames = table([1, 2, 3, 4])
    slow = replace(frames, end=1e8 + 5.62 * frames.frame)
    found = analyse(slow, events_in([]))
    assert found.facts["frame_ms"] == pytest.approx(5620.0)
    assert found.length[0] == pytest.approx(5.62 - (TIMING.frame_s - TIMING.integration_s))
    two = analyse(replace(table([1, 2]), end=np.array([1e8, 1e8 + 9.0])), events_in([]))
    assert two.facts["frame_ms"] == pytest.approx(1000 * TIMING.frame_s, abs=0.1)


def test_dead_part_is_what_tracks_cover():
    """NPIXEL less the pixels of events and NBELOW; at least NABOVE (task page emframes)."""
    pixels = np.array([0, 1000, 1000, 10], np.int32)
    below, above = np.array([0, 0, 100, 0], np.int32), np.array([0, 0, 0, 50], np.int32)
    frames = table([1, 2, 3, 4], [0, 10, 10, 0], npixel=pixels, nbelow=below, nabove=above)
    doubles = analyse(frames, events_in([2] * 10 + [3] * 10, pattern=1))
    tracks = np.array([0, 980, 880, 50])
    assert 1.0 - doubles.live == pytest.approx(HIDDEN_PER_PIXEL * tracks / PIXELS, rel=1e-4)
    cosmic = analyse(frames, events_in([2] * 10 + [3] * 10, pattern=31))
    assert cosmic.live[1] < doubles.live[1]  # their pixels stay in the dead area


def test_a_frame_full_of_tracks_is_dead_and_no_less():
    found = analyse(table([1, 2], npixel=np.array([PIXELS, 0], np.int32)), events_in([]))
    assert found.live.tolist() == [0.0, 1.0]


def test_housekeeping_takes_frames():
    frames = table([1, 2, 3, 4])
    good = Intervals.of([1e8], [1e8 + 2.2 * TIMING.frame_s])
    found = analyse(frames, events_in([]), good)
    assert found.usable.tolist() == [True, True, False, False]
    assert found.facts["frames outside housekeeping limits"] == 2


def test_no_frames_at_all():
    found = analyse(table([]), events_in([1, 2]))
    assert len(found.good) == 0
    assert found.find(np.array([1], np.int32)).tolist() == [-1]
