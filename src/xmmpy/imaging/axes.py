"""World coordinates of a binned image from those of the columns that were binned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xmmpy.imaging.binning import Axis


@dataclass(frozen=True, slots=True)
class ColumnCoordinates:
    """What a header says of a column's values: TCTYP, TCRPX, TCRVL, TCDLT, TCUNI."""

    kind: str
    reference_pixel: float
    reference_value: float
    increment: float
    unit: str


@dataclass(frozen=True, slots=True)
class AxisCoordinates:
    """World and physical coordinates of one image axis, pixels counted from 1 at their centres.

    Attributes
    ----------
    reference_pixel, increment : float
        CRPIX and CDELT of the world coordinate, where the column has one.
    physical_start, physical_step : float
        Value of the column at the centre of pixel 1, and its step from pixel to pixel.
    offset, scale : float
        LTV and LTM: pixel = scale * column + offset.
    """

    reference_pixel: float
    increment: float
    physical_start: float
    physical_step: float
    offset: float
    scale: float


def axis_coordinates(axis: Axis, column: ColumnCoordinates | None) -> AxisCoordinates:
    """Derive an image axis's coordinates (FITS paper I; LTV and LTM as IRAF defines them).

    Parameters
    ----------
    axis : Axis
        The bins.
    column : ColumnCoordinates or None
        World coordinate of the binned column; without one the world axis is the column itself.
    """
    centre = axis.first_centre
    reference = 0.0 if column is None else column.reference_pixel
    increment = 1.0 if column is None else column.increment
    return AxisCoordinates(
        reference_pixel=(reference - centre) / axis.width + 1.0,
        increment=increment * axis.width,
        physical_start=centre,
        physical_step=axis.width,
        offset=1.0 - centre / axis.width,
        scale=1.0 / axis.width,
    )
