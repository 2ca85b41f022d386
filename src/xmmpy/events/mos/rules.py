"""Rules for MOS events: which are valid, which patterns are split, what their energies E1 to E4 tell."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.calibration.patterns import DIAGONALS, TOUCHING, pattern_pixels
from xmmpy.events.flags import MosFlag

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from xmmpy.odf.raw import Window

PRESCAN: Final = 5
"""Columns before the first that sees light: events of the real ODF 0135730701 have RAWX 6 to 605, lists 1 to 600."""
SIDE: Final = 600
LARGEST_ENERGY: Final = 3850
"""E1 (adu) from which on the converter of 12 bits may have stopped, after which nothing tells the energy.

It stops at 4095, and the offset of the pixel is taken off before E1 is sent. In the real ODF 0135730701 such events
pile up between 3850 and 4024, so that offsets reach 245 adu. SAS knows the offset of each pixel and keeps the few
events above 3850 adu (13 keV) of pixels with small ones.
"""
NO_BACKGROUND: Final = -16384
"""E4 of an event whose surroundings could not be measured (real ODF 0135730701)."""
_INNER_RING: Final = 8
_OUTER_RING: Final = 16
_RING_LIMIT: Final = 100.0
"""How far E3 may be from what E4 foretells (adu): four times the usual threshold of a pixel (EDUTHR 25)."""
_PIXELS: Final = np.array([1] + [2] * 4 + [3] * 4 + [4] * 4 + [3] * 13 + [2] * 4 + [3, 3], np.int16)


@dataclass(frozen=True, slots=True, eq=False)
class Working:
    """Events on their way; arrays of one length.

    Attributes
    ----------
    frame : ndarray of intp
        Place among the frames of the CCD.
    rawx, rawy : ndarray of int16
        Pixels of the CCD, from 1.
    charge : ndarray of int32
        PHA: E1 + E2, the pixels of the pattern above threshold (adu).
    pattern : ndarray of uint8
        PATTERN.
    flag : ndarray of int32
        FLAG so far.
    ring : ndarray of int16
        E4 (adu), `NO_BACKGROUND` where it was not measured.
    """

    frame: NDArray[np.intp]
    rawx: NDArray[np.int16]
    rawy: NDArray[np.int16]
    charge: NDArray[np.int32]
    pattern: NDArray[np.uint8]
    flag: NDArray[np.int32]
    ring: NDArray[np.int16]

    def __len__(self) -> int:
        return int(self.frame.size)

    def take(self, kept: NDArray[Any]) -> Working:
        """Only these rows."""
        return Working(*(getattr(self, field.name)[kept] for field in fields(self)))

    def pixels(self) -> NDArray[np.int16]:
        """How many pixels each event has."""
        return _PIXELS[self.pattern]


def ccd_pixels(
    rawx: NDArray[np.int16], rawy: NDArray[np.int16], window: Window, node: int
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """RAWX, RAWY on the CCD: the corner of the window, the prescan columns, node 1 from the other side."""
    x = rawx + np.int16(window.x0 - PRESCAN)
    y = rawy + np.int16(window.y0)
    return (np.int16(SIDE + 1) - x if node else x), y


def energy_flags(
    e1: NDArray[np.int16],
    charge: NDArray[np.int32],
    e3: NDArray[np.int16],
    e4: NDArray[np.int16],
    pattern: NDArray[np.uint8],
    window: Window,
) -> NDArray[np.int32]:
    """FLAG bits that the energies of events tell.

    E3 is the sum over the pixels of the inner ring that are not of the pattern, E4 that over the 16 of the outer
    ring: without stray charge E3 / E4 is as the numbers of these pixels. The thresholds of the data handling are for
    the whole charge, E1 + E2: in the real ODF 0135730701 it fills EMDHLOW to EMDHUPP and goes to neither side.
    """
    measured = e4 != NO_BACKGROUND
    left = (_INNER_RING + 1 - _PIXELS[pattern]).astype(np.float32)
    excess = e3 - e4 * (left / np.float32(_OUTER_RING))
    flag = np.where(measured & (np.abs(excess) > _RING_LIMIT), np.int32(MosFlag.BAD_E3E4), np.int32(0))
    undershoot = measured & ((e4 < -_RING_LIMIT) | (e3 < -_RING_LIMIT))
    flag |= np.where(undershoot, np.int32(MosFlag.UNDERSHOOT), np.int32(0))
    outside = (charge < window.low) | (charge > window.high)
    flag |= np.where(outside, np.int32(MosFlag.OUTSIDE_THRESHOLDS), np.int32(0))
    flag |= np.where(e1 >= LARGEST_ENERGY, np.int32(MosFlag.REJECTED_BY_GATTI), np.int32(0))
    touching = (pattern >= TOUCHING[0]) & (pattern <= TOUCHING[1])
    flag |= np.where(touching, np.int32(MosFlag.COSMIC_RAY), np.int32(0))
    return flag


def split_diagonals(
    events: Working, e1: NDArray[np.int16], e2: NDArray[np.int16], node: int = 0
) -> tuple[Working, int]:
    """Make two single events of each pattern 26 to 29: pixels that touch at a corner are two photons.

    Returns
    -------
    Working, int
        The events, in the order of their frames, and how many are new.
    """
    diagonal = (events.pattern >= DIAGONALS.start) & (events.pattern < DIAGONALS.stop)
    rows = np.flatnonzero(diagonal)
    if not rows.size:
        return events, 0
    steps = np.zeros((DIAGONALS.stop, 2), np.int16)
    for number in DIAGONALS:
        steps[number] = pattern_pixels()[number][0]
    step = steps[events.pattern[rows]] * np.array([-1 if node else 1, 1], np.int16)  # node 1 reads from the other side
    charge, pattern, flag = events.charge.copy(), events.pattern.copy(), events.flag.copy()
    charge[rows], pattern[rows] = e1[rows], 0
    flag[rows] |= np.int32(MosFlag.DIAGONAL)
    first = Working(events.frame, events.rawx, events.rawy, charge, pattern, flag, events.ring)
    second = first.take(rows)
    second = Working(
        second.frame, second.rawx + step[:, 0], second.rawy + step[:, 1], e2[rows].astype(np.int32), second.pattern,
        second.flag, second.ring,
    )  # fmt: skip
    joined = Working(
        *(np.concatenate([getattr(first, field.name), getattr(second, field.name)]) for field in fields(first))
    )
    return joined.take(np.argsort(joined.frame, kind="stable")), int(rows.size)
