"""The real observations 0201901401 and 0201903501, the same field six weeks apart.

First the images and exposure maps that SAS made (pn, MOS1, MOS2, two bands) are searched and held against the sources
that the XMM Cluster Survey found in them by wavelets. Then MOS1 and MOS2 alone, with our own exposure maps, in both
observations: what the one finds, the other should.

Usage: python benchmarks/statistics/real_fields.py DATA [--folder build/statistics]
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from fields import search_maps, separation_arcsec

OBSERVATIONS = ("0201901401", "0201903501")
BANDS = {"0.50-2.00": (500, 2000), "2.00-10.00": (2000, 10000)}
MATCH_ARCSEC = 10.0
CROSS_ARCSEC = 4.0
CROSS_LIKELIHOOD = 15.0
REGISTER_ARCSEC = 8.0
ATTITUDE_ARCSEC = 1.0  # what is left beside the statistical error, so that one bright source does not decide alone


def detect(work: Path, images: list[str], exposures: list[str], *, extents: bool = False) -> Table:
    """Search images of two bands for each camera; one row for each source."""
    before = Path.cwd()
    os.chdir(work)
    try:
        return search_maps(
            images, exposures, list(BANDS.values()), mask=0.1, least=5, mlmin=6, fitextent=extents, dmlextmin=10,
            maxextent=40,
        )  # fmt: skip
    finally:
        os.chdir(before)


def survey_sources(folder: Path, obs: str) -> list[tuple[str, float, float, float, float]]:
    """Colour, pixel and sky position of the sources in a region file of the merged image."""
    world = WCS(fits.getheader(folder / f"{obs}-0.50-2.00keVmerged_img.fits.gz"))
    found, usual = [], "red"
    for line in (folder / f"{obs}_sources.reg").read_text(encoding="utf-8").splitlines():
        colour = re.search(r"color=(\w+)", line)
        if line.startswith("global") and colour:
            usual = colour[1]
        figure = re.search(r"ellipse\(([\d.]+),([\d.]+)", line)
        if figure:
            x, y = float(figure[1]), float(figure[2])
            ra, dec = world.all_pix2world(x, y, 1)
            found.append((colour[1] if colour else usual, x, y, float(ra), float(dec)))
    return found


def draw(
    path: Path, image: Path, survey: list[tuple[str, float, float, float, float]], ours: Table, title: str
) -> None:
    """Both lists over the merged image."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from scipy.ndimage import gaussian_filter

    data, world = fits.getdata(image), WCS(fits.getheader(image))
    figure, axes = plt.subplots(figsize=(8, 8), layout="constrained")
    axes.imshow(np.arcsinh(3 * gaussian_filter(data.astype(float), 1.2)), origin="lower", cmap="gray_r")
    for colour, x, y, _, _ in survey:
        axes.plot(x - 1, y - 1, "o", color=colour, markersize=15, markerfacecolor="none", markeredgewidth=1.5)
    x, y = world.all_world2pix(ours["RA"], ours["DEC"], 0)
    axes.plot(x, y, "+", color="tab:blue", markersize=9, label="emldetect, DET_ML ≥ 6")
    axes.plot(
        [], [], "o", color="red", markerfacecolor="none", label="XMM Cluster Survey: point sources (green: extended)"
    )
    axes.legend(loc="upper left")
    axes.set(title=title, xticks=[], yticks=[])
    figure.savefig(path, dpi=90)


def against_survey(data: Path, root: Path) -> None:
    """Print how many of the survey's point sources are found, and each that is not."""
    total = found = 0
    for obs in OBSERVATIONS:
        folder = data / "sas-products" / obs
        images = [str(folder / f"{obs}_{c}_exp1-{b}keVimg.fits.gz") for c in ("pn", "mos1", "mos2") for b in BANDS]
        work = root / f"survey_{obs}"
        work.mkdir(parents=True, exist_ok=True)
        ours = detect(work, images, [name.replace("keVimg", "keVexpmap") for name in images])
        survey = survey_sources(folder, obs)
        points = [one for one in survey if one[0] == "red"]
        distance = separation_arcsec([one[3] for one in points], [one[4] for one in points], ours["RA"], ours["DEC"])
        nearest = distance.min(axis=1)
        total, found = total + len(points), found + int(np.sum(nearest < MATCH_ARCSEC))
        print(f'{obs}: {np.sum(nearest < MATCH_ARCSEC)} of {len(points)} point sources within {MATCH_ARCSEC:g}", '
              f"{len(ours)} of ours")  # fmt: skip
        for one, away in zip(points, nearest, strict=True):
            if away >= MATCH_ARCSEC:
                print(f'  missed: pixel {one[1]:.1f}, {one[2]:.1f}; nearest of ours {away:.0f}"')
        draw(root / f"survey_{obs}.png", folder / f"{obs}-0.50-2.00keVmerged_img.fits.gz", survey, ours, obs)
    print(f"together {found} of {total}, {100 * found / total:.0f} %")


