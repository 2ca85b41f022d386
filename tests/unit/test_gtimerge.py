"""gtimerge: the time in all tables, or in any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xmmpy.tasks
from xmmpy.products.gti import gti_hdu, read_gti
from xmmpy.products.intervals import Intervals
from xmmpy.products.writing import write_hdus
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Session

borders = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=8)
whole = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def intervals_of(pairs: list[tuple[int, int]]) -> Intervals:
    return Intervals.of([start for start, _ in pairs], [start + length for start, length in pairs])


def write(path: Path, intervals: Intervals, name: str = "STDGTI") -> str:
    write_hdus(path, [fits.PrimaryHDU(), gti_hdu(intervals, name)])
    return str(path)


@whole
@given(parts=st.lists(borders, min_size=1, max_size=4))
@pytest.mark.parametrize("mode", ["and", "or"])
def test_a_time_is_good_where_it_is_in_all_or_in_any(
    tmp_path: Path, parts: list[list[tuple[int, int]]], mode: str
) -> None:
    files = []
    for number, part in enumerate(parts):
        path = tmp_path / f"{number}.fits"
        path.unlink(missing_ok=True)
        files.append(write(path, intervals_of(part)))
    target = tmp_path / "merged.fits"
    xmmpy.tasks.gtimerge(tables=files, gtitable=target, mergemode=mode)
    merged = read_gti(str(target))
    times = np.arange(0.5, 90)  # between the whole seconds of the borders
    inside = np.array([intervals_of(part).contains(times) for part in parts])
    expected = inside.all(axis=0) if mode == "and" else inside.any(axis=0)
    assert np.array_equal(merged.contains(times), expected)
    assert merged.total == pytest.approx(expected.sum())


def test_the_order_of_the_tables_does_not_matter(tmp_path: Path) -> None:
    one = write(tmp_path / "1.fits", intervals_of([(0, 9)]))
    two = write(tmp_path / "2.fits", intervals_of([(5, 9)]))
    for mode in ("and", "or"):
        xmmpy.tasks.gtimerge(tables=f"{one} {two}", gtitable=tmp_path / "a.fits", mergemode=mode)
        xmmpy.tasks.gtimerge(tables=[two, one], gtitable=tmp_path / "b.fits", mergemode=mode)
        assert read_gti(str(tmp_path / "a.fits")) == read_gti(str(tmp_path / "b.fits"))


def test_an_empty_table_is_told_and_empties_the_common_time(tmp_path: Path) -> None:
    full = write(tmp_path / "1.fits", intervals_of([(0, 9)]))
    empty = write(tmp_path / "2.fits", intervals_of([]), "GTI")
    session = Session("gtimerge", Environment())
    outcome = find_task("gtimerge").execute({"tables": [full, f"{empty}:GTI"]}, session)
    assert outcome.facts["empty"]
    assert [code for code, _ in session.warnings] == ["EmptyGtiTable"]
    assert outcome.outputs == ()
    assert xmmpy.tasks.gtimerge(tables=[full, empty], mergemode="or").facts["ontime"] == 9.0


def test_no_table_is_an_error() -> None:
    with pytest.raises(TaskError) as caught:
        xmmpy.tasks.gtimerge(tables="")
    assert caught.value.code == "NoGtiTables"


def test_a_table_without_start_and_stop_is_told(tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("RATE", "D", array=np.ones(3))], name="RATE")
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "rate.fits")
    with pytest.raises(TaskError, match=r"no column START in RATE"):
        xmmpy.tasks.gtimerge(tables=str(tmp_path / "rate.fits"))


def test_the_drawing_shows_each_table_and_the_result(tmp_path: Path) -> None:
    one = write(tmp_path / "1.fits", intervals_of([(0, 50)]))
    two = write(tmp_path / "2.fits", intervals_of([(50, 50)]))
    session = Session("gtimerge", Environment())
    find_task("gtimerge").execute({"tables": [one, two], "mergemode": "or", "plotmergeresult": True}, session)
    bars = [line.split("|")[1] for line in session.log if line.count("|") == 2]
    assert [bar.count("▬") for bar in bars] == [25, 25, 50]
    assert bars[0].strip() + bars[1].strip() == bars[2]
