"""Headers of evselect's products: what is taken over from the list and what is said of the selection."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xmmpy.products.gti import gti_hdu
from xmmpy.products.history import Provenance, card_of, record_creation
from xmmpy.selection.dataspace import DataSpace, Figures, GoodTimes, RegionRow
from xmmpy.selection.keywords import dataspace_cards

if TYPE_CHECKING:
    from collections.abc import Iterable

    from astropy.io.fits import BinTableHDU, Header

    from xmmpy.tasks.catalogue.evselect.source import EventSource

_STRUCTURE = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT|TFIELDS|XPROC\d+|XDAL\d+|CREATOR|DATE|HISTORY|COMMENT"
    r"|CHECKSUM|DATASUM|CONTINUE|BLANK|BSCALE|BZERO|"
)
TIME_ORDER = ("TIMESYS", "TIMEUNIT", "TIMEREF", "TASSIGN", "CLOCKAPP", "MJDREF")


def product_primary(source: EventSource, provenance: Provenance) -> Header:
    """Primary header of a product: the keywords of the list's, and how the product was made."""
    from astropy.io import fits

    header = fits.Header()
    header["EXTEND"] = (True, "FITS dataset may contain extensions")
    for card in source.primary.cards:
        if not _STRUCTURE.fullmatch(card.keyword) and card.keyword not in header:
            header.append(fits.Card(card.keyword, card.value, card.comment), end=True)
    record_creation(header, provenance)
    del header["EXTEND"]
    return header


def copy_keywords(source: EventSource, target: Header, keywords: Iterable[str]) -> None:
    """Copy keywords from the list's table or primary header, where they are there."""
    for keyword in keywords:
        for header in (source.header, source.primary):
            if keyword in header:
                target[keyword] = (header[keyword], header.comments[keyword])
                break


def add_dataspace(header: Header, space: DataSpace) -> None:
    """Append the data subspace keywords.

    Raises
    ------
    ValueError
        When there are too many components for keywords.
    """
    for keyword, value, comment in dataspace_cards(space):
        header.append(card_of(keyword, value, comment), end=True)


def table_hdus(source: EventSource, space: DataSpace) -> list[BinTableHDU]:
    """Extensions for the tables of a data subspace; those of the list are copied as they are."""
    from astropy.io import fits

    by_name = {hdu.name: hdu for hdu in source.file.hdus}
    hdus = []
    ccds = _ccd_of_tables(space)
    for name, value in space.tables.items():
        if name in by_name and value in source.space.tables.values():
            raw = by_name[name].raw_header + source.file.read(by_name[name])
            padding = b"\0" * (-len(raw) % 2880)
            hdus.append(fits.BinTableHDU.fromstring(raw + padding))
        elif isinstance(value, GoodTimes):
            hdus.append(gti_hdu(value.intervals, name, times=source.header, ccd=ccds.get(name)))
        elif isinstance(value, Figures):
            hdus.append(region_hdu(value.rows, name, _pair_of(space, name)))
    return hdus


def region_hdu(rows: tuple[RegionRow, ...], name: str, pair: tuple[str, str]) -> BinTableHDU:
    """Make a region extension with the columns SHAPE, X, Y, R, ROTANG and COMPONENT, as SAS writes it."""
    from astropy.io import fits
    import numpy as np

    def vector(values: list[tuple[float, ...]]) -> tuple[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        length = max((len(value) for value in values), default=1) or 1
        array = np.array([[*value, *[0.0] * (length - len(value))] for value in values], np.float32)
        return ("E", array[:, 0]) if length == 1 else (f"{length}E", array)

    shapes = [("!" if row.excluded else "") + row.shape for row in rows]
    columns = [fits.Column("SHAPE", "16A", array=shapes)]
    parts = {pair[0]: [row.x for row in rows], pair[1]: [row.y for row in rows]}
    if any(row.size for row in rows):
        parts["R"] = [row.size for row in rows]
    if any(row.angle for row in rows):
        parts["ROTANG"] = [row.angle for row in rows]
    for column, values in parts.items():
        form, array = vector(values)
        columns.append(fits.Column(column, form, array=array))
    columns.append(fits.Column("COMPONENT", "B", array=[row.component for row in rows]))
    hdu = fits.BinTableHDU.from_columns(columns)
    comments = {"SHAPE": "shape of element", "R": "radius vector", "ROTANG": "rotation angle vector",
                "COMPONENT": "component number that shape belongs to",
                pair[0]: "x-coordinate vector", pair[1]: "y-coordinate vector"}  # fmt: skip
    for number, column in enumerate(hdu.columns.names, 1):
        hdu.header.comments[f"TTYPE{number}"] = comments[column]
    hdu.header["EXTNAME"] = (name, "The name of this table")
    hdu.header["HDUCLASS"] = "ASC"
    hdu.header["HDUCLAS1"] = "REGION"
    hdu.header["HDUCLAS2"] = "STANDARD"
    hdu.header["MTYPE1"] = "pos"
    hdu.header["MFORM1"] = f"{pair[0]},{pair[1]}"
    return hdu


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
            if name.upper() == "CCDNR" and not isinstance(value, GoodTimes | Figures) and hasattr(value, "single_value"):
                ccd = value.single_value()
        for value in component:
            if isinstance(value, GoodTimes) and ccd is not None:
                found.setdefault(value.table, ccd)
    return found
