"""What an ODF holds: its exposures, CCD by CCD, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.odf.archive_summary import ArchiveSummary, parse_archive_summary
from xmmpy.odf.clock import FINE_STEPS
from xmmpy.odf.housekeeping import (
    FILTER_FILES,
    UNKNOWN,
    Housekeeping,
    filter_of_position,
    filter_position,
    read_housekeeping,
)
from xmmpy.odf.modes import UNDEFINED, CcdWindow, data_mode, instrument_mode
from xmmpy.odf.names import EPIC, EVENT_TYPES, INSTRUMENTS, OdfName, parse_name
from xmmpy.odf.summary import read_summary
from xmmpy.odf.texts import read_text
from xmmpy.odf.times import met_of_text
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from xmmpy.odf.opening import OdfFolder

_LONGEST = 4 * 86400.0  # two orbits, s: no observation is longer
_NEEDED = (
    ("SUM", "the archive's summary: exposures and target are taken from file names and headers"),
    ("ATS", "the attitude history: positions on the sky need a fixed attitude or RAS"),
    ("TCX", "the reconstructed time correlation: TCS is used in its place"),
    ("ROS", "the reconstructed orbit: headers say that it is predicted (ORB_RCNS)"),
)
_HOUSEKEEPING = {"M1": ("PEH", "HCH", "HTH"), "M2": ("PEH", "HCH", "HTH"), "PN": ("PMH", "PAH", "HCH")}


@dataclass(frozen=True, slots=True)
class CcdFile:
    """A file of one CCD (or window) of an exposure.

    Attributes
    ----------
    name, path
        Its name and where it lies.
    rows : int
        Events in it; 0 for images.
    keywords : mapping of str to value
        Its header.
    problem : str
        Why it cannot be used; else empty.
    """

    name: OdfName
    path: Path
    rows: int = 0
    keywords: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def window(self) -> CcdWindow:
        """What it says of the read-out of its CCD."""
        return CcdWindow(
            self.name.ccd, self.name.kind, self._whole("WINDOWDX"), self._whole("WINDOWDY"), self._whole("FRMTIME")
        )

    def _whole(self, keyword: str) -> int:
        value = self.keywords.get(keyword, 0)
        return int(value) if isinstance(value, int | float) and abs(value) < 2**31 else 0


@dataclass(frozen=True, slots=True)
class Exposure:
    """One exposure of one instrument.

    Attributes
    ----------
    instrument : str
        ``M1``, ``M2``, ``PN``, ...
    identifier : str
        ``S001``, ``U002``.
    ccds : tuple of CcdFile
        Files of its CCDs or windows.
    auxiliary, counting : pathlib.Path or None
        Frames (AUX) and counting cycles (CCX).
    start, stop : float
        MET in s; NaN where no file tells them.
    mode : str
        Mode of the instrument.
    filter : str
        Name; ``Unknown`` without housekeeping.
    filter_position : float
        Of the wheel; NaN where it is not known.
    clock_reset : float
        On-board time of the reset of the frame counters, s, from a summary file; NaN where it is not known.
    """

    instrument: str
    identifier: str
    ccds: tuple[CcdFile, ...] = ()
    auxiliary: Path | None = None
    counting: Path | None = None
    start: float = float("nan")
    stop: float = float("nan")
    mode: str = UNDEFINED
    filter: str = UNKNOWN
    filter_position: float = float("nan")
    clock_reset: float = float("nan")

    @property
    def scheduled(self) -> bool:
        """Whether it was planned."""
        return self.identifier.startswith("S")

    @property
    def events(self) -> tuple[CcdFile, ...]:
        """Readable event lists of EPIC CCDs."""
        return tuple(ccd for ccd in self.ccds if ccd.name.is_events and not ccd.problem)

    @property
    def is_science(self) -> bool:
        """Whether it left event lists of an EPIC camera."""
        return any(ccd.name.is_events for ccd in self.ccds)

    @property
    def is_timing(self) -> bool:
        """Whether one of its CCDs ran in timing or burst mode."""
        return any(ccd.name.kind in {"TIE", "CTE", "BUE"} for ccd in self.ccds)

    @property
    def kind(self) -> str:
        """``closed``, ``calibration closed``, ``calibration`` or ``sky``, by the filter."""
        kinds = {"Closed": "closed", "CalClosed": "calibration closed"}
        return kinds.get(self.filter) or ("calibration" if self.filter.startswith("Cal") else "sky")

    def data_modes(self) -> dict[int, str]:
        """Data mode of each CCD."""
        found = {ccd.name.ccd: data_mode(ccd.name.kind) for ccd in self.ccds if not ccd.name.is_events}
        # An offset map and a list of discarded lines of one CCD: the map counts, as in real summary files.
        found |= {ccd.name.ccd: data_mode("HDI") for ccd in self.ccds if ccd.name.kind == "HDI"}
        return found | {ccd.name.ccd: EVENT_TYPES[ccd.name.kind] for ccd in self.ccds if ccd.name.is_events}


@dataclass(frozen=True, slots=True)
class Inventory:
    """What an ODF holds.

    Attributes
    ----------
    folder : OdfFolder
        The files.
    exposures : tuple of Exposure
        By instrument, scheduled ones first.
    start, stop : float
        First and last time of any exposure, MET in s; NaN where there is none.
    archive : ArchiveSummary or None
        What the SUM.ASC says.
    missing : tuple of str
        One line for each file that is expected and not there.
    remarks : tuple of str
        One line for each file that cannot be used.
    """

    folder: OdfFolder
    exposures: tuple[Exposure, ...]
    start: float
    stop: float
    archive: ArchiveSummary | None
    missing: tuple[str, ...]
    remarks: tuple[str, ...]

    def of_instrument(self, code: str) -> tuple[Exposure, ...]:
        """Exposures of one instrument."""
        return tuple(exposure for exposure in self.exposures if exposure.instrument == code)


def take_inventory(
    folder: OdfFolder, *, use_housekeeping: bool = True, instruments: Iterable[str] = INSTRUMENTS
) -> Inventory:
    """Look through an ODF.

    Parameters
    ----------
    folder : OdfFolder
        From `open_odf`.
    use_housekeeping : bool
        Whether to read the filters. Where housekeeping does not tell them, a ``SUM.SAS`` that is there already does.
    instruments : iterable of str
        The instruments that are wanted; headers of others are not read.
    """
    wanted = tuple(instruments)
    remarks = list(folder.remarks)
    archive = _read_archive_summary(folder, remarks)
    groups: dict[tuple[str, str], list[OdfName]] = {}
    for name in folder.files:
        if name.instrument in wanted and name.schedule in "SU":
            groups.setdefault((name.instrument, name.exposure_id), []).append(name)
    housekeeping = {code: _read_housekeeping(folder, code, remarks) for code in wanted if use_housekeeping}
    ordered = sorted(groups, key=lambda key: (wanted.index(key[0]), key[1]))
    files = {key: [_read_header(name, folder.files[name]) for name in groups[key]] for key in ordered}
    times = _file_times([item for key in ordered for item in files[key]], remarks)
    exposures = tuple(_exposure(key, files[key], times, housekeeping.get(key[0], []), remarks) for key in ordered)
    if use_housekeeping and folder.summary is not None:
        exposures = _complete(exposures, folder.summary, remarks)
    starts = [exposure.start for exposure in exposures if np.isfinite(exposure.start)]
    stops = [exposure.stop for exposure in exposures if np.isfinite(exposure.stop)]
    expected = tuple(_missing(folder, exposures, wanted))
    return Inventory(
        folder=folder,
        exposures=exposures,
        start=min(starts, default=float("nan")),
        stop=max(stops, default=float("nan")),
        archive=archive,
        missing=(*expected, *_listed_but_gone(folder, archive, expected)),
        remarks=tuple(remarks),
    )


def _complete(exposures: tuple[Exposure, ...], path: Path, remarks: list[str]) -> tuple[Exposure, ...]:
    """Take filters and clock resets from a summary file, which SAS may have made from more than is known here."""
    try:
        summary = read_summary(path)
    except FileProblem as problem:
        remarks.append(str(problem))
        return exposures
    told = {(item.code, record.identifier): record for item in summary.instruments for record in item.exposures}
    completed = []
    for exposure in exposures:
        record = told.get((exposure.instrument, exposure.identifier))
        if record is None:
            completed.append(exposure)
            continue
        coarse, fine = (_number(record.value(f"CLOCK_RESET_TIME_{part}")) for part in ("COARSE", "FINE"))
        name = exposure.filter if exposure.filter != UNKNOWN else record.value("FILTER", UNKNOWN)
        reset = coarse + (fine / FINE_STEPS if np.isfinite(fine) else 0.0)
        completed.append(replace(exposure, filter=name, clock_reset=reset))
    return tuple(completed)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _read_archive_summary(folder: OdfFolder, remarks: list[str]) -> ArchiveSummary | None:
    for name, path in folder.files.items():
        if (name.instrument, name.kind, name.suffix) == ("SC", "SUM", "ASC"):
            try:
                return parse_archive_summary(read_text(path), str(path))
            except FileProblem as problem:
                remarks.append(str(problem))
    return None


def _read_housekeeping(folder: OdfFolder, code: str, remarks: list[str]) -> list[Housekeeping]:
    found = []
    for kind in FILTER_FILES.get(code, ()):
        path = folder.find(code, kind)
        if path is None:
            continue
        try:
            found.append(read_housekeeping(path))
        except FileProblem as problem:
            remarks.append(str(problem))
    return found


def _file_times(items: list[CcdFile], remarks: list[str]) -> dict[OdfName, tuple[float, float]]:
    """Begin and end that the headers tell, without those that cannot be of this observation."""
    times = {}
    for item in items:
        start, stop = (met_of_text(str(item.keywords.get(keyword, ""))) for keyword in ("DATE-OBS", "DATE-END"))
        if np.isfinite(start) and np.isfinite(stop):
            times[item.name] = (start, stop)
    middle = float(np.median([start for start, _ in times.values()])) if times else 0.0
    for item in items:
        start, stop = times.get(item.name, (middle, middle))
        if not middle - _LONGEST <= start <= stop <= middle + _LONGEST:
            del times[item.name]
            remarks.append(f"{item.path.name} has dates that are not of this observation; they are not used")
    return times


def _exposure(
    key: tuple[str, str],
    items: list[CcdFile],
    times: dict[OdfName, tuple[float, float]],
    housekeeping: list[Housekeeping],
    remarks: list[str],
) -> Exposure:
    ccds, others = [], {}
    for item in items:
        if item.problem:
            remarks.append(item.problem)
        elif (stated := str(item.keywords.get("EXP_ID", "")).strip()) and not stated.endswith(key[1][1:]):
            remarks.append(f"{item.path.name} says that it is of exposure {stated}; its name is trusted")
        if item.name.kind in {"AUX", "CCX"}:
            others[item.name.kind] = item
        else:
            ccds.append(item)
    starts = [times[item.name][0] for item in items if item.name in times]
    stops = [times[item.name][1] for item in items if item.name in times]
    start, stop = min(starts, default=float("nan")), max(stops, default=float("nan"))
    position = next(
        (place for table in housekeeping if np.isfinite(place := filter_position(table, key[0], start, stop))),
        float("nan"),
    )
    usable = {kind: item.path for kind, item in others.items() if not item.problem}
    return Exposure(
        instrument=key[0],
        identifier=key[1],
        ccds=tuple(ccds),
        auxiliary=usable.get("AUX"),
        counting=usable.get("CCX"),
        start=start,
        stop=stop,
        mode=instrument_mode(key[0], [ccd.window for ccd in ccds]),
        filter=filter_of_position(key[0], position) if key[0] in EPIC else UNKNOWN,
        filter_position=position,
    )


def _read_header(name: OdfName, path: Path) -> CcdFile:
    if name.suffix != "FIT":
        return CcdFile(name, path)
    try:
        with FitsFile(path) as file:
            hdu = file.hdus[1] if len(file.hdus) > 1 else file.hdus[0]
            if len(file.hdus) < 2:
                return CcdFile(name, path, problem=f"{path} holds no data; get it again from the archive")
            keywords = {**file.hdus[0].values, **hdu.values}
    except FileProblem as problem:
        return CcdFile(name, path, problem=str(problem))
    rows = keywords.get("NAXIS2", 0) if hdu.is_table else 0
    return CcdFile(name, path, rows if isinstance(rows, int) else 0, keywords)


def _listed_but_gone(folder: OdfFolder, archive: ArchiveSummary | None, told: tuple[str, ...]) -> Iterator[str]:
    """Tell the files that the SUM.ASC lists and that are not there: each one of EPIC, the number of others."""
    others: dict[str, int] = {}
    for text, _ in () if archive is None else archive.files:
        name = parse_name(text)
        if name is None or name in folder.files or any(line.startswith(text) for line in told):
            continue
        if name.instrument in EPIC:
            yield f"{text} is missing: the archive's summary lists it"
        else:
            others[name.instrument] = others.get(name.instrument, 0) + 1
    for code, count in sorted(others.items()):
        yield f"{count} files of {code} are missing: the archive's summary lists them; EPIC does not need them"


def _missing(folder: OdfFolder, exposures: tuple[Exposure, ...], wanted: tuple[str, ...]) -> Iterator[str]:
    there = {(name.instrument, name.kind) for name in folder.files if name.suffix != "SAS"}
    prefix = f"{folder.revolution}_{folder.observation}_"
    for kind, meaning in _NEEDED:
        if ("SC", kind) not in there:
            suffix = "ASC" if kind in {"SUM", "ROS"} else "FIT"
            if kind == "TCX" and ("SC", "TCS") not in there:
                meaning = "the time correlation: there is no TCS either, times are of the frame counters only"
            yield f"{folder.canonical_name(kind, suffix)} is missing: {meaning}"
    for code in EPIC:
        mine = [exposure for exposure in exposures if exposure.instrument == code and exposure.is_science]
        if not mine or code not in wanted:
            continue
        lacking = [kind for kind in _HOUSEKEEPING[code] if (code, kind) not in there]
        for kind in lacking:
            loss = "the filter is not known" if kind in FILTER_FILES[code][:1] else "its settings are not known"
            yield f"{prefix}{code}X00000{kind}.FIT is missing: housekeeping of {code}, {loss}"
        for exposure in mine:
            if exposure.auxiliary is None:
                yield (
                    f"{prefix}{code}{exposure.identifier}00AUX.FIT is missing: "
                    f"frames of {code} {exposure.identifier} have no times"
                )
    for exposure in exposures:
        if exposure.instrument in EPIC and exposure.auxiliary is not None and not exposure.is_science:
            yield f"{exposure.instrument} {exposure.identifier} has frames but no event list"
