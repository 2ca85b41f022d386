"""Gain and charge loss: the arithmetic, the table in use, and what has no energy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmmpy.calibration.energy import SIDE, MosEnergy, mos_energy, mos_terms, pattern_class, pn_energy
from xmmpy.calibration.nominal import energy_scale, read_table
from xmmpy.events.energy import mos_event_energy, pn_pixel_energy


def events(number: int, seed: int = 3) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    return (
        rng.integers(1, 8, number).astype(np.uint8), rng.integers(1, 601, number).astype(np.int16),
        rng.integers(1, 601, number).astype(np.int16), rng.integers(0, 13, number).astype(np.uint8),
        rng.integers(30, 4000, number).astype(np.int16),
    )  # fmt: skip


@pytest.mark.parametrize("camera", ["EMOS1", "EMOS2"])
def test_energies_event_by_event(camera: str) -> None:
    """The kernel over columns gives what the table's own words say for one event after the other."""
    columns = events(300)
    energy = mos_event_energy(mos_energy(camera), *columns)
    factors = {int(row["ccd"]): row for row in read_table("mos_energy").where("camera", camera).rows}
    traps = read_table("mos_column_offsets").where("camera", camera).rows
    for ccd, rawx, rawy, pattern, pha, found in zip(*columns, energy, strict=True):
        row = {name: float(value) for name, value in factors[int(ccd)].items() if name != "camera"}
        p, x, y = float(pha) / 1000, float(rawx) / 600, float(rawy) / 600
        wanted = row["offset"] + row["gain"] * p + row["quadratic"] * p * p + row["serial"] * x + row["parallel"] * y
        wanted += row["serial_gain"] * p * x + row["parallel_gain"] * p * y + row["parallel_root"] * p**0.5 * y
        if pattern:
            wanted += row["split_gain"] * p
            wanted += row["double" if pattern <= 4 else "triple" if pattern <= 8 else "quadruple"]
        steps = [
            (int(trap["first_rawy"]), float(trap["offset"]))
            for trap in traps
            if (int(trap["ccd"]), int(trap["rawx"])) == (int(ccd), int(rawx)) and int(trap["first_rawy"]) <= rawy
        ]
        wanted += max(steps)[1] if steps else 0.0
        assert found == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize("camera", ["EMOS1", "EMOS2"])
def test_the_gain_is_that_of_the_channels_table(camera: str) -> None:
    """To 5 %: CCDs differ, their mean is the scale that lists are simulated with."""
    _, rawx, rawy, _, _ = events(3000)
    for ccd in range(1, 8):
        numbers, zeros = np.full(3000, ccd, np.uint8), np.zeros(3000, np.uint8)
        low, high = (
            mos_event_energy(mos_energy(camera), numbers, rawx, rawy, zeros, np.full(3000, pha)).mean()
            for pha in (300, 2300)
        )
        assert (high - low) / 2000 == pytest.approx(energy_scale(camera).ev_per_channel, rel=0.05)


def test_energy_grows_with_charge_everywhere() -> None:
    ccdnr, rawx, rawy, pattern, pha = events(20000)
    for camera in ("EMOS1", "EMOS2"):
        calibration = mos_energy(camera)
        more = mos_event_energy(calibration, ccdnr, rawx, rawy, pattern, pha + 1)
        assert (more > mos_event_energy(calibration, ccdnr, rawx, rawy, pattern, pha)).all()


def test_ccds_nodes_and_pixels_at_the_rim() -> None:
    calibration = mos_energy("EMOS1")
    ones = np.ones(4, np.int16)
    energy = mos_event_energy(calibration, np.array([0, 8, 11, 1]), ones * 7, ones * 9, ones * 0, ones * 500)
    assert np.isnan(energy).tolist() == [True, True, False, False]
    assert energy[2] == energy[3]
    rim = np.array([-4, 605, 0, 600])
    assert np.isfinite(mos_event_energy(calibration, ones, rim, rim, ones * 0, ones * 500)).all()


def test_traps_hold_from_their_row_on() -> None:
    offsets = np.zeros((8, SIDE + 1, SIDE + 1), np.int16)
    offsets[3, 10, 200:] = 50
    coefficients = np.zeros((8, 12))
    coefficients[:, 1] = 3000.0
    calibration = MosEnergy(coefficients, offsets, "made up")
    rows = np.array([199, 200, 600, 300])
    columns = np.array([10, 10, 10, 11])
    energy = mos_event_energy(calibration, np.full(4, 3), columns, rows, np.zeros(4), np.full(4, 100))
    assert energy.tolist() == [300.0, 350.0, 350.0, 300.0]


def test_randomised_charge_stays_in_its_channel() -> None:
    columns = events(50000)
    calibration = mos_energy("EMOS2")
    centre = mos_event_energy(calibration, *columns)
    spread = mos_event_energy(calibration, *columns, np.random.default_rng(1)) - centre
    assert np.abs(spread).max() < 1.9  # half a channel of 3.4 eV, and its losses
    assert spread.std() == pytest.approx(3.38 / np.sqrt(12), rel=0.05)
    pixels = pn_pixel_energy(pn_energy(), columns[1] % 200, columns[4], np.random.default_rng(1))
    assert np.abs(pixels - pn_pixel_energy(pn_energy(), columns[1] % 200, columns[4])).max() < 3.0


@given(st.lists(st.integers(0, 255), min_size=1))
def test_pattern_classes(patterns: list[int]) -> None:
    wanted = [0 if p == 0 else 1 if p <= 4 else 2 if p <= 8 else 3 for p in patterns]
    assert pattern_class(np.array(patterns, np.uint8)).tolist() == wanted


def test_terms_of_no_charge_are_finite() -> None:
    terms = mos_terms(np.array([-3.0, 0.0]), np.ones(2), np.ones(2), np.zeros(2, np.int8))
    assert np.isfinite(terms).all()


def test_a_pn_pixel_loses_more_the_further_it_is_moved() -> None:
    energy = pn_pixel_energy(pn_energy(), np.array([0, 100, 200]), np.full(3, 1000))
    assert energy[0] == 5000.0
    assert 1.05 < energy[1] / energy[0] < 1.10
    assert energy[2] - energy[1] == pytest.approx(energy[1] - energy[0], rel=1e-4)
