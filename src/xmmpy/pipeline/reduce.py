"""The standard reduction from a folder with event lists to products and their record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xmmpy import __version__
from xmmpy.pipeline.cuts import limits_expression
from xmmpy.pipeline.detection import DETECTION_STEPS, detection_remarks
from xmmpy.pipeline.discovery import Found, find_lists, relative_from, relative_to
from xmmpy.pipeline.folder import Digests, WorkFolder
from xmmpy.pipeline.graph import CutStep, Graph, TakeStep, TaskStep
from xmmpy.pipeline.names import FOLDERS
from xmmpy.pipeline.raw import failed_lists, odf_at, plan_raw
from xmmpy.pipeline.recipe import describe_cameras, describe_observation, standard_reduction
from xmmpy.pipeline.run import Run, processors
from xmmpy.pipeline.settings import SETTINGS_NAME
from xmmpy.pipeline.take import take_line
from xmmpy.pipeline.watch import Silence, expected_seconds
from xmmpy.products.errors import FileProblem
from xmmpy.products.record import CutRecord, ObservationRecord, RunRecord, read_record
from xmmpy.tasks.parameters import quoted
from xmmpy.tasks.session import Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xmmpy.engines import Engine
    from xmmpy.pipeline.cuts import Ask
    from xmmpy.pipeline.discovery import EventList
    from xmmpy.pipeline.graph import Step
    from xmmpy.pipeline.raw import RawPlan
    from xmmpy.pipeline.settings import Settings
    from xmmpy.pipeline.watch import Watcher
    from xmmpy.products.record import CameraRecord, StepRecord

OK, ERROR, PARTIAL = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Reduction:
    """What a run came to.

    Attributes
    ----------
    record : RunRecord
        As it is in the work folder.
    changed : bool
        Whether anything was done.
    exit_status : int
        0 all done, 2 some cameras or products are missing, 1 nothing came out.
    remarks : tuple of str
        Files that were passed over, and why.
    """

    record: RunRecord
    changed: bool
    exit_status: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do.

    Attributes
    ----------
    found : Found
        The lists; none before an ODF is processed.
    graph : Graph
        The steps; those of the ODF alone before it is processed.
    old : RunRecord or None
        The record of the last run.
    work : Path
        The work folder.
    settings : Settings
        What the user chose.
    raw : RawPlan or None
        What is done with the ODF, where the run begins with one.
    """

    found: Found
    graph: Graph
    old: RunRecord | None
    work: Path
    settings: Settings
    raw: RawPlan | None = None


def plan(places: Sequence[Path], work: Path, settings: Settings, environment: Environment | None = None) -> Plan:
    """Find the ODF or the lists and write the recipe; nothing is written to disk but an unpacked archive.

    Parameters
    ----------
    places : sequence of Path
        A folder with an ODF, its archive or its SUM.SAS; a folder with event lists, or the lists.
    work : Path
        The work folder.
    settings : Settings
        What the user chose.
    environment : Environment, optional
        SAS_CCF and SAS_CCFPATH.

    Raises
    ------
    FileProblem
        When there is neither, or the ODF cannot be read.
    """
    remarks: tuple[str, ...] = ()
    try:
        old = read_record(work)
    except FileProblem as problem:  # of another version, or damaged: everything is done again
        old, remarks = None, (str(problem),)
    folder = odf_at(places, work)
    if folder is not None:
        raw = plan_raw(folder, settings, work, environment or Environment())
        return Plan(Found((), (*raw.remarks, *remarks)), raw.graph, old, work, settings, raw)
    found = find_lists(places, settings.cameras, _known(old, work), exposures=settings.exposures)
    graph = standard_reduction(found.lists, settings, work)
    told = (*found.remarks, *remarks, *detection_remarks(found.lists, settings))
    return Plan(replace(found, remarks=told), graph, old, work, settings)


def _known(old: RunRecord | None, work: Path) -> dict[str, dict[str, Any]]:
    """What the last run knew of the lists, by absolute path."""
    return {} if old is None else {relative_from(work, name): facts for name, facts in old.lists.items()}


