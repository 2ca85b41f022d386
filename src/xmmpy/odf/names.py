"""Names of the files in an ODF, ``RRRR_OOOOOOOOOO_IIUEEECCTTT.ZZZ`` (Data Files Handbook, table 1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Instruments in the order in which a summary file lists them.
INSTRUMENTS = ("M1", "M2", "R1", "R2", "PN", "OM")
#: INSTRUME keywords of instrument codes.
INSTRUMENT_NAMES = {
    "M1": "EMOS1", "M2": "EMOS2", "PN": "EPN", "R1": "RGS1", "R2": "RGS2", "OM": "OM", "RM": "ERM", "SC": "SC",
}  # fmt: skip
EPIC = ("M1", "M2", "PN")

#: Types of EPIC files that hold the events of one CCD, and their data mode.
EVENT_TYPES = {
    "IME": "Imaging", "RIE": "ReducedImaging", "TIE": "Timing", "CTE": "CompressedTiming", "BUE": "Burst",
}  # fmt: skip

_NAME = re.compile(
    r"(?P<revolution>\d{4})_(?P<observation>\d{10})_(?P<instrument>M1|M2|PN|R1|R2|OM|RM|SC)(?P<schedule>[SUX])"
    r"(?P<exposure>\d{3})(?P<part>[0-9A-Z]{2})(?P<kind>[0-9A-Z]{3})\.(?P<suffix>FIT|FTZ|ASC|SAS)"
    r"(?P<packed>\.gz)?\Z",
    re.IGNORECASE,
)
_CCD_FIRST = frozenset({"M1", "M2"})  # one digit for the CCD, one for the read-out node


@dataclass(frozen=True, slots=True, order=True)
class OdfName:
    """The name of one file of an ODF, in its parts.

    Attributes
    ----------
    revolution, observation : str
        Four and ten digits.
    instrument : str
        ``M1``, ``M2``, ``PN``, ``R1``, ``R2``, ``OM``, ``RM`` (radiation monitor) or ``SC`` (spacecraft).
    schedule : str
        ``S`` scheduled, ``U`` unscheduled, ``X`` not of an exposure.
    exposure : int
        Number of the exposure; 0 for a file of the whole observation.
    part : str
        CCD and read-out node (MOS), CCD (pn, RGS), window (OM); ``00`` for files of all.
    kind : str
        Three letters that say what is in it: ``IME``, ``AUX``, ``ATS``, ...
    suffix : str
        ``FIT``, ``ASC`` or ``SAS``.
    """

    revolution: str
    observation: str
    instrument: str
    schedule: str
    exposure: int
    part: str
    kind: str
    suffix: str = "FIT"

    def __str__(self) -> str:
        """The name as it stands in the archive."""
        return (
            f"{self.revolution}_{self.observation}_{self.instrument}{self.schedule}"
            f"{self.exposure:03d}{self.part}{self.kind}.{self.suffix}"
        )

    @property
    def exposure_id(self) -> str:
        """Identifier of the exposure within its instrument: ``S001``, ``U002``."""
        return f"{self.schedule}{self.exposure:03d}"

    @property
    def ccd(self) -> int:
        """Number of the CCD; 0 for files of all CCDs and where the part holds no number."""
        text = self.part[0] if self.instrument in _CCD_FIRST else self.part
        return int(text) if text.isdecimal() else 0

    @property
    def node(self) -> int:
        """Read-out node of a MOS CCD: 0 or 1; 0 elsewhere."""
        return int(self.part[1]) if self.instrument in _CCD_FIRST and self.part[1].isdecimal() else 0

    @property
    def is_events(self) -> bool:
        """Whether the file holds the events of a CCD of an EPIC camera."""
        return self.instrument in EPIC and self.kind in EVENT_TYPES


def parse_name(name: str) -> OdfName | None:
    """Take a file's name (without folder) apart.

    Parameters
    ----------
    name : str
        Upper or lower case; ``.gz`` may follow, and ``.FTZ`` counts as ``.FIT``.

    Returns
    -------
    OdfName or None
        None where it is no name of an ODF file.
    """
    match = _NAME.match(name)
    if match is None:
        return None
    suffix = match["suffix"].upper()
    return OdfName(
        revolution=match["revolution"],
        observation=match["observation"],
        instrument=match["instrument"].upper(),
        schedule=match["schedule"].upper(),
        exposure=int(match["exposure"]),
        part=match["part"].upper(),
        kind=match["kind"].upper(),
        suffix="FIT" if suffix == "FTZ" else suffix,
    )
