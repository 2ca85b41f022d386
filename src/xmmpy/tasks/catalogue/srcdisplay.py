"""srcdisplay: mark the sources of a list, in a region file, in a picture and in DS9."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem
from xmmpy.products.sourcelists import read_source_list
from xmmpy.tasks.detection.choosing import SUMMARY_ROWS, passing_rows
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Dataset, Expression, Real, Switch, TaskParameters, Text, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session
from xmmpy.tasks.skyimages import read_plane_image, tangent_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from xmmpy.imaging.mosaic import TangentGrid
    from xmmpy.products.images import Image
    from xmmpy.products.sourcelists import SourceList

SMOOTHING: Final = 1.0
"""Standard deviation (pixels) of the Gaussian that smooths the image of the picture."""
_FEWEST_PIXELS = 4  # the image is cut to what holds counts, but not below
_KINDS = (".png", ".pdf", ".svg")


class SrcdisplayParameters(TaskParameters):
    """Mark the sources of a list: DS9 region file, picture, and DS9 itself where there is a display."""

    boxlistset: Dataset = parameter(help="source list of eboxdetect, emldetect or srcmatch", writes=False)
    imageset: Dataset = parameter("image.ds", parent="withimageset", writes=False, help="image to mark them on")
    withimageset: Switch = parameter(True, help="there is an image; else a running DS9 gets the marks")
    expression: Expression = parameter(SUMMARY_ROWS, help="which rows of the list are marked")
    sourceradius: Real = parameter(0.01, minimum=0.0001, maximum=2.0, unit="deg", help="radius of the circles")
    useposerr: Switch = parameter(False, help="the radius is the error of the position")
    poserrcol: Text = parameter("RADEC_ERR", help="column with that error (arcsec)")
    syserr: Real = parameter(0.0, minimum=0.0, unit="arcsec", help="error that is added to it in quadrature")
    includesources: Switch = parameter(True, help="the regions include the circles; else they exclude them")
    uselabel: Switch = parameter(False, help="write the number of the row in the list beside each circle")
    withregionfile: Switch = parameter(True, help="write a region file")
    regionfile: Dataset = parameter("regionfile.txt", parent="withregionfile", help="region file to write")
    regionsystem: Text = parameter("fk5", choices=("fk5", "image"), help="coordinates of the region file")
    srccolor: Text = parameter("green", help="colour of the circles")
    withplotfile: Switch = parameter(False, help="draw a picture: the sources over the image")
    plotfile: Dataset = parameter("sources.png", parent="withplotfile", help="picture to write (.png .pdf .svg)")
    overlay: Switch = parameter(False, help="keep the marks that a running DS9 shows already")
    withdisplay: Switch = parameter(True, help="show the marks in DS9, where there is a display and DS9")


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Circles around sources.

    Attributes
    ----------
    ra, dec : ndarray, shape (n,)
        Centres (degrees).
    radius : ndarray, shape (n,)
        Radii (degrees).
    number : ndarray of int, shape (n,)
        Number of the row in the list, from 1.
    """

    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    radius: NDArray[np.float64]
    number: NDArray[np.int64]

    def __len__(self) -> int:
        return self.ra.size

    def pixels(self, grid: TangentGrid) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Centres and radii in pixels of an image, counted from 1; NaN on the far side of the sky."""
        return *grid.pixel(self.ra, self.dec), self.radius / np.sqrt(grid.pixel_area)


def run(p: SrcdisplayParameters, session: Session) -> Outcome:
    """Read the list, write the region file and the picture, start DS9."""
    region = session.check_output(p.regionfile) if p.withregionfile else None
    picture = session.check_output(p.plotfile) if p.withplotfile else None
    if picture is not None and picture.suffix.lower() not in _KINDS:
        raise TaskError("BadParameter", f"plotfile '{p.plotfile}' has none of the endings {', '.join(_KINDS)}")
    needs_image = picture is not None or (region is not None and p.regionsystem == "image")
    if needs_image and not p.withimageset:
        raise TaskError("noImage", "a picture, and regions in pixels, need an image: set 'imageset'")
    sources = read_source_list(p.boxlistset)
    marks = _marks(p, sources, session)
    image = read_plane_image(p.imageset) if needs_image else None
    grid = None if image is None else tangent_grid(image)
    outputs: list[Path] = []
    text = region_text(p, marks, grid)
    if region is not None:
        _write_text(region, text)
        outputs.append(region)
    if picture is not None and image is not None and grid is not None:
        _write_picture(_draw(p, image, grid, marks), picture)
        outputs.append(picture)
    session.say(f"{len(marks)} sources marked")
    if p.withdisplay and region is not None:
        _show(p, session)
    return Outcome(
        outputs=tuple(outputs), rows_in=len(sources), rows_out=len(marks), facts={"sources": len(marks)}
    )  # fmt: skip


def _marks(p: SrcdisplayParameters, sources: SourceList, session: Session) -> Marks:
    chosen = passing_rows(sources, p.expression)
    ra, dec = sources["RA"].astype(np.float64), sources["DEC"].astype(np.float64)
    placed = np.isfinite(ra) & np.isfinite(dec)
    if np.any(chosen & ~placed):
        session.warn("noPosition", f"{np.count_nonzero(chosen & ~placed)} rows of '{p.boxlistset}' have no RA, DEC")
    rows = np.flatnonzero(chosen & placed)
    if not rows.size:
        session.warn("noSources", f"no row of '{p.boxlistset}' passes '{p.expression}': nothing is marked")
    radius = np.full(rows.size, p.sourceradius)
    if p.useposerr:
        error = np.hypot(sources[p.poserrcol][rows].astype(np.float64), p.syserr) / 3600.0
        known = np.isfinite(error) & (error > 0.0)
        if not known.all():
            text = f"{np.count_nonzero(~known)} sources have no {p.poserrcol}: their circles have 'sourceradius'"
            session.warn("noPositionError", text)
        radius = np.where(known, error, radius)
    return Marks(ra[rows], dec[rows], radius, rows.astype(np.int64) + 1)


def region_text(p: SrcdisplayParameters, marks: Marks, grid: TangentGrid | None) -> str:
    """Region file in DS9's format."""
    sign = "" if p.includesources else "-"
    lines = ["# Region file format: DS9 version 4.1", f"global color={p.srccolor}", p.regionsystem]
    if p.regionsystem == "image" and grid is not None:
        places = [f"{x:.3f},{y:.3f},{r:.3f}" for x, y, r in zip(*marks.pixels(grid), strict=True)]
    else:
        values = zip(marks.ra, marks.dec, marks.radius, strict=True)
        places = [f'{ra:.7f},{dec:+.7f},{3600.0 * radius:.3f}"' for ra, dec, radius in values]
    for place, number in zip(places, marks.number, strict=True):
        label = f" # text={{{number}}}" if p.uselabel else ""
        lines.append(f"{sign}circle({place}){label}")
    return "\n".join(lines) + "\n"


