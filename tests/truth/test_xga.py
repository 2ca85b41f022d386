"""XGA 1.x, unchanged from PyPI, on the stand-in tree: images, exposure maps, mosaics, point-spread functions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from environments import environment_with

from xmmpy.cli.standin.tree import write_tree

XGA = "xga>=1.0,<2"
OBSERVATION = "0000000001"
CAMERAS = {"pn": "pn", "mos1": "mos1"}


def newer_python() -> str | None:
    """Python 3.12 or later, on PATH or among those of pyenv."""
    roots = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    roots += sorted(Path.home().glob(".pyenv/versions/3.1[2-9]*/bin"))
    for root in roots:
        for name in ("python3.13", "python3.12"):
            found = root / name
            if found.is_file() and not subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode:
                return str(found)
    return None


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with XGA."""
    base = newer_python()
    if base is None:
        pytest.skip("XGA needs Python 3.12, and there is none here")
    return environment_with(tmp_path_factory.mktemp("xga") / "venv", base, XGA)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reduced observation as XGA wants it, its settings, our tree, and a stand-in for `nh` of HEASoft."""
    root = tmp_path_factory.mktemp("archive")
    command = [sys.executable, "-m", "xmmpy"]
    simulate = ["simulate", "odf", "odf", "--exposure", "2000", "--seed", "6", "--cameras", "mos1,pn", "--no-flares"]
    for words in (simulate, ["reduce", "odf", "--no-detect", "--flare-cut", "mos1=50,pn=50", "--no-oot"]):
        subprocess.run([*command, *words], cwd=root, check=True, capture_output=True)
    data = root / "data" / OBSERVATION
    data.mkdir(parents=True)
    for camera in CAMERAS:
        shutil.copy(root / f"odf/work/{camera}_clean.fits", data / f"{camera}.fits")
    shutil.copy(next((root / "odf/work").glob("*AttHk.ds")), data / "attitude.fits")
    where = root / "data/{obs_id}"
    lines = [
        "[XGA_SETUP]", f"xga_save_path = {root}/out", "num_cores = 1", "[XMM_FILES]",
        f"root_xmm_dir = {root}/data/", f"attitude_file = {where}/attitude.fits", f"region_file = {where}/none.reg",
        "lo_en = ['0.50']", "hi_en = ['2.00']",
    ]  # fmt: skip
    for camera in ("pn", "mos1", "mos2"):
        lines.append(f"clean_{camera}_evts = {where}/{camera}.fits")
        lines += [f"{camera}_{kind} = {where}/{camera}_{{lo_en}}_{{hi_en}}_{kind}.fits" for kind in ("image", "expmap")]
    (root / "settings").mkdir()
    (root / "settings/xga.cfg").write_text("\n".join([*lines, ""]))
    write_tree(root / "sas")
    (root / "bin").mkdir()
    (root / "bin/nh").write_text('#!/bin/sh\necho "Average nH 2.0E+20"\necho "Weighted average nH 2.1E+20"\n')
    (root / "bin/nh").chmod(0o755)
    return root


@pytest.fixture(scope="module")
def told(python: Path, archive: Path) -> dict[str, object]:
    """What XGA says of the products that it had made."""
    program = """
        import json
        import numpy as np
        from astropy.units import Quantity
        from xga.generate.sas import eexpmap, emosaic, evselect_image, psfgen
        from xga.sources import PointSource

        source = PointSource(150.0, 2.2, name="middle", use_peak=False, telescope="xmm")
        low, high = Quantity(0.5, "keV"), Quantity(2.0, "keV")
        band = dict(lo_en=low, hi_en=high)
        evselect_image(source, **band, num_cores=1)
        eexpmap(source, **band, num_cores=1)
        emosaic(source, "image", **band, num_cores=1)
        emosaic(source, "expmap", **band, num_cores=1)
        psfgen(source, bins=2, num_cores=1)
        images = source.get_images(telescope="xmm", **band)
        maps = source.get_expmaps(telescope="xmm", **band)
        mosaic = source.get_combined_images(telescope="xmm", **band)
        grids = source.get_products("psf", telescope="xmm")
        print("TOLD", json.dumps({
            "images": {one.instrument: float(np.nansum(one.data)) for one in images if one.usable},
            "maps": {one.instrument: float(np.nanmax(one.data)) for one in maps if one.usable},
            "mosaic": float(mosaic.data.sum()), "grids": sum(one.usable for one in grids),
            "errors": [str(one.errors) for one in [*images, *maps, mosaic, *grids] if one.errors],
        }))
    """
    tree = archive / "sas"
    environment = {
        **os.environ, "PATH": f"{tree}/bin:{archive}/bin:{os.environ['PATH']}", "SAS_DIR": str(tree),
        "SAS_PATH": str(tree), "SAS_CCFPATH": str(tree / "ccf"), "HOME": str(archive),
        "XGA_CONFIG_DIR": str(archive / "settings"),
    }  # fmt: skip
    done = subprocess.run(
        [python, "-W", "ignore", "-c", textwrap.dedent(program)], cwd=archive, env=environment, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("TOLD"))
    found: dict[str, object] = json.loads(line.removeprefix("TOLD"))
    return found


def test_xga_has_no_error_to_tell(told: dict[str, object]) -> None:
    assert told["errors"] == []
    assert told["grids"] == len(CAMERAS)


def test_images_hold_the_events(told: dict[str, object], archive: Path) -> None:
    for camera in CAMERAS:
        with fits.open(archive / f"data/{OBSERVATION}/{camera}.fits") as file:
            events = file["EVENTS"].data
            chosen = (events["PI"] >= 500) & (events["PI"] <= 2000)
            for axis in "XY":  # the grid that XGA asks for
                chosen &= (events[axis] >= 3649) & (events[axis] <= 48106)
        assert told["images"][camera] == chosen.sum() > 500
    assert told["mosaic"] == sum(told["images"].values())


def test_exposure_maps_are_live_times(told: dict[str, object], archive: Path) -> None:
    for camera in CAMERAS:
        live = fits.getheader(archive / f"data/{OBSERVATION}/{camera}.fits", "EVENTS")["LIVETIME"]
        assert told["maps"][camera] == pytest.approx(live, rel=0.03)
    (mosaic,) = (archive / "out/xmm/combined").glob("*merged_expmap.fits")
    assert fits.getdata(mosaic).max() == pytest.approx(sum(told["maps"].values()), rel=0.1)


def test_point_spread_functions_are_whole(told: dict[str, object], archive: Path) -> None:
    assert told["grids"]
    files = list((archive / f"out/xmm/{OBSERVATION}").glob("*_psf.fits"))
    assert len(files) == 4 * len(CAMERAS)
    for file in files:
        data = fits.getdata(file)
        assert data.shape == (400, 400)
        assert 0.95 < data.sum() < 1.0
        assert np.hypot(*(np.array(np.unravel_index(data.argmax(), data.shape)) - 199.5)) < 1.5
