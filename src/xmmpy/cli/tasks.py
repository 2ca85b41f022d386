"""``xmmpy tasks``: the tasks, each with one line."""

from __future__ import annotations

import typer

app = typer.Typer(add_completion=False)


@app.command()
def tasks() -> None:
    """List the tasks with what they do."""
    from xmmpy.tasks.registry import find_task, task_names

    names = task_names()
    width = max((len(name) for name in names), default=0)
    for name in names:
        typer.echo(f"{name:<{width}}  {find_task(name).summary}")
