"""The event list that evselect reads: its table, its data subspace, the frames of its CCDs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from xmmpy.events.livetime import Frames, live_time
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile, Hdu, split_block
from xmmpy.products.gti import intervals_of
from xmmpy.products.header import Header
from xmmpy.products.kernels import worth_compiling
from xmmpy.products.tables import TableLayout, iterate_chunks, table_layout, table_of
from xmmpy.selection.dataspace import DataSpace, Figures, GoodTimes, RegionRow, Value
from xmmpy.selection.keywords import read_dataspace
from xmmpy.selection.ranges import Bounds, Ranges

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from xmmpy.products.intervals import Intervals

_FRAMES_PER_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class LegalRange:
    """TLMIN and TLMAX of a column, None where the header lacks them."""

    low: float | None
    high: float | None


class EventSource:
    """An open event list.

    Parameters
    ----------
    spec : str
        ``file`` or ``file:EXT``.
    long_lived : bool
        Whether the process goes on to other work (`xmmpy.products.kernels.worth_compiling`).

    Raises
    ------
    FileProblem
        When it cannot be read as an event list.
    """

    def __init__(self, spec: str, *, long_lived: bool = False) -> None:
        self.spec = spec
        path, block = split_block(spec)
        self.file = FitsFile(path)
        try:
            self.hdu: Hdu = self.file.find(block)
            self.layout: TableLayout = table_layout(self.hdu)
            self.compiled = worth_compiling(self.layout.rows, long_lived=long_lived)
            self.header = Header.parse(self.hdu.raw_header)
            self.primary = Header.parse(self.file.hdus[0].raw_header)
        except BaseException:
            self.file.stream.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.stream.close()

    def keyword(self, name: str, default: Any = None) -> Any:
        """Value of a keyword of the table, or of the primary header."""
        value = self.hdu.value(name)
        return self.file.hdus[0].value(name, default) if value is None else value

    def number(self, name: str) -> float | None:
        """Value of a keyword as a finite number, None where it is missing or none."""
        value = self.keyword(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
            return None
        return float(value)

    def legal_range(self, column: str) -> LegalRange:
        """TLMIN and TLMAX of a column."""
        found = self.layout.find(column)
        if found is None:
            return LegalRange(None, None)
        return LegalRange(self.number(f"TLMIN{found.number}"), self.number(f"TLMAX{found.number}"))

    @cached_property
    def central_ccd(self) -> int:
        """The CCD that ONTIME and LIVETIME speak of: 1 for MOS; for pn that of the target (CCDSRC), else 4."""
        if str(self.keyword("INSTRUME", "")).startswith("EPN"):
            ccd = self.keyword("CCDSRC")
            return int(ccd) if isinstance(ccd, int) else 4
        return 1

    @cached_property
    def space(self) -> DataSpace:
        """The data subspace of the list; from its STDGTInn tables where the header has none."""
        space = read_dataspace(self.hdu.values, self._table)
        if space.names:
            return space
        components = []
        for hdu in self.file.hdus:
            match = re.fullmatch(r"STDGTI(\d\d)", hdu.name)
            if match is not None:
                ccd = float(int(match[1]))
                good = GoodTimes(intervals_of(table_of(self.file, hdu)), hdu.name)
                components.append((Ranges((Bounds(ccd, ccd),)), good))
        if not components:
            return space
        return DataSpace(("CCDNR", "TIME"), ("", "s"), tuple(components))

    @cached_property
    def exposures(self) -> dict[int, Hdu]:
        """The EXPOSUnn tables by CCD."""
        found = {}
        for hdu in self.file.hdus:
            match = re.fullmatch(r"EXPOSU(\d\d)", hdu.name)
            if match is not None and hdu.is_table:
                found[int(match[1])] = hdu
        return found

    def frames(self, ccd: int) -> Iterator[tuple[Frames, Any]]:
        """Frames of a CCD piece by piece, each with its rows as they are in the file."""
        hdu = self.exposures[ccd]
        layout = table_layout(hdu)
        missing = [name for name in ("TIME", "FRACEXP") if layout.find(name) is None]
        if missing:
            raise FileProblem(self.file.path, f"has no column {missing[0]} in {hdu.name}", "make the list again")
        has_duration = layout.find("TIMEDEL") is not None
        for chunk in iterate_chunks(self.file, hdu, layout, _FRAMES_PER_CHUNK):
            duration = chunk["TIMEDEL"] if has_duration else self._frame_length(hdu)
            yield Frames(chunk["TIME"], duration, chunk["FRACEXP"]), chunk.rows

    def live_time(self, ccd: int, good: Intervals) -> float:
        """Live time of a CCD in the good intervals, s."""
        return sum(live_time(frames, good) for frames, _ in self.frames(ccd))

    def _frame_length(self, hdu: Hdu) -> float:
        length = hdu.value("TIMEDEL")
        if not isinstance(length, float | int) or not length > 0:
            milliseconds = hdu.value("FRMTIME")
            length = milliseconds / 1000.0 if isinstance(milliseconds, float | int) else 0.0
        if not length > 0:
            problem = f"gives no length of the frames in {hdu.name} (TIMEDEL)"
            raise FileProblem(self.file.path, problem, "make the list again")
        return float(length)

    def _table(self, name: str) -> Value | None:
        for hdu in self.file.hdus:
            if hdu.name == name.upper() and hdu.is_table:
                table = table_of(self.file, hdu)
                if "START" in table.columns and "STOP" in table.columns:
                    return GoodTimes(intervals_of(table), hdu.name)
                if "SHAPE" in table.columns:
                    return Figures(figures_of(table.columns), hdu.name)
        return None


def figures_of(columns: Any) -> tuple[RegionRow, ...]:
    """Rows of a region table with the columns SHAPE, a pair of coordinates, R, ROTANG, COMPONENT."""
    names = [name for name in columns if name not in {"SHAPE", "R", "ROTANG", "COMPONENT"}]
    pair = names[:2]
    rows = []
    for number, shape in enumerate(columns["SHAPE"]):
        text = shape.decode("latin-1").strip() if isinstance(shape, bytes) else str(shape).strip()
        rows.append(
            RegionRow(
                shape=text.lstrip("!").upper(),
                excluded=text.startswith("!"),
                x=_floats(columns[pair[0]][number]) if pair else (),
                y=_floats(columns[pair[1]][number]) if len(pair) > 1 else (),
                size=_floats(columns["R"][number]) if "R" in columns else (),
                angle=_floats(columns["ROTANG"][number]) if "ROTANG" in columns else (),
                component=int(columns["COMPONENT"][number]) if "COMPONENT" in columns else number,
            )
        )
    return tuple(rows)


def _floats(value: Any) -> tuple[float, ...]:
    return tuple(float(item) for item in np.atleast_1d(value))
