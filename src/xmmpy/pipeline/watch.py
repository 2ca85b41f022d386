"""What a run tells while it goes on, and how long its steps may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from xmmpy.pipeline.graph import TakeStep, TaskStep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xmmpy.pipeline.graph import Graph, Step
    from xmmpy.products.record import RunRecord, StepRecord

# Bytes a second that evselect reads on a machine of today, and what a task takes whatever its input;
# only for the time left of a first run: the record knows the times of later ones.
_READ_SPEED = 200e6
_LEAST = 0.1
_SECONDS = {"edetect_chain": 8.0, "srcdisplay": 2.0, "srcmatch": 1.0}


class Watcher(Protocol):
    """Is told what happens; all calls come from the thread that runs the pipeline."""

    def planned(self, seconds: Mapping[str, float]) -> None:
        """Tell the steps that will be done, each with its expected time in seconds."""
        ...

    def started(self, steps: Sequence[Step]) -> None:
        """Tell that these steps are now being done together."""
        ...

    def finished(self, record: StepRecord) -> None:
        """Tell how a step ended."""
        ...


class Silence:
    """Tells nobody."""

    def planned(self, seconds: Mapping[str, float]) -> None:
        """Do nothing."""

    def started(self, steps: Sequence[Step]) -> None:
        """Do nothing."""

    def finished(self, record: StepRecord) -> None:
        """Do nothing."""


def expected_seconds(graph: Graph, old: RunRecord | None, sizes: Mapping[str, int]) -> dict[str, float]:
    """Estimate the time of each step: as long as last time, or by the size of what it reads.

    Parameters
    ----------
    graph : Graph
        The steps.
    old : RunRecord or None
        The record of an earlier run.
    sizes : mapping of str to int
        Bytes of the lists, by key of the exposure.
    """
    expected = {}
    for step in graph.steps:
        before = old.step(step.name) if old is not None else None
        if before is not None and before.seconds > 0:
            expected[step.name] = before.seconds
        elif _reads_events(step):
            expected[step.name] = _LEAST + sizes.get(step.camera or "", 0) / _READ_SPEED
        else:
            expected[step.name] = _SECONDS.get(step.task, _LEAST) if isinstance(step, TaskStep) else _LEAST
    return expected


def _reads_events(step: Step) -> bool:
    if isinstance(step, TakeStep):
        return step.packed
    return isinstance(step, TaskStep) and step.task == "evselect"