def _with_lists(planned: Plan, ended: Mapping[str, StepRecord]) -> Plan:
    """Go on from the lists that came out of the ODF: the recipe as a whole."""
    raw, work = planned.raw, planned.work
    assert raw is not None
    made = [work / one.events for one in raw.exposures if ended[one.step].status == "done"]
    others = failed_lists(raw, ended, work)
    found = find_lists(made, planned.settings.cameras, _known(planned.old, work), others)
    rest = standard_reduction(found.lists, planned.settings, work)
    told = (*planned.found.remarks, *found.remarks, *detection_remarks(found.lists, planned.settings))
    return replace(
        planned,
        found=replace(found, remarks=told),
        graph=Graph([*raw.graph.steps, *rest.steps]),
    )


def reduce_lists(
    planned: Plan,
    make_engine: Callable[[WorkFolder], Engine],
    *,
    watcher: Watcher | None = None,
    jobs: int = 0,
    ask: Ask | None = None,
    force: bool = False,
) -> Reduction:
    """Carry out a plan.

    Parameters
    ----------
    planned : Plan
        What is to be done.
    make_engine : callable
        Makes the engine for the work folder.
    watcher : Watcher, optional
        Is told what happens.
    jobs : int
        Tasks at a time; as many as there are processors when 0.
    ask : callable, optional
        Asks the user for a flare cut.
    force : bool
        Do everything again.

    Raises
    ------
    FileProblem
        When the work folder cannot be used.
    """
    watch = watcher or Silence()
    with WorkFolder(planned.work, FOLDERS) as folder:
        old = planned.old
        digests = Digests(folder.path, old.stamps if old is not None else None)
        engine = make_engine(folder)
        changed = False
        ended: Mapping[str, StepRecord] = {}

        def one_run(current: Plan, *, keep_others: bool = False) -> tuple[Run, RunRecord]:
            record = _new_record(current)
            if old is not None:
                record.steps = list(old.steps) if current.raw is not None else _still_there(old, current.graph)

            def save(state: RunRecord) -> None:
                state.cameras = _cameras(current, state)
                if old is None or state.model_dump(mode="json") != old.model_dump(mode="json"):
                    state.write(folder.path)

            sizes = {one.key: _size(one) for one in current.found.lists}
            watch.planned(expected_seconds(current.graph, old, sizes))
            return Run(
                graph=current.graph, folder=folder.path, engine=engine, digests=digests, record=record,
                watcher=watch, save=save, jobs=jobs or processors(), ask=ask, force=force,
                keep_others=keep_others, ended=ended,
            ), record  # fmt: skip

        try:
            if planned.raw is not None:
                run, _ = one_run(planned, keep_others=True)
                ended = run.run()
                changed = run.changed
                planned = _with_lists(planned, ended)
            run, record = one_run(planned)
            run.run()
        finally:
            engine.close()
        record.cameras = _cameras(planned, record)
        changed = changed or run.changed or old is None or _differs(old, record)
        if changed or not (folder.path / SETTINGS_NAME).exists():
            planned.settings.write(folder.path)
        if not changed and old is not None:
            record.started = old.started
        run.write_down()
    return Reduction(record, changed, _exit_status(record), planned.found.remarks)


def _still_there(old: RunRecord, graph: Graph) -> list[StepRecord]:
    return [step for step in old.steps if step.name in graph]


def task_lines(planned: Plan) -> list[str]:
    """Write the lines that do by hand, in the work folder, what a run would do.

    A limit that a run would choose stands as LIMIT where no earlier run has chosen it.
    """
    lines = []
    if planned.raw is not None:
        lines += [f"export {name}={quoted(value)}" for name, value in planned.raw.environment.items() if value]
    camera: str | None = ""
    for step in _by_camera(planned.graph):
        if step.camera != camera:
            camera = step.camera
            lines.append(f"# {camera or 'all cameras'}")
        if step.withheld:
            lines.append(f"# no {step.title}: {step.withheld}")
        elif isinstance(step, TakeStep):
            lines.append(take_line(step))
        elif isinstance(step, CutStep):
            lines.append(f"# flare cut: {_how(step)}")
        elif isinstance(step, TaskStep):
            lines.append(_task_line(step, planned))
    if planned.raw is not None:
        lines.append(
            "# then, for the lists that come out: rate curve, flare cut, cleaned list, images, sources; mosaic"
        )
    return lines


