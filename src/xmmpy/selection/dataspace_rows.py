"""Which rows of a table lie in a data subspace."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.selection.dataspace import DataSpace, Figures, GoodTimes, Value, is_everything
from xmmpy.selection.ranges import Bits
from xmmpy.selection.regions import region_table

if TYPE_CHECKING:
    from numpy.typing import NDArray


def space_contains(space: DataSpace, columns: Any, rows: int) -> NDArray[np.bool_]:
    """Test rows against a data subspace.

    Parameters
    ----------
    space : DataSpace
        Any component must hold, with all its descriptors.
    columns : mapping of str to ndarray
        Columns of the rows, by name.
    rows : int
        Their number.

    Returns
    -------
    ndarray of bool, shape (rows,)
        Which rows lie in it.
    """
    inside = np.zeros(rows, bool)
    for component in space.components:
        passed = np.ones(rows, bool)
        for name, value in zip(space.names, component, strict=True):
            passed &= _holds(name, value, columns)
        inside |= passed
    return inside


def _holds(name: str, value: Value, columns: Any) -> NDArray[np.bool_] | bool:
    if is_everything(value):
        return True  # a component that this descriptor does not limit
    if isinstance(value, GoodTimes):
        return value.intervals.contains(columns[name])
    if isinstance(value, Figures):
        x, _, y = name[name.index("(") + 1 : name.index(")")].partition(",")
        table = {
            "SHAPE": np.array([("!" if row.excluded else "") + row.shape for row in value.rows]),
            x.upper(): _vectors([row.x for row in value.rows]),
            y.upper(): _vectors([row.y for row in value.rows]),
            "R": _vectors([row.size for row in value.rows]),
            "ROTANG": _vectors([row.angle for row in value.rows]),
            "COMPONENT": np.array([row.component for row in value.rows]),
        }
        return region_table(table, (x, y)).contains(columns[x], columns[y])
    data = columns[name]
    if isinstance(value, Bits):
        flags = data.astype(np.int64)
        return np.asarray(((flags & value.ones) == value.ones) & ((flags & value.zeros) == 0))
    inside = np.zeros(data.shape, bool)
    for bounds in value.bounds:
        low = data >= bounds.low if bounds.low_closed else data > bounds.low
        high = data <= bounds.high if bounds.high_closed else data < bounds.high
        inside |= (low | math.isinf(bounds.low)) & (high | math.isinf(bounds.high))
    return inside


def _vectors(values: list[tuple[float, ...]]) -> NDArray[np.float64]:
    length = max((len(value) for value in values), default=0)
    return np.array([[*value, *[0.0] * (length - len(value))] for value in values]).reshape(len(values), length)
