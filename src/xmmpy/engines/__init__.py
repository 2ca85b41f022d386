"""Run tasks: in this process, or in worker processes that have the work folder as theirs."""

from __future__ import annotations

from xmmpy.engines.calls import CallResult, Engine, TaskCall, belong_together
from xmmpy.engines.native import NativeEngine, run_calls

__all__ = ["CallResult", "Engine", "NativeEngine", "TaskCall", "belong_together", "run_calls"]
