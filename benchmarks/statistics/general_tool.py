"""The same fields searched with a general tool, sep (Source Extractor as a library), at the same false-detection rate.

Both have the three images from 0.5 to 4.5 keV, one of each camera (softest and hardest band add more background than
sources): emldetect by edetect_chain; for sep they are added. The mask is that of the exposure. Counts are few, so that
sep has a background of zero (a clipped mode): it is given the mean of the counts on a scale of 100 arcsec without what
stands out, and noise from that. Its filter is a Gaussian of the width of the point-spread function; settings and
threshold are those of the highest completeness at no more false detections than emldetect has at DET_ML >= 6. Both
lists are matched by the same rule.

Usage: pip install sep; python benchmarks/statistics/general_tool.py FOLDER [--fields 20]  (FOLDER: of run.py)
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import figures
import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from fields import CAMERAS, FieldSettings, detect, make_images, separation_arcsec, simulate
from matching import MATCH_ARCSEC

THRESHOLDS = np.geomspace(3.0, 8.0, 30)
LIKELIHOOD = 6.0
LEVEL_PIXELS = 23.0
BAND_EV = (500, 4500)
WIDTHS = (0.6, 0.8, 1.0, 1.5)
CLEAN = (True, False)
AREAS = (1, 3)
SETTINGS = tuple(product(WIDTHS, CLEAN, AREAS))
LEAST_EXPECTED = 4.0


def search(
    folder: Path, work: Path, lists: dict[str, Path], images: dict[str, list[str]], settings: FieldSettings
) -> None:
    """Run edetect_chain on one image of each camera; the list and the truth go to `folder`."""
    number = len(CAMERAS)
    given = {
        "imagesets": [images[camera][0] for camera in CAMERAS], "pimin": [BAND_EV[0]] * number,
        "pimax": [BAND_EV[1]] * number, "ecf": [1.0] * number,
    }  # fmt: skip
    found = detect(work, lists, images, replace(settings, chain=tuple(given.items())))
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(found, folder / "emllist.fits")
    shutil.copy(work / "truth_sources.fits", folder)


def summed_image(
    work: Path, lists: dict[str, Path], images: dict[str, list[str]]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], WCS]:
    """Counts of all cameras from 0.5 to 4.5 keV, the exposed pixels, and where they are."""
    from xmmpy.tasks.registry import find_task

    total, exposure, world = 0.0, 0.0, None
    for camera in CAMERAS:
        made = str(work / f"{camera}exp.fits")
        find_task("eexpmap")(
            imageset=images[camera][0], eventset=str(lists[camera]), expimageset=[made], pimin=[500], pimax=[2000],
            attrebin=4,
        )  # fmt: skip
        exposure = exposure + fits.getdata(made).astype(float)
        total = total + fits.getdata(images[camera][0]).astype(float)
        world = WCS(fits.getheader(images[camera][0]))
    return np.asarray(total), exposure > 0.25 * exposure.max(), world


def kept_image(
    root: Path, name: str, settings: FieldSettings
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], WCS]:
    """`summed_image`, kept beside the fields."""
    file = root / "sums" / f"{name}.fits"
    if not file.is_file():
        work = Path(tempfile.mkdtemp(dir=root))
        lists = simulate(work, settings)
        images = make_images(work, lists, BAND_EV, "broad")
        counts, mask, world = summed_image(work, lists, images)
        search(root / "sums" / name, work, lists, images, settings)
        shutil.rmtree(work)
        blocks = [fits.PrimaryHDU(counts, world.to_header()), fits.ImageHDU(mask.astype(np.uint8))]
        fits.HDUList(blocks).writeto(file)
    with fits.open(file) as hdus:
        return hdus[0].data.astype(float), hdus[1].data > 0, WCS(hdus[0].header)


def smooth_level(counts: np.ndarray[Any, Any], mask: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Mean of the counts around each pixel, without the pixels on which smoothed counts stand out by 4 sigma."""
    from scipy.ndimage import gaussian_filter

    used = mask.astype(float)
    for _ in range(4):
        weight = np.maximum(gaussian_filter(used, LEVEL_PIXELS), 1e-6)
        level = np.maximum(gaussian_filter(counts * used, LEVEL_PIXELS) / weight, 1e-4)
        noise = np.sqrt(level / (4.0 * np.pi * 2.0**2))
        used = np.where(gaussian_filter(counts - level, 2.0) > 4.0 * noise, 0.0, mask.astype(float))
    return np.asarray(level)


