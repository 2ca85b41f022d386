"""The sources of a reduction: the table, where they lie on the mosaic, charts, maps."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.detection.skynames import iau_names
from xmmpy.products.errors import FileProblem
from xmmpy.products.images import read_image
from xmmpy.products.sourcelists import SourceList, read_source_list
from xmmpy.report.charts import Axis, Chart, points_of
from xmmpy.report.graticule import places
from xmmpy.report.numbers import DASH, MINUS, sexagesimal_dec, sexagesimal_ra
from xmmpy.report.profile import brightest_profile
from xmmpy.report.sky import draw_map, field_of
from xmmpy.tasks.catalogue.edetect_chain.calls import derived_name
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.skyimages import tangent_grid

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from xmmpy.products.record import RunRecord, StepRecord
    from xmmpy.report.sky import SkyPicture

_MAP_PIXELS = 260
_LARGEST_RATIO_ERROR = 0.4  # sources with a larger one say nothing in the chart
_SHORT = {1: "pn", 2: "m1", 3: "m2"}
_CAMERA = {1: "pn", 2: "MOS1", 3: "MOS2"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of the table: as it is shown, and as it is sorted."""

    text: str
    value: float


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source: its number, its name, its cells, and where it lies on the mosaic (per mille; negative: nowhere)."""

    number: int
    name: str
    cells: tuple[Cell, ...]
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class MapPanel:
    """A map of a camera, with its unit."""

    title: str
    file: str
    unit: str
    picture: SkyPicture | None = None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class SourcesView:
    """What the page shows of the sources, or why there are none.

    Attributes
    ----------
    title, file : str
        Of which cameras they are, and in which list.
    columns : tuple of (str, str)
        Heads of the table and what they mean.
    rows : tuple of SourceRow
        By likelihood, the highest first.
    ratios, profile : Chart or None
        Hardness ratios; radial profile of the brightest source.
    maps : tuple of MapPanel
        Background and sensitivity.
    missing : str
        Why there are none.
    """

    title: str
    file: str
    columns: tuple[tuple[str, str], ...] = ()
    rows: tuple[SourceRow, ...] = ()
    ratios: Chart | None = None
    profile: Chart | None = None
    profile_words: str = ""
    maps: tuple[MapPanel, ...] = ()
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """What was searched: images with their camera, band and maps, in the order of the list.

    Attributes
    ----------
    images : tuple of str
        Relative to the work folder.
    planes : tuple of (int, int)
        ID_INST and ID_BAND of each.
    limits : tuple of (float, float)
        Its band (eV).
    folder : str
        Where the background maps are.
    """

    images: tuple[str, ...]
    planes: tuple[tuple[int, int], ...]
    limits: tuple[tuple[float, float], ...]
    folder: str

    @classmethod
    def of(cls, step: StepRecord) -> Search:
        """Read it from the line of the step."""
        values = dict(word.split("=", 1) for word in shlex.split(step.line) if "=" in word)
        images = tuple(shlex.split(values.get("imagesets", "")))
        codes = {short: code for code, short in _SHORT.items()}
        instruments = [codes.get(image.rpartition("/")[2].partition("_")[0], 0) for image in images]
        planes = tuple((one, instruments[: n + 1].count(one)) for n, one in enumerate(instruments))
        numbers = [[float(word) for word in values.get(name, "").split()] for name in ("pimin", "pimax")]
        return cls(images, planes, tuple(zip(*numbers, strict=False)), values.get("mapdir", "."))

    def map(self, number: int, suffix: str) -> str:
        """File of a map of an image."""
        return f"{self.folder}/{derived_name(self.images[number], suffix)}"


def sources_view(record: RunRecord, work: Path, mosaic: SkyPicture | None) -> SourcesView | None:
    """Collect what is shown of the sources; None where none were looked for.

    Parameters
    ----------
    record : RunRecord
        The run.
    work : Path
        Its folder.
    mosaic : SkyPicture or None
        The picture on which they are marked.
    """
    steps = [step for step in record.steps if step.name == "detect" or step.name.endswith("/detect")]
    if not steps:
        return None
    done = [step for step in steps if step.status == "done"]
    chosen = next((step for step in done if step.name == "detect"), done[0] if done else None)
    if chosen is None:
        reason = next((step.reason for step in steps if step.reason), "")
        return SourcesView("Sources", "", missing=f"No sources were found: {reason}")
    camera = "all cameras" if chosen.camera is None else str(chosen.camera)
    file = next((name for name in chosen.outputs if name.endswith("emllist.fits")), "")
    try:
        listed = read_source_list(str(work / file))
        rows = _rows(listed, work, mosaic, record)
    except FileProblem as problem:
        return SourcesView("Sources", file, missing=f"{file} {problem.problem}.")
    search = Search.of(chosen)
    profile, words = brightest_profile(listed, search, work)
    return SourcesView(
        title=f"Sources of {camera}", file=file, columns=_COLUMNS, rows=rows, ratios=_ratios(listed), profile=profile,
        profile_words=words, maps=tuple(_maps(search, work)),
    )  # fmt: skip


_COLUMNS = (
    ("RA", "Right ascension (J2000)"), ("Dec", "Declination (J2000)"), ("±″", "Error of the position (arcsec)"),
    ("DET_ML", "Detection likelihood"), ("Counts", "Counts of the source in all images"),
    ("Rate", "Sum of the rates, 1e-3 counts/s"), ("Flux", "1e-14 erg/cm²/s, 0.2 to 12 keV"),
    ("HR1", "Hardness ratio of bands 1 and 2"), ("HR2", "of bands 2 and 3"), ("HR3", "of bands 3 and 4"),
    ("HR4", "of bands 4 and 5"), ("Ext″", "Extent (arcsec); none for point sources"),
)  # fmt: skip


def _rows(listed: SourceList, work: Path, mosaic: SkyPicture | None, record: RunRecord) -> tuple[SourceRow, ...]:
    summary = listed.rows()
    order = np.argsort(-np.nan_to_num(summary["DET_ML"]), kind="stable")
    ra, dec = summary["RA"].astype(np.float64), summary["DEC"].astype(np.float64)
    names = iau_names(ra.tolist(), dec.tolist())
    spots = _spots(ra, dec, work, mosaic, record)
    pixel = _pixel_arcsec(listed)
    rows = []
    for number, n in enumerate(order.tolist(), 1):
        value = {name: float(summary[name][n]) for name in summary.columns}
        extent = value["EXT"] * pixel
        cells = (
            Cell(sexagesimal_ra(value["RA"]) if np.isfinite(value["RA"]) else DASH, value["RA"]),
            Cell(sexagesimal_dec(value["DEC"]) if np.isfinite(value["DEC"]) else DASH, value["DEC"]),
            _cell(value["RADEC_ERR"], ".1f"), _cell(value["DET_ML"], ".1f"),
            _cell(value["SCTS"], ".0f", value["SCTS_ERR"]), _cell(1e3 * value["RATE"], ".2f", 1e3 * value["RATE_ERR"]),
            _cell(1e14 * value["FLUX"], ".2f", 1e14 * value["FLUX_ERR"]),
            *(_cell(value[f"HR{k}"], ".2f", value[f"HR{k}_ERR"]) for k in range(1, 5)),
            _cell(extent if extent > 0 else np.nan, ".1f"),
        )  # fmt: skip
        rows.append(SourceRow(number, names[n], cells, float(spots[0, n]), float(spots[1, n])))
    return tuple(rows)


def _cell(value: float, form: str, error: float | None = None) -> Cell:
    """A number, with its error where there is one; a dash where it is missing, sorted to the end."""
    if not np.isfinite(value):
        return Cell(DASH, -1e99)
    text = format(value, form)
    if error is not None and np.isfinite(error):
        text += f" ± {format(error, form)}"
    return Cell(text.replace("-", MINUS), value)


def _pixel_arcsec(listed: SourceList) -> float:
    """Side of a pixel from the columns that tell a length in both units; 4 arcsec where none does."""
    summary = listed.rows()
    length = np.hypot(summary["X_IMA_ERR"], summary["Y_IMA_ERR"]).astype(np.float64)
    ratio = summary["RADEC_ERR"][length > 0] / length[length > 0]
    return float(np.nanmedian(ratio)) if np.isfinite(ratio).any() else 4.0


def _spots(
    ra: NDArray[np.float64], dec: NDArray[np.float64], work: Path, mosaic: SkyPicture | None, record: RunRecord
) -> NDArray[np.float64]:
    """Where the sources lie on the picture of the mosaic, per mille; -1 where they do not."""
    nowhere = np.full((2, ra.size), -1.0)
    file = next((name for step in record.steps if step.task == "emosaic" for name in step.outputs), "")
    if mosaic is None or not file:
        return nowhere
    try:
        grid = tangent_grid(read_image(str(work / file)))
    except (FileProblem, TaskError):
        return nowhere
    found = places(grid, mosaic.frame, ra, dec)
    inside = np.all((found >= 0) & (found <= 1000), axis=0)
    return np.where(inside, np.round(found, 1), -1.0)


def _ratios(listed: SourceList) -> Chart | None:
    """HR2 against HR3 of the sources for which both are known well."""
    summary = listed.rows()
    order = np.argsort(-np.nan_to_num(summary["DET_ML"]), kind="stable")
    x, x_error, y, y_error = (summary[name][order].astype(np.float64) for name in ("HR2", "HR2_ERR", "HR3", "HR3_ERR"))
    good = np.isfinite(x) & np.isfinite(y) & (x_error < _LARGEST_RATIO_ERROR) & (y_error < _LARGEST_RATIO_ERROR)
    if not good.any():
        return None
    axes = (Axis(-1.05, 1.05), Axis(-1.05, 1.05))
    numbers = (np.flatnonzero(good) + 1).tolist()
    words = [f"source {n}: HR2 {a:.2f} ± {b:.2f}, HR3 {c:.2f} ± {d:.2f}" for n, a, b, c, d in zip(
        numbers, x[good], x_error[good], y[good], y_error[good], strict=True)]  # fmt: skip
    return Chart(
        "HR2 = (B3 - B2) / (B3 + B2)".replace("-", MINUS), "HR3 = (B4 - B3) / (B4 + B3)".replace("-", MINUS),
        axes[0].ticks(), axes[1].ticks(),
        points_of(axes, x[good], y[good], x_error[good], y_error[good], numbers, words), (),
        f"Hardness ratios HR3 against HR2 of {int(good.sum())} sources whose errors are below {_LARGEST_RATIO_ERROR:g}",
    )  # fmt: skip


def _maps(search: Search, work: Path) -> list[MapPanel]:
    """Background and sensitivity of one band of each camera: that of 1 to 2 keV, or the middle one."""
    chosen = []
    for instrument in dict.fromkeys(plane[0] for plane in search.planes):
        mine = [n for n, plane in enumerate(search.planes) if plane[0] == instrument]
        usual = [n for n in mine if n < len(search.limits) and search.limits[n] == (1000.0, 2000.0)]
        chosen.append((_CAMERA.get(instrument, ""), usual[0] if usual else mine[len(mine) // 2]))
    panels = []
    for suffix, kind, unit in (("bkg", "background", "counts/pixel"), ("sen", "sensitivity", "counts/s")):
        for camera, number in chosen:
            low, high = search.limits[number] if number < len(search.limits) else (0.0, 0.0)
            band = f", {low / 1000:g}{DASH}{high / 1000:g} keV" if high > low else ""
            panels.append(_map_panel(f"{camera} {kind}{band}", search.map(number, suffix), unit, work))
    return panels


def _map_panel(title: str, file: str, unit: str, work: Path) -> MapPanel:
    try:
        image = read_image(str(work / file))
    except FileProblem as problem:
        return MapPanel(title, file, unit, missing=f"{file} {problem.problem}.")
    if image.data.ndim != 2:
        return MapPanel(title, file, unit, missing=f"{file} is no plane image.")
    values = np.maximum(np.nan_to_num(np.asarray(image.data, np.float64)), 0.0)
    frame = field_of(values)
    if frame is None:
        return MapPanel(title, file, unit, missing=f"{file} is zero everywhere.")
    try:
        grid = tangent_grid(image)
    except TaskError:
        grid = None
    return MapPanel(title, file, unit, draw_map(values, frame, grid, most_pixels=_MAP_PIXELS))
