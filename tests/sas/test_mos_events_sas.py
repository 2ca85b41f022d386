"""MOS raw events of a real, incomplete ODF: every event is accounted for, and the rules hold that the code rests on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from xmmpy.calibration.badpixels import BadPixels
from xmmpy.calibration.camera import nominal_camera
from xmmpy.calibration.patterns import pattern_pixels
from xmmpy.events.mos import MosOptions, calibrate_mos_ccd
from xmmpy.events.mos.rules import LARGEST_ENERGY
from xmmpy.odf.rawfiles import read_mos_events, read_mos_frames

pytestmark = pytest.mark.sas
NAME = "0234_0135730701_M1"
FINE_STEP = 40e-6  # s; Data Files Handbook


def seconds(frame: NDArray, coarse: NDArray, fine: NDArray, group: NDArray) -> NDArray[np.float64]:
    return np.asarray(coarse + fine * FINE_STEP, np.float64)


@pytest.fixture
def odf(real_data: Path) -> Path:
    return real_data / "odf" / "0135730701"


def files(odf: Path, exposure: str) -> list[Path]:
    return sorted(odf.glob(f"{NAME}{exposure}??IME.FIT*"))


@pytest.mark.parametrize(("exposure", "ccds"), [("U004", 6), ("U005", 1), ("U007", 7)])
def test_every_raw_event_is_accounted_for(odf: Path, exposure: str, ccds: int) -> None:
    """AUX has all frames of the events; in U005 most of them lack events that they counted."""
    tables = read_mos_frames(odf / f"{NAME}{exposure}00AUX.FIT", seconds)
    paths = files(odf, exposure)
    assert len(paths) == ccds
    for path in paths:
        events, window, missing = read_mos_events(path)
        ccd = int(path.name[len(NAME) + 4])
        found = calibrate_mos_ccd(
            events, tables[ccd], window, ccd, "PrimeFullWindow", nominal_camera("EMOS1"), BadPixels.none(),
            MosOptions(), np.random.default_rng(0),
        )  # fmt: skip
        assert missing == 0
        assert found.raw_events == len(events) > 500
        assert len(found.events) + sum(fate.events for fate in found.fates) == len(events)
        assert np.all(found.good.contains(found.events.time))


def test_counters_of_frames_agree_with_the_events(odf: Path) -> None:
    """NVALID is the number of events of a frame, on all six outer CCDs; E1 and the thresholds are right."""
    tables = read_mos_frames(odf / f"{NAME}U00700AUX.FIT", seconds)
    for path in files(odf, "U007")[1:]:
        events, _, _ = read_mos_events(path)
        frames = tables[int(path.name[len(NAME) + 4])]
        counted = np.bincount(events.frame, minlength=frames.frame.max() + 1)[frames.frame]
        assert np.mean(counted == frames.nvalid) > 0.95
        assert np.median(np.diff(frames.end)) == pytest.approx(2.6, abs=0.001)


def test_light_falls_on_columns_6_to_605(odf: Path) -> None:
    """RAWX 1 to 600 of event lists, RAWY as it is: a handful of events of thousands lie in the overscan."""
    for path in files(odf, "U007")[1:]:
        events, _, _ = read_mos_events(path)
        assert np.mean((events.rawx >= 6) & (events.rawx <= 605)) > 0.998
        assert events.rawy.min() >= 1
        assert events.rawy.max() <= 601


def test_rings_hold_what_their_pixels_make_expect(odf: Path) -> None:
    """E3 goes to E4 as the pixels of the inner ring that the pattern leaves free go to the 16 of the outer one."""
    events, _, _ = read_mos_events(files(odf, "U007")[0])
    for pattern in (0, 1, 2, 3, 4, 26):
        mine = (events.pattern == pattern) & (events.peripix == 0) & (events.e4 > 300)  # a bright part of the CCD
        assert mine.sum() > 50
        ratio = np.median(events.e3[mine] / events.e4[mine])
        assert ratio == pytest.approx((8 - len(pattern_pixels()[pattern])) / 16, abs=0.005)


@pytest.mark.parametrize(("name", "limits"), [("U00410", (100, 4095)), ("U00710", (200, 1000))])
def test_thresholds_are_for_the_whole_charge(odf: Path, name: str, limits: tuple[int, int]) -> None:
    """E1 + E2 fills the range from EMDHLOW to EMDHUPP and does not leave it."""
    events, window, _ = read_mos_events(next(odf.glob(f"{NAME}{name}IME.FIT*")))
    charge = events.e1.astype(np.int32) + events.e2
    assert (window.low, window.high) == limits
    assert events.e1.min() < window.low <= charge[events.pattern < 30].min() < window.low + 5
    assert charge.max() == window.high


def test_converters_stop_between_3850_and_4095(odf: Path) -> None:
    """More than three times as many events as in the 250 adu below: their energy was cut off."""
    e1 = np.concatenate([read_mos_events(path)[0].e1 for path in files(odf, "U007")[1:]])
    assert e1.max() < 4095
    assert np.sum(e1 >= LARGEST_ENERGY) > 3 * np.sum((e1 >= LARGEST_ENERGY - 250) & (e1 < LARGEST_ENERGY)) > 0


def test_singles_have_no_second_energy(odf: Path) -> None:
    """E2 belongs to the other pixels of the pattern, so that PHA is E1 + E2."""
    for path in files(odf, "U007")[1:]:
        events, _, _ = read_mos_events(path)
        assert not np.any(events.e2[events.pattern == 0])
        assert np.all(events.e2[(events.pattern >= 1) & (events.pattern <= 12)] > 0)
