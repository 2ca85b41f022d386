"""What becomes of raw events: the first reason for which each is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.events.calibrated import Fate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

OTHER: Final = "rejected by another flag"


def sift(
    flag: NDArray[np.int32], rejected: int, reasons: Sequence[tuple[int, str]]
) -> tuple[NDArray[np.bool_], list[Fate]]:
    """Events without rejected bits, and the first reason of every other one.

    Parameters
    ----------
    flag : ndarray of int32, shape (n,)
        FLAG.
    rejected : int
        Bits that reject an event.
    reasons : sequence of (int, str)
        Bits in the order in which they count, and their words.

    Returns
    -------
    kept : ndarray of bool, shape (n,)
        Events that stay.
    fates : list of Fate
        Their numbers add up to the events that go.
    """
    bad = (flag & np.int32(rejected)) != 0
    left = flag[bad]
    fates = []
    for bit, reason in reasons:
        if not rejected & bit:
            continue
        mine = (left & np.int32(bit)) != 0
        fates.append(Fate(reason, int(mine.sum())))
        left = left[~mine]
    fates.append(Fate(OTHER, int(left.size)))
    return ~bad, fates
