"""One pn CCD from raw pixels to rows: what becomes of every pixel, and the numbers in the columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmmpy.calibration.badpixels import BadPixels
from xmmpy.calibration.camera import CameraCalibration, nominal_camera
from xmmpy.calibration.energy import PnEnergy
from xmmpy.calibration.nominal import frame_timing
from xmmpy.events.calibrated import CalibratedCcd
from xmmpy.events.energy import pn_pixel_energy
from xmmpy.events.flags import XMMEA_EP, PnFlag
from xmmpy.events.pn import PnOptions, calibrate_pn_ccd
from xmmpy.odf.raw import PnEvents, PnFrameTable, Window

START = 8.1e8
FULL = Window(0, 1, 64, 199, 20, 4095)
EXACT = PnOptions(randomize_position=False, randomize_time=False, randomize_energy=False, lowest_pi=-1)
Rows = list[tuple[int, int, int, int]]


def raw(rows: Rows) -> PnEvents:
    """Pixels as (FRAME, RAWX, RAWY, adu) in the coordinates of event lists."""
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return PnEvents(
        columns[0].astype(np.int32), (columns[1] - 1).astype(np.uint8), (columns[2] - 1).astype(np.uint8),
        columns[3].astype(np.int16),
    )  # fmt: skip


def frames(number: int = 40, mode: str = "PrimeFullWindow") -> PnFrameTable:
    frame, cycles = np.arange(number, dtype=np.int32), np.arange(-(-number // 20), dtype=np.int32)
    counts = np.full(cycles.size, 100, np.int32)
    end = START + (frame + 1) * frame_timing("EPN", mode).frame_s
    return PnFrameTable(
        frame, end, frame // 20, cycles, counts, counts, counts, counts * 0, np.zeros(cycles.size, bool)
    )


def bad(*pixels: tuple[int, int]) -> BadPixels:
    columns = np.array(pixels, np.int16).reshape(-1, 2).T
    ones = np.ones(len(pixels), np.int16)
    return BadPixels(columns[0], columns[1], ones, ones, ones * 2)


def calibrate(
    events: PnEvents,
    options: PnOptions = EXACT,
    mode: str = "PrimeFullWindow",
    window: Window = FULL,
    bad_pixels: BadPixels | None = None,
    calibration: CameraCalibration | None = None,
    ccdnr: int = 4,
    seed: int = 5,
) -> CalibratedCcd:
    return calibrate_pn_ccd(
        events, frames(mode=mode), window, ccdnr, mode, calibration or nominal_camera("EPN"),
        bad_pixels or BadPixels.none(), options, np.random.default_rng(seed), discarded=np.arange(64, dtype=np.int32),
    )  # fmt: skip


def fates(result: CalibratedCcd) -> dict[str, int]:
    return {fate.reason: fate.events for fate in result.fates}


def a_crowd(seed: int, number: int = 3000) -> PnEvents:
    """Pixels of all sorts: known frames and others, outside the CCD, faint and bright, doubled, in any order."""
    rng = np.random.default_rng(seed)
    charge = np.where(rng.random(number) < 0.03, rng.integers(3001, 4096, number), rng.integers(10, 1500, number))
    return PnEvents(
        rng.integers(-2, 45, number).astype(np.int32), rng.integers(0, 70, number).astype(np.uint8),
        rng.integers(0, 210, number).astype(np.uint8), charge.astype(np.int16),
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**16),
    st.integers(0, 3000),
    st.booleans(),
    st.sampled_from([XMMEA_EP, 0, XMMEA_EP | PnFlag.OUT_OF_FOV, PnFlag.ON_BADPIX | PnFlag.CLOSE_TO_BRIGHTPIX]),
    st.sampled_from(["PrimeFullWindow", "FastTiming", "FastBurst"]),
    st.sampled_from([0, 500]),
)
def test_every_pixel_has_one_fate(
    seed: int, number: int, out_of_time: bool, rejected: int, mode: str, reemission: int
) -> None:
    options = PnOptions(out_of_time=out_of_time, rejected=int(rejected), reemission_threshold=reemission)
    result = calibrate(a_crowd(seed, number), options, mode, bad_pixels=bad((10, 20), (30, 100), (64, 200)), ccdnr=1)
    assert len(result.events) + sum(fate.events for fate in result.fates) == result.raw_events == number
    assert all(fate.events > 0 for fate in result.fates)
    assert not (result.events.flag & np.int32(rejected)).any()
    assert (result.events.pi > 150).all()
    assert (result.events.detx is None) == mode.startswith("Fast")


@given(st.integers(0, 2**16))
def test_charge_is_neither_lost_nor_made(seed: int) -> None:
    """With no pixel rejected, PI adds up to the energies of the pixels, to the rounding of each event."""
    crowd = a_crowd(seed, 800)
    known = (crowd.frame >= 0) & (crowd.frame < 40) & (crowd.rawx < 64) & (crowd.rawy < 200) & (crowd.energy >= 20)
    _, once = np.unique(np.stack([crowd.frame, crowd.rawx, crowd.rawy])[:, known], axis=1, return_index=True)
    rows = np.flatnonzero(known)[once]
    faint = PnEvents(
        crowd.frame[rows], crowd.rawx[rows], crowd.rawy[rows], np.minimum(crowd.energy[rows], 900).astype(np.int16)
    )
    result = calibrate(faint, replace(EXACT, rejected=0))
    energy = nominal_camera("EPN").energy
    assert isinstance(energy, PnEnergy)
    wanted = pn_pixel_energy(energy, faint.rawy.astype(np.int16) + 1, faint.energy).sum(dtype=np.float64)
    assert result.events.pi.sum(dtype=np.int64) == pytest.approx(wanted, abs=0.5 * len(result.events) + 1.0)


def test_same_seed_same_bytes() -> None:
    one, same, other = (calibrate(a_crowd(3), PnOptions(), seed=seed).events for seed in (7, 7, 8))
    for name in ("time", "rawx", "rawy", "detx", "dety", "pha", "pi", "flag", "pattern", "pat_id", "pat_seq"):
        assert getattr(one, name).tobytes() == getattr(same, name).tobytes(), name
    assert not np.array_equal(one.time, other.time)
    assert not np.array_equal(one.detx, other.detx)


def test_the_order_of_the_file_does_not_matter() -> None:
    crowd = a_crowd(11)
    _, rows = np.unique(np.stack([crowd.frame, crowd.rawx, crowd.rawy]), axis=1, return_index=True)
    mixed = np.random.default_rng(1).permutation(rows)
    lists = [
        calibrate(PnEvents(crowd.frame[o], crowd.rawx[o], crowd.rawy[o], crowd.energy[o])).events for o in (rows, mixed)
    ]
    for name in ("time", "rawx", "rawy", "pi", "pattern", "pat_id"):
        assert np.array_equal(getattr(lists[0], name), getattr(lists[1], name)), name


def test_columns_of_a_double() -> None:
    """Main pixel, its PHA, the sum as PI, PAT_ID as in real lists, PAT_SEQ, DETX and DETY, the frame's middle."""
    result = calibrate(raw([(3, 20, 100, 80), (3, 20, 101, 900), (3, 20, 120, 400)]))
    rows = result.events
    assert rows.pattern.tolist() == [3, 0]
    assert (rows.rawx.tolist(), rows.rawy.tolist(), rows.pha.tolist()) == ([20, 20], [101, 120], [900, 400])
    assert rows.pat_id is not None
    assert rows.pat_seq is not None
    assert (rows.pat_id.tolist(), rows.pat_seq.tolist()) == ([5121, 0], [1, 19])
    energy = nominal_camera("EPN").energy
    pixels = pn_pixel_energy(energy, np.array([100, 101, 120]), np.array([80, 900, 400]))
    assert rows.pi.tolist() == [round(float(pixels[0] + pixels[1])), round(float(pixels[2]))]
    geometry = nominal_camera("EPN").ccd(4)
    detx, dety = geometry.raw_to_det(rows.rawx.astype(float), rows.rawy.astype(float))
    assert rows.detx == pytest.approx(detx, abs=0.6)
    assert rows.dety == pytest.approx(dety, abs=0.6)
    timing = frame_timing("EPN")
    assert rows.time == pytest.approx(START + 4 * timing.frame_s - timing.integration_s / 2, abs=1e-6)
    assert np.array_equal(rows.time_raw, rows.time)
    assert fates(result) == {"joined to an event of several pixels": 1}


