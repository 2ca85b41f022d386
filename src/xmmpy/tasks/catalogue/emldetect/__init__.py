"""emldetect: fit positions, extents and rates of sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.detection.fit.fitting import fit_sources
from xmmpy.detection.fit.model import Optics, Scene
from xmmpy.detection.fit.settings import FitSettings, Source
from xmmpy.detection.planes import INSTRUMENT_LABELS
from xmmpy.products.history import record_creation
from xmmpy.products.sourcelists import ML_COLUMNS, read_source_list, write_source_list
from xmmpy.products.writing import write_hdus
from xmmpy.tasks.catalogue.emldetect.parameters import EmldetectParameters, warn_of_unavailable
from xmmpy.tasks.catalogue.emldetect.rows import ml_rows
from xmmpy.tasks.detection.fields import FieldFiles, LoadedField, load_field
from xmmpy.tasks.detection.rows import ratio_pairs
from xmmpy.tasks.detection.telescopes import telescope_psf
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session
from xmmpy.tasks.skyimages import take_over

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from xmmpy.products.sourcelists import SourceList

_LEVELS = {"ellbeta": "ELLBETA", "medium": "MEDIUM", "extended": "EXTENDED", "slew": "SLEW"}


def run(p: EmldetectParameters, session: Session) -> Outcome:
    """Read images, maps and candidates; fit; write the list, and maps if asked."""
    output = session.check_output(p.mllistset)
    if p.withsourcemap and len(p.sourceimagesets) != len(p.imagesets):
        text = f"{len(p.imagesets)} images and {len(p.sourceimagesets)} in 'sourceimagesets' are named"
        raise TaskError("wrongNumberOfImages", f"{text}; give one source map for each image")
    maps = [session.check_output(name) for name in p.sourceimagesets] if p.withsourcemap else []
    if not p.bkgimagesets:
        raise TaskError("noBackground", "'bkgimagesets' is empty; name one map for each image: esplinemap makes them")
    warn_of_unavailable(p, session)
    loaded = load_field(_files(p), session)
    settings = FitSettings(
        **{name: getattr(p, name) for name in FitSettings.__slots__ if name in EmldetectParameters.model_fields}
    )
    listed = read_source_list(p.boxlistset)
    candidates = _candidates(p, listed, loaded)
    psf = {one: telescope_psf(view.camera, session, _LEVELS[p.psfmodel]) for one, view in loaded.field.views.items()}
    optics = Optics(loaded.field, psf, "beta" if p.extentmodel == "beta" else "gaussian", p.maxextent)
    scene = Scene.of_field(optics)
    sources = fit_sources(scene, settings, candidates, errors=p.determineerrors)
    rows = ml_rows(loaded, optics, sources, settings, _pairs(p, loaded, session))
    keywords = [*loaded.band_keywords(), ("MLMIN", p.mlmin, "least DET_ML"), ("ECUT", p.ecut, "fitted circle")]
    write_source_list(output, ML_COLUMNS, rows, keywords, session.provenance(p), primary=loaded.observation_keywords())
    for number, path in enumerate(maps):
        _write_map(
            path, scene.sources_alone([source.parameters for source in sources], number), loaded, number, p, session
        )
    extended = sum(source.extent > 0.0 for source in sources)
    session.say(f"{len(sources)} sources of {len(candidates)} candidates, {extended} of them extended")
    facts = {"sources": len(sources), "extended": extended}
    return Outcome(outputs=(output, *maps), rows_in=len(candidates), rows_out=len(sources), facts=facts)


def _files(p: EmldetectParameters) -> FieldFiles:
    return FieldFiles(
        p.imagesets,
        p.expimagesets if p.withexpimage else (),
        p.bkgimagesets,
        p.detmasksets if p.withdetmask else (),
        p.pimin,
        p.pimax,
        p.ecf,
    )


def _candidates(p: EmldetectParameters, listed: SourceList, loaded: LoadedField) -> list[Source]:
    """Candidates of the list, the brightest first."""
    summary = listed.rows()
    number = "ML_ID_SRC" if listed.is_fitted else "BOX_ID_SRC"
    planes = loaded.field.planes
    rates = np.full((len(summary), len(planes)), np.nan)
    if not p.fitcounts:
        for plane_number, plane in enumerate(planes):
            rows = listed.rows(plane.instrument, plane.band)
            if len(rows) != len(summary):
                text = f"'{p.boxlistset}' has no rows of {INSTRUMENT_LABELS[plane.instrument]}, band {plane.band}"
                raise TaskError("badList", f"{text}; fitcounts=no needs the list of these images")
            rates[:, plane_number] = np.maximum(np.nan_to_num(rows["RATE"]), 0.0)
    threshold = summary[summary.likelihood if p.threshcolumn.upper() == "LIKE" else p.threshcolumn.upper()]
    found = []
    for n in np.argsort(-np.nan_to_num(summary["RATE"]), kind="stable"):
        x, y = float(summary["X_IMA"][n]) - 1.0, float(summary["Y_IMA"][n]) - 1.0
        if np.isfinite(x) and np.isfinite(y):
            splittable = not p.withthreshold or float(threshold[n]) > p.threshold
            found.append(Source(int(summary[number][n]), np.concatenate([[x, y, 0.0], rates[n]]), splittable))
    return found


def _pairs(p: EmldetectParameters, loaded: LoadedField, session: Session) -> dict[int, list[tuple[int, int]]]:
    given = {1: p.hrpndef, 2: p.hrm1def, 3: p.hrm2def}
    pairs = {one: ratio_pairs(given[one]) for one in loaded.field.instruments}
    if len({tuple(pair) for pair in pairs.values()}) > 1:
        first = INSTRUMENT_LABELS[loaded.field.instruments[0]]
        session.warn("notAvailable", f"hrpndef, hrm1def and hrm2def differ: those of {first} hold for all cameras")
    return pairs


def _write_map(
    path: Path, data: NDArray[Any], loaded: LoadedField, number: int, p: EmldetectParameters, session: Session
) -> None:
    from astropy.io import fits

    hdu = fits.PrimaryHDU(data.astype(np.float32))
    take_over(hdu, loaded.headers[number], "EPIC SOURCE MAP")
    record_creation(hdu.header, session.provenance(p))
    write_hdus(path, [hdu])


TASK = Task(name="emldetect", parameters=EmldetectParameters, run=run)
