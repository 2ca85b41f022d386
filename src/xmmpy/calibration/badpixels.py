"""Bad pixels of a CCD, as the tables BADPIX of event lists and constituents hold them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class BadKind(IntEnum):
    """TYPE (Data Files Handbook)."""

    HOT = 1
    FLICKERING = 2
    DEAD = 3


class BadOrigin(IntEnum):
    """BADFLAG: masked on board, listed in the calibration, or found in the data."""

    ON_BOARD = 1
    CALIBRATION = 2
    FOUND = 3


@dataclass(frozen=True, slots=True, eq=False)
class BadPixels:
    """Bad pixels of one CCD; arrays of int16 of one length.

    Attributes
    ----------
    rawx, rawy : ndarray of int16
        First pixel, counted from 1 as in event lists.
    kind : ndarray of int16
        TYPE, see `BadKind`.
    extent : ndarray of int16
        YEXTENT: number of pixels along RAWY.
    origin : ndarray of int16
        BADFLAG, see `BadOrigin`.
    """

    rawx: NDArray[np.int16]
    rawy: NDArray[np.int16]
    kind: NDArray[np.int16]
    extent: NDArray[np.int16]
    origin: NDArray[np.int16]

    def __len__(self) -> int:
        return int(self.rawx.size)

    @classmethod
    def none(cls) -> BadPixels:
        """No bad pixel."""
        return cls(*(np.zeros(0, np.int16) for _ in range(5)))

    @classmethod
    def join(cls, *parts: BadPixels) -> BadPixels:
        """All rows of several tables."""
        if not parts:
            return cls.none()
        return cls(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("rawx", "rawy", "kind", "extent", "origin")
            )
        )
