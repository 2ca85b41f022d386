"""Two observations of one field against each other, and how much of the one the photons of the other can show.

What repeats is counted as it is, and once the two are registered. How much should repeat is found by drawing: the
sources of the one are put on the exposure and background maps of the other, at the rates they have, with Poisson
noise, and searched for in the same way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
from fields import search_maps, separation_arcsec, summary_rows

from xmmpy.detection.fit.model import Optics, Scene
from xmmpy.tasks.detection.fields import FieldFiles, LoadedField, load_field
from xmmpy.tasks.detection.telescopes import telescope_psf
from xmmpy.tasks.session import Session

BANDS = {"0.50-2.00": (500, 2000), "2.00-10.00": (2000, 10000)}
MATCH_ARCSEC = 4.0
LIKELY = 15.0
REGISTER_ARCSEC = 8.0
ATTITUDE_ARCSEC = 1.0  # what is left beside the statistical error, so that one bright source does not decide alone

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Observation:
    """Images and exposure maps of an observation, both bands of a camera, then those of the next.

    Attributes
    ----------
    name : str
        Its number.
    folder : Path
        Where it is searched; the list, masks and background maps are left there.
    images, exposures : tuple of str
        Files.
    """

    name: str
    folder: Path
    images: tuple[str, ...]
    exposures: tuple[str, ...]

    def search(self, **fit: Any) -> Table:
        """One row for each source; with parameters of emldetect."""
        self.folder.mkdir(parents=True, exist_ok=True)
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            bands = list(BANDS.values())
            return search_maps(
                list(self.images), list(self.exposures), bands, mask=0.1, least=5, mlmin=6, dmlextmin=10, maxextent=40,
                **fit,
            )  # fmt: skip
        finally:
            os.chdir(before)

    def sources(self) -> Table:
        """One row for each source that the last search found."""
        return summary_rows(self.folder / "emllist.fits")

    def load(self) -> LoadedField:
        """Everything that emldetect was given."""
        cameras = len(self.images) // len(BANDS)
        return load_field(
            FieldFiles(
                self.images,
                self.exposures,
                [str(self.folder / f"background{n}.fits") for n in range(len(self.images))],
                [str(self.folder / f"mask{n}.fits") for n in range(cameras)],
                [low for low, _ in BANDS.values()] * cameras,
                [high for _, high in BANDS.values()] * cameras,
            ),
            Session("emldetect"),
        )


@dataclass(frozen=True)
class Repeats:
    """Likely sources of one observation in the list of another.

    Attributes
    ----------
    likely : Table
        Those with a DET_ML of 15 and more that lie in the mask of the other.
    plain, registered : ndarray
        Distance (arcsec) of each to the nearest of the other, as it is and once the two are registered.
    shift : tuple of float
        From the one to the other (arcsec, east and north).
    """

    likely: Table
    plain: Array
    registered: Array
    shift: tuple[float, float]


def compare(one: Observation, other: Observation) -> Repeats:
    """Look for the likely sources of `one` in what was found in `other`."""
    likely, found = one.sources(), other.sources()
    likely = likely[likely["DET_ML"] >= LIKELY]
    likely = likely[_searched(likely, other.load())]
    shift = shift_between(likely, found)
    plain = separation_arcsec(likely["RA"], likely["DEC"], found["RA"], found["DEC"])
    registered = separation_arcsec(*_moved(likely, shift), found["RA"], found["DEC"])
    return Repeats(likely, plain.min(axis=1), registered.min(axis=1), shift)


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


def drawn_repeats(one: Observation, other: Observation, draws: int, seed: int = 1, **fit: Any) -> Iterator[Array]:
    """Draw what `other` would see if its sky were what `one` found; which of the likely sources are found each time.

    The rates are those measured, which noise has raised for the faintest: rather too many are found than too few.
    """
    repeats = compare(one, other)
    loaded = other.load()
    psf = {number: telescope_psf(view.camera, Session("emldetect")) for number, view in loaded.field.views.items()}
    scene = Scene.of_field(Optics(loaded.field, psf, "beta", 40.0))
    for parameters in _parameters(one, loaded, repeats.shift):
        scene.add(parameters)
    ra, dec = _moved(repeats.likely, repeats.shift)
    generator = np.random.default_rng(seed)
    for _ in range(draws):
        folder = other.folder / "drawn"
        folder.mkdir(exist_ok=True)
        images = []
        for number, expected in enumerate(scene.expected):
            images.append(str(folder / f"image{number}.fits"))
            counts = generator.poisson(np.maximum(expected, 0.0) * scene.usable[number]).astype(np.int32)
            fits.PrimaryHDU(counts, loaded.headers[number]).writeto(images[-1], overwrite=True)
        found = replace(other, folder=folder, images=tuple(images)).search(**fit)
        yield separation_arcsec(ra, dec, found["RA"], found["DEC"]).min(axis=1) < MATCH_ARCSEC


def _parameters(one: Observation, loaded: LoadedField, shift: tuple[float, float]) -> Iterator[Array]:
    """Place, extent and rates of all sources of a list on the images of the other observation."""
    rows = Table.read(one.folder / "emllist.fits", "SRCLIST")
    for source in one.sources():
        own = rows[rows["ML_ID_SRC"] == source["ML_ID_SRC"]]
        x, y = loaded.grid.pixel(*_moved(source, shift))
        found = np.ma.filled(own["RATE"], 0.0)  # none where the other observation did not look
        rates = [
            found[(own["ID_INST"] == plane.instrument) & (own["ID_BAND"] == plane.band)][0]
            for plane in loaded.field.planes
        ]
        yield np.array([float(x) - 1.0, float(y) - 1.0, float(source["EXT"]), *rates])


def _moved(sources: Any, shift: tuple[float, float]) -> tuple[Array, Array]:
    """RA and Dec of sources, shifted (arcsec, east and north)."""
    ra, dec = np.asarray(sources["RA"]), np.asarray(sources["DEC"])
    return ra + shift[0] / 3600.0 / np.cos(np.radians(dec)), dec + shift[1] / 3600.0


def _searched(sources: Table, loaded: LoadedField) -> Array:
    """Which sources lie in the mask of an observation."""
    mask = next(iter(loaded.field.masks.values()))
    column, row = (
        np.rint(np.asarray(part) - 1.0).astype(int) for part in loaded.grid.pixel(sources["RA"], sources["DEC"])
    )
    inside = (column >= 0) & (row >= 0) & (column < mask.shape[1]) & (row < mask.shape[0])
    inside[inside] = mask[row[inside], column[inside]]
    return inside
