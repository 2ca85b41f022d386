"""The record of a run, ``record.json`` in the work folder: what was done, from what, with which result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from pathlib import Path

RECORD_NAME = "record.json"

Status = Literal["done", "nothing to do", "failed", "skipped"]


class _Part(BaseModel):
    """What all parts of a record have in common: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class ObservationRecord(_Part):
    """The observation, as the headers of its lists name it; empty where they do not.

    `ra` and `dec` are the pointing in degrees (J2000).
    """

    obs_id: str = ""
    object: str = ""
    ra: float | None = None
    dec: float | None = None
    date_obs: str = ""
    date_end: str = ""


class CutRecord(_Part):
    """The flare cut of a camera: rates in counts/s, times in seconds."""

    method: str
    limit: float
    kept: float
    total: float
    lower: float | None = None
    text: str = ""


class CameraRecord(_Part):
    """One exposure of one camera: where its products are, relative to the work folder."""

    key: str
    instrument: str
    exposure: str = ""
    filter: str = ""
    mode: str = ""
    source: str = ""
    events: str = ""
    rate: str = ""
    gti: str = ""
    clean: str = ""
    images: dict[str, str] = Field(default_factory=dict)
    cut: CutRecord | None = None
    status: Status = "done"
    reason: str = ""


class CutFlowRecord(_Part):
    """Rows that were left after one part of a selection."""

    name: str
    rows: int


class StepRecord(_Part):
    """One step: the line that repeats it, what it read and wrote (file: digest), how it ended."""

    name: str
    camera: str | None = None
    task: str = ""
    line: str = ""
    inputs: dict[str, str] = Field(default_factory=dict)
    outputs: dict[str, str] = Field(default_factory=dict)
    status: Status = "done"
    reason: str = ""
    seconds: float = 0.0
    rows_in: int = 0
    rows_out: int = 0
    cuts: list[CutFlowRecord] = Field(default_factory=list)
    facts: dict[str, Any] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)
    log: str = ""
    version: str = ""


class StampRecord(_Part):
    """What a file looked like when its digest was taken: a file that still looks so is not read again."""

    size: int
    mtime_ns: int
    digest: str


class RunRecord(_Part):
    """A run of the recipe in one work folder.

    `remarks` are of the data: what is missing or was passed over, a line each.
    """

    version: str
    started: str
    settings: dict[str, Any] = Field(default_factory=dict)
    observation: ObservationRecord = Field(default_factory=ObservationRecord)
    remarks: list[str] = Field(default_factory=list)
    cameras: list[CameraRecord] = Field(default_factory=list)
    steps: list[StepRecord] = Field(default_factory=list)
    stamps: dict[str, StampRecord] = Field(default_factory=dict)
    lists: dict[str, dict[str, Any]] = Field(default_factory=dict)

    def step(self, name: str) -> StepRecord | None:
        """Find a step by name."""
        return next((step for step in self.steps if step.name == name), None)

    def camera(self, key: str) -> CameraRecord | None:
        """Find a camera by key (``mos1``, ``mos1_U002``, ``pn``)."""
        return next((camera for camera in self.cameras if camera.key == key), None)

    def write(self, folder: Path) -> None:
        """Write the record into the work folder; the old one stays until the new one is complete."""
        with atomic_path(folder / RECORD_NAME) as temporary:
            temporary.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_record(folder: Path) -> RunRecord | None:
    """Read the record of a work folder; None where there is none.

    Raises
    ------
    FileProblem
        When the record cannot be read or is none.
    """
    path = folder / RECORD_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise FileProblem(path, f"cannot be read ({error})", "remove it to start afresh") from None
    try:
        return RunRecord.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        what = ": ".join([".".join(str(part) for part in first["loc"]), first["msg"]]).removeprefix(": ")
        raise FileProblem(path, f"is no record of a run ({what})", "remove it to start afresh") from None
