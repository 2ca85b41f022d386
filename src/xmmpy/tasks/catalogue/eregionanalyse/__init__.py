"""eregionanalyse: counts, centroid and the best extraction region of a source in an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.detection.aperture import ENERGY_KEV, best_radius, centroid, fraction_inside, upper_limit
from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem
from xmmpy.tasks.catalogue.eregionanalyse.masks import UNIT_ARCSEC, Marked, Plane, mark
from xmmpy.tasks.detection.telescopes import telescope_psf
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Dataset, Expression, Real, Switch, TaskParameters, Text, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session
from xmmpy.tasks.skyimages import image_number, read_plane_image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from xmmpy.detection.psf import PsfShape

UNSET: Final = "NotSet"
_OUTPUT = "given back; a value that is set counts for nothing"


class EregionanalyseParameters(TaskParameters):
    """Analyse a region of an image: counts, centroid, best radius, rate and upper limit of a source."""

    imageset: Dataset = parameter(help="image of X,Y or DETX,DETY", writes=False)
    srcexp: Expression = parameter(help="region of the source, such as (X,Y) in CIRCLE(26000,27000,600)")
    backexp: Expression = parameter(UNSET, help="region of the background; else 'bkgimageset' or 'backval' counts")
    bkgimageset: Dataset = parameter(UNSET, writes=False, help="background map, counts a pixel")
    exposuremap: Dataset = parameter(UNSET, writes=False, help="exposure map; else EXPOSURE of the image counts")
    backval: Real = parameter(0.0, minimum=0.0, unit="count/arcsec2", help="background where no other is given")
    ulsig: Real = parameter(0.954, above=0.0, maximum=0.999999, help="probability of the upper limit")
    psfmodel: Text = parameter(
        "ELLBETA", choices=("ELLBETA", "EXTENDED", "MEDIUM", "HIGH", "LOW"), help="point-spread function"
    )
    centroid: Switch = parameter(True, help="the source is at the centroid of the counts; else in the region's middle")
    withoutputfile: Switch = parameter(False, help="write what is printed into a file too")
    output: Dataset = parameter("output.txt", parent="withoutputfile", help="that file")
    xcentroid: Real = parameter(0.0, help=f"centroid, {_OUTPUT}")
    ycentroid: Real = parameter(0.0, help=f"centroid, {_OUTPUT}")
    optradius: Real = parameter(0.0, help=f"best radius, {_OUTPUT}")
    optellipxrad: Real = parameter(0.0, help=f"best ellipse, {_OUTPUT}")
    optellipyrad: Real = parameter(0.0, help=f"best ellipse, {_OUTPUT}")
    optelliprot: Real = parameter(0.0, help=f"best ellipse, {_OUTPUT}")
    srccnts: Real = parameter(0.0, help=f"counts in the region, {_OUTPUT}")
    status: Switch = parameter(True, help=f"whether it could be done, {_OUTPUT}")


@dataclass(frozen=True, slots=True)
class Background:
    """Background of the source region.

    Attributes
    ----------
    counts, error : float
        Expected in the source region, and how well that is known.
    per_pixel : float
        Counts a pixel.
    centre : tuple of float or None
        Middle of the background region (0.05 arcsec); None where there is none.
    """

    counts: float
    error: float
    per_pixel: float
    centre: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What the task finds; lengths in units of the image (0.05 arcsec).

    Attributes
    ----------
    det : tuple of float
        DETX, DETY of the middle of the region.
    counts, per_pixel, exposure : float
        Counts in the region, counts a pixel, seconds.
    place : tuple of float
        Centroid.
    background : Background
        Of the region.
    radius, ellipse, rotation : float, tuple of float, float
        Best circle, semi-axes of the best ellipse, angle of its first axis (degrees).
    fraction : float
        Encircled energy of the region.
    net, net_error : float
        Counts of the source without background, of the whole point-spread function.
    limit : float
        Upper limit of the rate.
    """

    det: tuple[float, float]
    counts: float
    per_pixel: float
    exposure: float
    place: tuple[float, float]
    background: Background
    radius: float
    ellipse: tuple[float, float]
    rotation: float
    fraction: float
    net: float
    net_error: float
    limit: float


