"""esplinemap: background maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.detection.background import (
    Sourceless,
    automatic_nodes,
    cut_out,
    flat_exposure,
    model_background,
    reduced_chi_square,
    smooth_background,
    spline_background,
)
from xmmpy.detection.planes import INSTRUMENT_LABELS
from xmmpy.detection.psf import band_energy_kev
from xmmpy.detection.wings import KnownSource
from xmmpy.products.history import record_creation
from xmmpy.products.sourcelists import read_source_list
from xmmpy.products.writing import write_hdus
from xmmpy.tasks.detection.fields import FieldFiles, LoadedField, load_field
from xmmpy.tasks.detection.outoftime import out_of_time_counts
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
    parameter,
)
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session
from xmmpy.tasks.skyimages import read_plane_image, take_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class EsplinemapParameters(TaskParameters):
    """Make the background map of an image."""

    boxlistset: Dataset = parameter(help="list of eboxdetect, local mode", writes=False)
    imageset: Dataset = parameter(help="image", writes=False)
    bkgimageset: Dataset = parameter(help="background map to write")
    fitmethod: Text = parameter("spline", choices=("spline", "model", "smooth"), help="how it is made")
    withexpimage: Switch = parameter(True, help="use an exposure map")
    expimageset: Dataset = parameter("", writes=False, parent="withexpimage", help="exposure map")
    withexpimage2: Switch = parameter(True, help="use a second, unvignetted map where one is given")
    expimageset2: Dataset = parameter("", writes=False, parent="withexpimage2", help="unvignetted exposure map")
    withdetmask: Switch = parameter(True, help="use a detection mask")
    detmaskset: Dataset = parameter("", writes=False, parent="withdetmask", help="mask")
    scut: Real = parameter(0.01, unit="counts/arcsec2", minimum=0.0, maximum=10.0, help="sources are cut out to here")
    idband: Integer = parameter(1, minimum=0, maximum=9, help="ID_BAND of the image in the list")
    mlmin: Real = parameter(
        1.0, minimum=0.0, maximum=50.0, help="smallest likelihood of sources to cut out, in this band"
    )
    nsplinenodes: Integer = parameter(16, minimum=0, maximum=40, help="intervals of the spline; 0: by the image's size")
    excesssigma: Real = parameter(4.0, minimum=1.0, maximum=10.0, help="cells that exceed the fit so far are left out")
    nfitrun: Integer = parameter(3, minimum=1, maximum=10, help="fits, each without the cells that exceed")
    snrmin: Real = parameter(30.0, minimum=1.0, maximum=1000.0, help="signal-to-noise ratio (fitmethod=smooth)")
    smoothsigma: Real = parameter(6.0, unit="pixel", minimum=0.0, maximum=100.0, help="narrowest Gaussian")
    withcheese: Switch = parameter(False, help="write the image without its sources")
    cheeseimageset: Dataset = parameter("cheese.fits", parent="withcheese", help="that image")
    withcheesemask: Switch = parameter(False, help="write the mask without the circles of sources")
    cheesemaskset: Dataset = parameter("cheesemask.fits", parent="withcheesemask", help="that mask")
    withootset: Switch = parameter(False, help="add the out-of-time events of pn")
    ooteventset: Text = parameter("", parent="withootset", help="event list of pn")
    pimin: RealList = parameter((), unit="eV", help="lower limit of the band; else from the image's header")
    pimax: RealList = parameter((), unit="eV", help="upper limit of the band")


def run(p: EsplinemapParameters, session: Session) -> Outcome:
    """Read image, maps and list; fit; write the map."""
    output = session.check_output(p.bkgimageset)
    extra = [
        session.check_output(name)
        for wanted, name in ((p.withcheese, p.cheeseimageset), (p.withcheesemask, p.cheesemaskset))
        if wanted
    ]
    exposures = (p.expimageset,) if p.withexpimage and p.expimageset else ()
    masks = (p.detmaskset,) if p.withdetmask and p.detmaskset else ()
    if p.withootset and not p.ooteventset:
        raise TaskError("noEvents", "withootset=yes needs 'ooteventset', the event list of pn")
    loaded = load_field(FieldFiles((p.imageset,), exposures, (), masks, p.pimin, p.pimax), session)
    (plane,) = loaded.field.planes
    mask = loaded.field.masks[plane.instrument]
    sources, faint = _sources(p, loaded, session)
    outside, wings = cut_out(loaded.field.shape, sources, loaded.field.pixel_arcsec, p.scut, faint)
    used = mask & outside & (plane.exposure > 0.0)
    if not used.any():
        raise TaskError("noPixels", f"no pixel of '{p.imageset}' is left outside of its sources; raise scut or mlmin")
    out_of_time = out_of_time_counts(loaded, p.ooteventset, session) if p.withootset else np.zeros(mask.shape)
    image = Sourceless.of(plane.counts, used, wings, out_of_time)
    background = np.where(plane.exposure > 0.0, _fit(p, loaded, image) + out_of_time, 0.0)
    chi_square, freedom = reduced_chi_square(image, background)
    quality = (("CHISQR", chi_square, "reduced chi-square of the map"), ("NDOF", freedom, "its degrees of freedom"))
    write_hdus(output, [_hdu(loaded, background.astype(np.float32), "EPIC BACKGROUND MAP", p, session, quality)])
    if p.withcheese:
        cheese = np.where(used, plane.counts - out_of_time, 0.0).astype(np.float32)
        write_hdus(p.cheeseimageset, [_hdu(loaded, cheese, "CHEESE IMAGE", p, session)])
    if p.withcheesemask:
        write_hdus(p.cheesemaskset, [_hdu(loaded, (mask & outside).astype(np.int32), "CHEESE MASK", p, session)])
    inside = float(background[used].sum())
    seen = float(plane.counts[used].sum())
    session.say(f"{len(sources)} sources cut out; {seen:.0f} counts outside of them, the map has {inside:.1f} there")
    session.say(f"reduced chi-square {chi_square:.2f}, {freedom} degrees of freedom", level=5)
    return Outcome(outputs=(output, *extra), facts={"sources": len(sources), "counts": seen, "background": inside})


def _fit(p: EsplinemapParameters, loaded: LoadedField, image: Sourceless) -> NDArray[np.float64]:
    """Background of the image by the chosen method, without the events out of time."""
    (plane,) = loaded.field.planes
    if p.fitmethod == "smooth":
        return smooth_background(image, plane.exposure, least_snr=p.snrmin, sigma=p.smoothsigma)
    templates = _templates(p, loaded)
    if p.fitmethod == "model":
        return model_background(image, templates)[0]
    nodes = p.nsplinenodes or automatic_nodes(loaded.field.shape)
    return spline_background(image, templates, nodes=nodes, excess_sigma=p.excesssigma, runs=p.nfitrun)


def _templates(p: EsplinemapParameters, loaded: LoadedField) -> list[NDArray[Any]]:
    """The vignetted exposure, and the flat one; without a map a flat level alone."""
    (plane,) = loaded.field.planes
    if not (p.withexpimage and p.expimageset):
        return [plane.exposure]
    if p.withexpimage2 and p.expimageset2:
        flat = np.nan_to_num(np.asarray(read_plane_image(p.expimageset2).data, np.float64))
        if flat.shape != plane.exposure.shape:
            text = f"exposure map '{p.expimageset2}' has another size than the image '{p.imageset}'"
            raise TaskError("sizesDiffer", f"{text}; make it with the same imageset")
        return [plane.exposure, flat]
    view = loaded.field.views[plane.instrument]
    return [plane.exposure, flat_exposure(view, plane.exposure, (plane.low_ev + plane.high_ev) / 2000.0)]


def _sources(
    p: EsplinemapParameters, loaded: LoadedField, session: Session
) -> tuple[list[KnownSource], list[KnownSource]]:
    """Sources of the list with the counts that they have in this image: those to cut out, and the fainter ones."""
    (plane,) = loaded.field.planes
    listed = read_source_list(p.boxlistset)
    rows = listed.rows(plane.instrument, p.idband)
    if not len(rows) and len(listed):
        label = INSTRUMENT_LABELS[plane.instrument]
        text = f"'{p.boxlistset}' has no rows of {label} with ID_BAND {p.idband}, those of '{p.imageset}'"
        raise TaskError("badIdband", f"{text}; give idband and the list of this image")
    view = loaded.field.views[plane.instrument]
    psf, energy = telescope_psf(view.camera, session), band_energy_kev(plane.low_ev, plane.high_ev)
    cut: list[KnownSource] = []
    faint: list[KnownSource] = []
    columns = (rows[rows.likelihood], rows["X_IMA"], rows["Y_IMA"], rows["SCTS"])
    for like, x_ima, y_ima, counts in zip(*columns, strict=True):
        x, y = float(x_ima) - 1.0, float(y_ima) - 1.0
        if counts > 0.0:
            offaxis = float(view.offaxis_arcmin(np.array(x), np.array(y)))
            source = KnownSource(x, y, float(counts), psf.shape(energy, offaxis))
            (cut if like > p.mlmin else faint).append(source)
    return cut, faint


def _hdu(
    loaded: LoadedField, data: NDArray[Any], content: str, p: EsplinemapParameters, session: Session,
    keywords: Sequence[tuple[str, Any, str]] = (),
) -> Any:  # fmt: skip
    from astropy.io import fits

    hdu = fits.PrimaryHDU(data)
    take_over(hdu, loaded.headers[0], content)
    for name, value, comment in keywords:
        hdu.header[name] = (value, comment)
    record_creation(hdu.header, session.provenance(p))
    return hdu


TASK = Task(name="esplinemap", parameters=EsplinemapParameters, run=run)
