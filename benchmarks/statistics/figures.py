"""Figures of merit from matched fields: false detections, completeness, position errors, rate pulls."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from astropy.table import Table, vstack
from fields import CAMERAS
from matching import FieldResult

Array = np.ndarray[Any, Any]
FLUXES = np.geomspace(1e-15, 1e-13, 13)
COUNT_BINS = ((20, 50), (50, 300), (300, 1e6))
LIKELIHOOD_BINS = ((10, 15), (15, 30), (30, 100), (100, 1e6))
OFFAXIS_BINS = (0.0, 3.0, 6.0, 9.0, 12.0, 15.0)
LEAST_COUNTS = {10_000.0: 50.0, 50_000.0: 100.0}
"""By exposure (s): counts of sources that are all found, so that none is there for its noise."""
LEAST_MASKFRAC = 0.5
EXPECTED_SHARE = 1.0 - np.exp(-1.0)
"""Part of the offsets below sqrt(x_err^2 + y_err^2) when both coordinates are normal with these errors."""


def stacked(fields: Sequence[FieldResult]) -> tuple[Table, Table]:
    """All detections and all sources."""
    return vstack([one.detections for one in fields]), vstack([one.sources for one in fields])


def false_per_field(fields: Sequence[FieldResult], threshold: float) -> tuple[float, float]:
    """Mean number of false detections in a field and its error."""
    numbers = [int(np.sum((one.detections["truth"] < 0) & (one.detections["det_ml"] >= threshold))) for one in fields]
    return float(np.mean(numbers)), float(np.std(numbers) / np.sqrt(len(numbers)))


def completeness(sources: Table, threshold: float, furthest: float = 12.0) -> list[tuple[float, int, float]]:
    """Flux (middle of the bin), number of sources, part that is found, within an off-axis angle (arcmin)."""
    rows = []
    inside = np.array(sources["offaxis"]) < furthest
    for low, high in pairwise(FLUXES):
        chosen = inside & (sources["flux"] >= low) & (sources["flux"] < high)
        number = int(chosen.sum())
        if number:
            rows.append((float(np.sqrt(low * high)), number, float(np.mean(sources["found"][chosen] >= threshold))))
    return rows


def completeness_at(sources: Table, flux: float, threshold: float, furthest: float = 12.0) -> tuple[float, int]:
    """Part of the sources within 15 % of a flux that is found, and their number."""
    chosen = (sources["offaxis"] < furthest) & (np.abs(np.log(sources["flux"] / flux)) < np.log(1.15))
    return float(np.mean(sources["found"][chosen] >= threshold)), int(chosen.sum())


def position_shares(
    sources: Table, by: str, bins: Sequence[tuple[float, float]] = COUNT_BINS
) -> list[tuple[str, int, float, float]]:
    """Bin, number of sources, part of the offsets below RADEC_ERR, its error; lone sources.

    `by` is the column that the bins are of: counts expected or measured, or the DET_ML found.
    """
    rows = []
    for low, high in bins:
        chosen = lone(sources)
        chosen &= np.array((sources[by] >= low) & (sources[by] < high))
        below = np.array(sources["offset"][chosen] < sources["radec_err"][chosen])
        if below.size:
            share = float(below.mean())
            error = float(np.sqrt(share * (1 - share) / below.size))
            rows.append((f"{low:g} to {high:g}" if high < 1e5 else f"over {low:g}", below.size, share, error))
    return rows


def median_offset(sources: Table, low: float, high: float) -> tuple[float, int]:
    """Median offset (arcsec) of lone sources with so many counts."""
    chosen = lone(sources)
    chosen &= (sources["expected"] >= low) & (sources["expected"] < high)
    offsets = np.array(sources["offset"][chosen])
    return (float(np.median(offsets)) if offsets.size else float("nan")), int(offsets.size)


def rate_pulls(sources: Table, camera: str, band: int, least: float) -> Array:
    """(measured - true) / error of one camera and band (from 0); lone sources, 10 counts of them here."""
    chosen = _measured(sources, least) & (sources[f"{camera}_expected"][:, band] >= 10.0)
    measured, error = sources[f"{camera}_rate"][chosen, band], sources[f"{camera}_rate_err"][chosen, band]
    pulls = (measured - sources[f"{camera}_true"][chosen, band]) / error
    return np.array(pulls[np.isfinite(pulls)])


def total_pulls(sources: Table, least: float) -> Array:
    """(measured - true) / error of the rate summed over cameras and bands."""
    chosen = np.flatnonzero(_measured(sources, least))
    measured, true, variance = np.zeros(chosen.size), np.zeros(chosen.size), np.zeros(chosen.size)
    for camera in CAMERAS:
        rate = np.array(sources[f"{camera}_rate"])[chosen]
        seen = np.isfinite(rate)
        measured += np.where(seen, rate, 0.0).sum(axis=1)
        true += np.where(seen, np.array(sources[f"{camera}_true"])[chosen], 0.0).sum(axis=1)
        variance += np.where(seen, np.array(sources[f"{camera}_rate_err"])[chosen] ** 2, 0.0).sum(axis=1)
    return np.array((measured - true) / np.sqrt(variance))


def flux_by_offaxis(sources: Table, camera: str, least: float) -> list[tuple[float, int, float, float]]:
    """Off-axis angle, number, measured over true counts and its error for one camera."""
    rows = []
    for low, high in pairwise(OFFAXIS_BINS):
        chosen = _measured(sources, least) & (sources["offaxis"] >= low) & (sources["offaxis"] < high)
        rate = np.array(sources[f"{camera}_rate"])[chosen]
        true = np.array(sources[f"{camera}_true"])[chosen]
        error = np.array(sources[f"{camera}_rate_err"])[chosen]
        seen = (
            np.isfinite(rate) & np.isfinite(error) & (error > 0) & (np.array(sources[f"{camera}_expected"])[chosen] > 5)
        )
        if seen.sum() < 5:
            continue
        ratio = rate[seen].sum() / true[seen].sum()
        rows.append(
            (
                0.5 * (low + high),
                int(seen.sum()),
                float(ratio),
                float(np.sqrt((error[seen] ** 2).sum()) / true[seen].sum()),
            )
        )
    return rows


def _measured(sources: Table, least: float) -> Array:
    return np.array(lone(sources) & (sources["expected"] >= least))


def lone(sources: Table) -> Array:
    """Points found at DET_ML >= 10, without close neighbours, half of whose photons meet pixels in use."""
    chosen = sources["alone"] & (sources["found"] >= 10.0) & (sources["core"] == 0.0)
    return np.array(chosen & (np.nan_to_num(sources["maskfrac"]) >= LEAST_MASKFRAC))
