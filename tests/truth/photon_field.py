"""Small fields whose sources are drawn photon by photon, independently of the tables that fits use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from xmmpy.calibration.nominal import king_profile
from xmmpy.detection.planes import CameraView, Field, Plane

BANDS = ((200, 500), (500, 1000), (1000, 2000), (2000, 4500), (4500, 12000))
ENERGIES = (0.31, 0.70, 1.38, 2.97, 7.2)
CAMERAS = {1: "EPN", 2: "EMOS1", 3: "EMOS2"}
REACH = 300.0
SHARES = np.outer([0.6, 0.2, 0.2], [0.1, 0.25, 0.3, 0.2, 0.15]).ravel()
"""Of the photons of a source on each of 15 planes."""


@dataclass(frozen=True)
class Photons:
    """A source: place (pixels from 0), counts expected over all planes, core of a beta model (pixels)."""

    x: float
    y: float
    counts: float
    core: float = 0.0


def photon_field(
    seed: int,
    sources: Sequence[Photons],
    *,
    size: int = 128,
    pixel: float = 4.0,
    exposure: float = 1e4,
    background: float | NDArray[np.float64] = 0.02,
    shares: NDArray[np.float64] = SHARES,
    believed: float = 1.0,
    gaps: bool = False,
) -> Field:
    """Draw a field of three cameras and five bands.

    Parameters
    ----------
    background : float or ndarray, shape (15,)
        Counts a pixel, on each plane.
    shares : ndarray, shape (15,)
        Of the photons of a source on each plane.
    believed : float
        Background map over true background.
    gaps : bool
        Leave strips of two pixels unexposed.
    """
    generator = np.random.default_rng(seed)
    step = pixel / 3600.0
    views, planes, masks = {}, [], {}
    live = np.full((size, size), exposure)
    levels = np.broadcast_to(background, shares.shape)
    if gaps:
        live[:, 31::64] = live[:, 32::64] = live[47::96] = live[48::96] = 0.0
    for instrument, camera in CAMERAS.items():
        views[instrument] = CameraView.of_pointing(camera, (size / 2, size / 2), 30.0, ((-step, 0.0), (0.0, step)))
        masks[instrument] = live > 0.0
        for band, (low, high) in enumerate(BANDS):
            share = shares[len(planes)]
            empty = levels[len(planes)] * (live > 0.0)
            counts = generator.poisson(empty).astype(float)
            for source in sources:
                offaxis = views[instrument].offaxis_arcmin(np.array(source.x), np.array(source.y))
                core, slope = (float(v) for v in king_profile(camera).at(np.array(ENERGIES[band]), offaxis))
                number = generator.poisson(source.counts * share)
                x, y = _king(generator, number, core / pixel, slope, REACH / pixel)
                if source.core:
                    more_x, more_y = _beta(generator, number, source.core)
                    x, y = x + more_x, y + more_y
                column, row = np.floor(source.x + x + 0.5).astype(int), np.floor(source.y + y + 0.5).astype(int)
                inside = (column >= 0) & (row >= 0) & (column < size) & (row < size)
                column, row = column[inside], row[inside]
                seen = generator.random(column.size) < live[row, column] / exposure
                np.add.at(counts, (row[seen], column[seen]), 1.0)
            planes.append(Plane(instrument, band + 1, low, high, counts, live, believed * empty))
    return Field(tuple(planes), masks, views)


def _king(
    generator: np.random.Generator, number: int, core: float, slope: float, reach: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places of photons of a King profile inside a radius, by inversion of its encircled energy."""
    whole = 1.0 - (1.0 + (reach / core) ** 2) ** (1.0 - slope)
    radius = core * np.sqrt((1.0 - whole * generator.random(number)) ** (1.0 / (1.0 - slope)) - 1.0)
    angle = 2.0 * np.pi * generator.random(number)
    return radius * np.cos(angle), radius * np.sin(angle)


def _beta(generator: np.random.Generator, number: int, core: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places of photons of a beta model with beta = 2/3: encircled 1 - (1 + (r/core)^2)^(-1/2)."""
    radius = core * np.sqrt((1.0 - generator.random(number)) ** -2.0 - 1.0)
    angle = 2.0 * np.pi * generator.random(number)
    return radius * np.cos(angle), radius * np.sin(angle)


def write_field(folder: Path, field: Field) -> dict[str, list[str]]:
    """Write images, exposure maps, background maps and masks; parameters of detection tasks that name them."""
    names: dict[str, list[str]] = {"imagesets": [], "expimagesets": [], "bkgimagesets": [], "detmasksets": []}
    for plane in field.planes:
        kinds = {"imagesets": plane.counts, "expimagesets": plane.exposure, "bkgimagesets": plane.background}
        for kind, data in kinds.items():
            names[kind].append(_write(folder, f"{kind}_{plane.instrument}_{plane.band}.fits", data, field, plane))
        if plane.band == 1:
            mask = field.masks[plane.instrument].astype(np.int32)
            names["detmasksets"].append(_write(folder, f"mask_{plane.instrument}.fits", mask, field, plane))
    return names


def _write(folder: Path, name: str, data: NDArray[np.float64], field: Field, plane: Plane) -> str:
    hdu = fits.PrimaryHDU(data.astype(np.int32 if name.startswith(("image", "mask")) else np.float32))
    rows, columns = data.shape
    step = field.pixel_arcsec / 3600.0
    hdu.header.update(
        {
            "INSTRUME": CAMERAS[plane.instrument], "TELESCOP": "XMM", "OBS_ID": "0000000001",
            "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CUNIT1": "deg", "CUNIT2": "deg", "CRVAL1": 150.0,
            "CRVAL2": 2.0, "CRPIX1": columns / 2 + 1, "CRPIX2": rows / 2 + 1, "CDELT1": -step, "CDELT2": step,
            "RA_PNT": 150.0, "DEC_PNT": 2.0, "PA_PNT": 30.0, "EXPOSURE": float(plane.exposure.max()),
            "DSTYP1": "PI", "DSVAL1": f"{plane.low_ev:g}:{plane.high_ev:g}",
        }
    )  # fmt: skip
    path = folder / name
    hdu.writeto(path, overwrite=True)
    return str(path)
