"""eboxdetect: search for sources with a sliding box."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xmmpy.detection.boxes import BoxSettings
from xmmpy.detection.boxsearch import BoxSources, search
from xmmpy.detection.likelihoods import combined_likelihood
from xmmpy.products.sourcelists import BOX_COLUMNS, write_source_list
from xmmpy.tasks.detection.fields import FieldFiles, LoadedField, load_field
from xmmpy.tasks.detection.rows import RowPlan, fill_places, fill_rates, fill_ratios, ratio_pairs
from xmmpy.tasks.detection.telescopes import telescope_psf
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import (
    Dataset,
    Integer,
    Real,
    RealList,
    Switch,
    TaskParameters,
    Text,
    TextList,
    parameter,
)
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


class EboxdetectParameters(TaskParameters):
    """Search images for sources with a sliding box."""

    imagesets: TextList = parameter(help="images: pn, MOS1, MOS2, and by band in each")
    boxlistset: Dataset = parameter("eboxlist.fits", help="list to write")
    usemap: Switch = parameter(False, help="background from maps, not from the frame around the box")
    bkgimagesets: TextList = parameter((), parent="usemap", help="background maps, one for each image")
    withexpimage: Switch = parameter(True, help="use exposure maps")
    expimagesets: TextList = parameter((), parent="withexpimage", help="exposure maps, one for each image")
    withdetmask: Switch = parameter(False, help="use detection masks")
    detmasksets: TextList = parameter((), parent="withdetmask", help="masks, one for each camera")
    likemin: Real = parameter(8.0, minimum=0.0, help="smallest likelihood")
    boxsize: Integer = parameter(5, minimum=3, maximum=5, help="side of the box: 3 or 5 pixels")
    nruns: Integer = parameter(3, minimum=1, maximum=4, help="images as they are, then rebinned 2, 4, 8 times")
    pimin: RealList = parameter((), unit="eV", help="lower limit of each image's band; else from its header")
    pimax: RealList = parameter((), unit="eV", help="upper limit of each image's band")
    ecf: RealList = parameter((1.0,), help="conversion factors (1e11 counts cm2/erg), one for each image or for all")
    hrdef: RealList = parameter((1.0, 2.0, 2.0, 3.0, 3.0, 4.0), help="pairs of bands of the hardness ratios")
    withoffsets: Switch = parameter(False, help="accepted; changes nothing")
    mergedlistset: Dataset = parameter("", writes=False, help="accepted; changes nothing")
    withimagebuffersize: Switch = parameter(False, help="accepted; images are always read whole")
    imagebuffersize: Integer = parameter(640, parent="withimagebuffersize", help="accepted; changes nothing")
    obsmode: Text = parameter("pointing", choices=("pointing", "slew"), help="kind of observation")
    usematchedfilter: Switch = parameter(False, help="not available: boxes are not weighted")


def run(p: EboxdetectParameters, session: Session) -> Outcome:
    """Read the images, search them, write the list."""
    if p.boxsize == 4:
        raise TaskError("BadParameter", "parameter 'boxsize' is 4, but it takes 3 or 5")
    output = session.check_output(p.boxlistset)
    if p.usematchedfilter:
        session.warn("notAvailable", "usematchedfilter=yes: there is no matched filter, plain boxes are searched")
    if p.usemap and not p.bkgimagesets:
        raise TaskError("noBackground", "usemap=yes needs 'bkgimagesets', one for each image; esplinemap makes them")
    files = FieldFiles(
        p.imagesets,
        p.expimagesets if p.withexpimage else (),
        p.bkgimagesets if p.usemap else (),
        p.detmasksets if p.withdetmask else (),
        p.pimin,
        p.pimax,
        p.ecf,
    )
    loaded = load_field(files, session)
    settings = BoxSettings(p.boxsize, p.nruns, p.likemin, p.usemap)
    psfs = {instrument: telescope_psf(view.camera, session) for instrument, view in loaded.field.views.items()}
    sources = search(loaded.field, settings, psfs)
    rows = box_rows(loaded, sources, settings, p.hrdef)
    keywords = [*loaded.band_keywords(), ("LIKEMIN", p.likemin, "smallest likelihood")]
    write_source_list(output, BOX_COLUMNS, rows, keywords, session.provenance(p), primary=loaded.observation_keywords())
    session.say(f"{len(sources)} sources with a likelihood of {p.likemin:g} or more")
    return Outcome(outputs=(output,), rows_out=len(sources), facts={"sources": len(sources)})


def box_rows(
    loaded: LoadedField, sources: BoxSources, settings: BoxSettings, hrdef: tuple[float, ...]
) -> dict[str, NDArray[Any]]:
    """All rows of the list."""
    plan = RowPlan.of(loaded)
    number = len(sources)
    rows = plan.start(BOX_COLUMNS, number)
    rows["BOX_ID_SRC"][:] = plan.repeat(np.arange(1, number + 1))
    fill_places(rows, plan, loaded, sources.x, sources.y, sources.x_error, sources.y_error)
    seen = sources.exposure > 0.0
    fraction = np.where(seen, sources.fraction, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        net = np.where(seen, (sources.counts - sources.background) / fraction, np.nan)
        # Gehrels 1986 (ApJ 303, 336): upper 1 sigma error of few counts.
        error = np.where(seen, (1.0 + np.sqrt(sources.counts + 0.75)) / fraction, np.nan)
        rate, rate_error = net / sources.exposure, error / sources.exposure
    fill_rates(rows, plan, loaded, net, error, rate, rate_error)
    fill_ratios(rows, plan, loaded, ratio_pairs(hrdef), rate, rate_error)
    rows["BOX_SIZE"][:] = plan.repeat(settings.boxsize * sources.rebin)
    rows["LIKE"][:] = plan.spread(sources.like)
    rows["BOX_CTS"][:] = plan.spread(np.where(seen, sources.counts, np.nan))
    rows["EEF"][:] = plan.spread(fraction)
    per_pixel = np.where(seen, sources.background_pixel, np.nan)
    rows["BG_MAP"][:] = rows["BG_RAW"][:] = plan.spread(per_pixel)
    rows["EXP_MAP"][:] = plan.spread(np.where(seen, sources.exposure, np.nan))
    for row in np.flatnonzero(plan.plane < 0):
        planes = plan.planes_of(int(row))
        place = slice(int(row), None, len(plan))
        rows["BOX_CTS"][place] = np.nansum(np.where(seen, sources.counts, 0.0)[:, planes], axis=1)
        rows["BG_MAP"][place] = rows["BG_RAW"][place] = np.nansum(per_pixel[:, planes], axis=1)
        rows["EXP_MAP"][place] = np.where(seen, sources.exposure, 0.0)[:, planes].sum(axis=1)
        rows["EEF"][place] = np.nan_to_num(fraction)[:, planes].max(axis=1, initial=0.0)
        if plan.instrument[row]:
            likes = np.where(seen, sources.like, 0.0)[:, planes].sum(axis=1)
            rows["LIKE"][place] = combined_likelihood(likes, seen[:, planes].sum(axis=1))
        else:
            rows["LIKE"][place] = sources.likelihood
    return rows


TASK = Task(name="eboxdetect", parameters=EboxdetectParameters, run=run)
