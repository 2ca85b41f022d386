"""Images of the sky as tasks read them: checked, with their grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from xmmpy.imaging.mosaic import TangentGrid
from xmmpy.products.images import Image, read_image
from xmmpy.tasks.messages import TaskError

if TYPE_CHECKING:
    from astropy.io.fits import Header

_OWN: Final = (
    "XPROC", "XDAL", "CHECKSUM", "DATASUM", "SIMPLE", "EXTEND", "XTENSION", "PCOUNT", "GCOUNT", "EXTNAME", "BSCALE",
    "BZERO", "BLANK", "BUNIT",
)  # fmt: skip


def read_plane_image(name: str) -> Image:
    """Read an image of two axes that holds numbers.

    Raises
    ------
    TaskError
        When it is none.
    FileProblem
        When it cannot be read.
    """
    image = read_image(name)
    if image.data.ndim != 2:
        raise TaskError("badDims", f"image '{name}' has {image.data.ndim} axes, not 2; name a plane one")
    if image.data.dtype.kind not in "iuf":
        raise TaskError("badType", f"image '{name}' has pixels of the type {image.data.dtype}, not numbers")
    return image


def take_over(hdu: Any, header: Header, content: str) -> None:
    """Give a product the keywords of the image that it goes with, and its CONTENT.

    What describes the pixels of the image (its structure, unit, scale) and how it was made (XPROCn) stays behind; its
    HISTORY goes on, as in SAS's maps.
    """
    for card in header.cards:
        if card.keyword in hdu.header and card.keyword not in {"HISTORY", "COMMENT", ""}:
            continue
        if not card.keyword.startswith(_OWN):
            hdu.header.append(card, end=True)
    hdu.header["CONTENT"] = (content, "Content of file")


def tangent_grid(image: Image) -> TangentGrid:
    """Read the grid of an image from its header.

    Raises
    ------
    TaskError
        When it is not a tangent-plane image of the sky.
    """
    header = image.header
    for axis, wanted in ((1, "RA---TAN"), (2, "DEC--TAN")):
        kind = str(header.get(f"CTYPE{axis}", "")).strip()
        if kind != wanted:
            shown = f"'{kind}'" if kind else "not given"
            text = f"image '{image.path}' is not a tangent-plane image of the sky"
            why = f"(CTYPE{axis} is {shown}, not '{wanted}')"
            raise TaskError("badType", f"{text} {why}; make it from the columns X and Y")
    numbers = [image_number(image, f"{name}{axis}") for name in ("CRPIX", "CRVAL") for axis in (1, 2)]
    shape = (image.data.shape[0], image.data.shape[1])
    grid = TangentGrid(shape, (numbers[0], numbers[1]), (numbers[2], numbers[3]), _pixel_matrix(image))
    if grid.pixel_area == 0.0:
        raise TaskError("badType", f"image '{image.path}' has pixels of no size (CDELT1, CDELT2); redo it")
    return grid


def image_number(image: Image, keyword: str, default: float | None = None) -> float:
    """Read a finite number from the header of an image; `default` where it is not there.

    Raises
    ------
    TaskError
        When there is none.
    """
    value = image.header.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        shown = "lacks" if keyword not in image.header else "has no number in"
        text = f"image '{image.path}' {shown} {keyword}, which says where on the sky it lies; make it again"
        raise TaskError("badType", text)
    return float(value)


def _pixel_matrix(image: Image) -> tuple[tuple[float, float], tuple[float, float]]:
    """CDi_j in degrees a pixel, however the header gives it: CD, PC with CDELT, or CDELT with CROTA2."""
    axes = (1, 2)
    if any(f"CD{i}_{j}" in image.header for i in axes for j in axes):
        a, b, c, d = (image_number(image, f"CD{i}_{j}", 0.0) for i in axes for j in axes)
        return (a, b), (c, d)
    dx, dy = (image_number(image, f"CDELT{axis}") for axis in axes)
    if any(f"PC{i}_{j}" in image.header for i in axes for j in axes):
        a, b, c, d = (image_number(image, f"PC{i}_{j}", float(i == j)) for i in axes for j in axes)
        return (dx * a, dx * b), (dy * c, dy * d)
    return TangentGrid.rotated((1, 1), (1.0, 1.0), (0.0, 0.0), (dx, dy), image_number(image, "CROTA2", 0.0)).matrix
