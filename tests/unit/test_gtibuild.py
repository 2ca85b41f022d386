"""gtibuild: good and bad time from a text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xmmpy.tasks
from xmmpy.flares.timeline import ETERNITY, TimelineProblem, read_timeline, write_timeline
from xmmpy.products.gti import read_gti
from xmmpy.products.intervals import Intervals
from xmmpy.selection.literals import mission_time
from xmmpy.tasks.messages import TaskError


def read(text: str) -> Intervals:
    return read_timeline(text, mission_time)


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        ("10 20", [10], [20]),
        ("10 20 +\n15 30 +  # overlaps\n\n# a comment", [10], [30]),
        ("10 50 +\n20 30 -", [10, 30], [20, 50]),
        ("20 30 -", [0, 30], [20, ETERNITY]),
        ("10 0", [10], [ETERNITY]),
        ("", [0], [ETERNITY]),
        ("0 30 +g 4 6", [0, 10, 20], [4, 14, 24]),
        ("0 30 +b 4 6", [4, 14, 24], [10, 20, 30]),
        ("0 25 +g 4 6", [0, 10, 20], [4, 14, 24]),
        ("0 20.5 +b 4 6", [4, 14, 24], [10, 20, 30]),
        ("0 40\n0 40 -g 15 5", [0, 20], [15, 35]),
        ("0 40\n0 40 -b 15 5", [15, 35], [20, 40]),
        ("0 20 + \n 1d1 2.0e1 -", [0], [10]),
    ],
)
def test_the_operators(text: str, start: list[float], stop: list[float]) -> None:
    intervals = read(text)
    assert intervals.start.tolist() == start
    assert intervals.stop.tolist() == stop


def test_a_reference_time_moves_all_lines_wherever_it_stands() -> None:
    """2000-01-01T00:00:00 UTC is 730 days and 64.184 s - 1 s of 1998's 63.184 s after the mission's zero."""
    zero = 730 * 86400 + 64.184
    for text in ("timeref 2000-01-01T00:00:00\n10 20", "10 20\ntimeref 2000-01-01T00:00:00.0 # UTC"):
        intervals = read(text)
        assert intervals.start == pytest.approx([zero + 10])
        assert intervals.stop == pytest.approx([zero + 20])
    assert read("timeref 1997-12-31T23:58:56.816\n10 20").start == pytest.approx([10.0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10", "line 1.*form"),
        ("1 2\n20 10", "line 2: the stop 10 is not after the start 20"),
        ("1 2 *", "none of the operators"),
        ("1 2 + 3", "form"),
        ("1 2 +g 3", "form"),
        ("1 0 +g 3 4", "a stop other than 0"),
        ("1 9 -b 3 0", "longer than 0"),
        ("0 1e12 +g 1e-3 1e-3", "more than a table can hold"),
        ("-1 2", "'-1' is not a number of 0 or more"),
        ("nan 2", "'nan'"),
        ("1 inf", "'inf'"),
        ("timeref", "wants one time"),
        ("timeref yesterday", "not a time"),
        ("timeref 2000-13-01T00:00:00", "not a time"),
        ("timeref 2000-01-01T00:00:00\ntimeref 2001-01-01T00:00:00", "twice"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(TimelineProblem, match=said):
        read(text)


@settings(deadline=None)
@given(st.text(alphabet="0123456789.+-gb# \nteimrfTd:", max_size=80))
def test_any_text_gives_intervals_or_that_error(text: str) -> None:
    try:
        intervals = read(text)
    except TimelineProblem:
        return
    assert np.all(intervals.stop > intervals.start)
    assert np.all(intervals.start[1:] > intervals.stop[:-1])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 100), st.integers(1, 30), st.booleans()), max_size=10))
def test_good_time_is_the_union_of_the_good_less_the_bad(lines: list[tuple[int, int, bool]]) -> None:
    text = "\n".join(f"{start} {start + length} {'+' if good else '-'}" for start, length, good in lines)
    times = np.arange(0.5, 140)
    covered = {
        kind: np.any([(times > a) & (times < a + b) for a, b, good in lines if good == kind], axis=0)
        if any(good == kind for _, _, good in lines)
        else np.full(times.shape, kind)
        for kind in (True, False)
    }
    assert np.array_equal(read(text).contains(times), covered[True] & ~covered[False])


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0.001, 1e5)), min_size=1, max_size=10))
def test_intervals_written_as_text_come_back_to_the_last_bit(pairs: list[tuple[float, float]]) -> None:
    intervals = Intervals.of([start for start, _ in pairs], [start + length for start, length in pairs])
    assert read(write_timeline(intervals)) == intervals


def test_the_task_writes_a_table(tmp_path: Path) -> None:
    text, target = tmp_path / "gti.txt", tmp_path / "gti.fits"
    text.write_text("0 30 +g 4 6\n")
    outcome = xmmpy.tasks.gtibuild(file=text, table=target)
    assert outcome.facts == {"intervals": 3, "ontime": 12.0, "empty": False}
    assert read_gti(str(target)) == Intervals.of([0, 10, 20], [4, 14, 24])


def test_all_time_bad_is_an_empty_table(tmp_path: Path) -> None:
    text, target = tmp_path / "gti.txt", tmp_path / "gti.fits"
    text.write_text("0 0 -\n")
    assert xmmpy.tasks.gtibuild(file=text, table=target).facts["empty"]
    assert len(read_gti(str(target))) == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"1 2\nspam eggs\n", "line 2"), (b"\xff\xfe\x00", "is not a text"), (None, "cannot be read")],
)
def test_a_file_that_is_no_description_is_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    text, target = tmp_path / "gti.txt", tmp_path / "gti.fits"
    if content is not None:
        text.write_bytes(content)
    with pytest.raises(TaskError, match=said):
        xmmpy.tasks.gtibuild(file=text, table=target)
    assert not target.exists()
