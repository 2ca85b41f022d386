"""The command ``xmmpy reduce`` around the pipeline: options, output, statuses, questions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pipeline_stubs import StubEngine, write_list

import xmmpy.engines
import xmmpy.report
from xmmpy.cli.main import main
from xmmpy.cli.progress import Bar, Clock, Lines, make_watcher
from xmmpy.pipeline.graph import Step
from xmmpy.products.record import StepRecord

Run = Callable[..., int]


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[StubEngine]:
    """Stub engines in place of the native one; the page is a stub too."""
    made: list[StubEngine] = []

    def make(folder: Path, **_: object) -> StubEngine:
        made.append(StubEngine(folder))
        return made[-1]

    def page(folder: Path) -> Path:
        (folder / "index.html").write_text("page")
        return folder / "index.html"

    monkeypatch.setattr(xmmpy.engines, "NativeEngine", make)
    monkeypatch.setattr(xmmpy.report, "write_page", page)
    return made


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_list(tmp_path / "mos1.fits", "EMOS1")
    write_list(tmp_path / "pn.fits", "EPN", "S003")
    return tmp_path


def test_a_run_says_what_it_made_and_where(
    engines: list[StubEngine], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reduce", str(home)]) == 0
    printed = capsys.readouterr()
    assert "mos1 (S001, Thin1): rate <= " in printed.out
    assert "keeps 1.7 of 2.0 ks" in printed.out
    assert "all cameras: 5 sources: coords/all_emllist.fits" in printed.out
    assert f"page: {home}/work/index.html" in printed.out
    assert "mos1/clean: done in 0.0 s, 10 rows in, 5 out" in printed.err
    assert main(["reduce", str(home)]) == 0
    again = capsys.readouterr()
    assert "nothing to do" in again.out
    assert again.err == ""
    assert engines[1].calls == []


def test_the_page_is_written_again_when_it_is_gone(engines: list[StubEngine], home: Path) -> None:
    main(["reduce", str(home)])
    (home / "work" / "index.html").unlink()
    assert main(["reduce", str(home)]) == 0
    assert (home / "work" / "index.html").is_file()
    assert engines[1].calls == []


def test_json_is_all_that_is_printed(engines: list[StubEngine], home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reduce", str(home), "--json", "--cameras", "pn"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert printed.err == ""
    assert (result["exit_status"], result["changed"]) == (0, True)
    assert [camera["key"] for camera in result["cameras"]] == ["pn"]
    assert len(engines[0].calls) == 15


def test_force_does_everything_again(engines: list[StubEngine], home: Path) -> None:
    main(["reduce", str(home)])
    main(["reduce", str(home), "--force"])
    assert len(engines[1].calls) == len(engines[0].calls) == 26


def test_another_work_folder_and_a_settings_file(engines: list[StubEngine], home: Path) -> None:
    (home / "mine.toml").write_text("image_size = 100\n")
    words = ["reduce", str(home), "--work", str(home / "elsewhere"), "--config", str(home / "mine.toml")]
    assert main(words) == 0
    assert "ximagesize=100" in (home / "elsewhere" / "record.json").read_text()
    assert not (home / "work").exists()
    assert engines[0].folder == home / "elsewhere"


def test_the_folder_s_own_settings_are_taken(engines: list[StubEngine], home: Path) -> None:
    (home / "xmmpy.toml").write_text('cameras = ["mos1"]\n')
    assert main(["reduce", str(home)]) == 0
    assert not any("pn" in name for name in engines[0].made())


def test_a_dry_run_prints_lines_and_writes_nothing(
    engines: list[StubEngine], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reduce", str(home), "--dry-run", "--flare-cut", "mos1=0.35,pn=0.4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "ln -sf ../mos1.fits mos1.fits" in lines
    assert sum(line.startswith("xmmpy task ") for line in lines) == 26
    assert not any("LIMIT" in line for line in lines)
    assert engines == []
    assert not (home / "work").exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--flare-cut", "never"], "--flare-cut takes auto, ask, histogram or limits"),
        (["--cameras", "rgs"], "the cameras are mos1, mos2, pn"),
        (["--cameras", "mos2"], "holds no calibrated event list of mos2"),
        (["--config", "nosuch.toml"], "nosuch.toml does not exist"),
        (["--flare-cut", "ask"], "needs a terminal"),
        (["--work", "mos1.fits/work"], "cannot be used as work folder"),
    ],
)
def test_mistakes_are_one_sentence_and_status_1(
    engines: list[StubEngine], home: Path, words: list[str], text: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(home)
    assert main(["reduce", ".", *words]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("xmmpy reduce: ")
    assert text in printed.err
    assert printed.err.count("\n") == 1
    assert engines == []


@pytest.mark.parametrize("words", [["reduce"], ["reduce", ".", "--colour"], ["reduce", ".", "--jobs", "many"]])
def test_wrong_usage_is_status_1_and_not_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    assert "Usage: xmmpy reduce" in capsys.readouterr().err


def test_a_failed_camera_is_status_2_with_the_reason(
    engines: list[StubEngine], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "mos2.fits").write_bytes((home / "mos1.fits").read_bytes()[:3000])
    assert main(["reduce", str(home)]) == 2
    printed = capsys.readouterr()
    assert f"{home}/mos2.fits" in printed.out
    assert "mos2 (" in printed.out
    assert ": failed: " in printed.out
    assert len(engines[0].calls) == 26


def test_a_page_that_cannot_be_written_is_said(
    engines: list[StubEngine], home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from xmmpy.products.errors import FileProblem

    def fail(folder: Path) -> Path:
        raise FileProblem(folder / "index.html", "cannot be written", "check the folder")

    monkeypatch.setattr(xmmpy.report, "write_page", fail)
    assert main(["reduce", str(home)]) == 1
    assert "index.html cannot be written" in capsys.readouterr().err
    assert (home / "work" / "mosaic.ds").is_file()
    assert len(engines) == 1


class Answers:
    """A terminal at which somebody types."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)

    def isatty(self) -> bool:
        return True

    def readline(self, *_: Any) -> str:
        return self.lines.pop(0) + "\n" if self.lines else ""


