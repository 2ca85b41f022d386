"""The command ``xmmpy``: finds the sub-command and imports nothing else."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

from xmmpy import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

# Name, module with `app` (or module:app), line of `xmmpy --help`; the modules are imported when they are called.
COMMANDS = {
    "reduce": ("xmmpy.cli.reduce", "Reduce event lists to cleaned lists, images and a mosaic."),
    "task": ("xmmpy.cli.task", "Run one task: xmmpy task NAME par=value ... (-h shows its parameters)."),
    "tasks": ("xmmpy.cli.tasks", "List the tasks."),
    "batch": ("xmmpy.cli.batch", "Run several task lines, together where that is faster."),
    "sources": ("xmmpy.cli.sources", "Print a source list, one row per source, and export it."),
    "info": ("xmmpy.cli.info", "Say in words what is in a file."),
    "sas-env": ("xmmpy.cli.sas_env", "Make every task a command, for scripts written for SAS."),
    "status": ("xmmpy.cli.records:status_app", "Show what is done, failed and stale in a reduction, and why."),
    "explain": ("xmmpy.cli.records:explain_app", "Tell how a product came about, back to the ODF."),
    "redo": ("xmmpy.cli.records:redo_app", "Do one step of a reduction again."),
    "script": ("xmmpy.cli.records:script_app", "Write the shell script of task lines that does the same."),
    "simulate": ("xmmpy.cli.simulate", "Simulate observations whose truth is known."),
    "completion": ("xmmpy.cli.completion", "Make the shell complete commands, tasks and parameters."),
}
TRACEBACK_SWITCH = "XMMPY_TRACEBACK"
INTERRUPTED = 130


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    words : sequence of str, optional
        The words after ``xmmpy``; those of the shell when not given.

    Returns
    -------
    int
        The shell's status: 0 done, 1 an error, 2 done in part.
    """
    rest = list(sys.argv[1:] if words is None else words)
    # The matrices of the tasks are small: threads of the algebra library would wait for each other, and fight with the
    # workers of a reduction for the processors. It reads this when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        return _dispatch(rest)
    except KeyboardInterrupt:
        _complain("stopped; the same command goes on from here")
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get(TRACEBACK_SWITCH):
            raise
        kind = type(error).__name__
        what = " ".join(str(error).split()) or kind
        _complain(f"unexpected failure: {what} ({kind}; {TRACEBACK_SWITCH}=1 shows where)")
        return 1


def _dispatch(words: list[str]) -> int:
    if words and words[0] in ("--version", "-v"):
        print(f"xmmpy (xmm-python-{__version__})")  # noqa: T201
        return 0
    name = words[0] if words else ""
    if name == "task":
        from xmmpy.cli.task import run_task

        return run_task(words[1:])
    if name == "batch" and len(words) == 2 and (words[1] == "-" or not words[1].startswith("-")):
        from xmmpy.cli.batch import run_batch_file

        return run_batch_file(words[1])
    if name in COMMANDS:
        module, _, app = COMMANDS[name][0].partition(":")
        status = _call(getattr(importlib.import_module(module), app or "app"), words[1:], f"xmmpy {name}")
        if "--help" in words:
            from xmmpy.cli.examples import text_of

            print(text_of(name))  # noqa: T201
        return status
    return _call(_overview(), words or ["--help"], "xmmpy")


def _call(app: typer.Typer, words: list[str], program: str) -> int:
    """Run one typer application; what it returns is the status, wrong usage is an error like any other."""
    import typer

    try:
        status = app(args=words, prog_name=program, standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        show = getattr(error, "show", None)  # a usage error of the command-line library
        if show is None:
            raise
        show()
        return 1
    return status if isinstance(status, int) else 0


def _overview() -> typer.Typer:
    """Make the application that only knows the names of the commands, for the help and for misspellings."""
    import typer

    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

    @app.callback()
    def xmmpy(
        version: bool = typer.Option(False, "--version", help="Show the version."),
    ) -> None:
        """Reduce XMM-Newton EPIC observations in pure Python, with the tasks, parameters and files of SAS."""

    for name, (_, summary) in COMMANDS.items():
        app.command(name, help=summary)(lambda: None)
    return app


def _complain(text: str) -> None:
    print(f"xmmpy: {text}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
