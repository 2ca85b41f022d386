"""The selected rows of a chunk, as products see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from xmmpy.products.tables import Chunk


class Selected:
    """Selected rows of one chunk; columns are compressed when they are first asked for.

    Parameters
    ----------
    chunk : Chunk
        All rows.
    mask : ndarray of bool, shape (n,), or None
        Which are selected; None for all.
    """

    __slots__ = ("_columns", "chunk", "count", "mask", "rows")

    def __init__(self, chunk: Chunk, mask: NDArray[np.bool_] | None) -> None:
        self.chunk = chunk
        self.mask = mask
        self.rows = None if mask is None else np.flatnonzero(mask)
        self.count = len(chunk) if self.rows is None else int(self.rows.size)
        self._columns: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if self.rows is None:
            return self.chunk[name]
        if name not in self._columns:
            self._columns[name] = self.chunk[name][self.rows]
        return self._columns[name]


class Product(Protocol):
    """Something that selected rows are collected into."""

    def take(self, selected: Selected) -> None:
        """Add the selected rows of the next chunk."""

    def finish(self) -> Path:
        """Write the file and tell its name."""

    def abandon(self) -> None:
        """Forget everything; leave no file behind."""
