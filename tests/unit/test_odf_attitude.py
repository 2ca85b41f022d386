"""Attitude: rotations, interpolation at poles and through 0 = 360, gaps, and the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odf_sample import FIRST, write_attitude

from xmmpy.odf.attitude import Attitude, from_quaternion, separation, to_quaternion
from xmmpy.odf.attitude_files import read_attitude_history, read_raw_attitude
from xmmpy.odf.attitude_table import sample_attitude
from xmmpy.products.errors import FileProblem

longitudes = st.floats(0, 359.999)
latitudes = st.floats(-89.9, 89.9)


def circle(difference: np.ndarray) -> np.ndarray:
    return np.abs((difference + 180) % 360 - 180)


@given(longitudes, latitudes, longitudes)
def test_a_rotation_gives_back_its_angles(longitude: float, latitude: float, angle: float) -> None:
    found = from_quaternion(to_quaternion(np.array([longitude]), np.array([latitude]), np.array([angle])))
    assert circle(found[0] - longitude)[0] < 1e-10
    assert found[1][0] == pytest.approx(latitude, abs=1e-11)
    assert circle(found[2] - angle)[0] < 1e-10


def axes(longitude: float, latitude: float, angle: float) -> np.ndarray:
    """Pointing and the direction of the position angle, written out independently of quaternions."""
    a, d, p = np.radians([longitude, latitude, angle])
    pointing = np.array([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
    east = np.array([-np.sin(a), np.cos(a), 0])
    north = np.array([-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)])
    return np.stack([pointing, np.cos(p) * north + np.sin(p) * east])


@given(longitudes, st.floats(-90, 90), longitudes)
def test_directions_are_right_at_the_poles_too(longitude: float, latitude: float, angle: float) -> None:
    found = from_quaternion(to_quaternion(np.array([longitude]), np.array([latitude]), np.array([angle])))
    assert np.abs(axes(*(float(part[0]) for part in found)) - axes(longitude, latitude, angle)).max() < 1e-12


@given(longitudes, st.floats(-90, 90), longitudes, st.floats(0, 1))
def test_a_turn_over_a_pole_is_even(longitude: float, latitude: float, angle: float, part: float) -> None:
    step = 0.01
    attitude = Attitude.of(
        [0, 10], [0, 10], [longitude, longitude + step], [latitude, latitude], [angle, angle + 2 * step]
    )
    between = attitude.at([10 * part])
    ends = [axes(*(float(v[0]) for v in from_quaternion(attitude.quaternion[n : n + 1]))) for n in (0, 1)]
    middle = axes(float(between.right_ascension[0]), float(between.declination[0]), float(between.position_angle[0]))
    expected = (1 - part) * ends[0] + part * ends[1]
    assert np.abs(middle - expected).max() < 1e-7  # the chord lies below the arc by the angle squared over 8


def test_right_ascension_turns_through_zero() -> None:
    attitude = Attitude.of([0, 10], [0, 10], [359.99, 0.01], [5, 5], [0.02, 359.98])
    middle = attitude.at([5.0])
    assert circle(middle.right_ascension)[0] < 1e-9
    assert circle(middle.position_angle)[0] < 1e-6
    assert middle.declination[0] == pytest.approx(5, abs=1e-5)


def test_far_from_any_record_there_is_no_attitude() -> None:
    attitude = Attitude.of([0, 100, 230], [50, 190, 300], [10, 10, 10], [0, 0, 0], [0, 0, 0])
    times = np.array([-21, -20, 25, 70, 71, 75, 79, 80, 190, 209, 210, 211, 215, 320, 321, np.nan])
    known = attitude.at(times).known.tolist()
    assert known == [
        False,
        True,
        True,
        True,
        False,
        False,
        False,
        True,
        True,
        True,
        True,
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_record_holds_until_its_end_whatever_order_they_come_in() -> None:
    attitude = Attitude.of([10, 0, 5, 5], [20, 8, 7, 7], [3, 1, 2, 2], [0, 0, 0, 0], [0, 0, 0, 0])
    assert attitude.at([0, 4.9, 5, 7, 10, 20]).right_ascension == pytest.approx([1, 1, 2, 2, 3, 3])
    assert attitude.dropped == 1


def test_records_without_sense_are_dropped() -> None:
    attitude = Attitude.of([0, np.nan, 5], [1, 2, 4], [1, 1, np.nan], [0, 0, 0], [0, 0, 0])
    assert (len(attitude), attitude.dropped) == (1, 2)
    assert not Attitude.of([], [], [], [], []).at([1.0]).known.any()


def test_a_fixed_attitude_never_ends() -> None:
    found = Attitude.fixed(12.5, -45.0, 300.0).at([-1e9, 0, 1e9])
    assert found.right_ascension == pytest.approx([12.5] * 3)
    assert found.declination == pytest.approx([-45.0] * 3)
    assert found.position_angle == pytest.approx([300.0] * 3)


@given(longitudes, latitudes, st.floats(0, 1e-3), longitudes)
def test_small_separations_are_exact(longitude: float, latitude: float, angle: float, direction: float) -> None:
    east, north = angle * np.sin(np.radians(direction)), angle * np.cos(np.radians(direction))
    if abs(latitude) > 80:
        return
    there = separation([longitude + east / np.cos(np.radians(latitude))], [latitude + north], longitude, latitude)
    assert there[0] == pytest.approx(angle, abs=1e-7)


def test_means_are_taken_around_the_pointing() -> None:
    attitude = Attitude.of([0, 11], [10, 20], [359.998, 0.002], [5, 5], [0.001, 359.999])
    table = sample_attitude(attitude, 0, 20)
    assert table.time.size == 21
    assert circle(np.array([table.mean[0], table.median[0], table.mean[2]])).max() < 0.003
    assert table.offset.max() < 0.005


def test_no_attitude_in_the_observation_is_told() -> None:
    with pytest.raises(ValueError, match="within 20 s"):
        sample_attitude(Attitude.of([0], [1], [1], [1], [1]), 100, 200)


def test_a_history_is_read(tmp_path: Path) -> None:
    write_attitude(tmp_path, [(-100, 130, 149.59475, -11.0876, 299.5), (31, 100, 149.5948, -11.0876, 299.6)])
    attitude = read_attitude_history(next(tmp_path.iterdir()))
    assert (len(attitude), attitude.source) == (2, "AHF")
    assert attitude.start == pytest.approx([FIRST - 100, FIRST + 31])
    assert attitude.at([FIRST]).right_ascension[0] == pytest.approx(149.59475, abs=3e-5)
    assert attitude.at([FIRST]).declination[0] == pytest.approx(-11.0876, abs=3e-5)


def test_raw_attitude_is_read_and_nonsense_is_told(tmp_path: Path) -> None:
    path = tmp_path / "RAS.ASC"
    path.write_text(
        "2004-06-17T10:38:28.5 09:58:22.74 -11:05:15.5 299.596\n2004-06-17T10:38:29.0 149.595 -11.0876 299.597\n"
    )
    attitude = read_raw_attitude(path)
    assert attitude.source == "RAF"
    assert attitude.at([FIRST + 0.5]).right_ascension[0] == pytest.approx(149.59475)
    path.write_text("nothing\nof\nthis\n2004-06-17T10:38:28 1.0 2.0 3.0\n")
    with pytest.raises(FileProblem, match="cannot be understood as raw attitude"):
        read_raw_attitude(path)
