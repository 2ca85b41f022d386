"""The part of the recipe that finds sources: its steps, their parameters, what happens when a camera is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_stubs import StubEngine, write_list

from xmmpy.calibration.nominal import energy_conversion_factors, part_above_300_ev
from xmmpy.pipeline.detection import detection_remarks
from xmmpy.pipeline.discovery import find_lists
from xmmpy.pipeline.graph import TaskStep
from xmmpy.pipeline.recipe import standard_reduction
from xmmpy.pipeline.reduce import PARTIAL, Reduction, plan, reduce_lists
from xmmpy.pipeline.settings import Settings, SettingsError, read_settings

CAMERAS = {"mos1": "EMOS1", "mos2": "EMOS2", "pn": "EPN"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, camera in CAMERAS.items():
        write_list(tmp_path / f"{name}.fits", camera)
    return tmp_path


def steps(home: Path, settings: Settings | None = None) -> dict[str, TaskStep]:
    chosen = settings or Settings()
    found = find_lists([home], chosen.cameras)
    graph = standard_reduction(found.lists, chosen, home / "work")
    return {step.name: step for step in graph.steps if isinstance(step, TaskStep)}


def go(home: Path, settings: Settings | None = None, **stub: object) -> tuple[Reduction, StubEngine]:
    engines: list[StubEngine] = []

    def make(folder: object) -> StubEngine:
        engines.append(StubEngine(folder.path, **stub))  # type: ignore[attr-defined]
        return engines[-1]

    return reduce_lists(plan([home], home / "work", settings or Settings()), make), engines[0]


def test_search_of_a_camera(home: Path) -> None:
    step = steps(home)["pn/detect"]
    values = step.values_for(step.inputs)
    assert step.task == "edetect_chain"
    assert values["imagesets"] == tuple(f"images/pn_image_b{band}.fits" for band in range(1, 6))
    assert (values["pimin"], values["pimax"]) == ((300, 500, 1000, 2000, 4500), (500, 1000, 2000, 4500, 12000))
    factors = energy_conversion_factors("EPN", "Thin1") / 1e11
    factors[0] *= part_above_300_ev("Thin1")  # the band begins there
    assert values["ecf"] == pytest.approx(factors, abs=1e-6)
    assert (values["esp_nsplinenodes"], values["esen_mlmin"], values["likemin"]) == (16, 15, 10)
    assert (values["eventsets"], values["attitudeset"]) == ("pn_clean.fits", "")
    assert {"coords/pn_emllist.fits", "images/pn_image_b1mask.fits", "images/pn_image_b5exp.fits"} <= set(step.outputs)


def test_search_of_all_cameras_takes_those_that_are_there(home: Path) -> None:
    step = steps(home)["detect"]
    every = step.values_for(step.inputs)
    assert [name[7:9] for name in every["imagesets"]] == ["pn"] * 5 + ["m1"] * 5 + ["m2"] * 5
    assert len(every["pimin"]) == len(every["pimax"]) == len(every["ecf"]) == 15
    without_pn = step.values_for([file for file in step.inputs if "pn_" not in file])
    assert [name[7:9] for name in without_pn["imagesets"]] == ["m1"] * 5 + ["m2"] * 5
    assert without_pn["ecf"] == every["ecf"][5:]
    one_missing = step.values_for([file for file in step.inputs if file != "images/pn_image_b3exp.fits"])
    assert one_missing == without_pn
    maps = step.outputs_for([file for file in step.inputs if "pn_" not in file])
    assert set(step.outputs) - set(maps) == {
        f"images/all/pn_image_{name}.fits"
        for name in ("b1mask", *(f"b{n}{k}" for n in range(1, 6) for k in ("bkg", "sen")))
    }


def test_of_two_exposures_the_one_with_more_events_is_searched_with_the_others(home: Path) -> None:
    write_list(home / "P0123456789M1S007MIEVLI0000.FIT", "EMOS1", "S007", rows=90)
    made = steps(home)
    assert {"mos1/detect", "mos1_S007/detect"} <= set(made)
    images = made["detect"].values_for(made["detect"].inputs)["imagesets"]
    assert next(name for name in images if "m1" in name) == "images/m1_S007_image_b1.fits"
    assert len(images) == 15


def test_attitude_beside_the_lists_is_used(home: Path) -> None:
    (home / "0828_0123456789_AttHk.ds").write_bytes(b"")
    step = steps(home)["mos1/detect"]
    assert step.values["attitudeset"] == "../0828_0123456789_AttHk.ds"
    assert step.optional == ("../0828_0123456789_AttHk.ds",)


def test_settings_of_the_search(home: Path, tmp_path: Path) -> None:
    changes = {"likemin": 6, "extents": True, "nmulsou": 2, "nodes": 12, "ecf": {"pn": [1, 2, 3, 4, 5]}}
    settings = read_settings(None, {"detection": changes})
    values = steps(home, settings)["pn/detect"].values
    assert (values["likemin"], values["eml_fitextent"], values["eml_nmulsou"]) == (6, True, 2)
    assert (values["esp_nsplinenodes"], values["ecf"]) == (12, (1, 2, 3, 4, 5))
    settings.write(tmp_path)
    assert read_settings(tmp_path / "xmmpy.toml", {}) == settings


@pytest.mark.parametrize(("changes", "wanted"), [({}, (1, 2)), ({"nmulsou": 1}, (1, 1)), ({"nmulsou": 3}, (3, 3))])
def test_pairs_are_told_apart_in_all_cameras_together(
    home: Path, tmp_path: Path, changes: dict[str, int], wanted: tuple[int, int]
) -> None:
    settings = read_settings(None, {"detection": changes})
    made = steps(home, settings)
    joint = made["detect"]
    assert joint.adapt is not None
    values = joint.adapt(joint.inputs)
    assert (made["pn/detect"].values["eml_nmulsou"], values["eml_nmulsou"]) == wanted
    settings.write(tmp_path)
    assert read_settings(tmp_path / "xmmpy.toml", {}) == settings
    assert not [
        name for name in steps(home, read_settings(None, {"detection": {"enabled": False}})) if "detect" in name
    ]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"likemin": 0}, "detection.likemin"), ({"ecf": {"pn": [1, 2]}}, "pn has 5 bands and 2"),
        ({"ecf": {"rgs": [1]}}, "'rgs' is no camera"), ({"likmin": 3}, "did you mean 'likemin'"),
        ({"ecf": {"pn": [1, 2, 3, 4, 0]}}, "must be positive"),
    ],
)  # fmt: skip
def test_wrong_settings(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        read_settings(None, {"detection": changes})


def test_bands_of_the_user(home: Path) -> None:
    bands = {f"x{n}": {"low": 300 + n, "high": 400 + n} for n in range(7)}
    settings = read_settings(None, {"pn": {"bands": bands}})
    made = steps(home, settings)
    assert "7 bands: at most 6" in made["pn/detect"].withheld
    few = read_settings(None, {"pn": {"bands": dict(list(bands.items())[:2])}})
    assert steps(home, few)["pn/detect"].values["ecf"] == (1.0, 1.0)
    lists = find_lists([home], few.cameras).lists
    (remark,) = detection_remarks(lists, few)
    assert remark.startswith("pn: no conversion factors")
    odd = [replace(one, filter="Unknown") for one in lists]
    assert len(detection_remarks(odd, Settings())) == 3


def test_failing_search_of_one_camera_is_told_and_the_others_go_on(home: Path) -> None:
    reduction, engine = go(home, fail={"coords/m1_emllist.fits"})
    assert reduction.exit_status == PARTIAL
    status = {step.name: step.status for step in reduction.record.steps}
    assert status["mos1/detect"] == "failed"
    assert status["mos1/regions"] == "skipped"
    assert {status[name] for name in ("mos2/detect", "pn/detect", "detect", "regions", "summary-list")} == {"done"}
    camera = reduction.record.camera("mos1")
    assert camera is not None
    assert camera.status == "done"  # its list and images are good
    line = next(step.line for step in reduction.record.steps if step.name == "detect")
    assert "m2_image_b1.fits" in line
    assert "m1_image_b1.fits" not in line
    healed, engine = go(home)
    assert healed.exit_status == 0
    assert [name for name in engine.made() if "emllist" in name] == [
        "coords/m1_emllist.fits",
        "coords/all_emllist.fits",
    ]


def test_camera_without_good_time_is_left_out(home: Path) -> None:
    reduction, _ = go(home, empty={"gtiset_pn.fits"})
    status = {step.name: step.status for step in reduction.record.steps}
    assert (status["pn/detect"], status["detect"]) == ("nothing to do", "done")


def test_nothing_is_done_twice_and_new_settings_count(home: Path) -> None:
    go(home)
    again, engine = go(home)
    assert not again.changed
    assert engine.made() == []
    _, engine = go(home, read_settings(None, {"detection": {"likemin": 15}}))
    assert {Path(name).name for name in engine.made() if "emllist" in name} == {
        f"{name}_emllist.fits" for name in ("m1", "m2", "pn", "all")
    }


def test_map_that_was_deleted_is_made_again(home: Path) -> None:
    go(home, fail={"coords/m1_emllist.fits"})
    (home / "work/images/all/pn_image_b3bkg.fits").unlink()
    again, engine = go(home, fail={"coords/m1_emllist.fits"})
    assert engine.made()[1:] == ["coords/all_emllist.fits"]
    assert (home / "work/images/all/pn_image_b3bkg.fits").is_file()
    assert "images/all/m1_image_b3bkg.fits" not in next(s for s in again.record.steps if s.name == "detect").outputs


def test_lists_on_different_grids_are_not_searched_together(home: Path) -> None:
    (home / "pn.fits").unlink()
    write_list(home / "pn.fits", "EPN", REFXCRVL=11.0)
    made = steps(home)
    assert "run attcalc" in made["detect"].withheld
    assert not made["pn/detect"].withheld
