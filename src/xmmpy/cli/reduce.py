"""``xmmpy reduce``: from an ODF or calibrated event lists to cleaned lists, images, a mosaic and a page."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from xmmpy.pipeline.reduce import Plan, Reduction
    from xmmpy.pipeline.settings import Settings
    from xmmpy.products.record import RunRecord
    from xmmpy.reduction import EngineType

app = typer.Typer(add_completion=False, rich_markup_mode=None)

EPILOG = (
    "The status is 0 when all is done, 2 when some cameras or products are missing (the reason is printed), "
    "1 after an error. A run that was stopped goes on where it was."
)


@app.command(epilog=EPILOG)
def reduce(
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR", help="Folder with an ODF, its archive (.tar, .tar.gz) or SUM.SAS; or with event lists."
        ),
    ],
    flare_cut: Annotated[
        str | None,
        typer.Option("--flare-cut", help="auto, ask, histogram, or limits in counts/s: mos1=0.35,pn=0.4."),
    ] = None,
    cameras: Annotated[str | None, typer.Option(help="Cameras, separated by commas.")] = None,
    exposures: Annotated[
        str | None,
        typer.Option(help="Only these of their cameras: mos1_S001,pn_U002."),
    ] = None,
    oot: Annotated[
        bool | None, typer.Option("--oot/--no-oot", help="Make the list of out-of-time events of pn (default).")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Start of the random numbers of the chains.")] = None,
    attitude: Annotated[
        str | None, typer.Option(metavar="RA,DEC,PA", help="Pointing (degrees) in place of the ODF's attitude.")
    ] = None,
    ccf: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Folder with calibration constituents; may be given again. Else SAS_CCFPATH."),
    ] = None,
    detect: Annotated[bool | None, typer.Option("--detect/--no-detect", help="Look for sources (default).")] = None,
    likemin: Annotated[
        float | None, typer.Option(min=1.0, max=50.0, help="Least detection likelihood (DET_ML) of a source; 10.")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="native: our tasks; sas: those of the SAS on PATH; auto: of a SAS that is complete.")
    ] = "native",
    work: Annotated[Path | None, typer.Option(help="Work folder; DIR/work when not given.")] = None,
    jobs: Annotated[int, typer.Option(min=0, help="Tasks at a time; 0: as many as processors.")] = 0,
    config: Annotated[Path | None, typer.Option(help="Settings; DIR/xmmpy.toml when not given and there.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the task lines and do nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Do everything again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON, nothing else.")] = False,
) -> int:
    """Reduce an observation: calibrated lists from the ODF, flare cut, cleaned lists, images, sources, page.

    DIR holds an ODF, or event lists: mos1.fits, *ImagingEvts.ds, P*MIEVLI0000.FTZ, P*PIEVLI0000.FTZ and their like.
    """
    import os

    from xmmpy.pipeline.reduce import plan, task_lines
    from xmmpy.pipeline.settings import SettingsError
    from xmmpy.products.errors import FileProblem
    from xmmpy.reduction import choose_engine, page_of
    from xmmpy.tasks.session import Environment

    home = places[0] if places[0].is_dir() else places[0].parent
    folder = work if work is not None else home / "work"
    try:
        given = _given(flare_cut, cameras, exposures, attitude, out_of_time=oot, seed=seed, ccf=ccf)
        given |= _detection(detect, likemin)
        settings = _settings(home, config, given)
        planned = plan(places, folder, settings, Environment.from_mapping(os.environ))
        if dry_run:
            typer.echo(f"# in {folder}:")
            typer.echo("\n".join(task_lines(planned)))
            return 0
        if settings.flares.method == "ask" and not sys.stdin.isatty() and _would_ask(planned):
            raise SettingsError("--flare-cut ask needs a terminal to ask at; give auto or limits (mos1=0.35)")
        chosen = choose_engine(engine, planned, _note)
        reduction = _run(planned, chosen, jobs=jobs, force=force, quiet=as_json)
        page = page_of(reduction, folder)
    except (FileProblem, SettingsError) as error:
        typer.echo(f"xmmpy reduce: {error}", err=True)
        return 1
    if as_json:
        typer.echo(_as_json(reduction, folder, page))
    else:
        _summary(reduction, folder, page)
    return reduction.exit_status


def _given(
    flare_cut: str | None, cameras: str | None, exposures: str | None, attitude: str | None, **others: Any
) -> dict[str, Any]:
    """Settings that the command line gives."""
    from xmmpy.pipeline.settings import parse_attitude, parse_cameras, parse_exposures, parse_flare_cut

    texts = {
        "flares": (flare_cut, parse_flare_cut),
        "cameras": (cameras, parse_cameras),
        "exposures": (exposures, parse_exposures),
        "attitude": (attitude, parse_attitude),
    }
    changes: dict[str, Any] = {name: parse(text) for name, (text, parse) in texts.items() if text is not None}
    if others.get("ccf"):
        others["ccf"] = tuple(str(folder.absolute()) for folder in others["ccf"])
    return changes | {name: value for name, value in others.items() if value not in (None, [])}


def _detection(wanted: bool | None, likemin: float | None) -> dict[str, Any]:
    """Settings of the search for sources that the command line gives."""
    changes = {"enabled": wanted, "likemin": likemin}
    given = {name: value for name, value in changes.items() if value is not None}
    return {"detection": given} if given else {}


def _settings(home: Path, config: Path | None, changes: dict[str, Any]) -> Settings:
    from xmmpy.pipeline.settings import SETTINGS_NAME, read_settings

    usual = home / SETTINGS_NAME
    return read_settings(config if config is not None else usual if usual.is_file() else None, changes)


def _would_ask(planned: Plan) -> bool:
    """Tell whether a camera has no recorded answer yet."""
    cuts = [step for step in planned.graph.steps if step.name.endswith("/cut")]
    old = planned.old
    asked = [old.step(step.name) if old is not None else None for step in cuts]
    return any(step is None or step.facts.get("method") != "asked" for step in asked)


def _run(planned: Plan, engine: EngineType, *, jobs: int, force: bool, quiet: bool) -> Reduction:
    from xmmpy.cli.ask import Asker
    from xmmpy.cli.progress import make_watcher
    from xmmpy.reduction import run_plan

    for remark in () if quiet else planned.found.remarks:
        _note(remark)
    with make_watcher(quiet=quiet) as watcher:
        ask = Asker(watcher) if sys.stdin.isatty() else None
        return run_plan(planned, engine, watcher=watcher, ask=ask, jobs=jobs, force=force)


def _note(text: str) -> None:
    typer.echo(f"note: {text}", err=True)


def _summary(reduction: Reduction, folder: Path, page: Path | None) -> None:
    for line in _camera_lines(reduction.record):
        typer.echo(line)
    everything = reduction.record.step("detect")
    if everything is not None and everything.status == "done":
        typer.echo(f"all cameras: {everything.rows_out} sources: {next(iter(everything.outputs), '')}")
    told = {camera.reason for camera in reduction.record.cameras}
    for step in reduction.record.steps:
        detection = step.task == "edetect_chain" and step.status == "failed"
        if (step.camera is None or detection) and step.status != "done" and step.reason not in told:
            typer.echo(f"{step.name}: {step.status}: {step.reason}")
    for remark in ("nothing to do: all is done already",) if not reduction.changed else ():
        typer.echo(remark)
    typer.echo(f"products: {folder}")
    if page is not None:
        typer.echo(f"page: {page}")


def _camera_lines(record: RunRecord) -> list[str]:
    lines = []
    for camera in record.cameras:
        name = f"{camera.key} ({camera.exposure or '?'}, {camera.filter or 'filter unknown'})"
        cut = "" if camera.cut is None else f"{camera.cut.text} ({camera.cut.method})"
        if camera.status != "done":
            lines.append(f"{name}: {camera.status}: {camera.reason}")
            continue
        clean = record.step(f"{camera.key}/clean")
        of_all = f" of {clean.rows_in}" if clean is not None and clean.rows_in else ""
        events = "" if clean is None else f"; {clean.rows_out}{of_all} events kept"
        lines.append(f"{name}: {cut}{events}; {len(camera.images)} images{_found(record, camera.key)}")
    return lines


def _found(record: RunRecord, key: str) -> str:
    """How many sources were found in an exposure."""
    step = record.step(f"{key}/detect")
    return f"; {step.rows_out} sources" if step is not None and step.status == "done" else ""


def _as_json(reduction: Reduction, folder: Path, page: Path | None) -> str:
    import json

    record = reduction.record.model_dump(mode="json", exclude={"stamps", "lists"})
    result = {
        "exit_status": reduction.exit_status,
        "changed": reduction.changed,
        "work": str(folder),
        "page": None if page is None else str(page),
        "remarks": list(reduction.remarks),
        **record,
    }
    return json.dumps(result, indent=1)
