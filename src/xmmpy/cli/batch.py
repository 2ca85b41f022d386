"""``xmmpy batch FILE``: several task lines in one process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog="The status is 1 when a line failed; the others are done unless they need its files.")
def batch(
    file: Annotated[str, typer.Argument(help="File with task lines; - reads standard input.")] = "-",
) -> int:
    """Run several task lines in one process, in one pass where they read the same list.

    A line is what follows `xmmpy task`: evselect table=mos1.fits imageset=image.fits ...
    """
    from xmmpy.engines.batch import BatchLine, read_batch, run_batch
    from xmmpy.tasks.messages import TaskError, error_line
    from xmmpy.tasks.session import Environment

    def tell(line: BatchLine, reason: str) -> None:
        typer.echo(error_line(line.task.name, "UpstreamFailed", f"line {line.number} is {reason}"), err=True)

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        lines = read_batch(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is no text"
        typer.echo(error_line("batch", "FileIo", f"{file} cannot be read ({reason})"), err=True)
        return 1
    except TaskError as error:
        typer.echo(error_line("batch", error.code, error.text), err=True)
        return 1
    results = run_batch(lines, Environment.from_mapping(os.environ), tell)
    return 1 if any(result.error is not None for result in results) else 0
