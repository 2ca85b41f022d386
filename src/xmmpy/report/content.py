"""From the record of a run and its files to what the page shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xmmpy.products.errors import FileProblem
from xmmpy.report.numbers import (
    DASH,
    duration,
    percent,
    plain,
    sexagesimal_dec,
    sexagesimal_ra,
    thousands,
)
from xmmpy.report.sources import SourcesView, sources_view

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xmmpy.products.record import CameraRecord, CutRecord, RunRecord, StepRecord
    from xmmpy.report.graticule import Frame
    from xmmpy.report.lightcurve import CurvePicture
    from xmmpy.report.sky import SkyPicture

_LARGEST_RATE = 1e9  # counts/s; larger ones stand for "no limit"
_RAW_TASKS = ("cifbuild", "odfingest", "atthkgen", "emproc", "epproc")
_MOSAIC_PIXELS, _PANEL_PIXELS = 900, 320


@dataclass(frozen=True, slots=True)
class SkyPanel:
    """A picture with its words, or why there is none."""

    title: str
    file: str
    picture: SkyPicture | None = None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class CurvePanel:
    """A light curve with its words, or why there is none."""

    picture: CurvePicture | None = None
    missing: str = ""
    note: str = ""
    spoken: str = ""


@dataclass(frozen=True, slots=True)
class CutRow:
    """One selection: its name, the events it left, their share of those read, in words and in per cent."""

    name: str
    rows: str
    share: str
    bar: float


@dataclass(frozen=True, slots=True)
class CutGroup:
    """The selections of one step."""

    title: str
    rows: tuple[CutRow, ...]


@dataclass(frozen=True, slots=True)
class CameraView:
    """One exposure of one camera."""

    key: str
    title: str
    facts: str
    status: str
    reason: str
    cut: str
    kept: str
    kept_share: str
    events: str
    curve: CurvePanel
    raw_flow: tuple[CutGroup, ...]
    calibration: tuple[tuple[str, str], ...]
    cut_flow: tuple[CutGroup, ...]
    product_flow: tuple[CutGroup, ...]
    images: tuple[SkyPanel, ...]


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of the run."""

    name: str
    task: str
    status: str
    seconds: str
    rows: str
    remarks: tuple[str, ...]
    line: str
    log: str


@dataclass(frozen=True, slots=True)
class PageContent:
    """All that the page shows, as texts and pictures."""

    title: str
    facts: tuple[tuple[str, str], ...]
    problems: tuple[tuple[str, str, str], ...]
    remarks: tuple[str, ...]
    mosaic: SkyPanel | None
    sources: SourcesView | None
    cameras: tuple[CameraView, ...]
    steps: tuple[StepView, ...]
    lines: str
    settings: str
    version: str
    started: str


def page_content(record: RunRecord, work: Path) -> PageContent:
    """Collect what the page shows; files that are missing or broken are told of in their place."""
    observation = record.observation
    facts = [
        ("Observation", observation.obs_id),
        ("Target", observation.object),
        ("Pointing (J2000)", _position(observation.ra, observation.dec)),
        ("Begin", observation.date_obs),
        ("End", observation.date_end),
        *_raw_facts(record),
    ]
    remarks = _remarks(record)
    mosaic = _mosaic(record, work)
    return PageContent(
        title=observation.object or observation.obs_id or "Reduction",
        facts=tuple((label, value) for label, value in facts if value),
        problems=tuple(_problems(record)),
        remarks=tuple(remarks),
        mosaic=mosaic,
        sources=sources_view(record, work, None if mosaic is None else mosaic.picture),
        cameras=tuple(_camera(camera, record, work) for camera in record.cameras),
        steps=tuple(_step(step, remarks) for step in record.steps),
        lines="\n".join(f"# {step.name}\n{step.line}" for step in record.steps if step.line),
        settings=json.dumps(record.settings, indent=2, sort_keys=True, ensure_ascii=False),
        version=record.version,
        started=record.started,
    )


def _chain_steps(record: RunRecord) -> list[StepRecord]:
    """Steps that made calibrated lists from raw files."""
    return [step for step in record.steps if step.task in ("emproc", "epproc") and step.status == "done"]


def _raw_facts(record: RunRecord) -> list[tuple[str, str]]:
    """Attitude, clock and calibration of a run that began with raw files."""
    steps = _chain_steps(record)
    if not steps:
        return []
    facts = steps[0].facts
    used = {str(line).partition(": ")[2] for step in steps for line in step.facts.get("calibration", ())}
    constituents = sorted(name for name in used if name and not name.startswith("nominal:"))
    calibration = ", ".join(constituents) or "nominal tables"
    if constituents and len(constituents) < len(used):
        calibration += ", else nominal tables"
    rms = facts.get("clock_rms")
    return [
        ("Attitude", str(facts.get("attitude", ""))),
        ("Clock fit", f"{rms:.2g} s rms" if isinstance(rms, float) else "none"),
        ("Calibration", calibration),
    ]


