"""A list written again with new X,Y and the keywords that go with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.events.coordinates import NULL_PIXEL, UNIT_DEG
from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import BLOCK
from xmmpy.products.header import Header
from xmmpy.products.history import mark_modified
from xmmpy.products.tables import iterate_chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.events.coordinates import TangentPlane
    from xmmpy.products.files import FitsFile, Hdu
    from xmmpy.products.header import Value
    from xmmpy.products.tables import Column, TableLayout
    from xmmpy.tasks.catalogue.attcalc.attitude import Pointing
    from xmmpy.tasks.catalogue.attcalc.parameters import AttcalcParameters
    from xmmpy.tasks.session import Session

PIXELS: Final = ("X", "Y")
_COLUMN_CARD = re.compile(r"T(TYPE|FORM|UNIT|NULL|LMIN|LMAX|DMIN|DMAX|CRPX|CTYP|CRVL|CDLT|CUNI)\d+")


def plane_entries(
    plane: TangentPlane, pointing: Pointing, x: NDArray[np.int32], y: NDArray[np.int32]
) -> list[tuple[str, Value, str]]:
    """Keywords for images and the pointing, as in the headers of real lists."""
    last = 2 * (round(plane.centre) - 1)
    entries: list[tuple[str, Value, str]] = [
        ("EQUINOX", 2000.0, "Equinox for sky coordinate x/y axes"),
        ("RADECSYS", "FK5", "World coord. system for this file"),
    ]
    axes = (("X", "RA---TAN", "RA", plane.ra, -UNIT_DEG, x), ("Y", "DEC--TAN", "DEC", plane.dec, UNIT_DEG, y))
    for axis, kind, word, value, step, pixels in axes:
        placed = pixels[pixels != NULL_PIXEL]
        legal = f"legal QPOE projected image {axis} axis value"
        entries += [
            (f"REF{axis}CTYP", kind, f"WCS Coord. type: {word} tangent plane projection"),
            (f"REF{axis}CRPX", round(plane.centre), "WCS axis reference pixel of projected image"),
            (f"REF{axis}CRVL", value, f"[deg] WCS coord. at {axis} axis ref. pixel"),
            (f"REF{axis}CDLT", step, f"[deg/pix] WCS {axis} increment at ref. pixel"),
            (f"REF{axis}LMIN", 1, f"WCS minimum {legal}"),
            (f"REF{axis}LMAX", last, f"WCS maximum {legal}"),
        ]
        if placed.size:
            range_of = f"projected image {axis} axis data value"
            entries += [
                (f"REF{axis}DMIN", int(placed.min()), f"WCS minimum {range_of}"),
                (f"REF{axis}DMAX", int(placed.max()), f"WCS maximum {range_of}"),
            ]
        entries.append((f"REF{axis}CUNI", "deg", f"WCS Physical units of {axis} axis"))
    words = pointing.average.lower()
    return [
        *entries,
        ("AVRG_PNT", pointing.average, "Meaning of PNT values (mean or median)"),
        ("RA_PNT", pointing.ra, f"[deg] Actual ({words}) pointing RA of the spacecraft"),
        ("DEC_PNT", pointing.dec, f"[deg] Actual ({words}) pointing Dec of the spacecraft"),
        ("PA_PNT", pointing.position_angle, f"[deg] Actual ({words}) measured position angle"),
    ]


def _column_entries(
    number: int, axis: str, plane: TangentPlane, pixels: NDArray[np.int32]
) -> list[tuple[str, Value, str]]:
    """Keywords of column X or Y."""
    kind, value, step = ("RA---TAN", plane.ra, -UNIT_DEG) if axis == "X" else ("DEC--TAN", plane.dec, UNIT_DEG)
    placed = pixels[pixels != NULL_PIXEL]
    legal, actual = f"legal QPOE projected image {axis} axis value", f"projected image {axis} axis data value"
    measured: list[tuple[str, Value, str]] = []
    if placed.size:
        measured = [
            (f"TDMIN{number}", int(placed.min()), f"minimum {actual}"),
            (f"TDMAX{number}", int(placed.max()), f"maximum {actual}"),
        ]
    return [
        (f"TLMIN{number}", 1.0, f"minimum {legal}"),
        (f"TLMAX{number}", 2.0 * (round(plane.centre) - 1), f"maximum {legal}"),
        *measured,
        (f"TCRPX{number}", round(plane.centre), "axis reference pixel of projected image"),
        (f"TCTYP{number}", kind, f"Coord. type: {kind[:3].rstrip('-')} tangent plane projection"),
        (f"TCRVL{number}", value, f"[deg] coord. at {axis} axis ref. pixel"),
        (f"TCDLT{number}", step, f"[deg/pix] {axis} increment at ref. pixel"),
        (f"TCUNI{number}", "deg", f"Physical units of {axis} axis"),
    ]


def write_list(
    p: AttcalcParameters,
    session: Session,
    file: FitsFile,
    hdu: Hdu,
    layout: TableLayout,
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    plane: TangentPlane,
    entries: list[tuple[str, Value, str]],
) -> None:
    """Write the list under a temporary name, all other blocks byte for byte, and give it its name."""
    primary = Header.parse(file.hdus[0].raw_header)
    header = Header.parse(hdu.raw_header)
    new = [name for name in PIXELS if layout.find(name) is None]
    numbers = _add_columns(header, layout, new)
    for changed in (primary, header):
        if not (x != NULL_PIXEL).any():
            changed.remove(re.compile(r"REF[XY]D(MIN|MAX)\Z").match)
        for entry in entries:
            changed.set(*entry)
    for name, pixels in zip(PIXELS, (x, y), strict=True):
        number = numbers[name]
        if not (pixels != NULL_PIXEL).any():
            header.remove(re.compile(rf"TD(MIN|MAX){number}\Z").match)
        column = layout.find(name)
        if (column is None or column.dtype.kind in "iu") and f"TNULL{number}" not in header:
            header.set(f"TNULL{number}", NULL_PIXEL, "Null value of the column")
        for entry in _column_entries(number, name, plane, pixels):
            header.set(*entry)
    mark_modified(primary, session.provenance(p))
    primary.add_history(f"Source of reference point information: {p.refpointlabel.upper()}")
    primary.add_history(f"Source of attitude information: {p.attitudelabel.upper()}")
    try:
        with atomic_path(file.path) as temporary, temporary.open("wb") as target:
            for block in file.hdus:
                if block.index == 0:
                    file.copy(block, target, primary.to_bytes())
                elif block is not hdu:
                    file.copy(block, target)
                else:
                    target.write(header.to_bytes())
                    written = _write_rows(file, hdu, layout, new, (x, y), target)
                    target.write(b"\0" * (-written % BLOCK))
    except OSError as error:
        problem = f"cannot be written ({error.strerror or error})"
        raise FileProblem(file.path, problem, "check the folder and the free space") from None


def _add_columns(header: Header, layout: TableLayout, new: list[str]) -> dict[str, int]:
    """Announce the columns that the list lacks; gives the numbers of X and Y."""
    numbers = {name: column.number for name in PIXELS if (column := layout.find(name)) is not None}
    for name in new:
        number = len(layout.columns) + 1 + new.index(name)
        numbers[name] = number
        place = max((at + 1 for at, key in enumerate(header) if _COLUMN_CARD.fullmatch(key)), default=len(header))
        cards = ((f"TTYPE{number}", name, ""), (f"TFORM{number}", "J", ""), (f"TUNIT{number}", "0.05 arcsec", ""))
        for offset, card in enumerate(cards):
            header.insert(place + offset, *card)
    if new:
        header.set("NAXIS1", layout.width + 4 * len(new))
        header.set("TFIELDS", len(layout.columns) + len(new))
    return numbers


def _write_rows(
    file: FitsFile,
    hdu: Hdu,
    layout: TableLayout,
    new: list[str],
    pixels: tuple[NDArray[np.int32], NDArray[np.int32]],
    target: Any,
) -> int:
    """Write all rows with their new X and Y; gives the number of bytes."""
    written = 0
    added = np.dtype([("old", np.void, layout.width), *((name, ">i4") for name in new)])
    for chunk in iterate_chunks(file, hdu, layout):
        part = slice(chunk.first_row, chunk.first_row + len(chunk))
        rows = chunk.rows.copy()
        wider = np.empty(len(rows), added)
        for name, values in zip(PIXELS, pixels, strict=True):
            column = layout.find(name)
            if column is None:
                wider[name] = values[part]
            else:
                rows[f"c{column.number}"] = _stored(values[part], column)
        wider["old"] = rows.view(np.dtype((np.void, layout.width)))
        target.write(wider.tobytes())
        written += wider.nbytes
    return written


def _stored(values: NDArray[np.int32], column: Column) -> NDArray[Any]:
    """Bring X or Y to the type that the list has for it."""
    if column.dtype.kind == "f":
        return np.where(values == NULL_PIXEL, np.nan, values)
    null = NULL_PIXEL if column.null is None else column.null
    return np.where(values == NULL_PIXEL, null, values)
