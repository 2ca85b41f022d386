"""A sky, the telescopes and cameras, and what they would have sent down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xmmpy.simulation.observation import SimulatedObservation, SimulationSettings, simulate_events

__all__ = ["SimulatedObservation", "SimulationSettings", "simulate_events"]


def __getattr__(name: str) -> Any:
    """Load the simulation when it is first used."""
    if name in __all__:
        from xmmpy.simulation import observation

        return getattr(observation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
