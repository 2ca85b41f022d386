"""Event lists as SAS lays them out: rows spooled by CCD, then written with all their extensions."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, cast

import numpy as np

from xmmpy.calibration import nominal
from xmmpy.products import eventlists as events
from xmmpy.products import layout
from xmmpy.products.eventlists import EXTREMES, CcdTables, records, template_name
from xmmpy.simulation import defects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from xmmpy.products.layout import Value
    from xmmpy.simulation.camera import CcdEvents
    from xmmpy.simulation.frames import CcdFrames

SPOOL_BYTES: Final = 1 << 24
CENTRAL_CCD: Final = {"EMOS1": 1, "EMOS2": 1, "EPN": 4}
MOS_EDU: Final = (0, 2, 4, 6, 3, 5, 7)
NULL_RANGE: Final = (0, 0)


@dataclass(slots=True)
class EventSpool:
    """Rows of a list waiting on disk, one stream per CCD, so that memory does not grow with the list.

    Attributes
    ----------
    streams : list of open files
        One per CCD, removed when closed.
    extremes : dict
        Column to its smallest and largest value so far.
    rows : int
        Number of rows so far.
    """

    streams: list[IO[bytes]]
    extremes: dict[str, tuple[int, int]] = field(default_factory=dict)
    rows: int = 0

    @classmethod
    def open(cls, ccds: int, folder: Path) -> EventSpool:
        """Make empty streams; what does not fit in memory goes to unnamed files in `folder`."""
        streams: list[Any] = [
            tempfile.SpooledTemporaryFile(SPOOL_BYTES, dir=str(folder))  # noqa: SIM115 - see close()
            for _ in range(ccds)
        ]
        return cls(streams)

    def close(self) -> None:
        """Drop the streams."""
        for stream in self.streams:
            stream.close()

    def add(self, events: Sequence[CcdEvents]) -> None:
        """Append the rows of all CCDs."""
        for stream, part in zip(self.streams, events, strict=True):
            if not part.rows.size:
                continue
            stream.write(part.rows.tobytes())
            self.rows += part.rows.size
            for column in EXTREMES:
                values = part.rows[column]
                low, high = int(values.min()), int(values.max())
                old = self.extremes.get(column, (low, high))
                self.extremes[column] = (min(low, old[0]), max(high, old[1]))


def write_event_list(
    path: Path,
    camera: str,
    values: Mapping[str, Value],
    spool: EventSpool,
    frames: Sequence[CcdFrames],
    history: Sequence[str],
) -> None:
    """Write the list of one camera.

    Parameters
    ----------
    path : Path
        File to make.
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.
    values : mapping
        Header values of the observation, with ``met_start``, the mission time of the start of the exposure.
    spool : EventSpool
        The events.
    frames : sequence of CcdFrames
        Frames of each CCD.
    history : sequence of str
        HISTORY lines of the primary header.
    """
    met = float(values["met_start"])
    geometry = nominal.ccd_geometry(camera)
    shared = dict(values) | _list_values(camera, met, spool, frames)
    is_pn = camera == "EPN"
    tables = [
        CcdTables(
            number=ccd.ccd,
            values=_ccd_values(ccd, met, own),
            exposu=_exposure_rows(camera, met, own),
            badpix=_badpix_rows(camera, ccd.ccd),
            stdgti=_gti_rows(camera, met, own),
            dlimap=_discarded_lines(own) if is_pn else None,
            hkaux=_discarded_columns(met, own) if is_pn else None,
        )
        for ccd, own in zip(geometry, frames, strict=True)
    ]
    streams = cast("list[BinaryIO]", spool.streams)
    events.write_event_list(
        path, camera, shared, streams, _offsets(camera), tables, _calibration_rows(camera), history=history
    )


def _list_values(camera: str, met: float, spool: EventSpool, frames: Sequence[CcdFrames]) -> dict[str, Value]:
    central = frames[CENTRAL_CCD[camera] - 1]
    first = met + min(ccd.span[0] for ccd in frames)
    last = met + max(ccd.span[1] for ccd in frames)
    values: dict[str, Value] = {
        "tstart": first,
        "tstop": last,
        "telapse": last - first,
        "ontime": central.ontime,
        "livetime": central.livetime,
        "dlmax": 0,
        "dlmean": 0.0,
    }
    for number, ccd in enumerate(frames, start=1):
        values[f"ontime{number:02d}"] = ccd.ontime
        values[f"liveti{number:02d}"] = ccd.livetime
    for column, name in EXTREMES.items():
        low, high = spool.extremes.get(column, NULL_RANGE)
        values[f"{name}_min"], values[f"{name}_max"] = low, high
    corners = [
        ccd.raw_to_det(
            np.array([ccd.first[0], ccd.last[0]], dtype=float),
            np.array([ccd.first[1], ccd.last[1]], dtype=float),
        )
        for ccd in nominal.ccd_geometry(camera)
    ]
    half = nominal.ccd_geometry(camera)[0].pixel / 2
    for axis, name in enumerate(("detx", "dety")):
        values[f"{name}_low"] = round(min(float(corner[axis].min()) for corner in corners) - half)
        values[f"{name}_high"] = round(max(float(corner[axis].max()) for corner in corners) + half)
    return values


def _ccd_values(ccd: nominal.CcdGeometry, met: float, frames: CcdFrames) -> dict[str, Value]:
    start, stop = met + frames.span[0], met + frames.span[1]
    is_pn = ccd.camera == "EPN"
    return {
        "ccdid": (ccd.ccd - 1) % 3 if is_pn else ccd.ccd,
        "quadrant": (ccd.ccd - 1) // 3,
        "eduid": 0 if is_pn else MOS_EDU[ccd.ccd - 1],
        "tstart": start,
        "tstop": stop,
        "telapse": stop - start,
        "ontime": frames.ontime,
        "livetime": frames.livetime,
        "numgti": int(frames.good_times()[0].size),
        "frames": int(frames.good.sum()),
        "lost": float((~frames.good).sum() * frames.timing.frame_s),
        "in_fov": _area_in_view(ccd),
    }


def _area_in_view(ccd: nominal.CcdGeometry) -> float:
    """Area of a CCD inside the field of view (arcmin2)."""
    rawx, rawy = np.meshgrid(*(np.arange(ccd.first[i], ccd.last[i] + 1, dtype=float) for i in (0, 1)))
    detx, dety = ccd.raw_to_det(rawx, rawy)
    return float(np.mean(nominal.field_of_view(ccd.camera).contains(detx, dety))) * ccd.area_arcmin2


def _offsets(camera: str) -> npt.NDArray[np.void]:
    name = template_name(camera, "offsets")
    parts = [
        (ccd.ccd, column, offset)
        for ccd in nominal.ccd_geometry(camera)
        for column, offset in defects.ccd_defects(camera, ccd.ccd).offsets
    ]
    table = np.array(parts, dtype=np.int64).reshape(-1, 3)
    return records(name, CCDNR=table[:, 0], RAWX=table[:, 1], OFFSETX=table[:, 2])


def _exposure_rows(camera: str, met: float, frames: CcdFrames) -> npt.NDArray[np.void]:
    index = np.flatnonzero(frames.good)
    rows = records(template_name(camera, "exposu"), TIME=met + frames.centre(index), FRACEXP=frames.live[index])
    if "TIMEDEL" in (rows.dtype.names or ()):
        rows["TIMEDEL"] = frames.timing.integration_s
    return rows


def _badpix_rows(camera: str, ccd: int) -> npt.NDArray[np.void]:
    names = ("RAWX", "RAWY", "TYPE", "YEXTENT", "BADFLAG")
    table = defects.ccd_defects(camera, ccd).badpix
    return records(template_name(camera, "badpix"), **{name: table[:, i] for i, name in enumerate(names)})


def _gti_rows(camera: str, met: float, frames: CcdFrames) -> npt.NDArray[np.void]:
    start, stop = frames.good_times()
    return records(template_name(camera, "stdgti"), START=met + start, STOP=met + stop)


def _discarded_lines(frames: CcdFrames) -> npt.NDArray[np.void]:
    """Columns that pn discarded, per row of the CCD: the lost part of the frames, spread over the columns."""
    lost = round(float((1.0 - frames.live[frames.good]).sum(dtype=np.float64)))
    return records("pn_dlimap", DLIODF=np.full(200, lost), DLISAS=np.zeros(200, dtype=int), DLIEXPCO=np.ones(200))


def _discarded_columns(met: float, frames: CcdFrames) -> npt.NDArray[np.void]:
    """Discarded columns of a quadrant per cycle of pn frames, as its housekeeping counts them."""
    index = np.arange(0, frames.good.size, frames.timing.live_block)
    columns = 192 * frames.timing.live_block * (1.0 - frames.live[index].astype(float))
    return records("pn_hkaux", TIME=met + frames.centre(index), DSLIN=np.rint(columns))


def _calibration_rows(camera: str) -> npt.NDArray[np.void]:
    """Say in CALINDEX that the nominal tables were used."""
    tables = (
        "ccd_geometry",
        "boresight",
        "field_of_view",
        "energy_conversion",
        "psf_king",
        "vignetting",
        "frames",
    )
    rows = np.zeros(len(tables), dtype=layout.row_type("calindex"))
    rows["TELESCOP"], rows["SCOPE"] = b"XMM", camera.encode()
    rows["TYPEID"] = [table.upper() for table in tables]
    rows["FNAME"] = [f"nominal:{table}.csv" for table in tables]
    rows["EXTSEQU"], rows["CREATOR"] = b"ANY", b"xmmpy.calibration.nominal"
    return rows
