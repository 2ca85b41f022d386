"""Steps, and the order that follows from the files they read and write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One unit of work; files are named relative to the work folder.

    Attributes
    ----------
    name : str
        Unique, such as ``mos1/rate``.
    camera : str or None
        Key of the exposure; None when it is of all.
    title : str
        What it makes, for people: ``rate curve``.
    inputs, outputs : tuple of str
        Files read and written.
    optional : tuple of str
        Files, and folders of files, that are read where they are there; the step that makes one is waited for, however
        it ends.
    after : tuple of str
        Steps to wait for, however they end: nothing is handed over.
    withheld : str
        Why it is not done, where that is known beforehand.
    """

    name: str
    camera: str | None = None
    title: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    withheld: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeStep(Step):
    """Bring an event list into the work folder: link it, or unpack it. `inputs` is the list."""

    packed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CutStep(Step):
    """Choose the flare cut of a rate curve, the one of `inputs`."""

    method: str
    limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStep(Step):
    """Run a task.

    Attributes
    ----------
    task : str
        Its name.
    values : mapping
        Its parameters.
    fill : mapping of str to str
        Parameters whose value is found by an earlier step: ``{"expression": "mos1/cut"}``.
    gather : str
        Parameter that lists the inputs; those that could not be made are left out.
    adapt : callable or None
        Gives further parameters for the inputs that could be made; the others are left out.
    only_with : mapping of str to str
        Outputs that come only where an input is there: ``{output: input}``.
    needs_rows : bool
        Whether an output without rows counts as none.
    """

    task: str
    values: Mapping[str, Any] = field(default_factory=dict)
    fill: Mapping[str, str] = field(default_factory=dict)
    gather: str = ""
    adapt: Callable[[Sequence[str]], Mapping[str, Any]] | None = None
    only_with: Mapping[str, str] = field(default_factory=dict)
    needs_rows: bool = False

    def outputs_for(self, files: Collection[str]) -> tuple[str, ...]:
        """Outputs that come from the inputs that are there."""
        return tuple(file for file in self.outputs if self.only_with.get(file, file) in {file, *files})

    def values_for(self, files: Sequence[str]) -> dict[str, Any]:
        """Parameters for the inputs that are there, without those that earlier steps find."""
        gathered: dict[str, Any] = {self.gather: tuple(files)} if self.gather else {}
        adapted = {} if self.adapt is None else self.adapt(files)
        return {**gathered, **self.values, **adapted}


class GraphError(Exception):
    """The steps do not fit together: a mistake of the recipe, not of the user."""


class Graph:
    """Steps in an order in which they can be done.

    Parameters
    ----------
    steps : iterable of Step
        In any order.

    Raises
    ------
    GraphError
        When two steps have one name or write one file, or wait for each other.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        given = tuple(steps)
        self._by_name: dict[str, Step] = {}
        makers: dict[str, str] = {}
        for step in given:
            if step.name in self._by_name:
                raise GraphError(f"there are two steps {step.name}")
            self._by_name[step.name] = step
            for output in step.outputs:
                if output in makers:
                    raise GraphError(f"{makers[output]} and {step.name} both write {output}")
                makers[output] = step.name
        self.makers: Mapping[str, str] = makers
        self.steps: tuple[Step, ...] = tuple(self._sorted(given))

    def __getitem__(self, name: str) -> Step:
        return self._by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    @staticmethod
    def takes_what_is_there(step: Step) -> bool:
        """Whether a step is done with those of its inputs that could be made."""
        return isinstance(step, TaskStep) and (bool(step.gather) or step.adapt is not None)

    def sources(self, step: Step) -> tuple[str, ...]:
        """Names of the steps from which this one takes a file or a value."""
        fill = tuple(step.fill.values()) if isinstance(step, TaskStep) else ()
        files = tuple(self.makers[file] for file in step.inputs if file in self.makers)
        return tuple(dict.fromkeys((*files, *fill)))

    def needs(self, step: Step) -> tuple[str, ...]:
        """Names of the steps that must have ended before this one."""
        optional = tuple(self.makers[file] for file in step.optional if file in self.makers)
        return tuple(dict.fromkeys((*self.sources(step), *optional, *step.after)))

    def _sorted(self, given: tuple[Step, ...]) -> list[Step]:
        ordered: list[Step] = []
        waiting = list(given)
        placed: set[str] = set()
        while waiting:
            ready = [step for step in waiting if placed.issuperset(self.needs(step))]
            if not ready:
                names = ", ".join(step.name for step in waiting)
                raise GraphError(f"these steps wait for each other or for one that is missing: {names}")
            ordered += ready
            placed.update(step.name for step in ready)
            waiting = [step for step in waiting if step.name not in placed]
        return ordered
