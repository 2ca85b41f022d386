"""``xmmpy status``, ``explain``, ``redo``, ``script``: what a reduction has done, and parts of it again."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from xmmpy.products.record import RunRecord

status_app = typer.Typer(add_completion=False, rich_markup_mode=None)
explain_app = typer.Typer(add_completion=False, rich_markup_mode=None)
redo_app = typer.Typer(add_completion=False, rich_markup_mode=None)
script_app = typer.Typer(add_completion=False, rich_markup_mode=None)

Place = Annotated[Path, typer.Argument(metavar="DIR", help="Work folder, or the folder above it.")]


@status_app.command(epilog="The status is 0 when all is done, 2 when something failed, is stale or was skipped.")
def status(
    place: Place = Path(),
    everything: Annotated[bool, typer.Option("--all", help="List the steps that are done, too.")] = False,
) -> int:
    """Show what is done, failed, skipped and stale in a reduction, and why.

    Example: xmmpy status work
    """
    from xmmpy.pipeline.folder import Digests
    from xmmpy.pipeline.history import standings, work_folder_of

    work = work_folder_of(place)
    record = _record(work)
    if record is None:
        return 1
    found = standings(record, Digests(work, record.stamps))
    counts = Counter(one.state for one in found)
    for one in found:
        if one.state != "done" or everything:
            typer.echo(f"{one.step.name}: {one.state}{': ' + one.why if one.why else ''}")
    typer.echo(", ".join(f"{number} {state}" for state, number in counts.items()) or "no step")
    if "stale" in counts:
        typer.echo(f"xmmpy reduce does the stale ones again: {shlex.join(['xmmpy', 'reduce', str(work.parent)])}")
    return 2 if {"failed", "stale", "skipped"} & set(counts) else 0


@explain_app.command()
def explain(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A product of a reduction.")],
    work: Annotated[Path | None, typer.Option(help="Its work folder; else the one that FILE lies in.")] = None,
) -> int:
    """Tell how a product came about, back to the files that the reduction was given.

    Example: xmmpy explain work/coords/all_emllist.fits
    """
    from xmmpy.pipeline.history import origin, told, work_folder_of

    folder = work_folder_of(work) if work is not None else _folder_above(file)
    if folder is None:
        return _refuse("explain", f"'{file}' lies in no work folder; name it with --work")
    record = _record(folder)
    if record is None:
        return 1
    name = _name_in(folder, file)
    try:
        source = origin(record, name)
    except KeyError:
        return _refuse("explain", f"no step of {folder} made or read '{name}'; xmmpy status --all lists the steps")
    for depth, one in told(source):
        indent = "  " * depth
        if one.again:
            typer.echo(f"{indent}{one.name}: see above")
        elif one.step is None:
            typer.echo(f"{indent}{one.name}: given")
        else:
            rows = f", {one.step.rows_out} of {one.step.rows_in} rows" if one.step.rows_in else ""
            typer.echo(f"{indent}{one.name}: {one.step.name}, {one.step.status}{rows}")
            typer.echo(f"{indent}    {one.step.line}")
            for cut in one.step.cuts:
                typer.echo(f"{indent}    {cut.rows:>10} rows after {cut.name}")
    return 0


@redo_app.command()
def redo(
    step: Annotated[str, typer.Argument(metavar="STEP", help="Name of a step (mos1/clean), or a file that it makes.")],
    place: Place = Path(),
) -> int:
    """Do one step again, and those after it whose inputs change by it.

    Example: xmmpy redo images/m1_image_b2.fits work
    """
    from xmmpy.cli.main import main
    from xmmpy.pipeline.history import find_step, work_folder_of
    from xmmpy.pipeline.settings import SETTINGS_NAME

    work = work_folder_of(place)
    record = _record(work)
    if record is None:
        return 1
    try:
        chosen = find_step(record, step)
    except KeyError:
        return _refuse("redo", f"there is no step '{step}' in {work}; xmmpy status --all lists them")
    record.steps = [one for one in record.steps if one.name != chosen.name]
    record.write(work)
    words = ["reduce", str(work.absolute().parent), "--work", str(work)]
    settings = work / SETTINGS_NAME
    return main([*words, "--config", str(settings)] if settings.is_file() else words)


@script_app.command()
def script(place: Place = Path()) -> int:
    """Write a shell script of task lines that makes the products of a reduction again.

    Example: xmmpy script work > again.sh; bash again.sh
    """
    from xmmpy.pipeline.history import script_lines, work_folder_of

    work = work_folder_of(place)
    record = _record(work)
    if record is None:
        return 1
    typer.echo("#!/bin/bash")
    typer.echo(f"# The reduction in {work}, by XMM-Python {record.version}; run it in an empty folder beside that one.")
    typer.echo("set -eu")
    typer.echo('eval "$(xmmpy sas-env)"')
    for line in script_lines(record, _environment(record)):
        typer.echo(line)
    return 0


def _environment(record: RunRecord) -> dict[str, str]:
    """SAS_ODF and SAS_CCF of a reduction that began with an ODF."""
    ingested = record.step("odfingest")
    given = [name for name in ingested.inputs if "/" in name] if ingested is not None else []
    found = {"SAS_ODF": str(Path(given[0]).parent)} if given else {}
    indexed = record.step("cifbuild")
    return found | ({"SAS_CCF": "ccf.cif"} if indexed is not None and indexed.outputs else {})


def _record(work: Path) -> RunRecord | None:
    from xmmpy.products.errors import FileProblem
    from xmmpy.products.record import RECORD_NAME, read_record

    try:
        record = read_record(work)
    except FileProblem as problem:
        _refuse("", str(problem))
        return None
    if record is None:
        _refuse("", f"'{work}' holds no {RECORD_NAME}: no reduction was done there; name its work folder")
    return record


def _folder_above(file: Path) -> Path | None:
    from xmmpy.products.record import RECORD_NAME

    return next((folder for folder in file.absolute().parents if (folder / RECORD_NAME).is_file()), None)


def _name_in(folder: Path, file: Path) -> str:
    try:
        return str(file.absolute().relative_to(folder.absolute()))
    except ValueError:
        return str(file)


def _refuse(command: str, reason: str) -> int:
    typer.echo(f"xmmpy{' ' + command if command else ''}: {reason}", err=True)
    return 1
