"""The selected rows of a chunk, as products see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from xmmpy.imaging.binning import pixel_numbers
from xmmpy.imaging.kernels import can_find, find_pixels
from xmmpy.products.kernels import compress

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

    import numpy as np
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
    count : int
        How many they are.
    """

    __slots__ = ("_columns", "chunk", "count", "mask", "work")

    def __init__(self, work: SharedWork, mask: NDArray[np.bool_] | None, count: int) -> None:
        self.work = work
        self.chunk = work.chunk
        self.mask = mask
        self.count = count
        self._columns: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._columns:
            self._columns[name] = self._chosen(self.chunk[name])
        return self._columns[name]

    def pixels(self, axes: tuple[Axis, ...], columns: tuple[str, ...]) -> NDArray[Any]:
        """Pixel numbers of the selected rows (`xmmpy.imaging.binning.pixel_numbers`)."""

        def find() -> NDArray[Any]:
            values = tuple(self.chunk[name] for name in columns)
            if self.chunk.compiled and can_find(axes, values):
                return find_pixels(axes, values)
            return pixel_numbers(axes, values)

        return self._chosen(self.work.once(("pixels", axes, columns), find))

    def rows(self) -> NDArray[Any]:
        """The selected rows as they go into a file."""
        return self.chunk.rows if self.mask is None else self.chunk.compress(self.mask, self.count)

    def _chosen(self, values: NDArray[Any]) -> NDArray[Any]:
        if self.mask is None:
            return values
        return compress(values, self.mask, self.count) if self.chunk.compiled else values[self.mask]


class Product(Protocol):
    """Something that selected rows are collected into."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns that it reads."""

    def prepare(self, selected: Selected) -> Any:
        """Do what can be done with the rows of one chunk alone; several threads may be here at once."""

    def absorb(self, prepared: Any) -> None:
        """Add what was prepared; chunks come in order."""

    def finish(self) -> Path:
        """Write the file and tell its name."""

    def abandon(self) -> None:
        """Forget everything; leave no file behind."""