def extract(counts: np.ndarray[Any, Any], mask: np.ndarray[Any, Any], setting: tuple[float, bool, int]) -> list[Table]:
    """Sources of sep at each threshold: x, y, flux."""
    import sep

    width, clean, area = setting
    size = 2 * int(np.ceil(4 * width)) + 1
    offset = np.arange(size) - size // 2
    kernel = np.exp(-0.5 * (offset[:, None] ** 2 + offset[None, :] ** 2) / width**2)
    image = np.ascontiguousarray(counts)
    level = np.maximum(smooth_level(image, mask), 1e-3)
    found = []
    for threshold in THRESHOLDS:
        try:
            rows = sep.extract(
                image - level, threshold, err=np.sqrt(level), mask=~mask, minarea=area, clean=clean,
                filter_kernel=kernel, filter_type="matched", deblend_cont=0.001,
            )  # fmt: skip
        except Exception:  # noqa: BLE001 - its own class: too many pixels above the threshold
            rows = np.zeros(0, dtype=[("x", float), ("y", float), ("flux", float)])
        found.append(Table({"x": rows["x"], "y": rows["y"], "flux": rows["flux"]}))
    return found


def matched(
    ra: np.ndarray[Any, Any], dec: np.ndarray[Any, Any], truth: Table, expected: np.ndarray[Any, Any]
) -> tuple[int, np.ndarray[Any, Any]]:
    """False detections, and which sources were found."""
    seen = np.zeros(len(truth), bool)
    if not len(ra):
        return 0, seen
    distance = separation_arcsec(ra, dec, truth["ra"], truth["dec"])
    possible = (distance < MATCH_ARCSEC) & (expected[None, :] > LEAST_EXPECTED)
    owner = np.where(possible.any(axis=1), np.where(possible, expected[None, :], -1.0).argmax(axis=1), -1)
    seen[np.unique(owner[owner >= 0])] = True
    return int(np.sum(owner < 0)), seen


def emldetect_places(folder: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """RA and DEC of the sources above the least likelihood."""
    rows = Table.read(folder / "emllist.fits", "SRCLIST")
    rows = rows[(rows["ID_INST"] == 0) & (rows["ID_BAND"] == 0) & (rows["DET_ML"] >= LIKELIHOOD)]
    return np.array(rows["RA"]), np.array(rows["DEC"])


def main() -> None:
    """Compare and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fields", type=int, default=20)
    options = parser.parse_args()
    folders = [one for one in sorted(options.folder.glob("short_*")) if (one / "done.json").is_file()][: options.fields]
    begun = [FieldSettings(**json.loads((folder / "done.json").read_text(encoding="utf-8"))) for folder in folders]
    summed = [kept_image(options.folder, folder.name, one) for folder, one in zip(folders, begun, strict=True)]
    allowed, mine, sources = 0.0, [], []
    false = np.zeros((len(SETTINGS), len(THRESHOLDS)))
    seen: dict[tuple[int, int], list[np.ndarray[Any, Any]]] = {}
    for folder, (counts, mask, world) in zip(folders, summed, strict=True):
        truth = Table.read(folder / "truth_sources.fits")
        expected = np.sum([np.sum(truth[f"{camera}_expected"], axis=1) for camera in CAMERAS], axis=0)
        wrong, got = matched(*emldetect_places(options.folder / "sums" / folder.name), truth, expected)
        allowed += wrong / len(folders)
        mine.append(got)
        sources.append(np.stack([truth["flux_0p5_2"], truth["pn_offaxis"]]))
        for w, setting in enumerate(SETTINGS):
            for t, found in enumerate(extract(counts, mask, setting)):
                wrong, got = matched(*world.all_pix2world(found["x"], found["y"], 0), truth, expected)
                false[w, t] += wrong / len(folders)
                seen.setdefault((w, t), []).append(got)
    fluxes, offaxis = np.concatenate(sources, axis=1)
    best, best_share = (0, 0), -1.0
    inside = offaxis < 12.0
    bright = inside & (fluxes > 2e-15)
    for key, parts in seen.items():
        share = float(np.mean(np.concatenate(parts)[bright]))
        if false[key] <= allowed and share > best_share:
            best, best_share = key, share
    ours, theirs = np.concatenate(mine), np.concatenate(seen[best])
    print(f"{len(folders)} fields of 10 ks; false per field: emldetect {allowed:.2f}, sep {false[best]:.2f} "
          f"(width, clean, least area {SETTINGS[best[0]]}, threshold {THRESHOLDS[best[1]]:.2f})\n")  # fmt: skip
    print("| flux 0.5-2 keV (erg/cm2/s) | sources | emldetect, DET_ML >= 6 | sep |\n|---|---|---|---|")
    for low, high in zip(figures.FLUXES[:-1], figures.FLUXES[1:], strict=True):
        chosen = inside & (fluxes >= low) & (fluxes < high)
        if chosen.sum():
            shares = f"{100 * np.mean(ours[chosen]):.1f} % | {100 * np.mean(theirs[chosen]):.1f} %"
            print(f"| {np.sqrt(low * high):.2e} | {chosen.sum()} | {shares} |")


if __name__ == "__main__":
    main()
