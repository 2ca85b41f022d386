"""A run with stand-in tasks: order, parallel work, resume, failures, outcomes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pipeline_stubs import StubEngine, write_list

from xmmpy.pipeline.reduce import ERROR, OK, PARTIAL, Reduction, plan, reduce_lists, task_lines
from xmmpy.pipeline.settings import read_settings
from xmmpy.products.errors import FileProblem
from xmmpy.products.record import StepRecord, read_record

IMAGES = ["b1", "b2", "b3", "b4", "b5", "full"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_list(tmp_path / "mos1.fits", "EMOS1")
    write_list(tmp_path / "pn.fits", "EPN", "S003")
    return tmp_path


def go(home: Path, changes: dict[str, Any] | None = None, **options: Any) -> tuple[Reduction, StubEngine]:
    engine = StubEngine(home / "work")
    for name in ("fail", "empty", "silent", "wait"):
        if name in options:
            setattr(engine, name, options.pop(name))
    planned = plan([home], home / "work", read_settings(None, changes or {}))
    return reduce_lists(planned, lambda _: engine, **{"jobs": 2, **options}), engine


def step(reduction: Reduction, name: str) -> StepRecord:
    found = reduction.record.step(name)
    assert found is not None
    return found


def test_everything_is_made_in_an_order_that_works(home: Path) -> None:
    reduction, engine = go(home)
    assert reduction.exit_status == OK
    assert {record.status for record in reduction.record.steps} == {"done"}
    made = engine.made()
    assert sorted(made) == sorted(
        [f"{key}_rate.fits" for key in ("mos1", "pn")]
        + [f"gtiset_{key}.fits" for key in ("mos1", "pn")]
        + [f"{key}_clean.fits" for key in ("mos1", "pn")]
        + [f"images/{name}_image_{band}.fits" for name in ("m1", "pn") for band in IMAGES]
        + ["mosaic.ds", "coords/all_srcmatch.fits"]
        + [f"coords/{name}_{kind}" for name in ("m1", "pn", "all") for kind in ("emllist.fits", "regionfile.txt")]
    )
    assert made.index("mosaic.ds") > max(made.index(f"images/{name}_image_full.fits") for name in ("m1", "pn"))
    assert made.index("coords/all_emllist.fits") > max(made.index(f"coords/{n}_emllist.fits") for n in ("m1", "pn"))
    assert made.index("gtiset_pn.fits") < made.index("pn_clean.fits") < made.index("images/pn_image_b1.fits")
    assert (home / "work" / "mos1.fits").resolve() == home / "mos1.fits"
    assert (home / "work" / "mos1.fits").readlink() == Path("../mos1.fits")


def test_the_six_images_of_a_list_are_one_pass(home: Path) -> None:
    _, engine = go(home)
    assert engine.groups.count(6) == 2


def test_cameras_run_in_parallel_and_never_more_than_jobs(home: Path) -> None:
    write_list(home / "mos2.fits", "EMOS2")
    _, engine = go(home, jobs=2, wait=0.05)
    assert engine.busiest == 2
    _, engine = go(home, jobs=1, force=True)
    assert engine.busiest == 1


def test_a_second_run_does_nothing_and_writes_nothing(home: Path) -> None:
    go(home)
    before = {path: path.stat().st_mtime_ns for path in (home / "work").rglob("*") if path.is_file()}
    del before[home / "work" / ".lock"]
    reduction, engine = go(home)
    assert engine.calls == []
    assert not reduction.changed
    assert reduction.exit_status == OK
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_the_cut_is_a_recorded_step_and_stands_in_the_line_of_tabgtigen(home: Path) -> None:
    reduction, _ = go(home)
    facts = step(reduction, "mos1/cut").facts
    assert 0.2 <= facts["limit"] < 5
    assert (facts["kept"], facts["total"]) == (1700.0, 2000.0)
    assert f"expression='(RATE<={facts['limit']:g})'" in step(reduction, "mos1/gti").line
    camera = reduction.record.camera("mos1")
    assert camera is not None
    assert camera.cut is not None
    assert camera.cut.method == "signal to noise"


@pytest.mark.parametrize("lost", ["pn_clean.fits", "gtiset_mos1.fits", "images/m1_image_b3.fits"])
def test_a_lost_product_is_made_again_but_nothing_behind_it(home: Path, lost: str) -> None:
    go(home)
    (home / "work" / lost).unlink()
    reduction, engine = go(home)
    assert engine.made() == [lost]
    assert reduction.changed


def test_a_changed_product_is_made_again(home: Path) -> None:
    go(home)
    with (home / "work" / "mos1_clean.fits").open("a") as stream:
        stream.write("tampered")
    _, engine = go(home)
    assert engine.made() == ["mos1_clean.fits"]


def test_a_changed_list_redoes_its_camera_and_the_mosaic_reads_again(home: Path) -> None:
    go(home)
    (home / "mos1.fits").unlink()
    write_list(home / "mos1.fits", "EMOS1", rows=20)
    _, engine = go(home)
    assert "mos1_rate.fits" in engine.made()
    assert not any("pn" in name for name in engine.made())


def test_a_touched_list_is_read_once_and_nothing_is_done(home: Path) -> None:
    go(home)
    os.utime(home / "mos1.fits", (1, 1))
    _, engine = go(home)
    assert engine.calls == []


def test_a_changed_setting_redoes_what_depends_on_it(home: Path) -> None:
    go(home)
    _, engine = go(home, {"flares": {"limits": {"mos1": 0.3}}})
    made = engine.made()
    assert made[:2] == ["gtiset_mos1.fits", "mos1_clean.fits"]
    assert not any("pn_" in name for name in made)
    assert read_settings(home / "work" / "xmmpy.toml", {}).flares.limits == {"mos1": 0.3}


def test_one_camera_fails_and_the_others_are_done(home: Path) -> None:
    reduction, engine = go(home, fail={"mos1_clean.fits"})
    assert reduction.exit_status == PARTIAL
    assert step(reduction, "mos1/clean").status == "failed"
    assert "was not to be" in step(reduction, "mos1/clean").reason
    assert step(reduction, "mos1/image-b1").status == "skipped"
    assert "mos1/clean failed" in step(reduction, "mos1/image-b1").reason
    assert step(reduction, "pn/image-full").status == "done"
    assert step(reduction, "mosaic").status == "done"
    assert "imagesets=images/pn_image_full.fits" in step(reduction, "mosaic").line
    camera = reduction.record.camera("mos1")
    assert camera is not None
    assert (camera.status, camera.clean, camera.images) == ("failed", "", {})
    healed, engine = go(home)
    assert healed.exit_status == OK
    assert engine.made()[0] == "mos1_clean.fits"
    assert engine.made()[-1] == "coords/all_srcmatch.fits"


def test_a_failure_leaves_no_product_of_an_earlier_run_behind_it(home: Path) -> None:
    go(home)
    reduction, _ = go(home, {"flares": {"limits": {"mos1": 0.3}}}, fail={"mos1_clean.fits"})
    assert reduction.exit_status == PARTIAL
    assert not (home / "work" / "mos1_clean.fits").exists()
    assert not (home / "work" / "images" / "m1_image_b1.fits").exists()
    assert (home / "work" / "images" / "pn_image_b1.fits").exists()


def test_all_cameras_failing_is_an_error(home: Path) -> None:
    reduction, _ = go(home, fail={"mos1_rate.fits", "pn_rate.fits"})
    assert reduction.exit_status == ERROR


def test_success_without_the_file_is_a_failure(home: Path) -> None:
    reduction, _ = go(home, silent={"gtiset_pn.fits"})
    assert step(reduction, "pn/gti").status == "failed"
    assert "gtiset_pn.fits is missing" in step(reduction, "pn/gti").reason


def test_a_cut_that_keeps_nothing_is_an_outcome_and_no_product(home: Path) -> None:
    reduction, _ = go(home, {"flares": {"limits": {"mos1": 0.01}}})
    assert reduction.exit_status == PARTIAL
    for name in ("cut", "gti", "clean", "image-full"):
        record = step(reduction, f"mos1/{name}")
        assert record.status == "nothing to do"
        assert "keeps nothing" in record.reason
    assert not (home / "work" / "gtiset_mos1.fits").exists()
    again, engine = go(home, {"flares": {"limits": {"mos1": 0.01}}})
    assert (engine.calls, again.exit_status, again.changed) == ([], PARTIAL, False)


def test_an_empty_cleaned_list_is_no_product(home: Path) -> None:
    reduction, _ = go(home, empty={"pn_clean.fits"})
    assert step(reduction, "pn/clean").status == "nothing to do"
    assert step(reduction, "pn/image-b2").status == "nothing to do"
    assert not (home / "work" / "pn_clean.fits").exists()


def test_lists_without_anything_to_do_are_named_with_the_reason(home: Path) -> None:
    write_list(home / "mos2.fits", "EMOS2", FILTER="CalClosed")
    reduction, _ = go(home)
    camera = reduction.record.camera("mos2")
    assert camera is not None
    assert (camera.status, reduction.exit_status) == ("nothing to do", OK)
    assert "CalClosed" in camera.reason


def test_a_damaged_list_fails_its_camera_alone(home: Path) -> None:
    whole = (home / "mos1.fits").read_bytes()
    (home / "mos2.fits").write_bytes(whole[:5800])
    reduction, _ = go(home)
    camera = reduction.record.camera("mos2")
    assert camera is not None
    assert (camera.status, reduction.exit_status) == ("failed", PARTIAL)
    assert "mos2.fits" in camera.reason
    assert (home / "work" / "mosaic.ds").exists()


def test_lists_of_different_reference_points_have_no_mosaic(home: Path) -> None:
    write_list(home / "mos2.fits", "EMOS2", REFXCRVL=10.1)
    reduction, _ = go(home)
    assert step(reduction, "mosaic").status == "nothing to do"
    assert "attcalc" in step(reduction, "mosaic").reason


def test_a_killed_run_goes_on_and_its_leftovers_are_removed(home: Path) -> None:
    class KilledError(Exception):
        pass

    class Killer:
        def planned(self, seconds: object) -> None: ...
        def started(self, steps: object) -> None: ...
        def finished(self, record: StepRecord) -> None:
            if record.name == "mos1/clean":
                raise KilledError

    with pytest.raises(KilledError):
        go(home, watcher=Killer(), jobs=1)
    (home / "work" / "images" / ".m1_image_b1.fits.1-2.part").write_text("half")
    reduction, engine = go(home)
    assert reduction.exit_status == OK
    assert "mos1_rate.fits" not in engine.made()
    assert not list((home / "work").rglob("*.part"))


def test_a_damaged_record_is_told_and_everything_done_again(home: Path) -> None:
    go(home)
    (home / "work" / "record.json").write_text('{"version": 3')
    reduction, engine = go(home)
    assert len(engine.calls) == 26
    assert "record.json" in reduction.remarks[0]
    assert read_record(home / "work") is not None


def test_the_record_is_plain_json_with_lines_and_logs(home: Path) -> None:
    go(home)
    record = json.loads((home / "work" / "record.json").read_text())
    tasks = [entry for entry in record["steps"] if entry["task"]]
    assert all(entry["line"].startswith(f"xmmpy task {entry['task']} ") for entry in tasks)
    assert all((home / "work" / entry["log"]).is_file() for entry in tasks)
    assert str(home) not in " ".join(entry["line"] for entry in record["steps"])


def test_two_runs_do_not_mix(home: Path) -> None:
    from xmmpy.pipeline.folder import WorkFolder

    with (
        WorkFolder(home / "work", patience=0.0),
        pytest.raises(FileProblem, match=f"in use by another run .process {os.getpid()}."),
        WorkFolder(home / "work", patience=0.0),
    ):
        pass
    with WorkFolder(home / "work", patience=0.0):
        pass


def test_a_plan_writes_nothing_and_names_every_line(home: Path) -> None:
    planned = plan([home], home / "work", read_settings(None, {"flares": {"limits": {"mos1": 0.35}}}))
    lines = task_lines(planned)
    assert not (home / "work").exists()
    assert sum(line.startswith("xmmpy task evselect") for line in lines) == 2 * (1 + 1 + 6)
    assert any("tabgtigen table=mos1_rate.fits" in line and "RATE<=0.35" in line for line in lines)
    assert any("tabgtigen table=pn_rate.fits" in line and "RATE<=LIMIT" in line for line in lines)
    go(home)
    old = plan([home], home / "work", read_settings(None, {}))
    assert not any("LIMIT" in line for line in task_lines(old))


def test_a_camera_is_asked_for_although_the_one_before_failed(home: Path) -> None:
    asked: list[str] = []

    def answer(key: str, _file: Path, _curve: object) -> float:
        asked.append(key)
        return 0.25

    reduction, _ = go(home, {"flares": {"method": "ask"}}, ask=answer, fail={"mos1_rate.fits"})
    assert asked == ["pn"]
    assert step(reduction, "pn/image-full").status == "done"


def test_asking_is_done_once(home: Path) -> None:
    asked: list[str] = []

    def answer(key: str, file: Path, curve: object) -> float:
        asked.append(key)
        assert file.is_file()
        return 0.25

    changes = {"flares": {"method": "ask"}}
    reduction, _ = go(home, changes, ask=answer)
    assert asked == ["mos1", "pn"]
    assert step(reduction, "pn/cut").facts["method"] == "asked"
    go(home, changes, ask=answer)
    assert len(asked) == 2
