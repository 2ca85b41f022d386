"""attcalc: X,Y of the events of a list from DETX,DETY and the attitude."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.calibration.nominal import CAMERAS, boresight
from xmmpy.events.coordinates import NULL_PIXEL, UNIT_DEG, TangentPlane, det_to_sky, whole_pixels
from xmmpy.products.files import FitsFile
from xmmpy.products.tables import iterate_chunks, table_layout
from xmmpy.tasks.catalogue.attcalc.attitude import Pointing, number, read_attitude
from xmmpy.tasks.catalogue.attcalc.parameters import AttcalcParameters
from xmmpy.tasks.catalogue.attcalc.writing import PIXELS, plane_entries, write_list
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Cut, Outcome, Session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.events.coordinates import Attitude
    from xmmpy.products.files import Hdu
    from xmmpy.products.tables import TableLayout

_NEEDED: Final = ("TIME", "DETX", "DETY")


def run(p: AttcalcParameters, session: Session) -> Outcome:
    """Read the list, compute X,Y, write it again."""
    path = Path(p.eventset)
    session.check_output(path)
    with FitsFile(path) as file:
        hdu = _events(file, packed=_is_packed(path))
        layout = table_layout(hdu)
        _check_columns(hdu, layout)
        keywords = {**file.hdus[0].values, **hdu.values}
        camera = _camera(keywords, path)
        attitude, pointing = read_attitude(p, keywords, path, session)
        plane = _plane(p, keywords, pointing, path)
        x, y, located = _places(file, hdu, layout, camera, attitude, plane)
        plane, x, y, inside = _fit_into_image(p, plane, x, y)
        if not len(x):
            session.warn("noEvents", f"{path} holds no events: only its keywords change")
        _tell_losses(path, located, inside, session)
        session.say(f"boresight of {camera}: nominal table boresight of xmmpy.calibration (measured in 2004)", level=3)
        entries = plane_entries(plane, pointing, x, y)
        write_list(p, session, file, hdu, layout, x, y, plane, entries)
    placed = int(np.count_nonzero(inside))
    session.say(f"{placed} of {len(x)} events have X,Y about {plane.ra:.5f}, {plane.dec:.5f} deg", level=3)
    cuts = (Cut("attitude known", int(np.count_nonzero(located))), Cut("inside the plane", placed))
    facts = {"reference": (plane.ra, plane.dec), "boresight": "nominal", "attitude": p.attitudelabel}
    return Outcome(outputs=(path,), rows_in=len(x), rows_out=len(x), cuts=cuts, facts=facts)


def _is_packed(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(2) == b"\x1f\x8b"
    except OSError:
        return False  # FitsFile says what is wrong


def _events(file: FitsFile, *, packed: bool) -> Hdu:
    if packed:
        raise TaskError("badInfile", f"'{file.path}' is gzipped and cannot be changed in place; unpack it first")
    hdu = next((hdu for hdu in file.hdus if hdu.name == "EVENTS" and hdu.is_table), None)
    if hdu is None:
        raise TaskError("badInfile", f"'{file.path}' has no table EVENTS; give a calibrated event list")
    return hdu


def _check_columns(hdu: Hdu, layout: TableLayout) -> None:
    missing = [name for name in _NEEDED if layout.find(name) is None]
    if missing:
        text = f"'{hdu.path}' has no column {', '.join(missing)} in EVENTS: X,Y come from these"
        raise TaskError("badInfile", f"{text}; give a calibrated imaging list")
    for name in (*_NEEDED, *PIXELS):
        column = layout.find(name)
        if column is None:
            continue
        if column.dtype.shape or column.dtype.kind not in "iuf" or (name in PIXELS and column.scaled):
            raise TaskError("badInfile", f"'{hdu.path}': column {name} holds no plain numbers; make the list again")


def _camera(keywords: dict[str, Any], path: Path) -> str:
    camera = str(keywords.get("INSTRUME", "")).strip().upper()
    if camera not in CAMERAS:
        raise TaskError("badInstrument", f"'{path}' is of INSTRUME '{camera}'; attcalc knows {', '.join(CAMERAS)}")
    mode = str(keywords.get("DATAMODE", "IMAGING")).strip().upper()
    if mode != "IMAGING":
        raise TaskError("badDatamode", f"'{path}' is of DATAMODE {mode}, which has no image; give an imaging list")
    return camera


def _plane(p: AttcalcParameters, keywords: dict[str, Any], pointing: Pointing, path: Path) -> TangentPlane:
    half = round(p.imagesize / UNIT_DEG)
    if p.refpointlabel == "pnt":
        return TangentPlane(pointing.ra, pointing.dec, half + 1.0)
    if p.refpointlabel == "user":
        return TangentPlane(p.nominalra, p.nominaldec, half + 1.0)
    suffix = p.refpointlabel.upper()
    ra, dec = number(keywords.get(f"RA_{suffix}")), number(keywords.get(f"DEC_{suffix}"))
    if ra is None or dec is None:
        text = f"'{path}' has no RA_{suffix}, DEC_{suffix} for the reference point; set refpointlabel=pnt or user"
        raise TaskError("badInfile", text)
    return TangentPlane(ra, dec, half + 1.0)


def _places(
    file: FitsFile, hdu: Hdu, layout: TableLayout, camera: str, attitude: Attitude, plane: TangentPlane
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
    """X, Y of all events, and for which of them there is an attitude."""
    x = np.full(layout.rows, NULL_PIXEL, np.int32)
    y = x.copy()
    located = np.zeros(layout.rows, bool)
    nulls = {name: column.null for name in ("DETX", "DETY") if (column := layout.find(name)) is not None}
    for chunk in iterate_chunks(file, hdu, layout):
        part = slice(chunk.first_row, chunk.first_row + len(chunk))
        time = chunk["TIME"].astype(np.float64)
        usable = np.isfinite(time)
        for name, null in nulls.items():
            usable &= np.isfinite(chunk[name]) if null is None else chunk[name] != null
        located[part] = usable & attitude.covers(np.where(usable, time, np.inf))
        places = det_to_sky(chunk["DETX"], chunk["DETY"], time, attitude, boresight(camera), plane)
        for target, values in zip((x, y), places, strict=True):
            target[part] = np.where(located[part], whole_pixels(values), NULL_PIXEL)
    return x, y, located & (x != NULL_PIXEL) & (y != NULL_PIXEL)


def _fit_into_image(
    p: AttcalcParameters, plane: TangentPlane, x: NDArray[np.int32], y: NDArray[np.int32]
) -> tuple[TangentPlane, NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
    """Take the place from events outside of the plane, or make it as large as they need."""
    placed = (x != NULL_PIXEL) & (y != NULL_PIXEL)
    centre = round(plane.centre)
    if p.calctlmax and placed.any():
        reach = max(int(np.abs(axis[placed].astype(np.int64) - centre).max()) for axis in (x, y))
        moved = reach + 1 - centre + 1
        larger = TangentPlane(plane.ra, plane.dec, float(centre + moved))
        return larger, *(np.where(placed, axis + moved, NULL_PIXEL).astype(np.int32) for axis in (x, y)), placed
    last = 2 * (centre - 1)
    inside = placed & (x >= 1) & (x <= last) & (y >= 1) & (y <= last)
    return plane, *(np.where(inside, axis, NULL_PIXEL).astype(np.int32) for axis in (x, y)), inside


def _tell_losses(path: Path, located: NDArray[np.bool_], inside: NDArray[np.bool_], session: Session) -> None:
    without = int(np.count_nonzero(~located))
    if without:
        text = f"{without} events of {path} lie more than 20 s from any attitude: their X,Y are null"
        session.warn("noAttitude", text)
    outside = int(np.count_nonzero(located & ~inside))
    if outside:
        session.warn("outOfImageRange", f"{outside} events of {path} lie outside of imagesize: their X,Y are null")


TASK = Task(name="attcalc", parameters=AttcalcParameters, run=run)