def test_randomised_within_pixel_channel_and_frame() -> None:
    events = raw([(n % 40, 10 + 2 * (n % 25), 50 + 2 * (n // 40), 500) for n in range(1000)])
    plain, spread = calibrate(events).events, calibrate(events, PnOptions()).events
    timing = frame_timing("EPN")
    for name, reach in (("time", timing.integration_s / 2), ("detx", 42.0), ("dety", 42.0), ("pi", 4.0)):
        off = getattr(spread, name).astype(float) - getattr(plain, name)
        assert 0.7 * reach < np.abs(off).max() <= reach, name
        assert abs(off.mean()) < 0.1 * reach, name


def test_a_particle_takes_its_column_and_the_two_beside() -> None:
    result = calibrate(raw([(3, 20, 60, 3500), (3, 20, 90, 500), (3, 21, 10, 500), (3, 22, 10, 500), (4, 20, 10, 500),
                            (5, 64, 9, 3001), (5, 1, 9, 500)]))  # fmt: skip
    assert fates(result) == {"track of a cosmic ray": 2, "beside the track of a cosmic ray": 2}
    assert sorted(zip(result.events.rawx.tolist(), result.events.rawy.tolist(), strict=True)) == [
        (1, 9),
        (20, 10),
        (22, 10),
    ]
    assert result.discarded_lines is not None
    assert result.discarded_lines.shape == (200, 2)
    assert result.discarded_lines[:64, 0].tolist() == list(range(64))
    assert np.flatnonzero(result.discarded_lines[:, 1]).tolist() == [18, 19, 20, 62, 63]
    assert result.frames.fraction[[2, 3, 5]] == pytest.approx([1.0, 61 / 64, 62 / 64])
    assert result.facts["columns discarded on the ground"] == 5
    kept = calibrate(raw([(3, 20, 60, 3500), (3, 20, 90, 500)]), replace(EXACT, rejected=0)).events
    assert sorted(kept.flag.tolist()) == [PnFlag.COSMIC_RAY, PnFlag.MIP_ASSOCIATED]


def test_at_the_threshold_it_is_no_particle() -> None:
    assert calibrate(raw([(3, 20, 60, 3000)])).events.flag.tolist() == [0]


def test_offsets_come_off_first() -> None:
    """The offset may bring a pixel under the threshold; events of its column and of those beside are flagged."""
    camera = replace(nominal_camera("EPN"), offset_columns={4: np.array([[20, 16]], np.int16)})
    result = calibrate(raw([(3, 20, 60, 100), (3, 20, 90, 35), (4, 21, 60, 100)]), calibration=camera)
    assert result.events.pha.tolist() == [84, 100]
    assert result.events.flag.tolist() == [PnFlag.ON_OFFSET_COLUMN, PnFlag.NEXT_TO_OFFSET_COLUMN]
    assert fates(result) == {"below the lower threshold": 1}
    assert result.offsets.tolist() == [[20, 16, 0]]


def test_bad_pixels_join_no_pattern() -> None:
    result = calibrate(raw([(3, 20, 60, 500), (3, 20, 61, 200), (3, 20, 62, 300)]), bad_pixels=bad((20, 61)))
    assert result.events.pattern.tolist() == [0, 0]
    assert (result.events.flag == PnFlag.CLOSE_TO_BRIGHTPIX).all()
    assert fates(result) == {"on a bad pixel": 1}


def test_shapes_at_the_edge_may_be_parts() -> None:
    """Triples and quadruples at the border are coded 206 and 207 (task page epevents); doubles keep their pattern."""
    corner = [(3, 64, 100, 900), (3, 63, 100, 300), (3, 64, 101, 200)]
    rows = calibrate(raw([*corner, (4, 64, 50, 800), (4, 63, 50, 100), *[(5, x, y, c) for _, x, y, c in corner],
                          (5, 63, 101, 90)])).events  # fmt: skip
    assert rows.pattern.tolist() == [206, 4, 207]
    assert rows.pat_id is not None
    assert rows.pat_id.tolist() == [1, 5121, 1]
    assert [bool(flag & PnFlag.INVALID_PATTERN) for flag in rows.flag] == [True, False, True]
    assert all(flag & PnFlag.CLOSE_TO_CCD_WINDOW for flag in rows.flag)


def test_reemission_is_looked_for_when_asked() -> None:
    events = raw([(3, 20, 60, 2000), (3, 20, 61, 100), (3, 30, 60, 100), (3, 30, 61, 2000)])
    assert calibrate(events).events.pattern.tolist() == [1, 3]
    result = calibrate(events, replace(EXACT, reemission_threshold=1000))
    assert result.events.pattern.tolist() == [0, 3]
    assert fates(result)["re-emission after a bright pixel"] == 1


def test_gains_of_columns() -> None:
    energy = nominal_camera("EPN").energy
    assert isinstance(energy, PnEnergy)
    gains = np.ones((13, 65), np.float32)
    gains[4, 20] = 1.1
    camera = replace(nominal_camera("EPN"), energy=replace(energy, column_gain=gains))
    events = raw([(3, 20, 1, 1000), (3, 22, 1, 1000)])
    assert calibrate(events, calibration=camera).events.pi.tolist() == [5504, 5004]
    assert calibrate(events, calibration=camera, ccdnr=5).events.pi.tolist() == [5004, 5004]


def test_out_of_time_events_move_along_their_column() -> None:
    """Patterns stay, RAWY is anywhere, energy and place follow the new row; a double moves as a whole."""
    rows = [(n % 40, 5 + 3 * (n % 18), 100, 1000) for n in range(720)]
    plain = calibrate(raw(rows + [(f, x, y + 1, 200) for f, x, y, _ in rows])).events
    moved = calibrate(raw(rows + [(f, x, y + 1, 200) for f, x, y, _ in rows]), replace(EXACT, out_of_time=True)).events
    for name in ("rawx", "pattern", "pha", "time", "pat_id"):
        assert np.array_equal(getattr(plain, name), getattr(moved, name)), name
    assert (moved.rawy.min(), moved.rawy.max()) == pytest.approx((1, 200), abs=5)
    assert abs(moved.rawy.mean() - 100.5) < 10
    assert np.corrcoef(moved.rawy, moved.pi)[0, 1] > 0.999
    detx, dety = nominal_camera("EPN").ccd(4).raw_to_det(moved.rawx.astype(float), moved.rawy.astype(float))
    assert moved.detx == pytest.approx(detx, abs=0.6)
    assert moved.dety == pytest.approx(dety, abs=0.6)


@pytest.mark.parametrize(("mode", "wanted"), [("FastTiming", 200 - 150 + 19), ("FastBurst", 190 - 150)])
def test_row_clocks(mode: str, wanted: int) -> None:
    """TIME lies row steps before the frame's end, one less for each row; the time of the source counts."""
    timing = frame_timing("EPN", mode)
    events = raw([(3, 20, 150, 500), (3, 30, 151, 500)])
    rows = calibrate(events, mode=mode).events
    end = START + 4 * timing.frame_s
    assert end - rows.time[0] == pytest.approx(wanted * timing.row_s, abs=2e-7)
    spread = calibrate(events, replace(EXACT, randomize_time=True), mode=mode).events
    assert 0 < np.abs(spread.time - rows.time).max() <= timing.row_s / 2 + 2e-7
    nearer = calibrate(events, replace(EXACT, source_row=180), mode=mode).events
    assert nearer.time[0] - rows.time[0] == pytest.approx(timing.row_s * (1 if mode == "FastTiming" else 10), abs=2e-7)


def test_pixels_beyond_the_window() -> None:
    window = Window(0, 136, 63, 64, 20, 4095)
    rows = calibrate(raw([(3, 20, 150, 500), (3, 20, 100, 500)]), mode="PrimeSmallWindow", window=window).events
    assert [bool(flag & PnFlag.OUT_OF_CCD_WINDOW) for flag in rows.flag] == [True, False]


@pytest.mark.parametrize("rows", [[], [(99, 20, 30, 500)]])
def test_nothing_to_calibrate(rows: Rows) -> None:
    result = calibrate(raw(rows), PnOptions())
    assert len(result.events) == 0
    assert sum(fates(result).values()) == len(rows)
    assert result.frames.time.size == 40