def _problems(record: RunRecord) -> list[tuple[str, str, str]]:
    """Name, status and reason of what failed; skipped steps follow from those and are not repeated."""
    found = [(step.name, str(step.status), step.reason) for step in record.steps if step.status == "failed"]
    told = {name.split("/")[0] for name, _, _ in found} | {reason for _, _, reason in found}
    others = [
        camera
        for camera in record.cameras
        if camera.status != "done" and camera.key not in told and camera.reason not in told
    ]
    return found + [(camera.key, str(camera.status), camera.reason) for camera in others]


def _remarks(record: RunRecord) -> list[str]:
    """What the data lack, a line each: of the ODF as a whole, and what its steps said of it."""
    steps = [step for step in record.steps if step.task in _RAW_TASKS]
    said = [line for step in steps for line in step.warnings if line not in step.reason]
    return list(dict.fromkeys([*record.remarks, *said]))


def _calibration(step: StepRecord, instrument: str) -> list[tuple[str, str]]:
    """Kind and source of the calibration of an exposure."""
    lines = [str(line).partition(": ")[::2] for line in step.facts.get("calibration", ())]
    return [
        (kind, f"nominal table {source.removeprefix('nominal:')}" if source.startswith("nominal:") else source)
        for kind, source in lines
        if kind.startswith((f"{instrument} ", "XMM "))
    ]


def _position(ra: float | None, dec: float | None) -> str:
    if ra is None or dec is None or not (0 <= abs(ra) <= 360 and abs(dec) <= 90):
        return ""
    return f"{sexagesimal_ra(ra)}, {sexagesimal_dec(dec)}"


def _mosaic(record: RunRecord, work: Path) -> SkyPanel | None:
    for step in record.steps:
        if step.task == "emosaic":
            file = next(iter(step.outputs), "")
            if step.status != "done" or not file:
                return SkyPanel("Mosaic", file, missing=f"No mosaic was made: {step.reason or step.status}.")
            return sky_panels(work, {"Mosaic": file}, _MOSAIC_PIXELS)[0]
    return None


def _camera(camera: CameraRecord, record: RunRecord, work: Path) -> CameraView:
    steps = [step for step in record.steps if step.camera == camera.key]
    chosen = [step for step in steps if step.cuts and step.task == "evselect"]  # others select no events
    cut = camera.cut
    facts = [
        camera.exposure and f"exposure {camera.exposure}",
        camera.filter and f"filter {camera.filter}",
        camera.mode,
    ]
    names = dict.fromkeys(("full", *sorted(camera.images)))
    images = {_band_title(name, camera, record): camera.images[name] for name in names if name in camera.images}
    return CameraView(
        key=camera.key,
        title=_camera_title(camera),
        facts=", ".join(fact for fact in facts if fact),
        status=camera.status,
        reason=camera.reason,
        cut="" if cut is None else _cut_text(cut),
        kept="" if cut is None else f"{duration(cut.kept)} of {duration(cut.total)}",
        kept_share="" if cut is None else percent(cut.kept, cut.total),
        events=next((thousands(step.rows_out) for step in steps if camera.clean in step.outputs and step.rows_out), ""),
        curve=_curve(camera, work),
        raw_flow=tuple(_cut_group(step, camera) for step in _chain_steps(record) if camera.source in step.outputs),
        calibration=tuple(
            line
            for step in _chain_steps(record)
            if camera.source in step.outputs
            for line in _calibration(step, camera.instrument)
        ),
        cut_flow=tuple(_cut_group(step, camera) for step in chosen if camera.clean in step.outputs),
        product_flow=tuple(_cut_group(step, camera) for step in chosen if camera.clean not in step.outputs),
        images=tuple(sky_panels(work, images, _PANEL_PIXELS)),
    )


def _camera_title(camera: CameraRecord) -> str:
    names = {"EMOS1": "MOS1", "EMOS2": "MOS2", "EPN": "pn"}
    name = names.get(camera.instrument, camera.instrument or camera.key)
    _, split, exposure = camera.key.partition("_")
    return f"{name} {exposure}" if split else name


def _cut_text(cut: CutRecord) -> str:
    limit = f"{plain(cut.limit)} counts/s"
    rate = f"rate at most {limit}" if cut.lower is None else f"rate from {plain(cut.lower)} to {limit}"
    return f"{rate} ({cut.method})"


