"""Calibration constituents: what their primary headers say, and which of them belong to an observation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

IDENTITY: Final = ("SCOPE", "TYPEID", "ISSUE", "VALDATE")
"""Keywords without which a file is no constituent."""
_DATED: Final = ("CATEGORY", "DATE", "SUBDATE")
_DATE_LENGTH = 19
_REDO = "take it out of the folder or get it again"


@dataclass(frozen=True, slots=True)
class Constituent:
    """One constituent of the current calibration file, as one row of CALINDEX describes it.

    Attributes
    ----------
    scope, type_id, issue
        SCOPE (EMOS1 ... XRT3, XMM), TYPEID (LINCOORD ...) and ISSUE.
    valid_from, valid_to : str
        VALDATE and EVALDATE, UTC to the second (``2004-06-17T10:38:28``); an empty end is no end.
    file : str
        Path or base name.
    created, submitted : str
        DATE and SUBDATE, UTC to the second.
    size : int
        Bytes of the file, unpacked where it is gzipped.
    sequence, extensions : str
        EXTSEQU (how the order of the extensions matters) and EXTSEQID (their names in order).
    digest : str
        MD5 of the whole file, unpacked, in hexadecimal; empty until `with_digest` has read it.
    creator, telescope, category : str
        CREATOR, TELESCOP and CATEGORY.
    """

    scope: str
    type_id: str
    issue: int
    valid_from: str
    valid_to: str
    file: str
    created: str
    submitted: str
    size: int
    sequence: str
    extensions: str
    digest: str
    creator: str
    telescope: str = "XMM"
    category: str = "XMMCCF"

    @property
    def key(self) -> tuple[str, str]:
        """Scope and type: an index holds one constituent of each."""
        return self.scope, self.type_id

    def is_valid(self, observation: str, analysis: str) -> bool:
        """Whether it covers the observation date and was public at the analysis date.

        Parameters
        ----------
        observation, analysis : str
            Dates as `iso_date` writes them; in that form texts sort as times do.
        """
        begun = self.valid_from <= observation and self.submitted <= analysis
        return begun and (not self.valid_to or observation <= self.valid_to)


class NotAConstituent(FileProblem):
    """A FITS file whose primary header lacks keywords that every constituent has.

    Attributes
    ----------
    missing : tuple of str
        The keywords.
    """

    def __init__(self, path: str | Path, missing: Iterable[str]) -> None:
        self.missing = tuple(missing)
        super().__init__(path, f"has no {', '.join(self.missing)} in its primary header", _REDO)


def read_constituent(path: str | Path) -> Constituent:
    """Read the primary header of a constituent; the digest is left to `with_digest`.

    Raises
    ------
    NotAConstituent
        When a keyword that every constituent has is missing.
    FileProblem
        When the file is no FITS file, is cut short, or a date or the issue cannot be read.
    """
    with FitsFile(path) as file:
        values = file.hdus[0].values
        names = [hdu.name for hdu in file.hdus[1:]]
        size = file.stream.seek(0, 2)
    missing = [keyword for keyword in (*IDENTITY, *_DATED) if keyword not in values]
    if missing:
        raise NotAConstituent(path, missing)
    issue = values["ISSUE"]
    if not isinstance(issue, int) or not 0 <= issue < 2**15:
        raise FileProblem(path, f"has no whole number in ISSUE ({issue!r})", _REDO)
    try:
        dates = {
            keyword: iso_date(str(values.get(keyword, "")), end=keyword == "EVALDATE")
            for keyword in ("VALDATE", "EVALDATE", "DATE", "SUBDATE")
            if str(values.get(keyword, "")).strip()
        }
    except ValueError as error:
        raise FileProblem(path, f"has a date that cannot be read ({error})", _REDO) from None
    return Constituent(
        scope=str(values["SCOPE"]).strip(),
        type_id=str(values["TYPEID"]).strip(),
        issue=issue,
        valid_from=dates.get("VALDATE", ""),
        valid_to=dates.get("EVALDATE", ""),
        file=str(path),
        created=dates.get("DATE", ""),
        submitted=dates.get("SUBDATE", ""),
        size=size,
        sequence=str(values.get("EXTSEQU", "ANY")).strip() or "ANY",
        extensions=str(values.get("EXTSEQID", "")).strip() or " ".join(names),
        digest="",
        creator=str(values.get("CREATOR", "")).strip(),
        telescope=str(values.get("TELESCOP", "XMM")).strip() or "XMM",
        category=str(values["CATEGORY"]).strip(),
    )


def file_digest(path: str | Path) -> str:
    """MD5 of a whole file, unpacked where it is gzipped, as CALINDEX has it in its column MD5."""
    digest = hashlib.md5(usedforsecurity=False)
    with FitsFile(path) as file:
        file.stream.seek(0)
        while piece := file.stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def applicable(constituents: Iterable[Constituent], observation: str, analysis: str) -> list[Constituent]:
    """Choose for each scope and type the valid constituent with the highest issue.

    Parameters
    ----------
    constituents : iterable of Constituent
        All there are; of two with the same scope, type and issue the first counts.
    observation, analysis : str
        Dates as `iso_date` writes them.

    Returns
    -------
    list of Constituent
        Sorted by scope and type.
    """
    best: dict[tuple[str, str], Constituent] = {}
    for candidate in constituents:
        if not candidate.is_valid(observation, analysis):
            continue
        known = best.get(candidate.key)
        if known is None or candidate.issue > known.issue:
            best[candidate.key] = candidate
    return [best[key] for key in sorted(best)]


def iso_date(text: str, *, now: datetime | None = None, end: bool = False) -> str:
    """Bring a date to ``yyyy-mm-ddThh:mm:ss``, UTC; fractions of a second are dropped.

    Parameters
    ----------
    text : str
        A date, or a date and a time, ISO 8601; ``now`` where `now` is given.
    now : datetime, optional
        What ``now`` means.
    end : bool
        Whether a date without a time means the end of that day, not its begin.

    Raises
    ------
    ValueError
        When it is no date.
    """
    wanted = text.strip()
    if now is not None and wanted.lower() == "now":
        moment = now
    else:
        try:
            moment = datetime.fromisoformat(wanted)
        except ValueError:
            raise ValueError(f"'{text}' is no date like 2004-06-17T10:38:28") from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    if end and len(wanted) <= len("2004-06-17"):
        moment = moment.replace(hour=23, minute=59, second=59)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")[:_DATE_LENGTH]
