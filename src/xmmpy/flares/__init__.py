"""Where background flares are and which time to keep: cuts on rate curves, as functions on arrays."""

from __future__ import annotations

from xmmpy.flares.curve import RateCurve
from xmmpy.flares.cut import FlareCut, NoCutFound, fixed_cut, typical_limit
from xmmpy.flares.histogram import HistogramFit, HistogramSettings, fit_histogram, histogram_cut
from xmmpy.flares.interactive import Candidate, Suggestion, asked_cut, suggest
from xmmpy.flares.signal_to_noise import signal_to_noise_cut
from xmmpy.flares.textplot import text_plot

__all__ = [
    "Candidate",
    "FlareCut",
    "HistogramFit",
    "HistogramSettings",
    "NoCutFound",
    "RateCurve",
    "Suggestion",
    "asked_cut",
    "fit_histogram",
    "fixed_cut",
    "histogram_cut",
    "signal_to_noise_cut",
    "suggest",
    "text_plot",
    "typical_limit",
]
