"""tabgtigen: rows to intervals, the task's parameters, its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import xmmpy.tasks
from xmmpy.flares.rows import rows_to_intervals
from xmmpy.products.gti import read_gti
from xmmpy.products.intervals import Intervals
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Session

T0 = 1.0e8

rows = st.dictionaries(st.integers(0, 500), st.booleans(), min_size=1, max_size=50)


def write_table(path: Path, columns: dict[str, NDArray[np.float64]], **keywords: object) -> Path:
    listed = [fits.Column(name, "D", array=values) for name, values in columns.items()]
    table = fits.BinTableHDU.from_columns(listed, name="RATE")
    table.header.update(keywords)
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)
    return path


@pytest.fixture
def curve(tmp_path: Path) -> Path:
    """Eight bins of 10 s, of which the third and the sixth to eighth are bright."""
    rate = np.array([0.1, 0.2, 0.9, 0.1, 0.3, 0.8, 0.9, 0.8])
    time = T0 + 10 * np.arange(8) + 5
    return write_table(tmp_path / "rate.fits", {"RATE": rate, "TIME": time}, TIMEDEL=10.0)


def run(**values: object) -> tuple[Intervals, Session]:
    session = Session("tabgtigen", Environment())
    outcome = find_task("tabgtigen").execute(values, session)
    return read_gti(str(outcome.outputs[0])), session


def test_good_bins_become_intervals(curve: Path, tmp_path: Path) -> None:
    intervals, _ = run(table=curve, expression="RATE<=0.5", gtiset=tmp_path / "gti.fits")
    assert intervals.start.tolist() == [T0, T0 + 30]
    assert intervals.stop.tolist() == [T0 + 20, T0 + 50]


@pytest.mark.parametrize(
    ("fractions", "start", "stop"),
    [((0.0, 1.0), [5, 35], [25, 55]), ((1.0, 0.0), [-5, 25], [15, 45]), ((-0.5, 0.5), [10, 40], [20, 50]),
     ((0.0, 0.0), [5, 35], [15, 45])],
)  # fmt: skip
def test_fractions_of_the_steps_are_taken_in(
    curve: Path, tmp_path: Path, fractions: tuple[float, float], start: list[float], stop: list[float]
) -> None:
    intervals, _ = run(
        table=curve, expression="RATE<=0.5", gtiset=tmp_path / "gti.fits",
        prefraction=fractions[0], postfraction=fractions[1],
    )  # fmt: skip
    assert (intervals.start - T0).tolist() == start
    assert (intervals.stop - T0).tolist() == stop


def test_short_intervals_are_dropped_and_their_sum_noted(curve: Path, tmp_path: Path) -> None:
    target = tmp_path / "gti.fits"
    outcome = xmmpy.tasks.tabgtigen(table=curve, expression="RATE<=0.2", gtiset=target, mingtisize=15)
    assert outcome.facts == {"intervals": 1, "ontime": 20.0, "dropped": 10.0, "empty": False}
    header = fits.getheader(target, "STDGTI")
    assert (header["MINGTISZ"], header["SUMSHORT"], header["ONTIME"]) == (15.0, 10.0, 20.0)


def test_gaps_are_closed_before_short_intervals_are_dropped(curve: Path, tmp_path: Path) -> None:
    intervals, _ = run(table=curve, expression="RATE<=0.5", gtiset=tmp_path / "gti.fits", maxgapsize=10, mingtisize=45)
    assert intervals == Intervals.of([T0], [T0 + 50])


def test_nothing_good_is_an_empty_table_and_a_warning(curve: Path, tmp_path: Path) -> None:
    intervals, session = run(table=curve, expression="RATE<0", gtiset=tmp_path / "gti.fits")
    assert len(intervals) == 0
    assert [code for code, _ in session.warnings] == ["EmptyGtiTable"]
    assert fits.getheader(tmp_path / "gti.fits", 1)["ONTIME"] == 0.0


def test_keywords_and_row_numbers_work_in_the_expression(curve: Path, tmp_path: Path) -> None:
    with fits.open(curve, mode="update") as hdus:
        hdus["RATE"].header["GOOD"] = "(RATE<=0.5)"
    target = tmp_path / "gti.fits"
    intervals, _ = run(table=f"{curve}:RATE", expression="#GOOD && TIME>100000020", gtiset=target)
    assert intervals == Intervals.of([T0 + 30], [T0 + 50])


def test_a_filter_file_works_in_the_expression(curve: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "one.fits", tmp_path / "two.fits"
    run(table=curve, expression="RATE<=0.5", gtiset=first)
    intervals, _ = run(table=curve, expression=f"gti({first},TIME) && RATE<0.25", gtiset=second)
    assert intervals == Intervals.of([T0, T0 + 30], [T0 + 20, T0 + 40])


@pytest.mark.parametrize(
    ("values", "code", "said"),
    [({"expression": "RAET<1"}, "BadExpression", "RATE"), ({"expression": "RATE<"}, "BadExpression", "RATE<"),
     ({"expression": "RATE<1", "timecolumn": "WHEN"}, "FileIo", "no column WHEN"),
     ({"expression": "RATE<1", "prefraction": 2}, "BadParameter", "prefraction")],
)  # fmt: skip
def test_what_cannot_be_done_is_said(
    curve: Path, tmp_path: Path, values: dict[str, object], code: str, said: str
) -> None:
    with pytest.raises(TaskError, match=said) as caught:
        run(table=curve, gtiset=tmp_path / "gti.fits", **values)
    assert caught.value.code == code
    assert not (tmp_path / "gti.fits").exists()


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"none\.fits"):
        run(table=tmp_path / "none.fits", expression="true", gtiset=tmp_path / "gti.fits")


def test_damaged_time_keywords_do_not_get_into_the_product(curve: Path, tmp_path: Path) -> None:
    raw = curve.read_bytes()
    with fits.open(curve, mode="update") as hdus:
        header = hdus["RATE"].header
        header.update({"TIMESYS": "TT", "MJDREF": "fifty thousand", "CLOCKAPP": 3, "TASSIGN": "x" * 60})
    assert curve.read_bytes() != raw
    target = tmp_path / "gti.fits"
    run(table=curve, expression="RATE<=0.5", gtiset=target)
    header = fits.getheader(target, 1)
    assert (header["TIMESYS"], header["MJDREF"], header["CLOCKAPP"]) == ("TT", 50814.0, True)
    assert header["TASSIGN"] == "SATELLITE"


def test_a_named_table_joins_the_others_of_a_file(curve: Path, tmp_path: Path) -> None:
    target = tmp_path / "gti.fits"
    run(table=curve, expression="RATE<=0.5", gtiset=target)
    before = read_gti(f"{target}:STDGTI")
    for expression, stop in (("RATE>0.85", 70.0), ("RATE>0.75", 80.0)):
        xmmpy.tasks.tabgtigen(table=curve, expression=expression, gtiset=f"{target}:FLARES")
        assert read_gti(f"{target}:FLARES").stop[-1] == T0 + stop
    assert read_gti(f"{target}:STDGTI") == before
    with fits.open(target) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "STDGTI", "FLARES"]
        hdus.verify("exception")


def test_no_overwriting_where_it_is_forbidden(curve: Path, tmp_path: Path) -> None:
    target = tmp_path / "gti.fits"
    run(table=curve, expression="RATE<=0.5", gtiset=target)
    for spec in (target, f"{target}:STDGTI"):
        with pytest.raises(TaskError, match="clobber"):
            find_task("tabgtigen").execute(
                {"table": curve, "expression": "true", "gtiset": spec},
                Session("tabgtigen", Environment(clobber=False)),
            )


def test_a_table_without_rows_gives_an_empty_table(tmp_path: Path) -> None:
    path = write_table(tmp_path / "rate.fits", {"RATE": np.empty(0), "TIME": np.empty(0)})
    intervals, session = run(table=path, expression="RATE<1", gtiset=tmp_path / "gti.fits")
    assert len(intervals) == 0
    assert "EmptyInput" in {code for code, _ in session.warnings}


def test_rows_may_come_in_any_order_and_lack_a_time() -> None:
    time = [30.0, np.nan, 10.0, 20.0]
    assert rows_to_intervals(time, [True, True, True, False], width=10.0) == Intervals.of([5, 25], [15, 35])


def test_a_missing_bin_ends_an_interval_where_the_width_is_known() -> None:
    time = [0.0, 10.0, 40.0, 50.0]
    assert rows_to_intervals(time, [True] * 4, width=10.0) == Intervals.of([-5, 35], [15, 55])
    assert rows_to_intervals(time, [True] * 4) == Intervals.of([-5], [55])


@settings(deadline=None)
@given(rows)
def test_good_and_bad_rows_share_the_time_between_them(table: dict[int, bool]) -> None:
    """With halves of the steps the intervals of good and bad rows touch and never overlap."""
    time, good = np.array(list(table), float), np.array(list(table.values()))
    one, other = rows_to_intervals(time, good), rows_to_intervals(time, ~good)
    assert one.intersect(other).total == pytest.approx(0, abs=1e-9)
    assert one.total + other.total == pytest.approx(rows_to_intervals(time, np.ones(len(table), bool)).total)
    if len(table) > 1:
        assert one.contains(time[good]).all()


@settings(deadline=None)
@given(rows, st.floats(0.1, 20))
def test_rows_of_a_known_width_cover_it(table: dict[int, bool], width: float) -> None:
    """The union of the bins about the good rows, and what lies between close neighbours."""
    time, good = np.array(list(table), float), np.array(list(table.values()))
    bins = Intervals.of(time[good] - width / 2, time[good] + width / 2)
    found = rows_to_intervals(time, good, width=width)
    assert found.intersect(bins).total == pytest.approx(bins.total)
    assert found.total <= 1.5 * bins.total + 1e-9
