"""What an engine is given and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.session import Cut, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class TaskCall:
    """One call of a task.

    Attributes
    ----------
    task : str
        Its name.
    values : mapping
        The parameters that are given, as a command line would give them.
    log : str
        File that receives what the task says; nothing is kept where it is empty.
    """

    task: str
    values: Mapping[str, Any]
    log: str = ""


@dataclass(frozen=True, slots=True)
class CallResult:
    """What became of a call: an outcome, or the error that stopped it.

    Attributes
    ----------
    outcome : Outcome or None
        What the task made and found; None when it failed.
    error : tuple of str or None
        Code and sentence of the failure.
    warnings : tuple of str
        The sentences it warned with.
    seconds : float
        Wall time; calls done in one pass share its time evenly.
    """

    outcome: Outcome | None = None
    error: tuple[str, str] | None = None
    warnings: tuple[str, ...] = field(default=())
    seconds: float = 0.0


@runtime_checkable
class Engine(Protocol):
    """Runs tasks with the work folder as the current one; its calls may come from several threads."""

    name: str

    def run(self, calls: Sequence[TaskCall]) -> list[CallResult]:
        """Run calls that belong together and wait for them; a failing one does not raise."""
        ...

    def close(self) -> None:
        """Stop whatever is still running; no process is left behind."""
        ...


def belong_together(calls: Sequence[TaskCall]) -> list[list[int]]:
    """Group calls that are done in one pass, as the tasks themselves say (evselect: those on one table).

    Returns
    -------
    list of list of int
        Numbers of the calls, each in exactly one group, in the order of the groups' first calls.
        A call with wrong parameters is alone: it will say so when it runs.
    """
    from xmmpy.tasks.registry import find_task

    groups: dict[tuple[str, ...], list[int]] = {}
    for number, call in enumerate(calls):
        key: tuple[str, ...] = ("", str(number))
        try:
            task = find_task(call.task)
            if task.share is not None and task.run_together is not None:
                key = (task.name, task.share(task.parameters.from_values(call.values)))
        except TaskError:
            pass
        groups.setdefault(key, []).append(number)
    return list(groups.values())


def result_to_json(result: CallResult) -> dict[str, Any]:
    """Spell a result in plain values, for the way from a worker."""
    outcome = result.outcome
    return {
        "outcome": None
        if outcome is None
        else {
            "outputs": [str(path) for path in outcome.outputs],
            "rows_in": int(outcome.rows_in),
            "rows_out": int(outcome.rows_out),
            "cuts": [[cut.name, int(cut.rows)] for cut in outcome.cuts],
            "facts": plain(outcome.facts),
        },
        "error": result.error,
        "warnings": list(result.warnings),
        "seconds": result.seconds,
    }


def result_from_json(data: Mapping[str, Any]) -> CallResult:
    """Read what `result_to_json` wrote."""
    from pathlib import Path

    given = data["outcome"]
    outcome = None
    if given is not None:
        outcome = Outcome(
            outputs=tuple(Path(path) for path in given["outputs"]),
            rows_in=given["rows_in"],
            rows_out=given["rows_out"],
            cuts=tuple(Cut(name, rows) for name, rows in given["cuts"]),
            facts=given["facts"],
        )
    error = None if data["error"] is None else (data["error"][0], data["error"][1])
    return CallResult(outcome, error, tuple(data["warnings"]), data["seconds"])


def plain(value: Any) -> Any:
    """Turn numpy's numbers, arrays, tuples and paths into what JSON knows; not-a-number becomes None."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if value - value == 0 else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)
