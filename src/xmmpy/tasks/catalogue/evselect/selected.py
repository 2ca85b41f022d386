"""The selected rows of a chunk, as products see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from xmmpy.imaging.binning import pixel_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

    from numpy.typing import NDArray

    from xmmpy.imaging.binning import Axis
    from xmmpy.products.tables import Chunk


class SharedWork:
    """What several calls need of one chunk and is done once: the results of tests, the pixels of rows.

    Parameters
    ----------
    chunk : Chunk
        The rows.
    """

    __slots__ = ("_known", "chunk")

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self._known: dict[Hashable, NDArray[Any]] = {}

    def once(self, key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Give what `make` gave when the key was first asked for."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]


class Selected:
    """Selected rows of one chunk; columns are compressed when they are first asked for.

    Parameters
    ----------
    work : SharedWork
        All rows.
    mask : ndarray of bool, shape (n,), or None
        Which are selected; None for all.
    """

    __slots__ = ("_columns", "chunk", "count", "mask", "rows", "work")

    def __init__(self, work: SharedWork, mask: NDArray[np.bool_] | None) -> None:
        self.work = work
        self.chunk = work.chunk
        self.mask = mask
        self.rows = None if mask is None else np.flatnonzero(mask)
        self.count = len(self.chunk) if self.rows is None else int(self.rows.size)
        self._columns: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if self.rows is None:
            return self.chunk[name]
        if name not in self._columns:
            self._columns[name] = self.chunk[name][self.rows]
        return self._columns[name]

    def pixels(self, axes: tuple[Axis, ...], columns: tuple[str, ...]) -> NDArray[np.intp]:
        """Pixel numbers of the selected rows (`xmmpy.imaging.binning.pixel_numbers`)."""
        all_pixels = self.work.once(
            ("pixels", axes, columns), lambda: pixel_numbers(axes, tuple(self.chunk[name] for name in columns))
        )
        return all_pixels if self.rows is None else all_pixels[self.rows]


class Product(Protocol):
    """Something that selected rows are collected into."""

    def prepare(self, selected: Selected) -> Any:
        """Do what can be done with the rows of one chunk alone; several threads may be here at once."""

    def absorb(self, prepared: Any) -> None:
        """Add what was prepared; chunks come in order."""

    def finish(self) -> Path:
        """Write the file and tell its name."""

    def abandon(self) -> None:
        """Forget everything; leave no file behind."""
