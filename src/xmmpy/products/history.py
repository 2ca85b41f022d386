"""How a product was made, kept in its header as SAS keeps it: XPROC0, CREATOR, DATE, HISTORY."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from astropy.io.fits import Header


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


def record_modification(header: Header, provenance: Provenance) -> None:
    """Write XPROC0 and a HISTORY line into the primary header of a file that was filtered or changed.

    Earlier calls move up: what was XPROC0 becomes XPROC1, and so on.
    """
    calls = []
    while f"XPROC{len(calls)}" in header:
        calls.append(header[f"XPROC{len(calls)}"])
    for number in reversed(range(len(calls))):
        del header[f"XPROC{number}"]
    for number, call in reversed(list(enumerate([provenance.process, *calls]))):
        _set_first(header, f"XPROC{number}", call, "")
    header.set("DATE", provenance.stamp, "creation date")
    header.add_history(f"Modified by {provenance.signature} at {provenance.stamp[:19]}")


def _set_first(header: Header, keyword: str, value: str, comment: str) -> None:
    """Put a keyword behind the mandatory ones at the head of a header."""
    if keyword in header:
        del header[keyword]
    anchor = "NAXIS"
    for candidate in ("NAXIS2", "NAXIS1", "EXTEND"):
        if candidate in header and (candidate != "EXTEND" or header.index(candidate) > header.index(anchor)):
            anchor = candidate
    if "EXTEND" in header and header.index("EXTEND") > header.index(anchor):
        anchor = "EXTEND"
    header.set(keyword, value, comment, after=anchor)
