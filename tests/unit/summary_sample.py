"""Lists of emldetect made from the rows of a summary list, and a small summary list with known values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from xmmpy.products.history import Provenance
from xmmpy.products.sourcelists import ML_COLUMNS, empty_rows, write_source_list

PROVENANCE = Provenance("emldetect", "emldetect", "0.0", datetime(2020, 1, 1, tzinfo=UTC))
CAMERAS = {1: "PN", 2: "M1", 3: "M2"}
LIMITS = ((200, 500), (500, 1000), (1000, 2000), (2000, 4500), (4500, 12000))
OFFAX_UNITS = 60.0  # emldetect's lists have arcsec

Values = Mapping[str, np.ndarray]


def cameras_used(summary: Values) -> list[int]:
    """Numbers of the cameras that a summary list has off-axis angles of."""
    return [number for number, camera in CAMERAS.items() if np.isfinite(summary[f"{camera}_OFFAX"]).any()]


def emldetect_rows(summary: Values, cameras: Sequence[int], *, xid: bool = False, joint: bool = True) -> dict[str, Any]:
    """Row blocks as emldetect writes them; `joint` says whether the first row is of all cameras together."""
    number = len(summary["RA"])
    blocks = [_whole(summary, number, "EP" if joint else CAMERAS[cameras[0]], xid=xid)]
    for instrument in cameras:
        camera = CAMERAS[instrument]
        total = _camera(summary, number, instrument, camera, xid=xid)
        blocks.append(total)
        bands = range(1, 2 if xid else 6)
        blocks += [_band(summary, number, instrument, band, camera, xid=xid) for band in bands]
    keys = blocks[0].keys()
    order = np.argsort(np.tile(np.arange(number), len(blocks)), kind="stable")
    return {key: np.concatenate([block[key] for block in blocks])[order] for key in keys}


def write_list(path: Path, rows: Mapping[str, Any], cameras: Sequence[int], *, xid: bool = False) -> Path:
    """Write the rows as a list of emldetect with the limits of its bands."""
    limits = ((500, 4500),) if xid else LIMITS
    keywords = [
        (f"{CAMERAS[one]}_{band}_E{end}", float(value), "")
        for one in cameras
        for band, pair in enumerate(limits, 1)
        for end, value in zip(("LO", "HI"), pair, strict=True)
    ]
    primary = [("OBS_ID", "0123456789", "Observation Identifier"), ("OBJECT", "a <b> & c", "Name of observed object")]
    write_source_list(path, ML_COLUMNS, rows, keywords, PROVENANCE, primary)
    return path


def _empty(summary: Values, number: int, instrument: int, band: int, *, xid: bool) -> dict[str, np.ndarray]:
    rows = empty_rows(ML_COLUMNS, number)
    which = 2 if xid else 1
    rows["ML_ID_SRC"], rows["BOX_ID_SRC"] = summary[f"EP_{which}_ML_ID"], summary[f"EP_{which}_BOXID"]
    rows["ID_INST"], rows["ID_BAND"] = np.full(number, instrument), np.full(number, band)
    for name in ("RA", "DEC", "RADEC_ERR", "LII", "BII", "X_IMA", "X_IMA_ERR", "Y_IMA", "Y_IMA_ERR"):
        rows[name] = summary[name]
    rows["EXT"], rows["EXT_ERR"], rows["EXT_ML"] = (summary[name] for name in ("EP_EXTENT", "EP_EXT_ERR", "EP_EXT_ML"))
    return rows


def _measured(rows: dict[str, np.ndarray], summary: Values, camera: str, band: str) -> None:
    rows["RATE"], rows["RATE_ERR"] = summary[f"{camera}_{band}"], summary[f"{camera}_{band}_ERR"]
    rows["FLUX"], rows["FLUX_ERR"] = summary[f"{camera}_{band}_FLUX"], summary[f"ERR_{camera}_{band}_FLUX"]
    rows["DET_ML"] = summary[f"{camera}_{'DET' if band == 'TOT' else band}_ML"]


def _ratios(rows: dict[str, np.ndarray], summary: Values, camera: str) -> None:
    for number in range(1, 5):
        for error in ("", "_ERR"):
            rows[f"HR{number}{error}"] = summary[f"{camera}_HR{number}{error}"]


def _whole(summary: Values, number: int, camera: str, *, xid: bool) -> dict[str, np.ndarray]:
    rows = _empty(summary, number, 0, 0, xid=xid)
    _measured(rows, summary, camera, "XID" if xid else "TOT")
    if not xid:
        _ratios(rows, summary, camera)
    return rows


def _camera(summary: Values, number: int, instrument: int, camera: str, *, xid: bool) -> dict[str, np.ndarray]:
    rows = _empty(summary, number, instrument, 0, xid=xid)
    _measured(rows, summary, camera, "XID" if xid else "TOT")
    rows["OFFAX"] = summary[f"{camera}_OFFAX"] * OFFAX_UNITS
    for name in ("ONTIME", "MASKFRAC", "PILEUP"):
        rows[name] = summary[f"{camera}_{name}"]
    if not xid:
        rows["SCTS"], rows["SCTS_ERR"] = summary[f"{camera}_CTS"], summary[f"{camera}_CTS_ERR"]
        _ratios(rows, summary, camera)
    return rows


def _band(summary: Values, number: int, instrument: int, band: int, camera: str, *, xid: bool) -> dict[str, np.ndarray]:
    rows = _empty(summary, number, instrument, band, xid=xid)
    _measured(rows, summary, camera, "XID" if xid else str(band))
    if not xid:
        rows["EXP_MAP"], rows["VIGNETTING"] = summary[f"{camera}_{band}_EXP"], summary[f"{camera}_{band}_VIG"]
    return rows


def made_up_summary(number: int, seed: int) -> dict[str, np.ndarray]:
    """Columns of a summary list whose sums, means and ratios fit each other; every fifth source is extended."""
    from xmmpy.detection.jointlikelihood import joint_likelihood
    from xmmpy.detection.skynames import galactic
    from xmmpy.detection.sourcerows import hardness_ratio, total, total_error, weighted_mean

    rng = np.random.default_rng(seed)
    numbers = np.arange(1, number + 1)
    values: dict[str, np.ndarray] = {f"EP_{n}_ML_ID": numbers for n in (1, 2)} | {
        f"EP_{n}_BOXID": numbers[::-1].copy() for n in (1, 2)
    }
    values["RA"], values["DEC"] = 150.0 + rng.uniform(-0.2, 0.2, number), 40.0 + rng.uniform(-0.2, 0.2, number)
    values["LII"], values["BII"] = galactic(values["RA"], values["DEC"])
    values["X_IMA"], values["Y_IMA"] = rng.uniform(10.0, 640.0, (2, number))
    values["X_IMA_ERR"], values["Y_IMA_ERR"] = rng.uniform(0.05, 0.4, (2, number))
    values["RADEC_ERR"] = 4.0 * np.hypot(values["X_IMA_ERR"], values["Y_IMA_ERR"])
    extended = numbers % 5 == 0
    values["EP_EXTENT"] = np.where(extended, rng.uniform(2.0, 9.0, number), 0.0)
    values["EP_EXT_ERR"] = np.where(extended, 0.3, np.nan)
    values["EP_EXT_ML"] = np.where(extended, 30.0, -2.0)
    for camera in CAMERAS.values():
        for band in (*"12345", "XID"):
            rate = rng.lognormal(-6.0, 0.6, number)
            values[f"{camera}_{band}"], values[f"{camera}_{band}_ERR"] = rate, 0.2 * rate
            values[f"{camera}_{band}_FLUX"], values[f"ERR_{camera}_{band}_FLUX"] = rate / 3e11, 0.2 * rate / 3e11
            values[f"{camera}_{band}_ML"] = rng.uniform(2.0, 60.0, number)
            values[f"{camera}_{band}_EXP"] = rng.uniform(5e3, 2e4, number)
            values[f"{camera}_{band}_VIG"] = rng.uniform(0.4, 1.0, number)
        for form in ("{}_{}", "{}_{}_FLUX"):
            names = [form.format(camera, band) for band in "12345"]
            errors = [_error(name) for name in names]
            values[form.format(camera, "TOT")] = total([values[name] for name in names])
            values[_error(form.format(camera, "TOT"))] = total_error([values[name] for name in errors])
        likelihoods = [values[f"{camera}_{band}_ML"] for band in "12345"]
        values[f"{camera}_DET_ML"] = joint_likelihood(likelihoods, 1, extended)[0]
        values[f"{camera}_CTS"], values[f"{camera}_CTS_ERR"] = rng.uniform(20.0, 300.0, (2, number))
        values[f"{camera}_OFFAX"] = rng.uniform(0.5, 14.0, number)
        for name in ("ONTIME", "MASKFRAC", "PILEUP"):
            values[f"{camera}_{name}"] = rng.uniform(0.2, 1.0, number)
        for n in range(1, 5):
            soft, hard = f"{camera}_{n}", f"{camera}_{n + 1}"
            ratio = hardness_ratio(values[soft], values[hard], values[f"{soft}_ERR"], values[f"{hard}_ERR"])
            values[f"{camera}_HR{n}"], values[f"{camera}_HR{n}_ERR"] = ratio
    labels = list(CAMERAS.values())
    for band in ("TOT", "XID"):
        values[f"EP_{band}"] = total([values[f"{camera}_{band}"] for camera in labels])
        values[f"EP_{band}_ERR"] = total_error([values[f"{camera}_{band}_ERR"] for camera in labels])
    for form in (*(f"{{}}_{band}_FLUX" for band in ("TOT", *"12345", "XID")), *(f"{{}}_HR{n}" for n in range(1, 5))):
        names = [form.format(camera) for camera in labels]
        mean = weighted_mean([values[name] for name in names], [values[_error(name)] for name in names])
        values[form.format("EP")], values[_error(form.format("EP"))] = mean
    every = [values[f"{camera}_{band}_ML"] for camera in labels for band in "12345"]
    values["EP_DET_ML"] = joint_likelihood(every, 1, extended)[0]
    values["EP_XID_ML"] = joint_likelihood([values[f"{camera}_XID_ML"] for camera in labels], 1, extended)[0]
    return values


def _error(name: str) -> str:
    return f"ERR_{name}" if name.endswith("_FLUX") else f"{name}_ERR"
