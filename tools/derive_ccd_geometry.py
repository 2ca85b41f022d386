"""Derive where the CCDs lie in DETX,DETY: ``calibration/tables/ccd_geometry.csv``."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
from derivation import EventList, main, mos_lists, table_text

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = """
CCD geometry of the EPIC cameras: where pixel (reference_rawx, reference_rawy) lies in DETX,DETY (0.05 arcsec), how the
pixel axes are turned, the pixel size in the same units, and the pixels in use.
Sources. MOS: linear fit of DETX,DETY on RAWX,RAWY over the public event lists of observations 0201901401 and 0201903501
(residual: the uniform randomisation inside a pixel). pn: CCD centres in mm of EPN_LINCOORD, which belong to pixel
(32, 100), times 550.365 units/mm; this reproduces the DETX,DETY limits of a real pn list (-18283..13880, -17527..15325)
to 2 units and every event of its CCD 2 to half a pixel.
Made by tools/derive_ccd_geometry.py.
"""
COLUMNS = (
    "camera,ccd,reference_rawx,reference_rawy,detx,dety,rotation_deg,pixel,first_rawx,last_rawx,first_rawy,last_rawy"
)
REFERENCE = 300
PN_REFERENCE = (32, 100)
UNITS_PER_MM = 550.365  # of pn: 27.518 arcsec/mm, a focal length of 7495.6 mm


def fit(lists: list[EventList], ccd: int) -> tuple[int, float, float, float]:
    """Rotation (a multiple of 90 deg), DETX and DETY of the reference pixel, and pixel size of a MOS CCD."""
    raw, det = [], []
    for events in lists:
        chosen = events["CCDNR"] % 10 == ccd
        raw.append(np.stack([events["RAWX"][chosen], events["RAWY"][chosen]], axis=1) - float(REFERENCE))
        det.append(np.stack([events["DETX"][chosen], events["DETY"][chosen]], axis=1).astype(float))
    pixels, places = np.concatenate(raw), np.concatenate(det)
    centred, moved = pixels - pixels.mean(axis=0), places - places.mean(axis=0)
    along = np.sum(centred * moved)
    across = np.sum(centred[:, 0] * moved[:, 1] - centred[:, 1] * moved[:, 0])
    rotation = round(np.degrees(np.arctan2(across, along)) / 90.0) % 4 * 90
    cosine, sine = round(np.cos(np.radians(rotation))), round(np.sin(np.radians(rotation)))
    turned = pixels @ np.array([[cosine, sine], [-sine, cosine]])
    size = np.sum((turned - turned.mean(axis=0)) * moved) / np.sum(centred**2)
    origin = np.mean(places - size * turned, axis=0)
    return rotation, float(origin[0]), float(origin[1]), float(size)


def derive(data: Path) -> str:
    """Text of the table."""
    rows = []
    for camera in ("EMOS1", "EMOS2"):
        lists = mos_lists(data, camera)
        for ccd in range(1, 8):
            rotation, detx, dety, size = fit(lists, ccd)
            place = f"{detx:.1f},{dety:.1f},{rotation},{size:.4f}"
            rows.append(f"{camera},{ccd},{REFERENCE},{REFERENCE},{place},1,600,1,600")
    with (data / "geometry.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["camera"] != "EPN":
                continue
            place = ",".join(f"{float(row[key]) * UNITS_PER_MM:.1f}" for key in ("centre_x_mm", "centre_y_mm"))
            size = float(row["pixel_um"]) / 1000.0 * UNITS_PER_MM
            reference = f"{PN_REFERENCE[0]},{PN_REFERENCE[1]}"
            rows.append(f"EPN,{row['ccd']},{reference},{place},{row['rotation_deg']},{size:.4f},1,64,2,200")
    return table_text(ABOUT, COLUMNS, rows)


if __name__ == "__main__":
    main("ccd_geometry", derive)
