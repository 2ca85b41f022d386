"""The page that srcmatch writes beside the summary list: a table of the sources."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.detection.skynames import iau_names
from xmmpy.odf.sexagesimal import from_degrees
from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_STYLE: Final = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15em .7em; text-align: right; white-space: nowrap; }
th { position: sticky; top: 0; background: #fff; border-bottom: 1px solid #888; }
tr:nth-child(even) td { background: #f4f4f4; }
"""


def write_page(path: Path, values: Mapping[str, NDArray[Any]], keywords: Mapping[str, Any]) -> None:
    """Write the table of the sources as HTML.

    Parameters
    ----------
    path : Path
        The page; replaced when complete.
    values : mapping of str to ndarray
        Columns of the summary list.
    keywords : mapping
        Of the observation: OBS_ID, OBJECT, DATE-OBS.
    """
    title = " ".join(
        [
            "EPIC sources",
            *(str(keywords[name]).strip() for name in ("OBS_ID", "OBJECT", "DATE-OBS") if name in keywords),
        ]
    )
    columns = _columns(values)
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
        for cells in zip(*columns.values(), strict=True)
    )
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    text = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n{table}\n</body>\n</html>\n"
    )
    try:
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileProblem(path, f"cannot be written ({error.strerror or error})", "check the folder") from None


def _columns(values: Mapping[str, NDArray[Any]]) -> dict[str, list[str]]:
    ra, dec = values["RA"], values["DEC"]
    shown = {
        "source": [str(number) for number in values["SRC_NUM"]],
        "name": iau_names(ra, dec),
        "RA (J2000)": [from_degrees(float(one), hours=True, digits=2) for one in ra],
        "Dec": [from_degrees(float(one), hours=False, digits=1) for one in dec],
        "error (arcsec)": _texts(values["RADEC_ERR"], "{:.2f}".format),
        "likelihood": _texts(values["EP_DET_ML"], "{:.1f}".format),
        "rate (1/s)": _texts(values["EP_TOT"], "{:.3e}".format, values["EP_TOT_ERR"]),
        "flux (erg/cm2/s)": _texts(values["EP_TOT_FLUX"], "{:.2e}".format, values["ERR_EP_TOT_FLUX"]),
    }
    for camera in ("PN", "M1", "M2"):
        shown[f"{camera} counts"] = _texts(values[f"{camera}_CTS"], "{:.1f}".format, values[f"{camera}_CTS_ERR"])
    for number in range(1, 5):
        name = f"EP_HR{number}"
        shown[f"HR{number}"] = _texts(values[name], "{:.2f}".format, values[f"{name}_ERR"])
    shown["extent"] = _texts(values["EP_EXTENT"], "{:.2f}".format, values["EP_EXT_ERR"])
    shown["extent likelihood"] = _texts(values["EP_EXT_ML"], "{:.1f}".format)
    return shown


def _texts(values: NDArray[Any], form: Callable[[float], str], errors: NDArray[Any] | None = None) -> list[str]:
    """Write numbers, with their errors where there are; nothing for what is missing."""
    spreads = np.full(len(values), np.nan) if errors is None else errors
    return [
        ""
        if np.isnan(value)
        else form(value)
        if np.isnan(spread)
        else f"{form(value)} \N{PLUS-MINUS SIGN} {form(spread)}"
        for value, spread in zip(values, spreads, strict=True)
    ]
