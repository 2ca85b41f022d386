"""What surrounds a task while it runs: the environment, the clock, the messages; and what it leaves."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from xmmpy import __version__
from xmmpy.products.history import Provenance
from xmmpy.tasks.messages import TaskError, warning_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xmmpy.tasks.parameters import TaskParameters


def listed(text: str) -> tuple[str, ...]:
    """Take apart a list of files: SAS parts them by blanks, commas or colons."""
    return tuple(re.split(r"[\s,:]+", text.strip(" \t,:"))) if text.strip(" \t,:") else ()


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment variables that tasks obey, read once.

    Attributes
    ----------
    ccf_files : tuple of str
        Constituents that take the place of those that the index lists (SAS_CCFFILES).
    warnings : int
        Whether warnings are printed: not at 0.
    silenced : frozenset of str
        Codes of warnings that are not printed.
    """

    odf: str = ""
    ccf: str = ""
    ccf_path: tuple[str, ...] = ()
    ccf_files: tuple[str, ...] = ()
    verbosity: int = 4
    warnings: int = 1
    silenced: frozenset[str] = frozenset()
    clobber: bool = True
    source_date_epoch: int | None = None
    display: str = ""

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> Environment:
        """Read SAS_ODF, SAS_CCF, SAS_CCFPATH, SAS_VERBOSITY, SAS_CLOBBER, SOURCE_DATE_EPOCH and DISPLAY."""
        epoch = variables.get("SOURCE_DATE_EPOCH", "")
        verbosity = variables.get("SAS_VERBOSITY", "")
        return cls(
            odf=variables.get("SAS_ODF", ""),
            ccf=variables.get("SAS_CCF", ""),
            ccf_path=tuple(part for part in variables.get("SAS_CCFPATH", "").split(":") if part),
            ccf_files=listed(variables.get("SAS_CCFFILES", "")),
            verbosity=int(verbosity) if verbosity.isdecimal() else 4,
            clobber=variables.get("SAS_CLOBBER", "1").strip().lower() not in {"0", "no", "false"},
            source_date_epoch=int(epoch) if epoch.isdecimal() else None,
            display=variables.get("DISPLAY", "") or variables.get("WAYLAND_DISPLAY", ""),
        )


@dataclass(frozen=True, slots=True)
class Cut:
    """One step of a selection: its name and how many rows were left after it."""

    name: str
    rows: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task made and found.

    Attributes
    ----------
    outputs : tuple of pathlib.Path
        Files written.
    rows_in, rows_out : int
        Rows read and rows that passed.
    cuts : tuple of Cut
        Rows left after each part of the selection.
    facts : mapping
        Anything else worth knowing, as plain values (they go to logs and records).
    """

    outputs: tuple[Path, ...] = ()
    rows_in: int = 0
    rows_out: int = 0
    cuts: tuple[Cut, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Session:
    """One run of one task.

    Parameters
    ----------
    task : str
        Name of the task, for messages.
    environment : Environment
        What the surroundings ask for.
    out, err : file-like or None
        Where messages and warnings go; nothing is printed where it is None.
    long_lived : bool
        Whether this process goes on to other work, so that imports that pay later are worth their time.
    """

    task: str
    environment: Environment = field(default_factory=Environment)
    out: TextIO | None = None
    err: TextIO | None = None
    long_lived: bool = False
    warnings: list[tuple[str, str]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    @classmethod
    def for_terminal(cls, task: str, environment: Environment) -> Session:
        """Talk to the terminal."""
        return cls(task, environment, sys.stdout, sys.stderr)

    @property
    def now(self) -> datetime:
        """Time stamp of the products, UTC; SOURCE_DATE_EPOCH fixes it, for reproducible files."""
        if self.environment.source_date_epoch is not None:
            return datetime.fromtimestamp(self.environment.source_date_epoch, UTC)
        return datetime.now(UTC).replace(microsecond=0)

    def say(self, text: str, level: int = 4) -> None:
        """Log `text`, and print it where the verbosity is at least `level`."""
        line = f"{self.task}:- {text}"
        self.log.append(line)
        if self.out is not None and self.environment.verbosity >= level:
            print(line, file=self.out)

    def warn(self, code: str, text: str) -> None:
        """Log and print a warning in SAS's form; the same one is said once."""
        if (code, text) in self.warnings:
            return
        line = warning_line(self.task, code, text)
        self.warnings.append((code, text))
        self.log.append(line)
        if self.err is not None and self._is_printed(code):
            print(line, file=self.err)

    def _is_printed(self, code: str) -> bool:
        return self.environment.warnings > 0 and code not in self.environment.silenced

    def tell_silenced(self) -> None:
        """Say at the end how often each warning was not printed, as SAS does."""
        silent = Counter(code for code, _ in self.warnings if not self._is_printed(code))
        if self.err is not None:
            for code, number in silent.items():
                text = f"warning {code} silently occurred {number} time{'s' if number > 1 else ''}"
                print(warning_line(self.task, "SummaryOfWarnings", text), file=self.err)

    def provenance(self, parameters: TaskParameters) -> Provenance:
        """Describe this run for the headers of its products."""
        return Provenance(
            task=self.task,
            call=parameters.task_line(self.task),
            version=__version__,
            date=self.now,
        )

    def check_output(self, path: str | Path) -> Path:
        """Refuse, before anything runs, an output that cannot be written.

        Raises
        ------
        TaskError
            When the folder is missing, the path is a folder, or the file exists and clobbering is off.
        """
        target = Path(path)
        if target.is_dir():
            raise TaskError("FileIo", f"cannot write '{target}': it is a folder; name a file")
        if not target.parent.is_dir():
            text = f"cannot write '{target}': there is no folder '{target.parent}'; make it first"
            raise TaskError("FileIo", text)
        if target.exists() and not self.environment.clobber:
            text = f"'{target}' exists and clobbering is off (SAS_CLOBBER or -c); remove it or allow it"
            raise TaskError("FileIo", text)
        return target

    def quiet(self) -> Session:
        """Make a session like this one that prints nothing."""
        return replace(self, out=None, err=None, warnings=[], log=[])
