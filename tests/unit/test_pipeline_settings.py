"""Settings: defaults of the recipe, files, the command line, mistakes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmmpy.pipeline.settings import (
    Settings,
    SettingsError,
    parse_attitude,
    parse_cameras,
    parse_exposures,
    parse_flare_cut,
    read_settings,
    to_toml,
)
from xmmpy.products.errors import FileProblem


def test_the_defaults_are_those_of_the_recipe() -> None:
    settings = Settings()
    assert settings.of_camera("mos2").clean_selection == "#XMMEA_EM && (PI>150)"
    assert settings.of_camera("pn").clean_selection == "#XMMEA_EP && (PI>150)"
    assert (settings.of_camera("mos1").highest_pattern, settings.of_camera("pn").highest_pattern) == (12, 4)
    first = settings.of_camera("pn").bands["b1"]
    assert (first.low, first.high, first.highest_pattern) == (300, 500, 0)
    bands = list(settings.of_camera("mos1").bands.values())
    assert [band.high for band in bands[:-1]] == [band.low for band in bands[1:]]
    assert settings.of_camera("mos1").full_band.high == 12000


@pytest.mark.parametrize(
    ("text", "method", "limits"),
    [
        ("auto", "auto", {}),
        ("ASK", "ask", {}),
        ("histogram", "histogram", {}),
        ("mos1=0.35,pn=0.4", "auto", {"mos1": 0.35, "pn": 0.4}),
        ("histogram, PN=.4", "histogram", {"pn": 0.4}),
        ("mos1_u002=1e-1", "auto", {"mos1_U002": 0.1}),
    ],
)
def test_flare_cuts_of_the_command_line(text: str, method: str, limits: dict[str, float]) -> None:
    flares = read_settings(None, {"flares": parse_flare_cut(text)}).flares
    assert (flares.method, flares.limits) == (method, limits)


@pytest.mark.parametrize(
    "text", ["", "never", "mos1", "mos1=", "mos1=zero", "pn=0", "pn=-1", "pn=inf", "pn=nan", "a=1"]
)
def test_wrong_flare_cuts(text: str) -> None:
    with pytest.raises(SettingsError):
        read_settings(None, {"flares": parse_flare_cut(text)})


def test_a_limit_is_of_an_exposure_or_of_its_camera() -> None:
    flares = read_settings(None, {"flares": parse_flare_cut("mos1=0.3,mos1_U002=0.5")}).flares
    assert flares.limit_of("mos1") == flares.limit_of("mos1_S003") == 0.3
    assert flares.limit_of("mos1_U002") == 0.5
    assert flares.limit_of("pn") is None


@pytest.mark.parametrize(
    ("text", "cameras"), [("pn,mos1", ("mos1", "pn")), ("MOS2", ("mos2",)), ("pn mos2", ("mos2", "pn"))]
)
def test_cameras(text: str, cameras: tuple[str, ...]) -> None:
    assert parse_cameras(text) == cameras


@pytest.mark.parametrize("text", ["", "rgs1", "mos1,mos3"])
def test_wrong_cameras(text: str) -> None:
    with pytest.raises(SettingsError, match="the cameras are mos1, mos2, pn"):
        parse_cameras(text)


def test_exposures_in_two_spellings() -> None:
    assert parse_exposures("mos1_S001, PNU002 M2s003") == ("mos1_S001", "pn_U002", "mos2_S003")


@pytest.mark.parametrize("text", ["", "S001", "mos1", "mos3_S001", "mos1_X001", "mos1_S1", "S_001"])
def test_wrong_exposures(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_exposures(text)


def test_an_exposure_must_be_of_a_camera_that_is_wanted() -> None:
    with pytest.raises(SettingsError, match="pn_S003 is of a camera that is not among mos1"):
        read_settings(None, {"cameras": ("mos1",), "exposures": ("pn_S003",)})


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,4", "here", "1,200,3", "400,0,0", "nan,0,0"])
def test_wrong_attitudes(text: str) -> None:
    with pytest.raises(SettingsError):
        read_settings(None, {"attitude": parse_attitude(text)})


def test_an_attitude_is_three_angles() -> None:
    assert read_settings(None, {"attitude": parse_attitude("150.1, -2.2 290")}).attitude == (150.1, -2.2, 290.0)


def test_folders_in_a_file_are_as_seen_from_it(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text('ccf = ["ccf", "/data/ccf"]')
    assert read_settings(tmp_path / "my.toml", {}).ccf == (str(tmp_path / "ccf"), "/data/ccf")


def test_a_file_changes_what_it_names_and_the_command_line_changes_that(tmp_path: Path) -> None:
    path = tmp_path / "xmmpy.toml"
    path.write_text("rate_bin = 50\n[mos]\nhighest_pattern = 4\n[flares.limits]\npn = 0.5\n")
    settings = read_settings(path, {"flares": {"method": "histogram"}})
    assert (settings.rate_bin, settings.mos.highest_pattern, settings.pn.highest_pattern) == (50, 4, 4)
    assert (settings.flares.method, settings.flares.limits) == ("histogram", {"pn": 0.5})
    assert settings.mos.clean_selection == Settings().mos.clean_selection


def test_bands_that_are_given_are_all_the_bands(tmp_path: Path) -> None:
    path = tmp_path / "xmmpy.toml"
    path.write_text("[pn.bands.hard]\nlow = 2000\nhigh = 10000\n")
    settings = read_settings(path, {})
    assert list(settings.pn.bands) == ["hard"]
    assert len(settings.mos.bands) == 5


def test_settings_written_are_read_back_the_same(tmp_path: Path) -> None:
    settings = read_settings(None, {"flares": parse_flare_cut("ask,pn=0.4"), "cameras": ("pn",)})
    settings.write(tmp_path)
    assert read_settings(tmp_path / "xmmpy.toml", {}) == settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rate_bins = 3", "did you mean 'rate_bin'"),
        ("[mos]\nhighest_patern = 3", "did you mean 'highest_pattern'"),
        ("rate_bin = 0", "rate_bin"),
        ('cameras = ["rgs1"]', "cameras"),
        ("[pn.bands.b1]\nlow = 500\nhigh = 500", "is empty"),
        ('[pn.bands."../x"]\nlow = 1\nhigh = 500', "file name"),
        ("[pn.bands.full]\nlow = 1\nhigh = 500", "another name"),
        ("[flares.limits]\nrgs = 1", "no camera"),
        ("[flares]\nmethod = 'guess'", "method"),
    ],
)
def test_mistakes_in_a_file_are_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "xmmpy.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=words) as caught:
        read_settings(path, {})
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_no_toml_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "xmmpy.toml"
    with pytest.raises(FileProblem, match="does not exist"):
        read_settings(path, {})
    path.write_text("rate_bin = = 3")
    with pytest.raises(FileProblem, match="no TOML"):
        read_settings(path, {})


NUMBERS = st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.booleans() | NUMBERS | st.text()
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


TABLES = st.dictionaries(NAMES, PLAIN, max_size=3)


@given(st.dictionaries(NAMES, PLAIN | st.lists(PLAIN, max_size=3) | TABLES))
def test_what_is_written_as_toml_is_read_as_it_was(values: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(values)) == values
