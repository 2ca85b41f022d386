"""esensmap: sensitivity maps."""

from __future__ import annotations

import numpy as np

from xmmpy.detection.sensitivity import sensitivity_map
from xmmpy.products.history import record_creation
from xmmpy.products.images import read_image
from xmmpy.products.writing import write_hdus
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Dataset, Real, TaskParameters, TextList, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session
from xmmpy.tasks.skyimages import read_plane_image


class EsensmapParameters(TaskParameters):
    """Make a sensitivity map: the count rate at which a point source is found."""

    expimagesets: TextList = parameter(help="exposure maps, one for each band")
    bkgimagesets: TextList = parameter(help="background maps, one for each band")
    detmasksets: TextList = parameter(help="detection masks; a pixel must be in all of them")
    sensimageset: Dataset = parameter("sensmap.fits", help="map to write (counts/s)")
    mlmin: Real = parameter(10.0, above=0.0, maximum=1000.0, help="likelihood that the source must reach")


def run(p: EsensmapParameters, session: Session) -> Outcome:
    """Read the maps, compute, write."""
    from astropy.io import fits

    output = session.check_output(p.sensimageset)
    if not p.expimagesets or len(p.expimagesets) != len(p.bkgimagesets):
        text = f"{len(p.expimagesets)} exposure maps and {len(p.bkgimagesets)} background maps are named"
        raise TaskError("wrongNumberOfImages", f"{text}; give one of each for each band")
    exposures = [read_plane_image(name) for name in p.expimagesets]
    backgrounds = [read_plane_image(name) for name in p.bkgimagesets]
    masks = [read_image(name) for name in p.detmasksets]
    for image in (*exposures, *backgrounds, *masks):
        if image.data.shape != exposures[0].data.shape:
            text = f"'{image.path}' and '{exposures[0].path}' have different sizes"
            raise TaskError("sizesDiffer", f"{text}; make all maps from one image")
    mask = np.all([np.nan_to_num(one.data) > 0 for one in masks], axis=0) if masks else exposures[0].data > 0
    result = sensitivity_map(
        [np.nan_to_num(one.data) for one in backgrounds], [np.nan_to_num(one.data) for one in exposures], mask, p.mlmin
    )
    hdu = fits.PrimaryHDU(result.astype(np.float32))
    for card in exposures[0].header.cards:
        if card.keyword not in hdu.header and not card.keyword.startswith(("XPROC", "XDAL", "BUNIT")):
            hdu.header.append(card, end=True)
    hdu.header["CONTENT"] = ("SENSITIVITY MAP", "Content of file")
    hdu.header["BUNIT"] = ("count/s", "smallest rate of a source that is found")
    hdu.header["MLMIN"] = (p.mlmin, "likelihood that it reaches")
    record_creation(hdu.header, session.provenance(p))
    write_hdus(output, [hdu])
    inside = result[result > 0.0]
    median = float(np.median(inside)) if inside.size else float("nan")
    session.say(f"sensitivity on {inside.size} pixels, median {median:.3g} counts/s")
    return Outcome(outputs=(output,), facts={"pixels": int(inside.size), "median": median})


TASK = Task(name="esensmap", parameters=EsensmapParameters, run=run)
