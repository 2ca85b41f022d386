"""Readers of calibration constituents, each into a dataclass; what has another layout is refused by name.

Layouts: Calibration Access and Data Handbook (XMM-PS-GM-20, issue 4.0), where it names the columns; names that it
leaves open are tried one after the other. Only XAREAEF could be held against a real constituent (XRT3_XAREAEF_0012).
"""

from xmmpy.calibration.readers.efficiency import (
    FilterTransmission,
    QuantumEfficiency,
    read_filter_transmission,
    read_quantum_efficiency,
)
from xmmpy.calibration.readers.energy import (
    MosGain,
    PnGain,
    TransferLoss,
    read_miscellaneous,
    read_mos_gain,
    read_pn_gain,
    read_transfer_loss,
)
from xmmpy.calibration.readers.geometry import BoresightAngles, read_boresight, read_geometry
from xmmpy.calibration.readers.layout import Sourced, find_constituent, first_file, read_or_nominal
from xmmpy.calibration.readers.operations import (
    Modes,
    read_frame_times,
    read_housekeeping_limits,
    read_modes,
    read_patterns,
)
from xmmpy.calibration.readers.pixels import MosOffsets, NoiseMaps, read_dark_frame, read_known_pixels, read_reject
from xmmpy.calibration.readers.telescope import EffectiveArea, PsfParameters, read_effective_area, read_psf

__all__ = [
    "BoresightAngles",
    "EffectiveArea",
    "FilterTransmission",
    "Modes",
    "MosGain",
    "MosOffsets",
    "NoiseMaps",
    "PnGain",
    "PsfParameters",
    "QuantumEfficiency",
    "Sourced",
    "TransferLoss",
    "find_constituent",
    "first_file",
    "read_boresight",
    "read_dark_frame",
    "read_effective_area",
    "read_filter_transmission",
    "read_frame_times",
    "read_geometry",
    "read_housekeeping_limits",
    "read_known_pixels",
    "read_miscellaneous",
    "read_modes",
    "read_mos_gain",
    "read_or_nominal",
    "read_patterns",
    "read_pn_gain",
    "read_psf",
    "read_quantum_efficiency",
    "read_reject",
    "read_transfer_loss",
]