def run(p: EregionanalyseParameters, session: Session) -> Outcome:
    """Read the image, measure, print."""
    output = session.check_output(p.output) if p.withoutputfile else None
    plane = Plane.of(read_plane_image(p.imageset))
    found = _measure(p, plane, session)
    text = _report(found, plane.names)
    session.say(text, level=0)
    if output is not None:
        _write(output, text)
    facts = {
        "xcentroid": found.place[0], "ycentroid": found.place[1], "optradius": found.radius,
        "optellipxrad": found.ellipse[0], "optellipyrad": found.ellipse[1], "optelliprot": found.rotation,
        "srccnts": found.counts, "status": True, "eef": found.fraction, "exposure": found.exposure,
        "netcnts": found.net, "netcnts_err": found.net_error, "upperlimit": found.limit,
    }  # fmt: skip
    return Outcome(outputs=() if output is None else (output,), facts=facts)


def _measure(p: EregionanalyseParameters, plane: Plane, session: Session) -> Figures:
    counts = np.nan_to_num(np.asarray(plane.image.data, np.float64))
    source = mark(p.srcexp, plane, "srcexp")
    exposures = _same_size(p.exposuremap, plane, "exposuremap")
    background = _background(p, plane, counts, source, exposures)
    exposure = _exposure(plane, source, exposures)
    middle = plane.pixel(source.circle[:2]) if source.circle else source.middle
    place = middle
    if p.centroid:
        found = centroid(counts, source.inside, background.per_pixel)
        if found is None or not _within(found, counts.shape):
            text = f"no counts above the background in srcexp '{p.srcexp}': the middle of the region is the centroid"
            session.warn("noCentroid", text)
        else:
            place = found
    x, y = np.array([place[0]]), np.array([place[1]])
    offaxis = float(plane.view.offaxis_arcmin(x, y)[0])
    azimuth = float(np.degrees(plane.view.azimuth_rad(x, y)[0]))
    shape = telescope_psf(plane.view.camera, session, p.psfmodel).shape(ENERGY_KEV, offaxis)
    fraction = _fraction(plane, source, shape, place, azimuth)
    total = float(counts[source.inside].sum())
    net = (total - background.counts) / fraction
    per_arcsec2 = background.per_pixel / plane.pixel_arcsec2
    if net <= 0.0:
        session.warn("noSource", "the background is as bright as the region: its best radius is that of a faint source")
    signal = max(net, 1.0)
    radius = best_radius(signal, per_arcsec2, shape) / UNIT_ARCSEC
    major = best_radius(signal, per_arcsec2, shape, elliptical=True) / UNIT_ARCSEC
    limit = upper_limit(total, background.counts, p.ulsig) / fraction / exposure
    return Figures(
        det=plane.det(middle), counts=total, per_pixel=total / np.count_nonzero(source.inside), exposure=exposure,
        place=plane.units(place), background=background, radius=radius,
        ellipse=(major, major * (1.0 - shape.ellipticity)), rotation=(azimuth + 180.0) % 180.0 - 90.0,
        fraction=fraction, net=net, net_error=float(np.hypot(np.sqrt(total), background.error)) / fraction, limit=limit,
    )  # fmt: skip


def _within(place: tuple[float, float], shape: tuple[int, ...]) -> bool:
    """Whether a pixel is on the image: few counts above the background can have a centre of gravity far away."""
    return -0.5 <= place[0] < shape[1] - 0.5 and -0.5 <= place[1] < shape[0] - 0.5


def _same_size(name: str, plane: Plane, parameter_name: str) -> NDArray[np.float64] | None:
    """Read a map of the image; None where none is set."""
    if name in {UNSET, ""}:
        return None
    data = read_plane_image(name).data
    if data.shape != plane.image.data.shape:
        sizes = [" x ".join(str(size) for size in reversed(one.shape)) for one in (data, plane.image.data)]
        text = f"{parameter_name} '{name}' has {sizes[0]} pixels, '{plane.image.path}' has {sizes[1]}"
        raise TaskError("sizesDiffer", f"{text}; give a map of that image")
    return np.nan_to_num(np.asarray(data, np.float64))


