"""Derive gain and charge loss of pn from PHA and PI of single events: ``calibration/tables/pn_energy.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from derivation import PN_LIST, main, read_list, table_text

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = """
Energy (eV) of a pn pixel: gain PHA (1 + relative_loss RAWY) + fixed_loss RAWY.
Sources. gain: normalised to 5 eV for a channel at the nominal temperature (calpnalgo). Losses: robust fit of PI over
PHA of the 552 single events of the public list of one source in 0932190801 (September 2023; CCD 2, RAWX 48 to 63, RAWY
143 to 157). That is one corner of one CCD: gains of other CCDs and columns differ by some per cent, and losses were
smaller in earlier years (about 5e-4 in the beginning).
Made by tools/derive_pn_energy.py.
"""
GAIN = 5.0


def derive(data: Path) -> str:
    """Text of the table."""
    events = read_list(data / PN_LIST)
    single = events["PATTERN"] == 0
    pha, energy, rows = (events[name][single].astype(float) for name in ("PHA", "PI", "RAWY"))
    terms = np.stack([GAIN * pha * rows, rows], axis=1)
    weight = np.ones(len(pha))
    losses = np.zeros(2)
    for _ in range(12):
        losses = np.linalg.lstsq(terms * weight[:, None], (energy - GAIN * pha) * weight, rcond=None)[0]
        left = energy - GAIN * pha - terms @ losses
        weight = 1.0 / (1.0 + (left / (2.0 * 1.4826 * np.median(np.abs(left)))) ** 2)
    row = f"EPN,{GAIN:.2f},{losses[0]:.3e},{losses[1]:.3f}"
    return table_text(ABOUT, "camera,gain,relative_loss,fixed_loss", [row])


if __name__ == "__main__":
    main("pn_energy", derive)
