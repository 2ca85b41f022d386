"""Derive the boresight and the optical axis of each camera: ``calibration/tables/boresight.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from derivation import PN_LIST, EventList, main, mos_lists, read_list, summary_lists, table_text
from scipy.optimize import least_squares

from xmmpy.calibration.nominal import Boresight
from xmmpy.events.coordinates import UNIT_DEG, Attitude, fit_boresight

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
0932190801 (2023) with the mean attitude. Axes: fits of PN_OFFAX, M1_OFFAX, M2_OFFAX of the sources in 50 public summary
source lists (2021 to 2023) to their places by RA_PNT, DEC_PNT, PA_PNT, 10 units (0.5") rms.
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


def optical_axis(data: Path, column: str, boresight: Boresight) -> tuple[float, float]:
    """DETX, DETY from which the off-axis angles (arcmin) of all sources are counted."""
    places = []
    for header, sources in summary_lists(data):
        attitude = Attitude.fixed(*(header[name] for name in ("RA_PNT", "DEC_PNT", "PA_PNT")))
        ra, dec = np.radians(sources["RA"]), np.radians(sources["DEC"])
        directions = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
        depth, u, v = attitude.axes(boresight.roll_deg)[0].T @ directions
        with np.errstate(invalid="ignore"):  # signalling nulls
            angle = sources[column].astype(float)
        places.append(np.stack([u / depth / _UNIT_RAD, v / depth / _UNIT_RAD, angle]))
    u, v, angle = np.concatenate(places, axis=1)
    detx, dety, angle = (values[np.isfinite(angle)] for values in (u, v, angle))
    detx, dety = detx + boresight.pointing[0], dety + boresight.pointing[1]

    def difference(axis: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.hypot(detx - axis[0], dety - axis[1]) * UNIT_DEG * 60.0 - angle

    fitted = least_squares(difference, boresight.pointing, loss="soft_l1", f_scale=0.01).x
    return float(fitted[0]), float(fitted[1])


def derive(data: Path) -> str:
    """Text of the table."""
    found = {camera: mean([fit(events) for events in mos_lists(data, camera)]) for camera in ("EMOS1", "EMOS2")}
    found["EPN"] = fit(read_list(data / PN_LIST))
    rows = []
    for camera, column in (("EMOS1", "M1_OFFAX"), ("EMOS2", "M2_OFFAX"), ("EPN", "PN_OFFAX")):
        boresight = found[camera]
        axis = optical_axis(data, column, boresight)
        place = f"{boresight.pointing[0]:.1f},{boresight.pointing[1]:.1f},{boresight.roll_deg:.4f}"
        rows.append(f"{camera},{place},{axis[0]:.0f},{axis[1]:.0f}")
    return table_text(ABOUT, COLUMNS, rows)


if __name__ == "__main__":
    main("boresight", derive)
