"""What a simulated CCD sends down, and what really happened in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xmmpy.odf.raw import MosEvents, PnEvents, Window


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedCcd:
    """One CCD of an exposure.

    Attributes
    ----------
    ccd : int
        CCDNR.
    window : Window
        What is read out.
    events : MosEvents or PnEvents
        Raw events in the order of the telemetry.
    photon : ndarray of int64, shape (events,)
        Which photon gave each raw event most of its charge; -1 for noise, hot pixels and tracks.
    shared : ndarray of bool, shape (events,)
        Whether more than one photon is in it (pile-up).
    frame : ndarray of int32, shape (frames,)
        FRAME of the frames that came down, empty ones too.
    end : ndarray of float64, shape (frames,)
        End of their integrations (s from the start of the exposure).
    live : ndarray of float32, shape (frames,)
        Part of each frame in which photons are seen.
    counts : dict of str to ndarray of int32
        By frame: MOS npixel, nvalid, nbelow, nabove; pn: columns discarded (ndiscarded) and pixels sent (nabove).
    discarded_lines : ndarray of int32, shape (64,), or None
        pn: in how many frames each column was discarded because of a track.
    """

    ccd: int
    window: Window
    events: MosEvents | PnEvents
    photon: NDArray[np.int64]
    shared: NDArray[np.bool_]
    frame: NDArray[np.int32]
    end: NDArray[np.float64]
    live: NDArray[np.float32]
    counts: dict[str, NDArray[np.int32]]
    discarded_lines: NDArray[np.int32] | None = None
