"""The image that evselect makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.imaging.axes import ColumnCoordinates, axis_coordinates
from xmmpy.imaging.binning import MAX_BINS, Axis, axis_of_size, axis_of_width, smallest_integer_type
from xmmpy.products.blocks import primary_block, write_blocks
from xmmpy.products.header import Header
from xmmpy.tasks.catalogue.evselect.binned import WantedRange, accumulator, choose_range, column_of, is_integer
from xmmpy.tasks.catalogue.evselect.headers import product_primary, table_blocks
from xmmpy.tasks.messages import TaskError

if TYPE_CHECKING:
    from pathlib import Path

    from xmmpy.products.blocks import Block
    from xmmpy.products.tables import Column
    from xmmpy.tasks.catalogue.evselect.binned import Gathered
    from xmmpy.tasks.catalogue.evselect.call import Call
    from xmmpy.tasks.catalogue.evselect.selected import Selected
    from xmmpy.tasks.catalogue.evselect.source import EventSource

_TYPES = {"Int8": "u1", "Int16": "i2", "Int32": "i4", "Real32": "f4", "Real64": "f8"}


class ImageProduct:
    """An image of two columns.

    Raises
    ------
    TaskError
        When a column is missing or the bins are not possible.
    """

    def __init__(self, call: Call, path: Path) -> None:
        self._call = call
        self._path = path
        source, parameters = call.source, call.parameters
        self._columns = (
            column_of(source, parameters.xcolumn, "XRangeVal"),
            column_of(source, parameters.ycolumn, "YRangeVal"),
        )
        self._axes = _image_axes(call, self._columns)
        self._sum = accumulator(source, parameters, self._axes, tuple(column.name for column in self._columns))

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns that it reads."""
        return self._sum.reads

    def prepare(self, selected: Selected) -> Gathered:
        """Find the bins of the selected rows of a chunk."""
        return self._sum.prepare(selected)

    def absorb(self, prepared: Gathered) -> None:
        """Count the rows of the next chunk."""
        self._sum.absorb(prepared)

    def abandon(self) -> None:
        """Nothing is on disk before the end."""

    def finish(self) -> Path:
        """Write the image."""
        call = self._call
        added = Header()
        call.add_selection_text(added)
        added.append("HDUCLASS", "OGIP", "Format conforms to OGIP/GSFC conventions")
        added.append("HDUCLAS1", "IMAGE", "File contains an Image")
        added.append("HDUCLAS2", "TOTAL", "Gross Image")
        added.append("HDUVERS1", "1.1.0", "Version of format")
        for number, (axis, column) in enumerate(zip(self._axes, self._columns, strict=True), 1):
            _add_axis(added, number, axis, column, call.source)
        added.append("WCSNAMEL", "PHYSICAL", "WCS L name")
        added.append("WCSAXESL", 2, "No. of axes for WCS L")
        added.append("LTM1_2", 0)
        added.append("LTM2_1", 0)
        for ccd, length in call.frame_times().items():
            added.append(f"FRMTIM{ccd:02d}", length, f"[s] Frame time for CCD {ccd}")
        tables: list[Block] = []
        if call.parameters.writedss:
            call.add_dataspace(added)
            tables = table_blocks(call.source, call.space)
        if call.parameters.updateexposure:
            for entry in call.exposure.ontime_cards():
                added.append(*entry)
            if (exposure := call.exposure.image_exposure()) is not None:
                added.append("EXPOSURE", exposure, "max of ONTIMEnn values")
        call.copy_attributes(added)
        header = product_primary(call.source, call.provenance)
        header.append("XMMSEP", len(added), f"{len(added)} primary image keywords follow")
        header.extend(added)
        write_blocks(self._path, [primary_block(header, self._pixels()), *tables, *call.copied_blocks()])
        return self._path

    def _pixels(self) -> np.ndarray[tuple[int, ...], np.dtype[Any]]:
        parameters, total = self._call.parameters, self._sum.total
        if parameters.withimagedatatype:
            kind = np.dtype(_TYPES[parameters.imagedatatype])
            if kind.kind != "f" and total.size and total.max() > np.iinfo(kind).max:
                highest = f"the brightest pixel has {total.max():g}"
                raise TaskError("ImageType", f"{parameters.imagedatatype} cannot hold the image: {highest}")
            return total.astype(kind)
        if total.dtype.kind == "f":
            return total
        return total.astype(smallest_integer_type(int(total.max(initial=0))))


