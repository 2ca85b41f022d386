"""The record of a run: written whole, read back the same, told from other files."""

from __future__ import annotations

from pathlib import Path

import pytest

from xmmpy.products.errors import FileProblem
from xmmpy.products.record import (
    CameraRecord,
    CutFlowRecord,
    CutRecord,
    RunRecord,
    StampRecord,
    StepRecord,
    read_record,
)


def sample() -> RunRecord:
    cut = CutRecord(method="fixed", limit=0.35, kept=1, total=2)
    return RunRecord(
        version="0.1.0",
        started="2026-01-01T00:00:00Z",
        settings={"cameras": ["mos1"]},
        cameras=[CameraRecord(key="mos1", instrument="EMOS1", cut=cut)],
        steps=[
            StepRecord(
                name="mos1/rate", camera="mos1", task="evselect", line="xmmpy task evselect table=mos1.fits",
                inputs={"mos1.fits": "ab"}, outputs={"mos1_rate.fits": "cd"},
                cuts=[CutFlowRecord(name="PI>150", rows=3)], facts={"ontime": 1.5},
            )
        ],
        stamps={"mos1.fits": StampRecord(size=1, mtime_ns=2, digest="ab")},
    )  # fmt: skip


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    sample().write(tmp_path)
    assert read_record(tmp_path) == sample()
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_steps_and_cameras_are_found_by_name() -> None:
    record = sample()
    assert record.step("mos1/rate") is record.steps[0]
    assert record.camera("mos1") is record.cameras[0]
    assert record.step("pn/rate") is None
    assert record.camera("pn") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": "1"}', '{"version": "", "started": "", "hue": 1}'])
def test_another_file_is_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(FileProblem, match="is no record of a run") as caught:
        read_record(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_record_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_bytes(b"\xff\xfe")
    with pytest.raises(FileProblem, match="cannot be read"):
        read_record(tmp_path)
