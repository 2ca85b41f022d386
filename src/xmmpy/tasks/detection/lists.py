"""What a source list says beside its rows: keywords, units, the size of its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.detection.summaryrows import in_double
from xmmpy.products.files import FitsFile, split_block

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from xmmpy.products.sourcelists import SourceList


def list_cards(name: str, source_list: SourceList) -> tuple[dict[str, Any], dict[str, str]]:
    """Values and comments of the keywords of a list, those of its table before those of its primary header."""
    with FitsFile(split_block(name)[0]) as file:
        headers = (file.hdus[0].header, source_list.header)
        values = {key: header[key] for header in headers for key in header if key}
        comments = {key: header.comments[key] for header in headers for key in header if key}
    return values, comments


def unit_of(source_list: SourceList, name: str) -> str:
    """TUNIT of a column; an empty text where it has none."""
    header = source_list.header
    numbers = range(1, int(header["TFIELDS"]) + 1)
    number = next((n for n in numbers if str(header.get(f"TTYPE{n}", "")).strip().upper() == name), None)
    return "" if number is None else str(header.get(f"TUNIT{number}", "")).strip()


def columns_in_arcmin(source_list: SourceList) -> dict[str, NDArray[Any]]:
    """Columns with OFFAX in arcmin, the unit of summary lists; emldetect has written both arcsec and arcmin."""
    columns = dict(source_list.columns)
    if "OFFAX" in columns and unit_of(source_list, "OFFAX").lower() == "arcsec":
        columns["OFFAX"] = in_double(columns["OFFAX"]) / 60.0
    return columns


def pixel_arcsec(columns: Mapping[str, NDArray[Any]]) -> float | None:
    """Side of an image pixel, from the position errors in arcsec and in pixels; None where no source has both."""
    if not {"RADEC_ERR", "X_IMA_ERR", "Y_IMA_ERR"} <= set(columns):
        return None
    pixels = np.hypot(in_double(columns["X_IMA_ERR"]), in_double(columns["Y_IMA_ERR"]))
    arcsec = in_double(columns["RADEC_ERR"])
    known = (pixels > 0.0) & (arcsec > 0.0)
    return round(float(np.median(arcsec[known] / pixels[known])), 4) if known.any() else None
