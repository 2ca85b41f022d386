"""Read the files that a selection expression names: GTIs, masks, region tables and region files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile, Hdu, split_block
from xmmpy.products.gti import intervals_of
from xmmpy.products.tables import table_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.products.intervals import Intervals
    from xmmpy.selection.blocks import MaskImage
    from xmmpy.selection.regions import RegionTable
    from xmmpy.selection.schema import CelestialFrame

_IMAGE_TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_GTI_COLUMNS = frozenset({"START", "STOP"})


class TaskBlockFiles:
    """Blocks for `xmmpy.selection.compile_selection`, read from disk.

    Parameters
    ----------
    current : str
        File of the table at hand, for specifications that name none.
    celestial : CelestialFrame, optional
        Projection of its sky columns, for region files in celestial coordinates.
    """

    def __init__(self, current: str, celestial: CelestialFrame | None = None) -> None:
        self._current = current
        self._celestial = celestial

    def gti(self, block: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """START and STOP of a GTI table, s."""
        intervals = self.intervals(block)
        return intervals.start, intervals.stop

    def intervals(self, block: str) -> Intervals:
        """Intervals of a GTI table; without an extension, the first one that has START and STOP.

        Raises
        ------
        FileProblem
            When there is none.
        """
        path, name = self._place(block)
        with FitsFile(path) as file:
            if name:
                return intervals_of(table_of(file, file.find(name)))
            for hdu in file.hdus:
                if hdu.is_table and hdu.column_numbers.keys() >= _GTI_COLUMNS:
                    return intervals_of(table_of(file, hdu))
        raise FileProblem(path, "holds no table with the columns START and STOP", "name a GTI file")

    def mask(self, block: str) -> MaskImage:
        """A mask image: the named block, or the first one that is an image.

        Raises
        ------
        FileProblem
            When there is none.
        """
        from xmmpy.selection.blocks import MaskImage

        path, name = self._place(block)
        with FitsFile(path) as file:
            candidates = [file.find(name)] if name else list(file.hdus)
            for hdu in candidates:
                axes = [hdu.value(f"NAXIS{n}") for n in range(1, int(hdu.value("NAXIS", 0)) + 1)]
                if hdu.kind != "IMAGE" or len(axes) != 2 or not all(axes):
                    continue
                stored = np.frombuffer(file.read(hdu), _IMAGE_TYPES[int(hdu.value("BITPIX"))])
                data = stored.reshape(axes[1], axes[0]).astype(stored.dtype.newbyteorder("="))
                if "LTM1_1" in hdu.header:
                    return MaskImage(data, *_physical_axes(hdu))
                return MaskImage(data, *_world_axes(hdu))
        raise FileProblem(path, "holds no two-dimensional image", "name a mask")

    def region(self, block: str) -> RegionTable:
        """Figures of a FITS region table, or of a DS9 or ASCII region file.

        Raises
        ------
        FileProblem
            When the file holds no regions.
        """
        from xmmpy.selection.ds9 import parse_region_file
        from xmmpy.selection.regions import region_table

        path, name = self._place(block)
        if Path(path).is_file() and not _is_fits(path):
            text = Path(path).read_text(encoding="utf-8", errors="replace")
            try:
                return parse_region_file(text, celestial=self._celestial, source=path)
            except ValueError as error:
                raise FileProblem(path, f"is no region file ({error})", "write it in DS9's format") from None
        with FitsFile(path) as file:
            tables = [hdu for hdu in file.hdus if hdu.is_table and "SHAPE" in hdu.column_numbers]
            if name or not tables:
                tables = [file.find(name)]
            table = table_of(file, tables[0])
        pair = str(table.header.get("MFORM1", "X,Y")).split(",")
        try:
            return region_table(table.columns, (pair[0].strip(), pair[-1].strip()), f"{path}:{table.name}")
        except (ValueError, KeyError) as error:
            raise FileProblem(path, f"has a damaged region table {table.name} ({error})", "make it again") from None

    def _place(self, block: str) -> tuple[str, str]:
        text = block.strip()
        if re.match(r"[:+]|\[", text):
            return self._current, text.strip("[]:+ ")
        path, name = split_block(text)
        return path or self._current, name


def _is_fits(path: str) -> bool:
    with Path(path).open("rb") as stream:
        return stream.read(2) in {b"SI", b"\x1f\x8b"}


def _world_axes(hdu: Hdu) -> tuple[tuple[float, float], ...]:
    keys = (("CRPIX", 1.0), ("CRVAL", 0.0), ("CDELT", 1.0))
    return tuple((_number(hdu, f"{key}1", default), _number(hdu, f"{key}2", default)) for key, default in keys)


def _physical_axes(hdu: Hdu) -> tuple[tuple[float, float], ...]:
    """Axes in the columns that an image was made of: pixel = LTM * column + LTV."""
    scale = (_number(hdu, "LTM1_1", 1.0) or 1.0, _number(hdu, "LTM2_2", 1.0) or 1.0)
    offset = (_number(hdu, "LTV1", 0.0), _number(hdu, "LTV2", 0.0))
    return offset, (0.0, 0.0), (1.0 / scale[0], 1.0 / scale[1])


def _number(hdu: Hdu, keyword: str, default: float) -> float:
    value: Any = hdu.value(keyword, default)
    return float(value) if isinstance(value, int | float) else default
