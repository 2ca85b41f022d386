"""Images, exposure maps, background maps and masks of a detection task, read, checked and put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.detection.planes import INSTRUMENT_IDS, INSTRUMENT_LABELS, CameraView, Field, Plane
from xmmpy.imaging.mosaic import TangentGrid, pixel_map, project
from xmmpy.products.images import read_image
from xmmpy.selection.ranges import Ranges
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.skyimages import image_number, read_plane_image, tangent_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.io.fits import Header
    from numpy.typing import NDArray

    from xmmpy.products.images import Image
    from xmmpy.tasks.session import Session

MAX_BANDS: Final = 6
_SAME_GRID = 0.01  # pixels by which grids of one field may differ
_CARRIED = (
    "TELESCOP", "OBS_ID", "EXP_ID", "DATE-OBS", "DATE-END", "OBS_MODE", "REVOLUT", "OBJECT", "OBSERVER", "RA_OBJ",
    "DEC_OBJ", "RA_PNT", "DEC_PNT", "PA_PNT",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldFiles:
    """Files of a field in the order of SAS: pn, MOS1, MOS2, and by band in each.

    Attributes
    ----------
    images : sequence of str
        Count images.
    exposures, backgrounds : sequence of str
        Maps, one for each image; empty where none are used.
    masks : sequence of str
        One for each camera, or one for each image; empty where none are used.
    low_ev, high_ev : sequence of float
        PIMIN and PIMAX for each image; where too few are given, the images' own data subspace counts.
    ecf : sequence of float
        Energy conversion factors, one for each image or one for all.
    """

    images: Sequence[str]
    exposures: Sequence[str] = ()
    backgrounds: Sequence[str] = ()
    masks: Sequence[str] = ()
    low_ev: Sequence[float] = ()
    high_ev: Sequence[float] = ()
    ecf: Sequence[float] = field(default=(1.0,))


@dataclass(frozen=True, slots=True, eq=False)
class LoadedField:
    """A field, its grid on the sky and what its headers say.

    Attributes
    ----------
    field : Field
        Images, maps, masks.
    grid : TangentGrid
        Pixels of all images.
    headers : tuple of Header
        Of the images, in order.
    files : FieldFiles
        Where they came from.
    """

    field: Field
    grid: TangentGrid
    headers: tuple[Header, ...]
    files: FieldFiles

    def to_sky(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """RA (0 to 360) and Dec (degrees) of pixels counted from 0."""
        return self.grid.sky(np.asarray(x) + 1.0, np.asarray(y) + 1.0)

    def band_keywords(self) -> list[tuple[str, Any, str]]:
        """aa_n_ELO, aa_n_EHI, N_INST and aa_BNDS of a source list."""
        planes = self.field.planes
        cards: list[tuple[str, Any, str]] = [("N_INST", len(self.field.instruments), "number of cameras")]
        for instrument in self.field.instruments:
            label = INSTRUMENT_LABELS[instrument]
            cards.append((f"{label}_BNDS", len(self.field.bands(instrument)), "number of bands"))
        for plane in planes:
            label = f"{INSTRUMENT_LABELS[plane.instrument]}_{plane.band}"
            cards.append((f"{label}_ELO", plane.low_ev, "[eV] lower limit of the band"))
            cards.append((f"{label}_EHI", plane.high_ev, "[eV] upper limit of the band"))
        return cards

    def observation_keywords(self) -> list[tuple[str, Any, str]]:
        """Keywords of the observation that a product takes from the first image."""
        header = self.headers[0]
        cards = [(name, header[name], header.comments[name]) for name in _CARRIED if name in header]
        names = [str(head.get("INSTRUME", "")).strip() for head in self.headers]
        return [*cards, ("INSTRUME", " ".join(dict.fromkeys(names)), "camera")]


def load_field(files: FieldFiles, session: Session) -> LoadedField:
    """Read and check all files of a detection task.

    Raises
    ------
    TaskError
        When the lists do not fit each other, or an image is on another grid or of no known camera.
    FileProblem
        When a file cannot be read.
    """
    if not files.images:
        raise TaskError("noImages", "no image is named in 'imagesets'; name at least one")
    images = [read_plane_image(name) for name in files.images]
    grids = [tangent_grid(image) for image in images]
    for image, grid in zip(images[1:], grids[1:], strict=True):
        _check_grid(images[0], grids[0], image, grid)
    instruments = [_instrument(image) for image in images]
    _check_order(files.images, instruments)
    exposures = _maps(files.exposures, images, "exposure map", "expimagesets")
    backgrounds = _maps(files.backgrounds, images, "background map", "bkgimagesets")
    ecf = _per_image(files.ecf, len(images), "ecf")
    planes = []
    for number, image in enumerate(images):
        band = instruments[: number + 1].count(instruments[number])
        low, high = _band_limits(files, number, image, session)
        planes.append(
            Plane(
                instrument=instruments[number],
                band=band,
                low_ev=low,
                high_ev=high,
                counts=np.nan_to_num(np.asarray(image.data, np.float64)),
                exposure=np.ones(image.data.shape) if exposures is None else exposures[number],
                background=None if backgrounds is None else backgrounds[number],
                ecf=ecf[number],
            )
        )
    views = {one: camera_view(images[instruments.index(one)], grids[0]) for one in dict.fromkeys(instruments)}
    masks = _masks(files.masks, planes, images)
    return LoadedField(Field(tuple(planes), masks, views), grids[0], tuple(image.header for image in images), files)


def _instrument(image: Image) -> int:
    name = str(image.header.get("INSTRUME", "")).strip().upper()
    if name not in INSTRUMENT_IDS:
        text = f"image '{image.path}' is of INSTRUME '{name}'; source detection knows {', '.join(INSTRUMENT_IDS)}"
        raise TaskError("badInstrument", text)
    return INSTRUMENT_IDS[name]


def _check_order(names: Sequence[str], instruments: list[int]) -> None:
    if instruments != sorted(instruments):
        place = next(n for n in range(1, len(instruments)) if instruments[n] < instruments[n - 1])
        text = f"image '{names[place]}' is out of order: name those of pn first, then MOS1, then MOS2"
        raise TaskError("badOrder", text)
    for one in dict.fromkeys(instruments):
        if instruments.count(one) > MAX_BANDS:
            text = f"{instruments.count(one)} images of {INSTRUMENT_LABELS[one]} are named; at most {MAX_BANDS} bands"
            raise TaskError("TooManyBands", f"{text} can be searched together")


def _check_grid(first: Image, grid: TangentGrid, image: Image, other: TangentGrid) -> None:
    if grid.shape != other.shape:
        (rows, columns), (wanted_rows, wanted_columns) = other.shape, grid.shape
        text = f"image '{image.path}' has {columns} x {rows} pixels, '{first.path}' has {wanted_columns}"
        raise TaskError("sizesDiffer", f"{text} x {wanted_rows}; make all images on one grid")
    corners_x, corners_y = np.array([1.0, grid.shape[1]]), np.array([1.0, grid.shape[0]])
    moved = project(pixel_map(other, grid), corners_x, corners_y)
    if not np.allclose(moved, (corners_x, corners_y), atol=_SAME_GRID, rtol=0.0):
        text = f"image '{image.path}' does not lie on the grid of '{first.path}'"
        raise TaskError("gridsDiffer", f"{text}; make all images with the same limits of X and Y")


def _maps(names: Sequence[str], images: Sequence[Image], kind: str, parameter: str) -> list[NDArray[np.float64]] | None:
    if not names:
        return None
    if len(names) != len(images):
        text = f"{len(images)} images and {len(names)} in '{parameter}' are named"
        raise TaskError("wrongNumberOfImages", f"{text}; give one {kind} for each image")
    found = []
    for name, image in zip(names, images, strict=True):
        data = read_plane_image(name).data
        _check_shape(name, data, image, kind)
        found.append(np.nan_to_num(np.asarray(data, np.float64)))
    return found


def _masks(names: Sequence[str], planes: Sequence[Plane], images: Sequence[Image]) -> dict[int, NDArray[np.bool_]]:
    """Masks by camera; where none are named, the pixels that are exposed."""
    instruments = list(dict.fromkeys(plane.instrument for plane in planes))
    if not names:
        return {
            one: np.all([plane.exposure > 0.0 for plane in planes if plane.instrument == one], axis=0)
            for one in instruments
        }
    if len(names) not in {len(instruments), len(images)}:
        text = f"{len(names)} masks are named for {len(instruments)} cameras"
        raise TaskError("wrongNumberOfImages", f"{text}; give one in 'detmasksets' for each camera")
    masks: dict[int, NDArray[np.bool_]] = {}
    wanted = instruments if len(names) == len(instruments) else [plane.instrument for plane in planes]
    for name, one in zip(names, wanted, strict=True):
        data = read_image(name).data
        _check_shape(name, data, images[0], "mask")
        masks[one] = masks.get(one, np.ones(data.shape, bool)) & (np.nan_to_num(data) > 0)
    return masks


def _check_shape(name: str, data: NDArray[Any], image: Image, kind: str) -> None:
    if data.shape != image.data.shape:
        sizes = " x ".join(str(size) for size in reversed(data.shape))
        wanted = " x ".join(str(size) for size in reversed(image.data.shape))
        text = f"{kind} '{name}' has {sizes} pixels, its image '{image.path}' has {wanted}"
        raise TaskError("sizesDiffer", f"{text}; give them in the order of the images")


def _per_image(values: Sequence[float], number: int, parameter: str) -> list[float]:
    if len(values) == 1:
        return [float(values[0])] * number
    if len(values) != number:
        text = f"'{parameter}' has {len(values)} numbers for {number} images"
        raise TaskError("wrongNumberOfValues", f"{text}; give one for each image, or one for all")
    return [float(value) for value in values]


def _band_limits(files: FieldFiles, number: int, image: Image, session: Session) -> tuple[float, float]:
    """PIMIN and PIMAX of an image: as given, or from its data subspace."""
    if number < len(files.low_ev) and number < len(files.high_ev):
        low, high = float(files.low_ev[number]), float(files.high_ev[number])
        if not 0.0 <= low < high:
            text = f"band {number + 1} goes from {low:g} to {high:g} eV; 'pimin' must be below 'pimax'"
            raise TaskError("badBand", text)
        return low, high
    found = pi_limits(image.header)
    if found is not None:
        return found
    text = f"'{image.path}' does not tell its energies; 0.5 to 4.5 keV are taken: give pimin and pimax for each image"
    session.warn("noBand", text)
    return 500.0, 4500.0


def pi_limits(header: Header) -> tuple[float, float] | None:
    """Lowest and highest PI (eV) that the data subspace of an image selects; None where it does not tell."""
    for number in range(1, 100):
        kind = header.get(f"DSTYP{number}")
        if kind is None:
            return None
        if str(kind).strip().upper() != "PI":
            continue
        try:
            bounds = Ranges.parse(str(header.get(f"DSVAL{number}", ""))).bounds
        except ValueError:
            return None
        low, high = min(one.low for one in bounds), max(one.high for one in bounds)
        if np.isfinite(low) and np.isfinite(high):
            return low, high
    return None


def camera_view(image: Image, grid: TangentGrid) -> CameraView:
    """How the camera of an image lies on its grid, from RA_PNT, DEC_PNT, PA_PNT.

    Raises
    ------
    TaskError
        When one of them is missing, or the image does not show the direction that the camera looked in.
    """
    x, y = grid.pixel(image_number(image, "RA_PNT"), image_number(image, "DEC_PNT"))
    if np.isnan(x):
        text = f"image '{image.path}' points 90 degrees or more from its own centre; check RA_PNT, DEC_PNT"
        raise TaskError("badPointing", text)
    place = (float(x) - 1.0, float(y) - 1.0)
    camera = str(image.header["INSTRUME"]).strip().upper()
    return CameraView.of_pointing(camera, place, image_number(image, "PA_PNT"), grid.matrix)
