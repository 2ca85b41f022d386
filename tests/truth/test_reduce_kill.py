"""A run that is killed and started again ends with the products of a quiet one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "kill_and_resume.py"


def test_five_kills(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("kill_and_resume", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["kill_and_resume"] = module
    spec.loader.exec_module(module)
    tally = module.kill_rounds(tmp_path, kills=5, seed=3, exposure=1500.0, say=False, detect=False)
    assert tally.killed == 5
    assert (tally.differing, tally.leftovers, tally.failures) == ([], [], [])
