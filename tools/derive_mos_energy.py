"""Derive gain and charge loss of MOS from PHA and PI: ``calibration/tables/mos_energy.csv``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from derivation import EventList, main, mos_lists, table_text

from xmmpy.calibration.energy import MOS_TERMS, mos_terms, pattern_class

if TYPE_CHECKING:
    from pathlib import Path

    Array = np.ndarray[Any, Any]

ABOUT = """
Energy (eV) of MOS events: the sum of these factors times 1, P, P^2, X, Y, P X, P Y, sqrt(P) Y with P = PHA/1000,
X = RAWX/600, Y = RAWY/600; double, triple, quadruple (eV) and split_gain (times P) for patterns 1-4, 5-8 and 9-12.
Source: robust fit of PI over PHA of the public event lists of observations 0201901401 and 0201903501 (May, June 2004),
together with the offsets of single columns in mos_column_offsets.csv. It stands for the constituents EMOSn_ADUCONV and
EMOSn_CTI that were valid from November 2003 to January 2005; cooling and the years have changed both.
Made by tools/derive_mos_energy.py.
"""
COLUMNS = "camera,ccd," + ",".join(MOS_TERMS)
FEWEST = 3  # events that speak for an offset of a column
LEAST_GAIN = 30.0  # by which a step must lower the squared scatter, in units of its square
DEEPEST = 3  # steps are looked for inside parts, this often


@dataclass(frozen=True)
class Step:
    """Events of a column from a row on have their energy lowered by this (eV)."""

    ccd: int
    rawx: int
    first_rawy: int
    offset: float


@dataclass(frozen=True)
class Fit:
    """What was found for a CCD: factors of the terms, steps in columns, scatter that is left (eV)."""

    factors: Array
    steps: tuple[Step, ...]
    scatter: float


def columns_of(lists: list[EventList], ccd: int) -> dict[str, Array]:
    """PHA, PI, RAWX, RAWY, PATTERN of one CCD, of patterns 0 to 12."""
    chosen = [(events["CCDNR"] % 10 == ccd) & (events["PATTERN"] <= 12) for events in lists]
    names = ("PHA", "PI", "RAWX", "RAWY", "PATTERN")
    return {
        name: np.concatenate([events[name][rows] for events, rows in zip(lists, chosen, strict=True)]).astype(float)
        for name in names
    }


def robust_fit(terms: Array, values: Array) -> tuple[Array, Array, float]:
    """Least squares in which far values count little; gives factors, residuals and their scatter (1.48 MAD)."""
    weight = np.ones(len(values))
    factors, left, scatter = np.zeros(terms.shape[1]), values, 1.0
    for _ in range(12):
        weighted = terms.T * weight**2
        factors = np.linalg.solve(weighted @ terms, weighted @ values)
        left = values - terms @ factors
        scatter = max(1.4826 * float(np.median(np.abs(left))), 0.1)
        weight = 1.0 / (1.0 + (left / (2.0 * scatter)) ** 2)
    return factors, left, scatter


def parts(rows: Array, left: Array, scatter: float, depth: int = 0) -> list[tuple[int, float, int]]:
    """Part a column, its events sorted by row, where the residuals jump: first row, median, number of events."""
    count = len(left)
    whole = [(int(rows[0]), float(np.median(left)), count)]
    if count < 2 * FEWEST or depth >= DEEPEST:
        return whole
    sums = np.cumsum(left)
    cut = np.arange(FEWEST, count - FEWEST + 1)
    mean, below = sums[-1] / count, sums[cut - 1] / cut
    above = (sums[-1] - sums[cut - 1]) / (count - cut)
    gain = cut * (below - mean) ** 2 + (count - cut) * (above - mean) ** 2
    if gain.max() < LEAST_GAIN * scatter**2:
        return whole
    best = int(cut[np.argmax(gain)])
    return parts(rows[:best], left[:best], scatter, depth + 1) + parts(rows[best:], left[best:], scatter, depth + 1)


def column_steps(ccd: int, rawx: Array, rawy: Array, left: Array, scatter: float) -> list[Step]:
    """Find the columns whose residuals are not zero, with the rows where they change."""
    steps = []
    noise = max(scatter, 3.0)
    for column in np.unique(rawx[(rawx >= 1) & (rawx <= 600)]):
        own = np.flatnonzero(rawx == column)
        if len(own) < FEWEST:
            continue
        own = own[np.argsort(rawy[own], kind="stable")]
        found = parts(rawy[own], left[own], noise)
        if len(found) == 1 and abs(found[0][1]) < 3.0 * noise / np.sqrt(found[0][2]) + 2.0:
            continue
        steps += [
            Step(ccd, int(column), 0 if number == 0 else row, offset) for number, (row, offset, _) in enumerate(found)
        ]
    return steps


def lost(steps: list[Step], rawx: Array, rawy: Array) -> Array:
    """Offsets of events by the steps of their columns."""
    result = np.zeros(len(rawx))
    for step in steps:
        result[(rawx == step.rawx) & (rawy >= step.first_rawy)] = round(step.offset)
    return result


def fit(lists: list[EventList], ccd: int) -> Fit:
    """Fit one CCD: smooth terms, then columns, twice over."""
    data = columns_of(lists, ccd)
    classes = pattern_class(data["PATTERN"])
    terms = np.stack(mos_terms(data["PHA"], data["RAWX"], data["RAWY"], classes), axis=1)
    steps: list[Step] = []
    factors, _, scatter = robust_fit(terms, data["PI"])
    for _ in range(2):
        steps = column_steps(ccd, data["RAWX"], data["RAWY"], data["PI"] - terms @ factors, scatter)
        factors, _, scatter = robust_fit(terms, data["PI"] - lost(steps, data["RAWX"], data["RAWY"]))
    return Fit(factors, tuple(steps), scatter)


@cache
def fits_of(data: Path) -> dict[tuple[str, int], Fit]:
    """All CCDs of both cameras."""
    found = {}
    for camera in ("EMOS1", "EMOS2"):
        lists = mos_lists(data, camera)
        for ccd in range(1, 8):
            found[camera, ccd] = fit(lists, ccd)
    return found


def derive(data: Path) -> str:
    """Text of the table."""
    rows = [
        f"{camera},{ccd}," + ",".join(f"{factor:.2f}" for factor in found.factors)
        for (camera, ccd), found in fits_of(data).items()
    ]
    return table_text(ABOUT, COLUMNS, rows)


if __name__ == "__main__":
    main("mos_energy", derive)