def _band_title(name: str, camera: CameraRecord, record: RunRecord) -> str:
    """Name a band by its energies, where the settings tell them."""
    settings = record.settings.get("pn" if camera.key.startswith("pn") else "mos", {})
    bands = settings.get("bands", {}) if isinstance(settings, dict) else {}
    known = [band for band in bands.values() if isinstance(band, dict) and {"low", "high"} <= band.keys()]
    try:
        if name == "full":
            low, high = min(band["low"] for band in known), max(band["high"] for band in known)
        else:
            low, high = bands[name]["low"], bands[name]["high"]
        energies = f"{low / 1000:g}{DASH}{high / 1000:g} keV"
    except (KeyError, TypeError, ValueError):
        return name
    return f"{energies} ({name})"


def _cut_group(step: StepRecord, camera: CameraRecord) -> CutGroup:
    rows = [CutRow("read", thousands(step.rows_in), "", 100.0)]
    for cut in step.cuts:
        share = 100 * cut.rows / step.rows_in if step.rows_in > 0 else 0.0
        rows.append(CutRow(cut.name, thousands(cut.rows), percent(cut.rows, step.rows_in), round(min(share, 100), 2)))
    return CutGroup(step.name.removeprefix(f"{camera.key}/"), tuple(rows))


def _curve(camera: CameraRecord, work: Path) -> CurvePanel:
    from xmmpy.flares import RateCurve
    from xmmpy.products.gti import read_gti
    from xmmpy.products.tables import read_table
    from xmmpy.report.lightcurve import draw_curve

    if not camera.rate:
        return CurvePanel(missing="No rate curve was made.")
    try:
        table = read_table(str(work / camera.rate))
        width = table.header.get("TIMEDEL")
        curve = RateCurve.of(
            table.column("TIME"), table.column("RATE"), width if isinstance(width, (int, float)) else None
        )
    except FileProblem as problem:
        return CurvePanel(missing=f"The rate curve {camera.rate} {problem.problem}.")
    except (ValueError, TypeError) as error:
        return CurvePanel(missing=f"The rate curve {camera.rate} cannot be drawn: {error}.")
    kept, note = None, ""
    if camera.gti:
        try:
            kept = read_gti(str(work / camera.gti))
        except FileProblem as problem:
            note = f"The GTI file {camera.gti} {problem.problem}: the time kept is not marked."
    cut = camera.cut
    limits = () if cut is None else tuple(rate for rate in (cut.lower, cut.limit) if rate and 0 < rate < _LARGEST_RATE)
    try:
        picture = draw_curve(curve, kept, limits)
    except ValueError as error:
        return CurvePanel(missing=f"The rate curve {camera.rate} cannot be drawn: {error}.")
    bins = f"{curve.time.size} bins of {plain(picture.bin_size)} s"
    spoken = f"Light curve: {bins}, highest rate {picture.highest:.3g} counts/s"
    if cut is not None:
        spoken += f", cut at {plain(cut.limit)} counts/s, {percent(cut.kept, cut.total)} of the time kept"
    return CurvePanel(picture, note=note, spoken=spoken)


def sky_panels(work: Path, files: dict[str, str], most_pixels: int) -> list[SkyPanel]:
    """Draw images; all of one shape are cut to the field of the first, so that they compare."""
    from xmmpy.products.images import read_image
    from xmmpy.report.sky import draw, field_of

    panels = []
    frames: dict[tuple[int, ...], Frame] = {}
    for title, file in files.items():
        try:
            image = read_image(str(work / file))
        except FileProblem as problem:
            panels.append(SkyPanel(title, file, missing=f"{file} {problem.problem}."))
            continue
        if image.data.ndim != 2 or image.data.dtype.kind not in "iuf":
            panels.append(SkyPanel(title, file, missing=f"{file} is no plane image."))
            continue
        frame = frames.get(image.data.shape) or field_of(image.data)
        if frame is None:
            panels.append(SkyPanel(title, file, missing=f"{file} holds no counts."))
            continue
        frames[image.data.shape] = frame
        picture = draw(image.data, frame, _grid(image), most_pixels=most_pixels)
        panels.append(SkyPanel(title, file, picture))
    return panels


def _grid(image: Any) -> Any:
    """Place of an image on the sky; None where its header does not tell."""
    from xmmpy.tasks.messages import TaskError
    from xmmpy.tasks.skyimages import tangent_grid

    try:
        return tangent_grid(image)
    except TaskError:
        return None


def _step(step: StepRecord, told: Sequence[str]) -> StepView:
    """Say how a step ended; what the page has told at its top is not said again."""
    rows = f"{thousands(step.rows_in)} → {thousands(step.rows_out)}" if step.rows_in else ""
    remarks = ([step.reason] if step.reason else []) + [text for text in step.warnings if text not in told]
    return StepView(
        step.name, step.task, step.status, f"{step.seconds:.2f} s", rows, tuple(remarks), step.line, step.log
    )
