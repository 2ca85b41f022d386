"""Headers of evselect's products: what is taken over from the list and what is said of the selection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xmmpy.products.blocks import Block, NewColumn, table_block
from xmmpy.products.gti import gti_block
from xmmpy.products.header import Header
from xmmpy.products.history import Provenance, creation_entries, is_made_anew
from xmmpy.selection.dataspace import DataSpace, Figures, GoodTimes, RegionRow
from xmmpy.selection.keywords import dataspace_cards
from xmmpy.selection.ranges import Ranges

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xmmpy.tasks.catalogue.evselect.source import EventSource

TIME_ORDER = ("TIMESYS", "TIMEUNIT", "TIMEREF", "TASSIGN", "CLOCKAPP", "MJDREF")


def product_primary(source: EventSource, provenance: Provenance) -> Header:
    """Keywords of a product's primary header: those of the list's, and how the product was made."""
    header = Header(creation_entries(provenance))
    header.extend(source.primary, leave_out=is_made_anew)
    header.add_history(f"Created by {provenance.signature} at {provenance.stamp[:19]}")
    return header


def copy_keywords(source: EventSource, target: Header, keywords: Iterable[str]) -> None:
    """Copy keywords from the list's table or primary header, where they are there."""
    for keyword in keywords:
        if not target.copy_card(source.header, keyword):
            target.copy_card(source.primary, keyword)


def add_dataspace(header: Header, space: DataSpace) -> None:
    """Append the data subspace keywords.

    Raises
    ------
    ValueError
        When there are too many components for keywords.
    """
    for entry in dataspace_cards(space):
        header.append(*entry)


def table_blocks(source: EventSource, space: DataSpace) -> list[Block]:
    """Extensions for the tables of a data subspace; those of the list are copied as they are."""
    by_name = {hdu.name: hdu for hdu in source.file.hdus}
    old = source.space.tables
    ccds = _ccd_of_tables(space)
    blocks = []
    for name, value in space.tables.items():
        if name in by_name and old.get(name) is value:
            blocks.append(Block(by_name[name].raw_header, source.file.read(by_name[name]), name))
        elif isinstance(value, GoodTimes):
            blocks.append(gti_block(value.intervals, name, times=source.header, ccd=ccds.get(name)))
        elif isinstance(value, Figures):
            blocks.append(region_block(value.rows, name, _pair_of(space, name)))
    return blocks


def region_block(rows: tuple[RegionRow, ...], name: str, pair: tuple[str, str]) -> Block:
    """Make a region extension with the columns SHAPE, X, Y, R, ROTANG and COMPONENT, as SAS writes it."""

    def vector(column: str, values: list[tuple[float, ...]], comment: str) -> NewColumn:
        length = max((len(value) for value in values), default=1) or 1
        array = np.array([[*value, *[0.0] * (length - len(value))] for value in values], np.float32)
        return NewColumn(
            column, "E" if length == 1 else f"{length}E", array[:, 0] if length == 1 else array, "", comment
        )

    shapes = np.array([("!" if row.excluded else "") + row.shape for row in rows], "S16")
    columns = [
        NewColumn("SHAPE", "16A", shapes, "", "shape of element"),
        vector(pair[0], [row.x for row in rows], "x-coordinate vector"),
        vector(pair[1], [row.y for row in rows], "y-coordinate vector"),
    ]
    if any(row.size for row in rows):
        columns.append(vector("R", [row.size for row in rows], "radius vector"))
    if any(row.angle for row in rows):
        columns.append(vector("ROTANG", [row.angle for row in rows], "rotation angle vector"))
    components = np.array([row.component for row in rows], np.uint8)
    columns.append(NewColumn("COMPONENT", "B", components, "", "component number that shape belongs to"))
    entries = Header([("HDUCLASS", "ASC", ""), ("HDUCLAS1", "REGION", ""), ("HDUCLAS2", "STANDARD", "")])
    entries.append("MTYPE1", "pos")
    entries.append("MFORM1", f"{pair[0]},{pair[1]}")
    return table_block(columns, name, entries)


def _pair_of(space: DataSpace, table: str) -> tuple[str, str]:
    for component in space.components:
        for name, value in zip(space.names, component, strict=True):
            if isinstance(value, Figures) and value.table == table:
                x, _, y = name[name.index("(") + 1 : name.index(")")].partition(",")
                return x, y
    return "X", "Y"


def _ccd_of_tables(space: DataSpace) -> dict[str, int]:
    """CCD whose component refers to a table, where it is one."""
    found: dict[str, int] = {}
    for component in space.components:
        ccd = None
        for name, value in zip(space.names, component, strict=True):
            if name.upper() == "CCDNR" and isinstance(value, Ranges):
                ccd = value.single_value()
        for value in component:
            if isinstance(value, GoodTimes) and ccd is not None:
                found.setdefault(value.table, ccd)
    return found
