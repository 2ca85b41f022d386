"""The summary file of an ODF as odfingest writes it (``*SUM.SAS``): read it, write it.

The grammar is that of the real files of SAS 14 and 20 and of the task page of odfingest (records of the ODF interface
control document). What is read from a real file is written again to the same bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from xmmpy.odf.texts import read_text
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

LINE = 80
UNDEFINED = "UNDEFINED"
_PARAMETER = re.compile(r"(?P<name>\w+) ?= (?P<value>.*?) (?P<mark>//?) (?P<comment>.*)\Z")
_CREATOR = re.compile(r"// By: (?P<task>[^(\s]+)\((?P<version>[^)]*)\) \[(?P<build>[^\]]*)\] on (?P<date>\S+)\Z")
_SOURCE = re.compile(r"// The (?P<record>CONFIGURATION|PROPOSAL) record was extracted from (?P<file>\S+)\Z")
_FIELD = re.compile(r"(?P<value>.*?)(?: / .*)?\Z")
_METADATA = 3  # lines that odfingest adds to the configuration of the observation


@dataclass(frozen=True, slots=True)
class Parameter:
    """One programmable parameter of an exposure: ``FILTER = Thin1 // Filter``.

    Attributes
    ----------
    from_housekeeping : bool
        Written with two slashes.
    missing : bool
        It was not found: the value is Unknown and a warning stands above it.
    """

    name: str
    value: str
    comment: str
    from_housekeeping: bool = False
    missing: bool = False


@dataclass(frozen=True, slots=True)
class ExposureRecord:
    """One exposure of one instrument.

    Attributes
    ----------
    number : str
        Three digits.
    kind : str
        ``SCIENCE``.
    commanded, proposed : str
        Identifiers of the exposure as commanded and as proposed.
    scheduled_start, scheduled_end, start, end : str
        UTC, ``yyyy-mm-ddThh:mm:ss.sss``.
    parameters : tuple of Parameter
        Configuration: MODE, DATA_MODE_n, FILTER, ...
    """

    number: str
    scheduled: bool
    kind: str
    commanded: str
    proposed: str
    scheduled_start: str
    scheduled_end: str
    start: str
    end: str
    parameters: tuple[Parameter, ...] = ()

    @property
    def identifier(self) -> str:
        """``S001`` or ``U002``."""
        return f"{'S' if self.scheduled else 'U'}{self.number}"

    def value(self, name: str, default: str = "") -> str:
        """Value of a parameter, or the default."""
        return next((parameter.value for parameter in self.parameters if parameter.name == name), default)


@dataclass(frozen=True, slots=True)
class InstrumentRecord:
    """One instrument and its exposures."""

    code: str
    exposures: tuple[ExposureRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class SummaryFile:
    """Everything that a summary file says.

    Attributes
    ----------
    task, version, build, date : str
        What wrote it, and when.
    path : str or None
        Folder of the ODF; None where the file names none.
    observation, revolution, start, end : str
        Identifiers; first and last time of the observation, UTC.
    files : tuple of str
        Names of the constituents.
    asc_name : str
        The file from which `configuration` and `proposal` were taken; empty where there was none.
    configuration : tuple of str
        Lines of the configuration record of the ``SUM.ASC``, as they are.
    processed : str
        Time at which the summary was finished.
    instruments : tuple of InstrumentRecord
    proposal : tuple of str
        Lines of the ``SUM.ASC`` from its PROPOSAL record on, as they are.
    """

    task: str
    version: str
    build: str
    date: str
    path: str | None
    observation: str
    revolution: str
    start: str
    end: str
    files: tuple[str, ...]
    asc_name: str = ""
    configuration: tuple[str, ...] = ()
    processed: str = ""
    instruments: tuple[InstrumentRecord, ...] = ()
    proposal: tuple[str, ...] = ()

    def instrument(self, code: str) -> InstrumentRecord:
        """Record of an instrument; an empty one where there is none."""
        return next((record for record in self.instruments if record.code == code), InstrumentRecord(code))


#: Title of the configuration record of each instrument.
CONFIGURATION_TITLES = {
    "M1": "EPIC MOS", "M2": "EPIC MOS", "R1": "RGS", "R2": "RGS", "PN": "EPIC PN", "OM": "OM", "RM": "ERM",
}  # fmt: skip


def write_summary(summary: SummaryFile) -> str:
    """Spell a summary file."""
    return "".join(f"{line}\n" for line in _lines(summary))


def _lines(summary: SummaryFile) -> Iterator[str]:
    rule = "// " + "-" * 34
    yield from (rule, "// XMM-Newton Science Analysis System", rule, "//", "// ODF Summary File")
    yield f"// By: {summary.task}({summary.version}) [{summary.build}] on {summary.date}"
    yield from ("//", "//")
    if summary.path is not None:
        yield (
            "// Directory where the ODF constituents were found. "
            "This may have to be edited to match the local file system structure."
        )
        yield from ("//", f"PATH {summary.path}", "//")
    yield from ("// Observation Record", "//", "OBSERVATION")
    yield f"{summary.observation} / Observation Identifier"
    yield f"{summary.revolution} / Revolution Identifier"
    yield f"{summary.start} / Observation Start Time"
    yield f"{summary.end} / Observation End Time"
    yield from ("//", "// Number of files in the Observation Summary File, and their names", "//", "FILES")
    yield f"{len(summary.files)} / Number of Files"
    for name in summary.files:
        yield f"{name} / ODF Constituent"
    if summary.asc_name:
        yield f"// The CONFIGURATION record was extracted from {summary.asc_name}"
    yield "CONFIGURATION".ljust(LINE)
    yield f"{len(summary.configuration) + _METADATA}"
    yield from summary.configuration
    yield "// odfingest metadata"
    yield f"ODFINGEST_VERSION = {summary.version.rpartition('-')[2]} / odfingest version"
    yield f"SAS_MANIFEST = {summary.build} / SAS Manifest"
    yield f"PROCESS_DATE = {summary.processed} / Time and Date when summary file produced"
    count = 0
    for record in summary.instruments:
        yield from ("//", "// Instrument Record", "//", "INSTRUMENT", record.code)
        yield f"{'Y' if record.exposures else 'N'} / Is this instrument active?"
        yield f"{len(record.exposures)} / Number of exposures for this instrument"
        for number, exposure in enumerate(record.exposures, 1):
            count += 1
            yield from _exposure_lines(record.code, exposure, count, number)
    if summary.asc_name and summary.proposal:
        yield f"// The PROPOSAL record was extracted from {summary.asc_name}"
    yield from summary.proposal


def _exposure_lines(code: str, exposure: ExposureRecord, count: int, number: int) -> Iterator[str]:
    yield from ("//", "// Exposure Record", f"// Observation Level Exposure Index = {count}")
    yield f"// Instrument [{code}] Level Exposure Identifier = {exposure.identifier}"
    yield f"// Instrument [{code}] Level Exposure Index = {number}"
    yield from ("//", "EXPOSURE")
    yield f"{exposure.number} / Exposure Identifier [also {exposure.identifier}]"
    yield f"{'Y' if exposure.scheduled else 'N'} / Is this a scheduled exposure?"
    yield f"{exposure.kind} / Exposure Type"
    yield f"{exposure.commanded} / Commanded Exposure Identifier"
    yield f"{exposure.proposed} / Proposal Exposure Identifier"
    yield f"{exposure.scheduled_start} / Scheduled Start Time"
    yield f"{exposure.scheduled_end} / Scheduled End Time"
    yield f"{exposure.start} / Actual Start Time"
    yield f"{exposure.end} / Actual End Time"
    yield from ("//", f"// Configuration Record for {code}", "//")
    yield f"CONFIGURATION {CONFIGURATION_TITLES.get(code, code)}"
    yield f"{len(exposure.parameters)} / Number of configuration parameters available"
    for parameter in exposure.parameters:
        mark = "//" if parameter.from_housekeeping else "/"
        if parameter.missing:
            yield f"// WARNING: {parameter.name} not found"
        equals = "= " if parameter.missing else " = "
        yield f"{parameter.name}{equals}{parameter.value} {mark} {parameter.comment}"


def read_summary(path: str | os.PathLike[str]) -> SummaryFile:
    """Read a ``*SUM.SAS`` file.

    Raises
    ------
    FileProblem
        When it cannot be read or breaks the grammar; the sentence names the line.
    """
    return parse_summary(read_text(path), str(path))


def parse_summary(text: str, name: str = "the summary file") -> SummaryFile:
    """Read the text of a ``*SUM.SAS`` file; `name` is for messages.

    Raises
    ------
    FileProblem
        When it breaks the grammar.
    """
    return _Reader(text, name).read()


@dataclass(slots=True)
class _Reader:
    text: str
    name: str
    lines: list[str] = field(default_factory=list)
    place: int = 0
    creator: dict[str, str] = field(default_factory=dict)
    asc_name: str = ""

    def read(self) -> SummaryFile:
        self.lines = self.text.split("\n")
        if self.lines and not self.lines[-1]:
            self.lines.pop()
        path: str | None = None
        head = self._next("OBSERVATION")
        if head.startswith("PATH"):
            path = head[4:].strip()
            head = self._next("OBSERVATION")
        if head.strip() != "OBSERVATION":
            self._fail("has no OBSERVATION record")
        observation, revolution, start, end = (self._field() for _ in range(4))
        self._expect("FILES")
        files = tuple(self._field() for _ in range(self._count(self._field())))
        configuration, processed = self._configuration()
        instruments = tuple(self._instruments())
        return SummaryFile(
            task=self.creator.get("task", ""),
            version=self.creator.get("version", ""),
            build=self.creator.get("build", ""),
            date=self.creator.get("date", ""),
            path=path,
            observation=observation,
            revolution=revolution,
            start=start,
            end=end,
            files=files,
            asc_name=self.asc_name,
            configuration=tuple(configuration),
            processed=processed,
            instruments=instruments,
            proposal=tuple(self.lines[self.place :]),
        )

    def _peek(self) -> str | None:
        """Next line that is no comment."""
        while self.place < len(self.lines) and self.lines[self.place].startswith("//"):
            comment = self.lines[self.place].rstrip()
            if (made := _CREATOR.match(comment)) is not None:
                self.creator = made.groupdict()
            if (source := _SOURCE.match(comment)) is not None:
                self.asc_name = source["file"]
            self.place += 1
        return self.lines[self.place] if self.place < len(self.lines) else None

    def _next(self, wanted: str) -> str:
        line = self._peek()
        if line is None:
            self._fail(f"ends where {wanted} should stand")
        self.place += 1
        return line

    def _expect(self, title: str) -> None:
        if self._next(title).strip() != title:
            self.place -= 1
            self._fail(f"has no {title} record")

    def _field(self) -> str:
        match = _FIELD.match(self._next("a value").rstrip())
        assert match is not None  # the pattern takes any line
        return match["value"].strip()

    def _count(self, text: str) -> int:
        if not text.isdecimal() or int(text) > len(self.lines) - self.place:
            self._fail(f"gives '{text[:20]}' as a number of lines")
        return int(text)

    def _configuration(self) -> tuple[list[str], str]:
        line = self._peek()
        if line is None or line.strip() != "CONFIGURATION":
            return [], ""
        self.place += 1
        lines = [self._next("a parameter") for _ in range(self._count(self._field()))]
        kept, processed = [], ""
        for parameter in lines:
            if parameter.startswith("PROCESS_DATE = "):
                processed = parameter.split(" = ")[1].split(" / ")[0]
            elif not parameter.startswith(("ODFINGEST_VERSION = ", "SAS_MANIFEST = ")):
                kept.append(parameter)
        return kept, processed

    def _instruments(self) -> Iterator[InstrumentRecord]:
        while (line := self._peek()) is not None and line.strip() == "INSTRUMENT":
            self.place += 1
            code = self._next("an instrument").strip()
            self._field()
            count = self._count(self._field())
            yield InstrumentRecord(code, tuple(self._exposure(code) for _ in range(count)))

    def _exposure(self, code: str) -> ExposureRecord:
        self._expect("EXPOSURE")
        number, scheduled, kind, commanded, proposed = (self._field() for _ in range(5))
        scheduled_start, scheduled_end, start, end = (self._field() for _ in range(4))
        title = self._next("CONFIGURATION").rstrip()
        if not title.startswith("CONFIGURATION"):
            self.place -= 1
            self._fail(f"has no CONFIGURATION record for exposure {number} of {code}")
        parameters = tuple(self._parameter() for _ in range(self._count(self._field())))
        return ExposureRecord(
            number, scheduled == "Y", kind, commanded, proposed, scheduled_start, scheduled_end, start, end, parameters
        )

    def _parameter(self) -> Parameter:
        before = self.place
        line = self._next("a parameter")
        missing = any(" WARNING: " in comment for comment in self.lines[before : self.place - 1])
        match = _PARAMETER.match(line)
        if match is None:
            self.place -= 1
            self._fail(f"has '{line.strip()[:40]}' where a parameter should stand")
        return Parameter(match["name"], match["value"], match["comment"], match["mark"] == "//", missing)

    def _fail(self, problem: str) -> NoReturn:
        raise FileProblem(self.name, f"{problem} (line {self.place + 1})", "run odfingest again")