def test_the_user_is_shown_the_curve_and_asked(
    engines: list[StubEngine], home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Answers("-1", "0.3", "0.25"))
    assert main(["reduce", str(home), "--flare-cut", "ask", "--jobs", "1"]) == 0
    printed = capsys.readouterr().out
    assert "best signal-to-noise ratio" in printed
    assert (home / "work" / "mos1_rate.png").is_file()
    assert f"picture: {home}/work/mos1_rate.png" in printed
    assert "must be a positive rate" in printed
    assert "keeps 1.7 of 2.0 ks" in printed
    record = json.loads((home / "work" / "record.json").read_text())
    assert {camera["cut"]["method"] for camera in record["cameras"]} == {"asked"}
    assert main(["reduce", str(home), "--flare-cut", "ask"]) == 0  # nothing is left to be asked
    assert engines[1].calls == []


def test_the_time_left_follows_from_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    clock.plan({"a": 1.0, "b": 3.0})
    assert clock.left() == ""
    now[0] += 10.0
    clock.end("a")
    clock.end("a")
    assert clock.left() == "about 30 s left"
    assert (clock.done, clock.total) == (1.0, 4.0)
    now[0] += 500.0
    clock.hold(500.0)  # somebody was asked
    assert clock.left() == "about 30 s left"


def test_a_bar_shows_what_runs_and_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar()
    bar.planned({"mos1/image-b1": 1.0, "mos1/image-b2": 1.0})
    bar.started([Step(name=f"mos1/image-{b}", camera="mos1", title=f"image {b}") for b in ("b1", "b2")])
    bar.finished(StepRecord(name="mos1/image-b1", status="failed", reason="[no] luck"))
    bar.pause()
    assert "mos1/image-b1: failed: [no] luck" in capsys.readouterr().err


def test_a_reason_that_stops_many_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    with make_watcher(quiet=False) as lines:
        assert isinstance(lines, Lines)
        for name in ("a", "b"):
            lines.finished(StepRecord(name=name, status="skipped", reason="x failed"))
    assert capsys.readouterr().err == "a: skipped: x failed\n"
