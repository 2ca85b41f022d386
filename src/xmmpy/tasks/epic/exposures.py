"""One exposure of a camera: its CCDs in parallel, its list, its table of bad pixels."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.odf.frametimes import MOS, PN, reset_from_start, seconds_since_reset
from xmmpy.odf.rawfiles import read_mos_frames, read_pn_frames
from xmmpy.products import layout
from xmmpy.products.blocks import NewColumn, primary_block, table_block, write_blocks
from xmmpy.products.errors import FileProblem
from xmmpy.products.eventlists import CcdTables, records, template_name, write_event_list
from xmmpy.products.header import Header
from xmmpy.products.history import creation_entries
from xmmpy.tasks.epic.ccds import CcdResult, CcdWork, process_ccd
from xmmpy.tasks.epic.headers import ccd_values, list_values

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from xmmpy.calibration.camera import Source
    from xmmpy.odf.inventory import CcdFile, Exposure
    from xmmpy.products.history import Provenance
    from xmmpy.tasks.epic.observation import Observation
    from xmmpy.tasks.session import Session

_MOST_THREADS = 4


@dataclass(slots=True)
class ExposureOutcome:
    """What became of an exposure.

    Attributes
    ----------
    instrument, exposure, mode, filter : str
        INSTRUME, EXPIDSTR, SUBMODE, FILTER.
    status : str
        ``done``, ``nothing to do`` or ``failed``.
    reason : str
        Why, unless done.
    events : str
        File of the list.
    rows, raw_events : int
        Rows of the list, raw events that came down.
    fates : dict of str to int
        What became of the raw events that are no row.
    ccds : dict
        The same by CCD: raw, rows, bad pixels found, frames.
    """

    instrument: str
    exposure: str
    mode: str
    filter: str
    status: str = "done"
    reason: str = ""
    events: str = ""
    rows: int = 0
    raw_events: int = 0
    fates: dict[str, int] = field(default_factory=dict)
    ccds: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_facts(self) -> dict[str, Any]:
        """As plain values, for records."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def nothing_to_do(exposure: Exposure) -> str:
    """Why an exposure gives no list; empty for one that does."""
    if not any(ccd.name.is_events for ccd in exposure.ccds):
        return "no CCD sent events"
    if not exposure.events:
        return "none of its event files can be read"
    return ""


def process_exposure(observation: Observation, exposure: Exposure, work: CcdWork, session: Session) -> list[CcdResult]:
    """Calibrate all CCDs of an exposure.

    Raises
    ------
    FileProblem
        When no CCD could be processed.
    """
    if exposure.auxiliary is None:
        text = f"has no file of frames (AUX) for {work.camera} {exposure.identifier}"
        raise FileProblem(observation.inventory.folder.path, text, "get it from the archive")
    frames = read_frames(observation, exposure, work)
    if not frames:
        raise FileProblem(exposure.auxiliary, "holds no frames", "this exposure has no data")
    jobs: list[tuple[CcdFile, Any]] = []
    for file in exposure.events:
        number = file.name.ccd + (0 if work.camera == "EPN" else 10 * file.name.node)
        if number not in frames:
            session.warn(
                "NoFrames", f"{exposure.auxiliary.name} has no frames of CCD {number}: its events are left out"
            )
            continue
        jobs.append((file, frames.pop(number)))
    frames.clear()
    lines = {file.name.ccd: file.path for file in exposure.ccds if file.name.kind == "DLI" and not file.problem}
    done, problems = [], []
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        futures = [
            (file, pool.submit(process_ccd, work, file, table, lines.get(file.name.ccd))) for file, table in jobs
        ]
        jobs.clear()
        for _, future in futures:
            try:
                done.append(future.result())
            except (FileProblem, KeyError) as problem:
                text = str(problem) if isinstance(problem, FileProblem) else f"the camera has no CCD {problem}"
                problems.append(text)
                session.warn("BadCcdFile", text)
    for one in done:
        for line in one.remarks:
            session.warn("MissingData", line)
    if not done:
        raise FileProblem(
            observation.inventory.folder.path,
            f"has no usable CCD of {work.camera} {exposure.identifier}" + (f": {problems[0]}" if problems else ""),
            "get its files again from the archive",
        )
    return sorted(done, key=lambda one: one.calibrated.ccdnr)


def read_frames(observation: Observation, exposure: Exposure, work: CcdWork) -> dict[int, Any]:
    """Frames of an exposure by CCDNR, with their times."""
    clock = observation.clock
    reset = exposure.clock_reset
    if clock is not None and not np.isfinite(reset) and np.isfinite(exposure.start):
        reset = reset_from_start(float(clock.obt(exposure.start)))
    is_pn = work.camera == "EPN"
    counter = PN if is_pn else MOS

    def to_met(frame: NDArray[Any], coarse: NDArray[Any], fine: NDArray[Any], ccd: NDArray[Any]) -> NDArray[np.float64]:
        seconds = seconds_since_reset(frame, coarse, fine, counter, ccd)
        if clock is None or not np.isfinite(reset):
            return seconds + (exposure.start if np.isfinite(exposure.start) else 0.0)
        return clock.met(reset + seconds)

    assert exposure.auxiliary is not None
    return dict(read_pn_frames(exposure.auxiliary, to_met) if is_pn else read_mos_frames(exposure.auxiliary, to_met))


