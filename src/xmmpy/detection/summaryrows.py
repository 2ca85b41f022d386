"""From the rows that emldetect writes for cameras and bands to one row per source, and several lists to one.

A set of rows is a dict of arrays by column name of the summary list (`products.summarylist`), NaN where a source has no
value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.detection.jointlikelihood import joint_likelihood
from xmmpy.detection.planes import INSTRUMENT_LABELS
from xmmpy.detection.skynames import galactic
from xmmpy.detection.sourcerows import hardness_ratio, mean_position, total, total_error, weighted_mean
from xmmpy.products.summarylist import (
    BANDS,
    CAMERAS,
    EPIC,
    RATIOS,
    TOTAL,
    XID,
    error_name,
    flux_name,
    likelihood_name,
    rate_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

Rows = dict[str, "NDArray[np.float64]"]

XID_BAND: Final = 9
"""ID_BAND of the band 0.5 to 4.5 keV where a list has it beside the others, as in 4XMM's column names."""

_POSITION = ("RA", "DEC", "RADEC_ERR", "LII", "BII", "X_IMA", "X_IMA_ERR", "Y_IMA", "Y_IMA_ERR")
_CORRECTED = ("RA_CORR", "DEC_CORR", "LII_CORR", "BII_CORR", "SYSERRCC")
_EXTENT = {"EP_EXTENT": "EXT", "EP_EXT_ERR": "EXT_ERR", "EP_EXT_ML": "EXT_ML"}
_OF_CAMERA = ("ONTIME", "MASKFRAC", "OFFAX", "PILEUP", "FLAG")
_OF_BAND = {"EXP": "EXP_MAP", "VIG": "VIGNETTING"}


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Rows of one list, and to which source each belongs."""

    columns: Mapping[str, NDArray[Any]]
    source: NDArray[np.intp]
    number: int

    def of(self, instrument: int, band: int) -> Callable[[str], NDArray[np.float64]]:
        """Give the reader of columns for the rows of one camera and band: one value per source."""
        chosen = (self.columns["ID_INST"] == instrument) & (self.columns["ID_BAND"] == band)
        place = self.source[chosen]

        def read(name: str) -> NDArray[np.float64]:
            values = np.full(self.number, np.nan)
            if name in self.columns:
                values[place] = in_double(self.columns[name][chosen])
            return values

        return read


def in_double(values: NDArray[Any]) -> NDArray[np.float64]:
    """Numbers in double precision; SAS's nulls are signalling NaNs, of which the conversion need not tell."""
    with np.errstate(invalid="ignore"):
        return values.astype(np.float64)


def identifier(columns: Iterable[str]) -> str:
    """Name of the column that numbers the sources: of emldetect's list, or else of eboxdetect's."""
    return "ML_ID_SRC" if "ML_ID_SRC" in columns else "BOX_ID_SRC"


