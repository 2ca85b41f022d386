"""A run that is interrupted and started again leaves no process and ends with the products of a quiet one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "kill_and_resume.py"


@pytest.mark.parametrize(("engine", "number"), [("native", 6), ("sas", 3)])
def test_interrupted_runs(tmp_path: Path, engine: str, number: int) -> None:
    """By SIGINT, SIGTERM and SIGKILL in turn; the script is run by hand for thirty moments."""
    spec = importlib.util.spec_from_file_location("kill_and_resume", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["kill_and_resume"] = module
    spec.loader.exec_module(module)
    tally = module.kill_rounds(tmp_path, kills=number, seed=3, exposure=1500.0, say=False, detect=False, engine=engine)
    assert tally.killed == number
    assert set(tally.by_signal) == {"SIGINT", "SIGTERM", "SIGKILL"}
    assert (tally.differing, tally.survivors, tally.leftovers, tally.failures) == ([], [], [], [])
