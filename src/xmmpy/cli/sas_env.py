"""``xmmpy sas-env``: every task as a command, for scripts and programs written for SAS."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from xmmpy.cli.standin.shells import SHELLS, settings_for
from xmmpy.cli.standin.tree import default_folder, is_current, real_sas, write_tree

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def sas_env(
    folder: str = typer.Option("", "--dir", help="Write the tree there, not into the user's cache."),
    shell: str = typer.Option("", "--shell", help=f"Shell to write for: {', '.join(SHELLS)}; else that of SHELL."),
    shadow: bool = typer.Option(False, "--shadow", help="Come before a SAS that is on PATH."),
    quiet: bool = typer.Option(False, "--quiet", help="Only write the tree; print nothing."),
) -> int:
    """Make every task a command: eval "$(xmmpy sas-env)".

    Writes a tree like SAS's (bin, config, setsas.sh, headas-init.sh) and prints the settings that make it the SAS of
    this shell: SAS_DIR, SAS_PATH, SAS, HEADAS, PATH; SAS_CCFPATH stays where it is set. For fish: xmmpy sas-env
    --shell fish | source; for csh: eval `xmmpy sas-env --shell csh`.
    """
    chosen = shell or Path(os.environ.get("SHELL", "sh")).name
    if chosen not in SHELLS:
        if shell:
            return _refuse(f"there are no settings for the shell '{shell}'; it is one of {', '.join(SHELLS)}")
        chosen = "sh"
    place = (Path(folder) if folder else default_folder()).absolute()
    found = real_sas(os.environ.get("PATH", ""), [place])
    if found and not shadow:
        return _refuse(f"there is a SAS on PATH already ({found}); --shadow puts the tasks of XMM-Python before it")
    if place.exists() and not place.is_dir():
        return _refuse(f"'{place}' is a file; name a folder with --dir")
    try:
        if folder or not is_current(place):
            write_tree(place)
    except OSError as error:
        return _refuse(f"the tree cannot be written to '{place}' ({error.strerror}); name a folder with --dir")
    if not quiet:
        typer.echo(settings_for(chosen, place), nl=False)
    return 0


def _refuse(reason: str) -> int:
    typer.echo(f"xmmpy: {reason}", err=True)
    return 1
