"""The part of the recipe that begins with an ODF: its steps, what they read, and when they are done again."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pipeline_stubs import write_list

from xmmpy.engines import CallResult, TaskCall
from xmmpy.odf.opening import open_odf
from xmmpy.pipeline.folder import Digests
from xmmpy.pipeline.graph import Graph, TaskStep
from xmmpy.pipeline.raw import RawPlan, odf_at, plan_raw
from xmmpy.pipeline.recipe import standard_reduction
from xmmpy.pipeline.reduce import find_lists
from xmmpy.pipeline.run import Run
from xmmpy.pipeline.settings import Settings
from xmmpy.pipeline.watch import Silence
from xmmpy.products.errors import FileProblem
from xmmpy.products.record import RunRecord, StepRecord
from xmmpy.simulation.observation import SimulationSettings
from xmmpy.simulation.odf import simulate_odf
from xmmpy.tasks.session import Environment, Outcome

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def odf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("raw")
    simulate_odf(top, SimulationSettings(exposure=20.0, seed=1, flares=False))
    return top / "ODF"


def raw_plan(odf: Path, work: Path, environment: Environment | None = None, **changes: object) -> RawPlan:
    return plan_raw(open_odf(odf), Settings.model_validate(changes), work, environment or Environment())


def task(plan: RawPlan, name: str) -> TaskStep:
    step = plan.graph[name]
    assert isinstance(step, TaskStep)
    return step


def test_one_step_for_each_exposure_and_one_for_the_out_of_time_list(odf: Path, tmp_path: Path) -> None:
    plan = raw_plan(odf, tmp_path)
    assert {step.name for step in plan.graph.steps} == {
        "cifbuild", "odfingest", "atthkgen", "mos1_S001/emproc", "mos2_S002/emproc", "pn_S003/epproc",
        "pn_S003/out-of-time",
    }  # fmt: skip
    assert "pn_S003/out-of-time" not in raw_plan(odf, tmp_path, out_of_time=False).graph
    assert task(plan, "mos2_S002/emproc").values["emos1"] is False
    assert task(plan, "cifbuild").withheld.startswith("no calibration constituents")


def test_a_step_names_all_files_that_its_task_reads(odf: Path, tmp_path: Path) -> None:
    plan = raw_plan(odf, tmp_path)
    read = {Path(name).name[16:] for name in task(plan, "pn_S003/epproc").optional}
    assert {"PNS00304IME.FIT", "PNS00304DLI.FIT", "PNS00300AUX.FIT", "PNX00000PMH.FIT", "SCX00000ATS.FIT",
            "SCX00000TCX.FIT"} <= read  # fmt: skip
    assert not any(name.startswith(("M1", "M2")) for name in read)


def test_settings_go_into_the_lines(odf: Path, tmp_path: Path) -> None:
    plan = raw_plan(odf, tmp_path, seed=7, attitude=(150.0, 2.0, 90.0), exposures=("mos1_S001",))
    values = task(plan, "mos1_S001/emproc").values
    assert values["randomseed"] == 7
    assert (values["withfixedattitude"], values["fixeddec"]) == (True, 2.0)
    assert "pn_S003/epproc" in plan.graph  # of pn none is named
    with pytest.raises(FileProblem, match="no exposure mos1_S009; it has mos1_S001, mos2_S002, pn_S003"):
        raw_plan(odf, tmp_path, exposures=("mos1_S009",))


def test_folders_of_the_settings_come_before_the_environment(odf: Path, tmp_path: Path) -> None:
    ours = Environment(ccf="/somewhere/ccf.cif", ccf_path=("/there",))
    plan = raw_plan(odf, tmp_path, ours)
    assert plan.environment["SAS_CCF"] == "/somewhere/ccf.cif"
    assert task(plan, "cifbuild").withheld == "SAS_CCF names an index: /somewhere/ccf.cif"
    plan = raw_plan(odf, tmp_path, ours, ccf=("/mine", "/yours"))
    assert plan.environment["SAS_CCF"] == str(tmp_path / "ccf.cif")
    step = task(plan, "cifbuild")
    assert (step.withheld, step.values["ccfpath"]) == ("", "/mine:/yours")
    assert str(step.values["observationdate"]).startswith("20")
    assert "cifbuild" in plan.graph.needs(plan.graph["mos1_S001/emproc"])


def test_what_holds_no_raw_files_is_no_odf(odf: Path, tmp_path: Path) -> None:
    assert odf_at([odf], tmp_path) is not None
    assert odf_at([odf.parent], tmp_path) is not None
    write_list(tmp_path / "mos1.fits", "EMOS1")
    assert odf_at([tmp_path], tmp_path / "work") is None
    assert odf_at([tmp_path / "mos1.fits"], tmp_path / "work") is None
    assert odf_at([odf, odf], tmp_path) is None


def test_the_archive_in_a_folder_is_taken(odf: Path, tmp_path: Path) -> None:
    place, work = tmp_path / "place", tmp_path / "work"
    place.mkdir()
    with tarfile.open(place / "0000000001.tar.gz", "w:gz") as archive:
        archive.add(odf, "odf")
    found = odf_at([place], work)
    assert found is not None
    assert found.path.parent == work
    assert len(found.files) == len(open_odf(odf).files)
    (place / "other.tgz").touch()
    with pytest.raises(FileProblem, match=r"holds 2 archives: 0000000001\.tar\.gz, other\.tgz; name one"):
        odf_at([place], work)
    write_list(place / "mos1.fits", "EMOS1")
    assert odf_at([place], work) is None


def test_exposures_of_lists_are_chosen_too(tmp_path: Path) -> None:
    for exposure in ("S001", "U002"):
        write_list(tmp_path / f"x_EMOS1_{exposure}_ImagingEvts.ds", "EMOS1", exposure)
    write_list(tmp_path / "pn.fits", "EPN", "S003")
    found = find_lists([tmp_path], ("mos1", "pn"), exposures=("mos1_U002",))
    assert [(one.key, one.exposure) for one in found.lists] == [("mos1", "U002"), ("pn", "S003")]
    with pytest.raises(FileProblem, match="no exposure pn_S009; it has mos1_S001, mos1_U002, pn_S003"):
        find_lists([tmp_path], ("mos1", "pn"), exposures=("pn_S009",))


def test_a_list_without_places_has_no_images_but_all_the_rest(tmp_path: Path) -> None:
    write_list(tmp_path / "mos1.fits", "EMOS1", ATT_SRC="NONE")
    found = find_lists([tmp_path], ("mos1",))
    graph = standard_reduction(found.lists, Settings(), tmp_path / "work")
    withheld = {step.name for step in graph.steps if step.withheld}
    assert withheld == {f"mos1/image-{band}" for band in ("b1", "b2", "b3", "b4", "b5", "full")} | {"mos1/detect"}


@dataclass
class Copier:
    """An engine whose tasks write one file each; those of `fail` do not."""

    folder: Path
    fail: bool = False
    calls: list[str] = field(default_factory=list)
    name: str = "copier"

    def run(self, calls: Sequence[TaskCall]) -> list[CallResult]:
        results = []
        for call in calls:
            self.calls.append(call.task)
            if self.fail and call.task == "cifbuild":
                results.append(CallResult(error=("NoCcfPath", "no folder")))
                continue
            (self.folder / f"{call.task}.out").write_text(call.task)
            results.append(CallResult(outcome=Outcome()))
        return results

    def close(self) -> None:
        pass


def do(folder: Path, record: RunRecord, engine: Copier, *, keep_others: bool = False) -> dict[str, StepRecord]:
    steps = [
        TaskStep(name="index", task="cifbuild", outputs=("cifbuild.out",), optional=("ccf",)),
        TaskStep(name="chain", task="emproc", outputs=("emproc.out",), optional=("cifbuild.out", "extra")),
    ]
    run = Run(
        graph=Graph(steps), folder=folder, engine=engine, digests=Digests(folder), record=record, watcher=Silence(),
        save=lambda _: None, keep_others=keep_others,
    )  # fmt: skip
    return run.run()


def test_optional_files_are_waited_for_and_their_change_is_noticed(tmp_path: Path) -> None:
    engine, record = Copier(tmp_path), RunRecord(version="1", started="")
    (tmp_path / "ccf").mkdir()
    assert {end.status for end in do(tmp_path, record, engine).values()} == {"done"}
    assert engine.calls == ["cifbuild", "emproc"]
    do(tmp_path, record, engine)
    assert engine.calls == ["cifbuild", "emproc"]  # nothing is new
    (tmp_path / "extra").write_text("found after all")
    do(tmp_path, record, engine)
    assert engine.calls[2:] == ["emproc"]
    (tmp_path / "ccf" / "new.CCF").write_text("a constituent")
    do(tmp_path, record, engine)
    assert engine.calls[3:] == ["cifbuild"]  # its index came out the same


def test_an_optional_file_that_fails_stops_nothing(tmp_path: Path) -> None:
    engine, record = Copier(tmp_path), RunRecord(version="1", started="")
    do(tmp_path, record, engine)
    (tmp_path / "ccf").mkdir()
    engine.fail = True
    ended = do(tmp_path, record, engine)
    assert (ended["index"].status, ended["chain"].status) == ("failed", "done")
    assert engine.calls[2:] == ["cifbuild", "emproc"]  # again, without the index
    assert not (tmp_path / "cifbuild.out").exists()


def test_the_first_part_of_a_run_keeps_the_record_of_the_second(tmp_path: Path) -> None:
    record = RunRecord(version="1", started="", steps=[StepRecord(name="mos1/rate", outputs={"rate.fits": "12"})])
    do(tmp_path, record, Copier(tmp_path), keep_others=True)
    assert [step.name for step in record.steps] == ["index", "chain", "mos1/rate"]
