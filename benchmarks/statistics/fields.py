"""One simulated field: event lists of three cameras, images in five bands, the detection chain, the truth."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

BANDS_EV = (200, 500, 1000, 2000, 4500, 12000)
PN_LOWEST_EV = 300
PIXELS = 600
LEGAL_RANGE = (1.0, 51840.0)
CAMERAS = ("pn", "mos1", "mos2")
SELECTIONS = {
    "pn": "(FLAG==0) && (PATTERN<={pattern}) && #XMMEA_EP",
    "mos1": "(FLAG==0) && (PATTERN<=12) && #XMMEA_EM",
    "mos2": "(FLAG==0) && (PATTERN<=12) && #XMMEA_EM",
}


@dataclass(frozen=True)
class FieldSettings:
    """What to simulate and how to search it.

    Attributes
    ----------
    exposure : float
        Length (s).
    seed : int
        Of the simulation.
    sources : path or None
        Table of sources beside or instead of those of the number counts.
    logn_logs : bool
        Draw sources from number counts.
    chain : tuple of (name, value)
        Parameters of edetect_chain that differ from those of the recipe.
    """

    exposure: float
    seed: int
    sources: Path | None = None
    logn_logs: bool = True
    chain: tuple[tuple[str, Any], ...] = ()


def simulate(folder: Path, settings: FieldSettings) -> dict[str, Path]:
    """Simulate event lists without flares; returns camera to list."""
    from xmmpy.simulation import sky
    from xmmpy.simulation.observation import SimulationSettings, simulate_events

    given = None if settings.sources is None else sky.read_sources(settings.sources, "Thin1")
    observation = simulate_events(
        folder,
        SimulationSettings(
            exposure=settings.exposure, seed=settings.seed, sources=given, logn_logs=settings.logn_logs, flares=False
        ),
    )
    return observation.event_lists


def make_images(
    folder: Path, lists: dict[str, Path], edges: tuple[int, ...] = BANDS_EV, name: str = "image_b"
) -> dict[str, list[str]]:
    """Images of each camera in the bands between the edges, in five as the recipe makes them."""
    from xmmpy.tasks.catalogue.evselect import TASK

    names: dict[str, list[str]] = {}
    for camera in CAMERAS:
        calls = []
        names[camera] = []
        for band, (low, high) in enumerate(pairwise(edges), 1):
            soft = low < BANDS_EV[1]
            if camera == "pn":
                low = max(low, PN_LOWEST_EV)
            path = str(folder / f"{camera}_{name}{band}.fits")
            selection = SELECTIONS[camera].format(pattern=0 if soft else 4)
            calls.append(
                {
                    "table": str(lists[camera]), "withimageset": True, "imageset": path, "xcolumn": "X", "ycolumn": "Y",
                    "imagebinning": "imageSize", "ximagesize": PIXELS, "yimagesize": PIXELS, "withxranges": True,
                    "ximagemin": LEGAL_RANGE[0], "ximagemax": LEGAL_RANGE[1], "withyranges": True,
                    "yimagemin": LEGAL_RANGE[0], "yimagemax": LEGAL_RANGE[1],
                    "expression": f"{selection} && (PI>{low}&&PI<={high})",
                }
            )  # fmt: skip
            names[camera].append(path)
        for outcome in TASK.together(calls):
            if isinstance(outcome, Exception):
                raise outcome
    return names


def chain_values(lists: dict[str, Path], images: dict[str, list[str]], settings: FieldSettings) -> dict[str, Any]:
    """Parameters of edetect_chain for all cameras and bands, the classic ones."""
    from xmmpy.calibration.nominal import energy_conversion_factors, part_above_300_ev

    names = {"pn": "EPN", "mos1": "EMOS1", "mos2": "EMOS2"}
    low, high, factors = [], [], []
    for camera in CAMERAS:
        low += [PN_LOWEST_EV if camera == "pn" else BANDS_EV[0], *BANDS_EV[1:-1]]
        high += BANDS_EV[1:]
        own = list(energy_conversion_factors(names[camera], "Thin1") / 1e11)
        factors += [own[0] * part_above_300_ev("Thin1"), *own[1:]] if camera == "pn" else own
    return {
        "imagesets": [name for camera in CAMERAS for name in images[camera]],
        "eventsets": [str(lists[camera]) for camera in CAMERAS],
        "pimin": low, "pimax": high, "ecf": factors, "esp_nsplinenodes": 16, "esen_mlmin": 15,
        "likemin": 6, "eboxm_likemin": 4, "eml_list": "emllist.fits", **dict(settings.chain),
    }  # fmt: skip


def detect(folder: Path, lists: dict[str, Path], images: dict[str, list[str]], settings: FieldSettings) -> Path:
    """Run edetect_chain in `folder`; the path of emldetect's list."""
    from xmmpy.tasks.registry import find_task

    values = chain_values(lists, images, settings)
    before = Path.cwd()
    os.chdir(folder)
    try:
        find_task("edetect_chain")(**values)
    finally:
        os.chdir(before)
    return folder / str(values["eml_list"])


