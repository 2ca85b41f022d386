"""``xmmpy batch FILE``: several task lines in one process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import typer


def run_batch_file(file: str) -> int:
    """Run the task lines of a file, ``-`` for standard input; the shell's status."""
    from xmmpy.engines.batch import BatchLine, read_batch, run_batch
    from xmmpy.tasks.messages import TaskError, error_line
    from xmmpy.tasks.session import Environment

    def complain(text: str) -> None:
        print(text, file=sys.stderr)  # noqa: T201

    def tell(line: BatchLine, reason: str) -> None:
        complain(error_line(line.task.name, "UpstreamFailed", f"line {line.number} is {reason}"))

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        lines = read_batch(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is no text"
        complain(error_line("batch", "FileIo", f"{file} cannot be read ({reason})"))
        return 1
    except TaskError as error:
        complain(error_line("batch", error.code, error.text))
        return 1
    results = run_batch(lines, Environment.from_mapping(os.environ), tell)
    return 1 if any(result.error is not None for result in results) else 0


def _app() -> typer.Typer:
    import typer

    app = typer.Typer(add_completion=False, rich_markup_mode=None)

    @app.command(epilog="The status is 1 when a line failed; the others are done unless they need its files.")
    def batch(file: str = typer.Argument("-", help="File with task lines; - reads standard input.")) -> int:
        """Run several task lines in one process, in one pass where they read the same list.

        A line is what follows `xmmpy task`: evselect table=mos1.fits imageset=image.fits ...
        """
        return run_batch_file(file)

    return app


def __getattr__(name: str) -> Any:
    """Make `app` when it is asked for: a plain call does without the command-line library."""
    if name == "app":
        return _app()
    raise AttributeError(name)
