"""A camera's list taken apart into lists of single CCDs, as the parts of SAS's chains leave them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits

LONG = {"EXPOSU": "EXPOSURE"}


def take_apart(path: Path, folder: Path) -> list[Path]:
    """Write ``eventsNN.fits`` for each CCD with events: no CCDNR, blocks without a number, CCDID instead."""
    made = []
    with fits.open(path) as file:
        pn = file[0].header["INSTRUME"].strip() == "EPN"
        for number in np.unique(file["EVENTS"].data["CCDNR"]):
            primary = file[0].copy()
            ccd, node = (int(number) - 1) % 3 if pn else int(number) % 10, int(number) // 10
            primary.header["CCDID"] = ccd
            primary.header["QUADRANT" if pn else "CCDNODE"] = (int(number) - 1) // 3 if pn else node
            blocks = [primary]
            for hdu in file[1:]:
                if hdu.name in {"EVENTS", "OFFSETS"}:
                    rows = hdu.data[hdu.data["CCDNR"] == number]
                    kept = [column for column in hdu.columns if column.name != "CCDNR"]
                    part = fits.BinTableHDU.from_columns(
                        [fits.Column(c.name, c.format, c.unit, c.null, array=rows[c.name]) for c in kept], name=hdu.name
                    )
                    last = f"{hdu.columns.names.index('CCDNR') + 1}"
                    for card in hdu.header.cards:
                        if card.keyword not in part.header and not card.keyword.endswith(last):
                            part.header.append(card)
                    blocks.append(part)
                elif hdu.name.endswith(f"{int(number):02d}") and hdu.name[:-2] in {"EXPOSU", "BADPIX", "STDGTI"}:
                    other = hdu.copy()
                    other.name = LONG.get(hdu.name[:-2], hdu.name[:-2])
                    blocks.append(other)
            made.append(folder / f"events{int(number):02d}.fits")
            fits.HDUList(blocks).writeto(made[-1], output_verify="ignore")
    return made
