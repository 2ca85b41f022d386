"""What the calibration of one CCD comes to: columns of its events, its frames, its good time, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.calibration.badpixels import BadPixels
    from xmmpy.events.livetime import Frames
    from xmmpy.products.intervals import Intervals


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of some raw events.

    Attributes
    ----------
    reason : str
        In a few words, such as ``in a frame without housekeeping``; the same words for all CCDs.
    events : int
        How many raw events.
    """

    reason: str
    events: int


@dataclass(frozen=True, slots=True, eq=False)
class CcdEvents:
    """Columns of the event list of one CCD (MOS: one node); arrays of one length in the order of TIME's frames.

    Attributes
    ----------
    time : ndarray of float64
        TIME (MET, s), randomised within the frame where asked for.
    time_raw : ndarray of float64 or None
        TIME_RAW of pn: centre of the frame.
    rawx, rawy : ndarray of int16
        RAWX, RAWY of event lists, from 1.
    detx, dety : ndarray of int16 or None
        DETX, DETY (0.05 arcsec); None in timing modes.
    pha : ndarray of int16
        PHA (adu).
    pi : ndarray of int16
        PI (eV).
    flag : ndarray of int32
        FLAG.
    pattern : ndarray of uint8
        PATTERN.
    pat_id : ndarray of int16 or None
        PAT_ID of pn.
    pat_seq : ndarray of uint8 or None
        PAT_SEQ of pn.
    """

    time: NDArray[np.float64]
    rawx: NDArray[np.int16]
    rawy: NDArray[np.int16]
    detx: NDArray[np.int16] | None
    dety: NDArray[np.int16] | None
    pha: NDArray[np.int16]
    pi: NDArray[np.int16]
    flag: NDArray[np.int32]
    pattern: NDArray[np.uint8]
    pat_id: NDArray[np.int16] | None = None
    pat_seq: NDArray[np.uint8] | None = None
    time_raw: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return int(self.time.size)


_NONE: Final = np.zeros(0, np.int16)
NO_EVENTS: Final = CcdEvents(
    np.zeros(0), _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0, np.int32), np.zeros(0, np.uint8)
)
"""An empty list."""


@dataclass(frozen=True, slots=True, eq=False)
class CalibratedCcd:
    """One CCD (MOS: one node) calibrated.

    Attributes
    ----------
    ccdnr : int
        CCDNR: the CCD; of MOS plus 10 times the node.
    events : CcdEvents
        Rows for the list: those that pass the filter of emproc or epproc.
    frames : Frames
        EXPOSUnn: centres, lengths, FRACEXP.
    good : Intervals
        STDGTInn.
    bad_pixels : BadPixels
        BADPIXnn: all known and found.
    offsets : ndarray of int16, shape (n, 3)
        Rows of OFFSETS: RAWX, OFFSETX, OFFSETY (adu; OFFSETY is zero for pn).
    raw_events : int
        Raw events that came in.
    fates : tuple of Fate
        What became of raw events that are no row of the list; with ``len(events)`` they add up to `raw_events` less
        those that were split in two (a fate with a negative number).
    facts : mapping of str to number
        What the header tells: frames read, lost, with overflow, MIPs, discarded columns (the keywords of EXPOSUnn).
    discarded_lines : ndarray of int32, shape (rows of the CCD, 2), or None
        DLIODF, DLISAS of pn (DLIMAPnn).
    discarded_columns : tuple of ndarray, or None
        TIME, DSLIN of pn (HKAUXnn).
    """

    ccdnr: int
    events: CcdEvents
    frames: Frames
    good: Intervals
    bad_pixels: BadPixels
    offsets: NDArray[np.int16]
    raw_events: int
    fates: tuple[Fate, ...]
    facts: dict[str, float]
    discarded_lines: NDArray[np.int32] | None = None
    discarded_columns: tuple[NDArray[np.float64], NDArray[np.float32]] | None = None
