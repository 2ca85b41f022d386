"""Run tasks: in this process, or in worker processes that have the work folder as theirs."""

from __future__ import annotations

from xmmpy.engines.calls import CallResult, Engine, TaskCall, belong_together
from xmmpy.engines.native import NativeEngine, run_calls
from xmmpy.engines.sas import SasEngine, SasInstallation, find_sas

__all__ = [
    "CallResult",
    "Engine",
    "NativeEngine",
    "SasEngine",
    "SasInstallation",
    "TaskCall",
    "belong_together",
    "find_sas",
    "run_calls",
]
