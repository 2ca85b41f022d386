"""Show how a run goes on: a bar on a terminal, plain lines elsewhere, nothing with ``--json``."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xmmpy.pipeline.watch import Silence, Watcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.progress import Progress

    from xmmpy.pipeline.graph import Step
    from xmmpy.products.record import StepRecord


@contextmanager
def make_watcher(*, quiet: bool) -> Iterator[Watcher]:
    """Make what fits the surroundings; it is closed with the context."""
    if quiet:
        yield Silence()
    elif sys.stderr.isatty():
        bar = Bar()
        try:
            yield bar
        finally:
            bar.pause()
    else:
        yield Lines()


class Clock:
    """Expected and real time of the steps, for the time that is left."""

    def __init__(self) -> None:
        self._expected: dict[str, float] = {}
        self._done: set[str] = set()
        self._begin = time.monotonic()
        self._weight = 0.0

    def plan(self, seconds: Mapping[str, float]) -> None:
        """Take the expected times; the clock starts."""
        self._expected = dict(seconds)
        self._begin = time.monotonic()

    def end(self, name: str) -> None:
        """Note that a step has ended."""
        if name not in self._done:
            self._done.add(name)
            self._weight += self._expected.get(name, 0.0)

    def hold(self, seconds: float) -> None:
        """Leave out time in which nothing ran, such as that of an answer."""
        self._begin += seconds

    @property
    def total(self) -> float:
        """Sum of the expected times, s."""
        return sum(self._expected.values())

    @property
    def done(self) -> float:
        """Sum of the expected times of what has ended, s."""
        return self._weight

    def left(self) -> str:
        """Say how long the rest will take, by how long the part that is done took; empty at the start."""
        if self._weight <= 0:
            return ""
        seconds = (time.monotonic() - self._begin) * (self.total - self._weight) / self._weight
        if seconds < 90:
            return f"about {max(round(seconds), 1)} s left"
        return f"about {seconds / 60:.0f} min left"


class Lines:
    """One line for each thing that happens, on standard error."""

    def __init__(self) -> None:
        self._reasons: set[str] = set()

    def planned(self, seconds: Mapping[str, float]) -> None:
        """Say nothing: nothing is done yet."""

    def started(self, steps: Sequence[Step]) -> None:
        """Say nothing: nothing is done yet."""

    def finished(self, record: StepRecord) -> None:
        """Say how the step ended; a reason that stops many steps is said once."""
        if record.reason and record.reason in self._reasons:
            return
        self._reasons.add(record.reason)
        print(_ending(record), file=sys.stderr, flush=True)  # noqa: T201


class Bar:
    """A bar with what runs now and the time that is left; what failed stays above it."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._running: dict[str, str] = {}
        self._progress: Progress | None = None
        self._paused_at: float | None = None

    def planned(self, seconds: Mapping[str, float]) -> None:
        """Start the clock."""
        self._clock.plan(seconds)

    def started(self, steps: Sequence[Step]) -> None:
        """Show what runs."""
        for step in steps:
            self._running[step.name] = f"{step.camera or ''} {step.title}".strip()
        self._show()

    def finished(self, record: StepRecord) -> None:
        """Move the bar."""
        self._running.pop(record.name, None)
        self._clock.end(record.name)
        self._show()
        if record.status == "failed" and self._progress is not None:
            self._progress.console.print(_ending(record), markup=False, highlight=False)

    def pause(self) -> None:
        """Take the bar away, to ask the user or at the end."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
            self._paused_at = time.monotonic()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        if self._progress is None:
            if self._paused_at is not None:
                self._clock.hold(time.monotonic() - self._paused_at)
                self._paused_at = None
            columns = (BarColumn(24), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.add_task("")
            self._progress.start()
        left = self._clock.left()
        what = "; ".join([*([left] if left else []), *_together(self._running.values())])
        task = self._progress.task_ids[0]
        self._progress.update(task, total=self._clock.total, completed=self._clock.done, description=what)


def _together(titles: Iterable[str]) -> list[str]:
    """Join the images of a camera into one word."""
    parts = [title.partition(" image ") for title in titles]
    return list(dict.fromkeys(f"{head} images" if found else head for head, found, _ in parts))


def _ending(record: StepRecord) -> str:
    if record.status == "done":
        rows = f", {record.rows_in} rows in, {record.rows_out} out" if record.rows_in else ""
        found = f": {record.facts['text']}" if "expression" in record.facts and "text" in record.facts else ""
        return f"{record.name}: done in {record.seconds:.1f} s{rows}{found}"
    return f"{record.name}: {record.status}: {record.reason}"
