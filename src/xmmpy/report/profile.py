"""The radial profile of the brightest source, with the point-spread function and the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xmmpy.detection.planes import INSTRUMENT_LABELS
from xmmpy.detection.psf import Psf, PsfShape, band_energy_kev, psf_image
from xmmpy.products.errors import FileProblem
from xmmpy.products.images import read_image
from xmmpy.report.charts import Axis, Chart, Line, path_of, points_of
from xmmpy.report.numbers import DASH, PRIME
from xmmpy.tasks.detection.fields import camera_view
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.skyimages import tangent_grid

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from xmmpy.products.sourcelists import SourceList
    from xmmpy.report.sources import Search

_EDGES = np.array([0.0, 4.0, 8.0, 12.0, 16.0, 21.0, 27.0, 34.0, 43.0, 54.0, 68.0, 85.0])  # arcsec
_NEIGHBOUR_ARCSEC = 25.0  # pixels so near to another source are left out


def brightest_profile(listed: SourceList, search: Search, work: Path) -> tuple[Chart | None, str]:
    """Profile of the source of the highest likelihood in the image in which it has most counts.

    Returns
    -------
    Chart or None, str
        The chart with words for it, or why there is none.
    """
    summary = listed.rows()
    if not len(summary):
        return None, "There is no source."
    identity = int(summary["ML_ID_SRC"][int(np.nanargmax(summary["DET_ML"]))])
    mine = np.flatnonzero(
        (listed["ML_ID_SRC"] == identity) & (listed["ID_INST"] > 0) & (listed["ID_BAND"] > 0) & (listed["SCTS"] > 0)
    )
    planes = [(int(listed["ID_INST"][n]), int(listed["ID_BAND"][n])) for n in mine]
    known = [(n, search.planes.index(plane)) for n, plane in zip(mine, planes, strict=True) if plane in search.planes]
    if not known:
        return None, "The images of the brightest source are not known."
    row, number = max(known, key=lambda pair: float(listed["SCTS"][pair[0]]))
    try:
        image = read_image(str(work / search.images[number]))
        background = np.nan_to_num(read_image(str(work / search.map(number, "bkg"))).data.astype(np.float64))
        grid = tangent_grid(image)
        view = camera_view(image, grid)
    except (FileProblem, TaskError) as problem:
        return None, f"{problem}."
    counts = np.nan_to_num(np.asarray(image.data, np.float64))
    if counts.shape != background.shape:
        return None, f"The background of {search.images[number]} has another size."
    place = (float(listed["X_IMA"][row]) - 1.0, float(listed["Y_IMA"][row]) - 1.0)
    offaxis = float(view.offaxis_arcmin(np.array([place[0]]), np.array([place[1]]))[0])
    low, high = search.limits[number]
    shape = Psf(view.camera).shape(band_energy_kev(low, high), offaxis)
    others = [
        (float(x) - 1.0, float(y) - 1.0)
        for x, y, one in zip(summary["X_IMA"], summary["Y_IMA"], summary["ML_ID_SRC"], strict=True)
        if int(one) != identity
    ]
    chart = _chart(counts, background, place, others, float(listed["SCTS"][row]), shape, view.pixel_arcsec)
    label = {"PN": "pn", "M1": "MOS1", "M2": "MOS2"}[INSTRUMENT_LABELS[search.planes[number][0]]]
    where = f"{label}, {low / 1000:g}{DASH}{high / 1000:g} keV, {offaxis:.1f}{PRIME} off axis"
    words = f"{where}: {listed['SCTS'][row]:.0f} counts"
    if float(listed["EXT"][row]) > 0:
        words += "; the source is extended, the curve is that of a point source"
    return chart, words


def _chart(
    counts: NDArray[np.float64],
    background: NDArray[np.float64],
    place: tuple[float, float],
    others: list[tuple[float, float]],
    source: float,
    shape: PsfShape,
    pixel: float,
) -> Chart | None:
    y, x = np.indices(counts.shape)
    radius = np.hypot(x - place[0], y - place[1]) * pixel
    used = (radius < _EDGES[-1]) & (background > 0)
    for other in others:
        used &= np.hypot(x - other[0], y - other[1]) * pixel > _NEIGHBOUR_ARCSEC
    psf = source * psf_image(shape, pixel, (counts.shape[0], counts.shape[1]), place)
    ring = np.digitize(radius[used], _EDGES) - 1
    rings = _EDGES.size - 1
    pixels = np.bincount(ring, minlength=rings)
    seen, expected, floor = (
        np.bincount(ring, weights=values[used], minlength=rings) for values in (counts, psf, background)
    )
    area = pixels * pixel**2
    good = area > 0
    if good.sum() < 3 or not seen.any():
        return None
    middle = 0.5 * (_EDGES[1:] + _EDGES[:-1])[good]
    values, errors = seen[good] / area[good], np.sqrt(seen[good]) / area[good]
    model, level = (expected + floor)[good] / area[good], floor[good] / area[good]
    axes = (
        Axis(0.0, float(_EDGES[-1])),
        Axis(0.3 * float(min(level.min(), *values[values > 0])), 2.0 * float(max(values.max(), model.max())), True),
    )
    shown = values > 0
    width = 0.5 * np.diff(_EDGES)[good]
    drawn = (middle[shown], values[shown], width[shown], errors[shown])
    words = [f"{r:.0f} arcsec: {v:.3g} ± {e:.2g}" for r, v, _, e in zip(*drawn, strict=True)]
    points = points_of(axes, *drawn, [0] * len(words), words)
    lines = (
        Line(path_of(axes, middle, model), "model", "point-spread function and background"),
        Line(path_of(axes, middle, level), "level", "background"),
    )
    spoken = f"Counts per square arcsecond around the brightest source: from {values.max():.3g} to {values[-1]:.3g}"
    return Chart("Distance (arcsec)", "counts/arcsec²", axes[0].ticks(), axes[1].ticks(), points, lines, spoken)
