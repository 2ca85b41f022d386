"""What eexpmap reads from an event list and an image: usable pixels and good times of the CCDs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.calibration.badpixels import BadPixels
from xmmpy.calibration.nominal import ccd_geometry
from xmmpy.events.badpixels.placing import pixel_flags
from xmmpy.events.flags import MosFlag, PnFlag
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile, split_block
from xmmpy.products.gti import intervals_of
from xmmpy.products.tables import table_of
from xmmpy.selection.dataspace import DataSpace, GoodTimes, Value
from xmmpy.selection.keywords import read_dataspace
from xmmpy.selection.ranges import Bits, Ranges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from xmmpy.products.intervals import Intervals
    from xmmpy.products.tables import SmallTable
    from xmmpy.tasks.catalogue.evselect.source import EventSource
    from xmmpy.tasks.session import Session

LAST_CCD = 12
_ALL_BITS = 0x7FFFFFFF


@dataclass(frozen=True, slots=True, eq=False)
class CcdWatch:
    """When and with what a CCD looked.

    Attributes
    ----------
    good : Intervals
        Selected time.
    frame_time, fraction : ndarray, shape (n,)
        Frames and the part of each in which events are detected and kept; empty where the list does not tell.
    pixels : ndarray of bool, indexed [RAWX, RAWY]
        Usable pixels.
    """

    good: Intervals
    frame_time: NDArray[np.float64]
    fraction: NDArray[np.float64]
    pixels: NDArray[np.bool_]

    def seconds(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Live seconds that belong to each of the attitude samples at `time`, shape of `time`."""
        if time.size == 1:
            return np.array([self.good.total * self._mean])
        edges = np.concatenate([[-np.inf], 0.5 * (time[1:] + time[:-1]), [np.inf]])
        spent = np.diff(_elapsed(self.good, edges))
        if not self.frame_time.size:
            return spent
        number = np.searchsorted(edges[1:-1], self.frame_time)
        frames = np.bincount(number, minlength=time.size)
        live = np.bincount(number, self.fraction, minlength=time.size)
        part = np.where(frames > 0, live / np.maximum(frames, 1), self._mean)
        return spent * part

    @property
    def _mean(self) -> float:
        return float(self.fraction.mean()) if self.fraction.size else 1.0


