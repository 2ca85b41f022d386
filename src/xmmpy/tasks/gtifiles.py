"""Write good time intervals as the tasks do: into a file of their own, or as a table of an existing one."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import BLOCK, FitsFile, split_block
from xmmpy.products.gti import TIME_KEYWORDS, gti_hdu
from xmmpy.products.header import Header as ByteHeader
from xmmpy.products.history import mark_modified, record_creation
from xmmpy.products.writing import write_hdus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io.fits import BinTableHDU, Header

    from xmmpy.products.history import Provenance
    from xmmpy.products.intervals import Intervals
    from xmmpy.tasks.parameters import TaskParameters
    from xmmpy.tasks.session import Session

DEFAULT_TABLE = "STDGTI"
_NUMBERS = frozenset({"MJDREF", "TIMEZERO"})
_FLAGS = frozenset({"CLOCKAPP"})
_LONGEST_WORD = 16
_LONGEST_COMMENT = 47  # what a card has room for behind a number


def check_gti_output(spec: str, session: Session) -> Path:
    """Refuse, before anything runs, a GTI table that cannot be written; see `write_gti` for `spec`.

    Raises
    ------
    TaskError
        As `Session.check_output` does; a table added to an existing file changes that file too.
    """
    return session.check_output(split_block(spec)[0])


def write_gti(
    spec: str,
    intervals: Intervals,
    session: Session,
    parameters: TaskParameters,
    *,
    times: Header | None = None,
    extra: Mapping[str, tuple[float, str]] | None = None,
) -> Path:
    """Write a table of good time intervals.

    Parameters
    ----------
    spec : str
        ``file``: a new file with the table STDGTI, in place of an old one. ``file:TABLE``: the same
        with another name; where the file exists, only that table is replaced or added.
    intervals : Intervals
        What it holds; may be empty.
    session, parameters
        The run, for the headers.
    times : Header, optional
        Header to take the time system from.
    extra : mapping of str to (float, str), optional
        More keywords with values and comments.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    FileProblem
        When the file cannot be written, or an existing one not be read.
    """
    from astropy.io import fits

    name, block = split_block(spec)
    path = Path(name)
    table = gti_hdu(intervals, block.upper() or DEFAULT_TABLE, times=_sound(times))
    for keyword, (value, comment) in (extra or {}).items():
        table.header[keyword] = (value, comment)
    if block and path.exists():
        _put_into(path, table, session.provenance(parameters))
        return path
    primary = fits.PrimaryHDU()
    record_creation(primary.header, session.provenance(parameters))
    write_hdus(path, [primary, table])
    return path


def _sound(times: Header | None) -> Header | None:
    """Take the keywords of the time system from a header, those alone that are what they should be.

    A damaged one would make a table that others cannot read; XMM's own value takes its place.
    """
    from astropy.io import fits

    if times is None:
        return None
    sound = fits.Header()
    for keyword in TIME_KEYWORDS:
        value, comment = times.get(keyword), times.comments[keyword] if keyword in times else ""
        if keyword in _FLAGS:
            usable = isinstance(value, bool)
        elif keyword in _NUMBERS:
            usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        else:
            usable = isinstance(value, str) and len(value) <= _LONGEST_WORD
        if usable:
            sound[keyword] = (value, comment[:_LONGEST_COMMENT])
    return sound


def _put_into(path: Path, table: BinTableHDU, provenance: Provenance) -> None:
    """Copy a file block by block, with one table replaced, or added at the end."""
    from astropy.io import fits

    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(buffer, output_verify="exception")
    new = buffer.getvalue()[BLOCK:]
    with FitsFile(path) as file:
        header = ByteHeader.parse(file.hdus[0].raw_header)
        mark_modified(header, provenance)
        changed = header.to_bytes()
        name = str(table.header["EXTNAME"]).strip()
        try:
            with atomic_path(path) as temporary, temporary.open("wb") as target:
                replaced = False
                for hdu in file.hdus:
                    if hdu.index and hdu.name == name and not replaced:
                        target.write(new)
                        replaced = True
                    else:
                        file.copy(hdu, target, changed if hdu.index == 0 else None)
                if not replaced:
                    target.write(new)
        except OSError as error:
            problem = f"cannot be written ({error.strerror or error})"
            raise FileProblem(path, problem, "check the folder and the free space") from None
