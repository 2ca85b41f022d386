"""Tables for other programs: FITS, CSV, VOTable, Parquet."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem
from xmmpy.products.history import record_creation
from xmmpy.products.sourcelists import EXTENSION
from xmmpy.products.writing import write_hdus

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from xmmpy.products.history import Provenance

NULL: Final = -1
"""Null of whole numbers in FITS."""
ENDINGS: Final = {
    ".fits": "fits", ".fit": "fits", ".ds": "fits", ".csv": "csv", ".vot": "vot", ".xml": "vot", ".votable": "vot",
    ".parquet": "parquet",
}  # fmt: skip
FORMATS: Final = ("fits", "csv", "vot", "parquet")


@dataclass(frozen=True, slots=True, eq=False)
class ExportColumn:
    """A column of a table.

    Attributes
    ----------
    name : str
        Its name.
    values : ndarray
        Numbers, truth values or texts. NaN is a missing number.
    unit : str
        In the notation of the VOTable standard; empty where there is none.
    whole : bool
        Whether the numbers are whole; missing ones are NaN all the same.
    """

    name: str
    values: NDArray[Any]
    unit: str = ""
    whole: bool = False


def format_of(path: str | os.PathLike[str], name: str = "") -> str:
    """The format of a file: as named, or by its ending.

    Raises
    ------
    FileProblem
        When the ending tells none.
    """
    if name:
        return name
    try:
        return ENDINGS[Path(path).suffix.lower()]
    except KeyError:
        raise FileProblem(
            path, "does not tell its format by its ending", f"give --format {', '.join(FORMATS)}"
        ) from None


def export_table(
    path: str | os.PathLike[str], kind: str, columns: Sequence[ExportColumn], provenance: Provenance
) -> None:
    """Write a table; an old file is replaced when the new one is complete.

    Parameters
    ----------
    path : path
        The file.
    kind : {"fits", "csv", "vot", "parquet"}
        Its format.
    columns : sequence of ExportColumn
        What to write, in order.
    provenance : Provenance
        For the header of FITS.

    Raises
    ------
    FileProblem
        When it cannot be written, or the format needs a package that is missing.
    """
    if kind == "fits":
        _write_fits(path, columns, provenance)
        return
    if kind == "parquet" and importlib.util.find_spec("pyarrow") is None:
        advice = "install it (pip install pyarrow), or take FITS, CSV or VOTable"
        raise FileProblem(path, "cannot be written: Parquet needs the package pyarrow, which is not there", advice)
    writers: dict[str, Callable[[Path, Sequence[ExportColumn]], None]] = {
        "csv": _write_csv,
        "vot": _write_votable,
        "parquet": _write_parquet,
    }
    try:
        with atomic_path(path) as temporary:
            writers[kind](temporary, columns)
    except OSError as error:
        reason = error.strerror or error
        raise FileProblem(path, f"cannot be written ({reason})", "check the folder and the free space") from None


def _masked(column: ExportColumn) -> np.ma.MaskedArray[Any, Any]:
    """Values with what is missing masked."""
    if column.values.dtype.kind != "f":
        return np.ma.masked_array(column.values, np.zeros(len(column.values), bool))
    missing = np.isnan(column.values)
    values = np.where(missing, NULL, column.values).astype(np.int64) if column.whole else column.values
    return np.ma.masked_array(values, missing)


def _write_fits(path: str | os.PathLike[str], columns: Sequence[ExportColumn], provenance: Provenance) -> None:
    from astropy.io import fits

    primary = fits.PrimaryHDU()
    record_creation(primary.header, provenance)
    made = []
    for column in columns:
        values = column.values
        if column.whole:
            values = _masked(column).filled(NULL).astype(np.int32)
            form = "J"
        elif values.dtype.kind == "f":
            form = "E" if values.dtype.itemsize == 4 else "D"
        else:
            form = "L" if values.dtype.kind == "b" else f"{max(values.dtype.itemsize // 4, 1)}A"
        null = NULL if column.whole else None
        made.append(fits.Column(column.name, form, unit=column.unit or None, null=null, array=values))
    write_hdus(path, [primary, fits.BinTableHDU.from_columns(made, name=EXTENSION)])


def _write_csv(path: Path, columns: Sequence[ExportColumn]) -> None:
    """RFC 4180; missing values are empty; numbers have the digits that give them back."""
    import csv

    cells = [
        ["" if gone else str(value) for value, gone in zip(data.data, np.ma.getmaskarray(data), strict=True)]
        for data in map(_masked, columns)
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.name for column in columns])
        writer.writerows(zip(*cells, strict=True))


def _write_votable(path: Path, columns: Sequence[ExportColumn]) -> None:
    import warnings

    from astropy.table import MaskedColumn, Table
    from astropy.units import UnitsWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnitsWarning)  # the erg is discouraged, and what every X-ray catalogue has
        made = [MaskedColumn(_masked(column), name=column.name, unit=column.unit or None) for column in columns]
        Table(made).write(path, format="votable", overwrite=True)


def _write_parquet(path: Path, columns: Sequence[ExportColumn]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays, fields = [], []
    for column in columns:
        data = _masked(column)
        array = pa.array(data.data, mask=np.ma.getmaskarray(data))
        arrays.append(array)
        fields.append(pa.field(column.name, array.type, metadata={"unit": column.unit} if column.unit else None))
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path)
