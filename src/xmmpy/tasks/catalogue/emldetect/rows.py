"""Rows of emldetect's list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.calibration.nominal import azimuthal_vignetting, vignetting
from xmmpy.detection.fit.data import EXTENT, RATES, X, Y
from xmmpy.detection.psf import band_energy_kev
from xmmpy.products.sourcelists import ML_COLUMNS
from xmmpy.tasks.detection.rows import RowPlan, fill_places, fill_rates, fill_ratios

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from xmmpy.detection.fit.model import Optics
    from xmmpy.detection.fit.settings import FitSettings, Source
    from xmmpy.tasks.detection.fields import LoadedField

    FloatArray = NDArray[np.float64]
    Rows = dict[str, NDArray[Any]]


def ml_rows(
    loaded: LoadedField,
    optics: Optics,
    sources: Sequence[Source],
    settings: FitSettings,
    pairs: Mapping[int, Sequence[tuple[int, int]]],
) -> Rows:
    """All rows of the list.

    Parameters
    ----------
    loaded : LoadedField
        The images.
    optics : Optics
        Point-spread functions.
    sources : sequence of Source
        What was found.
    settings : FitSettings
        How.
    pairs : mapping of int to sequence of (int, int)
        Soft and hard band of each hardness ratio by ID_INST.
    """
    plan = RowPlan.of(loaded)
    planes = loaded.field.planes
    rows = plan.start(ML_COLUMNS, len(sources))
    parameters = np.array([source.parameters for source in sources]).reshape(len(sources), RATES + len(planes))
    errors = np.array([source.errors for source in sources]).reshape(parameters.shape)
    used = np.array([source.used for source in sources], bool).reshape(len(sources), len(planes))
    rows["ML_ID_SRC"][:] = plan.repeat(np.arange(1, len(sources) + 1))
    rows["BOX_ID_SRC"][:] = plan.repeat([source.candidate for source in sources])
    rows["ID_CLUSTER"][:] = plan.repeat([source.cluster for source in sources])
    rows["FLAG"][:] = 0
    fill_places(rows, plan, loaded, parameters[:, X], parameters[:, Y], errors[:, X], errors[:, Y])
    extended = parameters[:, EXTENT] > 0.0
    rows["EXT"][:] = plan.repeat(parameters[:, EXTENT])
    rows["EXT_ERR"][:] = plan.repeat(np.where(extended, errors[:, EXTENT], np.nan))
    rows["EXT_ML"][:] = plan.repeat(np.where(extended, [source.extent_ml for source in sources], 0.0))
    _fill_sums(rows, plan, loaded, sources, used)
    exposure = rows["EXP_MAP"].reshape(-1, len(plan))[:, _row_of_plane(plan)].astype(np.float64)
    rate = np.where(used, parameters[:, RATES:], np.nan)
    rate_error = np.where(used, errors[:, RATES:], np.nan)
    fill_rates(rows, plan, loaded, rate * exposure, rate_error * exposure, rate, rate_error)
    fill_ratios(rows, plan, loaded, next(iter(pairs.values())), rate, rate_error)
    _fill_likelihoods(rows, plan, sources, settings)
    _fill_camera(rows, plan, loaded, optics, sources)
    return rows


def _row_of_plane(plan: RowPlan) -> NDArray[np.int64]:
    rows = np.flatnonzero(plan.plane >= 0)
    return rows[np.argsort(plan.plane[rows])]


def _fill_likelihoods(rows: Rows, plan: RowPlan, sources: Sequence[Source], settings: FitSettings) -> None:
    """DET_ML of each row, from the planes that it sums up."""
    for row in range(len(plan)):
        chosen = np.zeros(plan.plane.max() + 1, bool)
        chosen[plan.planes_of(row) if plan.plane[row] < 0 else plan.plane[row]] = True
        rows["DET_ML"][row :: len(plan)] = [source.det_ml(settings, chosen) for source in sources]


def _fill_sums(
    rows: Rows, plan: RowPlan, loaded: LoadedField, sources: Sequence[Source], used: NDArray[np.bool_]
) -> None:
    """MASKFRAC, EXP_MAP, BG_MAP and CUTRAD of the bands; means (BG_MAP: sum) in the rows above them."""
    pixel = loaded.field.pixel_arcsec
    sums = np.array([source.sums for source in sources]).reshape(*used.shape, 3)
    radii = np.array([source.radii for source in sources]).reshape(used.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction, exposure = sums[..., 1] / sums[..., 0], sums[..., 2] / sums[..., 1]
    background = np.full(used.shape, np.nan)
    for n, source in enumerate(sources):
        x, y = (round(value) for value in source.place)
        for p, plane in enumerate(loaded.field.planes):
            assert plane.background is not None
            if 0 <= y < plane.background.shape[0] and 0 <= x < plane.background.shape[1]:
                background[n, p] = plane.background[y, x]
    columns = {
        "MASKFRAC": fraction, "EXP_MAP": np.where(used, exposure, np.nan), "BG_MAP": background,
        "CUTRAD": radii * pixel,
    }  # fmt: skip
    for name, values in columns.items():
        rows[name][:] = plan.spread(values)
        for row in np.flatnonzero(plan.plane < 0):
            chosen = values[:, plan.planes_of(int(row))]
            known = np.isfinite(chosen)
            total = np.where(known, chosen, 0.0).sum(axis=1)
            number = 1.0 if name == "BG_MAP" else np.maximum(known.sum(axis=1), 1)
            rows[name][row :: len(plan)] = np.where(known.any(axis=1), total / number, np.nan)


def _fill_camera(rows: Rows, plan: RowPlan, loaded: LoadedField, optics: Optics, sources: Sequence[Source]) -> None:
    """RAWX, RAWY, CCDNR, OFFAX, ONTIME, VIGNETTING and EFF in the rows of each camera."""
    planes = loaded.field.planes
    for n, source in enumerate(sources):
        x, y = source.place
        for instrument in loaded.field.instruments:
            mine = n * len(plan) + np.flatnonzero(plan.instrument == instrument)
            view = loaded.field.views[instrument]
            ccd, rawx, rawy = view.ccd_pixel(x, y)
            offaxis = float(view.offaxis_arcmin(np.array(x), np.array(y)))
            rows["OFFAX"][mine] = offaxis * 60.0
            number = next(k for k, plane in enumerate(planes) if plane.instrument == instrument)
            if ccd:
                rows["CCDNR"][mine], rows["RAWX"][mine], rows["RAWY"][mine] = ccd, rawx, rawy
                rows["ONTIME"][mine] = _ontime(loaded.headers[number], ccd)
            gratings = float(azimuthal_vignetting(view.camera).at_det(view.camera, *view.det(np.array(x), np.array(y))))
            for row in mine:
                at = plan.plane[row - n * len(plan)]
                if at < 0:
                    continue
                energy = band_energy_kev(planes[at].low_ev, planes[at].high_ev)
                rows["VIGNETTING"][row] = gratings * float(vignetting().at(np.array(energy), np.array(offaxis)))
                shape = optics.look(x, y).tables[at].shape
                rows["EFF"][row] = float(shape.encircled(source.radii[at] * loaded.field.pixel_arcsec))
            for name in ("VIGNETTING", "EFF"):
                rows[name][mine[0]] = np.nanmean(rows[name][mine[1:]])


def _ontime(header: Any, ccd: int) -> float:
    """ONTIMEnn of a CCD; ONTIME or EXPOSURE where the image does not tell."""
    for name in (f"ONTIME{ccd:02d}", "ONTIME", "EXPOSURE"):
        value = header.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    return float("nan")
