"""Names of ODF files, sexagesimal angles, times and frame counters: round trips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmmpy.odf.frametimes import MOS, PN, FrameCounter, counters_of, reset_from_start, seconds_since_reset
from xmmpy.odf.names import OdfName, parse_name
from xmmpy.odf.sexagesimal import from_degrees, to_degrees
from xmmpy.odf.times import met_of_text, met_of_texts, text_of_met

names = st.builds(
    OdfName,
    revolution=st.from_regex(r"[0-9]{4}", fullmatch=True),
    observation=st.from_regex(r"[0-9]{10}", fullmatch=True),
    instrument=st.sampled_from(["M1", "M2", "PN", "R1", "R2", "OM", "RM", "SC"]),
    schedule=st.sampled_from("SUX"),
    exposure=st.integers(0, 999),
    part=st.from_regex(r"[0-9A-Z]{2}", fullmatch=True),
    kind=st.from_regex(r"[0-9A-Z]{3}", fullmatch=True),
    suffix=st.sampled_from(["FIT", "ASC", "SAS"]),
)


@given(names)
def test_a_name_is_read_as_it_was_written(name: OdfName) -> None:
    assert parse_name(str(name)) == name
    assert parse_name(str(name).lower() + ".gz") == name


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_none(text: str) -> None:
    name = parse_name(text)
    assert name is None or isinstance(name.ccd, int)


def test_the_parts_of_real_names() -> None:
    mos = parse_name("0234_0135730701_M1U00471IME.FIT.gz")
    assert mos is not None
    assert (mos.exposure_id, mos.ccd, mos.node, mos.is_events) == ("U004", 7, 1, True)
    pn = parse_name("0475_0037980801_PNS00112IME.FIT")
    assert pn is not None
    assert (pn.exposure_id, pn.ccd, pn.node) == ("S001", 12, 0)
    attitude = parse_name("0828_0201903501_SCX00000ATS.FIT")
    assert attitude is not None
    assert (attitude.kind, attitude.exposure, attitude.is_events) == ("ATS", 0, False)
    assert parse_name("P0201903501OBX000ATTTSR0000.FIT") is None


@given(st.integers(0, 24 * 36000 - 1))
def test_right_ascensions_go_through_text(tenths: int) -> None:
    degrees = tenths / 2400
    text = from_degrees(degrees, hours=True)
    assert to_degrees(text, hours=True) == pytest.approx(degrees, abs=1e-12)


@given(st.integers(-90 * 36000, 90 * 36000))
def test_declinations_go_through_text(tenths: int) -> None:
    degrees = tenths / 36000
    text = from_degrees(degrees, hours=False)
    assert text[0] in "+-"
    assert to_degrees(text, hours=False) == pytest.approx(degrees, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "hours", "degrees"),
    [
        ("09:58:22.7", True, 149.5945833333),
        ("-00:00:30.0", False, -1 / 120),
        ("-11:05:15.5", False, -11.0876388889),
        (" 24 00 00.0", True, 0.0),
    ],
)
def test_angles_of_known_value(text: str, hours: bool, degrees: float) -> None:
    assert to_degrees(text, hours=hours) == pytest.approx(degrees, abs=1e-9)


@pytest.mark.parametrize("text", ["", "12:60:00", "25:00:00.0", "-01:00:00.0", "1:2", "aa:bb:cc", "12:30:61"])
def test_what_is_no_right_ascension_is_nan(text: str) -> None:
    assert np.isnan(to_degrees(text, hours=True))


@given(st.integers(0, 2_000_000_000_000))
def test_times_go_through_text(milliseconds: int) -> None:
    met = milliseconds / 1000
    assert met_of_text(text_of_met(met)) == pytest.approx(met, abs=6e-4)


def test_times_agree_with_astropy() -> None:
    from astropy.time import Time

    texts = [
        "1999-12-10T12:00:00",
        "2005-12-31T23:59:59",
        "2006-01-01T00:00:00",
        "2016-12-31T23:59:60.5",
        "2024-02-29T01:02:03.25",
    ]
    expected = [((Time(text, scale="utc").tt - Time(50814, format="mjd", scale="tt")).sec) for text in texts]
    assert met_of_texts(texts) == pytest.approx(expected, abs=1e-6)


def test_real_begin_of_an_observation() -> None:
    assert met_of_text("2004-06-17T10:38:28.000") == pytest.approx(203855972.184, abs=1e-6)


@pytest.mark.parametrize("text", ["", "2004-13-01T00:00:00", "2004-02-30T00:00:00", "2004-02-03T25:00:00", "yesterday"])
def test_what_is_no_time_is_nan(text: str) -> None:
    assert np.isnan(met_of_text(text))


@pytest.mark.parametrize("counter", [MOS, PN])
@given(
    first=st.floats(0, 30000),
    steps=st.lists(st.floats(0.05, 900), min_size=1, max_size=200),
    seed=st.integers(0, 2**32 - 1),
)
def test_counters_are_unwrapped_in_any_order(
    counter: FrameCounter, first: float, steps: list[float], seed: int
) -> None:
    seconds = first + np.cumsum(steps)
    seconds -= np.floor(seconds[0] / counter.wrap) * counter.wrap
    coarse, fine = counters_of(seconds, counter)
    stored = coarse.astype(np.int16), fine.astype(np.uint16).astype(np.int16)
    order = np.random.default_rng(seed).permutation(seconds.size)
    found = seconds_since_reset(np.arange(seconds.size)[order], stored[0][order], stored[1][order], counter)
    assert np.abs(found - seconds[order]).max() <= counter.fine_step


def test_a_damaged_counter_moves_no_other_row() -> None:
    seconds = np.arange(1, 40001, 7.0)
    coarse, fine = counters_of(seconds)
    coarse[2000] = 0
    found = seconds_since_reset(np.arange(seconds.size), coarse, fine)
    wrong = np.abs(found - seconds) > 1
    assert np.flatnonzero(wrong).tolist() == [2000]


def test_each_ccd_counts_its_own_frames() -> None:
    seconds = np.concatenate([np.arange(1, 40000, 2.6), np.arange(2, 39000, 5.2)])
    ccd = np.repeat([1, 2], [np.arange(1, 40000, 2.6).size, np.arange(2, 39000, 5.2).size])
    frame = np.concatenate([np.arange(count) for count in np.bincount(ccd)[1:]])
    coarse, fine = counters_of(seconds)
    order = np.random.default_rng(4).permutation(seconds.size)
    found = seconds_since_reset(frame[order], coarse[order], fine[order], ccd=ccd[order])
    assert np.abs(found - seconds[order]).max() <= MOS.fine_step


def test_no_frames_give_no_times() -> None:
    assert seconds_since_reset([], [], []).size == 0
    assert reset_from_start(22731935.04) == 22731935.0
