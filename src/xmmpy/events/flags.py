"""Bits of FLAG, as the keywords XMMEA_n of real event lists name them, and the masks that select on them.

Source: XMMEA_n, XMMEA_EM, XMMEA_EP and XMMEA_SM in the headers of public MOS and pn lists; task page evatt.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final


class MosFlag(IntFlag):
    """Bits of FLAG of a MOS event."""

    DIAGONAL = 1 << 0
    CLOSE_TO_CCD_BORDER = 1 << 1
    CLOSE_TO_ONBOARD_BADPIX = 1 << 5
    CLOSE_TO_BRIGHTPIX = 1 << 6
    CLOSE_TO_DEADPIX = 1 << 8
    CLOSE_TO_BADCOL = 1 << 9
    CLOSE_TO_BADROW = 1 << 10
    IN_SPOILED_FRAME = 1 << 11
    ON_BADOFFSET = 1 << 13
    FLICKERING = 1 << 15
    OUT_OF_FOV = 1 << 16
    IN_BAD_FRAME = 1 << 17
    COSMIC_RAY = 1 << 19
    ON_BADPIX = 1 << 21
    REJECTED_BY_GATTI = 1 << 22
    OUT_OF_CCD_WINDOW = 1 << 25
    OUTSIDE_THRESHOLDS = 1 << 26
    ON_BADROW = 1 << 28
    BAD_E3E4 = 1 << 29
    UNDERSHOOT = 1 << 30


class PnFlag(IntFlag):
    """Bits of FLAG of a pn event."""

    INVALID_PATTERN = 1 << 0
    CLOSE_TO_CCD_WINDOW = 1 << 2
    ON_OFFSET_COLUMN = 1 << 3
    NEXT_TO_OFFSET_COLUMN = 1 << 4
    CLOSE_TO_ONBOARD_BADPIX = 1 << 5
    CLOSE_TO_BRIGHTPIX = 1 << 6
    CLOSE_TO_DEADPIX = 1 << 8
    IN_SPOILED_FRAME = 1 << 11
    OUT_OF_FOV = 1 << 16
    IN_BAD_FRAME = 1 << 17
    COSMIC_RAY = 1 << 19
    MIP_ASSOCIATED = 1 << 20
    ON_BADPIX = 1 << 21
    SECONDARY = 1 << 22
    TRAILING = 1 << 23
    OUT_OF_CCD_WINDOW = 1 << 25


XMMEA_EM: Final = 0x766BA000
"""#XMMEA_EM selects MOS events with none of these bits."""
XMMEA_EP: Final = 0xCFA0000
"""#XMMEA_EP selects pn events with none of these bits."""
EMPROC_REJECTED: Final = 0x762A0000
"""MOS events with one of these bits never reach the list of emproc or emchain."""
