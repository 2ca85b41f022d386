"""A file written again with the times of some of its tables at the barycentre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.odf.times import met_of_text, text_of_met
from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import BLOCK
from xmmpy.products.header import Header
from xmmpy.products.history import mark_modified
from xmmpy.products.tables import iterate_chunks, table_layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xmmpy.events.barycentre import Barycentre
    from xmmpy.products.files import FitsFile, Hdu
    from xmmpy.products.history import Provenance
    from xmmpy.products.tables import Column, TableLayout

SOLARSYSTEM = "SOLARSYSTEM"
_DATES = ("DATE-OBS", "DATE-END")


@dataclass(frozen=True, slots=True)
class TimeTable:
    """A table of the file and its columns of times."""

    hdu: Hdu
    layout: TableLayout
    columns: tuple[Column, ...]

    @classmethod
    def of(cls, hdu: Hdu, names: tuple[str, ...]) -> TimeTable:
        """Find the columns.

        Raises
        ------
        FileProblem
            When one is missing or holds no single double-precision numbers.
        """
        layout = table_layout(hdu)
        columns = []
        for name in names:
            column = layout.find(name)
            if column is None:
                known = ", ".join(one.name for one in layout.columns)
                raise FileProblem(hdu.path, f"has no column {name} in {hdu.name}", f"it has {known}")
            if column.dtype != np.dtype(">f8") or column.scaled:
                problem = f"has no double-precision times in {name} of {hdu.name}"
                raise FileProblem(hdu.path, problem, "name the column of times in timecolumn")
            columns.append(column)
        return cls(hdu, layout, tuple(columns))

    def span(self, file: FitsFile) -> tuple[float, float]:
        """Earliest and latest time; infinite the wrong way round where there is none."""
        first, last = np.inf, -np.inf
        for chunk in iterate_chunks(file, self.hdu, self.layout):
            for column in self.columns:
                times = chunk[column.name]
                known = times[np.isfinite(times)]
                if known.size:
                    first, last = min(first, float(known.min())), max(last, float(known.max()))
        return first, last

    def header_times(self) -> list[float]:
        """TSTART, TSTOP and the dates of its header."""
        return header_times(self.hdu.values)


def header_times(values: Mapping[str, Any]) -> list[float]:
    """Mission times in a header that will be corrected."""
    numbers = [values.get(name) for name in ("TSTART", "TSTOP")]
    found = [float(value) for value in numbers if isinstance(value, float | int) and not isinstance(value, bool)]
    found += [met_of_text(str(values.get(name, ""))) for name in _DATES]
    return [time for time in found if np.isfinite(time) and time > 0.0]


def write_corrected(
    file: FitsFile, tables: list[TimeTable], barycentre: Barycentre, ephemeris: str, provenance: Provenance
) -> None:
    """Write the file under a temporary name, all other blocks byte for byte, and give it its name."""
    primary = Header.parse(file.hdus[0].raw_header)
    main = tables[0].hdu.values
    _correct_header(primary, barycentre, ephemeris)
    for name in ("TSTART", "TSTOP"):
        if name not in primary and isinstance(main.get(name), float | int):
            primary.set(name, float(barycentre(float(main[name]))), f"[s] {name} of {tables[0].hdu.name}")
    mark_modified(primary, provenance)
    by_number = {table.hdu.index: table for table in tables}
    try:
        with atomic_path(file.path) as temporary, temporary.open("wb") as target:
            for block in file.hdus:
                table = by_number.get(block.index)
                if table is not None:
                    header = Header.parse(block.raw_header)
                    _correct_header(header, barycentre, ephemeris)
                    target.write(header.to_bytes())
                    target.write(b"\0" * (-_write_rows(file, table, barycentre, target) % BLOCK))
                else:
                    file.copy(block, target, primary.to_bytes() if block.index == 0 else None)
    except OSError as error:
        problem = f"cannot be written ({error.strerror or error})"
        raise FileProblem(file.path, problem, "check the folder and the free space") from None


def _write_rows(file: FitsFile, table: TimeTable, barycentre: Barycentre, target: Any) -> int:
    """Write all rows, and what may follow them; gives the number of bytes."""
    for chunk in iterate_chunks(file, table.hdu, table.layout):
        rows = chunk.rows.copy()
        for column in table.columns:
            rows[f"c{column.number}"] = barycentre(chunk[column.name])
        target.write(rows.tobytes())
    written = table.layout.rows * table.layout.width
    heap = file.read_at(table.hdu.data_offset + written, table.hdu.data_size - written)
    target.write(heap)
    return written + len(heap)


def _correct_header(header: Header, barycentre: Barycentre, ephemeris: str) -> None:
    for name in ("TSTART", "TSTOP"):
        value = header.get(name)
        if isinstance(value, float | int) and not isinstance(value, bool) and value > 0:
            header.set(name, float(barycentre(float(value))))
    start, stop = header.get("TSTART"), header.get("TSTOP")
    if isinstance(start, float) and isinstance(stop, float) and "TELAPSE" in header:
        header.set("TELAPSE", stop - start)
    for name in _DATES:
        met = met_of_text(str(header.get(name, "")))
        if np.isfinite(met):
            header.set(name, text_of_met(float(barycentre(met))))
    header.set("TIMESYS", "TDB", "Barycentric Dynamical Time")
    header.set("TIMEREF", SOLARSYSTEM, "Reference location of photon arrival times")
    header.set("PLEPHEM", ephemeris, "Solar system ephemeris")
