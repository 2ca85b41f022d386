"""The filtered event list: selected rows, all other blocks, updated exposure and data subspace."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.events.livetime import frames_kept
from xmmpy.products.atomic import atomic_path
from xmmpy.products.files import BLOCK, Hdu
from xmmpy.products.header import Header
from xmmpy.products.history import mark_modified
from xmmpy.selection.keywords import dataspace_cards, is_dataspace_keyword
from xmmpy.tasks.catalogue.evselect.headers import table_blocks
from xmmpy.tasks.messages import TaskError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from numpy.typing import NDArray

    from xmmpy.tasks.catalogue.evselect.call import Call
    from xmmpy.tasks.catalogue.evselect.selected import Selected

_SELECTION_CARD = re.compile(r"SLCTEXPR|ONTIME(\d\d)?|LIVETI\d\d|LIVETIME|EXPOSURE")
_COLUMN_CARD = re.compile(r"T(LMIN|LMAX|DMIN|DMAX|CRPX|CTYP|CRVL|CDLT|CUNI|NULL)\d+")
_SLCTEXPR = "Filtering expression used by evselect"
_FLAG_COMMENT = "selection status written by evselect"


class FilteredList:
    """A copy of the list with the selected rows.

    Rows go to a temporary file while the table is read; headers follow at the end, when the counts are known.
    """

    def __init__(self, call: Call, path: Path) -> None:
        self._call = call
        self._path = path
        self._flag = _FlagColumn(call) if not call.parameters.destruct else None
        self._dropped = None if self._flag else _old_flag_column(call)
        self._rows = 0
        self._width = (
            call.source.layout.width + (self._flag is not None and self._flag.new) - (self._dropped is not None)
        )
        self._stack = ExitStack()
        temporary = self._stack.enter_context(atomic_path(path))
        self._stream: IO[bytes] = self._stack.enter_context(temporary.open("w+b"))
        try:
            self._begin()
        except BaseException:
            self.abandon()
            raise

    @property
    def reads(self) -> tuple[str, ...]:
        """No column: it copies rows."""
        return ()

    def prepare(self, selected: Selected) -> NDArray[Any]:
        """The selected rows, or all with their flag, as they go into the file."""
        if self._flag is not None:
            return self._flag.rows(selected)
        data = selected.rows()
        return data if self._dropped is None else _without(data, self._dropped, selected.chunk.rows.itemsize)

    def absorb(self, prepared: NDArray[Any]) -> None:
        """Write the rows of the next chunk."""
        self._rows += prepared.nbytes // self._width
        self._stream.write(prepared.data)

    def abandon(self) -> None:
        """Remove the temporary file."""
        self._stack.__exit__(TaskError, TaskError("Abandoned", ""), None)

    def finish(self) -> Path:
        """Complete the file and give it its name."""
        try:
            self._finish_events()
            self._copy_rest()
            self._stream.flush()
        except BaseException:
            self.abandon()
            raise
        self._stack.close()
        return self._path

    def _begin(self) -> None:
        """Leave room for the headers: their number of cards is known, their values are not."""
        primary, events = self._headers()
        self._stream.write(primary)
        for hdu in self._before():
            self._call.source.file.copy(hdu, self._stream)
        self._events_at = self._stream.tell()
        self._reserved = len(events)
        self._stream.write(events)

    def _headers(self) -> tuple[bytes, bytes]:
        primary = self._call.source.primary.copy()
        mark_modified(primary, self._call.provenance)
        return primary.to_bytes(), self._events_header().to_bytes()

    def _before(self) -> list[Hdu]:
        return [hdu for hdu in self._call.source.file.hdus[1:] if hdu.index < self._call.source.hdu.index]

    def _events_header(self) -> Header:
        call, parameters = self._call, self._call.parameters
        header = call.source.header.copy()
        trailing = _before_column_cards(header)
        selection = Header()
        call.add_selection_text(selection)
        text = [("SLCTEXPR", selection.get("SLCTEXPR"), selection.comment("SLCTEXPR") or _SLCTEXPR)]
        if parameters.writedss:
            try:
                header.replace(is_dataspace_keyword, dataspace_cards(call.space), trailing)
            except ValueError as error:
                call.session.warn("DssFitsWrite", f"{error}; the data subspace is not written")
        if parameters.updateexposure:
            exposure = call.exposure.update_list(header, call.counts_by_ccd)
            header.replace(_SELECTION_CARD.fullmatch, [*text, *exposure], trailing)
        else:
            header.replace("SLCTEXPR".__eq__, text, trailing)
        header.set("NAXIS2", self._rows)
        if self._flag is not None:
            self._flag.describe(header)
        elif self._dropped is not None:
            _drop_column(header, self._dropped)
        return header

    def _finish_events(self) -> None:
        """Write the header in front of the rows: exactly as long as the room that was left for it."""
        self._stream.write(b"\0" * (-self._stream.tell() % BLOCK))
        end = self._stream.tell()
        header = self._events_header().to_bytes(self._reserved)  # only cleandss makes it shorter than foreseen
        if len(header) != self._reserved:
            raise TaskError("FileIo", f"the header of {self._path} outgrew the room left for it")
        self._stream.seek(self._events_at)
        self._stream.write(header)
        self._stream.seek(end)

    def _copy_rest(self) -> None:
        call = self._call
        replaced = self._replaced_tables()
        for hdu in call.source.file.hdus:
            if hdu.index <= call.source.hdu.index or hdu.name in replaced:
                continue
            match = re.fullmatch(r"EXPOSU(\d\d)", hdu.name)
            if match is not None and call.parameters.filterexposure:
                self._copy_frames(int(match[1]), hdu)
            else:
                call.source.file.copy(hdu, self._stream)
        present = {hdu.name for hdu in call.source.file.hdus} - replaced
        for table in table_blocks(call.source, call.space) if call.parameters.writedss else []:
            if table.name not in present:
                self._stream.write(table.to_bytes())

    def _replaced_tables(self) -> set[str]:
        """Tables that the new data subspace has outdated: those it no longer refers to, STDGTInn apart."""
        if not self._call.parameters.writedss:
            return set()
        space, old = self._call.space, self._call.source.space
        outdated = {name for name, value in old.tables.items() if space.tables.get(name) != value}
        # A table that an older, forgotten data subspace left in the file must not pass for a new one.
        outdated |= {name for name, value in space.tables.items() if value is not old.tables.get(name)}
        return {name for name in outdated if not name.startswith("STDGTI")}

    def _copy_frames(self, ccd: int, hdu: Hdu) -> None:
        """Copy the frames in the good times of a CCD; a CCD without selected events loses its table."""
        call = self._call
        if call.counts_by_ccd and ccd not in call.counts_by_ccd:
            return
        good = call.exposure.good.get(ccd)
        if good is None:
            call.source.file.copy(hdu, self._stream)
            return
        at = self._stream.tell()
        self._stream.write(hdu.raw_header)
        rows = 0
        for frames, stored in call.source.frames(ccd):
            kept = stored[frames_kept(frames, good)]
            rows += len(kept)
            self._stream.write(kept.tobytes())
        self._stream.write(b"\0" * (-self._stream.tell() % BLOCK))
        end = self._stream.tell()
        header = Header.parse(hdu.raw_header)
        header.set("NAXIS2", rows)
        self._stream.seek(at)
        self._stream.write(header.to_bytes(len(hdu.raw_header)))
        self._stream.seek(end)


class _FlagColumn:
    """The column that marks rejected rows when none are removed (bit set: rejected)."""

    def __init__(self, call: Call) -> None:
        self._layout = call.source.layout
        self._name = call.parameters.flagcolumn
        self._existing = self._layout.find(self._name)
        if self._existing is not None and self._existing.native_dtype.kind not in "iu":
            raise TaskError("ColType", f"the flag column '{self._name}' of {call.source.spec} holds no integers")
        self.new = self._existing is None
        bits = 8 if self._existing is None else 8 * self._existing.dtype.itemsize
        self._bit = call.parameters.flagbit if call.parameters.flagbit >= 0 else bits - 1
        if self._bit >= bits:
            raise TaskError("ColType", f"column '{self._name}' has {bits} bits; flagbit={self._bit} is beyond them")

    def rows(self, selected: Selected) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        stored = selected.chunk.rows
        width = self._layout.width
        raw = np.frombuffer(stored.tobytes(), np.uint8).reshape(len(stored), width)
        rejected = np.zeros(len(stored), bool) if selected.mask is None else ~selected.mask
        if self._existing is None:
            flag = (rejected * np.uint8(1 << self._bit)).astype(np.uint8)
            return np.concatenate((raw, flag[:, None]), axis=1)
        out = raw.copy()
        place = self._existing.offset + self._existing.dtype.itemsize - 1 - self._bit // 8
        mask = np.uint8(1 << self._bit % 8)
        out[:, place] = np.where(rejected, out[:, place] | mask, out[:, place] & ~mask)
        return out

    def describe(self, header: Header) -> None:
        if self._existing is None:
            number = len(self._layout.columns) + 1
            header.set("NAXIS1", self._layout.width + 1)
            header.set("TFIELDS", number)
            place = max(header.index(key) for key in (f"TUNIT{number - 1}", f"TFORM{number - 1}") if key in header)
            header.insert(place + 1, f"TTYPE{number}", self._name, _FLAG_COMMENT)
            header.insert(place + 2, f"TFORM{number}", "B", "data format of field: BYTE")


def _old_flag_column(call: Call) -> int | None:
    """Number of a flag column that evselect added before, which a destructive selection removes."""
    column = call.source.layout.find(call.parameters.flagcolumn)
    if column is None or column.number != len(call.source.layout.columns):
        return None
    return column.number if call.source.header.comment(f"TTYPE{column.number}") == _FLAG_COMMENT else None


def _without(rows: NDArray[Any], number: int, width: int) -> NDArray[np.uint8]:
    """Rows without their last byte, the flag that evselect added as column `number`."""
    assert number > 0
    raw = np.frombuffer(rows.tobytes(), np.uint8).reshape(-1, width)
    return np.ascontiguousarray(raw[:, :-1])


def _drop_column(header: Header, number: int) -> None:
    header.set("NAXIS1", header.get("NAXIS1") - 1)
    header.set("TFIELDS", number - 1)
    header.remove(re.compile(rf"T[A-Z]{{4,5}}{number}").fullmatch)


def _before_column_cards(header: Header) -> int:
    """Place before the trailing TLMINn, TDMINn... of SAS's lists; the end where there are none."""
    start = header.index("EXTNAME")
    for place, keyword in enumerate(header):
        if place > start and _COLUMN_CARD.fullmatch(keyword):
            return place
    return len(header)
