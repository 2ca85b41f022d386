"""PHA to PI against SAS's own PI, for each CCD, and for a CCD that the figures were not taken from."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from xmmpy.calibration.energy import mos_energy, mos_terms, pattern_class, pn_energy
from xmmpy.events.energy import mos_event_energy, pn_pixel_energy

TOOLS = Path(__file__).resolve().parent.parent.parent / "tools"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import one of the scripts in tools."""
    monkeypatch.syspath_prepend(TOOLS)
    return importlib.import_module


@pytest.fixture(autouse=True)
def forget_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no script behind under a name that others could import."""
    for name in [name for name in sys.modules if name == "derivation" or name.startswith("derive_")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("camera", ["EMOS1", "EMOS2"])
def test_mos_patterns_0_to_12(real_data: Path, tool: Callable[[str], ModuleType], camera: str) -> None:
    """Mean offset below 5 eV and rms below 25 eV in every CCD; the median of all below 0.5 eV."""
    for events in tool("derivation").mos_lists(real_data, camera):
        chosen = events["PATTERN"] <= 12
        columns = [events[name][chosen] for name in ("CCDNR", "RAWX", "RAWY", "PATTERN", "PHA")]
        off = mos_event_energy(mos_energy(camera), *columns) - events["PI"][chosen]
        assert abs(np.median(off)) < 0.5
        for ccd in range(1, 8):
            own = off[columns[0] == ccd]
            assert len(own) > 1000
            assert abs(own.mean()) < 5.0, ccd
            assert own.std() < 25.0, ccd


@pytest.mark.parametrize(("camera", "ccd"), [("EMOS1", 3), ("EMOS2", 6)])
def test_one_observation_foretells_the_other(
    real_data: Path, tool: Callable[[str], ModuleType], camera: str, ccd: int
) -> None:
    """Figures from one list alone, PI of the other: mean offset below 5 eV, rms below 25 eV."""
    lists = tool("derivation").mos_lists(real_data, camera)
    derive = tool("derive_mos_energy")
    for one, other in (lists, lists[::-1]):
        found, data = derive.fit([one], ccd), derive.columns_of([other], ccd)
        terms = mos_terms(data["PHA"], data["RAWX"], data["RAWY"], pattern_class(data["PATTERN"]))
        energy = np.stack(terms, axis=1) @ found.factors + derive.lost(found.steps, data["RAWX"], data["RAWY"])
        off = energy - data["PI"]
        assert abs(off.mean()) < 5.0
        assert off.std() < 25.0


def test_pn_single_events(real_data: Path, tool: Callable[[str], ModuleType]) -> None:
    """Gain right to 2 % for nearly all; split events hold only the charge of their main pixel."""
    derivation = tool("derivation")
    events = derivation.read_list(real_data / derivation.PN_LIST)
    ratio = pn_pixel_energy(pn_energy(), events["RAWY"], events["PHA"]) / events["PI"]
    single = events["PATTERN"] == 0
    assert abs(np.median(ratio[single]) - 1.0) < 0.005
    assert np.mean(np.abs(ratio[single] - 1.0) < 0.02) > 0.95
    for pattern in range(1, 5):
        assert 0.5 < np.median(ratio[events["PATTERN"] == pattern]) < 0.95


@pytest.mark.parametrize("names", [("mos_energy", "mos_column_offsets"), ("pn_energy",)])
def test_the_tables_come_from_the_data(
    real_data: Path, tool: Callable[[str], ModuleType], names: tuple[str, ...]
) -> None:
    """Factors to one in the last digits, which depend on the linear algebra of the machine; the rest as it is."""
    for name in names:
        table = (tool("derivation").TABLES / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        made = tool(f"derive_{name}").derive(real_data).splitlines()
        assert len(made) == len(table)
        for wanted, got in zip(table, made, strict=True):
            if wanted.startswith(("EMOS", "EPN")):
                numbers = [[float(word) for word in line.split(",")[1:]] for line in (wanted, got)]
                assert numbers[1] == pytest.approx(numbers[0], rel=1e-3, abs=0.02 if name == "mos_energy" else 1e-9)
            else:
                assert got == wanted
