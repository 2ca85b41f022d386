"""Files appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name beside `path`, renamed to `path` when the block ends well.

    A crash inside the block leaves the old file (or none), never half of a new one; the temporary
    file is removed when the block raises.

    Parameters
    ----------
    path : path-like
        The file to make. Its folder must exist.

    Yields
    ------
    pathlib.Path
        Name to write to, in the same folder, ending in ``.part``.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> int:
    """Delete the temporary files that a killed process left in `folder`; returns how many."""
    leftovers = list(folder.glob(".*.part"))
    for leftover in leftovers:
        leftover.unlink(missing_ok=True)
    return len(leftovers)
