"""MOS: from raw events to calibrated ones."""

from xmmpy.events.mos.calibrate import MosOptions, calibrate_mos_ccd

__all__ = ["MosOptions", "calibrate_mos_ccd"]
