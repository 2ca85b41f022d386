"""pn: from raw pixels to calibrated events."""

from xmmpy.events.pn.calibrate import PnOptions, calibrate_pn_ccd

__all__ = ["PnOptions", "calibrate_pn_ccd"]
