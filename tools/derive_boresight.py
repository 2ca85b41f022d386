"""Derive the boresight and the optical axis of each camera: ``calibration/tables/boresight.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from derivation import OBSERVATIONS, PN_LIST, EventList, main, mos_lists, read_list, table_text

from xmmpy.calibration.nominal import Boresight
from xmmpy.events.coordinates import REFERENCE_PIXEL, UNIT_DEG, Attitude, TangentPlane, fit_boresight

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = """
Direction that the spacecraft looks to (AHFRA, AHFDEC) in DETX,DETY of each camera (0.05 arcsec), the angle from AHFPA
to the orientation of the camera, and the optical axis in DETX,DETY.
With u, v = DETX - detx, DETY - dety and a = AHFPA + roll_deg, an event lies at AHFRA, AHFDEC plus
cos(a) u + sin(a) v to the west and sin(a) u - cos(a) v to the north, in the tangent plane there.
Sources. MOS: fits over the public event lists of observations 0201901401 and 0201903501 (2004) with the attitude at the
time of each event, 0.3 units rms; their mean. The two differ by 2.9, 0.9 units and 0.0007 deg (MOS1) and by 0.9, 2.9
units and 0.0007 deg (MOS2): the alignment drifts with time. They were made with SAS 13.5; SAS 20 places the events of
MOS1 in 0203930101 (September 2004) 11.8 units (0.6") elsewhere. pn: fit over the public list of one source in
0932190801 (2023) with the mean attitude. Axes: XCEN, YCEN of the exposure maps of the first two, to an image pixel
(87 units).
Made by tools/derive_boresight.py.
"""
COLUMNS = "camera,detx,dety,roll_deg,axis_detx,axis_dety"
_UNIT_RAD = np.radians(UNIT_DEG)


def fit(events: EventList) -> Boresight:
    """Boresight that a list was made with."""
    return fit_boresight(
        events["DETX"], events["DETY"], events["TIME"], events["X"], events["Y"], events.attitude, events.plane
    )


def mean(fits_of_lists: list[Boresight]) -> Boresight:
    """Mean of several."""
    centres = np.mean([one.pointing for one in fits_of_lists], axis=0)
    roll = float(np.mean([one.roll_deg for one in fits_of_lists]))
    return Boresight((float(centres[0]), float(centres[1])), roll, (0.0, 0.0))


def optical_axis(data: Path, key: str, boresight: Boresight) -> tuple[float, float]:
    """DETX, DETY of XCEN, YCEN, the mean of the exposure maps of both observations."""
    places = []
    for observation in OBSERVATIONS:
        folder = data / "sas-products" / observation
        with fits.open(folder / f"{observation}_{key}_exp1-0.50-2.00keVexpmap.fits.gz") as file:
            header = file[0].header
        x = REFERENCE_PIXEL + (header["XCEN"] - header["CRPIX1"]) * abs(header["CDELT1"]) / UNIT_DEG
        y = REFERENCE_PIXEL + (header["YCEN"] - header["CRPIX2"]) * header["CDELT2"] / UNIT_DEG
        plane = TangentPlane(header["CRVAL1"], header["CRVAL2"])
        attitude = Attitude.fixed(*(header[name] for name in ("RA_PNT", "DEC_PNT", "PA_PNT")))
        depth, u, v = attitude.axes(boresight.roll_deg)[0].T @ plane.directions(np.array([x]), np.array([y]))[0]
        pointing = boresight.pointing
        places.append((pointing[0] + u / depth / _UNIT_RAD, pointing[1] + v / depth / _UNIT_RAD))
    centre = np.mean(places, axis=0)
    return float(centre[0]), float(centre[1])


def derive(data: Path) -> str:
    """Text of the table."""
    found = {camera: mean([fit(events) for events in mos_lists(data, camera)]) for camera in ("EMOS1", "EMOS2")}
    found["EPN"] = fit(read_list(data / PN_LIST))
    rows = []
    for camera, key in (("EMOS1", "mos1"), ("EMOS2", "mos2"), ("EPN", "pn")):
        boresight = found[camera]
        axis = optical_axis(data, key, boresight)
        place = f"{boresight.pointing[0]:.1f},{boresight.pointing[1]:.1f},{boresight.roll_deg:.4f}"
        rows.append(f"{camera},{place},{axis[0]:.0f},{axis[1]:.0f}")
    return table_text(ABOUT, COLUMNS, rows)


if __name__ == "__main__":
    main("boresight", derive)