def _image_axes(call: Call, columns: tuple[Column, Column]) -> tuple[Axis, Axis]:
    p = call.parameters
    wanted = (
        WantedRange(p.ximagemin, p.ximagemax, p.withxranges, "XRangeVal"),
        WantedRange(p.yimagemin, p.yimagemax, p.withyranges, "YRangeVal"),
    )
    sizes, widths = (p.ximagesize, p.yimagesize), (p.ximagebinsize, p.yimagebinsize)
    limits = [
        choose_range(call.source, column, want, call.session, ignore_legal=p.ignorelegallimits)
        for column, want in zip(columns, wanted, strict=True)
    ]
    integer = [is_integer(column) for column in columns]
    try:
        if p.imagebinning == "binSize":
            if p.squarepixels:
                widths = (max(widths), max(widths))
            axes = [axis_of_width(*limits[i], widths[i], integer=integer[i]) for i in (0, 1)]
        else:
            axes = [axis_of_size(*limits[i], sizes[i], integer=integer[i]) for i in (0, 1)]
            if p.squarepixels and axes[0].width != axes[1].width:
                width = max(axis.width for axis in axes)
                axes = [axis_of_width(*limits[i], width, integer=integer[i]) for i in (0, 1)]
    except ValueError as error:
        raise TaskError("ImgBinVal", f"no image of {columns[0].name} and {columns[1].name}: {error}") from None
    if (pixels := axes[0].count * axes[1].count) > MAX_BINS:
        text = f"{axes[0].count} x {axes[1].count} are {pixels} pixels, more than the limit of {MAX_BINS}"
        raise TaskError("ImgBinVal", f"no image of {columns[0].name} and {columns[1].name}: {text}; take larger bins")
    if p.withcelestialcenter:
        axes = [_centred(axis, call, number) for number, axis in enumerate(axes)]
    return axes[0], axes[1]


def _centred(axis: Axis, call: Call, number: int) -> Axis:
    """Move an axis so that its middle is at the sky position that the user gave."""
    position = call.sky_to_columns()[number]
    half = axis.width * axis.count / 2.0
    low = position - half
    if axis.integer:
        low = float(np.rint(low))
    return Axis(low, axis.width, axis.count, axis.integer, low + axis.width * axis.count - (1 if axis.integer else 0))


def column_coordinates(source: EventSource, column: Column) -> ColumnCoordinates | None:
    """World coordinate of a column (TCTYP and its like); None where it has none."""
    number = column.number
    increment = source.number(f"TCDLT{number}")
    reference = source.number(f"TCRPX{number}")
    if increment is None or reference is None:
        return None
    return ColumnCoordinates(
        kind=str(source.hdu.value(f"TCTYP{number}", column.name)).strip(),
        reference_pixel=reference,
        reference_value=source.number(f"TCRVL{number}") or 0.0,
        increment=increment,
        unit=str(source.hdu.value(f"TCUNI{number}", column.unit)).strip(),
    )


def _add_axis(header: Header, number: int, axis: Axis, column: Column, source: EventSource) -> None:
    world = column_coordinates(source, column)
    place = axis_coordinates(axis, world)
    if world is None:
        world = ColumnCoordinates(column.name, 0.0, 0.0, 1.0, column.unit)

    def comment(stem: str) -> str:
        return source.header.comment(f"{stem}{column.number}")

    header.append(f"CTYPE{number}", world.kind, comment("TCTYP"))
    header.append(f"CRPIX{number}", place.reference_pixel, "WCS reference pixel")
    header.append(f"CRVAL{number}", world.reference_value, comment("TCRVL"))
    header.append(f"CUNIT{number}", world.unit, comment("TCUNI"))
    header.append(f"CDELT{number}", place.increment, "WCS pixel size")
    header.append(f"CTYPE{number}L", column.name, "WCS coordinate name")
    header.append(f"CRPIX{number}L", 1, "WCS reference pixel")
    header.append(f"CRVAL{number}L", place.physical_start, "WCS reference pixel value")
    header.append(f"CDELT{number}L", place.physical_step, "WCS pixel size")
    header.append(f"LTV{number}", place.offset)
    header.append(f"LTM{number}_{number}", place.scale)
