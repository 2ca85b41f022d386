"""Derive what single columns of MOS lose to traps: ``calibration/tables/mos_column_offsets.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from derivation import main, table_text
from derive_mos_energy import fits_of

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = """
Energy (eV) that events of column rawx, from row first_rawy on, are given beyond mos_energy.csv: charge lost to traps.
Source: medians of PI less the smooth fit, in columns with three events or more, in the lists of observations 0201901401
and 0201903501 (2004); as the table CTI_COLUMN of EMOSn_CTI of that time. Columns without a row: no offset was found.
Made by tools/derive_mos_column_offsets.py.
"""


def derive(data: Path) -> str:
    """Text of the table."""
    rows = [
        f"{camera},{ccd},{step.rawx},{step.first_rawy},{step.offset:.0f}"
        for (camera, ccd), found in fits_of(data).items()
        for step in found.steps
    ]
    return table_text(ABOUT, "camera,ccd,rawx,first_rawy,offset", rows)


if __name__ == "__main__":
    main("mos_column_offsets", derive)
