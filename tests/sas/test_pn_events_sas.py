"""Codings and figures of pn event lists against a list made by SAS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.calibration.nominal import FieldOfView, ccd_geometry, frame_timing
from xmmpy.events.flags import XMMEA_EP, PnFlag
from xmmpy.events.livetime import Frames, live_time
from xmmpy.events.placing import camera_places
from xmmpy.events.pn.frames import COLUMNS_PER_FRAME, FRAMES_LOST_IN_OVERFLOW
from xmmpy.events.pn.patterns import MAIN_PIXEL, pixel_keys, recognise
from xmmpy.products.intervals import Intervals

LIST = "pn-list/0932190801/0932190801_PN1_src.evt.gz"


@pytest.fixture(scope="module")
def pn_list(real_data: Path) -> fits.HDUList:
    with fits.open(real_data / LIST) as file:
        for table in file:
            _ = table.data
        return file


def test_bits_of_flag(pn_list: fits.HDUList) -> None:
    header = pn_list["EVENTS"].header
    comments = {header.comments[key]: key for key in header if key.startswith("XMMEA_") and key != "XMMEA_EP"}
    assert len(comments) == len(PnFlag)
    for flag in PnFlag:
        assert header[comments[flag.name]] == f"(FLAG & 0x{flag.value:x}) != 0"
    assert header["XMMEA_EP"] == f"(FLAG & 0x{XMMEA_EP:x}) == 0"


def test_pattern_and_pat_id(pn_list: fits.HDUList) -> None:
    """Doubles have the main pixel's orientation and a running number from 1, singles 0."""
    events = pn_list["EVENTS"].data
    single = events["PATTERN"] == 0
    assert (events["PAT_ID"][single] == 0).all()
    numbers = events["PAT_ID"][~single] - MAIN_PIXEL
    assert numbers.min() == 1
    assert numbers.max() <= 10
    below = events["PATTERN"] == 3  # the second pixel lies one row nearer to the read-out
    assert np.mean(events["PAT_SEQ"][below] == 1) > 0.95
    assert not (events["PAT_SEQ"][~below] == 1).any()


@pytest.mark.parametrize(("pattern", "step"), [(1, (0, 1)), (2, (1, 0)), (3, (0, -1)), (4, (-1, 0))])
def test_doubles_have_the_same_numbers_here(pn_list: fits.HDUList, pattern: int, step: tuple[int, int]) -> None:
    """Make the second pixel of each double of the list anew, find the pattern again, with its PAT_SEQ."""
    events = pn_list["EVENTS"].data[pn_list["EVENTS"].data["PATTERN"] == pattern]
    frame = np.repeat(np.arange(len(events)), 2)
    rawx, rawy = (
        np.stack([events[name], events[name] + step[axis]], 1).ravel() for axis, name in ((0, "RAWX"), (1, "RAWY"))
    )
    charge = np.stack([events["PHA"], events["PHA"] // 3], axis=1).ravel()
    keys = pixel_keys(frame, rawx, rawy)
    order = np.argsort(keys)
    found = recognise(keys[order], charge[order].astype(np.int16))
    assert (found.pattern == pattern).all()
    assert (MAIN_PIXEL + found.index == 5121).all()
    assert np.array_equal(found.sequence[found.main] == 1, np.full(len(events), pattern == 3))


def test_live_time_and_fraction(pn_list: fits.HDUList) -> None:
    """FRACEXP is 1 - n / 3840 with n discarded columns, times 15/20 after an overflow (to 1e-5)."""
    table = pn_list["EXPOSU02"]
    fraction = table.data["FRACEXP"].astype(np.float64)
    timing = frame_timing("EPN")
    columns = COLUMNS_PER_FRAME * timing.live_block

    def whole(part: np.ndarray) -> np.ndarray:
        lost = (1.0 - part) * columns
        return np.abs(lost - np.rint(lost)) < 0.03

    counts = set(pn_list["HKAUX02"].data["DSLIN"][:1].tolist())
    assert {round(float((1.0 - fraction[0]) * columns))} == counts
    kept = 1.0 - FRAMES_LOST_IN_OVERFLOW / timing.live_block
    overflow = (fraction < 0.8) & whole(fraction / kept)
    assert np.mean(whole(fraction)) > 0.95
    assert np.count_nonzero(overflow) > 1000
    header = table.header
    assert header["FIFOLOSS"] == pytest.approx(
        header["FIFOOVER"] * FRAMES_LOST_IN_OVERFLOW * header["FRAMETIM"] / 1000, rel=1e-4
    )
    assert header["TIMEDEL"] == pytest.approx(timing.integration_s, rel=1e-9)
    good = pn_list["STDGTI02"].data
    frames = Frames(table.data["TIME"], header["TIMEDEL"], table.data["FRACEXP"])
    live = live_time(frames, Intervals.of(good["START"], good["STOP"]))
    assert live == pytest.approx(pn_list["EVENTS"].header["LIVETI02"], rel=1e-6)


def test_columns_discarded_on_the_ground(pn_list: fits.HDUList) -> None:
    """DLISAS counts by column, and adds up to NDSCLINC."""
    for ccd in range(1, 13):
        table = pn_list[f"DLIMAP{ccd:02d}"]
        if not table.header["NDSCLINC"]:
            continue
        assert table.data["DLISAS"].sum() == table.header["NDSCLINC"]
        assert not table.data["DLISAS"][64:].any()


def test_columns_discarded_on_board(pn_list: fits.HDUList) -> None:
    """DLIODF counts by column: the three CCDs of a quadrant have what NDISCLIN counted, fewer at the borders."""
    for quadrant in range(4):
        tables = [pn_list[f"DLIMAP{3 * quadrant + ccd:02d}"] for ccd in (1, 2, 3)]
        counts = np.stack([table.data["DLIODF"] for table in tables])
        assert not counts[:, 64:].any()
        total = pn_list[f"HKAUX{3 * quadrant + 1:02d}"].header["NDSCLINQ"]
        assert counts.sum() == pytest.approx(total, rel=0.03)
        assert np.all(counts[:, [0, 63]] < 0.9 * counts[:, 2:62].mean())


def test_places(pn_list: fits.HDUList) -> None:
    """DETX, DETY of every event lie within half a pixel of the centre of its pixel."""
    events = pn_list["EVENTS"].data
    geometry = next(ccd for ccd in ccd_geometry("EPN") if ccd.ccd == 2)
    places = camera_places(geometry, FieldOfView((0.0, 0.0, 1e5)), events["RAWX"], events["RAWY"], None)
    for name, found in (("DETX", places.detx), ("DETY", places.dety)):
        off = events[name].astype(float) - found
        assert np.abs(off).max() <= geometry.pixel / 2 + 2.0
        assert abs(off.mean()) < 3.0