def _task_line(step: TaskStep, planned: Plan) -> str:
    values = step.values_for(step.inputs)
    for name, source in step.fill.items():
        cut = planned.graph[source]
        assert isinstance(cut, CutStep)
        earlier = planned.old.step(source) if planned.old is not None else None
        if cut.limit is not None:
            values[name] = limits_expression(cut.limit)
        elif earlier is not None and earlier.facts.get(name) and earlier.line == _cut_mark(cut):
            values[name] = earlier.facts[name]
        else:
            values[name] = "(RATE<=LIMIT)"
    return f"xmmpy task {step.task} " + " ".join(f"{name}={quoted(value)}" for name, value in values.items())


def _cut_mark(cut: CutStep) -> str:
    return f"# --flare-cut {cut.method}"


def _how(cut: CutStep) -> str:
    ways = {
        "auto": "the rate that maximises signal to noise",
        "histogram": "the Gaussian fit to the histogram of the rates",
        "ask": "asked of the user",
    }
    return f"RATE<={cut.limit:g}" if cut.limit is not None else ways[cut.method]


def _by_camera(graph: Graph) -> list[Step]:
    keys = list(dict.fromkeys(step.camera for step in graph.steps))
    keys.sort(key=lambda key: key is None)
    return [step for key in keys for step in graph.steps if step.camera == key]


def _new_record(planned: Plan) -> RunRecord:
    lists = planned.found.lists
    return RunRecord(
        version=__version__,
        started=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        settings=planned.settings.model_dump(mode="json"),
        observation=describe_observation(lists) if lists else ObservationRecord(),
        remarks=list(planned.found.remarks),
        lists={relative_to(planned.work, one.path): one.to_json() for one in lists if not one.problem and one.exists},
    )


def _differs(old: RunRecord, new: RunRecord) -> bool:
    """Tell whether anything but the time of the run and the stamps of files is new."""
    mode, exclude = "json", {"started", "stamps"}
    return old.model_dump(mode=mode, exclude=exclude) != new.model_dump(mode=mode, exclude=exclude)


def _cameras(planned: Plan, record: RunRecord) -> list[CameraRecord]:
    cameras = describe_cameras(planned.found.lists, planned.settings, planned.work)
    return [_up_to_date(camera, record) for camera in cameras]


def _up_to_date(camera: CameraRecord, record: RunRecord) -> CameraRecord:
    """Fill in the flare cut of a camera and how it stands."""
    if not camera.events:
        return camera
    steps = [step for step in record.steps if step.camera == camera.key]
    cut = next((step for step in steps if step.name == f"{camera.key}/cut" and step.facts), None)
    if cut is not None:
        names = ("method", "limit", "kept", "total", "lower", "text")
        camera.cut = CutRecord(**{name: cut.facts[name] for name in names})
    needed = [step for step in steps if not step.name.endswith(DETECTION_STEPS)]  # a camera is good without sources
    for status in ("failed", "nothing to do"):
        first = next((step for step in needed if step.status == status), None)
        if first is not None:
            camera.status, camera.reason = first.status, first.reason
            break
    made = {file for step in steps if step.status == "done" for file in step.outputs}
    camera.images = {band: file for band, file in camera.images.items() if file in made}
    for name in ("rate", "gti", "clean"):
        if getattr(camera, name) not in made:
            setattr(camera, name, "")
    return camera


def _exit_status(record: RunRecord) -> int:
    bad = [step for step in record.steps if step.status in ("failed", "skipped")]
    wanted = [camera for camera in record.cameras if camera.events or camera.status == "failed"]
    good = [camera for camera in wanted if camera.status == "done"]
    if not bad and len(good) == len(wanted):
        return OK
    failed = bad or any(camera.status == "failed" for camera in wanted)
    return ERROR if failed and not any(camera.clean for camera in wanted) else PARTIAL


def _size(one: EventList) -> int:
    try:
        return Path(one.path).stat().st_size
    except OSError:
        return 0
