"""A small event list with the blocks of a real one, and the arrays that went into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

START, FRAME = 1000.0, 2.6
FORMS = {
    "TIME": ("D", "s"), "RAWX": ("I", "pixel"), "RAWY": ("I", "pixel"), "DETX": ("I", "0.05 arcsec"),
    "DETY": ("I", "0.05 arcsec"), "X": ("J", "0.05 arcsec"), "Y": ("J", "0.05 arcsec"), "PHA": ("I", "CHAN"),
    "PI": ("I", "CHAN"), "FLAG": ("J", ""), "PATTERN": ("B", ""), "CCDNR": ("B", ""), "WEIGHT": ("E", ""),
    "EWEIGHT": ("E", ""),
}  # fmt: skip
LEGAL = {"RAWX": (1, 64), "RAWY": (1, 200), "X": (1, 51840), "Y": (1, 51840), "PHA": (0, 4095), "PI": (0, 11999)}


@dataclass
class SmallList:
    """The file and what is in it: columns, and START, STOP of the GTIs by CCD."""

    path: Path
    columns: dict[str, np.ndarray]
    good: dict[int, tuple[np.ndarray, np.ndarray]]
    frames: dict[int, np.ndarray] = field(default_factory=dict)


def write_small_list(
    path: Path, rows: int = 3000, seed: int = 1, ccds: tuple[int, ...] = (1, 2), **cards: Any
) -> SmallList:
    """Write a list of MOS1 with some CCDs; `cards` go into the header of EVENTS."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(START + 30, START + 1970, rows))
    time = time[(time < START + 900) | (time > START + 1000)]
    n = len(time)
    columns = {
        "TIME": time,
        "RAWX": rng.integers(1, 65, n).astype(np.int16),
        "RAWY": rng.integers(1, 201, n).astype(np.int16),
        "DETX": rng.integers(-15000, 15001, n).astype(np.int16),
        "DETY": rng.integers(-15000, 15001, n).astype(np.int16),
        "X": rng.integers(10000, 40000, n).astype(np.int32),
        "Y": rng.integers(10000, 40000, n).astype(np.int32),
        "PHA": rng.integers(0, 4096, n).astype(np.int16),
        "PI": rng.integers(100, 12000, n).astype(np.int16),
        "FLAG": (rng.integers(0, 2, n) << 5 | rng.integers(0, 2, n) << 16).astype(np.int32),
        "PATTERN": rng.integers(0, 32, n).astype(np.uint8),
        "CCDNR": rng.choice(np.array(ccds, np.uint8), n),
        "WEIGHT": rng.uniform(1, 3, n).astype(np.float32),
        "EWEIGHT": rng.uniform(0.1, 0.3, n).astype(np.float32),
    }
    events = fits.BinTableHDU.from_columns(
        [fits.Column(name, *FORMS[name][:1], unit=FORMS[name][1], array=columns[name]) for name in FORMS], name="EVENTS"
    )
    header = events.header
    header.update({"TELESCOP": "XMM", "INSTRUME": "EMOS1", "FILTER": "Thin1", "EXPIDSTR": "S001"})
    header.update({"TSTART": START, "TSTOP": START + 2000, "XMMEA_EM": "(FLAG & 0x10000) == 0", "RA_MED": 150.0})
    for number, name in enumerate(FORMS, 1):
        if name in LEGAL:
            header[f"TLMIN{number}"], header[f"TLMAX{number}"] = LEGAL[name]
        if name in {"X", "Y"}:
            header[f"TCTYP{number}"] = "RA---TAN" if name == "X" else "DEC--TAN"
            header[f"TCRPX{number}"], header[f"TCUNI{number}"] = 25921, "deg"
            header[f"TCRVL{number}"] = 150.0 if name == "X" else -11.0
            header[f"TCDLT{number}"] = (-1 if name == "X" else 1) * 0.05 / 3600
    primary = fits.PrimaryHDU()
    primary.header.update({"TELESCOP": "XMM", "INSTRUME": "EMOS1", "OBS_ID": "0000000001", "CONTENT": "EVENT LIST"})
    hdus: list[Any] = [primary, events]
    made = SmallList(path, columns, {})
    for ccd in ccds:
        start, stop = np.array([START + ccd, START + 1000 + ccd]), np.array([START + 900 + ccd, START + 1990 + ccd])
        made.good[ccd] = start, stop
        centres = START + FRAME * (np.arange(760) + 0.5)
        frames = np.rec.fromarrays(
            [centres, np.full(760, FRAME, np.float32), rng.uniform(0.9, 1, 760).astype(np.float32)],
            names="TIME,TIMEDEL,FRACEXP",
        )
        made.frames[ccd] = frames
        whole = ((centres[:, None] - FRAME / 2 >= start) & (centres[:, None] + FRAME / 2 <= stop)).any(axis=1)
        header[f"ONTIME{ccd:02d}"] = float((stop - start).sum())
        header[f"LIVETI{ccd:02d}"] = float((frames.TIMEDEL * frames.FRACEXP)[whole].sum(dtype=float))
        hdus.append(_table(f"EXPOSU{ccd:02d}", TIME=("D", frames.TIME), TIMEDEL=("E", frames.TIMEDEL),
                           FRACEXP=("E", frames.FRACEXP)))  # fmt: skip
        hdus.append(_table(f"BADPIX{ccd:02d}", RAWX=("I", [3, 5]), RAWY=("I", [7, 9])))
        hdus[-2].header["FRMTIME"] = 2600
    hdus += [_table(f"STDGTI{ccd:02d}", START=("D", good[0]), STOP=("D", good[1])) for ccd, good in made.good.items()]
    for keyword, value in cards.items():
        header[keyword] = value
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return made


def _table(name: str, **columns: Any) -> fits.BinTableHDU:
    table = fits.BinTableHDU.from_columns(
        [fits.Column(key, form, array=array) for key, (form, array) in columns.items()]
    )
    table.header["EXTNAME"] = name
    return table
