"""The real observations 0201901401 and 0201903501, the same field six weeks apart.

First the images and exposure maps that SAS made (pn, MOS1, MOS2, two bands) are searched and held against the sources
that the XMM Cluster Survey found in them by wavelets. Then MOS1 and MOS2 alone, with our own exposure maps, in both
observations, and all cameras again: what the one finds, the other should, as far as its photons allow.

Usage: python benchmarks/statistics/real_fields.py DATA [--folder build/statistics]
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from fields import separation_arcsec
from repeats import BANDS, LIKELY, MATCH_ARCSEC, Observation, compare, drawn_repeats

OBSERVATIONS = ("0201901401", "0201903501")
SURVEY_ARCSEC = 10.0
EXTENTS = {"fitextent": True}


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


def against_survey(data: Path, root: Path) -> list[Observation]:
    """Print how many of the survey's point sources are found, and each that is not; all cameras, SAS's maps."""
    total = found = 0
    searched: list[Observation] = []
    for obs in OBSERVATIONS:
        folder = data / "sas-products" / obs
        images = [str(folder / f"{obs}_{c}_exp1-{b}keVimg.fits.gz") for c in ("pn", "mos1", "mos2") for b in BANDS]
        maps = [name.replace("keVimg", "keVexpmap") for name in images]
        searched.append(Observation(obs, root / f"survey_{obs}", tuple(images), tuple(maps)))
        ours = searched[-1].search()
        survey = survey_sources(folder, obs)
        points = [one for one in survey if one[0] == "red"]
        distance = separation_arcsec([one[3] for one in points], [one[4] for one in points], ours["RA"], ours["DEC"])
        nearest = distance.min(axis=1)
        total, found = total + len(points), found + int(np.sum(nearest < SURVEY_ARCSEC))
        print(f'{obs}: {np.sum(nearest < SURVEY_ARCSEC)} of {len(points)} point sources within {SURVEY_ARCSEC:g}", '
              f"{len(ours)} of ours")  # fmt: skip
        for one, away in zip(points, nearest, strict=True):
            if away >= SURVEY_ARCSEC:
                print(f'  missed: pixel {one[1]:.1f}, {one[2]:.1f}; nearest of ours {away:.0f}"')
        draw(root / f"survey_{obs}.png", folder / f"{obs}-0.50-2.00keVmerged_img.fits.gz", survey, ours, obs)
    print(f"together {found} of {total}, {100 * found / total:.0f} %")
    return searched


def survey_against_itself(data: Path) -> None:
    """Print how many of the survey's point sources of one observation are in its list of the other."""
    lists = {obs: survey_sources(data / "sas-products" / obs, obs) for obs in OBSERVATIONS}
    for one, other in (OBSERVATIONS, OBSERVATIONS[::-1]):
        points = [source for source in lists[one] if source[0] == "red"]
        (ra, dec), (other_ra, other_dec) = (np.array(found)[:, 3:].astype(float).T for found in (points, lists[other]))
        nearest = separation_arcsec(ra, dec, other_ra, other_dec).min(axis=1)
        within = [int(np.sum(nearest < limit)) for limit in (MATCH_ARCSEC, SURVEY_ARCSEC)]
        print(f"the survey's own, {one} in {other}: {within[0]} of {len(points)} within {MATCH_ARCSEC:g}\", "
              f'{within[1]} within {SURVEY_ARCSEC:g}"')  # fmt: skip


def mos_alone(data: Path, root: Path) -> list[Observation]:
    """MOS1 and MOS2 of both observations with our own exposure maps, searched."""
    from xmmpy.tasks.registry import find_task

    found = []
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
        found.append(Observation(obs, work, tuple(images), tuple(exposures)))
        found[-1].search(**EXTENTS)
    return found


def against_each_other(pair: list[Observation], draws: int) -> None:
    """Print how many of the likely sources of one observation are in the other, and how many could be."""
    for one, other in (pair, pair[::-1]):
        repeats = compare(one, other)
        near = repeats.registered < MATCH_ARCSEC
        east, north = repeats.shift
        print(f'{one.name} in {other.name}: {np.sum(repeats.plain < MATCH_ARCSEC)} of {near.size} (DET_ML >= '
              f'{LIKELY:g}) within {MATCH_ARCSEC:g}"; {np.sum(near)} once shifted by {east:+.1f}" to the east and '
              f'{north:+.1f}" to the north')  # fmt: skip
        drawn = np.array([np.sum(each) for each in drawn_repeats(one, other, draws, **EXTENTS)])
        print(f"  {drawn.mean():.1f} ± {drawn.std():.1f} in {draws} draws of the same sky as {other.name} would see it")
        for row, away in zip(repeats.likely[~near], repeats.registered[~near], strict=True):
            print(f'  not: RA {row["RA"]:.4f} Dec {row["DEC"]:.4f} DET_ML {row["DET_ML"]:.1f}, '
                  f'{row["SCTS"]:.0f} counts; nearest {away:.1f}"')  # fmt: skip


def _draw_pair(path: Path, data: Path, pair: list[Observation]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from scipy.ndimage import gaussian_filter

    image = data / "sas-products/0201903501/0201903501-0.50-2.00keVmerged_img.fits.gz"
    counts, world = fits.getdata(image), WCS(fits.getheader(image))
    figure, axes = plt.subplots(figsize=(8, 8), layout="constrained")
    axes.imshow(np.arcsinh(3 * gaussian_filter(counts.astype(float), 1.2)), origin="lower", cmap="gray_r")
    for one, mark, colour in zip(pair, ("o", "s"), ("tab:orange", "tab:blue"), strict=True):
        likely = one.sources()
        likely = likely[likely["DET_ML"] >= LIKELY]
        x, y = world.all_world2pix(likely["RA"], likely["DEC"], 0)
        axes.plot(x, y, mark, color=colour, markersize=13, markerfacecolor="none", label=f"{one.name}, DET_ML ≥ 15")
    axes.legend(loc="upper left")
    axes.set(title="MOS1 and MOS2, six weeks apart", xticks=[], yticks=[])
    figure.savefig(path, dpi=90)


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("build/statistics"))
    parser.add_argument("--draws", type=int, default=100)
    options = parser.parse_args()
    data, root = options.data.resolve(), options.folder.resolve()
    all_cameras = against_survey(data, root)
    survey_against_itself(data)
    pair = mos_alone(data, root)
    print("MOS1 and MOS2, our maps")
    against_each_other(pair, options.draws)
    _draw_pair(root / "cross_match.png", data, pair)
    print("pn, MOS1 and MOS2, SAS's maps")
    for one in all_cameras:
        one.search(**EXTENTS)
    against_each_other(all_cameras, options.draws)


if __name__ == "__main__":
    main()
