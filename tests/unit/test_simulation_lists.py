"""Settings, source tables, header templates and reproducible files of the simulation."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from xmmpy.cli.simulate import app
from xmmpy.products import layout
from xmmpy.simulation import SimulationSettings, simulate_events, sky

DATE = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_same_seed_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1577934245")
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        simulate_events(tmp_path / name, SimulationSettings(exposure=300, seed=seed))
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a") != digests(tmp_path / "c")
    lists = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert lists == [
        "P0000000001M1S001MIEVLI0000.FIT",
        "P0000000001M2S002MIEVLI0000.FIT",
        "P0000000001PNS003PIEVLI0000.FIT",
        "truth.json",
        "truth_sources.fits",
    ]
    header = fits.getheader(tmp_path / "a" / lists[0])
    assert header["DATE"] == "2020-01-02T03:04:05"
    assert header["OBJECT"] == "SIMULATED"
    assert "Seed 7" in str(header["HISTORY"])


def test_a_camera_does_not_depend_on_the_others(tmp_path: Path) -> None:
    together = simulate_events(tmp_path / "a", SimulationSettings(exposure=200, date=DATE))
    alone = simulate_events(tmp_path / "b", SimulationSettings(exposure=200, cameras=("mos2",), date=DATE))
    with fits.open(together.event_lists["mos2"]) as a, fits.open(alone.event_lists["mos2"]) as b:
        assert np.array_equal(a["EVENTS"].data, b["EVENTS"].data)


def test_number_of_events(tmp_path: Path) -> None:
    made = simulate_events(tmp_path, SimulationSettings(exposure=500, cameras=("mos1",), events=1_200_000, date=DATE))
    assert made.rows["mos1"] == pytest.approx(1_200_000, rel=0.02)
    with fits.open(made.event_lists["mos1"]) as hdus:
        hdus.verify("exception")
        ccd = hdus["EVENTS"].data["CCDNR"].astype(int)
        time = hdus["EVENTS"].data["TIME"]
        assert np.all(np.diff(ccd) >= 0)
        for number in range(1, 8):
            centres = hdus[f"EXPOSU{number:02d}"].data["TIME"]
            frame = np.searchsorted(centres - 1.297, time[ccd == number], side="right")
            assert np.all(np.diff(frame) >= 0), "events come frame by frame across slabs"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exposure": 1.0}, "exposure"),
        ({"cameras": ("rgs1",)}, "cameras"),
        ({"cameras": ()}, "cameras"),
        ({"dec": 99.0}, "no attitude"),
        ({"scale": 0.0}, "scale"),
        ({"events": 0}, "number of events"),
        ({"obs_id": "12"}, "ten digits"),
        ({"seed": -1}, "seed"),
        ({"optical_filter": "Red"}, "filter"),
    ],
)
def test_bad_settings(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SimulationSettings(**change)  # type: ignore[arg-type]


def test_source_tables(tmp_path: Path) -> None:
    table = tmp_path / "s.csv"
    table.write_text("RA,DEC,rate\n150.0,2.2,0.1\n150.1,2.3,0.2\n")
    sources = sky.read_sources(table, "Thin1")
    assert len(sources) == 2
    assert sources.flux[1] == pytest.approx(2 * sources.flux[0])
    from xmmpy.calibration import nominal

    rate = sources.flux[0, 1:3] @ nominal.energy_conversion_factors("EPN", "Thin1")[1:3]
    assert rate == pytest.approx(0.1)
    table.write_text("ra,dec\n150.0,2.2\n")
    with pytest.raises(ValueError, match="needs columns ra, dec and flux_0p5_2"):
        sky.read_sources(table, "Thin1")
    table.write_text("ra,dec,flux_0p5_2\n150.0,2.2,bright\n")
    with pytest.raises(ValueError, match="not a number in every row"):
        sky.read_sources(table, "Thin1")
    table.write_text("ra,dec,flux_0p5_2\n150.0,2.2,-1\n")
    with pytest.raises(ValueError, match="0 or more"):
        sky.read_sources(table, "Thin1")
    (tmp_path / "s.fits").write_bytes(b"not a table")
    with pytest.raises(ValueError, match="cannot read the source table"):
        sky.read_sources(tmp_path / "s.fits", "Thin1")


def test_truth_table_can_be_simulated_again(tmp_path: Path) -> None:
    made = simulate_events(tmp_path, SimulationSettings(exposure=100, cameras=("pn",), date=DATE))
    again = sky.read_sources(made.truth_sources, "Thin1")
    assert np.allclose(again.flux, made.sources.flux)


def test_number_counts_law() -> None:
    law = sky.NumberCounts()
    flux = law.draw(np.random.default_rng(3), 100_000, 1e-15, 1e-13)
    counts = law.brighter_than(np.array([1e-15, 1e-14, 1e-13]))
    assert np.mean(flux > 1e-14) == pytest.approx((counts[1] - counts[2]) / (counts[0] - counts[2]), abs=0.003)
    assert 0.0 < sky.unresolved_part(law) < 0.6


@given(
    st.from_regex(r"[A-Z][A-Z0-9_-]{0,7}", fullmatch=True),
    st.one_of(
        st.booleans(),
        st.integers(-(10**9), 10**9),
        st.floats(-1e30, 1e30),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300),
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
)
def test_cards_are_read_back(keyword: str, value: object, comment: str) -> None:
    if keyword in {"END", "CONTINUE", "HISTORY", "COMMENT", "HIERARCH"}:
        return
    text = layout.card_text(keyword, value, comment)  # type: ignore[arg-type]
    assert len(text) % 80 == 0
    back = fits.Header.fromstring(text)[keyword]
    if isinstance(value, str):
        assert back == value.rstrip()
    elif isinstance(value, float):
        assert back == pytest.approx(value, rel=1e-13, abs=1e-300)
    else:
        assert back == value


def test_command(tmp_path: Path) -> None:
    table = tmp_path / "s.csv"
    table.write_text("ra,dec,flux_0p5_2\n150.0,2.2,1e-12\n")
    run = CliRunner().invoke(
        app,
        [
            "events",
            str(tmp_path / "out"),
            "--exposure",
            "200",
            "--cameras",
            "mos1",
            "--sources",
            str(table),
            "--no-flares",
        ],
    )
    assert run.exit_code == 0, run.output
    assert "1 sources, 0 flares" in run.output
    assert (tmp_path / "out" / "P0000000001M1S001MIEVLI0000.FIT").is_file()
    bad = CliRunner().invoke(app, ["events", str(tmp_path / "o2"), "--cameras", "rgs"])
    assert bad.exit_code == 1
    assert "cameras are some of" in bad.output
    bad = CliRunner().invoke(app, ["events", str(table), "--exposure", "100"])
    assert bad.exit_code == 1
    assert f"cannot make the folder {table}" in bad.output
    bad = CliRunner().invoke(app, ["events", str(tmp_path / "o3"), "--sources", str(tmp_path / "none.csv")])
    assert "none.csv: No such file or directory" in bad.output


def test_closed_filter_shows_particles_alone(tmp_path: Path) -> None:
    settings = SimulationSettings(exposure=300, cameras=("mos1",), optical_filter="Closed", date=DATE)
    made = simulate_events(tmp_path, settings)
    told = json.loads(made.truth.read_text())["cameras"]["mos1"]
    assert told["background_events"] == {"sky": 0, "protons": 0, "particles": made.rows["mos1"]}
    assert told["source_events"] == 0
    assert fits.getheader(made.event_lists["mos1"])["FILTER"] == "Closed"
