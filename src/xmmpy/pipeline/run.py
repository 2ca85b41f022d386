"""Do the steps of a graph: those that are not done yet, in parallel, with a record of each."""

from __future__ import annotations

import os
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xmmpy.engines import CallResult, TaskCall, belong_together
from xmmpy.pipeline.cuts import NoCutError, choose_cut, cut_expression
from xmmpy.pipeline.graph import CutStep, Graph, Step, TakeStep, TaskStep
from xmmpy.pipeline.take import take, take_line
from xmmpy.products.errors import FileProblem
from xmmpy.products.record import CutFlowRecord, RunRecord, StepRecord
from xmmpy.tasks.parameters import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from xmmpy.engines import Engine
    from xmmpy.pipeline.cuts import Ask
    from xmmpy.pipeline.folder import Digests
    from xmmpy.pipeline.watch import Watcher

_BAD = ("failed", "skipped")


Ready = list[tuple[TaskStep | TakeStep, StepRecord]]
Running = set[Future[list[StepRecord]]]


@dataclass
class Run:
    """One run of a graph in a work folder.

    Attributes
    ----------
    graph : Graph
        The steps.
    folder : Path
        The work folder.
    engine : Engine
        Runs the tasks.
    digests : Digests
        Knows the contents of files.
    record : RunRecord
        Record to fill; its steps are those of the last run.
    watcher : Watcher
        Is told what happens.
    save : callable
        Writes the record; called whenever it has changed.
    jobs : int
        Tasks at a time.
    ask : callable or None
        Asks the user for a flare cut.
    force : bool
        Do everything again.
    keep_others : bool
        Keep steps of the last run that are not of the graph in the record: they come later in this run.
    ended : mapping of str to StepRecord
        Steps of the graph that have ended already, in this run.
    changed : bool
        Whether anything was done.
    """

    graph: Graph
    folder: Path
    engine: Engine
    digests: Digests
    record: RunRecord
    watcher: Watcher
    save: Callable[[RunRecord], None]
    jobs: int = 1
    ask: Ask | None = None
    force: bool = False
    keep_others: bool = False
    ended: Mapping[str, StepRecord] = field(default_factory=dict)
    changed: bool = False
    _old: dict[str, StepRecord] = field(default_factory=dict)
    _ended: dict[str, StepRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._old = {step.name: step for step in self.record.steps}
        self._ended = dict(self.ended)

    def run(self) -> dict[str, StepRecord]:
        """Do what is to be done; gives the record of every step, by name."""
        waiting = [step for step in self.graph.steps if step.name not in self._ended]
        queue: Ready = []
        running: Running = set()
        pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="step")
        try:
            while waiting or queue or running:
                waiting = self._settle(waiting, queue)
                while queue and len(running) < self.jobs:
                    self._start(queue, running, pool)
                if running:
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        running.discard(future)
                        for record in future.result():
                            self._end(record, new=True)
        except BaseException:
            self.engine.close()  # whatever waits for a worker now gets its answer
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return dict(self._ended)

    def _settle(self, waiting: list[Step], queue: Ready) -> list[Step]:
        """End what needs no work, queue what is ready; gives what still waits."""
        while True:
            left = []
            for step in waiting:
                if any(name not in self._ended for name in self.graph.needs(step)):
                    left.append(step)
                    continue
                record = self._prepare(step)
                if record.status != "done":
                    self._end(record, new=not self._same(record))
                elif self._is_current(record):
                    self._end(self._old[step.name], new=False)
                elif isinstance(step, CutStep):
                    self.watcher.started([step])
                    self._end(self._choose(step, record), new=True)
                elif isinstance(step, (TaskStep, TakeStep)):
                    queue.append((step, record))
            if len(left) == len(waiting) or not left:
                return left
            waiting = left

    def _prepare(self, step: Step) -> StepRecord:
        """Write down what a step would do, or why it cannot be done."""
        record = StepRecord(name=step.name, camera=step.camera, version=self.record.version)
        gathers = self.graph.takes_what_is_there(step)
        ends = [self._ended[name] for name in self.graph.sources(step)]
        bad = [end for end in ends if end.status != "done"]
        if step.withheld:
            return record.model_copy(update={"status": "nothing to do", "reason": step.withheld})
        if bad and not (gathers and len(bad) < len(ends)):
            first = next((end for end in bad if end.status in _BAD), bad[0])
            status = "skipped" if first.status in _BAD else "nothing to do"
            return record.model_copy(update={"status": status, "reason": _passed_on(first)})
        missing = {file for end in bad for file in self.graph[end.name].outputs}
        files = [file for file in step.inputs if file not in missing]
        if isinstance(step, TakeStep):  # its digest may take a while: not here
            record.inputs = {file: self.digests.known(file) for file in files}
        else:
            record.inputs = {file: self.digests.of(file) for file in files}
            for file, digest in record.inputs.items():
                if not digest:
                    return record.model_copy(update={"status": "failed", "reason": f"{file} cannot be read"})
            optional = {file: self.digests.of(file) for file in step.optional}
            record.inputs |= {file: digest for file, digest in optional.items() if digest}
        if isinstance(step, TaskStep):
            values = self._values(step, files)
            record.task = step.task
            record.line = f"xmmpy task {step.task} " + " ".join(f"{k}={quoted(v)}" for k, v in values.items())
            record.log = f"logs/{step.name.replace('/', '_')}.log"
        elif isinstance(step, TakeStep):
            record.line = take_line(step)
        elif isinstance(step, CutStep):
            chosen = step.method if step.limit is None else f"{step.camera}={quoted(step.limit)}"
            record.line = f"# --flare-cut {chosen}"
        return record

    def _values(self, step: TaskStep, files: Sequence[str]) -> dict[str, Any]:
        values = step.values_for(files)
        for name, source in step.fill.items():
            values[name] = self._ended[source].facts[name]
        return values

    def _is_current(self, record: StepRecord) -> bool:
        """Whether the last run has done just this, and its products are still there."""
        old = self._old.get(record.name)
        if old is None or self.force or old.status not in ("done", "nothing to do"):
            return False
        if (old.line, old.version, old.inputs) != (record.line, record.version, record.inputs):
            return False
        step = self.graph[record.name]
        expected = step.outputs_for(record.inputs) if isinstance(step, TaskStep) else step.outputs
        if old.status == "done" and set(old.outputs) != set(expected):
            return False
        return all(self.digests.of(file) == digest for file, digest in old.outputs.items())

    def _same(self, record: StepRecord) -> bool:
        old = self._old.get(record.name)
        return old is not None and (old.status, old.reason) == (record.status, record.reason)

    def _start(self, queue: Ready, running: Running, pool: ThreadPoolExecutor) -> None:
        """Begin the first of the queue, with all that can be done in one pass with it."""
        first, record = queue[0]
        if isinstance(first, TakeStep):
            queue.pop(0)
            self.watcher.started([first])
            running.add(pool.submit(self._take, first, record))
            return
        tasks = [(step, given) for step, given in queue if isinstance(step, TaskStep)]
        calls = [
            TaskCall(step.task, self._values(step, _gathered(step, given)), str(self._log_path(given)))
            for step, given in tasks
        ]
        group = belong_together(calls)[0]
        chosen = [tasks[number] for number in group]
        for item in chosen:
            queue.remove(item)
        steps = tuple(step for step, _ in chosen)
        records = tuple(given for _, given in chosen)
        self.watcher.started(steps)
        running.add(pool.submit(self._run_tasks, steps, records, [calls[number] for number in group]))

    def _log_path(self, record: StepRecord) -> Path:
        return (self.folder / record.log).absolute()

    def _take(self, step: TakeStep, record: StepRecord) -> list[StepRecord]:
        begin = time.perf_counter()
        try:
            take(step, self.folder)
        except FileProblem as problem:
            return [record.model_copy(update={"status": "failed", "reason": str(problem)})]
        source, target = step.inputs[0], step.outputs[0]
        record.inputs = {source: self.digests.of(source)}
        digest = self.digests.of(target) if step.packed else self.digests.same(target, source)
        record.outputs = {target: digest}
        record.seconds = round(time.perf_counter() - begin, 3)
        return [record]

    def _run_tasks(
        self, steps: Sequence[TaskStep], records: Sequence[StepRecord], calls: Sequence[TaskCall]
    ) -> list[StepRecord]:
        results = self.engine.run(calls)
        return [self._judge(*one) for one in zip(steps, records, results, strict=True)]

    def _judge(self, step: TaskStep, record: StepRecord, result: CallResult) -> StepRecord:
        """Make the record of a step that was run; success is what the task says and the files show."""
        record.seconds = round(result.seconds, 3)
        record.warnings = list(result.warnings)
        if result.error is not None:
            return record.model_copy(update={"status": "failed", "reason": f"{step.task}: {result.error[1]}"})
        outcome = result.outcome
        assert outcome is not None
        record.rows_in, record.rows_out = outcome.rows_in, outcome.rows_out
        record.cuts = [CutFlowRecord(name=cut.name, rows=cut.rows) for cut in outcome.cuts]
        record.facts = dict(outcome.facts)
        if step.needs_rows and outcome.rows_out == 0:
            self._remove(step.outputs)
            reason = f"nothing passed: the {step.title} would be empty"
            return record.model_copy(update={"status": "nothing to do", "reason": reason})
        record.outputs = {file: self.digests.of(file) for file in step.outputs_for(record.inputs)}
        for file, digest in record.outputs.items():
            if not digest:
                reason = f"{step.task} ended without an error, but {file} is missing"
                return record.model_copy(update={"status": "failed", "reason": reason, "outputs": {}})
        return record

    def _choose(self, step: CutStep, record: StepRecord) -> StepRecord:
        begin = time.perf_counter()
        key = step.camera or ""
        try:
            cut = choose_cut(key, self.folder / step.inputs[0], step.method, step.limit, self.ask)
        except (FileProblem, NoCutError) as error:
            return record.model_copy(update={"status": "failed", "reason": str(error)})
        record.facts = {
            "method": cut.method, "limit": cut.limit, "lower": cut.lower, "kept": cut.kept,
            "total": cut.total, "text": cut.describe(), "expression": cut_expression(cut),
        }  # fmt: skip
        record.warnings = list(cut.remarks)
        record.seconds = round(time.perf_counter() - begin, 3)
        if cut.keeps_nothing:
            reason = f"flare cut: {cut.describe()}; choose a higher one with --flare-cut {key}=RATE"
            return record.model_copy(update={"status": "nothing to do", "reason": reason})
        return record

    def _end(self, record: StepRecord, *, new: bool) -> None:
        self._ended[record.name] = record
        if not new:
            return
        if record.status != "done":
            old = self._old.get(record.name)
            self._remove(tuple(old.outputs) if old is not None else ())
        self.changed = True
        self.watcher.finished(record)
        self.write_down()

    def write_down(self) -> None:
        """Bring the record up to date: what has ended, and what the last run did and this one has not yet."""
        steps = [self._ended.get(step.name, self._old.get(step.name)) for step in self.graph.steps]
        self.record.steps = [step for step in steps if step is not None]
        if self.keep_others:
            self.record.steps += [step for name, step in self._old.items() if name not in self.graph]
        files = [file for step in self.record.steps for file in (*step.inputs, *step.outputs)]
        self.record.stamps = self.digests.stamps(files)
        self.save(self.record)

    def _remove(self, files: Sequence[str]) -> None:
        """Remove products that are no longer true."""
        for file in files:
            (self.folder / file).unlink(missing_ok=True)


def _gathered(step: TaskStep, record: StepRecord) -> tuple[str, ...]:
    """Inputs that are there."""
    return tuple(file for file in step.inputs if file in record.inputs)


def _passed_on(end: StepRecord) -> str:
    """Say why a step is not done of whose input nothing came."""
    if end.status == "failed":
        return f"{end.name} failed: {end.reason}"
    return end.reason


def processors() -> int:
    """Count the processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1