def one_row_per_source(columns: Mapping[str, NDArray[Any]], *, xid: bool = False) -> Rows:
    """Put the row blocks of a list of emldetect or eboxdetect side by side.

    Parameters
    ----------
    columns : mapping of str to ndarray
        The list. OFFAX must be in arcmin.
    xid : bool
        Whether it is the list of the band 0.5 to 4.5 keV alone: it gives the XID columns only, beside the positions.

    Returns
    -------
    dict of str to ndarray, shape (sources,)
        In the order of the list, with ML_ID and BOXID beside the summary's columns.
    """
    name = identifier(columns)
    numbers, first, inverse = np.unique(columns[name], return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    block = _Block(columns, rank[inverse.reshape(-1)], len(numbers))
    first = np.sort(first)
    summary = block.of(0, 0)
    rows: Rows = {"ML_ID": columns[name][first].astype(np.float64)}
    rows["BOXID"] = columns["BOX_ID_SRC"][first].astype(np.float64)
    for position in (*_POSITION, *(name for name in _CORRECTED if name in columns)):
        values = summary(position)
        fallback = in_double(columns[position][first]) if position in columns else np.nan
        rows[position] = np.where(np.isnan(values), fallback, values)
    for ours, theirs in _EXTENT.items():
        rows[ours] = summary(theirs)
    extended = rows["EP_EXTENT"] > 0.0
    rows["EP_EXT_ERR"] = np.where(extended, rows["EP_EXT_ERR"], np.nan)
    likelihood = "DET_ML" if name == "ML_ID_SRC" else "LIKE"
    _measurement(rows, EPIC, XID if xid else TOTAL, summary, likelihood)
    for instrument, camera in INSTRUMENT_LABELS.items():
        _camera(rows, block, instrument, camera, likelihood, xid=xid)
    return rows


def _camera(rows: Rows, block: _Block, instrument: int, camera: str, likelihood: str, *, xid: bool) -> None:
    whole = block.of(instrument, 0)
    if xid:
        _measurement(rows, camera, XID, whole, likelihood)
        _fill_missing(rows, camera, XID, block.of(instrument, 1), likelihood)
        return
    _measurement(rows, camera, TOTAL, whole, likelihood)
    _fill_missing(rows, camera, XID, block.of(instrument, XID_BAND), likelihood)
    for error in ("", "_ERR"):
        values = whole(f"SCTS{error}")
        rows[f"{camera}_CTS{error}"] = np.where(whole("SCTS") == 0.0, np.nan, values)  # as SAS does
    for name in _OF_CAMERA:
        rows[f"{camera}_{name}"] = whole(name)
    for number in RATIOS:
        for error in ("", "_ERR"):
            rows[f"{camera}_HR{number}{error}"] = whole(f"HR{number}{error}")
    for band in BANDS:
        read = block.of(instrument, int(band))
        _measurement(rows, camera, band, read, likelihood)
        for ours, theirs in _OF_BAND.items():
            rows[f"{camera}_{band}_{ours}"] = read(theirs)


def _measurement(
    rows: Rows, camera: str, band: str, read: Callable[[str], NDArray[np.float64]], likelihood: str
) -> None:
    """Take over rate, flux and likelihood."""
    for name, column in ((rate_name(camera, band), "RATE"), (flux_name(camera, band), "FLUX")):
        rows[name], rows[error_name(name)] = read(column), read(f"{column}_ERR")
    rows[likelihood_name(camera, band)] = read(likelihood)


def _fill_missing(
    rows: Rows, camera: str, band: str, read: Callable[[str], NDArray[np.float64]], likelihood: str
) -> None:
    found: Rows = {}
    _measurement(found, camera, band, read, likelihood)
    for name, values in found.items():
        known = rows.get(name, np.full(len(values), np.nan))
        rows[name] = np.where(np.isnan(known), values, known)


def join(first: Rows, second: Rows, partner: NDArray[np.intp], *, average: bool) -> Rows:
    """Make one list of two.

    Sources of the second list without partner come after those of the first. What only one list has is taken over.

    Parameters
    ----------
    first, second : rows
        The lists.
    partner : ndarray of int
        For each source of the second its number in the first, -1 for none.
    average : bool
        Whether values and positions that both lists have are averaged with weights 1 / error^2; else the first counts.
    """
    old, new = len(first["RA"]), int((partner < 0).sum())
    place = np.where(partner >= 0, partner, old + np.cumsum(partner < 0) - 1)
    names = dict.fromkeys((*first, *second))
    ours = {name: np.full(old + new, np.nan) for name in names}
    theirs = {name: np.full(old + new, np.nan) for name in names}
    for name, values in first.items():
        ours[name][:old] = values
    for name, values in second.items():
        theirs[name][place] = values
    joined = {name: np.where(np.isnan(ours[name]), theirs[name], ours[name]) for name in names}
    if average:
        for name in names:
            error = error_name(name)
            if error in names and name not in _POSITION and name != "EP_EXTENT":
                joined[name], joined[error] = _averaged(ours, theirs, name, error)
        _join_extents(joined, ours, theirs)
        parts = [np.stack([ours[name], theirs[name]]) for name in ("RA", "DEC", "RADEC_ERR")]
        joined["RA"], joined["DEC"], joined["RADEC_ERR"] = mean_position(*parts)
        joined["LII"], joined["BII"] = galactic(joined["RA"], joined["DEC"])
    for name in ("X_IMA", "X_IMA_ERR", "Y_IMA", "Y_IMA_ERR"):
        joined[name] = np.full(old + new, np.nan)  # of no use when the images differ; SAS leaves them out as well
    return joined


def _averaged(ours: Rows, theirs: Rows, name: str, error: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values, errors = np.stack([ours[name], theirs[name]]), np.stack([ours[error], theirs[error]])
    mean, spread = weighted_mean(values, errors)
    alone = np.where(np.isnan(values[0]), values[1], values[0])  # a value without error
    return np.where(np.isnan(mean), alone, mean), spread


def _join_extents(joined: Rows, ours: Rows, theirs: Rows) -> None:
    """A source is extended where one of the lists has it so; point-like fits do not count in the mean."""
    values = np.stack([ours["EP_EXTENT"], theirs["EP_EXTENT"]])
    errors = np.stack([ours["EP_EXT_ERR"], theirs["EP_EXT_ERR"]])
    seen = np.where(values > 0.0, values, np.nan)
    mean, joined["EP_EXT_ERR"] = weighted_mean(seen, errors)
    largest = np.fmax(seen[0], seen[1])
    joined["EP_EXTENT"] = np.where(np.isnan(mean), np.where(np.isnan(largest), joined["EP_EXTENT"], largest), mean)
    joined["EP_EXT_ML"] = np.fmax(ours["EP_EXT_ML"], theirs["EP_EXT_ML"])


def add_sums(rows: Rows, *, epic_from_cameras: bool) -> Rows:
    """Add what follows from the columns of bands and cameras where the list did not have it.

    TOT of a camera is the sum of its bands; EP rates are sums over cameras; EP fluxes and hardness ratios are weighted
    means.

    Parameters
    ----------
    rows : rows
        A list.
    epic_from_cameras : bool
        Whether EP_TOT, EP_XID and their likelihoods are formed anew though the list has them. Those of the list can
        include cameras whose values are null because the detector covers less than 15 % of the source there.
    """
    rows = dict(rows)
    for camera in CAMERAS:
        _sum_of_bands(rows, camera)
    for band in (TOTAL, XID):
        names = [rate_name(camera, band) for camera in CAMERAS]
        sums = {
            rate_name(EPIC, band): total(_stack(rows, names)),
            error_name(rate_name(EPIC, band)): total_error(_stack(rows, map(error_name, names))),
            likelihood_name(EPIC, band): _joint(rows, band),
        }
        for name, values in sums.items():
            _settle(rows, name, values, prefer_new=epic_from_cameras)
    means = [*(flux_name("{}", band) for band in (TOTAL, *BANDS, XID)), *(f"{{}}_HR{number}" for number in RATIOS)]
    for form in means:
        names = [form.format(camera) for camera in CAMERAS]
        mean, error = weighted_mean(_stack(rows, names), _stack(rows, map(error_name, names)))
        target = form.format(EPIC)
        _settle(rows, target, mean, prefer_new=True)
        _settle(rows, error_name(target), error, prefer_new=True)
    return rows


def _sum_of_bands(rows: Rows, camera: str) -> None:
    for naming in (rate_name, flux_name):
        names = [naming(camera, band) for band in BANDS]
        _settle(rows, naming(camera, TOTAL), total(_stack(rows, names)))
        _settle(rows, error_name(naming(camera, TOTAL)), total_error(_stack(rows, map(error_name, names))))
    for number in RATIOS:
        soft, hard = rate_name(camera, BANDS[number - 1]), rate_name(camera, BANDS[number])
        ratio, error = hardness_ratio(*_stack(rows, (soft, hard, error_name(soft), error_name(hard))))
        _settle(rows, f"{camera}_HR{number}", ratio)
        _settle(rows, f"{camera}_HR{number}_ERR", error)


def _joint(rows: Rows, band: str) -> NDArray[np.float64]:
    """EP_DET_ML or EP_XID_ML from those of the cameras."""
    extended = rows["EP_EXTENT"] > 0.0
    bands = np.ones((len(CAMERAS), len(extended)))
    if band == TOTAL:
        known = [~np.isnan(_stack(rows, [likelihood_name(camera, b) for b in BANDS])) for camera in CAMERAS]
        bands = np.maximum(np.stack([there.sum(axis=0) for there in known]), 1)
    return joint_likelihood(_stack(rows, [likelihood_name(camera, band) for camera in CAMERAS]), bands, extended)[0]


def _stack(rows: Rows, names: Iterable[str]) -> NDArray[np.float64]:
    missing = np.full(len(rows["RA"]), np.nan)
    return np.stack([rows.get(name, missing) for name in names])


def _settle(rows: Rows, name: str, values: NDArray[np.float64], *, prefer_new: bool = False) -> None:
    known = rows.get(name, np.full(len(values), np.nan))
    rows[name] = np.where(np.isnan(values), known, values) if prefer_new else np.where(np.isnan(known), values, known)


def flag_texts(flags: NDArray[np.float64], length: int = 12) -> list[str]:
    """Flags as texts of T and F, the first bit first; ``-`` for a camera that did not observe."""
    texts = []
    for value in flags:
        bits = -1 if np.isnan(value) else int(value)
        texts.append("-" if bits < 0 else "".join("T" if bits >> bit & 1 else "F" for bit in range(length)))
    return texts
