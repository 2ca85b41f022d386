"""Rows of source lists: a block for each source, with one row for all, one for each camera, one for each band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.detection.skynames import galactic
from xmmpy.detection.sourcerows import (
    hardness_ratio,
    nearest_neighbour,
    radial_error,
    total,
    total_error,
    weighted_mean,
)
from xmmpy.products.sourcelists import empty_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xmmpy.products.sourcelists import ListColumn
    from xmmpy.tasks.detection.fields import LoadedField


@dataclass(frozen=True, slots=True, eq=False)
class RowPlan:
    """Which row of a source's block is which.

    Attributes
    ----------
    instrument, band : ndarray of int, shape (rows of a block,)
        ID_INST and ID_BAND.
    plane : ndarray of int, shape (rows of a block,)
        Number of the plane; -1 in rows that sum up.
    """

    instrument: NDArray[np.int64]
    band: NDArray[np.int64]
    plane: NDArray[np.int64]

    @classmethod
    def of(cls, loaded: LoadedField) -> RowPlan:
        """Order of SAS: all; then each camera, its bands behind it."""
        rows = [(0, 0, -1)]
        for instrument in loaded.field.instruments:
            rows.append((instrument, 0, -1))
            rows += [(instrument, p.band, n) for n, p in enumerate(loaded.field.planes) if p.instrument == instrument]
        columns = (np.array(column, np.int64) for column in zip(*rows, strict=True))
        return cls(*columns)

    def __len__(self) -> int:
        return self.plane.size

    def planes_of(self, row: int) -> list[int]:
        """Planes that a row sums up."""
        wanted = self.instrument[row]
        return [
            int(plane)
            for plane, instrument in zip(self.plane, self.instrument, strict=True)
            if plane >= 0 and wanted in {0, instrument}
        ]

    def start(self, layout: Sequence[ListColumn], sources: int) -> dict[str, NDArray[Any]]:
        """Rows of that many sources with ID_INST and ID_BAND filled in."""
        rows = empty_rows(layout, len(self) * sources)
        rows["ID_INST"][:] = np.tile(self.instrument, sources)
        rows["ID_BAND"][:] = np.tile(self.band, sources)
        return rows

    def repeat(self, values: Any) -> NDArray[Any]:
        """Values of the sources, one for each of their rows."""
        return np.repeat(np.asarray(values), len(self))

    def spread(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values by source and plane in the rows of the bands, NaN in those that sum up; shape (sources * rows,)."""
        padded = np.concatenate([values, np.full((len(values), 1), np.nan)], axis=1)
        return padded[:, self.plane].ravel()


def fill_places(
    rows: dict[str, NDArray[Any]],
    plan: RowPlan,
    loaded: LoadedField,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    x_error: NDArray[np.float64],
    y_error: NDArray[np.float64],
) -> None:
    """X_IMA, Y_IMA (from 1), RA, DEC, LII, BII, RADEC_ERR and DIST_NN, the same in all rows of a source."""
    ra, dec = loaded.to_sky(x, y)
    longitude, latitude = galactic(ra, dec)
    columns = {
        "X_IMA": x + 1.0, "Y_IMA": y + 1.0, "X_IMA_ERR": x_error, "Y_IMA_ERR": y_error, "RA": ra, "DEC": dec,
        "RADEC_ERR": radial_error(x_error, y_error, loaded.field.pixel_arcsec), "LII": longitude, "BII": latitude,
        "DIST_NN": nearest_neighbour(ra, dec),
    }  # fmt: skip
    for name, values in columns.items():
        rows[name][:] = plan.repeat(values)


def fill_rates(
    rows: dict[str, NDArray[Any]],
    plan: RowPlan,
    loaded: LoadedField,
    counts: NDArray[np.float64],
    counts_error: NDArray[np.float64],
    rate: NDArray[np.float64],
    rate_error: NDArray[np.float64],
) -> None:
    """SCTS, RATE and FLUX with errors, of the bands and summed up, from arrays of shape (sources, planes).

    Counts and rates are added; fluxes are added over the bands of a camera, and the weighted mean of the cameras is
    taken band by band for the row of all.
    """
    ecf = np.array([plane.ecf for plane in loaded.field.planes]) * 1e11
    with np.errstate(divide="ignore", invalid="ignore"):
        flux, flux_error = rate / ecf, rate_error / ecf
    tables = {
        "SCTS": (counts, counts_error), "RATE": (rate, rate_error), "FLUX": (flux, flux_error),
    }  # fmt: skip
    for name, (values, errors) in tables.items():
        rows[name][:], rows[f"{name}_ERR"][:] = plan.spread(values), plan.spread(errors)
        for row in np.flatnonzero(plan.plane < 0):
            planes = plan.planes_of(int(row))
            if name == "FLUX" and plan.instrument[row] == 0:
                summed, error = _mean_flux(loaded, flux, flux_error)
            else:
                summed, error = total(values[:, planes].T), total_error(errors[:, planes].T)
            rows[name][row :: len(plan)], rows[f"{name}_ERR"][row :: len(plan)] = summed, error


def _mean_flux(
    loaded: LoadedField, flux: NDArray[np.float64], error: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum over the bands of the weighted mean of the cameras."""
    bands: dict[tuple[float, float], list[int]] = {}
    for number, plane in enumerate(loaded.field.planes):
        bands.setdefault((float(plane.band), 0.0), []).append(number)
    means = [weighted_mean(flux[:, planes].T, error[:, planes].T) for planes in bands.values()]
    return total([mean for mean, _ in means]), total_error([spread for _, spread in means])


def fill_ratios(
    rows: dict[str, NDArray[Any]],
    plan: RowPlan,
    loaded: LoadedField,
    pairs: Sequence[tuple[int, int]],
    rate: NDArray[np.float64],
    rate_error: NDArray[np.float64],
) -> None:
    """HRn and HRn_ERR in the rows of the cameras, and their weighted means in the row of all.

    Parameters
    ----------
    pairs : sequence of (int, int)
        Soft and hard band of each ratio (hrdef).
    rate, rate_error : ndarray, shape (sources, planes)
        Of the bands.
    """
    for number, (soft, hard) in enumerate(pairs, 1):
        name = f"HR{number}"
        if name not in rows:
            break
        ratios = []
        for instrument in loaded.field.instruments:
            planes = {p.band: n for n, p in enumerate(loaded.field.planes) if p.instrument == instrument}
            if soft not in planes or hard not in planes:
                continue
            low, high = planes[soft], planes[hard]
            ratio = hardness_ratio(rate[:, low], rate[:, high], rate_error[:, low], rate_error[:, high])
            ratios.append(ratio)
            (row,) = np.flatnonzero((plan.instrument == instrument) & (plan.band == 0))
            rows[name][row :: len(plan)], rows[f"{name}_ERR"][row :: len(plan)] = ratio
        if ratios:
            mean = weighted_mean([ratio for ratio, _ in ratios], [error for _, error in ratios])
            rows[name][0 :: len(plan)], rows[f"{name}_ERR"][0 :: len(plan)] = mean


def ratio_pairs(definition: Sequence[float]) -> list[tuple[int, int]]:
    """Pairs of bands from hrdef, ``1 2 2 3 3 4``."""
    numbers = [int(value) for value in definition]
    return list(zip(numbers[::2], numbers[1::2], strict=False))
