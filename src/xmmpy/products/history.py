"""How a product was made, kept in its header as SAS keeps it: XPROC0, CREATOR, DATE, HISTORY."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

_STRUCTURE = re.compile(r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT")
_MADE_ANEW = re.compile(
    rf"{_STRUCTURE.pattern}|TFIELDS|XPROC\d+|XDAL\d+|CREATOR|DATE|HISTORY|COMMENT"
    r"|CHECKSUM|DATASUM|CONTINUE|BLANK|BSCALE|BZERO|"
)

if TYPE_CHECKING:
    from datetime import datetime

    from astropy.io.fits import Header

    from xmmpy.products.header import Header as ByteHeader


def is_made_anew(keyword: str) -> bool:
    """Whether a keyword tells how a file is laid out or made, which a product does not take over from its input."""
    return _MADE_ANEW.fullmatch(keyword) is not None


@dataclass(frozen=True, slots=True)
class Provenance:
    """The task that made or changed a file.

    Attributes
    ----------
    task : str
        Name of the task.
    call : str
        The whole call with all parameters.
    version : str
        Version of XMM-Python.
    date : datetime
        Time of writing, UTC.
    """

    task: str
    call: str
    version: str
    date: datetime

    @property
    def signature(self) -> str:
        """Name and version, as in ``evselect (evselect-0.1.0) [xmm-python-0.1.0]``."""
        return f"{self.task} ({self.task}-{self.version}) [xmm-python-{self.version}]"

    @property
    def stamp(self) -> str:
        """The date in the form of SAS's DATE keyword."""
        return self.date.strftime("%Y-%m-%dT%H:%M:%S.000")

    @property
    def process(self) -> str:
        """Value of XPROC0."""
        return f"{self.call} # ({self.task}-{self.version}) [xmm-python-{self.version}]"


def record_creation(header: Header, provenance: Provenance) -> None:
    """Write XPROC0, CREATOR, DATE and a HISTORY line into the primary header of a new product."""
    _set_first(header, "XPROC0", provenance.process, "")
    header.set("CREATOR", provenance.signature, "name of code", after="XPROC0")
    header.set("DATE", provenance.stamp, "creation date", after="CREATOR")
    header.add_history(f"Created by {provenance.signature} at {provenance.stamp[:19]}")


def creation_entries(provenance: Provenance) -> list[tuple[str, str, str]]:
    """XPROC0, CREATOR and DATE of a new product."""
    return [
        ("XPROC0", provenance.process, ""),
        ("CREATOR", provenance.signature, "name of code"),
        ("DATE", provenance.stamp, "creation date"),
    ]


def mark_modified(header: ByteHeader, provenance: Provenance) -> None:
    """Write XPROC0, DATE and a HISTORY line into the primary header of a file that was filtered or changed.

    XPROC0 holds the latest call, as in SAS's filtered lists; HISTORY keeps the names of all.
    """
    header.remove(lambda keyword: keyword.startswith(("XPROC", "XDAL")))
    place = next((n for n, keyword in enumerate(header) if not _STRUCTURE.fullmatch(keyword)), len(header))
    header.insert(place, "XPROC0", provenance.process)
    header.set("DATE", provenance.stamp, "creation date")
    header.add_history(f"Modified by {provenance.signature} at {provenance.stamp[:19]}")


def _set_first(header: Header, keyword: str, value: str, comment: str) -> None:
    """Put a keyword at the head of a header, behind the cards that describe its structure."""
    if keyword in header:
        del header[keyword]
    place = 0
    for card in header.cards:
        if not _STRUCTURE.fullmatch(card.keyword):
            break
        place += 1
    header.insert(place, (keyword, value, comment))
