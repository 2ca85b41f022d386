"""Bring an event list into the work folder under the name that users know."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.tasks.parameters import quoted

if TYPE_CHECKING:
    from xmmpy.pipeline.graph import TakeStep


def take_line(step: TakeStep) -> str:
    """Write the shell line that does the same in the work folder."""
    source, target = quoted(step.inputs[0]), quoted(step.outputs[0])
    return f"gunzip -c {source} > {target}" if step.packed else f"ln -sf {source} {target}"


def take(step: TakeStep, folder: Path) -> None:
    """Link a list into the work folder; unpack it there when it is gzipped, copy it where there are no links.

    Raises
    ------
    FileProblem
        When the list cannot be read or its copy not be written.
    """
    source, target = Path(step.inputs[0]), folder / step.outputs[0]
    if target.is_dir():
        raise FileProblem(target, "is a folder where the event list should be", "move it away")
    with atomic_path(target) as temporary:
        if step.packed:
            _unpack(folder / source, temporary)
            return
        try:
            temporary.symlink_to(source)
        except OSError:  # a file system without links
            _copy(folder / source, temporary)


def _unpack(source: Path, target: Path) -> None:
    with FitsFile(source) as file:
        file.stream.seek(0)
        try:
            with target.open("wb") as stream:
                shutil.copyfileobj(file.stream, stream, 1 << 20)
        except OSError as error:
            raise _unwritten(source, target, error) from None


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise _unwritten(source, target, error) from None


def _unwritten(source: Path, target: Path, error: OSError) -> FileProblem:
    problem = f"cannot be copied to {target.parent} ({error.strerror or error})"
    return FileProblem(source, problem, "check the folder and its free space")
