"""What the scripts that derive nominal tables share: the real lists, and the writing of a table.

Each script has a function ``derive(data)`` that returns the whole text of its table. Run with the folder of the real
products (the README of the tests says which) it prints the table; with ``--write`` it puts it in its place.
"""

from __future__ import annotations

import argparse
import gzip
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from xmmpy.events.coordinates import Attitude, TangentPlane

if TYPE_CHECKING:
    from collections.abc import Callable

TABLES = Path(__file__).resolve().parent.parent / "src" / "xmmpy" / "calibration" / "tables"
OBSERVATIONS = ("0201901401", "0201903501")
LISTS = {"EMOS1": "mos1_exp1_clean_evts.fits.gz", "EMOS2": "mos2_exp1_clean_evts.fits.gz"}
GZIP = b"\x1f\x8b"
PN_LIST = Path("pn-list/0932190801/0932190801_PN1_src.evt.gz")


@dataclass(frozen=True)
class EventList:
    """Columns of a list as native arrays, the keywords of its primary header, and its attitude."""

    columns: dict[str, np.ndarray[Any, Any]]
    header: fits.Header
    attitude: Attitude

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        return self.columns[name]

    @property
    def plane(self) -> TangentPlane:
        """The plane of its X,Y."""
        return TangentPlane(self.header["REFXCRVL"], self.header["REFYCRVL"])


def read_list(path: Path, attitude: Path | None = None) -> EventList:
    """Read a list; without an attitude file that of RA_PNT, DEC_PNT, PA_PNT holds."""
    with fits.open(path) as file:
        header, data = file[0].header, file["EVENTS"].data
        columns = {name: np.array(data[name], dtype=data[name].dtype.newbyteorder("=")) for name in data.names}
    if attitude is None:
        return EventList(columns, header, Attitude.fixed(*(header[key] for key in ("RA_PNT", "DEC_PNT", "PA_PNT"))))
    with fits.open(attitude) as file:
        table = file["ATTHK"].data
        samples = Attitude.of(*(np.array(table[name], float) for name in ("TIME", "AHFRA", "AHFDEC", "AHFPA")))
    return EventList(columns, header, samples)


def mos_lists(data: Path, camera: str) -> list[EventList]:
    """The lists of one camera in the two observations of 2004."""
    folders = [data / "sas-products" / observation for observation in OBSERVATIONS]
    return [read_list(folder / LISTS[camera], next(folder.glob("*ATTTSR*"))) for folder in folders]


def summary_lists(data: Path) -> list[tuple[fits.Header, fits.FITS_rec]]:
    """Primary header and sources of the public summary source lists; some were packed twice."""
    lists = []
    for path in sorted((data / "source-lists").glob("P*EPX000OBSMLI0000*")):
        content = path.read_bytes()
        while content.startswith(GZIP):
            content = gzip.decompress(content)
        with fits.open(io.BytesIO(content), memmap=False) as file, np.errstate(invalid="ignore"):  # signalling nulls
            lists.append((file[0].header, file["SRCLIST"].data))
    return lists


def table_text(about: str, columns: str, rows: list[str]) -> str:
    """Text of a table: comments, names of columns, rows."""
    comments = "".join(f"# {line}\n" for line in about.strip().splitlines())
    return comments + "\n".join([columns, *rows]) + "\n"


def main(name: str, derive: Callable[[Path], str]) -> None:
    """Run a script: print the table, or write it."""
    parser = argparse.ArgumentParser(description=f"Derive calibration/tables/{name}.csv from real products.")
    parser.add_argument("data", type=Path, help="folder with sas-products, pn-list, geometry.csv")
    parser.add_argument("--write", action="store_true", help="write the table into the package")
    arguments = parser.parse_args()
    text = derive(arguments.data)
    if arguments.write:
        (TABLES / f"{name}.csv").write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
