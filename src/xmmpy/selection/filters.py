"""Conditions on positions and times: figures, region tables, masks and good times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.selection.blocks import GoodTimes
from xmmpy.selection.shapes import SHAPES
from xmmpy.selection.values import Rows, TypeFault, Value, as_float, folded, need_number

if TYPE_CHECKING:
    from xmmpy.selection.blocks import MaskImage
    from xmmpy.selection.errors import Span
    from xmmpy.selection.regions import RegionTable
    from xmmpy.selection.schema import CelestialFrame


def gti_value(intervals: tuple[Any, Any], time: Value, span: Span) -> Value:
    """Condition that a time is in one of the intervals."""
    need_number(time, "gti")
    good = GoodTimes.merged(*intervals)
    run = as_float(time)
    value = Value("bool", lambda rows: good.contains(np.atleast_1d(run(rows))), span, costly=True)
    return folded(value, time)


def mask_value(image: MaskImage, parts: list[Value], span: Span) -> Value:
    """Condition that a point (the first two parts) is on a mask shifted by the last two."""
    for part in parts:
        need_number(part, "mask")
    x, y, x_offset, y_offset = (as_float(part) for part in parts)

    def run(rows: Rows) -> Any:
        return image.contains(x(rows), y(rows), x_offset(rows), y_offset(rows))

    return folded(Value("bool", run, span, costly=True), *parts)


def region_table_value(table: RegionTable, x: Value, y: Value, span: Span) -> Value:
    """Condition that a point is inside the figures of a table."""
    for part in (x, y):
        need_number(part, "region")
    a, b = as_float(x), as_float(y)
    return folded(Value("bool", lambda rows: table.contains(a(rows), b(rows)), span, costly=True), x, y)


def region_value(
    shape: str, parameters: list[Value], x: Value, y: Value, span: Span, frame: CelestialFrame | None
) -> Value:
    """Condition that a point is in a figure.

    Parameters
    ----------
    shape : str
        Canonical name of the figure.
    parameters : list of Value
        Its parameters.
    x, y : Value
        The point.
    span : Span
        Place in the expression.
    frame : CelestialFrame, optional
        The parameters are in degrees on the sky, the point in sky pixels.

    Raises
    ------
    TypeFault
        If a parameter or coordinate is no number, or a celestial parameter is no constant.
    """
    for part in (*parameters, x, y):
        need_number(part, shape)
    inside = SHAPES[shape].inside
    a, b = as_float(x), as_float(y)
    constants = [part.constant for part in parameters]
    varying = next((part for part in parameters if part.constant is None), None)
    if varying is not None:
        if frame is not None:
            raise TypeFault("the parameters of a figure on the sky must be constants", varying.span)
        runs = [as_float(part) for part in parameters]
        value = Value("bool", lambda rows: inside(a(rows), b(rows), *(run(rows) for run in runs)), span, costly=True)
        return folded(value, *parameters, x, y)
    numbers = tuple(float(constant) for constant in constants)
    if frame is not None:
        known = SHAPES[shape]
        numbers = frame.to_parameters(known.parameters * (len(numbers) if known.repeats else 1), numbers)
    return folded(Value("bool", lambda rows: inside(a(rows), b(rows), *numbers), span, costly=True), x, y)
