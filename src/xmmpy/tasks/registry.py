"""Find tasks by name. A new module in `xmmpy.tasks.catalogue` is a new task; nothing else changes."""

from __future__ import annotations

import importlib
import os
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xmmpy.products.errors import FileProblem
from xmmpy.tasks.messages import TaskError, nearest
from xmmpy.tasks.session import Environment, Outcome, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xmmpy.tasks.parameters import TaskParameters


@dataclass(frozen=True, slots=True)
class Task:
    """A task: its name, its parameters and the function that does it.

    Attributes
    ----------
    name : str
        As a user types it.
    parameters : type of TaskParameters
        What it takes.
    run : callable
        Does one call: ``run(parameters, session) -> Outcome``.
    share : callable or None
        Names what calls must have in common to be done together (evselect: the table they read).
    run_together : callable or None
        Does several such calls in one pass: ``run_together([(parameters, session), ...])`` gives for each
        its Outcome or the TaskError that stopped it.
    """

    name: str
    parameters: type[TaskParameters]
    run: Callable[[Any, Session], Outcome]
    share: Callable[[Any], str] | None = None
    run_together: Callable[[Sequence[tuple[Any, Session]]], Sequence[Outcome | TaskError]] | None = None

    @property
    def summary(self) -> str:
        """One line that says what the task does."""
        return (self.parameters.__doc__ or "").strip().splitlines()[0]

    def execute(self, values: Mapping[str, Any], session: Session) -> Outcome:
        """Check the values and run the task in the given session.

        Raises
        ------
        TaskError
            When the parameters are wrong or the task cannot do its work.
        """
        parameters = self.parameters.from_values(values)
        session.say(f"Executing (routine): {parameters.task_line(self.name)}")
        try:
            return self.run(parameters, session)
        except FileProblem as problem:
            raise TaskError("FileIo", str(problem)) from None

    def __call__(self, **values: Any) -> Outcome:
        """Run the task from Python, quietly; see the class of its parameters for what it takes.

        Raises
        ------
        TaskError
            When the parameters are wrong or the task cannot do its work.
        """
        return self.execute(values, self._python_session())

    def together(self, calls: Sequence[Mapping[str, Any]]) -> list[Outcome | TaskError]:
        """Run several calls from Python, in one pass where they have in common what `share` names.

        Parameters
        ----------
        calls : sequence of mappings
            Parameters of each call.

        Returns
        -------
        list of Outcome or TaskError
            For each call what it made, or why it could not.

        Raises
        ------
        TaskError
            When the parameters of a call are wrong; nothing has run then.
        """
        ready = [(self.parameters.from_values(values), self._python_session()) for values in calls]
        groups: dict[str, list[int]] = {}
        for number, (parameters, _) in enumerate(ready):
            key = str(number) if self.share is None else self.share(parameters)
            groups.setdefault(key, []).append(number)
        results: dict[int, Outcome | TaskError] = {}
        for numbers in groups.values():
            if self.run_together is not None:
                found = self.run_together([ready[number] for number in numbers])
                results.update(zip(numbers, found, strict=True))
                continue
            for number in numbers:
                try:
                    results[number] = self.run(*ready[number])
                except TaskError as error:
                    results[number] = error
                except FileProblem as problem:
                    results[number] = TaskError("FileIo", str(problem))
        return [results[number] for number in range(len(ready))]

    def _python_session(self) -> Session:
        return Session(self.name, Environment.from_mapping(os.environ), long_lived=True)


def task_names() -> tuple[str, ...]:
    """Names of all tasks, sorted; nothing is imported."""
    catalogue = importlib.import_module("xmmpy.tasks.catalogue")
    return tuple(sorted(item.name for item in pkgutil.iter_modules(catalogue.__path__)))


def find_task(name: str) -> Task:
    """Import the task of that name.

    Raises
    ------
    TaskError
        When there is none.
    """
    names = task_names()
    if name not in names:
        raise TaskError("UnknownTask", f"there is no task '{name}'{nearest(name, names)}")
    task = importlib.import_module(f"xmmpy.tasks.catalogue.{name}").TASK
    assert isinstance(task, Task)
    return task
