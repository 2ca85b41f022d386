"""Say in words what is in a FITS file."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.products.tables import table_layout
from xmmpy.report.kinds import kind_of
from xmmpy.report.numbers import duration, percent, sexagesimal_dec, sexagesimal_ra
from xmmpy.report.subspace import subspace_words

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from xmmpy.products.files import Hdu
    from xmmpy.products.tables import Column

_TYPE_NAMES = {"i": "integer", "u": "integer", "f": "real", "S": "text", "V": "none", "c": "complex"}


@dataclass(frozen=True, slots=True)
class ColumnDescription:
    """A column: its name, type (``integer, 2 bytes``), unit, the range its header gives, and its comment."""

    name: str
    type: str
    unit: str
    range: str
    comment: str


@dataclass(frozen=True, slots=True)
class CcdExposure:
    """Seconds for which a CCD was on and live; None where the header does not tell."""

    ccd: int
    ontime: float | None
    livetime: float | None


@dataclass(frozen=True, slots=True)
class BlockDescription:
    """A block: number, name, and what it is."""

    index: int
    name: str
    content: str


@dataclass(frozen=True, slots=True)
class FileDescription:
    """What is in a file.

    Attributes
    ----------
    path : str
        The file.
    kind : str
        Event list, image, rate curve ...
    main : str
        The block that makes it so.
    facts : tuple of (str, str)
        Telescope, target, times ... in the order in which they are shown.
    columns : tuple of ColumnDescription
        Columns of the main block, if it is a table.
    ccds : tuple of CcdExposure
        Exposure of each CCD.
    selections : tuple of str
        Data subspace of the main block, in words.
    calls : tuple of str
        The task calls that made the file, the last one first (XPROC0, XPROC1 ...).
    blocks : tuple of BlockDescription
        All blocks.
    """

    path: str
    kind: str
    main: str
    facts: tuple[tuple[str, str], ...]
    columns: tuple[ColumnDescription, ...]
    ccds: tuple[CcdExposure, ...]
    selections: tuple[str, ...]
    calls: tuple[str, ...]
    blocks: tuple[BlockDescription, ...]


def describe_file(path: str | os.PathLike[str]) -> FileDescription:
    """Describe a file from its headers (and the GTIs they refer to).

    Parameters
    ----------
    path : path-like
        A FITS file, gzipped or not.

    Raises
    ------
    FileProblem
        When it cannot be read.
    """
    with FitsFile(path) as file:
        kind, main = kind_of(file)
        headers = (main, file.hdus[0])
        facts = _content(main) + _observation(headers) + _times(headers) + _origin(headers)
        return FileDescription(
            path=str(path),
            kind=kind,
            main=main.name,
            facts=tuple((label, text) for label, text in facts if text),
            columns=tuple(_columns(main)) if main.is_table else (),
            ccds=tuple(_ccds(main) or _ccds(file.hdus[0])),
            selections=subspace_words(file, main),
            calls=tuple(_calls(headers)),
            blocks=tuple(BlockDescription(hdu.index, hdu.name, _block_words(hdu)) for hdu in file.hdus),
        )


def keyword_values(path: str | os.PathLike[str], keyword: str) -> list[tuple[str, Any, str]]:
    """Find a keyword in every block that has it: block, value, comment.

    Raises
    ------
    FileProblem
        When the file cannot be read, or no block has the keyword.
    """
    wanted = keyword.strip().upper()
    with FitsFile(path) as file:
        found = [
            (hdu.name or str(hdu.index), hdu.header[wanted], hdu.header.comments[wanted])
            for hdu in file.hdus
            if wanted in hdu.header
        ]
    if not found:
        raise FileProblem(path, f"has no keyword {wanted} in any block", "leave --keyword out to see its blocks")
    return found


def _first(headers: Sequence[Hdu], *keywords: str) -> Any:
    """Value of the first keyword that a block has; commentary and undefined values count as none."""
    for keyword in keywords:
        for hdu in headers:
            value = hdu.value(keyword)
            if isinstance(value, (str, int, float)) and str(value).strip():
                return value.strip() if isinstance(value, str) else value
    return None


def _number(headers: Sequence[Hdu], *keywords: str) -> float | None:
    value = _first(headers, *keywords)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _text(headers: Sequence[Hdu], *keywords: str) -> str:
    value = _first(headers, *keywords)
    return "" if value is None else str(value)


def _content(main: Hdu) -> list[tuple[str, str]]:
    if main.is_table:
        rows, columns = main.value("NAXIS2", 0), main.value("TFIELDS", 0)
        return [("Content", f"{rows} rows of {columns} columns in {main.name}")]
    return [("Content", _block_words(main))] if main.data_size else []


def _observation(headers: Sequence[Hdu]) -> list[tuple[str, str]]:
    mode = ", ".join(word for word in (_text(headers, "SUBMODE"), _text(headers, "DATAMODE")) if word)
    ra, dec = _number(headers, "RA_PNT", "RA_NOM"), _number(headers, "DEC_PNT", "DEC_NOM")
    pointing = "" if ra is None or dec is None else f"{sexagesimal_ra(ra)}, {sexagesimal_dec(dec)}"
    angle = _number(headers, "PA_PNT")
    if pointing and angle is not None:
        pointing += f", position angle {angle:.2f} deg"
    revolution = _text(headers, "REVOLUT")
    observation = _text(headers, "OBS_ID")
    return [
        (
            "Telescope",
            " ".join(word for word in (_text(headers, "TELESCOP"), _text(headers, "INSTRUME")) if word),
        ),
        ("Target", _text(headers, "OBJECT")),
        ("Observer", _text(headers, "OBSERVER")),
        ("Observation", observation + (f" (revolution {revolution})" if observation and revolution else "")),
        ("Exposure", _text(headers, "EXPIDSTR", "EXP_ID")),
        ("Filter", _text(headers, "FILTER")),
        ("Mode", mode),
        ("Pointing", pointing),
        ("Grid", _grid(headers[0])),
    ]


def _grid(main: Hdu) -> str:
    """Axes of an image: what they are and how large a pixel is."""
    if main.is_table or not main.data_size:
        return ""
    kinds = [_text([main], f"CTYPE{axis}") for axis in (1, 2)]
    size = _number([main], "CDELT2", "CD2_2")
    if not all(kinds) or size is None:
        return ", ".join(kind for kind in kinds if kind)
    sky = kinds[0].startswith(("RA", "DEC", "GLON", "ELON"))
    shown = f"{abs(size) * 3600:.4g} arcsec" if sky else f"{abs(size):g} {_text([main], 'CUNIT2')}".strip()
    physical = _number([main], "CDELT2L")
    units = f" ({physical:g} units of {_text([main], 'CTYPE2L') or 'the axis'})" if physical is not None and sky else ""
    return f"{kinds[0]}, {kinds[1]}; pixels of {shown}{units}"


def _times(headers: Sequence[Hdu]) -> list[tuple[str, str]]:
    start, stop = _number(headers, "TSTART"), _number(headers, "TSTOP")
    span = "" if start is None or stop is None else f"{start:.3f} to {stop:.3f} s ({duration(stop - start)})"
    begin, end = _text(headers, "DATE-OBS", "DATE_OBS"), _text(headers, "DATE-END", "DATE_END")
    dates = " to ".join(date for date in (begin, end) if date)
    system = _text(headers, "TIMESYS")
    bin_size = _number(headers, "TIMEDEL")
    rows = [("Dates", dates), ("Mission time", span + (f", {system}" if span and system else ""))]
    for label, keyword in (("Exposure time", "EXPOSURE"), ("Live time", "LIVETIME"), ("On time", "ONTIME")):
        seconds = _number(headers, keyword)
        rows.append((label, "" if seconds is None else duration(seconds)))
    rows.append(("Bins", "" if bin_size is None else f"{bin_size:g} s"))
    return rows


def _origin(headers: Sequence[Hdu]) -> list[tuple[str, str]]:
    return [("Made by", _text(headers, "CREATOR")), ("Made on", _text(headers, "DATE"))]


def _columns(hdu: Hdu) -> list[ColumnDescription]:
    return [_column(hdu, column) for column in table_layout(hdu).columns]


def _column(hdu: Hdu, column: Column) -> ColumnDescription:
    n = column.number
    base = column.dtype.base
    form = str(hdu.value(f"TFORM{n}", ""))
    if "P" in form or "Q" in form:
        kind = "list"
    elif base.kind == "S":
        kind = "logical" if form.strip().endswith("L") else f"text, {base.itemsize} bytes"
    else:
        kind = f"{_TYPE_NAMES.get(base.kind, base.kind)}, {base.itemsize} bytes"
    shape = column.dtype.shape
    if shape and kind != "list":
        kind += " x " + " x ".join(str(length) for length in shape)
    low, high = _first([hdu], f"TLMIN{n}", f"TDMIN{n}"), _first([hdu], f"TLMAX{n}", f"TDMAX{n}")
    limits = "" if low is None or high is None else f"{low} to {high}"
    comment = hdu.header.comments[f"TTYPE{n}"] if f"TTYPE{n}" in hdu.header else ""
    return ColumnDescription(column.name, kind, column.unit, limits, comment)


def _ccds(hdu: Hdu) -> list[CcdExposure]:
    numbers = sorted(
        {int(match[2]) for key in hdu.header if (match := re.fullmatch(r"(ONTIME|LIVETI)(\d\d)", key)) is not None}
    )
    return [CcdExposure(n, _number([hdu], f"ONTIME{n:02d}"), _number([hdu], f"LIVETI{n:02d}")) for n in numbers]


def _calls(headers: Sequence[Hdu]) -> list[str]:
    """XPROC0, XPROC1 ... of the primary header, or of the main block where it has none there."""
    for hdu in reversed(headers):
        calls: list[str] = []
        while isinstance(call := hdu.value(f"XPROC{len(calls)}"), str):
            calls.append(call)
        if calls:
            return calls
    return []


def _block_words(hdu: Hdu) -> str:
    if hdu.is_table:
        return f"table, {hdu.value('NAXIS2', 0)} rows of {hdu.value('TFIELDS', 0)} columns"
    axes = [str(hdu.header[key]) for key in hdu.header if re.fullmatch(r"NAXIS\d+", key)]
    if not hdu.data_size:
        return "no data"
    bits = _number([hdu], "BITPIX") or 0
    kind = "real" if bits < 0 else "integer"
    return f"image, {' x '.join(axes)} pixels, {kind} of {abs(bits) / 8:g} bytes"


def live_share(ccd: CcdExposure) -> str:
    """Share of the time for which a CCD was on that it was live."""
    if ccd.ontime is None or ccd.livetime is None:
        return ""
    return percent(ccd.livetime, ccd.ontime)