def _write_text(target: Path, text: str) -> None:
    try:
        with atomic_path(target) as temporary:
            temporary.write_text(text, encoding="ascii")
    except OSError as error:
        raise _unwritable(target, error) from None


def _unwritable(target: Path, error: OSError) -> FileProblem:
    problem = f"cannot be written ({error.strerror or error})"
    return FileProblem(target, problem, "check the folder and the free space")


def _draw(p: SrcdisplayParameters, image: Image, grid: TangentGrid, marks: Marks) -> Figure:
    """Draw without a display: the image on an asinh scale, circles over it, sexagesimal axes."""
    from astropy.wcs import WCS
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import is_color_like
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle
    from scipy.ndimage import gaussian_filter

    if not is_color_like(p.srccolor):
        raise TaskError("BadParameter", f"parameter 'srccolor' is '{p.srccolor}', which is no colour")
    data = np.nan_to_num(np.asarray(image.data, np.float64))
    rows, columns = _field(data)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crpix, wcs.wcs.crval, wcs.wcs.cd = grid.reference_pixel, grid.reference_sky, np.array(grid.matrix)
    figure = Figure(figsize=(8.0, 8.0), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(projection=wcs)
    smooth = gaussian_filter(data, SMOOTHING)
    lit = smooth[smooth > 0.0]
    soft = float(np.median(lit)) if lit.size else 1.0
    shown = np.arcsinh(smooth / soft)
    top = float(np.percentile(shown[data > 0.0], 99.8)) if np.any(data > 0.0) else 1.0
    axes.imshow(shown, origin="lower", cmap="inferno", vmin=0.0, vmax=max(top, 1e-6), interpolation="nearest")
    for x, y, radius, number in zip(*marks.pixels(grid), marks.number, strict=True):
        if not (np.isfinite(x) and np.isfinite(y)):
            continue
        axes.add_patch(Circle((x - 1.0, y - 1.0), radius, fill=False, edgecolor=p.srccolor, linewidth=0.9))
        if p.uselabel:
            axes.annotate(
                str(number), (x - 1.0 + radius, y - 1.0), color=p.srccolor, fontsize=7, va="center", clip_on=True,
                annotation_clip=True,
            )  # fmt: skip
    axes.set_xlim(columns.start - 0.5, columns.stop - 0.5)
    axes.set_ylim(rows.start - 0.5, rows.stop - 0.5)
    axes.coords[0].set_axislabel("Right ascension (J2000)")
    axes.coords[1].set_axislabel("Declination (J2000)")
    axes.coords.grid(color="white", alpha=0.25, linewidth=0.5)
    plain = str(image.header.get("OBJECT", "")).strip().replace("$", r"\$")
    axes.set_title(f"{plain}: {len(marks)} sources" if plain else f"{len(marks)} sources", fontsize=10)
    return figure


def _field(data: NDArray[np.float64]) -> tuple[slice, slice]:
    """Rows and columns between the outermost pixels that hold something."""
    filled = data != 0.0
    slices = []
    for axis in (1, 0):
        places = np.flatnonzero(filled.any(axis=axis))
        size = data.shape[1 - axis]
        low, high = (int(places[0]), int(places[-1]) + 1) if places.size else (0, size)
        slices.append(slice(low, high) if high - low >= _FEWEST_PIXELS else slice(0, size))
    return slices[0], slices[1]


def _write_picture(figure: Figure, target: Path) -> None:
    kind = target.suffix.lower()[1:]
    metadata: dict[str, Any] = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[kind]
    try:
        with atomic_path(target) as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata)
    except OSError as error:
        raise _unwritable(target, error) from None


