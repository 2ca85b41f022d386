"""Simulated lists hold what the truth beside them says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from xmmpy.calibration import nominal, surroundings
from xmmpy.simulation import SimulatedObservation, SimulationSettings, simulate_events, sky, telescope

RA, DEC, PA = 83.0, -5.0, 107.0
PATTERNS = {"mos1": 12, "mos2": 12, "pn": 4}
GOOD = {"mos1": 0x766BA000, "mos2": 0x766BA000, "pn": 0xCFA0000}
INSTRUMENTS = {"mos1": "EMOS1", "mos2": "EMOS2", "pn": "EPN"}
# On the CCDs of all three cameras, off the gaps, and one of them extended.
OFFSETS_ARCMIN = np.array([[0.8, 1.0], [-5.0, 3.0], [3.5, -6.0], [7.0, 6.5], [-4.0, -4.5]])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimulatedObservation:
    ra = RA + OFFSETS_ARCMIN[:, 0] / 60.0 / np.cos(np.radians(DEC))
    sources = sky.Sources.build(ra, DEC + OFFSETS_ARCMIN[:, 1] / 60.0, 1e-12, [0, 0, 0, 0, 12.0])
    settings = SimulationSettings(
        exposure=8000, seed=11, ra=RA, dec=DEC, position_angle=PA, sources=sources, logn_logs=False
    )
    return simulate_events(tmp_path_factory.mktemp("simulated"), settings)


def events(made: SimulatedObservation, name: str) -> tuple[fits.FITS_rec, fits.Header]:
    with fits.open(made.event_lists[name]) as hdus:
        return hdus["EVENTS"].data.copy(), hdus["EVENTS"].header.copy()


def truth(made: SimulatedObservation) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(made.truth.read_text())
    return record


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_sources_are_where_they_should_be(made: SimulatedObservation, name: str) -> None:
    rows, _ = events(made, name)
    x, y = sky.sky_to_plane(made.sources.ra, made.sources.dec, RA, DEC)
    for i in range(len(made.sources)):
        near = (np.hypot(rows["X"] - x[i], rows["Y"] - y[i]) < 400) & (rows["PI"] > 500) & (rows["PI"] < 2000)
        for _ in range(3):
            shift = [np.median(rows["X"][near]) - x[i], np.median(rows["Y"][near]) - y[i]]
        spread = 1.4 * np.std(rows["X"][near]) / np.sqrt(near.sum())
        assert near.sum() > 100
        assert np.hypot(*shift) * 0.05 < max(0.8, 4 * spread * 0.05), f"source {i} of {name} off by {shift}"


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_counts_are_those_expected(made: SimulatedObservation, name: str) -> None:
    """Chi-square of every source and band against flux x factor x vignetting x live time x coverage."""
    table = Table.read(made.truth_sources)
    expected, counts = np.asarray(table[f"{name}_expected"]), np.asarray(table[f"{name}_counts"])
    chi_square = np.sum((counts - expected) ** 2 / (expected + (0.03 * expected) ** 2))
    assert 8 < chi_square < 55, "25 numbers; 3 % is left for the coverage, drawn at one energy"
    assert counts.sum() == pytest.approx(expected.sum(), rel=0.02)
    late = np.asarray(table[f"{name}_out_of_time"]).sum() / counts.sum()
    assert late == pytest.approx(0.0679 if name == "pn" else 0.0023, abs=0.012 if name == "pn" else 0.003)


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_counts_in_the_list(made: SimulatedObservation, name: str) -> None:
    """Counts taken from the list in a circle, background taken off, are those of the truth table."""
    rows, _ = events(made, name)
    table = Table.read(made.truth_sources)
    x, y = sky.sky_to_plane(made.sources.ra[1], made.sources.dec[1], RA, DEC)
    valid = (rows["PATTERN"] <= PATTERNS[name]) if name != "pn" else (rows["PATTERN"] <= 12)
    valid &= (rows["PI"] >= 1000) & (rows["PI"] < 2000)
    radius = np.hypot(rows["X"] - x, rows["Y"] - y) * 0.05
    inside, ring = (valid & (radius < 60)).sum(), (valid & (radius > 120) & (radius < 180)).sum()
    found = inside - ring * 60**2 / (180**2 - 120**2)
    expected = 0.915 * float(table[f"{name}_counts"][1][2])
    assert found == pytest.approx(expected, abs=4 * np.sqrt(inside) + 0.03 * expected)


def test_vignetting_of_the_sources(made: SimulatedObservation) -> None:
    table = Table.read(made.truth_sources)
    for name, instrument in INSTRUMENTS.items():
        rates = np.asarray(table[f"{name}_expected"])[:, 2] / np.asarray(table[f"{name}_coverage"])
        angle = np.asarray(table[f"{name}_offaxis"])
        factor = nominal.vignetting().at(np.full(5, 1.4), angle)
        pointing = telescope.Telescope(instrument, "Thin1", telescope.Pointing(RA, DEC, PA))
        detx, dety = pointing.sky_to_det(np.asarray(table["ra"]), np.asarray(table["dec"]))
        factor = factor * nominal.azimuthal_vignetting(instrument).at_det(instrument, detx, dety)
        assert np.allclose(rates / rates[0], factor / factor[0], rtol=0.02), instrument
        assert factor.min() < 0.7 * factor.max()


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_flares_are_in_the_hard_curve_and_the_quiet_time_is_quiet(made: SimulatedObservation, name: str) -> None:
    rows, _ = events(made, name)
    hard = ((rows["FLAG"] & GOOD[name]) == 0) & (rows["PATTERN"] == 0) & (rows["PI"] > 10_000)
    if name == "pn":
        hard &= rows["PI"] < 12_000
    flares = [(f["start"], f["stop"], f["peak_counts_s_mos"]) for f in truth(made)["flares"]]
    assert flares
    edges = made.met_start + np.arange(0.0, 8001.0, 100.0)
    rate = np.histogram(rows["TIME"][hard], edges)[0] / 100.0
    in_flare = np.zeros(rate.size, dtype=bool)
    for start, stop, _ in flares:
        in_flare |= (edges[1:] > start) & (edges[:-1] < stop)
    assert rate[in_flare].max() > 0.5
    assert np.mean(rate[~in_flare]) < (0.25 if name == "pn" else 0.15)
    assert np.mean(rate[~in_flare] > (0.4 if name == "pn" else 0.35)) < 0.03


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_times_add_up(made: SimulatedObservation, name: str) -> None:
    """ONTIMEnn, LIVETInn, GTIs, EXPOSUnn and the truth agree, and no event lies outside the good time."""
    with fits.open(made.event_lists[name]) as hdus:
        hdus.verify("exception")
        header, rows = hdus["EVENTS"].header, hdus["EVENTS"].data
        central = 4 if name == "pn" else 1
        assert header["ONTIME"] == header[f"ONTIME{central:02d}"]
        assert header["LIVETIME"] == header[f"LIVETI{central:02d}"]
        told = truth(made)["cameras"][name]
        for number in range(1, len(told["ontime_s"]) + 1):
            gti, exposure = hdus[f"STDGTI{number:02d}"].data, hdus[f"EXPOSU{number:02d}"]
            ontime = np.sum(gti["STOP"] - gti["START"])
            assert header[f"ONTIME{number:02d}"] == pytest.approx(ontime, abs=1e-4)
            step = exposure.header["TIMEDEL"] if name == "pn" else exposure.data["TIMEDEL"].astype(float)
            live = np.sum(exposure.data["FRACEXP"].astype(float) * step)
            assert header[f"LIVETI{number:02d}"] == pytest.approx(live, rel=1e-6)
            assert told["livetime_s"][number - 1] == pytest.approx(live, rel=1e-6)
            begin, end = exposure.data["TIME"] - step / 2, exposure.data["TIME"] + step / 2
            home = np.searchsorted(gti["START"], begin, side="right") - 1
            assert np.all((home >= 0) & (end <= gti["STOP"][home])), "a frame reaches over a border"
            time = rows["TIME"][rows["CCDNR"] == number]
            interval = np.searchsorted(gti["START"], time, side="right") - 1
            assert np.all(interval >= 0)
            assert np.all(time <= gti["STOP"][interval] + 1e-6)
        assert header["DSREF2"] == ":STDGTI01"
        assert header["2DSREF2"] == ":STDGTI02"


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_flags_and_coordinates_hang_together(made: SimulatedObservation, name: str) -> None:
    rows, header = events(made, name)
    instrument = INSTRUMENTS[name]
    out = (rows["FLAG"] & 0x10000) != 0
    view = nominal.field_of_view(instrument)
    detx, dety = rows["DETX"].astype(float), rows["DETY"].astype(float)
    moved = [view.contains(detx + dx, dety + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]  # DETX,DETY are rounded
    assert not np.any(out[np.all(moved, axis=0)])
    assert np.all(out[~np.any(moved, axis=0)])
    x, y = telescope.det_to_plane(instrument, PA, rows["DETX"].astype(float), rows["DETY"].astype(float))
    assert np.abs(x - rows["X"]).max() <= 1.5
    assert np.abs(y - rows["Y"]).max() <= 1.5
    for ccd in nominal.ccd_geometry(instrument):
        mine = rows[rows["CCDNR"] == ccd.ccd]
        detx, dety = ccd.raw_to_det(mine["RAWX"].astype(float), mine["RAWY"].astype(float))
        assert np.abs(detx - mine["DETX"]).max() <= ccd.pixel / 2 + 0.51
        assert np.abs(dety - mine["DETY"]).max() <= ccd.pixel / 2 + 0.51
    for i, column in enumerate(header["TTYPE*"].values(), start=1):
        if f"TLMIN{i}" in header:
            assert rows[column].min() >= header[f"TLMIN{i}"], column
            assert rows[column].max() <= header[f"TLMAX{i}"], column
    assert header["TDMIN6"] == rows["X"].min() if name == "pn" else header["TDMAX9"] == rows["PI"].max()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> SimulatedObservation:
    """No sources, whose out-of-time events would fall into the corners."""
    settings = SimulationSettings(exposure=8000, seed=12, ra=RA, dec=DEC, position_angle=PA, logn_logs=False)
    return simulate_events(tmp_path_factory.mktemp("empty"), settings)


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_corners_see_particles_alone(empty: SimulatedObservation, name: str) -> None:
    """Rate per area outside the field of view is that of the particle table; lines at their energies."""
    rows, header = events(empty, name)
    instrument = INSTRUMENTS[name]
    told = truth(empty)["cameras"][name]
    background = surroundings.particle_background(instrument)
    area = sum(ccd.area_arcmin2 for ccd in nominal.ccd_geometry(instrument))
    low, high = 2.5, 7.0
    grid = np.linspace(low, high, 451)
    mean = np.trapezoid(np.interp(grid, background.energy_kev, background.rate), grid)
    rng = np.random.default_rng(5)
    shares = []
    for ccd in nominal.ccd_geometry(instrument):
        detx, dety = ccd.raw_to_det(
            rng.uniform(ccd.first[0] - 0.5, ccd.last[0] + 0.5, 50_000),
            rng.uniform(ccd.first[1] - 0.5 + (11 if name == "pn" else 0), ccd.last[1] + 0.5, 50_000),
        )
        used = 188 / 199 if name == "pn" else 1.0
        shares.append(used * np.mean(~nominal.field_of_view(instrument).contains(detx, dety)))
    lines = background.line_rate[(background.line_kev > low) & (background.line_kev < high)].sum()
    expected = (mean + lines) * area * np.mean(shares) * np.mean(told["livetime_s"])
    if name == "pn":
        expected *= header["FRMTIME"] / 68.70220 * 73.36496 / 73.0
    corner = ((rows["FLAG"] & 0x10000) != 0) & (rows["PI"] > low * 1000) & (rows["PI"] < high * 1000)
    assert corner.sum() == pytest.approx(expected, rel=0.02, abs=4.5 * np.sqrt(expected))
    line = 8048 if name == "pn" else 1487
    near = rows["PI"][(np.abs(rows["PI"] - line) < 60) & ((rows["FLAG"] & 0x10000) != 0)]
    assert np.median(near) == pytest.approx(line, abs=12)


def test_folder_holds_nothing_else(made: SimulatedObservation) -> None:
    names = {path.name for path in Path(made.truth).parent.iterdir()}
    assert names == {path.name for path in made.event_lists.values()} | {"truth.json", "truth_sources.fits"}
