"""The clock: a polynomial through the time correlation, whatever is wrong with some of its points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from xmmpy.odf.clock import ClockPoints, clock_of_one_point, fit_clock, read_clock_points
from xmmpy.products.errors import FileProblem

START = 101_500_000.0


def drift(obt: np.ndarray) -> np.ndarray:
    since = (obt - 22_700_000.0) / 1e5
    return 78_760_000.0 + 0.65 * since + 4e-4 * since**2 - 1e-4 * since**3 + 2e-5 * since**4


def points(count: int = 800, span: float = 15000.0, noise: float = 1e-6, seed: int = 1) -> ClockPoints:
    generator = np.random.default_rng(seed)
    obt = START - 78_760_000.0 + np.sort(generator.uniform(0, span, count))
    met = obt + drift(obt) + generator.normal(0, noise, count)
    return ClockPoints(obt, met, np.where(np.arange(count) < 0.7 * count, "21", "41"))


def truth(obt: np.ndarray) -> np.ndarray:
    return obt + drift(obt)


def test_the_clock_is_found_to_a_microsecond() -> None:
    given_points = points()
    clock = fit_clock(given_points, START, START + 15000)
    inside = np.linspace(given_points.obt[0], given_points.obt[-1], 500)
    assert np.abs(clock.met(inside) - truth(inside)).max() < 1e-6
    assert clock.degree == 4
    assert clock.rms == pytest.approx(1e-6, rel=0.15)
    assert clock.rejected < 0.01


@given(st.floats(-3e4, 3e4))
def test_there_and_back(offset: float) -> None:
    clock = fit_clock(points(200), START, START + 15000)
    met = START + offset
    assert float(clock.met(clock.obt(met))) == pytest.approx(met, abs=1e-7)


@settings(deadline=None, max_examples=25)
@given(share=st.floats(0, 0.3), size=st.floats(1e-4, 1e5), seed=st.integers(0, 2**31), one_sided=st.booleans())
def test_outliers_do_not_move_it(share: float, size: float, seed: int, one_sided: bool) -> None:
    given_points = points(600, seed=seed)
    generator = np.random.default_rng(seed)
    bad = generator.random(600) < share
    shift = generator.uniform(0.5, 1, 600) * size * (1 if one_sided else generator.choice([-1, 1], 600))
    met = given_points.met + np.where(bad, shift, 0)
    order = generator.permutation(600)
    clock = fit_clock(ClockPoints(given_points.obt, met, given_points.station)[order])
    good = given_points.obt[~bad]
    assert np.abs(clock.met(good) - truth(good)).max() < 3e-6
    assert clock.rms < 3e-6
    assert clock.rejected == pytest.approx(bad.mean(), abs=0.03)


def test_a_station_whose_clock_is_off_is_left_out() -> None:
    given_points = points(400)
    met = given_points.met + np.where(given_points.station == "41", 3e-4 + 1e-4 * np.sin(given_points.obt / 300), 0)
    clock = fit_clock(ClockPoints(given_points.obt, met, given_points.station))
    first = given_points.obt[given_points.station == "21"]
    assert np.abs(clock.met(first) - truth(first)).max() < 5e-6


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_few_points_lower_the_degree(count: int) -> None:
    few = points(count, noise=0)
    clock = fit_clock(few)
    assert clock.degree <= max(0, count // 3 - 1)
    assert np.abs(clock.met(few.obt) - few.met).max() < 0.2


def test_equal_points_are_one() -> None:
    one = points(1)
    clock = fit_clock(one[np.zeros(50, np.intp)])
    assert float(clock.met(one.obt[0])) == pytest.approx(one.met[0], abs=1e-6)


def test_without_time_correlation_the_clock_runs_at_its_nominal_rate() -> None:
    clock = clock_of_one_point(1000.0, 5000.0)
    assert float(clock.met(1010.0)) == 5010.0
    assert float(clock.obt(5010.0)) == 1010.0


def test_no_points_are_refused() -> None:
    with pytest.raises(ValueError, match="no point"):
        fit_clock(points()[np.zeros(800, bool)])


def write_file(path: Path, flag: int = 0) -> None:
    columns = [
        fits.Column("OBTCOARS", "J", array=np.array([22604730, 22604752])),
        fits.Column("OBTFINE", "I", bzero=32768, array=np.array([12865, 2113], np.uint16)),
        fits.Column("UTCDAY", "I", array=np.array([15783, 15783])),
        fits.Column("UTCMILLI", "J", array=np.array([18431326, 18453162])),
        fits.Column("UTCMICRO", "I", array=np.array([173, 253])),
        fits.Column("UTCFLAG", "I", array=np.array([0, flag])),
        fits.Column("GSID", "5A", array=np.array(["13", "13"])),
    ]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns, name="SCTCS1")]).writeto(path)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "TCS.FIT"
    write_file(path, flag=1)
    found, bad = read_clock_points(path)
    assert (len(found), bad) == (1, 1)
    assert found.obt[0] == 22604730 + 12865 / 65536
    assert found.met[0] == pytest.approx(101365695.510173, abs=1e-5)  # 2001-03-19T05:07:11.326173 by astropy


def test_a_file_without_good_points_is_told(tmp_path: Path) -> None:
    path = tmp_path / "TCS.FIT"
    write_file(path)
    with fits.open(path, mode="update") as file:
        file[1].data["UTCFLAG"] = 1
    with pytest.raises(FileProblem, match="no usable time correlation"):
        read_clock_points(path)
