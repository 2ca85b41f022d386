"""A few of the damaged ODFs of ``benchmarks/damaged_odfs.py``: each is reduced as far as it can be, or one sentence."""

from __future__ import annotations

import random
import shutil
import sys
import warnings
from pathlib import Path

import pytest

from xmmpy.simulation.observation import SimulationSettings
from xmmpy.simulation.odf import simulate_odf
from xmmpy.tasks.session import Environment

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import damaged_odfs

pytestmark = pytest.mark.truth


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("whole")
    simulate_odf(top, SimulationSettings(exposure=60.0, seed=1, scale=2.0))
    return top / "ODF"


@pytest.mark.parametrize("number", range(24))
def test_a_damaged_odf_is_answered_well(whole: Path, tmp_path: Path, number: int) -> None:
    chance = random.Random(7000 + number)
    shutil.copytree(whole, tmp_path / "ODF")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astropy's, about what was damaged
        what = damaged_odfs.damage(tmp_path / "ODF", chance)
        place = tmp_path
        if number % 6 == 0:
            place = tmp_path / "odf.tar.gz"
            what += damaged_odfs.archive(tmp_path / "ODF", place, chance)
        assert damaged_odfs.examine(place, tmp_path / "work", Environment()) == "", what
