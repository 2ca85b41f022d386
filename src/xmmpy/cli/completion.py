"""``xmmpy completion``: completion of commands, options, tasks and their parameters in the shell."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_BASH: Final = """\
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
_xmmpy() {
    local IFS=$'\\n'
    COMPREPLY=($(xmmpy completion --words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    if [ ${#COMPREPLY[@]} -eq 0 ]; then
        COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
    elif [ ${#COMPREPLY[@]} -eq 1 ] && [ "${COMPREPLY[0]: -1}" != "=" ]; then
        COMPREPLY=("${COMPREPLY[0]} ")
    fi
}
complete -o nospace -F _xmmpy xmmpy
"""
SCRIPTS: Final = {
    "bash": _BASH,
    "zsh": "autoload -U +X bashcompinit && bashcompinit\n" + _BASH,
    "fish": "complete -c xmmpy -a '(xmmpy completion --words -- (commandline -opc)[2..] (commandline -ct))'\n",
}
"""What each shell is to evaluate."""


@app.command()
def completion(
    shell: Annotated[str | None, typer.Argument(help="bash, zsh or fish: print what it is to evaluate.")] = None,
    rest: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    words: Annotated[bool, typer.Option("--words", hidden=True, help="Complete the last of these words.")] = False,
) -> int:
    """Make the shell complete commands, options, tasks and parameters."""
    if words:
        for candidate in candidates([*([shell] if shell is not None else []), *(rest or [])]):
            typer.echo(candidate)
        return 0
    if shell not in SCRIPTS or rest:
        typer.echo(f"xmmpy completion: name a shell: {', '.join(SCRIPTS)}", err=True)
        return 1
    typer.echo(SCRIPTS[shell], nl=False)
    return 0


def candidates(words: list[str]) -> list[str]:
    """What the last of the words after ``xmmpy`` may become; none where the name of a file may stand."""
    from xmmpy.cli.main import COMMANDS

    *before, begun = words or [""]
    if not before:
        found = [*COMMANDS]
    elif before[0] == "task":
        found = _of_task(before[1:], begun)
    elif begun.startswith("-") or before[0] == "simulate":
        found = _of_command(before)
    else:
        found = []
    return sorted(one for one in found if one.startswith(begun))


def _of_task(before: list[str], begun: str) -> list[str]:
    """Names of tasks; then of parameters, and the values that one may take."""
    from xmmpy.tasks.registry import find_task, task_names

    names = task_names()
    if not before:
        return list(names)
    if before[0] not in names:
        return []
    parameters = {info.name: info for info in find_task(before[0]).parameters.describe()}
    name, given, _ = begun.partition("=")
    if not given:
        return [f"{name}=" for name in parameters]
    if name not in parameters:
        return []
    info = parameters[name]
    values = info.choices or (("yes", "no") if info.kind.name == "bool" else ())
    return [f"{name}={value}" for value in values]


def _of_command(before: list[str]) -> list[str]:
    """Options of a command, or the commands below it."""
    import importlib

    from xmmpy.cli.main import COMMANDS

    if before[0] not in COMMANDS:
        return []
    module, _, name = COMMANDS[before[0]][0].partition(":")
    command: Any = typer.main.get_command(getattr(importlib.import_module(module), name or "app"))
    for word in before[1:]:
        command = getattr(command, "commands", {}).get(word, command)
    below = list(getattr(command, "commands", {}))
    return below or ["--help", *(option for one in command.params for option in one.opts if option.startswith("--"))]