def write_list(
    path: Path,
    observation: Observation,
    exposure: Exposure,
    work: CcdWork,
    done: Sequence[CcdResult],
    provenance: Provenance,
) -> None:
    """Write the event list of an exposure."""
    is_pn = work.camera == "EPN"
    tables = []
    for one in done:
        ccd = one.calibrated
        exposu = template_name(work.camera, "exposu")
        frames = records(exposu, TIME=ccd.frames.time, FRACEXP=ccd.frames.fraction)
        if "TIMEDEL" in (frames.dtype.names or ()):
            frames["TIMEDEL"] = ccd.frames.duration
        bad = ccd.bad_pixels
        tables.append(
            CcdTables(
                number=ccd.ccdnr,
                values=ccd_values(work, one),
                exposu=frames,
                badpix=records(
                    template_name(work.camera, "badpix"),
                    RAWX=bad.rawx, RAWY=bad.rawy, TYPE=bad.kind, YEXTENT=bad.extent, BADFLAG=bad.origin,
                ),
                stdgti=records(template_name(work.camera, "stdgti"), START=ccd.good.start, STOP=ccd.good.stop),
                dlimap=_discarded_lines(ccd.discarded_lines) if is_pn else None,
                hkaux=_discarded_columns(ccd.discarded_columns) if is_pn else None,
            )
        )  # fmt: skip
    values = list_values(observation, exposure, work, done, provenance)
    history = [f"Created by {provenance.signature} at {provenance.stamp[:19]}"]
    write_event_list(
        path,
        work.camera,
        values,
        [one.rows for one in done],
        _offsets(work.camera, done),
        tables,
        calindex_records(work.calibration.sources),
        history=history,
        without=work.without,
    )


def _offsets(camera: str, done: Sequence[CcdResult]) -> NDArray[np.void]:
    name = template_name(camera, "offsets")
    table = np.concatenate([one.calibrated.offsets for one in done]) if done else np.zeros((0, 3), np.int16)
    ccd = np.concatenate([np.full(len(one.calibrated.offsets), one.calibrated.ccdnr) for one in done])
    rows = records(name, RAWX=table[:, 0], OFFSETX=table[:, 1])
    if "CCDNR" in (rows.dtype.names or ()):
        rows["CCDNR"] = ccd
    if "OFFSETY" in (rows.dtype.names or ()):
        rows["OFFSETY"] = table[:, 2]
    return rows


def _discarded_lines(lines: NDArray[np.int32] | None) -> NDArray[np.void]:
    table = lines if lines is not None else np.zeros((200, 2), np.int32)
    return records("pn_dlimap", DLIODF=table[:, 0], DLISAS=table[:, 1], DLIEXPCO=np.ones(len(table)))


def _discarded_columns(columns: tuple[NDArray[np.float64], NDArray[np.float32]] | None) -> NDArray[np.void]:
    time, number = columns if columns is not None else (np.zeros(0), np.zeros(0, np.float32))
    return records("pn_hkaux", TIME=time, DSLIN=number)


def calindex_records(sources: Sequence[Source]) -> NDArray[np.void]:
    """Rows of CALINDEX: which constituent or nominal table each set of figures came from."""
    rows = np.zeros(len(sources), layout.row_type("calindex"))
    for row, source in zip(rows, sources, strict=True):
        row["TELESCOP"], row["SCOPE"] = b"XMM", source.scope.encode()
        row["TYPEID"], row["FNAME"] = source.type_id.encode(), source.name.encode()
        row["EXTSEQU"] = b"ANY"
        row["CREATOR"] = b"xmmpy.calibration.nominal" if source.name.startswith("nominal:") else b""
    return rows


def write_bad_pixels(path: Path, work: CcdWork, done: Sequence[CcdResult], provenance: Provenance) -> None:
    """Write the bad pixels of all CCDs, known and found, as one table with CCDNR."""
    bad = [(one.calibrated.ccdnr, one.calibrated.bad_pixels) for one in done]
    columns = [NewColumn("CCDNR", "B", np.concatenate([np.full(len(b), n, np.uint8) for n, b in bad]))]
    for name, attribute in (("RAWX", "rawx"), ("RAWY", "rawy"), ("TYPE", "kind"), ("YEXTENT", "extent"),
                            ("BADFLAG", "origin")):  # fmt: skip
        columns.append(NewColumn(name, "I", np.concatenate([getattr(b, attribute) for _, b in bad])))
    header = Header(creation_entries(provenance))
    header.append("TELESCOP", "XMM", "XMM mission")
    header.append("INSTRUME", work.camera, "EPIC camera")
    write_blocks(path, [primary_block(header), table_block(columns, "BADPIX")])
