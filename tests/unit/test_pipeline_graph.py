"""The order of steps follows from their files; the recipe of the standard reduction."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmmpy.pipeline.cuts import limits_expression
from xmmpy.pipeline.discovery import EventList
from xmmpy.pipeline.folder import Digests
from xmmpy.pipeline.graph import CutStep, Graph, GraphError, Step, TakeStep, TaskStep
from xmmpy.pipeline.recipe import standard_reduction
from xmmpy.pipeline.settings import parse_flare_cut, read_settings
from xmmpy.pipeline.take import take, take_line
from xmmpy.pipeline.watch import expected_seconds
from xmmpy.products.record import RunRecord, StepRecord
from xmmpy.tasks.registry import find_task

LIST = EventList("/data/mos1.fits", "mos1", "EMOS1", "S001", "IMAGING", "Thin1", rows=5, key="mos1")
WORK = Path("/data/work")


@given(st.permutations(range(6)))
def test_steps_are_sorted_by_the_files_they_hand_over(order: list[int]) -> None:
    chain = [Step(name=str(n), inputs=(f"f{n}",), outputs=(f"f{n + 1}",)) for n in range(6)]
    graph = Graph(chain[n] for n in order)
    assert [step.name for step in graph.steps] == [str(n) for n in range(6)]
    assert graph.needs(graph["3"]) == ("2",)
    assert graph.needs(graph["0"]) == ()


def test_a_value_found_by_a_step_is_waited_for() -> None:
    cut = CutStep(name="cut", inputs=("rate",), method="auto")
    task = TaskStep(name="gti", task="tabgtigen", fill={"expression": "cut"}, after=("else",))
    graph = Graph([task, Step(name="else"), cut])
    assert set(graph.needs(task)) == {"cut", "else"}
    assert graph.steps[-1] is task


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([Step(name="a"), Step(name="a")], "two steps a"),
        ([Step(name="a", outputs=("x",)), Step(name="b", outputs=("x",))], "both write x"),
        ([Step(name="a", after=("b",)), Step(name="b", after=("a",))], "wait for each other"),
        ([Step(name="a", after=("nobody",))], "one that is missing"),
    ],
)
def test_steps_that_do_not_fit_together(steps: list[Step], words: str) -> None:
    with pytest.raises(GraphError, match=words):
        Graph(steps)


@pytest.mark.parametrize("flare_cut", ["auto", "histogram", "mos1=0.35"])
def test_the_tasks_of_the_recipe_take_its_parameters(flare_cut: str) -> None:
    settings = read_settings(None, {"flares": parse_flare_cut(flare_cut)})
    pn = EventList("/data/pn.fits", "pn", "EPN", "S003", "IMAGING", "Thin1", rows=5, key="pn")
    graph = standard_reduction([LIST, pn], settings, WORK)
    for step in graph.steps:
        if isinstance(step, TaskStep):
            values = {**step.values_for(step.inputs), **dict.fromkeys(step.fill, "RATE<=1")}
            find_task(step.task).parameters.from_values(values)


def test_the_recipe_in_the_words_of_the_sas_threads() -> None:
    graph = standard_reduction([LIST], read_settings(None, {}), WORK)
    lines = {step.name: step for step in graph.steps}
    rate, gti, clean = (lines[f"mos1/{name}"] for name in ("rate", "gti", "clean"))
    assert isinstance(rate, TaskStep)
    assert isinstance(gti, TaskStep)
    assert isinstance(clean, TaskStep)
    assert rate.values["expression"] == "#XMMEA_EM && (PI>10000) && (PATTERN==0)"
    assert rate.values["timebinsize"] == 100.0
    assert gti.values == {"table": "mos1_rate.fits", "gtiset": "gtiset_mos1.fits", "timecolumn": "TIME"}
    assert clean.values["expression"] == "#XMMEA_EM && (PI>150) && gti(gtiset_mos1.fits,TIME)"


def test_pn_images_have_their_own_patterns() -> None:
    pn = EventList("/data/pn.fits", "pn", "EPN", "S003", "IMAGING", "Thin1", rows=5, key="pn")
    graph = standard_reduction([pn], read_settings(None, {}), WORK)
    wanted = {
        "b1": "(FLAG==0) && (PATTERN==0) && (PI>300&&PI<=500)",
        "b2": "(FLAG==0) && (PATTERN<=4) && (PI>500&&PI<=1000)",
        "full": "(FLAG==0) && (PATTERN<=4) && (PI>300&&PI<=12000)",
    }
    for band, expression in wanted.items():
        step = graph[f"pn/image-{band}"]
        assert isinstance(step, TaskStep)
        assert step.values["expression"] == expression


def test_the_histogram_method_chooses_on_a_fine_curve_and_cuts_a_coarse_one() -> None:
    settings = read_settings(None, {"flares": {"method": "histogram"}})
    graph = standard_reduction([LIST], settings, WORK)
    cut, gti = graph["mos1/cut"], graph["mos1/gti"]
    assert cut.inputs == ("mos1_rate_fine.fits",)
    assert isinstance(gti, TaskStep)
    assert gti.values["mingtisize"] == 120.0


def test_a_list_that_is_in_the_work_folder_already_is_not_taken() -> None:
    graph = standard_reduction([LIST], read_settings(None, {}), Path("/data"))
    assert not any(isinstance(step, TakeStep) for step in graph.steps)


def test_limits_as_an_expression() -> None:
    assert limits_expression(0.35) == "(RATE<=0.35)"
    assert limits_expression(1.25, 0.5) == "(RATE>=0.5)&&(RATE<=1.25)"


@pytest.mark.parametrize("packed", [False, True])
def test_the_line_that_takes_a_list_does_what_the_step_does(tmp_path: Path, packed: bool) -> None:
    import gzip
    import subprocess

    from pipeline_stubs import write_list

    source = write_list(tmp_path / "a list.fits", "EMOS1")
    plain = source.read_bytes()
    if packed:
        source.write_bytes(gzip.compress(plain))
    work = tmp_path / "work"
    work.mkdir()
    step = TakeStep(name="x", inputs=("../a list.fits",), outputs=("mos1.fits",), packed=packed)
    take(step, work)
    assert (work / "mos1.fits").read_bytes() == plain
    assert (work / "mos1.fits").is_symlink() != packed
    (work / "mos1.fits").unlink()
    subprocess.run(take_line(step), shell=True, check=True, cwd=work)
    assert (work / "mos1.fits").read_bytes() == plain


def test_digests_know_contents_and_do_not_read_twice(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("same")
    (tmp_path / "b").write_text("same")
    (tmp_path / "c").write_text("other")
    digests = Digests(tmp_path)
    assert digests.known("a") == ""
    assert digests.of("a") == digests.of("b") != digests.of("c")
    assert digests.of("nosuch") == ""
    stamps = digests.stamps(["a"])
    stamps["a"].digest = "from memory"
    assert Digests(tmp_path, stamps).of("a") == "from memory"
    (tmp_path / "a").write_text("longer than before")
    assert Digests(tmp_path, stamps).of("a") not in ("from memory", "")


def test_expected_times_come_from_the_last_run_or_the_size() -> None:
    graph = standard_reduction([LIST], read_settings(None, {}), WORK)
    first = expected_seconds(graph, None, {"mos1": 2_000_000_000})
    assert set(first) == {step.name for step in graph.steps}
    assert first["mos1/clean"] > 50 * first["mos1/gti"]
    old = RunRecord(version="", started="", steps=[StepRecord(name="mos1/gti", seconds=77.0)])
    assert expected_seconds(graph, old, {})["mos1/gti"] == 77.0
