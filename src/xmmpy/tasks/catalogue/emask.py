"""emask: the mask of the pixels in which sources are looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xmmpy.imaging.detectormask import detection_mask
from xmmpy.products.errors import FileProblem
from xmmpy.products.history import record_creation
from xmmpy.products.tables import read_table
from xmmpy.products.writing import write_hdus
from xmmpy.selection.dataspace import DataSpace, Figures
from xmmpy.selection.dataspace_rows import space_contains
from xmmpy.tasks.catalogue.evselect.source import figures_of
from xmmpy.tasks.parameters import Dataset, Real, Switch, TaskParameters, Text, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session
from xmmpy.tasks.skyimages import image_number, read_plane_image, take_over

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.products.images import Image


class EmaskParameters(TaskParameters):
    """Make the detection mask of an exposure map."""

    expimageset: Dataset = parameter(help="exposure map", writes=False)
    detmaskset: Dataset = parameter(help="mask to write")
    detmasktable: Text = parameter("MASK", help="name of its extension")
    threshold1: Real = parameter(0.3, minimum=0.0, maximum=1.0, help="smallest part of the longest exposure")
    threshold2: Real = parameter(0.5, minimum=0.0, help="largest slope of the exposure, over the longest one")
    regionset: Dataset = parameter("region.fits", writes=False, parent="withregionset", help="region to search in")
    withregionset: Switch = parameter(False, help="only inside of a region")


def run(p: EmaskParameters, session: Session) -> Outcome:
    """Read the map, make the mask, write it."""
    from astropy.io import fits

    output = session.check_output(p.detmaskset)
    image = read_plane_image(p.expimageset)
    mask = detection_mask(np.nan_to_num(image.data), p.threshold1, p.threshold2)
    if not mask.any():
        session.warn("emptyMask", f"no pixel of '{p.expimageset}' passes: it is all 0 or its thresholds are too strict")
    if p.withregionset:
        mask &= _inside(p.regionset, image)
    primary = fits.PrimaryHDU()
    block = fits.ImageHDU(mask.astype(np.int32), name=p.detmasktable)
    take_over(block, image.header, "DETECTION MASK")
    record_creation(primary.header, session.provenance(p))
    write_hdus(output, [primary, block])
    kept = int(mask.sum())
    session.say(f"{kept} of {mask.size} pixels are searched")
    return Outcome(outputs=(output,), facts={"pixels": kept})


def _inside(region: str, image: Image) -> NDArray[np.bool_]:
    """Pixels of an image inside of a region table, whose figures are in the columns that the image was binned from."""
    table = read_table(region)
    names = [name for name in table.columns if name not in {"SHAPE", "R", "ROTANG", "COMPONENT"}]
    if "SHAPE" not in table.columns or len(names) < 2:
        raise FileProblem(region, "is no region table (SHAPE, X, Y, R, ROTANG)", "make it with a region task")
    axes = []
    for axis in (1, 2):
        step, start = (image_number(image, f"{name}{axis}L") for name in ("CDELT", "CRVAL"))
        number = np.arange(image.data.shape[2 - axis]) + 1.0 - image_number(image, f"CRPIX{axis}L", 1.0)
        axes.append(start + step * number)
    x, y = np.meshgrid(*axes)
    space = DataSpace((f"POS({names[0]},{names[1]})",), ("",), ((Figures(figures_of(table.columns)),),))
    columns = {names[0]: x.ravel(), names[1]: y.ravel()}
    return space_contains(space, columns, x.size).reshape(image.data.shape)


TASK = Task(name="emask", parameters=EmaskParameters, run=run)