def _show(p: SrcdisplayParameters, session: Session) -> None:
    """Start DS9 with the image and the regions, or hand the regions to one that runs; do not wait for it."""
    if not session.environment.display:
        session.say("no display: DS9 is not started", level=3)
        return
    program = shutil.which("ds9" if p.withimageset else "xpaset")
    if program is None:
        text = "DS9 is not" if p.withimageset else "xpaset, which hands the regions to a running DS9, is not"
        session.warn("noDs9", f"{text} on PATH: the sources are in '{p.regionfile}'")
        return
    if p.withimageset:
        if not Path(p.imageset).is_file():
            session.warn("noImage", f"there is no image '{p.imageset}': DS9 is not started; set 'imageset'")
            return
        calls = [[program, p.imageset, "-scale", "log", "-regions", p.regionfile]]
    else:
        forget = [] if p.overlay else [[program, "-p", "ds9", "regions", "delete", "all"]]
        calls = [*forget, [program, "-p", "ds9", "regions", "load", p.regionfile]]
    for call in calls:
        process = subprocess.Popen(  # noqa: S603 - a list, no shell
            call, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        if not p.withimageset:
            process.wait()
        else:
            process.returncode = 0  # it lives on when this process ends; nobody waits for it


TASK = Task(name="srcdisplay", parameters=SrcdisplayParameters, run=run)
