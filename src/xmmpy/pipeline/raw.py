"""The first part of the recipe: from an ODF to calibrated event lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xmmpy.odf.names import INSTRUMENT_NAMES, parse_name
from xmmpy.odf.opening import open_odf
from xmmpy.pipeline.discovery import INSTRUMENTS, EventList, relative_to
from xmmpy.pipeline.graph import Graph, Step, TaskStep
from xmmpy.products.errors import FileProblem
from xmmpy.tasks.epic.names import attitude_name, bad_pixel_name, list_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from xmmpy.odf.inventory import Exposure, Inventory
    from xmmpy.odf.opening import OdfFolder
    from xmmpy.pipeline.settings import Settings
    from xmmpy.products.record import StepRecord
    from xmmpy.tasks.session import Environment

INDEX = "ccf.cif"
_CODES = {"mos1": "M1", "mos2": "M2", "pn": "PN"}
_ARCHIVES = (".tar", ".tar.gz", ".tgz")
_SPACECRAFT = ("TCX", "TCS", "ATS", "RAS", "SUM")


@dataclass(frozen=True, slots=True)
class RawExposure:
    """An exposure of the ODF and the step that makes its list.

    Attributes
    ----------
    camera : str
        ``mos1``, ``mos2`` or ``pn``.
    exposure, mode, filter : str
        EXPIDSTR, SUBMODE, FILTER.
    step : str
        Name of the step.
    events : str
        Its list, in the work folder.
    """

    camera: str
    exposure: str
    mode: str
    filter: str
    step: str
    events: str


@dataclass(frozen=True, slots=True)
class RawPlan:
    """What is done with an ODF.

    Attributes
    ----------
    graph : Graph
        Its steps.
    exposures : tuple of RawExposure
        In the order of cameras.
    environment : mapping of str to str
        SAS_ODF and SAS_CCF for the tasks.
    remarks : tuple of str
        What is missing in the ODF.
    """

    graph: Graph
    exposures: tuple[RawExposure, ...]
    environment: Mapping[str, str]
    remarks: tuple[str, ...]


def odf_at(places: Sequence[Path], work: Path) -> OdfFolder | None:
    """Open the ODF at a place; None where the place holds none, so that event lists are looked for.

    An archive is unpacked into the work folder, once.

    Raises
    ------
    FileProblem
        When there is an ODF that cannot be opened.
    """
    if len(places) != 1:
        return None
    place = places[0]
    if place.is_file():
        name = place.name.lower()
        if not (name.endswith(_ARCHIVES) or name.endswith("sum.sas")):
            return None
        return open_odf(place, work)
    if not place.is_dir():
        return None
    if not any(_holds_raw_files(folder) for folder in (place, *_folders(place))):
        return None
    return open_odf(place, work)


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(item for item in place.iterdir() if item.is_dir() and not item.is_symlink())
    except OSError:
        return []


def _holds_raw_files(folder: Path) -> bool:
    try:
        names = [parse_name(item.name) for item in folder.iterdir()]
    except OSError:
        return False
    return any(name is not None and name.suffix == "FIT" for name in names)


def plan_raw(folder: OdfFolder, settings: Settings, work: Path, environment: Environment) -> RawPlan:
    """Write the recipe for an ODF.

    Parameters
    ----------
    folder : OdfFolder
        The ODF.
    settings : Settings
        What the user chose.
    work : pathlib.Path
        The work folder; names are relative to it.
    environment : Environment
        SAS_CCF and SAS_CCFPATH decide about the calibration.

    Raises
    ------
    FileProblem
        When the ODF has no exposure of the cameras that are wanted.
    """
    from xmmpy.odf.inventory import take_inventory

    inventory = take_inventory(folder, instruments=[_CODES[camera] for camera in settings.cameras])
    shared = _shared_inputs(inventory, work)
    steps: list[Step] = [_index_step(environment), *_summary_steps(inventory, shared)]
    exposures = []
    for camera in settings.cameras:
        for exposure in inventory.of_instrument(_CODES[camera]):
            if not exposure.is_science and exposure.auxiliary is None:
                continue  # offsets, diagnostics
            step = _chain_step(folder, exposure, shared, work, indexed=bool(environment.ccf_path))
            steps.append(step)
            exposures.append(
                RawExposure(camera, exposure.identifier, exposure.mode, exposure.filter, step.name,
                            list_name(folder, exposure))
            )  # fmt: skip
            if camera == "pn" and settings.out_of_time and exposure.events and not exposure.is_timing:
                steps.append(
                    _chain_step(folder, exposure, shared, work, indexed=bool(environment.ccf_path), out_of_time=True)
                )
    if not exposures:
        wanted = ", ".join(settings.cameras)
        raise FileProblem(folder.path, f"holds no exposure of {wanted}", "choose other cameras with --cameras")
    ccf = environment.ccf or (str((work / INDEX).absolute()) if environment.ccf_path else "")
    return RawPlan(
        graph=Graph(steps),
        exposures=tuple(exposures),
        environment={"SAS_ODF": str(folder.path.absolute()), "SAS_CCF": ccf},
        remarks=(*inventory.missing, *inventory.remarks),
    )


def _index_step(environment: Environment) -> TaskStep:
    """Index of the calibration, where there are constituents and no index yet."""
    reason = ""
    if environment.ccf:
        reason = f"SAS_CCF names an index: {environment.ccf}"
    elif not environment.ccf_path:
        reason = "no calibration constituents (SAS_CCFPATH is not set): the nominal calibration is used"
    return TaskStep(
        name="cifbuild", title="calibration index", task="cifbuild", values={"calindexset": INDEX, "fullpath": True},
        outputs=(INDEX,), withheld=reason,
    )  # fmt: skip


def _summary_steps(inventory: Inventory, shared: tuple[str, ...]) -> list[Step]:
    folder = inventory.folder
    summary = folder.canonical_name("SUM", "SAS")
    attitude = attitude_name(folder)
    has_attitude = any(folder.find("SC", kind) is not None for kind in ("ATS", "RAS"))
    return [
        TaskStep(name="odfingest", title="summary", task="odfingest", values={"outdir": "."}, inputs=shared,
                 outputs=(summary,)),
        TaskStep(
            name="atthkgen", title="attitude", task="atthkgen", values={"atthkset": attitude}, inputs=shared,
            outputs=(attitude,), withheld="" if has_attitude else "the ODF holds no attitude (ATS, RAS)",
        ),
    ]  # fmt: skip


def _shared_inputs(inventory: Inventory, work: Path) -> tuple[str, ...]:
    """Files of the spacecraft."""
    files = inventory.folder.files
    return tuple(
        relative_to(work, path)
        for name, path in files.items()
        if name.instrument == "SC" and name.kind in _SPACECRAFT and name.suffix != "SAS"
    )


def _chain_step(
    folder: OdfFolder, exposure: Exposure, shared: tuple[str, ...], work: Path, *, indexed: bool,
    out_of_time: bool = False,
) -> TaskStep:  # fmt: skip
    """Step that calibrates one exposure."""
    instrument = INSTRUMENT_NAMES[exposure.instrument]
    camera = INSTRUMENTS[instrument]
    is_pn = exposure.instrument == "PN"
    task = "epproc" if is_pn else "emproc"
    files = [ccd.path for ccd in exposure.events]
    files += [path for path in (exposure.auxiliary,) if path is not None]
    values: dict[str, Any] = {
        "withinstexpids": True, "instexpids": f"{exposure.instrument}{exposure.identifier}", "runatthkgen": False
    }  # fmt: skip
    outputs = [list_name(folder, exposure, out_of_time=out_of_time)]
    if out_of_time:
        values["withoutoftime"] = True
    else:
        outputs.append(bad_pixel_name(folder, exposure))
    return TaskStep(
        name=f"{camera}_{exposure.identifier}/{'out-of-time' if out_of_time else task}",
        title=f"{camera} {exposure.identifier} {'out-of-time events' if out_of_time else 'calibrated events'}",
        task=task, values=values, outputs=tuple(outputs),
        inputs=(*shared, *(relative_to(work, path) for path in files)),
        after=("cifbuild",) if indexed else (),
        withheld="" if exposure.events or exposure.is_science else "no CCD sent events",
    )  # fmt: skip


def failed_lists(plan: RawPlan, ended: Mapping[str, StepRecord], work: Path) -> tuple[EventList, ...]:
    """Lists that did not come out, with the reason, in the form of those that did."""
    names = {camera: instrument for instrument, camera in INSTRUMENTS.items()}
    found = []
    for one in plan.exposures:
        record = ended[one.step]
        if record.status == "done":
            continue
        nothing = record.status == "nothing to do"
        found.append(
            EventList(
                path=str(work / one.events), camera=one.camera, instrument=names[one.camera], exposure=one.exposure,
                mode=one.mode, filter=one.filter, nothing_to_do=record.reason if nothing else "",
                problem="" if nothing else record.reason,
            )
        )  # fmt: skip
    return tuple(found)
