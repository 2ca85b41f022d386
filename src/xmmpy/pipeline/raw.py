"""The first part of the recipe: from an ODF to calibrated event lists."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xmmpy.odf.names import parse_name
from xmmpy.odf.opening import is_archive, open_odf
from xmmpy.odf.times import text_of_met
from xmmpy.pipeline.discovery import INSTRUMENTS, EventList, check_chosen, is_chosen, list_paths, relative_to
from xmmpy.pipeline.graph import Graph, Step, TaskStep
from xmmpy.products.errors import FileProblem
from xmmpy.tasks.calibration import constituent_path, index_path
from xmmpy.tasks.epic.names import attitude_name, bad_pixel_name, list_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xmmpy.odf.inventory import Exposure, Inventory
    from xmmpy.odf.opening import OdfFolder
    from xmmpy.pipeline.settings import Settings
    from xmmpy.products.record import StepRecord
    from xmmpy.tasks.session import Environment

INDEX = "ccf.cif"
_CODES = {"mos1": "M1", "mos2": "M2", "pn": "PN"}
_CAMERAS = {code: camera for camera, code in _CODES.items()}
_SPACECRAFT = ("TCX", "TCS", "ATS", "RAS", "SUM", "ROS")
_HOUSEKEEPING = ("PEH", "PMH", "PAH")


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
        SAS_ODF, SAS_CCF and SAS_CCFPATH for the tasks.
    remarks : tuple of str
        What is missing in the ODF.
    """

    graph: Graph
    exposures: tuple[RawExposure, ...]
    environment: Mapping[str, str]
    remarks: tuple[str, ...]


def odf_at(places: Sequence[Path], work: Path) -> OdfFolder | None:
    """Open the ODF at a place; None where the place holds none, so that event lists are looked for.

    An archive is unpacked into the work folder, once; so is the one archive of a folder that holds nothing else to
    begin with.

    Raises
    ------
    FileProblem
        When there is an ODF that cannot be opened.
    """
    if len(places) != 1:
        return None
    place = places[0]
    if place.is_file():
        if not (is_archive(place) or place.name.lower().endswith("sum.sas")):
            return None
        return open_odf(place, work)
    if not place.is_dir():
        return None
    if any(_holds_raw_files(folder) for folder in (place, *_folders(place))):
        return open_odf(place, work)
    archives = [item for item in _items(place) if is_archive(item) and item.is_file()]
    if not archives or list_paths([place]):
        return None
    if len(archives) > 1:
        named = ", ".join(sorted(item.name for item in archives))
        raise FileProblem(place, f"holds {len(archives)} archives: {named}", "name one of them")
    return open_odf(archives[0], work)


