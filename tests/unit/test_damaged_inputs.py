"""A small share of benchmarks/damaged_inputs.py: each damaged file gives a result or one clear sentence."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "damaged_inputs.py"


@pytest.fixture(scope="module")
def benchmark():
    """The module that makes and judges the damaged files."""
    spec = importlib.util.spec_from_file_location("damaged_inputs", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    sys.modules["damaged_inputs"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("default")  # the damaging itself makes astropy complain
def test_each_damaged_file_gives_a_result_or_a_sentence(benchmark, tmp_path):
    tally = benchmark.damaged_rounds(tmp_path / "work", 120, seed=20)
    assert tally.wrong == []
    assert tally.results + tally.sentences == 120
    assert tally.results > 20
    assert tally.sentences > 20


def test_the_judge_sees_what_is_wrong(benchmark, tmp_path):
    """A judge that lets everything pass would make the test above worthless."""
    call = benchmark.TaskCall("evselect", {"table": "bad_list.fits", "filteredset": benchmark.OUTPUT})
    (tmp_path / benchmark.OUTPUT).write_bytes(b"half a file")
    results = {
        "Unexpected": benchmark.CallResult(None, ("Unexpected", "an unexpected failure (KeyError: 'X')")),
        "FileIo": benchmark.CallResult(None, ("FileIo", "something is wrong")),
    }
    wrong = {"Unexpected": 3, "FileIo": 2}  # unexpected, no file named, output overwritten
    for code, result in results.items():
        tally = benchmark.Tally()
        benchmark._judge(result, "#0", tmp_path, call, tally)
        assert len(tally.wrong) == wrong[code]
    assert benchmark._unreadable(tmp_path / benchmark.OUTPUT)
