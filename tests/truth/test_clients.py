"""Programs of others that call SAS, unchanged from PyPI, on the stand-in tree."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from astropy.io import fits
from environments import environment_with

from xmmpy.cli.standin.tree import write_tree
from xmmpy.simulation.observation import SimulationSettings, simulate_events

CLIENTS = ("pxsas==1.2", "xmmpysas==2.5.3")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment_with(tmp_path_factory.mktemp("clients") / "venv", sys.executable, *CLIENTS)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    write_tree(folder / "sas")
    made = simulate_events(folder, SimulationSettings(exposure=500.0, seed=4, cameras=("mos1",)))
    made.event_lists["mos1"].rename(folder / "mos1.fits")
    stand_in = folder / "modules"
    stand_in.mkdir()
    (stand_in / "xspec.py").write_text("")  # of HEASoft: xmmpysas imports it for its plots
    return folder


def run(python: Path, work: Path, program: str) -> subprocess.CompletedProcess[str]:
    tree = work / "sas"
    environment = {
        **os.environ, "PATH": f"{tree}/bin:{os.environ['PATH']}", "SAS_DIR": str(tree), "SAS_PATH": str(tree),
        "SAS_CCFPATH": str(tree / "ccf"), "PYTHONPATH": str(work / "modules"), "HOME": str(work),
    }  # fmt: skip
    return subprocess.run(
        [python, "-c", textwrap.dedent(program)], cwd=work, env=environment, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def test_pxsas(python: Path, work: Path) -> None:
    done = run(
        python, work, """
        import pxsas
        print(pxsas.sasversion(full=True))
        pxsas.run("cifbuild", calindexset="ccf.cif", withobservationdate="yes", observationdate="2010-01-01")
        pxsas.run("evselect", table="mos1.fits", rateset="rate.fits", maketimecolumn="yes", makeratecolumn="yes",
                  timebinsize=10, expression="(PI>500)")
        pxsas.run("tabgtigen", table="rate.fits", gtiset="gti.fits", expression="RATE>0")
        pxsas.run("evselect", table="mos1.fits", imageset="px.fits", xcolumn="X", ycolumn="Y",
                  expression="gti(gti.fits,TIME)")
        try:
            pxsas.run("evselect", table="none.fits")
        except pxsas.PxsasError as error:
            print("failed as it should")
        """,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "failed as it should" in done.stdout
    assert "none.fits does not exist" in done.stderr
    assert fits.getdata(work / "px.fits").sum() > 100


def test_xmmpysas(python: Path, work: Path) -> None:
    done = run(
        python, work, """
        from pysas.sastask import MyTask
        MyTask("cifbuild", {"calindexset": "my.cif", "withobservationdate": "yes",
                            "observationdate": "2010-01-01"}).run()
        MyTask("evselect", {"table": "mos1.fits", "imageset": "one.fits", "xcolumn": "X", "ycolumn": "Y"}).run()
        MyTask("evselect", {"table": "mos1.fits", "rateset": "curve.fits", "maketimecolumn": "yes",
                            "makeratecolumn": "yes", "timebinsize": "10"}).run()
        MyTask("tabgtigen", {"table": "curve.fits", "gtiset": "good.fits", "expression": "RATE>0"}).run()
        MyTask("emosaic", {"imagesets": "one.fits one.fits", "mosaicedset": "two.fits"}).run()
        MyTask("evselect", {"table": "none.fits"}).run()
        """,
    )  # fmt: skip
    assert "none.fits does not exist" in done.stdout + done.stderr
    for name in ("my.cif", "good.fits"):
        assert (work / name).is_file(), done.stdout + done.stderr
    assert fits.getdata(work / "two.fits").sum() == 2 * fits.getdata(work / "one.fits").sum() > 100
