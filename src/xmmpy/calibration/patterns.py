"""Shapes of events: which pixels belong to a PATTERN, from the nominal table that stands for PATTERNLIB."""

from __future__ import annotations

from functools import cache
from typing import Final

from xmmpy.calibration.nominal import read_table

DIAGONALS: Final = range(26, 30)
"""MOS patterns of two pixels that touch at a corner: two photons rather than one."""
OTHER_ISOLATED: Final = range(13, 26)
"""MOS patterns of other isolated shapes."""
TOUCHING: Final = (30, 31)
"""MOS patterns that are not isolated: 30 touches a pixel at a corner, 31 anything."""


@cache
def pattern_pixels() -> dict[int, tuple[tuple[int, int], ...]]:
    """Steps along (RAWX, RAWY) from the pixel of most charge to the other pixels of each pattern in the table."""
    shapes = {}
    for row in read_table("patterns").rows:
        steps = [step.split() for step in row["pixels"].split(";") if step]
        shapes[int(row["pattern"])] = tuple((int(x), int(y)) for x, y in steps)
    return shapes


@cache
def pattern_numbers() -> dict[frozenset[tuple[int, int]], int]:
    """The other way round: set of steps to pattern."""
    return {frozenset(steps): number for number, steps in pattern_pixels().items()}
