"""cifbuild: list the calibration constituents that belong to an observation."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from xmmpy.calibration.calindex import CalibrationIndex, calindex_block, read_calindex
from xmmpy.calibration.constituents import (
    Constituent,
    NotAConstituent,
    applicable,
    file_digest,
    iso_date,
    read_constituent,
)
from xmmpy.products.blocks import primary_block, write_blocks
from xmmpy.products.errors import FileProblem
from xmmpy.products.header import Header
from xmmpy.products.history import creation_entries
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Dataset, Switch, TaskParameters, Text, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xmmpy.products.history import Provenance

_SUMMARY = re.compile(r"\d{4}_\d{10}_SC.00000SUM\.(?:SAS|ASC)(?:\.gz)?\Z", re.IGNORECASE)


class CifbuildParameters(TaskParameters):
    """List the calibration constituents that belong to an observation."""

    calindexset: Dataset = parameter("ccf.cif", help="calibration index file to write")
    withccfpath: Switch = parameter(False, help="look in ccfpath, not in SAS_CCFPATH")
    usecanonicalname: Switch = parameter(False, help="name the file rrrr_ppppppooll.cif after the observation")
    ccfpath: Text = parameter(".", parent="withccfpath", help="folders with constituents, parted by colons")
    recurse: Switch = parameter(False, help="look in the folders below too")
    fileglob: Text = parameter("*.ccf|*.CCF", help="patterns of the file names, parted by |")
    fullpath: Switch = parameter(False, help="keep whole paths in FNAME, not base names")
    withobservationdate: Switch = parameter(False, help="take observationdate, not the date of the ODF in SAS_ODF")
    observationdate: Text = parameter("now", parent="withobservationdate", help="date of the observation, UTC")
    analysisdate: Text = parameter("now", help="constituents submitted after this date are left out, UTC")
    category: Text = parameter("XMMCCF", help="CATEGORY of the constituents (SCISIMCCF: of simulated data)")
    ignorecategory: Switch = parameter(False, help="take constituents of every CATEGORY")
    masterindex: Switch = parameter(False, help="list all constituents, whatever their dates (a master index)")
    withmasterindexset: Switch = parameter(False, help="choose from masterindexset; no constituent is needed")
    masterindexset: Dataset = parameter(
        "ccf.mif", parent="withmasterindexset", writes=False, help="master index to choose from"
    )
    append: Switch = parameter(False, help="keep the rows of calindexset; add scopes and types that it lacks")


@dataclass(frozen=True, slots=True)
class _Observation:
    revolution: str
    identifier: str
    start: str


def run(p: CifbuildParameters, session: Session) -> Outcome:
    """Choose the constituents and write the index."""
    wants_summary = p.usecanonicalname or not (p.withobservationdate or p.masterindex)
    summary = _read_summary(session.environment.odf) if wants_summary else None
    output = session.check_output(
        f"{summary.revolution}_{summary.identifier}.cif" if p.usecanonicalname and summary else p.calindexset
    )
    analysis = _date("analysisdate", p.analysisdate, session)
    observation = ""
    if not p.masterindex:
        given = p.withobservationdate or summary is None
        observation = _date("observationdate", p.observationdate, session) if given else summary.start  # type: ignore[union-attr]
        if analysis < observation:
            text = f"the analysis date {analysis} lies before the observation date {observation}"
            session.warn("PossibleInconsistentCalibration", text)
    before = _existing(output) if p.append and output.exists() else ()
    found = _from_master_index(p) if p.withmasterindexset else _from_folders(p, session)
    if p.masterindex:
        chosen = sorted(found, key=lambda row: (row.key, row.issue))
    else:
        chosen = applicable(found, observation, analysis)
        _tell_left_out(found, chosen, observation, session)
    present = {row.key for row in before}
    added = [_finished(row, p) for row in chosen if row.key not in present]
    rows = sorted([*before, *added], key=lambda row: (row.key, row.issue))
    if not rows:
        text = f"no constituent is valid at {observation or 'any date'} and public at {analysis}: the index is empty"
        session.warn("NoMatchingCcfConstituents", text)
    index = CalibrationIndex(tuple(rows), p.category, observation, analysis)
    _write(output, index, session.provenance(p))
    session.say(f"{len(rows)} of {len(found)} constituents in {output}", level=3)
    facts = {"observationdate": observation, "analysisdate": analysis, "empty": not rows}
    return Outcome(outputs=(output,), rows_in=len(found), rows_out=len(rows), facts=facts)


def _date(name: str, text: str, session: Session) -> str:
    try:
        return iso_date(text, now=session.now)
    except ValueError as error:
        raise TaskError("BadParameter", f"{name}: {error}, and not 'now'") from None


# ---------------------------------------------------------------- where the constituents come from


def _from_folders(p: CifbuildParameters, session: Session) -> list[Constituent]:
    """Read all constituents in the folders; of equal ones that of the first folder counts."""
    folders = [Path(part) for part in p.ccfpath.split(":") if part] if p.withccfpath else []
    if not p.withccfpath:
        folders = [Path(part) for part in session.environment.ccf_path]
    if not folders:
        advice = "set it to the folders with the constituents, or give ccfpath"
        raise TaskError("NoCcfPath", f"SAS_CCFPATH is not set: {advice}")
    usable = [folder for folder in folders if folder.is_dir()]
    for folder in folders:
        if folder not in usable:
            session.say(f"there is no folder '{folder}'", level=2)
    if not usable:
        names = ", ".join(f"'{folder}'" for folder in folders)
        raise TaskError("NoCcfPath", f"none of the folders with constituents is there: {names}; mend the path")
    found: dict[tuple[str, str, int], Constituent] = {}
    others = 0
    for path in _files(usable, p.fileglob.split("|"), recurse=p.recurse):
        try:
            row = read_constituent(path)
        except NotAConstituent as problem:
            session.warn("MissingAttribute", f"{problem}; it is left out")
            continue
        except FileProblem as problem:
            session.warn("InvalidCcfConstituent", f"{problem}; it is left out")
            continue
        if not p.ignorecategory and row.category != p.category:
            others += 1
            continue
        found.setdefault((row.scope, row.type_id, row.issue), row)
    if others:
        session.say(f"{others} constituents are of another category than {p.category}", level=3)
    return list(found.values())


def _files(folders: list[Path], patterns: list[str], *, recurse: bool) -> Iterator[Path]:
    for folder in folders:
        for root, below, names in os.walk(folder):
            below[:] = sorted(below) if recurse else []
            for name in sorted(names):
                if any(fnmatchcase(name, pattern.strip()) for pattern in patterns):
                    yield Path(root) / name


def _from_master_index(p: CifbuildParameters) -> list[Constituent]:
    try:
        index = read_calindex(p.masterindexset)
    except FileProblem as problem:
        if Path(p.masterindexset).is_file() and "CALINDEX" in str(problem):
            raise TaskError("TableNotFound", str(problem)) from None
        raise
    if index.category and index.category != p.category and not p.ignorecategory:
        return []
    return list(index.constituents)


def _existing(path: Path) -> tuple[Constituent, ...]:
    try:
        return read_calindex(path).constituents
    except FileProblem as problem:
        raise TaskError("TableNotFound", f"append: {problem}") from None


def _tell_left_out(found: list[Constituent], chosen: list[Constituent], observation: str, session: Session) -> None:
    kept = {row.key for row in chosen}
    left = sorted({"_".join(row.key) for row in found if row.key not in kept})
    if left:
        session.say(f"none is valid at {observation} of {', '.join(left)}", level=3)


def _finished(row: Constituent, p: CifbuildParameters) -> Constituent:
    """Fill in what the index says of a file: its digest and its name as wanted."""
    if p.withmasterindexset:
        return row
    path = Path(row.file)
    name = str(path.resolve()) if p.fullpath and not p.masterindex else path.name
    return replace(row, file=name, digest=file_digest(path))


def _write(path: Path, index: CalibrationIndex, provenance: Provenance) -> None:
    header = Header(creation_entries(provenance))
    header.append("LONGSTRN", "OGIP 1.0")
    header.add_history(f"Created by {provenance.signature} at {provenance.stamp[:19]}")
    try:
        table = calindex_block(index)
    except ValueError as error:
        raise TaskError("BadParameter", f"{error}; set fullpath=no") from None
    write_blocks(path, [primary_block(header), table])


# ---------------------------------------------------------------- the observation's date


def _read_summary(odf: str) -> _Observation:
    """Read revolution, identifier and start of the observation from the summary file of an ODF.

    Raises
    ------
    TaskError
        NoSummaryFile, InvalidSummaryFile or UnexpectedEOF.
    """
    advice = "set SAS_ODF to the folder of the ODF or to its SUM.SAS, or give observationdate"
    if not odf:
        raise TaskError("NoSummaryFile", f"SAS_ODF is not set, so the observation date is not known: {advice}")
    path = Path(odf)
    if path.is_dir():
        names = sorted((item for item in path.iterdir() if _SUMMARY.match(item.name)), key=_sas_first)
        if not names:
            raise TaskError("NoSummaryFile", f"'{path}' holds no summary file (*SUM.SAS or *SUM.ASC): {advice}")
        path = names[0]
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise TaskError("NoSummaryFile", f"cannot read '{path}' ({error.strerror or error}): {advice}") from None
    if raw[:2] == b"\x1f\x8b":
        raw = _unpacked(raw, path)
    lines = [line.strip() for line in raw.decode("latin-1").splitlines() if not line.startswith("//")]
    if "OBSERVATION" not in lines:
        raise TaskError("InvalidSummaryFile", f"'{path}' has no record OBSERVATION: {advice}")
    record = [line.split("/", 1)[0].strip() for line in lines[lines.index("OBSERVATION") + 1 :]][:3]
    if len(record) < 3:
        raise TaskError("UnexpectedEOF", f"'{path}' ends inside its record OBSERVATION: {advice}")
    try:
        return _Observation(revolution=record[1], identifier=record[0], start=iso_date(record[2]))
    except ValueError as error:
        raise TaskError("InvalidSummaryFile", f"'{path}' has no start in its record OBSERVATION ({error})") from None


def _sas_first(path: Path) -> tuple[bool, str]:
    """Sort odfingest's summary before that of the archive."""
    return ".SAS" not in path.name.upper(), path.name


def _unpacked(raw: bytes, path: Path) -> bytes:
    import gzip
    import zlib

    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise TaskError("InvalidSummaryFile", f"'{path}' cannot be unpacked ({error}); get it again") from None


TASK = Task(name="cifbuild", parameters=CifbuildParameters, run=run)
