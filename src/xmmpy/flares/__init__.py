"""Where background flares are and which time to keep: cuts on rate curves, as functions on arrays."""

from __future__ import annotations

from xmmpy.flares.curve import RateCurve
from xmmpy.flares.cut import FlareCut, NoCutFound, fixed_cut, typical_limit
from xmmpy.flares.histogram import HistogramFit, HistogramSettings, fit_histogram, histogram_cut
from xmmpy.flares.signal_to_noise import signal_to_noise_cut

__all__ = [
    "FlareCut",
    "HistogramFit",
    "HistogramSettings",
    "NoCutFound",
    "RateCurve",
    "fit_histogram",
    "fixed_cut",
    "histogram_cut",
    "signal_to_noise_cut",
    "typical_limit",
]
