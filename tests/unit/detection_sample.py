"""A small field for tests of tasks around source detection: an image with a source, and a source list."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from astropy.io import fits

from xmmpy.detection.psf import Psf, psf_image
from xmmpy.products.history import Provenance
from xmmpy.products.sourcelists import ML_COLUMNS, empty_rows, write_source_list

CENTRE = (150.0, 2.0)
PIXEL_DEG = 4.0 / 3600.0
SIZE = 200
PROVENANCE = Provenance("emldetect", "emldetect", "0", datetime(2026, 1, 1, tzinfo=UTC))


def header(camera: str = "EMOS1") -> fits.Header:
    """Keywords of an image of the sky as evselect writes them."""
    cards = {
        "TELESCOP": "XMM", "INSTRUME": camera, "OBS_ID": "0123456789", "OBJECT": "Test", "FILTER": "Thin1",
        "RA_PNT": CENTRE[0], "DEC_PNT": CENTRE[1], "PA_PNT": 70.0, "EXPOSURE": 1e4,
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": (SIZE + 1) / 2, "CRPIX2": (SIZE + 1) / 2,
        "CRVAL1": CENTRE[0], "CRVAL2": CENTRE[1], "CDELT1": -PIXEL_DEG, "CDELT2": PIXEL_DEG,
        "CTYPE1L": "X", "CTYPE2L": "Y", "CRPIX1L": 1.0, "CRPIX2L": 1.0, "CRVAL1L": 18000.5, "CRVAL2L": 18000.5,
        "CDELT1L": 80.0, "CDELT2L": 80.0,
    }  # fmt: skip
    made = fits.Header()
    for name, value in cards.items():
        made[name] = value
    return made


def write_image(
    path: Path, counts: float = 5000.0, pixel: tuple[float, float] = (99.5, 99.5), background: float = 0.02,
    camera: str = "EMOS1", seed: int = 1,
) -> Path:  # fmt: skip
    """An image with one point source at a pixel (from 0) on an even background, with Poisson noise."""
    generator = np.random.default_rng(seed)
    shape = Psf(camera).shape(1.5, 0.0)
    model = background + counts * psf_image(shape, PIXEL_DEG * 3600.0, (SIZE, SIZE), pixel)
    fits.PrimaryHDU(generator.poisson(model).astype(np.int32), header(camera)).writeto(path, overwrite=True)
    return path


def write_list(path: Path, ra: list[float], dec: list[float]) -> Path:
    """A list of emldetect with three rows for each source: all, the camera, its band."""
    number = len(ra)
    rows = empty_rows(ML_COLUMNS, 3 * number)
    rows["ML_ID_SRC"][:] = np.repeat(np.arange(1, number + 1), 3)
    rows["ID_INST"][:] = np.tile([0, 2, 2], number)
    rows["ID_BAND"][:] = np.tile([0, 0, 1], number)
    rows["RA"][:], rows["DEC"][:] = np.repeat(ra, 3), np.repeat(dec, 3)
    rows["RADEC_ERR"][:] = np.repeat(np.arange(1, number + 1, dtype=float), 3)
    rows["DET_ML"][:] = np.repeat(10.0 * np.arange(1, number + 1), 3)
    write_source_list(path, ML_COLUMNS, rows, [], PROVENANCE)
    return path
