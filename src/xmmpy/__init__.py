"""XMM-Python: reduce XMM-Newton EPIC observations without SAS or HEASoft.

`xmmpy.reduce` reduces an observation and gives an `xmmpy.Observation`, whose lists, images and sources are astropy
objects.
"""

import importlib

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import the interface for Python when it is asked for: commands do without it."""
    if name in {"Observation", "reduce"}:
        return getattr(importlib.import_module("xmmpy.observation"), name)
    raise AttributeError(f"module 'xmmpy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), "Observation", "reduce"]