def search_maps(
    images: list[str], exposures: list[str], bands: list[tuple[int, int]], *, mask: float, least: float, **fit: Any
) -> Table:
    """Search images whose exposure maps are there, step by step as edetect_chain does, in the current folder.

    Parameters
    ----------
    images, exposures : list of str
        All bands of a camera, then those of the next.
    bands : list of tuple
        Lowest and highest energy (eV).
    mask : float
        Least exposure over the greatest.
    least : float
        Likelihood that a box needs to become a candidate.
    **fit
        Parameters of emldetect.

    Returns
    -------
    Table
        One row for each source.
    """
    from xmmpy.tasks.registry import find_task

    cameras, number = len(images) // len(bands), len(bands)
    masks = [f"mask{n}.fits" for n in range(cameras)]
    for n, name in enumerate(masks):
        find_task("emask")(expimageset=exposures[number * n], detmaskset=name, threshold1=mask, threshold2=0.5)
    common: dict[str, Any] = {
        "imagesets": images, "expimagesets": exposures, "detmasksets": masks,
        "pimin": [low for low, _ in bands] * cameras, "pimax": [high for _, high in bands] * cameras,
    }  # fmt: skip
    find_task("eboxdetect")(**common, boxlistset="local.fits", likemin=8)
    backgrounds = [f"background{n}.fits" for n in range(len(images))]
    for n, background in enumerate(backgrounds):
        low, high = bands[n % number]
        find_task("esplinemap")(
            imageset=images[n], expimageset=exposures[n], detmaskset=masks[n // number], boxlistset="local.fits",
            idband=n % number + 1, pimin=[low], pimax=[high], bkgimageset=background, nsplinenodes=16,
        )  # fmt: skip
    find_task("eboxdetect")(**common, bkgimagesets=backgrounds, boxlistset="map.fits", likemin=least)
    find_task("emldetect")(
        **common, bkgimagesets=backgrounds, boxlistset="map.fits", mllistset="emllist.fits", withthreshold=False, **fit
    )
    return summary_rows(Path("emllist.fits"))


def summary_rows(path: Path) -> Table:
    """The rows of all cameras and bands of a list, one for each source."""
    rows = Table.read(path, "SRCLIST")
    return rows[(rows["ID_INST"] == 0) & (rows["ID_BAND"] == 0)]


def run_field(folder: Path, settings: FieldSettings, *, keep: bool = False) -> Path:
    """Simulate and search one field; what is kept is ``emllist.fits``, ``eboxlist.fits`` and ``truth_sources.fits``."""
    done = folder / "done.json"
    if done.is_file():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    work = folder / "work"
    work.mkdir(parents=True)
    lists = simulate(work, settings)
    found = detect(work, lists, make_images(work, lists), settings)
    shutil.copy(found, folder / "emllist.fits")
    shutil.copy(work / "truth_sources.fits", folder)
    box = work / "eboxlist_map.fits"
    if box.is_file():
        shutil.copy(box, folder / "eboxlist.fits")
    if not keep:
        shutil.rmtree(work)
    done.write_text(json.dumps({"exposure": settings.exposure, "seed": settings.seed}), encoding="utf-8")
    return folder


def separation_arcsec(ra: Any, dec: Any, other_ra: Any, other_dec: Any) -> np.ndarray[Any, Any]:
    """Distances of all pairs, shape (n, m); small angles."""
    scale = np.cos(np.radians(np.mean(other_dec)))
    east = (np.asarray(ra)[:, None] - np.asarray(other_ra)[None, :]) * scale
    north = np.asarray(dec)[:, None] - np.asarray(other_dec)[None, :]
    return np.hypot(east, north) * 3600.0