def _elapsed(good: Intervals, moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Good time before each moment."""
    if not len(good):
        return np.zeros(moments.shape)
    lengths = np.concatenate([[0.0], np.cumsum(good.stop - good.start)])
    place = np.searchsorted(good.start, moments, side="right")
    inside = np.clip(moments - good.start[np.maximum(place - 1, 0)], 0.0, None)
    last = np.where(place > 0, np.minimum(inside, (good.stop - good.start)[np.maximum(place - 1, 0)]), 0.0)
    result: NDArray[np.float64] = lengths[np.maximum(place - 1, 0)] + last
    return result


def image_space(image: str, source: EventSource) -> DataSpace:
    """Data subspace of an image; its tables are in its own file, or in the list's."""
    path, _ = split_block(image)
    with FitsFile(path) as file:
        hdu = next((hdu for hdu in file.hdus if hdu.kind == "IMAGE" and hdu.data_size > 0), file.hdus[0])
        tables = {one.name: one for one in file.hdus if one.is_table}

        def table(name: str) -> Value | None:
            if name.upper() in tables:
                found = table_of(file, tables[name.upper()])
                if "START" in found.columns and "STOP" in found.columns:
                    return GoodTimes(intervals_of(found), name.upper())
            return source.space.tables.get(name.upper())

        return read_dataspace(hdu.values, table)


def watched_ccds(camera: str, source: EventSource, space: DataSpace, session: Session) -> dict[int, CcdWatch]:
    """Usable pixels and good times of the CCDs that a data subspace selects.

    Raises
    ------
    FileProblem
        When neither the subspace nor the list tells any good time.
    """
    good = {ccd: times for ccd, times in space.good_times().items() if ccd > 0}
    common = space.good_times().get(0)
    listed = {ccd: times for ccd, times in source.space.good_times().items() if ccd > 0}
    if not good:
        good = listed if common is None else {ccd: times.intersect(common) for ccd, times in listed.items()}
    if not good:
        raise FileProblem(source.file.path, "has no good times (STDGTInn)", "give a calibrated event list")
    tables = {hdu.name: hdu for hdu in source.file.hdus if hdu.is_table}
    rejected = rejected_flags(space)
    offsets = table_of(source.file, tables["OFFSETS"]) if "OFFSETS" in tables else None
    watched = {}
    for ccd in ccd_geometry(camera):
        times = good.get(ccd.ccd)
        if times is None or not times.total:
            continue
        bad = tables.get(f"BADPIX{ccd.ccd:02d}")
        if bad is None:
            text = f"'{source.file.path}' has no BADPIX{ccd.ccd:02d}: no pixel of CCD {ccd.ccd} is taken as bad"
            session.warn("noBadPixels", text)
        pixels = bad_pixels_of(table_of(source.file, bad)) if bad is not None else BadPixels.none()
        flags = pixel_flags(ccd, pixels, _offset_columns(offsets, ccd.ccd))
        usable = (flags & _geometric(camera, rejected.get(ccd.ccd, rejected.get(0, 0)))) == 0
        time, fraction = _frames(source, ccd.ccd, times, session)
        watched[ccd.ccd] = CcdWatch(times, time, fraction, usable)
    return watched


def rejected_flags(space: DataSpace) -> dict[int, int]:
    """FLAG bits that a data subspace rejects, by CCD; key 0 where it does not tell CCDs apart."""
    found: dict[int, int] = {}
    for component in space.components:
        ccd, bits = 0, 0
        for name, value in zip(space.names, component, strict=True):
            if name.upper() == "CCDNR" and isinstance(value, Ranges):
                ccd = value.single_value() or 0
            elif name.upper() == "FLAG" and isinstance(value, Bits):
                bits |= value.zeros & _ALL_BITS
            elif name.upper() == "FLAG" and isinstance(value, Ranges) and value.single_value() == 0:
                bits |= _ALL_BITS
        found[ccd] = found[ccd] & bits if ccd in found else bits
    return found


def _geometric(camera: str, rejected: int) -> int:
    """Bits that take pixels away: bad ones and those outside the window always, their neighbours where rejected."""
    kinds = PnFlag if camera == "EPN" else MosFlag
    return rejected | int(kinds.ON_BADPIX) | int(kinds.OUT_OF_CCD_WINDOW)


def bad_pixels_of(table: SmallTable) -> BadPixels:
    """Bad pixels of a table BADPIXnn of an event list."""
    size = len(table.column("RAWX"))

    def column(name: str, default: int) -> NDArray[np.int16]:
        values = table.column(name) if name in table.columns else np.full(size, default)
        return np.asarray(values, np.int16)

    return BadPixels(
        column("RAWX", 0), column("RAWY", 0), column("TYPE", 1), column("YEXTENT", 1), column("BADFLAG", 2)
    )


def _offset_columns(offsets: SmallTable | None, ccd: int) -> NDArray[np.int16]:
    """RAWX and OFFSETX of the columns with a raised zero level of one CCD."""
    wanted: Mapping[str, Any] = {} if offsets is None else offsets.columns
    if not {"RAWX", "OFFSETX", "CCDNR"} <= set(wanted):
        return np.zeros((0, 2), np.int16)
    raised = (wanted["CCDNR"] == ccd) & (wanted["RAWX"] > 0) & (wanted["OFFSETX"] != 0)
    return np.stack([wanted["RAWX"][raised], wanted["OFFSETX"][raised]], axis=1).astype(np.int16)


def _frames(
    source: EventSource, ccd: int, good: Intervals, session: Session
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times of the frames in the good time, and the part of each frame cycle in which events are detected and kept.

    That part is FRACEXP times TIMEDEL over the time from frame to frame: pn in full window integrates 68.7 of 73.4 ms.
    """
    if ccd not in source.exposures:
        text = f"'{source.file.path}' has no EXPOSU{ccd:02d}: all good time of CCD {ccd} is taken as live"
        session.warn("noExposure", text)
        return np.zeros(0), np.zeros(0)
    parts = []
    for frames, _ in source.frames(ccd):
        kept = good.contains(frames.time)
        integrating = np.asarray(frames.duration, np.float64) / _cycle(frames.time)
        live = np.asarray(frames.fraction, np.float64) * np.minimum(integrating, 1.0)
        parts.append((frames.time[kept], live[kept]))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _cycle(time: NDArray[np.float64]) -> float:
    """Time from frame to frame (s); tiny where there are not two frames, so that nothing is lost."""
    steps = np.diff(time)
    steps = steps[steps > 0.0]
    return float(np.median(steps)) if steps.size else 1e-9


def last_number(watched: Mapping[int, CcdWatch]) -> int:
    """Length of an array by CCD number."""
    return max((*watched, LAST_CCD)) + 1


def instrument_of(source: EventSource, image_keywords: Mapping[str, Any]) -> str:
    """INSTRUME of the image, or of the list."""
    name = str(image_keywords.get("INSTRUME") or source.keyword("INSTRUME", "")).strip().upper()
    return re.sub(r"\W", "", name)
