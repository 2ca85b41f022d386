"""Derive the vignetting of the gratings: ``calibration/tables/azimuthal_vignetting.csv``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from astropy.io import fits
from derivation import LISTS, OBSERVATIONS, main, table_text

import xmmpy.tasks
from xmmpy.calibration import nominal
from xmmpy.detection.planes import INSTRUMENT_IDS
from xmmpy.tasks.detection.fields import FieldFiles, load_field
from xmmpy.tasks.session import Session

ABOUT = """
Vignetting of the gratings under the MOS cameras: relative area, the sum of coefficient u^i v^j (columns u and v
give i and j), where u and v are DETX and DETY from the optical axis in arcmin. The gratings cut one side more.
Source: the public exposure maps of 0201901401 and 0201903501 over ours with the radial vignetting alone.
Made by tools/derive_azimuthal_vignetting.py.
"""
COLUMNS = "camera,u,v,coefficient"
DEGREE = 4
BANDS = {"0.50-2.00": (500, 2000), "2.00-10.00": (2000, 10000)}
_WIDEST, _CLIP = 0.3, 0.05
_UNITS_PER_ARCMIN = 1200.0
Array = np.ndarray[Any, Any]


def radial_map(folder: Path, camera: str, image: Path, band: tuple[int, int]) -> Array:
    """Our exposure map on the grid of an image, without the gratings."""
    (attitude,) = folder.glob("*ATTTSR*")
    with (
        tempfile.TemporaryDirectory() as scratch,
        patch("xmmpy.tasks.catalogue.eexpmap.azimuthal_vignetting", return_value=None),
    ):
        made = Path(scratch) / "map.fits"
        xmmpy.tasks.eexpmap(
            imageset=str(image), attitudeset=str(attitude), eventset=str(folder / LISTS[camera]),
            expimageset=[str(made)], attrebin=4, pimin=[band[0]], pimax=[band[1]],
        )  # fmt: skip
        return np.asarray(fits.getdata(made), dtype=float)


def ratios(data: Path, camera: str) -> tuple[Array, Array, Array]:
    """u, v (arcmin) and SAS's exposure over ours, all pixels of all maps of a camera."""
    axis = nominal.boresight(camera).axis
    parts = []
    for folder in (data / "sas-products" / observation for observation in OBSERVATIONS):
        for name, band in BANDS.items():
            (image,) = folder.glob(f"*_{LISTS[camera][:4]}_exp1-{name}keVimg*")
            ours = radial_map(folder, camera, image, band)
            theirs = np.asarray(fits.getdata(str(image).replace("keVimg", "keVexpmap")), dtype=float)
            view = load_field(FieldFiles([str(image)]), Session("derive")).field.views[INSTRUMENT_IDS[camera]]
            y, x = np.nonzero((ours > 0) & (theirs > 0))
            detx, dety = view.det(x.astype(float), y.astype(float))
            u, v = (detx - axis[0]) / _UNITS_PER_ARCMIN, (dety - axis[1]) / _UNITS_PER_ARCMIN
            parts.append(np.stack([u, v, theirs[y, x] / ours[y, x]]))
    u, v, ratio = np.concatenate(parts, axis=1)
    return u, v, ratio


def polynomial(u: Array, v: Array, ratio: Array) -> dict[tuple[int, int], float]:
    """Coefficients of u^i v^j, 1 on the axis; edges of CCDs and bad columns are clipped away."""
    powers = [(i, j) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i) if i + j > 0]
    design = np.stack([u**i * v**j for i, j in powers], axis=1)
    used = np.abs(ratio - 1.0) < _WIDEST
    for _ in range(5):
        fit = np.linalg.lstsq(design[used], ratio[used] - 1.0, rcond=None)[0]
        used = np.abs(ratio - 1.0 - design @ fit) < _CLIP
    return {(0, 0): 1.0} | dict(zip(powers, fit.tolist(), strict=True))


def derive(data: Path) -> str:
    """Text of the table."""
    rows = []
    for camera in LISTS:
        coefficients = polynomial(*ratios(data, camera))
        rows += [f"{camera},{i},{j},{value:.4e}" for (i, j), value in coefficients.items()]
    return table_text(ABOUT, COLUMNS, rows)


if __name__ == "__main__":
    main("azimuthal_vignetting", derive)
