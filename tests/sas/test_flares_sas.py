"""The histogram method against what espfilt drew and wrote (SAS 20, observation 0203930101)."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from xmmpy.flares import HistogramFit, HistogramSettings, RateCurve, fit_histogram, fixed_cut, histogram_cut
from xmmpy.products.files import FitsFile
from xmmpy.products.gti import read_gti
from xmmpy.products.intervals import Intervals
from xmmpy.products.tables import read_table

CAMERAS = ("mos1S001", "pnS003")


@dataclass(frozen=True)
class Drawn:
    """The numbers in a ``-hist.qdp``."""

    histogram: NDArray[np.float64]
    select: tuple[float, float]
    window: tuple[float, float]
    norm: float
    sigma: float
    centre: float


def read_qdp(path: Path) -> Drawn:
    """Take a QDP file apart: blocks of points, two of limits, three numbers in labels."""
    text = gzip.decompress(path.read_bytes()).decode("ascii")
    rows = [line.split() for line in text.splitlines() if re.fullmatch(r"[\s\d.+-]+", line)]
    histogram = np.array([[float(word) for word in row[:4]] for row in rows if "-1.0" not in row[:4]])
    limits = [float(row[0]) for row in rows[-8:]]
    norm, sigma, centre = (
        float(re.findall(rf"Fit {name}:\s+([\d.]+)", text)[0]) for name in ("Norm", "Width", "Center")
    )
    return Drawn(histogram, (limits[0], limits[2]), (limits[4], limits[6]), norm, sigma, centre)


@dataclass(frozen=True)
class Case:
    curve: RateCurve
    settings: HistogramSettings
    drawn: Drawn
    good: Intervals


@pytest.fixture(scope="module", params=CAMERAS)
def case(request: pytest.FixtureRequest, real_data: Path) -> Case:
    """A camera: its curve, the settings that espfilt noted in its header, its drawing and its GTI."""
    folder = real_data / "esas" / "0203930101"
    path = folder / f"{request.param}-fovlc.fits.gz"
    with FitsFile(path) as file:
        call = str(file.hdus[0].header["XPROC1"])
    value = dict(re.findall(r"(\w+)=('[^']*'|\S+)", call))
    assert value["method"] == "histogram"
    low, high = (float(word) for word in value["limits"].strip("'").split())
    names = ("smooth", "binsize", "rangescale", "allowsigma")
    settings = HistogramSettings(*(float(value[name]) for name in names), low, high)
    table = read_table(f"{path}:RATE")
    curve = RateCurve.of(
        table.column("TIME"), table.column("RATE"), float(table.header["TIMEDEL"]), table.column("ERROR")
    )
    drawn = read_qdp(folder / f"{request.param}-hist.qdp.gz")
    return Case(curve, settings, drawn, read_gti(str(folder / f"{request.param}-gti.fits")))


@pytest.fixture(scope="module")
def fit(case: Case) -> HistogramFit:
    curve = RateCurve(case.curve.time[:-1], case.curve.rate[:-1], case.curve.bin_size)
    return fit_histogram(curve, case.settings)


def test_the_histogram_is_espfilts(case: Case, fit: HistogramFit) -> None:
    """All but the bins within half a smoothing window of the ends: 15 of 50,000 differ in place."""
    drawn = case.drawn.histogram
    assert fit.rate == pytest.approx(drawn[:, 0], abs=0.0006)
    assert fit.number.sum() == pytest.approx(drawn[:, 1].sum(), abs=2)
    assert np.abs(fit.number - drawn[:, 1]).sum() <= 51


def test_the_fit_window_is_espfilts(case: Case, fit: HistogramFit) -> None:
    assert fit.window == pytest.approx(case.drawn.window, abs=0.0006)


def test_the_gaussian_is_espfilts(case: Case, fit: HistogramFit) -> None:
    assert fit.centre == pytest.approx(case.drawn.centre, rel=0.002)
    assert fit.sigma == pytest.approx(case.drawn.sigma, rel=0.02)
    assert fit.norm == pytest.approx(case.drawn.norm, rel=0.002)


def test_the_selection_limits_are_those_drawn(case: Case) -> None:
    cut = histogram_cut(case.curve, case.settings)
    assert cut.limit == pytest.approx(case.drawn.select[1], rel=0.005)
    assert cut.lower == pytest.approx(case.drawn.select[0], rel=0.005)


def test_the_good_time_is_espfilts(case: Case) -> None:
    cut = histogram_cut(case.curve, case.settings)
    common = cut.intervals.intersect(case.good).total
    union = cut.intervals.unite(case.good).total
    assert common / union >= 0.98
    assert cut.intervals.start == pytest.approx(case.good.start, abs=1e-6)
    assert cut.intervals.stop == pytest.approx(case.good.stop, abs=1e-6)


def test_with_the_usual_settings_of_the_camera_most_of_the_time_is_the_same(case: Case) -> None:
    """With rangescale 15 in place of the 6 that espfilt was run with."""
    settings = HistogramSettings(range_scale=15.0)
    cut = histogram_cut(case.curve, settings)
    assert cut.intervals.intersect(case.good).total / cut.intervals.unite(case.good).total >= 0.98


def test_a_fixed_cut_gives_the_intervals_of_tabgtigen(real_data: Path) -> None:
    folder = real_data / "sas-products" / "0124710801"
    table = read_table(f"{folder / 'PN_rate.fits.gz'}:RATE")
    curve = RateCurve.of(table.column("TIME"), table.column("RATE"), float(table.header["TIMEDEL"]))
    real = read_gti(str(folder / "PN_gti.fits"))
    cut = fixed_cut(curve, 0.5)
    assert cut.intervals.start == pytest.approx(real.start, abs=1e-6)
    assert cut.intervals.stop == pytest.approx(real.stop, abs=1e-6)
    assert cut.kept == pytest.approx(real.total)
