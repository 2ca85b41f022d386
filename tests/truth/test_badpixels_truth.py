"""Planted bad pixels are found, and no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.calibration.badpixels import BadKind
from xmmpy.calibration.nominal import ccd_geometry
from xmmpy.events.badpixels import Sought, find_bad_pixels
from xmmpy.simulation.observation import SimulationSettings
from xmmpy.simulation.odf import simulate_odf
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Session

pytestmark = pytest.mark.truth

CAMERAS = {"EMOS1": ("emproc", 1.5), "EPN": ("epproc", 1.0)}


def as_map(rows: Any, shape: tuple[int, int]) -> np.ndarray:
    found = np.zeros(shape, bool)
    for x, y, _, extent in rows:
        found[x, y : y + extent] = True
    return found


@pytest.mark.parametrize("camera", CAMERAS)
def test_planted_pixels_of_a_simulated_odf_are_found(tmp_path: Path, camera: str) -> None:
    """30 ks: enough counts in every column. Hot and dead ones found at 99 %, false ones below 0.01 % of all pixels."""
    task, scale = CAMERAS[camera]
    short = {"EMOS1": "mos1", "EPN": "pn"}[camera]
    simulate_odf(tmp_path, SimulationSettings(exposure=30_000.0, seed=6, cameras=(short,), scale=scale))
    find_task(task).execute(
        {"outdir": str(tmp_path), "runatthkgen": False}, Session(task, Environment(odf=str(tmp_path / "ODF")))
    )
    table = fits.getdata(next(tmp_path.glob("*_Badpixels.ds")))
    truth = json.loads((tmp_path / "truth/truth.json").read_text())["cameras"][camera]["ccds"]
    found = planted = false = pixels = 0
    for ccd, geometry in zip(truth, ccd_geometry(camera), strict=True):
        shape = (geometry.last[0] + 1, geometry.last[1] + 1)
        wanted = as_map(ccd["bad_pixels"], shape)
        mine = table[table["CCDNR"] == ccd["ccd"]]
        got = as_map(zip(mine["RAWX"], mine["RAWY"], mine["TYPE"], mine["YEXTENT"], strict=True), shape)
        found += int((got & wanted).sum())
        planted += int(wanted.sum())
        false += int((got & ~wanted).sum())
        pixels += int(np.prod(geometry.pixels))
    assert found / planted >= 0.99
    assert false / pixels < 1e-4


@pytest.mark.parametrize(("camera", "level"), [("EPN", 0.5), ("EPN", 8.0), ("EMOS1", 0.03), ("EMOS1", 0.3)])
def test_a_sky_with_sources_has_no_bad_pixels(camera: str, level: float) -> None:
    """Sources are wider than a pixel: none of them is taken for hot ones, whatever the counts."""
    shape = (65, 201) if camera == "EPN" else (601, 601)
    pixel = 4.1 if camera == "EPN" else 1.1
    false = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        counts = rng.poisson(level, shape)
        x, y = np.mgrid[: shape[0], : shape[1]]
        for number in (20_000, 2000, 200, 50):
            centre = rng.uniform(5, shape[0] - 5), rng.uniform(5, shape[1] - 5)
            profile = (1 + ((x - centre[0]) ** 2 + (y - centre[1]) ** 2) * pixel**2 / 25.0) ** -1.45
            counts = counts + rng.poisson(number * profile / profile.sum())
        counts[0], counts[:, 0] = 0, 0
        found = find_bad_pixels(counts, np.zeros(shape, bool), Sought.of(camera))
        false += int(found.extent.sum())
    assert false / (6 * np.prod(shape)) < 1e-4


@pytest.mark.parametrize(("camera", "level"), [("EPN", 2.0), ("EMOS1", 0.05)])
def test_hot_and_dead_ones_are_told_apart(camera: str, level: float) -> None:
    shape = (65, 201) if camera == "EPN" else (601, 601)
    rng = np.random.default_rng(3)
    counts = rng.poisson(level, shape)
    counts[20, 30] += 60
    counts[40, 60:] += rng.poisson(4 + 3 * level, counts[40, 60:].shape)
    counts[10, :] = 0
    counts[0], counts[:, 0] = 0, 0
    found = find_bad_pixels(counts, np.zeros(shape, bool), Sought.of(camera))
    kinds = {(int(x), int(kind)) for x, kind in zip(found.rawx, found.kind, strict=True)}
    assert kinds == {(20, BadKind.HOT), (40, BadKind.HOT), (10, BadKind.DEAD)}
    hot = found.rawx == 40
    assert abs(int(found.rawy[hot].min()) - 60) <= 4
    assert int((found.rawy + found.extent)[hot].max()) >= shape[1] - 3
