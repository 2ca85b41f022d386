"""Raw events and frames of one CCD as the camera sent them down: columns of the files IME, RIE, TIE, CTE, BUE and AUX.

Nothing is corrected here: RAWX, RAWY count from the corner of the window, energies are in channels (adu).
Sources of the columns: Data Files Handbook, and the real ODF 0135730701.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a CCD that is read out, and how.

    Attributes
    ----------
    x0, y0 : int
        WINDOWX0, WINDOWY0: telemetered coordinates of its first pixel.
    width, height : int
        WINDOWDX, WINDOWDY (pixels); MOS: 610 x 602 with over- and underscan, pn: 64 x 200.
    low, high : int
        Thresholds (adu): EMDHLOW and EMDHUPP of MOS; of pn the lower threshold (20) and 4095.
    """

    x0: int = 0
    y0: int = 0
    width: int = 0
    height: int = 0
    low: int = 0
    high: int = 4095


@dataclass(frozen=True, slots=True, eq=False)
class MosEvents:
    """Raw events of one node of one MOS CCD (IME, RIE); arrays of one length, in the order of the file.

    Attributes
    ----------
    frame : ndarray of int32
        FRAME.
    rawx, rawy : ndarray of int16
        RAWX, RAWY as telemetered; 0 is the first overscan column or row of the CCD.
    e1, e2, e3, e4 : ndarray of int16
        ENERGYE1 to ENERGYE4 (channel); zeros for types without them.
    pattern, peripix : ndarray of uint8
        PATTERN (0 to 31), PERIPIX.
    """

    frame: NDArray[np.int32]
    rawx: NDArray[np.int16]
    rawy: NDArray[np.int16]
    e1: NDArray[np.int16]
    e2: NDArray[np.int16]
    e3: NDArray[np.int16]
    e4: NDArray[np.int16]
    pattern: NDArray[np.uint8]
    peripix: NDArray[np.uint8]

    def __len__(self) -> int:
        return int(self.frame.size)


@dataclass(frozen=True, slots=True, eq=False)
class MosFrameTable:
    """Rows of AUX of one node of one MOS CCD, in the order of FRAME; arrays of one length.

    Attributes
    ----------
    frame : ndarray of int32
        FRAME.
    end : ndarray of float64
        Time stamp: the end of the integration (MET, s), from FTCOARSE, FTFINE and the clock.
    npixel, nvalid, nbelow, nabove : ndarray of int32
        Pixels above the EDU threshold, events that were sent, events below and above the thresholds of the EMDH.
    gatti, overflow : ndarray of bool
        GATTIFLG, FIFOOVF.
    """

    frame: NDArray[np.int32]
    end: NDArray[np.float64]
    npixel: NDArray[np.int32]
    nvalid: NDArray[np.int32]
    nbelow: NDArray[np.int32]
    nabove: NDArray[np.int32]
    gatti: NDArray[np.bool_]
    overflow: NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.frame.size)


@dataclass(frozen=True, slots=True, eq=False)
class PnEvents:
    """Raw events (pixels above threshold) of one pn CCD (IME, TIE, BUE); arrays of one length, in the file's order.

    Attributes
    ----------
    frame : ndarray of int32
        FRAME.
    rawx : ndarray of uint8
        RAWX (0 to 63).
    rawy : ndarray of uint8
        RAWY (0 to 199).
    energy : ndarray of int16
        ENERGY (adu).
    """

    frame: NDArray[np.int32]
    rawx: NDArray[np.uint8]
    rawy: NDArray[np.uint8]
    energy: NDArray[np.int16]

    def __len__(self) -> int:
        return int(self.frame.size)


@dataclass(frozen=True, slots=True, eq=False)
class PnFrameTable:
    """Frames of one pn CCD (PNAUX1) and the housekeeping of its quadrant by cycle (PNAUX2).

    Attributes
    ----------
    frame : ndarray of int32, shape (n,)
        FRAME, in order; empty frames may be missing.
    end : ndarray of float64, shape (n,)
        Time stamp: the end of the integration (MET, s).
    cycle : ndarray of int32, shape (n,)
        CYCLE that the frame belongs to.
    cycles : ndarray of int32, shape (m,)
        CYCLE of the rows of PNAUX2 of this quadrant, in order.
    nabove, ndefa, nepdh, ndiscarded : ndarray of int32, shape (m,)
        NABOVE, NDEFA, NEPDH, NDISCLIN: pixels above threshold, events sent by the quadrant, events taken by the data
        handling, columns discarded because of a particle (MIP) in them; sums over the CCDs of the quadrant.
    counting : ndarray of bool, shape (m,)
        MCOMMODE: the quadrant only counted in this cycle.
    """

    frame: NDArray[np.int32]
    end: NDArray[np.float64]
    cycle: NDArray[np.int32]
    cycles: NDArray[np.int32]
    nabove: NDArray[np.int32]
    ndefa: NDArray[np.int32]
    nepdh: NDArray[np.int32]
    ndiscarded: NDArray[np.int32]
    counting: NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.frame.size)
