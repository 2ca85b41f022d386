"""The same fields searched with a general tool, sep (Source Extractor as a library), at the same false-detection rate.

Both have one image of all cameras from 0.5 to 4.5 keV (softest and hardest band add more background than sources),
its exposure map and mask. Counts are few, so that sep has a background of zero (a clipped mode): it is given the mean
of the counts on a scale of 100 arcsec without what stands out, and noise from that. Its filter is a Gaussian of about
the width of the point-spread function. Of each tool the settings and threshold are those of the highest completeness at
no more than one false detection per field; both are matched by the same rule. Beside it, emldetect on the three images
of the cameras, as edetect_chain has it.

Usage: pip install sep; python benchmarks/statistics/general_tool.py FOLDER [--fields 24]  (FOLDER: of run.py)
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import figures
import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS, FITSFixedWarning
from fields import (
    CAMERAS,
    FieldSettings,
    detect,
    make_images,
    search_maps,
    separation_arcsec,
    simulate,
    summary_rows,
)
from matching import MATCH_ARCSEC

ALLOWED = 1.0
"""False detections per field."""
LIKELIHOODS = np.arange(4.0, 14.0, 0.25)
THRESHOLDS = np.geomspace(3.8, 8.0, 26)
LEVEL_PIXELS = 23.0
BAND_EV = (500, 4500)
WIDTHS = (0.8, 1.0, 1.2, 1.5, 2.0)
AREAS = (1, 3)
SETTINGS = tuple(product(WIDTHS, AREAS))
LEAST_EXPECTED = 4.0
LEAST_FLUX = 2e-15
SUM, THREE, SEP = "emldetect", "emldetect, three images", "sep"

Array = np.ndarray[Any, Any]


def add_cameras(work: Path, lists: dict[str, Path], images: dict[str, list[str]]) -> None:
    """Write sum.fits and sumexp.fits: counts of all cameras, exposure by their share of the effective area, of pn."""
    from xmmpy.calibration.nominal import energy_conversion_factors
    from xmmpy.tasks.registry import find_task

    names = {"pn": "EPN", "mos1": "EMOS1", "mos2": "EMOS2"}
    area = {camera: energy_conversion_factors(name, "Thin1")[1:4].sum() for camera, name in names.items()}
    counts, exposure = 0.0, 0.0
    for camera in CAMERAS:
        made = str(work / f"{camera}exp.fits")
        find_task("eexpmap")(
            imageset=images[camera][0], eventset=str(lists[camera]), expimageset=[made], pimin=[BAND_EV[0]],
            pimax=[BAND_EV[1]], attrebin=4,
        )  # fmt: skip
        exposure = exposure + fits.getdata(made).astype(float) * area[camera] / area["pn"]
        counts = counts + fits.getdata(images[camera][0]).astype(float)
    parts = (
        (images["pn"][0], "sum.fits", counts, np.int32),
        (work / "pnexp.fits", "sumexp.fits", exposure, np.float32),
    )
    for like, name, data, kind in parts:
        with fits.open(like) as hdus:
            hdus[0].data = np.asarray(data).astype(kind)
            hdus.writeto(work / name)


def smooth_level(counts: Array, mask: Array) -> Array:
    """Mean of the counts around each pixel, without the pixels on which smoothed counts stand out by 4 sigma."""
    from scipy.ndimage import gaussian_filter

    used = mask.astype(float)
    for _ in range(4):
        weight = np.maximum(gaussian_filter(used, LEVEL_PIXELS), 1e-6)
        level = np.maximum(gaussian_filter(counts * used, LEVEL_PIXELS) / weight, 1e-4)
        noise = np.sqrt(level / (4.0 * np.pi * 2.0**2))
        used = np.where(gaussian_filter(counts - level, 2.0) > 4.0 * noise, 0.0, mask.astype(float))
    return np.asarray(level)


def extract(counts: Array, mask: Array) -> Iterator[tuple[int, int, Array, Array]]:
    """Setting, threshold, x and y of the sources of sep."""
    import sep

    image = np.ascontiguousarray(counts)
    level = np.maximum(smooth_level(image, mask), 1e-3)
    for (s, (width, area)), (t, threshold) in product(enumerate(SETTINGS), enumerate(THRESHOLDS)):
        size = 2 * int(np.ceil(4 * width)) + 1
        offset = np.arange(size) - size // 2
        kernel = np.exp(-0.5 * (offset[:, None] ** 2 + offset[None, :] ** 2) / width**2)
        rows = sep.extract(
            image - level, threshold, err=np.sqrt(level), mask=~mask, minarea=area, clean=False,
            filter_kernel=kernel, filter_type="matched", deblend_cont=0.001,
        )  # fmt: skip
        yield s, t, rows["x"], rows["y"]


def places(rows: Table) -> Array:
    """RA, DEC and DET_ML of sources, shape (3, n)."""
    return np.array([rows["RA"], rows["DEC"], rows["DET_ML"]], float)


def search(folder: Path, kept: Path) -> None:
    """Simulate a field of `run.py` again and search it in all three ways; what is found goes to `kept`."""
    warnings.simplefilter("ignore", FITSFixedWarning)
    settings = FieldSettings(**json.loads((folder / "done.json").read_text(encoding="utf-8")))
    work = Path(tempfile.mkdtemp(dir=kept.parent))
    lists = simulate(work, settings)
    images = make_images(work, lists, BAND_EV, "broad")
    chain = {
        "imagesets": [images[camera][0] for camera in CAMERAS], "pimin": [BAND_EV[0]] * 3, "pimax": [BAND_EV[1]] * 3,
        "ecf": [1.0] * 3, "likemin": LIKELIHOODS[0], "eboxm_likemin": 3,
    }  # fmt: skip
    listed = detect(work, lists, images, replace(settings, chain=tuple(chain.items())))
    found = {THREE: places(summary_rows(listed))}
    add_cameras(work, lists, images)
    before = Path.cwd()
    os.chdir(work)
    try:
        rows = search_maps(
            ["sum.fits"], ["sumexp.fits"], [BAND_EV], mask=0.25, least=3, mlmin=LIKELIHOODS[0], ecf=[1.0]
        )
    finally:
        os.chdir(before)
    found[SUM] = places(rows)
    world = WCS(fits.getheader(work / "sum.fits"))
    theirs = extract(fits.getdata(work / "sum.fits").astype(float), fits.getdata(work / "mask0.fits") > 0)
    found[SEP] = np.concatenate(
        [[*world.all_pix2world(x, y, 0), 0.0 * x + s, 0.0 * x + t] for s, t, x, y in theirs if x.size], axis=1
    )
    np.savez(kept, **found)
    shutil.rmtree(work)


def matched(found: Array, truth: Table, expected: Array) -> tuple[int, Array]:
    """False detections, and which sources were found."""
    seen = np.zeros(len(truth), bool)
    if not found.size:
        return 0, seen
    distance = separation_arcsec(found[0], found[1], truth["ra"], truth["dec"])
    possible = (distance < MATCH_ARCSEC) & (expected[None, :] > LEAST_EXPECTED)
    owner = np.where(possible.any(axis=1), np.where(possible, expected[None, :], -1.0).argmax(axis=1), -1)
    seen[np.unique(owner[owner >= 0])] = True
    return int(np.sum(owner < 0)), seen


def choices(tool: str) -> Iterator[tuple[str, Any]]:
    """What may be chosen of a tool, in words, and what selects it from the sources that it found."""
    if tool != SEP:
        for least in LIKELIHOODS:
            yield f"DET_ML >= {least:g}", lambda rows, least=least: rows[2] >= least
    else:
        for (s, (width, area)), (t, threshold) in product(enumerate(SETTINGS), enumerate(THRESHOLDS)):
            words = f"filter of {width:g} pixels, least area {area}, threshold {threshold:.2f}"
            yield words, lambda rows, s=s, t=t: (rows[2] == s) & (rows[3] == t)


def main() -> None:
    """Compare and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fields", type=int, default=24)
    options = parser.parse_args()
    folders = [one for one in sorted(options.folder.glob("short_*")) if (one / "done.json").is_file()][: options.fields]
    kept = [options.folder.resolve() / "general" / f"{folder.name}.npz" for folder in folders]
    kept[0].parent.mkdir(exist_ok=True)
    with ProcessPoolExecutor() as pool:
        jobs = [pool.submit(search, *pair) for pair in zip(folders, kept, strict=True) if not pair[1].is_file()]
        for job in jobs:
            job.result()
    found = [dict(np.load(file)) for file in kept]
    truths = [Table.read(folder / "truth_sources.fits") for folder in folders]
    expected = [np.sum([np.sum(one[f"{camera}_expected"], axis=1) for camera in CAMERAS], axis=0) for one in truths]
    fluxes = np.concatenate([one["flux_0p5_2"] for one in truths])
    inside = np.concatenate([one["pn_offaxis"] for one in truths]) < 12.0
    columns = {}
    for tool in (SUM, SEP, THREE):
        best = (-1.0, "", 0.0, np.zeros(0))
        for words, chosen in choices(tool):
            false, parts = zip(
                *(matched(one[tool][:, chosen(one[tool])], *both)
                  for one, *both in zip(found, truths, expected, strict=True)), strict=True
            )  # fmt: skip
            seen = np.concatenate(parts)
            share = float(np.mean(seen[inside & (fluxes > LEAST_FLUX)]))
            if np.mean(false) <= ALLOWED and share > best[0]:
                best = (share, words, float(np.mean(false)), seen)
        columns[tool] = best[3]
        print(f"{tool}: {best[1]}; {best[2]:.2f} false per field")
    print(f"\n{len(folders)} fields of 10 ks\n")
    print(f"| flux 0.5-2 keV (erg/cm2/s) | sources | {' | '.join(columns)} |\n|---|---|{'---|' * len(columns)}")
    for low, high in zip(figures.FLUXES[:-1], figures.FLUXES[1:], strict=True):
        chosen = inside & (fluxes >= low) & (fluxes < high)
        if chosen.any():
            shares = " | ".join(f"{100 * np.mean(seen[chosen]):.1f} %" for seen in columns.values())
            print(f"| {np.sqrt(low * high):.2e} | {chosen.sum()} | {shares} |")


if __name__ == "__main__":
    main()
