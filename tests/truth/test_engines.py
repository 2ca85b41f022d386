"""The same recipe on both engines: byte for byte the same products."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from xmmpy.cli.standin.tree import write_tree
from xmmpy.simulation.observation import SimulationSettings, simulate_events

DATE = datetime(2010, 1, 1, tzinfo=UTC)
PRODUCTS = ("*.fits", "*.ds", "images/*.fits", "images/*/*.fits", "coords/*.fits")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("engines")
    write_tree(root / "sas")
    made = {}
    for engine in ("native", "sas"):
        folder = root / engine / "obs"
        simulate_events(folder, SimulationSettings(exposure=1500.0, seed=9, cameras=("mos1",), flares=False, date=DATE))
        environment = {
            **os.environ, "SOURCE_DATE_EPOCH": "1262304000", "PATH": f"{root}/sas/bin:{os.environ['PATH']}",
        }  # fmt: skip
        command = [sys.executable, "-m", "xmmpy", "reduce", str(folder), "--engine", engine]
        done = subprocess.run(
            [*command, "--flare-cut", "mos1=5"], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        if engine == "sas":
            assert "XMM-Python" in done.stderr  # which SAS it is
        made[engine] = folder / "work"
    return made


def test_products_are_the_same_bytes(folders: dict[str, Path]) -> None:
    native = {str(path.relative_to(folders["native"])) for one in PRODUCTS for path in folders["native"].glob(one)}
    sas = {str(path.relative_to(folders["sas"])) for one in PRODUCTS for path in folders["sas"].glob(one)}
    assert native == sas
    assert len(native) > 20
    for name in sorted(native):
        assert (folders["native"] / name).read_bytes() == (folders["sas"] / name).read_bytes(), name


def test_a_sas_that_lacks_tasks_is_not_taken(folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/evselect").write_text("#!/bin/sh\n")
    (tmp_path / "bin/evselect").chmod(0o755)
    command = [sys.executable, "-m", "xmmpy", "reduce", str(folders["native"].parent), "--dry-run"]
    environment = {**os.environ, "PATH": f"{tmp_path}/bin:/usr/bin:/bin"}
    for engine in ("sas", "other"):
        done = subprocess.run(
            [*command[:-1], "--engine", engine], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "lacks" in done.stderr if engine == "sas" else "not 'other'" in done.stderr
