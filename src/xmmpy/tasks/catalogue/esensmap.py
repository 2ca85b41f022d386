"""esensmap: sensitivity maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.detection.sensitivity import SearchedImage, sensitivity_map
from xmmpy.products.history import record_creation
from xmmpy.products.images import Image, read_image
from xmmpy.products.writing import write_hdus
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Dataset, Real, RealList, TaskParameters, Text, TextList, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session
from xmmpy.tasks.skyimages import read_plane_image, take_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class EsensmapParameters(TaskParameters):
    """Make a sensitivity map: the count rate or the flux at which a point source is found."""

    expimagesets: TextList = parameter(help="exposure maps, one for each band and camera")
    bkgimagesets: TextList = parameter(help="background maps, one for each exposure map")
    detmasksets: TextList = parameter((), help="detection masks: one for all, one for each camera or for each map")
    sensimageset: Dataset = parameter("sensmap.fits", help="map to write")
    mlmin: Real = parameter(10.0, above=0.0, maximum=1000.0, help="likelihood that the source must reach")
    outunit: Text = parameter("rate", choices=("rate", "flux", "both"), help="counts/s, erg/cm2/s, or both")
    ecf: RealList = parameter((1.0,), help="conversion factors (1e11 counts cm2/erg), one for each map or for all")


def run(p: EsensmapParameters, session: Session) -> Outcome:
    """Read the maps, compute, write."""
    output = session.check_output(p.sensimageset)
    number = len(p.expimagesets)
    if not number or number != len(p.bkgimagesets):
        text = f"{number} exposure maps and {len(p.bkgimagesets)} background maps are named"
        raise TaskError("wrongNumberOfImages", f"{text}; give one of each for each band")
    if len(p.ecf) not in {1, number}:
        raise TaskError("wrongNumberOfValues", f"'ecf' has {len(p.ecf)} numbers for {number} maps; give one for each")
    exposures = [read_plane_image(name) for name in p.expimagesets]
    backgrounds = [read_plane_image(name) for name in p.bkgimagesets]
    masks = [read_image(name) for name in p.detmasksets]
    for image in (*exposures, *backgrounds, *masks):
        if image.data.shape != exposures[0].data.shape:
            text = f"'{image.path}' and '{exposures[0].path}' have different sizes"
            raise TaskError("sizesDiffer", f"{text}; make all maps from one image")
    factors = p.ecf if len(p.ecf) == number else p.ecf * number
    images = [
        SearchedImage(np.nan_to_num(background.data), np.nan_to_num(exposure.data), mask, factor)
        for background, exposure, mask, factor in zip(
            backgrounds, exposures, _masks(masks, exposures), factors, strict=True
        )
    ]
    if any(image.ecf <= 0.0 for image in images):
        raise TaskError("badEcf", "a conversion factor in 'ecf' is not above 0")
    rate, flux = sensitivity_map(images, p.mlmin)
    maps = {"rate": [(rate, "count/s")], "flux": [(flux, "erg/cm**2/s")]}
    wanted = maps["rate"] + maps["flux"] if p.outunit == "both" else maps[p.outunit]
    write_hdus(output, [_hdu(p, session, exposures[0], *one, first=n == 0) for n, one in enumerate(wanted)])
    inside = wanted[0][0][wanted[0][0] > 0.0]
    median = float(np.median(inside)) if inside.size else float("nan")
    session.say(f"sensitivity on {inside.size} pixels, median {median:.3g} {wanted[0][1]}")
    return Outcome(outputs=(output,), facts={"pixels": int(inside.size), "median": median})


def _masks(masks: Sequence[Image], exposures: Sequence[Image]) -> list[NDArray[np.bool_]]:
    """The mask of each exposure map; without any, where it is exposed."""
    cameras = [str(image.header.get("INSTRUME", "")).strip().upper() for image in exposures]
    named = list(dict.fromkeys(cameras))
    searched = [np.nan_to_num(mask.data) > 0 for mask in masks]
    if not searched:
        return [np.nan_to_num(image.data) > 0 for image in exposures]
    if len(searched) == 1:
        return searched * len(exposures)
    if len(searched) == len(exposures):
        return searched
    if len(searched) == len(named):
        return [searched[named.index(camera)] for camera in cameras]
    text = f"{len(searched)} masks are named for {len(exposures)} maps of {len(named)} cameras"
    raise TaskError("wrongNumberOfImages", f"{text}; give one for all, one for each camera or one for each map")


def _hdu(
    p: EsensmapParameters, session: Session, like: Image, data: NDArray[np.float64], unit: str, *, first: bool
) -> Any:
    from astropy.io import fits

    values = data.astype(np.float32)
    hdu = fits.PrimaryHDU(values) if first else fits.ImageHDU(values, name="FLUX")
    take_over(hdu, like.header, "SENSITIVITY MAP")
    hdu.header["BUNIT"] = (unit, "of the faintest source that is found")
    hdu.header["MLMIN"] = (p.mlmin, "likelihood that it reaches")
    record_creation(hdu.header, session.provenance(p))
    return hdu


TASK = Task(name="esensmap", parameters=EsensmapParameters, run=run)
