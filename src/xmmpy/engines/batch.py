"""Several task lines in one process: together where they read one list, in order where one needs another."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xmmpy.engines.calls import CallResult, TaskCall
from xmmpy.engines.native import run_calls
from xmmpy.products.files import split_block
from xmmpy.tasks.commandline import CommandLine, read_command_line
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import Task, find_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xmmpy.tasks.session import Environment

_FILE_KINDS = frozenset({"dataset", "table", "block", "list"})
_WORDS = re.compile(r"[^\s()\[\],;:+'\"=<>!&|]+")


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One line of a batch.

    Attributes
    ----------
    number : int
        Number of the line in the text, from 1.
    text : str
        As it was written.
    task : Task
        What it calls.
    line : CommandLine
        Its words.
    share : str
        Calls with the same text here, if any, can be done in one pass.
    files : frozenset of str
        Absolute names of the files that it names.
    words : frozenset of str
        The same for words of its expressions, which are files only if another line names them so.
    products : frozenset of str
        Those of `files` that it writes, by the declaration of its parameters.
    changes : frozenset of str
        Those that it may write or change: tables too, of tasks that are always done alone.
    """

    number: int
    text: str
    task: Task
    line: CommandLine
    share: str
    files: frozenset[str]
    words: frozenset[str]
    products: frozenset[str]
    changes: frozenset[str]

    def hinders(self, other: BatchLine) -> bool:
        """Tell whether two lines must stay in their order: one may write what the other uses."""
        return bool(self.changes & other.uses or other.changes & self.uses)

    @property
    def uses(self) -> frozenset[str]:
        """All that it may read or write."""
        return self.files | self.words

    def call(self) -> TaskCall:
        """Give the call for an engine."""
        return TaskCall(self.task.name, self.line.values_for(self.task))


Results = dict[int, CallResult]


def read_batch(text: str) -> list[BatchLine]:
    """Read the lines of a batch; nothing runs.

    Parameters
    ----------
    text : str
        Task lines as a shell would take them, ``evselect table=...`` or ``xmmpy task evselect table=...``;
        empty lines and what follows a ``#`` at the beginning of a word are passed over, and a backslash at
        the end continues a line.

    Raises
    ------
    TaskError
        When a line cannot be read, or its task or parameters are wrong; the sentence names the line.
    """
    lines = []
    for number, one in _logical_lines(text):
        try:
            words = shlex.split(one, comments=True)
            if words[:2] == ["xmmpy", "task"]:
                words = words[2:]
            if words:
                lines.append(_read_line(number, one.strip(), words))
        except ValueError as error:
            raise TaskError("BadLine", f"line {number} cannot be read ({error}): {one.strip()}") from None
        except TaskError as error:
            raise TaskError(error.code, f"line {number}: {error.text}") from None
    return lines


def run_batch(
    lines: Sequence[BatchLine], environment: Environment, tell: Callable[[BatchLine, str], None]
) -> list[CallResult]:
    """Do the lines of a batch, in order but for those that are done together with an earlier one.

    A line that needs what a failed one should have written is not done; the others are.

    Parameters
    ----------
    lines : sequence of BatchLine
        From `read_batch`.
    environment : Environment
        What the surroundings ask for.
    tell : callable
        Is told of each line that is not done, and why.

    Returns
    -------
    list of CallResult
        One for each line.
    """
    results: Results = {}
    pending = list(range(len(lines)))
    while pending:
        first = pending[0]
        blamed = _needs_failed(lines, first, results)
        if blamed is not None:
            reason = f"not done: it needs what line {blamed.number} should have written"
            tell(lines[first], reason)
            results[first] = CallResult(error=("UpstreamFailed", reason))
            pending.remove(first)
            continue
        group = _pass_with(lines, pending, results)
        calls = [lines[number].call() for number in group]
        setting = lines[first].line.adjust(environment)
        for number, result in zip(group, run_calls(calls, setting, terminal=True), strict=True):
            results[number] = result
            pending.remove(number)
    return [results[number] for number in range(len(lines))]


def _read_line(number: int, text: str, words: Sequence[str]) -> BatchLine:
    task = find_task(words[0])
    line = read_command_line(words[1:])
    if line.flags - {"noclobber", "trace"}:
        raise TaskError("BadSwitch", "a line of a batch runs a task; it cannot ask for help or the version")
    values = line.values_for(task)
    parameters = task.parameters.from_values(values)
    share = ""
    if task.share is not None and task.run_together is not None:
        switches = f"{sorted(line.options.items())}{sorted(line.flags)}"
        share = f"{task.name}\n{task.share(parameters)}\n{switches}"
    files: set[str] = set()
    words_in_expressions: set[str] = set()
    products: set[str] = set()
    changes: set[str] = set()
    for info in task.parameters.describe():
        value = getattr(parameters, info.name)
        if not value or not (info.name in values or all(getattr(parameters, parent) for parent in info.parents)):
            continue
        if info.kind.name == "expression":
            words_in_expressions |= {os.path.realpath(word) for word in _WORDS.findall(value)}
        elif info.kind.name in _FILE_KINDS:
            items = value if isinstance(value, tuple) else (value,)
            named = {os.path.realpath(split_block(item)[0]) for item in items}
            files |= named
            products |= named if info.writes else set()
            changes |= named if info.writes or not share else set()
    return BatchLine(
        number,
        text,
        task,
        line,
        share,
        files=frozenset(files),
        words=frozenset(words_in_expressions),
        products=frozenset(products),
        changes=frozenset(changes),
    )


def _pass_with(lines: Sequence[BatchLine], pending: Sequence[int], results: Results) -> list[int]:
    """Give the first pending line, and the later ones that can be done in one pass with it."""
    first = pending[0]
    group = [first]
    if not lines[first].share:
        return group
    passed_over: list[int] = []
    for number in pending[1:]:
        mine = lines[number]
        fits = mine.share == lines[first].share and _needs_failed(lines, number, results) is None
        if fits and not any(mine.hinders(lines[other]) for other in (*group, *passed_over)):
            group.append(number)
        else:
            passed_over.append(number)
    return group


def _needs_failed(lines: Sequence[BatchLine], number: int, results: Results) -> BatchLine | None:
    """Find the failed line whose product this one uses, unless a later line made it after all."""
    last: dict[str, int] = {}
    for earlier in range(number):
        if earlier in results:
            last |= dict.fromkeys(lines[earlier].products & lines[number].uses, earlier)
    failed = sorted(maker for maker in last.values() if results[maker].error is not None)
    return lines[failed[0]] if failed else None


def _logical_lines(text: str) -> list[tuple[int, str]]:
    lines: list[tuple[int, str]] = []
    begun: tuple[int, str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        begin, head = begun if begun is not None else (number, "")
        if line.endswith("\\") and not line.endswith("\\\\"):
            begun = (begin, head + line[:-1])
            continue
        begun = None
        lines.append((begin, head + line))
    return lines if begun is None else [*lines, begun]