def against_each_other(data: Path, root: Path) -> None:
    """Print how many of the likely sources of one observation are in the other, from MOS1 and MOS2 and our own maps."""
    from xmmpy.tasks.registry import find_task

    lists = []
    for obs in OBSERVATIONS:
        folder, work = data / "sas-products" / obs, root / f"mos_{obs}"
        work.mkdir(parents=True, exist_ok=True)
        (attitude,) = folder.glob("*ATTTSR*")
        images, exposures = [], []
        for camera in ("mos1", "mos2"):
            made = [str(work / f"{camera}_{n}exp.fits") for n in range(2)]
            images += [str(folder / f"{obs}_{camera}_exp1-{band}keVimg.fits.gz") for band in BANDS]
            find_task("eexpmap")(
                imageset=images[-1], eventset=str(folder / f"{camera}_exp1_clean_evts.fits.gz"), expimageset=made,
                attitudeset=str(attitude), attrebin=4, pimin=[low for low, _ in BANDS.values()],
                pimax=[high for _, high in BANDS.values()],
            )  # fmt: skip
            exposures += made
        lists.append(detect(work, images, exposures, extents=True))
    for one, other, name, exposure in (
        (lists[0], lists[1], "0201901401 in 0201903501", root / "mos_0201903501/mask0.fits"),
        (lists[1], lists[0], "0201903501 in 0201901401", root / "mos_0201901401/mask0.fits"),
    ):
        likely = one[one["DET_ML"] >= CROSS_LIKELIHOOD]
        seen = _searched(likely, exposure)
        likely = likely[seen]
        plain = separation_arcsec(likely["RA"], likely["DEC"], other["RA"], other["DEC"]).min(axis=1)
        east, north = shift_between(likely, other)
        ra = likely["RA"] + east / 3600.0 / np.cos(np.radians(likely["DEC"]))
        distance = separation_arcsec(ra, likely["DEC"] + north / 3600.0, other["RA"], other["DEC"]).min(axis=1)
        print(f'{name}: {np.sum(plain < CROSS_ARCSEC)} of {len(likely)} (DET_ML >= {CROSS_LIKELIHOOD:g}) within '
              f'{CROSS_ARCSEC:g}"; {np.sum(distance < CROSS_ARCSEC)} once shifted by {east:+.1f}" to the east and '
              f'{north:+.1f}" to the north')  # fmt: skip
        for row, away in zip(likely, distance, strict=True):
            if away >= CROSS_ARCSEC:
                print(f'  not: RA {row["RA"]:.4f} Dec {row["DEC"]:.4f} DET_ML {row["DET_ML"]:.1f}, '
                      f'{row["SCTS"]:.0f} counts; nearest {away:.1f}"')  # fmt: skip
    image = data / "sas-products/0201903501/0201903501-0.50-2.00keVmerged_img.fits.gz"
    _draw_pair(root / "cross_match.png", image, lists)


def shift_between(one: Table, other: Table) -> tuple[float, float]:
    """Shift (arcsec, east and north) from a list to another: the mean of the pairs within REGISTER_ARCSEC, weighted."""
    scale = np.cos(np.radians(np.mean(one["DEC"])))
    east = (np.asarray(other["RA"])[None, :] - np.asarray(one["RA"])[:, None]) * scale * 3600.0
    north = (np.asarray(other["DEC"])[None, :] - np.asarray(one["DEC"])[:, None]) * 3600.0
    nearest = np.hypot(east, north).argmin(axis=1)
    row = np.arange(len(one))
    paired = np.hypot(east, north)[row, nearest] < REGISTER_ARCSEC
    error = np.hypot(np.asarray(one["RADEC_ERR"]), np.asarray(other["RADEC_ERR"])[nearest])
    weight = paired / (error**2 + ATTITUDE_ARCSEC**2)
    return tuple(float(np.average(move[row, nearest], weights=weight)) for move in (east, north))  # type: ignore[return-value]


def _searched(sources: Table, mask: Path) -> np.ndarray[Any, Any]:
    """Which sources lie in the mask of the other observation."""
    with fits.open(mask) as hdus:
        x, y = WCS(hdus["MASK"].header).all_world2pix(sources["RA"], sources["DEC"], 0)
        data = hdus["MASK"].data
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    inside = (column >= 0) & (row >= 0) & (column < data.shape[1]) & (row < data.shape[0])
    inside[inside] = data[row[inside], column[inside]] > 0
    return inside


def _draw_pair(path: Path, image: Path, lists: list[Table]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from scipy.ndimage import gaussian_filter

    data, world = fits.getdata(image), WCS(fits.getheader(image))
    figure, axes = plt.subplots(figsize=(8, 8), layout="constrained")
    axes.imshow(np.arcsinh(3 * gaussian_filter(data.astype(float), 1.2)), origin="lower", cmap="gray_r")
    for found, mark, colour, obs in zip(lists, ("o", "s"), ("tab:orange", "tab:blue"), OBSERVATIONS, strict=True):
        likely = found[found["DET_ML"] >= CROSS_LIKELIHOOD]
        x, y = world.all_world2pix(likely["RA"], likely["DEC"], 0)
        axes.plot(x, y, mark, color=colour, markersize=13, markerfacecolor="none", label=f"{obs}, DET_ML ≥ 15")
    axes.legend(loc="upper left")
    axes.set(title="MOS1 and MOS2, six weeks apart", xticks=[], yticks=[])
    figure.savefig(path, dpi=90)


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("build/statistics"))
    options = parser.parse_args()
    data, root = options.data.resolve(), options.folder.resolve()
    against_survey(data, root)
    against_each_other(data, root)


if __name__ == "__main__":
    main()
