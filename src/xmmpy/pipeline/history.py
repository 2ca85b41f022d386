"""What the record of a run tells: how its steps stand, where a product came from, the lines that make all again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xmmpy.pipeline.folder import Digests
    from xmmpy.products.record import RunRecord, StepRecord


@dataclass(frozen=True, slots=True)
class Standing:
    """How a step stands now.

    Attributes
    ----------
    step : StepRecord
        As the record has it.
    state : str
        Its status, or ``stale``.
    why : str
        Why it is stale, or the recorded reason.
    """

    step: StepRecord
    state: str
    why: str


def standings(record: RunRecord, digests: Digests) -> list[Standing]:
    """Hold the files against the record.

    A step that was done is stale when an input has changed since or is gone, or a product is gone or was changed.
    """
    found = []
    for step in record.steps:
        why = _why_stale(step, digests) if step.status == "done" else ""
        found.append(Standing(step, "stale" if why else step.status, why or step.reason))
    return found


def _why_stale(step: StepRecord, digests: Digests) -> str:
    for kind, files in (("input", step.inputs), ("product", step.outputs)):
        for name, digest in files.items():
            now = digests.of(name)
            if not now:
                return f"the {kind} {name} is gone"
            if digest and now != digest:
                return f"the {kind} {name} has changed"
    return ""


@dataclass(frozen=True, slots=True)
class Origin:
    """A file and how it came about.

    Attributes
    ----------
    name : str
        The file, relative to the work folder.
    step : StepRecord or None
        What made it; None for a file that the reduction was given.
    inputs : tuple of Origin
        What it was made from; without those that were told before.
    again : bool
        Whether it was told before.
    """

    name: str
    step: StepRecord | None
    inputs: tuple[Origin, ...] = field(default=())
    again: bool = False


def origin(record: RunRecord, name: str) -> Origin:
    """Follow a file back to what the reduction was given.

    Raises
    ------
    KeyError
        When no step of the record reads or makes the file.
    """
    makers = {file: step for step in record.steps for file in step.outputs}
    read = {file for step in record.steps for file in step.inputs}
    if name not in makers and name not in read:
        raise KeyError(name)
    told: set[str] = set()

    def follow(file: str) -> Origin:
        step = makers.get(file)
        if step is None or file in told:
            return Origin(file, step, again=file in told)
        told.add(file)
        return Origin(file, step, tuple(follow(one) for one in step.inputs if one != file))

    return follow(name)


def told(source: Origin, depth: int = 0) -> Iterator[tuple[int, Origin]]:
    """Walk through an origin, what it was made from behind it; with the depth of each."""
    yield depth, source
    for one in source.inputs:
        yield from told(one, depth + 1)


def script_lines(record: RunRecord, environment: dict[str, str]) -> list[str]:
    """Lines of a shell script that makes the products of a run again, in the work folder.

    Parameters
    ----------
    record : RunRecord
        The run.
    environment : dict
        Variables to set first (SAS_ODF and the like).
    """
    from xmmpy.tasks.parameters import quoted

    lines = [f"export {name}={quoted(value)}" for name, value in environment.items() if value]
    folders = sorted({name.rpartition("/")[0] for step in record.steps for name in step.outputs if "/" in name})
    lines += [f"mkdir -p {' '.join(quoted(folder) for folder in folders)}"] if folders else []
    camera: str | None = ""
    for step in record.steps:
        if step.camera != camera:
            camera = step.camera
            lines += ["", f"# {camera or 'all cameras'}"]
        if step.status != "done":
            lines.append(f"# {step.name}: {step.status}: {step.reason}")
        elif step.line.startswith("#") or not step.line:
            lines.append(f"# {step.name}: {step.facts.get('text', 'decided by the run')}")
        else:
            lines.append(step.line)
    return lines


def find_step(record: RunRecord, name: str) -> StepRecord:
    """Find a step by its name, or by the file that it makes.

    Raises
    ------
    KeyError
        When there is none.
    """
    for step in record.steps:
        if step.name == name or name in step.outputs:
            return step
    raise KeyError(name)


def work_folder_of(place: Path) -> Path:
    """The work folder that a user means by a path: itself, or `work` in it."""
    from xmmpy.products.record import RECORD_NAME

    return place if (place / RECORD_NAME).is_file() or not (place / "work").is_dir() else place / "work"
