"""Tasks answer damaged files with a result or one clear sentence."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "damaged_inputs.py"


def test_a_hundred_damaged_files(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("damaged_inputs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["damaged_inputs"] = module
    spec.loader.exec_module(module)
    tally = module.damaged_rounds(tmp_path, number=104, seed=4)
    assert tally.wrong == []
    assert tally.results + tally.sentences == 104
    assert min(tally.results, tally.sentences) > 10
