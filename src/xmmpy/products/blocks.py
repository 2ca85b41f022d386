"""Blocks of a FITS file as bytes: tables and images made here, or taken over from another file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem
from xmmpy.products.header import BLOCK, Header

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BITPIX = {"u1": 8, "i2": 16, "i4": 32, "i8": 64, "f4": -32, "f8": -64}
_FORMS = {"L": "S1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_FORM_WORDS = {
    "B": "BYTE", "I": "2-byte INTEGER", "J": "4-byte INTEGER", "K": "8-byte INTEGER", "E": "4-byte REAL",
    "D": "8-byte DOUBLE", "A": "ASCII Character", "L": "LOGICAL",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """A header and the data behind it.

    Attributes
    ----------
    header : bytes
        Complete, with END and padding.
    data : bytes-like
        Without padding.
    name : str
        EXTNAME.
    """

    header: bytes
    data: bytes | memoryview
    name: str = ""

    def to_bytes(self) -> bytes:
        """The block as it stands in a file."""
        return self.header + bytes(self.data) + b"\0" * (-len(self.data) % BLOCK)


@dataclass(frozen=True, slots=True)
class NewColumn:
    """A column to write.

    Attributes
    ----------
    name, form, unit, comment : str
        TTYPE, TFORM, TUNIT and the comment of TTYPE.
    values : ndarray, shape (rows,) or (rows, repeat)
        The values.
    """

    name: str
    form: str
    values: NDArray[Any]
    unit: str = ""
    comment: str = ""


def table_block(columns: Sequence[NewColumn], name: str, entries: Header | None = None, about: str = "") -> Block:
    """Make a binary table.

    Parameters
    ----------
    columns : sequence of NewColumn
        All of one length.
    name : str
        EXTNAME.
    entries : Header, optional
        Keywords behind EXTNAME.
    about : str
        Comment of EXTNAME.
    """
    dtype = np.dtype([(f"c{number}", _dtype(column.form)) for number, column in enumerate(columns)])
    rows = np.zeros(len(columns[0].values), dtype)
    for number, column in enumerate(columns):
        rows[f"c{number}"] = column.values
    header = Header(
        [
            ("XTENSION", "BINTABLE", "binary table extension"),
            ("BITPIX", 8, "8-bit bytes"),
            ("NAXIS", 2, "2-dimensional binary table"),
            ("NAXIS1", dtype.itemsize, "width of table in bytes"),
            ("NAXIS2", len(rows), "number of rows in table"),
            ("PCOUNT", 0, "size of special data area"),
            ("GCOUNT", 1, "one data group (required keyword)"),
            ("TFIELDS", len(columns), "number of fields in each row"),
        ]
    )
    for number, column in enumerate(columns, 1):
        header.append(f"TTYPE{number}", column.name, column.comment)
        words = _FORM_WORDS.get(column.form[-1:], "")
        header.append(f"TFORM{number}", column.form, f"data format of field: {words}" if words else "")
        if column.unit:
            header.append(f"TUNIT{number}", column.unit, "physical unit of field")
    header.append("EXTNAME", name, about or "The name of this table")
    if entries is not None:
        header.extend(entries)
    return Block(header.to_bytes(), rows.tobytes(), name)


def primary_block(entries: Header, image: NDArray[Any] | None = None) -> Block:
    """Make a primary block, with an image or without.

    Parameters
    ----------
    entries : Header
        Keywords behind those of the structure.
    image : ndarray, shape (ny, nx), optional
        Pixels of a type that FITS knows: u1, i2, i4, i8, f4, f8.
    """
    header = Header([("SIMPLE", True, "file does conform to FITS standard")])
    if image is None:
        header.append("BITPIX", 8, "number of bits per data pixel")
        header.append("NAXIS", 0, "number of data axes")
        data = b""
    else:
        header.append("BITPIX", _BITPIX[image.dtype.str[1:]], "number of bits per data pixel")
        header.append("NAXIS", image.ndim, "number of data axes")
        for axis, length in enumerate(reversed(image.shape), 1):
            header.append(f"NAXIS{axis}", length, f"length of data axis {axis}")
        data = image.astype(image.dtype.newbyteorder(">")).tobytes()
    header.append("EXTEND", True, "FITS dataset may contain extensions")
    header.extend(entries)
    return Block(header.to_bytes(), data, "PRIMARY")


def write_blocks(path: str | os.PathLike[str], blocks: Sequence[Block]) -> None:
    """Write a file of blocks under a temporary name and rename it.

    Raises
    ------
    FileProblem
        When the disk does not take it.
    """
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            for block in blocks:
                stream.write(block.header)
                stream.write(block.data)
                stream.write(b"\0" * (-len(block.data) % BLOCK))
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileProblem(path, f"cannot be written ({reason})", "check the folder and the free space") from None


def _dtype(form: str) -> Any:
    match = re.fullmatch(r"(\d*)([A-Z])", form)
    if match is None:
        raise ValueError(f"'{form}' is no TFORM")
    repeat = int(match[1] or 1)
    if match[2] == "A":
        return f"S{repeat}"
    return _FORMS[match[2]] if repeat == 1 else (_FORMS[match[2]], (repeat,))