def _items(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # whoever reads the folder in earnest says what is wrong
        return []


def _folders(place: Path) -> list[Path]:
    return [item for item in _items(place) if item.is_dir() and not item.is_symlink()]


def _holds_raw_files(folder: Path) -> bool:
    names = [parse_name(item.name) for item in _items(folder)]
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
        When the ODF has no exposure of the cameras that are wanted, or not one that is asked for.
    """
    from xmmpy.odf.inventory import take_inventory

    inventory = take_inventory(folder, instruments=[_CODES[camera] for camera in settings.cameras])
    calibration = _Calibration.of(settings, environment, work)
    chosen = _chosen(inventory, settings)
    shared = _shared_inputs(inventory, work)
    raw_files = tuple(dict.fromkeys(file for exposure in chosen for file in _files_of(folder, exposure, work)))
    steps: list[Step] = [
        _index_step(calibration, inventory, work),
        *_summary_steps(inventory, work, shared, raw_files),
    ]
    exposures = []
    for exposure in chosen:
        step = _chain_step(folder, exposure, shared, work, settings, calibration)
        steps.append(step)
        exposures.append(
            RawExposure(_CAMERAS[exposure.instrument], exposure.identifier, exposure.mode, exposure.filter, step.name,
                        list_name(folder, exposure))
        )  # fmt: skip
        if exposure.instrument == "PN" and settings.out_of_time and exposure.events and not exposure.is_timing:
            steps.append(_chain_step(folder, exposure, shared, work, settings, calibration, out_of_time=True))
    return RawPlan(
        graph=Graph(steps),
        exposures=tuple(exposures),
        environment={"SAS_ODF": str(folder.path.absolute()), **calibration.environment},
        remarks=(*inventory.missing, *inventory.remarks),
    )


@dataclass(frozen=True, slots=True)
class _Calibration:
    """Where the calibration comes from.

    Attributes
    ----------
    index : str
        The calibration index, absolute; empty where there is none and none can be made.
    folders : tuple of str
        Folders with constituents, absolute.
    withheld : str
        Why no index is made; empty where one is.
    files : tuple of str
        Constituents that take the place of those of the index, absolute where they are found.
    """

    index: str
    folders: tuple[str, ...]
    withheld: str
    files: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings, environment: Environment, work: Path) -> _Calibration:
        """Choose: folders of the settings, then the index of SAS_CCF, then the folders of SAS_CCFPATH.

        Constituents of SAS_CCFFILES hold in any case.
        """
        folders = tuple(str(Path(folder).absolute()) for folder in settings.ccf or environment.ccf_path)
        files = tuple(str(constituent_path(name, folders) or name) for name in environment.ccf_files)
        if environment.ccf and not settings.ccf:
            reason = f"SAS_CCF names an index: {environment.ccf}"
            return cls(str(index_path(environment.ccf).absolute()), folders, reason, files)
        if not folders:
            reason = "no calibration constituents (SAS_CCFPATH is not set): the nominal calibration is used"
            return cls("", (), reason, files)
        return cls(str((work / INDEX).absolute()), folders, "", files)

    @property
    def environment(self) -> dict[str, str]:
        """As tasks expect it."""
        return {
            "SAS_CCF": self.index, "SAS_CCFPATH": ":".join(self.folders), "SAS_CCFFILES": " ".join(self.files)
        }  # fmt: skip

    def read_from(self, work: Path) -> tuple[str, ...]:
        """Files that a step reads for its calibration, as seen from `work`."""
        return tuple(relative_to(work, file) for file in (self.index, *self.files) if file)


def _chosen(inventory: Inventory, settings: Settings) -> list[Exposure]:
    """Exposures to process, by camera.

    Raises
    ------
    FileProblem
        When there is none, or one that was asked for is not there.
    """
    there = [
        (camera, exposure)
        for camera in settings.cameras
        for exposure in inventory.of_instrument(_CODES[camera])
        if exposure.is_science or exposure.auxiliary is not None  # the others are offsets and diagnostics
    ]
    place = inventory.folder.path
    if not there:
        wanted = ", ".join(settings.cameras)
        raise FileProblem(place, f"holds no exposure of {wanted}", "choose other cameras with --cameras")
    check_chosen(place, [(camera, exposure.identifier) for camera, exposure in there], settings.exposures)
    return [exposure for camera, exposure in there if is_chosen(camera, exposure.identifier, settings.exposures)]


def _index_step(calibration: _Calibration, inventory: Inventory, work: Path) -> TaskStep:
    """Index of the calibration, where there are constituents and no index yet."""
    values: dict[str, Any] = {
        "calindexset": INDEX, "fullpath": True, "withccfpath": True, "ccfpath": ":".join(calibration.folders)
    }  # fmt: skip
    if isfinite(inventory.start):
        values |= {"withobservationdate": True, "observationdate": text_of_met(inventory.start, 0)}
    return TaskStep(
        name="cifbuild", title="calibration index", task="cifbuild", values=values, outputs=(INDEX,),
        optional=tuple(relative_to(work, folder) for folder in calibration.folders), withheld=calibration.withheld,
    )  # fmt: skip


def _summary_steps(inventory: Inventory, work: Path, shared: tuple[str, ...], raw_files: tuple[str, ...]) -> list[Step]:
    folder = inventory.folder
    summary = folder.canonical_name("SUM", "SAS")
    attitude = attitude_name(folder)
    has_attitude = any(folder.find("SC", kind) is not None for kind in ("ATS", "RAS"))
    read = tuple(file for file in (relative_to(work, folder.path), *shared, *raw_files) if file != summary)
    return [
        TaskStep(name="odfingest", title="summary", task="odfingest", values={"outdir": "."}, optional=read,
                 outputs=(summary,)),
        TaskStep(
            name="atthkgen", title="attitude", task="atthkgen", values={"atthkset": attitude}, optional=shared,
            outputs=(attitude,), withheld="" if has_attitude else "the ODF holds no attitude (ATS, RAS)",
        ),
    ]  # fmt: skip


def _shared_inputs(inventory: Inventory, work: Path) -> tuple[str, ...]:
    """Files of the spacecraft."""
    files = [
        path
        for name, path in inventory.folder.files.items()
        if name.instrument == "SC" and name.kind in _SPACECRAFT and name.suffix != "SAS"
    ]
    if inventory.folder.summary is not None:
        files.append(inventory.folder.summary)
    return tuple(relative_to(work, path) for path in files)


def _files_of(folder: OdfFolder, exposure: Exposure, work: Path) -> tuple[str, ...]:
    """Files of an exposure and the housekeeping of its camera."""
    files = [ccd.path for ccd in exposure.ccds if ccd.name.is_events or ccd.name.kind == "DLI"]
    files += [path for path in (exposure.auxiliary, exposure.counting) if path is not None]
    files += [path for kind in _HOUSEKEEPING if (path := folder.find(exposure.instrument, kind)) is not None]
    return tuple(relative_to(work, path) for path in files)


def _chain_step(
    folder: OdfFolder, exposure: Exposure, shared: tuple[str, ...], work: Path, settings: Settings,
    calibration: _Calibration, *, out_of_time: bool = False,
) -> TaskStep:  # fmt: skip
    """Step that calibrates one exposure."""
    camera = _CAMERAS[exposure.instrument]
    task = "epproc" if exposure.instrument == "PN" else "emproc"
    values: dict[str, Any] = {
        "withinstexpids": True, "instexpids": f"{exposure.instrument}{exposure.identifier}", "runatthkgen": False,
        "randomseed": settings.seed,
    }  # fmt: skip
    if task == "emproc":  # what the other camera lacks is not this one's
        values |= {"selectinstruments": True, "emos1": camera == "mos1", "emos2": camera == "mos2"}
    if settings.attitude is not None:
        names = ("fixedra", "fixeddec", "fixedposangle")
        values |= {"withfixedattitude": True, **dict(zip(names, settings.attitude, strict=True))}
    outputs = [list_name(folder, exposure, out_of_time=out_of_time)]
    if out_of_time:
        values["withoutoftime"] = True
    else:
        outputs.append(bad_pixel_name(folder, exposure))
    return TaskStep(
        name=f"{camera}_{exposure.identifier}/{'out-of-time' if out_of_time else task}",
        title=f"{camera} {exposure.identifier} {'out-of-time events' if out_of_time else 'calibrated events'}",
        task=task, values=values, outputs=tuple(outputs),
        optional=(*shared, *_files_of(folder, exposure, work), *calibration.read_from(work)),
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
