"""``xmmpy task NAME par=value ...``: one task, with the command-line grammar of SAS."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from xmmpy import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xmmpy.tasks.commandline import CommandLine
    from xmmpy.tasks.registry import Task
    from xmmpy.tasks.session import Environment

USAGE = """Usage: xmmpy task NAME par=value ... [switches]

Runs one task. `xmmpy tasks` lists them; `xmmpy task NAME -h` shows what one takes.

  -h  help              -v  version           -p  parameters and their defaults
  -V n  verbosity       -w [code]  no warnings, or none of that code
  -c  do not overwrite  -o folder  ODF        -t  traceback of an unexpected failure
  -a path  CCF path     -i file  CCF index    -f files  constituents instead of those of the index

Example:
  xmmpy task evselect table=mos1.fits imageset=image.fits xcolumn=X ycolumn=Y expression='(PI>500)'"""


def run_task(words: Sequence[str]) -> int:
    """Run one task as the shell asks for it; gives the shell's status."""
    if not words or words[0] in ("-h", "--help"):
        print(USAGE)  # noqa: T201
        return 0
    return task_command(words[0], words[1:])


def task_command(name: str, words: Sequence[str]) -> int:
    """Run the task `name` with the words of its command line; messages go to the terminal.

    Returns
    -------
    int
        0, or 1 after an error, which stands on standard error in SAS's form.
    """
    from xmmpy.tasks.commandline import read_command_line
    from xmmpy.tasks.messages import TaskError, error_line, warning_line
    from xmmpy.tasks.registry import find_task
    from xmmpy.tasks.session import Environment

    tree_version = os.environ.get("XMMPY_TREE", __version__)
    if tree_version != __version__:
        stale = f"this command was written by XMM-Python {tree_version}, now there is {__version__}"
        print(warning_line(name, "oldTree", f"{stale}: run xmmpy sas-env again"), file=sys.stderr)  # noqa: T201
    try:
        task = find_task(name)
        line = read_command_line(words, first_counts=name == "epchain")
        if (text := _information(task, line, bare=not words)) is not None:
            print(text)  # noqa: T201
            return 0
        environment = line.adjust(Environment.from_mapping(os.environ))
        _execute(task, line, environment)
    except TaskError as error:
        print(error_line(name, error.code, error.text), file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _execute(task: Task, line: CommandLine, environment: Environment) -> None:
    from xmmpy.engines.native import as_task_error
    from xmmpy.tasks.session import Session

    session = Session.for_terminal(task.name, environment)
    try:
        task.execute(line.values_for(task), session)
    except Exception as error:
        if "trace" in line.flags:
            raise
        raise as_task_error(error, session) from None
    finally:
        session.tell_silenced()
        sys.stdout.flush()


def _information(task: Task, line: CommandLine, *, bare: bool) -> str | None:
    """Answer the switches that ask for information; None when the task is to run."""
    from xmmpy.tasks.commandline import help_text
    from xmmpy.tasks.messages import TaskError
    from xmmpy.tasks.parameters import quoted

    if "version" in line.flags:
        return f"{task.name} ({task.name}-{__version__}) [xmm-python-{__version__}]"
    needs_something = any(info.mandatory for info in task.parameters.describe())
    if line.flags & {"help", "manpage"} or (bare and needs_something):
        return help_text(task)
    if "param" in line.flags:
        infos = list(task.parameters.describe())
        return "\n".join(f"{info.name}={'' if info.mandatory else quoted(info.default)}" for info in infos)
    if "dialog" in line.flags:
        raise TaskError("BadSwitch", "there are no dialogs; -h shows the parameters, given as name=value")
    return None
