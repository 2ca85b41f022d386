"""Maps of esplinemap against the true background, in fields of known sources and background.

The exposure maps are eexpmap's of simulated lists of all three cameras; the background is a vignetted part and a flat
part (eexpmap withvignetting=no), each with a level for every camera and band; sources follow number counts. Each field
is searched in local mode, and the map of every image is compared with the truth, to which sources that were not found
count: inside of the mask, near found sources (30 arcsec), and in rings about the optical axis.

Usage: python benchmarks/statistics/background_maps.py [--fields 20] [--folder build/statistics]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fields import BANDS_EV, CAMERAS, PN_LOWEST_EV, FieldSettings, make_images, simulate

from xmmpy.calibration.nominal import energy_conversion_factors
from xmmpy.detection.background import Sourceless, cut_out, flat_exposure, spline_background
from xmmpy.detection.boxes import BoxSettings
from xmmpy.detection.boxsearch import BoxSources, search
from xmmpy.detection.planes import Field
from xmmpy.detection.psf import Psf, band_energy_kev
from xmmpy.detection.wings import KnownSource
from xmmpy.products.images import read_image
from xmmpy.tasks.detection.fields import FieldFiles, load_field
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Session

Array = np.ndarray[Any, Any]
LEVELS = {  # counts a pixel in 10 ks by band: vignetted part on the axis, flat part
    1: ((0.0215, 0.0104), (0.0172, 0.0171), (0.0093, 0.0367), (0.0069, 0.0424), (0.0114, 0.1493)),
    2: ((0.0080, 0.0050), (0.0040, 0.0041), (0.0036, 0.0160), (0.0020, 0.0111), (0.0008, 0.0303)),
    3: ((0.0087, 0.0045), (0.0042, 0.0043), (0.0040, 0.0154), (0.0025, 0.0106), (0.0036, 0.0291)),
}
FLUX_SHARES = (0.43, 0.46, 0.54, 0.75, 1.05)  # of the flux at 0.5 to 2 keV, power law of index 1.7
LIKEMIN, MLMIN, SCUT = 8.0, 1.0, 0.01
NEAR_PIXELS = 7.5
PARTS = ("all", "near sources", "below 5'", "5' to 10'", "beyond 10'")


def prepare(folder: Path) -> tuple[Field, dict[int, Array]]:
    """A field of three cameras with its exposure maps of 10 ks and masks, and the flat exposures by ID_INST."""
    lists = simulate(folder, FieldSettings(exposure=10_000.0, seed=31, logn_logs=False))
    images = make_images(folder, lists)
    eexpmap, emask = find_task("eexpmap"), find_task("emask")
    exposures, masks, lows, highs = [], [], [], []
    for camera in CAMERAS:
        low = [PN_LOWEST_EV if camera == "pn" else BANDS_EV[0], *BANDS_EV[1:-1]]
        high = list(BANDS_EV[1:])
        shared = {"imageset": images[camera][0], "eventset": str(lists[camera])}
        names = [str(folder / f"{camera}_b{band}exp.fits") for band in range(1, 6)]
        eexpmap(**shared, expimageset=names, pimin=low, pimax=high)
        eexpmap(
            **shared, expimageset=[str(folder / f"{camera}_flat.fits")], pimin=[500], pimax=[2000], withvignetting=False
        )
        masks.append(str(folder / f"{camera}_mask.fits"))
        emask(expimageset=names[0], detmaskset=masks[-1])
        exposures += names
        lows += low
        highs += high
    named = [name for camera in CAMERAS for name in images[camera]]
    files = FieldFiles(tuple(named), tuple(exposures), (), tuple(masks), tuple(lows), tuple(highs), (1.0,))
    field = load_field(files, Session("esplinemap")).field
    flats = {
        number: np.asarray(read_image(str(folder / f"{camera}_flat.fits")).data, np.float64)
        for number, camera in enumerate(CAMERAS, 1)
    }
    return field, flats


def draw_sources(rng: np.random.Generator, faintest: float) -> Array:
    """Place (pixels) and flux (erg/cm2/s at 0.5 to 2 keV) of sources; 60 above 5e-15 on the average, slope -1.3."""
    number = int(rng.poisson(60.0 * (faintest / 5e-15) ** -1.3))
    flux = np.minimum(faintest * rng.random(number) ** (-1.0 / 1.3), 1e-12)
    return np.column_stack([rng.uniform(60.0, 540.0, (number, 2)), flux])


def source_image(field: Field, number: int, sources: Array, psfs: dict[int, Psf]) -> Array:
    """Expected counts of sources in an image."""
    plane = field.planes[number]
    view = field.views[plane.instrument]
    factor = energy_conversion_factors(view.camera, "Thin1")[plane.band - 1] * FLUX_SHARES[plane.band - 1]
    result = np.zeros(field.shape)
    for x, y, flux in sources:
        angle = float(view.offaxis_arcmin(np.array(x), np.array(y)))
        table = psfs[plane.instrument].table(plane.low_ev, plane.high_ev, angle, field.pixel_arcsec)
        part, distance = KnownSource(x, y, 1.0, table.shape).distances(field.shape, field.pixel_arcsec)
        result[part] += flux * factor * plane.exposure[part] * table.at(distance / field.pixel_arcsec)
    return result


def known_sources(
    field: Field, number: int, boxes: BoxSources, psfs: dict[int, Psf]
) -> tuple[list[KnownSource], list[KnownSource]]:
    """What esplinemap cuts out of an image, and what it knows beside that."""
    plane = field.planes[number]
    view = field.views[plane.instrument]
    cut: list[KnownSource] = []
    faint: list[KnownSource] = []
    for k in np.flatnonzero(boxes.fraction[:, number] > 0.0):
        net = (boxes.counts[k, number] - boxes.background[k, number]) / boxes.fraction[k, number]
        x, y = float(boxes.x[k]), float(boxes.y[k])
        angle = float(view.offaxis_arcmin(np.array(x), np.array(y)))
        shape = psfs[plane.instrument].shape(band_energy_kev(plane.low_ev, plane.high_ev), angle)
        if net > 0.0:
            (cut if boxes.like[k, number] > MLMIN else faint).append(KnownSource(x, y, float(net), shape))
    return cut, faint


def spline_map(field: Field, number: int, boxes: BoxSources, psfs: dict[int, Psf]) -> Array:
    """The map that esplinemap makes with its defaults."""
    plane = field.planes[number]
    cut, faint = known_sources(field, number, boxes, psfs)
    outside, wings = cut_out(field.shape, cut, field.pixel_arcsec, SCUT, faint)
    used = field.masks[plane.instrument] & outside & (plane.exposure > 0.0)
    flat = flat_exposure(field.views[plane.instrument], plane.exposure, (plane.low_ev + plane.high_ev) / 2000.0)
    image = Sourceless.of(plane.counts, used, wings)
    return spline_background(image, [plane.exposure, flat], nodes=16, excess_sigma=4.0, runs=3)


def compare(
    base: Field, flats: dict[int, Array], kiloseconds: float, faintest: float, fields: int, seed: int
) -> tuple[Array, Array]:
    """Sums of maps and of truth by image and part, shape (images, parts, 2); scatter of a pixel (images,)."""
    psfs = {instrument: Psf(view.camera) for instrument, view in base.views.items()}
    sums, scatter = np.zeros((len(base.planes), len(PARTS), 2)), np.zeros(len(base.planes))
    y, x = np.mgrid[: base.shape[0], : base.shape[1]].astype(np.float64)
    scale = kiloseconds / 10.0
    for number in range(fields):
        rng = np.random.default_rng([seed, number])
        sources = draw_sources(rng, faintest) if faintest else np.zeros((0, 3))
        planes, truths = [], []
        for plane in base.planes:
            vignetted, flat = LEVELS[plane.instrument][plane.band - 1]
            exposure = plane.exposure / plane.exposure.max()
            particles = np.where(exposure > 0.0, flats[plane.instrument] / flats[plane.instrument].max(), 0.0)
            truths.append((vignetted * exposure + flat * particles) * scale)
            planes.append(replace(plane, exposure=plane.exposure * scale))
        field = replace(base, planes=tuple(planes))
        images = [source_image(field, p, sources, psfs) for p in range(len(planes))]
        counts = [rng.poisson(truth + image) for truth, image in zip(truths, images, strict=True)]
        planes = [replace(plane, counts=one) for plane, one in zip(planes, counts, strict=True)]
        field = replace(field, planes=tuple(planes))
        boxes = search(field, BoxSettings(likemin=LIKEMIN))
        found = np.array([np.hypot(boxes.x - sx, boxes.y - sy).min(initial=99.0) < 5.0 for sx, sy, _ in sources], bool)
        near = np.zeros(base.shape, bool)
        for sx, sy, _ in sources[found]:
            near |= np.hypot(x - sx, y - sy) < NEAR_PIXELS
        for p, plane in enumerate(planes):
            made = spline_map(field, p, boxes, psfs)
            truth = truths[p] + source_image(field, p, sources[~found], psfs)
            mask = field.masks[plane.instrument]
            angle = field.views[plane.instrument].offaxis_arcmin(x, y)
            far = mask & ~near
            parts = (
                mask,
                mask & near,
                far & (angle < 5.0),
                far & (angle >= 5.0) & (angle < 10.0),
                far & (angle >= 10.0),
            )
            for k, part in enumerate(parts):
                sums[p, k] += made[part].sum(), truth[part].sum()
            scatter[p] += np.std(made[mask] / truths[p][mask] - 1.0) / fields
    return sums, scatter


def main() -> None:
    """Run, print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fields", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=Path("build/statistics/background"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    base, flats = prepare(options.folder)
    for kiloseconds, faintest in ((10.0, 0.0), (10.0, 4e-15), (50.0, 1.5e-15)):
        sums, scatter = compare(base, flats, kiloseconds, faintest, options.fields, seed=2)
        print(f"\n{kiloseconds:g} ks, " + (f"sources from {faintest:g} erg/cm2/s" if faintest else "no sources"))
        print("| camera | band | counts a pixel | " + " | ".join(PARTS) + " | noise of all | scatter |")
        print("|---" * (len(PARTS) + 5) + "|")
        for plane, rows, spread in zip(base.planes, sums, scatter, strict=True):
            made, true = rows[:, 0], np.maximum(rows[:, 1], 1e-30)
            level = true[0] / base.masks[plane.instrument].sum() / options.fields
            cells = [f"{100 * (m / t - 1):+.1f} %" if t > 1.0 else "" for m, t in zip(made, true, strict=True)]
            camera = CAMERAS[plane.instrument - 1]
            cells += [f"{100.0 / np.sqrt(true[0]):.1f} %", f"{100 * spread:.1f} %"]
            print(f"| {camera} | {plane.band} | {level:.3f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
