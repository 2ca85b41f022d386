"""emosaic: add images of the sky."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.imaging.mosaic import (
    MosaicProblem,
    Sampling,
    TangentGrid,
    add_images,
    common_grid,
    divide_by_exposure,
)
from xmmpy.products.history import record_creation
from xmmpy.products.writing import write_hdus
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Dataset, Switch, TaskParameters, Text, TextList, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session
from xmmpy.tasks.skyimages import read_plane_image, tangent_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.io.fits import Header
    from numpy.typing import NDArray

    from xmmpy.products.images import Image

MAX_IMAGES = 999  # the number in EMSCxnnn has three digits


class EmosaicParameters(TaskParameters):
    """Add images of the sky on a common grid, and divide by the sum of their exposure maps if asked."""

    imagesets: TextList = parameter(help="images to add")
    exposuresets: TextList = parameter(
        ("expmap.ds",), parent="withexposure", help="exposure maps, one for each image in the same order"
    )
    withexposure: Switch = parameter(False, help="divide the sum by the sum of the exposure maps")
    mosaicedset: Dataset = parameter("mosaic.ds", help="image to write")
    sampling: Text = parameter(
        "point",
        choices=("point", "conserve"),
        help="images on other grids: the pixel under each new centre, or each old pixel put whole",
    )
    forceuniformkwds: Switch = parameter(
        False, help="write keywords that differ between the images once, with the first image's value"
    )


@dataclass(frozen=True, slots=True)
class Inherited:
    """A keyword that the mosaic takes from its images.

    Attributes
    ----------
    name : str
        Its name where all images agree.
    letter : str
        The x of EMSCxnnn, its name where they do not.
    comment : str
        As SAS writes it.
    """

    name: str
    letter: str
    comment: str


# Names, order and comments of real mosaics (emosaic-1.16). Letters F I E D J K are seen there; the others
# follow from them: the letters left over, in alphabetical order.
INHERITED = (
    Inherited("INSTRUME", "I", "Instrument"),
    Inherited("EXPOSURE", "E", "Exposure (s)"),
    Inherited("DURATION", "D", "Duration (s)"),
    Inherited("OBS_ID", "A", "Obs Identifier"),
    Inherited("OBSERVER", "B", "Name of PI"),
    Inherited("OBJECT", "C", "Name of object"),
    Inherited("TELESCOP", "G", "Mission name"),
    Inherited("DATAMODE", "H", "Instrmnt mode"),
    Inherited("DATE-OBS", "J", "Date obs made"),
    Inherited("DATE-END", "K", "Date obs ended"),
    Inherited("RA_PNT", "L", "[RA of s/c pointing]"),
    Inherited("DEC_PNT", "M", "[Dec of s/c pointing]"),
    Inherited("PA_PNT", "N", "[Apos of s/c pointing]"),
)
UNKNOWN = "??"  # what SAS writes for a keyword that an image lacks


def run(p: EmosaicParameters, session: Session) -> Outcome:
    """Read the images, add them, write the mosaic."""
    if not p.imagesets:
        raise TaskError("wrongNumberOfImages", "no image is named in 'imagesets'; name at least one")
    if len(p.imagesets) > MAX_IMAGES:
        text = f"{len(p.imagesets)} images are named, but at most {MAX_IMAGES} can be added"
        raise TaskError("wrongNumberOfImages", text)
    if p.withexposure and len(p.exposuresets) != len(p.imagesets):
        text = f"{len(p.imagesets)} images and {len(p.exposuresets)} exposure maps are named"
        raise TaskError("wrongNumberOfImages", f"{text}; give one map for each image")
    output = session.check_output(p.mosaicedset)
    images = [read_plane_image(name) for name in p.imagesets]
    grids = [tangent_grid(image) for image in images]
    try:
        target = common_grid(grids)
    except MosaicProblem as problem:
        name = p.imagesets[problem.index]
        raise TaskError("badDims", f"image '{name}' {problem.problem}; leave it out") from None
    sampling: Sampling = "conserve" if p.sampling == "conserve" else "point"
    if sampling == "point":
        _warn_of_pixel_sizes(p, grids, session)
    mosaic = add_images([image.data for image in images], grids, target, sampling)
    types = [image.data.dtype for image in images]
    if p.withexposure:
        exposures = [_exposure(name, image) for name, image in zip(p.exposuresets, images, strict=True)]
        # An exposure is a value of the place, not an amount: it is always sampled.
        mosaic = divide_by_exposure(mosaic, add_images([map_.data for map_ in exposures], grids, target))
        written_type = quotient_type(types, [map_.data.dtype for map_ in exposures])
    else:
        written_type = sum_type(types)
    data = _cast(mosaic, written_type, session)
    write_hdus(output, [_hdu(p, session, data, images, target)])
    total = float(np.sum(mosaic))
    height, width = target.shape
    session.say(f"{len(images)} images added on {width} x {height} pixels, sum {total:.15g}")
    facts = {"images": len(images), "width": width, "height": height, "sum": total}
    return Outcome(outputs=(output,), facts=facts)


TASK = Task(name="emosaic", parameters=EmosaicParameters, run=run)


def sum_type(types: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
    """Type of a sum: that of the images where all have the same, else real64."""
    return types[0] if len(set(types)) == 1 else np.dtype(np.float64)


def quotient_type(images: Sequence[np.dtype[Any]], exposures: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
    """Type of the sum over the sum of the exposures: the wider of the two, never an integer."""
    pair = (sum_type(images), sum_type(exposures))
    real = [kind for kind in pair if kind.kind == "f"]
    wide = max(kind.itemsize for kind in pair)
    return np.dtype(f"f{wide}") if real and wide in {4, 8} else np.dtype(np.float64)


def _exposure(name: str, image: Image) -> Image:
    exposure = read_plane_image(name)
    if exposure.data.shape != image.data.shape:
        (rows, columns), (image_rows, image_columns) = exposure.data.shape, image.data.shape
        text = f"exposure map '{name}' has {columns} x {rows} pixels, its image '{image.path}' has"
        raise TaskError("sizesDiffer", f"{text} {image_columns} x {image_rows}; give maps in the order of the images")
    return exposure


def _warn_of_pixel_sizes(p: EmosaicParameters, grids: Sequence[TangentGrid], session: Session) -> None:
    for name, grid in zip(p.imagesets, grids, strict=True):
        ratio = grid.pixel_area / grids[0].pixel_area
        if abs(ratio - 1.0) > 1e-6:
            text = f"the pixels of '{name}' have {ratio:.6g} times the area of the first image's: counts are not"
            session.warn("pixelSizesDiffer", f"{text} conserved when sampled; take sampling=conserve for counts")


def _cast(mosaic: NDArray[np.float64], wanted: np.dtype[Any], session: Session) -> NDArray[Any]:
    if wanted.kind in "iu":
        limits = np.iinfo(wanted)
        if mosaic.min() < limits.min or mosaic.max() > limits.max:
            session.warn("typeTooSmall", f"the sum is too large for the images' type {wanted}; written in real64")
            return mosaic
    return mosaic.astype(wanted)


def _hdu(p: EmosaicParameters, session: Session, data: NDArray[Any], images: Sequence[Image], grid: TangentGrid) -> Any:
    from astropy.io import fits

    sizes = grid.sizes_and_rotation
    if sizes is None:
        raise TaskError("badType", f"image '{p.imagesets[0]}' has skewed axes; name another one first")
    hdu = fits.PrimaryHDU(data)
    header = hdu.header
    header["LONGSTRN"] = "OGIP 1.0"
    for number, name in enumerate(p.imagesets, 1):
        _put(header, f"EMSCF{number:03d}", name, "Input Filename")
    for keyword in INHERITED:
        _inherit(header, keyword, [image.header for image in images], uniform=p.forceuniformkwds)
    record_creation(header, session.provenance(p))
    header["XMMSEP"] = (11, "11 primary image keywords follow")
    header["CRPIX1"], header["CRPIX2"] = grid.reference_pixel
    header["CRVAL1"], header["CRVAL2"] = grid.reference_sky
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CUNIT1"] = header["CUNIT2"] = "deg"
    header["CROTA2"] = sizes[2]
    header["CDELT1"], header["CDELT2"] = sizes[:2]
    return hdu


def _inherit(header: Header, keyword: Inherited, sources: Sequence[Header], *, uniform: bool) -> None:
    """Write a keyword once where the images agree, else once for each image as text."""
    values = [_value(source, keyword.name) for source in sources]
    if keyword.name.startswith("DATE") and set(values) == {UNKNOWN}:
        return  # a date that is none would make every reader complain
    if uniform or all(value == values[0] for value in values):
        _put(header, keyword.name, values[0], keyword.comment)
        return
    for number, value in enumerate(values, 1):
        text = f"{value:.16g}" if isinstance(value, float) else str(value)
        _put(header, f"EMSC{keyword.letter}{number:03d}", text, keyword.comment)


def _value(source: Header, name: str) -> str | int | float:
    value = source.get(name, UNKNOWN)
    return value if isinstance(value, (str, int, float)) else UNKNOWN


def _put(header: Header, keyword: str, value: str | float, comment: str) -> None:
    """Write a card; a comment that does not fit is cut, as SAS cuts it."""
    length = max(len(str(value).replace("'", "''")), 8) + 2 if isinstance(value, str) else 20
    room = 80 - 10 - max(length, 20) - 3
    header[keyword] = (value, comment[:room] if room >= 0 else "")
