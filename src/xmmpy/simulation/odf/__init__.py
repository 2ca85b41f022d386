"""A whole ODF: what the spacecraft would have sent down, and the truth behind it."""

from xmmpy.simulation.odf.observation import SimulatedOdf, simulate_odf

__all__ = ["SimulatedOdf", "simulate_odf"]
