"""What a reduction tells of itself: status, explain, redo, script; and its products as astropy objects."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import xmmpy
from xmmpy.cli.main import main
from xmmpy.cli.standin.tree import write_tree
from xmmpy.products.errors import FileProblem
from xmmpy.simulation.observation import SimulationSettings, simulate_events


@pytest.fixture(scope="module")
def observation(tmp_path_factory: pytest.TempPathFactory) -> xmmpy.Observation:
    folder = tmp_path_factory.mktemp("records") / "obs"
    simulate_events(folder, SimulationSettings(exposure=1500.0, seed=9, cameras=("mos1",), flares=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1262304000")
        return xmmpy.reduce(folder, flare_cut="mos1=5")


def test_products_are_astropy_objects(observation: xmmpy.Observation) -> None:
    assert observation.cameras == ("mos1",)
    events = observation.events("mos1")
    assert len(events) < len(observation.events("mos1", clean=False))
    assert events["TIME"].unit == "s"
    image = observation.image("mos1", "b2")
    assert image.unit == "ct"
    assert image.data.sum() == np.count_nonzero(
        (events["PI"] > 500) & (events["PI"] <= 1000) & (events["FLAG"] == 0) & (events["PATTERN"] <= 12)
    )
    centre = image.wcs.pixel_to_world(299, 299)
    assert centre.ra.deg == pytest.approx(150.0, abs=0.01)
    assert len(observation.rate("mos1")) > 10
    assert len(observation.good_times("mos1")) >= 1
    assert observation.mosaic.data.sum() == observation.image("mos1").data.sum()
    sources = observation.sources()
    assert len(sources) > 0
    assert sources["RA"].unit == "deg"
    assert len(observation.sources(min_det_ml=1e5)) == 0
    assert observation.page.is_file()
    assert "mos1" in repr(observation)


def test_what_is_not_there_is_said(observation: xmmpy.Observation, tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="mos1"):
        observation.events("pn")
    with pytest.raises(KeyError, match="b1"):
        observation.image("mos1", "b9")
    with pytest.raises(FileProblem, match="no reduction"):
        xmmpy.Observation(tmp_path)


def test_status_explain_and_redo(observation: xmmpy.Observation, capsys: pytest.CaptureFixture[str]) -> None:
    work = observation.folder
    assert main(["status", str(work)]) == 0
    assert "stale" not in capsys.readouterr().out
    assert main(["status", "--all", str(work.parent)]) == 0
    assert "mos1/clean: done" in capsys.readouterr().out

    assert main(["explain", str(work / "images/m1_image_b2.fits")]) == 0
    told = capsys.readouterr().out
    assert told.index("mos1/image-b2") < told.index("mos1/clean") < told.index("given")
    assert "rows after PATTERN<=12" in told
    assert main(["explain", str(work / "none.fits")]) == 1
    assert "none.fits" in capsys.readouterr().err

    image = work / "images/m1_image_b2.fits"
    made = image.read_bytes()
    image.write_bytes(made + b"\0" * 2880)
    assert main(["status", str(work)]) == 2
    assert "mos1/image-b2: stale: the product images/m1_image_b2.fits has changed" in capsys.readouterr().out
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1262304000")
        assert main(["redo", "images/m1_image_b2.fits", str(work)]) == 0
    assert image.read_bytes() == made
    capsys.readouterr()
    assert main(["status", str(work)]) == 0
    assert main(["redo", "mos1/none", str(work)]) == 1
    assert main(["status", str(work / "images")]) == 1


def test_the_script_makes_the_same_products(observation: xmmpy.Observation, capsys: pytest.CaptureFixture[str]) -> None:
    work = observation.folder
    assert main(["script", str(work)]) == 0
    script = capsys.readouterr().out
    again = work.parent / "again"
    again.mkdir()
    (again / "again.sh").write_text(script)
    tree = work.parent / "tree"
    write_tree(tree)
    home = work.parent / "commands"
    home.mkdir()
    (home / "xmmpy").write_text(f'#!/bin/sh\nexec {sys.executable} -m xmmpy "$@"\n')
    (home / "xmmpy").chmod(0o755)
    environment = {
        **os.environ, "SOURCE_DATE_EPOCH": "1262304000", "PATH": f"{home}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(work.parent / "cache"),
    }  # fmt: skip
    done = subprocess.run(["bash", "again.sh"], cwd=again, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = [path.relative_to(work) for one in ("*.fits", "images/*.fits", "coords/*.fits") for path in work.glob(one)]
    assert len(names) > 12
    for name in names:
        assert (again / name).read_bytes() == (work / name).read_bytes(), name
