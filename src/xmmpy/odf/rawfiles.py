"""Readers of the raw event and frame files of the EPIC cameras: IME, RIE, TIE, CTE, BUE, AUX, DLI.

Column types differ between versions of the files, so that every column is brought to the type of `xmmpy.odf.raw`.
A file that ends before its header says gives the rows that are there, and a remark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from xmmpy.odf.raw import MosEvents, MosFrameTable, PnEvents, PnFrameTable, Window
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.products.images import image_of, is_image
from xmmpy.products.tables import table_layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from xmmpy.products.files import Hdu

    ToMet = Callable[[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[np.float64]]

Numbers = TypeVar("Numbers", int, "NDArray[np.int32]")
_ADVICE: Final = "get the file again from the archive"
_MOS_THRESHOLDS: Final = (0, 4095)
_PN_THRESHOLDS: Final = (20, 4095)  # adu; epframes lowerthreshold, 12 bits
_CCDS_PER_QUADRANT: Final = 3


class RawTable:
    """One table of a raw file: its columns by name, its keywords.

    Attributes
    ----------
    rows : int
        Rows that are there.
    missing : int
        Rows that the header promises beyond these.
    """

    def __init__(self, file: FitsFile, hdu: Hdu) -> None:
        layout = table_layout(hdu)
        data = file.read_at(hdu.data_offset, layout.rows * layout.width) if layout.rows else b""
        self._path, self._name = file.path, hdu.name
        self.rows = len(data) // layout.width if layout.width else 0
        self.missing = layout.rows - self.rows
        self.values = hdu.values
        stored = np.frombuffer(data, layout.row_dtype, self.rows) if self.rows else np.zeros(0, layout.row_dtype)
        self._columns = {column.name.upper(): (column, stored[f"c{column.number}"]) for column in layout.columns}

    def column(self, name: str, dtype: Any, *, default: int | None = None) -> NDArray[Any]:
        """Values of a column as an array of `dtype`.

        Raises
        ------
        FileProblem
            When the column is missing and there is no default, or holds no numbers.
        """
        if name not in self._columns:
            if default is None:
                raise FileProblem(self._path, f"has no column {name} in {self._name}", _ADVICE)
            return np.full(self.rows, default, dtype)
        column, stored = self._columns[name]
        if column.dtype.shape or column.dtype.kind not in "iuf":
            raise FileProblem(self._path, f"column {name} of {self._name} holds no plain numbers", _ADVICE)
        if not column.scaled:
            return np.asarray(stored.astype(dtype))
        return np.asarray((stored * column.scale + column.zero).astype(dtype))

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def unsigned(self, name: str) -> NDArray[np.int32]:
        """Values of a counter of 16 bits, however it was stored."""
        return np.asarray(self.column(name, np.int32) & 0xFFFF, np.int32)

    def keyword(self, name: str, default: int) -> int:
        """A keyword as a whole number."""
        value = self.values.get(name, default)
        return int(value) if isinstance(value, int | float) and abs(value) < 2**31 else default


def read_raw_tables(path: Path, endings: Sequence[str]) -> list[RawTable]:
    """Tables of a file whose names end like this, in that order.

    Raises
    ------
    FileProblem
        When the file cannot be read or lacks one of them.
    """
    with FitsFile(path) as file:
        found = []
        for ending in endings:
            hdu = next((hdu for hdu in file.hdus if hdu.is_table and hdu.name.endswith(ending)), None)
            if hdu is None:
                raise FileProblem(path, f"has no table {ending}", _ADVICE)
            found.append(RawTable(file, hdu))
        return found


def _only_table(path: Path) -> RawTable:
    with FitsFile(path) as file:
        hdu = next((hdu for hdu in file.hdus if hdu.is_table), None)
        if hdu is None:
            raise FileProblem(path, "holds no table", _ADVICE)
        return RawTable(file, hdu)


def _window(table: RawTable, low: tuple[str, int], high: tuple[str, int]) -> Window:
    return Window(
        x0=table.keyword("WINDOWX0", 0),
        y0=table.keyword("WINDOWY0", 0),
        width=table.keyword("WINDOWDX", 0),
        height=table.keyword("WINDOWDY", 0),
        low=table.keyword(*low),
        high=table.keyword(*high),
    )


def read_mos_events(path: Path) -> tuple[MosEvents, Window, int]:
    """Raw events of one node of a MOS CCD.

    Parameters
    ----------
    path : pathlib.Path
        An IME, RIE, TIE or CTE file; those of the fast modes have one energy, ENGYE1E2.

    Returns
    -------
    MosEvents, Window, int
        The events, the window, and how many events the header promises that are not there.

    Raises
    ------
    FileProblem
        When it cannot be read or lacks a column.
    """
    table = _only_table(path)
    whole = "ENGYE1E2" if "ENGYE1E2" in table else "ENERGYE1"
    events = MosEvents(
        frame=table.column("FRAME", np.int32),
        rawx=table.column("RAWX", np.int16),
        rawy=table.column("RAWY", np.int16, default=0),
        e1=table.column(whole, np.int16),
        e2=table.column("ENERGYE2", np.int16, default=0),
        e3=table.column("ENERGYE3", np.int16, default=0),
        e4=table.column("ENERGYE4", np.int16, default=0),
        pattern=table.column("PATTERN", np.uint8),
        peripix=table.column("PERIPIX", np.uint8, default=0),
    )
    return events, _window(table, ("EMDHLOW", _MOS_THRESHOLDS[0]), ("EMDHUPP", _MOS_THRESHOLDS[1])), table.missing


def read_mos_frames(path: Path, to_met: ToMet) -> dict[int, MosFrameTable]:
    """Frames of a MOS exposure (AUX), for each CCD and node.

    Parameters
    ----------
    path : pathlib.Path
        The AUX file.
    to_met : callable
        MET (s) of FRAME, FTCOARSE, FTFINE and CCDNR.

    Returns
    -------
    dict of int to MosFrameTable
        By CCDNR: the CCD plus ten times the node; rows in the order of FRAME.
    """
    table = _only_table(path)
    number = table.column("CCDID", np.int32) + 10 * table.column("CCDNODE", np.int32, default=0)
    frame = table.column("FRAME", np.int32)
    columns = [frame, to_met(frame, table.unsigned("FTCOARSE"), table.unsigned("FTFINE"), number)]
    columns += [table.column("NPIXEL", np.int32, default=0)]
    columns += [table.unsigned(name) for name in ("NVALID", "NBELOW", "NABOVE")]
    columns += [table.column(name, np.int16, default=0) > 0 for name in ("GATTIFLG", "FIFOOVF")]
    found = {}
    for ccd in np.unique(number).tolist():
        rows = np.flatnonzero(number == ccd)
        rows = rows[np.argsort(frame[rows], kind="stable")]
        found[ccd] = MosFrameTable(*(column[rows] for column in columns))
    return found


def read_pn_events(path: Path) -> tuple[PnEvents, Window, int]:
    """Raw events of a pn CCD: IME, RIE, TIE or BUE; see `read_mos_events`."""
    table = _only_table(path)
    events = PnEvents(
        frame=table.column("FRAME", np.int32),
        rawx=table.column("RAWX", np.uint8),
        rawy=table.column("RAWY", np.uint8),
        energy=table.column("ENERGY", np.int16),
    )
    return events, _window(table, ("LOWTHR", _PN_THRESHOLDS[0]), ("UPPTHR", _PN_THRESHOLDS[1])), table.missing


def pn_ccd_number(quadrant: Numbers, ccd: Numbers) -> Numbers:
    """CCDNR of pn, 1 to 12, from QUADRANT (0 to 3) and CCDID (0 to 2)."""
    return quadrant * _CCDS_PER_QUADRANT + ccd + 1


def read_pn_frames(path: Path, to_met: ToMet) -> dict[int, PnFrameTable]:
    """Frames and cycles of a pn exposure (AUX: PNAUX1, PNAUX2), for each CCD.

    Parameters
    ----------
    path : pathlib.Path
        The AUX file.
    to_met : callable
        MET (s) of FRAME, FTCOARSE, FTFINE and CCDNR.

    Returns
    -------
    dict of int to PnFrameTable
        By CCDNR, 1 to 12: three times QUADRANT plus CCDID plus 1.
    """
    frames, cycles = read_raw_tables(path, ("AUX1", "AUX2"))
    number = pn_ccd_number(frames.column("QUADRANT", np.int32), frames.column("CCDID", np.int32))
    frame = frames.column("FRAME", np.int32)
    end = to_met(frame, frames.unsigned("FTCOARSE"), frames.unsigned("FTFINE"), number)
    in_cycle = frames.column("CYCLE", np.int32)
    quadrant, cycle = cycles.column("QUADRANT", np.int32), cycles.column("CYCLE", np.int32)
    above, sent, taken, discarded = (cycles.unsigned(name) for name in ("NABOVE", "NDEFA", "NEPDH", "NDISCLIN"))
    counting = cycles.column("MCOMMODE", np.int32, default=0) > 0
    found = {}
    for ccd in np.unique(number).tolist():
        rows = np.flatnonzero(number == ccd)
        rows = rows[np.argsort(frame[rows], kind="stable")]
        mine = np.flatnonzero(quadrant == (ccd - 1) // _CCDS_PER_QUADRANT)
        mine = mine[np.argsort(cycle[mine], kind="stable")]
        found[ccd] = PnFrameTable(
            frame=frame[rows],
            end=end[rows],
            cycle=in_cycle[rows],
            cycles=cycle[mine],
            nabove=above[mine],
            ndefa=sent[mine],
            nepdh=taken[mine],
            ndiscarded=discarded[mine],
            counting=counting[mine],
        )
    return found


def read_discarded_lines(path: Path) -> NDArray[np.int32]:
    """How often pn discarded each column (or row, if it was set so) because of a particle.

    The Data Files Handbook calls the file an image and does not tell its layout; an image of one line and a table with
    one row for each column are understood. In real lists they fill the first 64 of the 200 rows of DLIMAPnn.

    Returns
    -------
    ndarray of int32, shape (n,)
        Counts in the order of the file.

    Raises
    ------
    FileProblem
        When there is neither.
    """
    with FitsFile(path) as file:
        image = next((hdu for hdu in file.hdus if is_image(hdu)), None)
        if image is not None:
            values = np.nan_to_num(image_of(file, image).data)
            if max(values.shape) != values.size:
                shape = " x ".join(str(length) for length in values.shape[::-1])
                raise FileProblem(path, f"is an image of {shape} pixels, not a line of discarded columns", _ADVICE)
            return np.asarray(values.ravel(), np.int32)
    table = _only_table(path)
    name = next((name for name in ("NDISCLIN", "DISCLIN", "COUNTS", "NLINES") if name in table), None)
    if name is None:
        raise FileProblem(path, "has no column of discarded lines (NDISCLIN)", _ADVICE)
    return np.asarray(table.column(name, np.int32), np.int32)
