"""Ask the user for a flare cut: show the curve, suggest a rate, say what each answer keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from xmmpy.flares import RateCurve
    from xmmpy.pipeline.watch import Watcher


class Asker:
    """Asks at the terminal.

    Parameters
    ----------
    watcher : Watcher
        What shows the progress; its bar is taken away while the user is asked.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def __call__(self, key: str, curve_file: Path, curve: RateCurve) -> float:
        """Ask for one exposure; gives the limit in counts/s."""
        import typer

        from xmmpy.flares import asked_cut, suggest

        pause = getattr(self._watcher, "pause", None)
        if pause is not None:
            pause()
        typer.echo(f"\n{key}: rate above 10 keV, counts/s, in bins of {curve.bin_size:g} s")
        self._draw(curve_file)
        suggestion = suggest(curve, key)
        typer.echo(f"{suggestion.table()}\n* {suggestion.reason}")
        while True:
            question = f"highest rate to keep for {key}"
            limit: float = typer.prompt(question, default=suggestion.limit, type=float)
            try:
                cut = asked_cut(curve, limit)
            except ValueError as error:
                typer.echo(f"  {error}")
                continue
            typer.echo(f"  {cut.describe()}")
            if not cut.keeps_nothing or typer.confirm("  that leaves nothing of this camera; is it meant?"):
                return limit

    def _draw(self, curve_file: Path) -> None:
        """Show the curve as text, and say where its picture is."""
        import sys

        import typer

        from xmmpy.tasks.messages import TaskError
        from xmmpy.tasks.registry import find_task
        from xmmpy.tasks.session import Environment, Session

        picture = curve_file.with_suffix(".png")
        values = {"table": str(curve_file), "plotfile": str(picture), "x": "TIME", "y": "RATE"}
        session = Session("dsplot", Environment(verbosity=0), sys.stdout, sys.stderr)
        try:
            find_task("dsplot").execute(values, session)
        except TaskError as error:
            typer.echo(f"  the curve cannot be drawn: {error.text}")
        else:
            typer.echo(f"  picture: {picture}")
