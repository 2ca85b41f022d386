"""Ranges and bins of images, spectra and histograms from parameters and headers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.imaging.binning import Axis, PixelCounter
from xmmpy.products.tables import iterate_chunks
from xmmpy.tasks.messages import TaskError, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.products.tables import Column
    from xmmpy.tasks.catalogue.evselect.parameters import EvselectParameters
    from xmmpy.tasks.catalogue.evselect.selected import Selected
    from xmmpy.tasks.catalogue.evselect.source import EventSource
    from xmmpy.tasks.session import Session


def column_of(source: EventSource, name: str, code: str) -> Column:
    """Find a numeric scalar column.

    Raises
    ------
    TaskError
        When there is none of that name, or it holds no single numbers.
    """
    column = source.layout.find(name)
    if column is None:
        names = [column.name for column in source.layout.columns]
        raise TaskError(code, f"{source.spec} has no column '{name}'{nearest(name, names)}")
    if column.dtype.shape or column.native_dtype.kind not in "iuf":
        raise TaskError("ColType", f"column '{name}' of {source.spec} holds no single numbers")
    return column


def is_integer(column: Column) -> bool:
    """Whether a column holds integers."""
    return column.native_dtype.kind in "iu"


@dataclass(frozen=True, slots=True)
class WantedRange:
    """Limits from the parameters, and the names of warnings and errors when they cannot be met."""

    low: float
    high: float
    given: bool
    code: str


def choose_range(
    source: EventSource, column: Column, wanted: WantedRange, session: Session, *, ignore_legal: bool
) -> tuple[float, float]:
    """Choose the range of an axis as SAS does: the user's, else TLMIN and TLMAX, else that of the data.

    A user's range beyond the legal one is cut, with a warning, unless legal limits are ignored.

    Raises
    ------
    TaskError
        When the range is empty.
    """
    legal = source.legal_range(column.name)
    low, high = (None, None) if ignore_legal else (legal.low, legal.high)
    if wanted.given:
        chosen_low, chosen_high = wanted.low, wanted.high
        if low is not None and chosen_low < low:
            session.warn("MinParamRange", f"{column.name} from {chosen_low:g} is below TLMIN; {low:g} is used")
            chosen_low = low
        if high is not None and chosen_high > high:
            session.warn("MaxParamRange", f"{column.name} to {chosen_high:g} is above TLMAX; {high:g} is used")
            chosen_high = high
    elif low is not None and high is not None:
        chosen_low, chosen_high = low, high
    else:
        chosen_low, chosen_high = _data_range(source, column)
    if chosen_low > chosen_high:
        raise TaskError(wanted.code, f"the range of {column.name}, {chosen_low:g} to {chosen_high:g}, is empty")
    return chosen_low, chosen_high


def _data_range(source: EventSource, column: Column) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for chunk in iterate_chunks(source.file, source.hdu, source.layout):
        values = chunk[column.name]
        if column.null is not None:
            values = values[values != column.null]
        if values.dtype.kind == "f":
            values = values[np.isfinite(values)]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    return (low, high) if low <= high else (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Rows of one chunk, ready to be counted: pixels, and weights with squared errors where there are any."""

    pixels: NDArray[Any]
    weights: NDArray[np.float64] | None = None
    squares: NDArray[np.float64] | None = None


class Accumulator:
    """Counts, or sums of weights, of selected rows in bins of some columns.

    Parameters
    ----------
    axes : tuple of Axis
        The first varies fastest.
    columns : tuple of str
        Their columns.
    weight, weight_error : str or None
        Columns that are summed, and summed in squares.
    compiled : bool
        Whether compiled loops count.
    """

    def __init__(
        self,
        axes: tuple[Axis, ...],
        columns: tuple[str, ...],
        weight: str | None,
        weight_error: str | None,
        *,
        compiled: bool,
    ) -> None:
        self.axes = axes
        self.columns = columns
        self._weight = weight
        self._weight_error = weight_error
        self._shape = tuple(axis.count for axis in reversed(axes))
        size = math.prod(self._shape)
        self._counter = PixelCounter(size, weighted=weight is not None, compiled=compiled)
        self._squares = None if weight is None else PixelCounter(size, weighted=True)

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns that it reads."""
        return (*self.columns, *(name for name in (self._weight, self._weight_error) if name is not None))

    @property
    def weighted(self) -> bool:
        """Whether weights are summed, not rows counted."""
        return self._squares is not None

    @property
    def total(self) -> NDArray[Any]:
        """Counts or sums, in the shape of the bins."""
        return self._counter.total().reshape(self._shape)

    def prepare(self, selected: Selected) -> Gathered:
        """Pixels, weights and squared errors of selected rows."""
        pixels = selected.pixels(self.axes, self.columns)
        if self._weight is None:
            return Gathered(pixels)
        weights = selected[self._weight].astype(np.float64)
        errors = weights if self._weight_error is None else selected[self._weight_error].astype(np.float64)
        return Gathered(pixels, weights, errors**2)

    def absorb(self, gathered: Gathered) -> None:
        """Add prepared rows."""
        if gathered.pixels.size:
            self._counter.add(gathered.pixels, gathered.weights)
            if self._squares is not None:
                self._squares.add(gathered.pixels, gathered.squares)

    def errors(self) -> NDArray[np.float64]:
        """One-sigma errors: root of the counts, or of the summed squares."""
        squares = self.total if self._squares is None else self._squares.total().reshape(self._shape)
        return np.asarray(np.sqrt(squares), np.float64)


def accumulator(
    source: EventSource, parameters: EvselectParameters, axes: tuple[Axis, ...], columns: tuple[str, ...]
) -> Accumulator:
    """Make the accumulator that the z column parameters ask for.

    Raises
    ------
    TaskError
        When a column is missing.
    """
    weight = column_of(source, parameters.zcolumn, "ColType").name if parameters.withzcolumn else None
    error = None
    if weight is not None and parameters.withzerrorcolumn:
        error = column_of(source, parameters.zerrorcolumn, "ColType").name
    return Accumulator(axes, columns, weight, error, compiled=source.compiled)