def _background(
    p: EregionanalyseParameters,
    plane: Plane,
    counts: NDArray[np.float64],
    source: Marked,
    exposures: NDArray[np.float64] | None,
) -> Background:
    """Background from a region, a map or a figure, in this order."""
    pixels = float(np.count_nonzero(source.inside))
    if p.backexp not in {UNSET, ""}:
        region = mark(p.backexp, plane, "backexp")
        weight = np.ones(counts.shape) if exposures is None else exposures
        there = float(weight[region.inside].sum())
        if there <= 0.0:
            raise TaskError("noExposure", f"backexp '{p.backexp}' has no exposure in '{p.exposuremap}'; choose another")
        scale = float(weight[source.inside].sum()) / there
        seen = float(counts[region.inside].sum())
        return Background(seen * scale, float(np.sqrt(seen)) * scale, seen * scale / pixels, plane.units(region.middle))
    image = _same_size(p.bkgimageset, plane, "bkgimageset")
    if image is not None:
        total = float(image[source.inside].sum())
        return Background(total, 0.0, total / pixels, None)
    per_pixel = p.backval * plane.pixel_arcsec2
    return Background(per_pixel * pixels, 0.0, per_pixel, None)


def _exposure(plane: Plane, source: Marked, exposures: NDArray[np.float64] | None) -> float:
    """Seconds: the mean of the map in the region, or those of the header."""
    seconds = image_number(plane.image, "EXPOSURE") if exposures is None else float(exposures[source.inside].mean())
    if seconds <= 0.0:
        text = f"the region of the source in '{plane.image.path}' has no exposure; choose another, or set 'exposuremap'"
        raise TaskError("noExposure", text)
    return seconds


def _fraction(plane: Plane, source: Marked, shape: PsfShape, place: tuple[float, float], azimuth: float) -> float:
    """Encircled energy of the region: of a circle by its radius, of others by summing over pixels."""
    if source.circle is not None:
        return float(shape.encircled(source.circle[2] * UNIT_ARCSEC))
    found = fraction_inside(shape, plane.view.pixel_arcsec, source.inside, place, azimuth)
    if found <= 0.0:
        raise TaskError("regionOutside", "the source is outside of srcexp; choose a region around it")
    return found


def _report(found: Figures, names: tuple[str, str]) -> str:
    """What SAS prints, word for word, for the scripts that look for it."""
    x, y = found.place
    major, minor = found.ellipse
    lines = [
        f" input region centre: {found.det[0]:.0f} {found.det[1]:.0f}",
        f" counts in source region: {found.counts:g}",
        f" src region cnts per pixel: {found.per_pixel:g}",
        f" exposure time: {found.exposure:g}",
        f" xcentroid: {x:.1f}",
        f" ycentroid: {y:.1f}",
    ]
    if found.background.centre is not None:
        lines.append(f" Bckgnd centre X: {found.background.centre[0]:.1f} Y: {found.background.centre[1]:.1f}")
    lines += [
        f" optradius: {_length(found.radius)}",
        f" optellip: X radius: {_length(major)} Y radius: {_length(minor)} rotangle: {found.rotation:g}",
        f" encircled energy factor: {found.fraction:g}",
        f" Bckgnd subtracted source cnts: {found.net:g} +/- {found.net_error:g}",
        f" Bckgnd subtracted source c/r: {found.net / found.exposure:g} +/- {found.net_error / found.exposure:g}",
        f" Statistical upper limit c/r: {found.limit:.4g} c/s",
        "",
        f" SASCIRCLE: ({names[0]},{names[1]}) in CIRCLE({x:.1f},{y:.1f},{found.radius:g})",
        f" SASELLIPSE: ({names[0]},{names[1]}) in ELLIPSE({x:.1f},{y:.1f},{major:g},{minor:g},{found.rotation:g})",
    ]
    return "\n".join(lines)


def _length(units: float) -> str:
    return f"{units * UNIT_ARCSEC:g} arcsecs {units:g} image units"


def _write(target: Path, text: str) -> None:
    try:
        with atomic_path(target) as temporary:
            temporary.write_text(text + "\n", encoding="ascii")
    except OSError as error:
        problem = f"cannot be written ({error.strerror or error})"
        raise FileProblem(target, problem, "check the folder and the free space") from None


TASK = Task(name="eregionanalyse", parameters=EregionanalyseParameters, run=run)
