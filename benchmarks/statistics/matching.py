"""Detections against the truth: which are real, which sources were found, how far off they are.

A detection belongs to the simulated source that gives most counts within 15 arcsec, among those expected to give at
least a fifth of the counts that the detection has. Of several detections of a source the nearest is it; the others
belong to the nearest such source that is left, as the halves of a pair do. A detection without a source is false.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
from fields import CAMERAS, separation_arcsec

MATCH_ARCSEC = 15.0
LEAST_SHARE = 0.2
ALONE_ARCSEC = 30.0
INSTRUMENT = {"pn": 1, "mos1": 2, "mos2": 3}

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class FieldResult:
    """Detections and sources of one field, one row each.

    Attributes
    ----------
    detections : Table
        det_ml, ext, ext_ml, counts, rate, rate_err, radec_err, offset (arcsec, NaN for false ones), truth (row of the
        source, -1 for false ones), offaxis (arcmin), edge (pn coverage).
    sources : Table
        flux, expected, offaxis, alone, core, found (DET_ML of the detection, 0 where missed), counts (measured),
        maskfrac, and rate and error measured and true for each camera and band.
    """

    detections: Table
    sources: Table


def load(folder: Path) -> FieldResult:
    """Read and match one field."""
    truth = Table.read(folder / "truth_sources.fits")
    with fits.open(folder / "emllist.fits") as hdus:
        rows = Table(hdus["SRCLIST"].data)
    summary = rows[(rows["ID_INST"] == 0) & (rows["ID_BAND"] == 0)]
    expected = np.sum([np.sum(truth[f"{camera}_expected"], axis=1) for camera in CAMERAS], axis=0)
    offaxis = np.array(truth["pn_offaxis"])
    distance = separation_arcsec(summary["RA"], summary["DEC"], truth["ra"], truth["dec"])
    counts = np.array(summary["SCTS"], float)
    possible = (distance < MATCH_ARCSEC) & (expected[None, :] > LEAST_SHARE * counts[:, None])
    weight = np.where(possible, expected[None, :], -1.0)
    owner = np.where(possible.any(axis=1), weight.argmax(axis=1), -1) if len(truth) else np.full(len(summary), -1)
    _settle_claims(owner, distance, possible)
    offset = np.where(owner >= 0, distance[np.arange(len(summary)), np.maximum(owner, 0)], np.nan)
    detections = Table(
        {
            "det_ml": np.array(summary["DET_ML"], float), "counts": counts, "ext": np.array(summary["EXT"], float),
            "ext_ml": np.array(summary["EXT_ML"], float), "radec_err": np.array(summary["RADEC_ERR"], float),
            "offset": offset, "truth": owner, "offaxis": np.where(owner >= 0, offaxis[owner], np.nan),
            "alone": np.zeros(len(summary), bool),
        }
    )  # fmt: skip
    neighbours = separation_arcsec(truth["ra"], truth["dec"], truth["ra"], truth["dec"])
    near = (neighbours < ALONE_ARCSEC) & ~np.eye(len(truth), dtype=bool)
    alone = np.where(near, expected[None, :], 0.0).sum(axis=1) < 0.05 * expected
    detections["alone"][owner >= 0] = alone[owner[owner >= 0]]
    found = np.zeros(len(truth))
    row_of = np.full(len(truth), -1)
    for row, source in enumerate(owner):
        if source >= 0:
            found[source], row_of[source] = detections["det_ml"][row], row
    sources = Table(
        {
            "flux": np.array(truth["flux_0p5_2"]), "expected": expected, "offaxis": offaxis, "alone": alone,
            "core": np.array(truth["core_arcsec"]), "found": found,
            "counts": np.where(row_of >= 0, counts[row_of], np.nan),
            "offset": np.where(row_of >= 0, offset[row_of], np.nan),
            "radec_err": np.where(row_of >= 0, detections["radec_err"][row_of], np.nan),
            "ext": np.where(row_of >= 0, detections["ext"][row_of], np.nan),
            "maskfrac": np.where(row_of >= 0, np.array(summary["MASKFRAC"], float)[row_of], np.nan),
        }
    )  # fmt: skip
    _add_rates(sources, truth, rows, np.array(summary["ML_ID_SRC"]), row_of)
    return FieldResult(detections, sources)


def _settle_claims(owner: Array, distance: Array, possible: Array) -> None:
    """Let each source have one detection, the nearest; the others take the nearest possible source that is left."""
    losers = []
    for source in np.unique(owner[owner >= 0]):
        claims = np.flatnonzero(owner == source)
        best = claims[distance[claims, source].argmin()]
        losers += list(claims[claims != best])
    owner[losers] = -1
    for detection in losers:
        left = possible[detection] & ~np.isin(np.arange(possible.shape[1]), owner)
        if left.any():
            owner[detection] = int(np.where(left, distance[detection], np.inf).argmin())


def _add_rates(sources: Table, truth: Table, rows: Table, numbers: Array, row_of: Array) -> None:
    """Rates in each camera and band: what the source has on the axis, and what was measured."""
    from xmmpy.calibration.nominal import energy_conversion_factors, part_above_300_ev

    names = {"pn": "EPN", "mos1": "EMOS1", "mos2": "EMOS2"}
    total_true = np.zeros(len(truth))
    for camera in CAMERAS:
        true = np.array(truth["flux"]) * energy_conversion_factors(names[camera], "Thin1")
        if camera == "pn":
            true[:, 0] *= part_above_300_ev("Thin1")
        measured, error = np.full(true.shape, np.nan), np.full(true.shape, np.nan)
        for band in range(5):
            chosen = rows[(rows["ID_INST"] == INSTRUMENT[camera]) & (rows["ID_BAND"] == band + 1)]
            place = {int(number): n for n, number in enumerate(chosen["ML_ID_SRC"])}
            for source in np.flatnonzero(row_of >= 0):
                n = place.get(int(numbers[row_of[source]]))
                if n is not None:
                    measured[source, band], error[source, band] = chosen["RATE"][n], chosen["RATE_ERR"][n]
        sources[f"{camera}_true"], sources[f"{camera}_rate"] = true, measured
        sources[f"{camera}_rate_err"] = error
        sources[f"{camera}_expected"] = np.array(truth[f"{camera}_expected"])
        total_true += true.sum(axis=1)
    sources["true"] = total_true
