"""``xmmpy batch``: lines, their order, passes that are shared, failures."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pipeline_stubs import write_list, write_rate

import xmmpy.engines.batch as batch_module
from xmmpy.cli.main import main
from xmmpy.engines import CallResult, TaskCall
from xmmpy.engines.batch import read_batch, run_batch
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.session import Environment, Outcome

IMAGE = "evselect table={} imageset={} xcolumn=X ycolumn=Y expression='{}'"


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What is done together, with tasks that only say what they would write; ``bad`` files fail."""
    done: list[list[str]] = []

    def run(calls: list[TaskCall], _environment: Environment, *, terminal: bool) -> list[CallResult]:
        assert terminal
        outputs = ("imageset", "gtiset", "mosaicedset")
        names = [str(call.values[key]) for call in calls for key in outputs if key in call.values]
        done.append(names)
        return [CallResult(error=("x", "y")) if "bad" in name else CallResult(Outcome()) for name in names]

    monkeypatch.setattr(batch_module, "run_calls", run)
    return done


def do(*lines: str) -> tuple[list[bool], list[str]]:
    told: list[str] = []
    batch = read_batch("\n".join(lines))
    results = run_batch(batch, Environment(), lambda line, why: told.append(f"{line.number}: {why}"))
    return [result.error is None for result in results], told


def test_calls_on_one_table_are_one_pass(passes: list[list[str]]) -> None:
    do(
        IMAGE.format("a.fits", "1.fits", "PI>1"),
        IMAGE.format("b.fits", "2.fits", "PI>1"),
        IMAGE.format("./a.fits", "3.fits", "gti(g.fits,TIME)"),
        IMAGE.format("a.fits", "4.fits", "gti(g.fits,TIME)"),
    )
    assert passes == [["1.fits", "3.fits", "4.fits"], ["2.fits"]]


def test_a_line_waits_for_what_it_reads(passes: list[list[str]]) -> None:
    do(
        IMAGE.format("a.fits", "1.fits", "true"),
        "tabgtigen table=rate.fits gtiset=g.fits expression=RATE<1",
        IMAGE.format("a.fits", "2.fits", "PI>150 && gti(g.fits,TIME)"),
        IMAGE.format("a.fits", "3.fits", "gti(g.fits:STDGTI,TIME)"),
        "emosaic imagesets='2.fits 3.fits' mosaicedset=m.ds",
    )
    assert passes == [["1.fits"], ["g.fits"], ["2.fits", "3.fits"], ["m.ds"]]


def test_a_file_that_is_written_twice_is_written_in_order(passes: list[list[str]]) -> None:
    do(
        IMAGE.format("a.fits", "1.fits", "true"),
        "emosaic imagesets=1.fits mosaicedset=m.ds",
        IMAGE.format("a.fits", "1.fits", "PI>1"),
        IMAGE.format("a.fits", "1.fits", "PI>2"),
    )
    assert passes == [["1.fits"], ["m.ds"], ["1.fits"], ["1.fits"]]


def test_a_failure_stops_only_what_needs_it(passes: list[list[str]]) -> None:
    good, told = do(
        IMAGE.format("a.fits", "bad.fits", "true"),
        IMAGE.format("a.fits", "1.fits", "true"),
        "emosaic imagesets='1.fits bad.fits' mosaicedset=m.ds",
        "emosaic imagesets=m.ds mosaicedset=n.ds",
        "emosaic imagesets=1.fits mosaicedset=o.ds",
    )
    assert good == [False, True, False, False, True]
    assert [line[:2] for line in told] == ["3:", "4:"]
    assert passes == [["bad.fits", "1.fits"], ["o.ds"]]


def test_lines_as_a_shell_takes_them() -> None:
    lines = read_batch(
        "# images\n\nxmmpy task emosaic imagesets='a b' \\\n  mosaicedset=m.ds # both\n"
        "evselect table=a.fits expression='#XMMEA_EM && (PI>150)' imageset=i.fits\n"
    )
    assert [(line.number, line.task.name) for line in lines] == [(3, "emosaic"), (5, "evselect")]
    assert lines[0].call().values == {"imagesets": "a b", "mosaicedset": "m.ds"}
    assert lines[1].call().values["expression"] == "#XMMEA_EM && (PI>150)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\nevselect tabel=x", "line 2: there is no parameter 'tabel'"),
        ("evselct table=x", "line 1: there is no task 'evselct'"),
        ("evselect table='x", "line 1 cannot be read"),
        ("evselect -h", "line 1: a line of a batch runs a task"),
        ("evselect table", "line 1: 'table' is neither"),
    ],
)
def test_nothing_runs_when_a_line_is_wrong(text: str, words: str) -> None:
    with pytest.raises(TaskError, match=words):
        read_batch(text)


def test_a_real_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    write_list(tmp_path / "mos1.fits", "EMOS1")
    write_rate(tmp_path / "rate.fits")
    lines = [
        IMAGE.format("mos1.fits", "1.fits", "PI>3"),
        "tabgtigen table=rate.fits gtiset=g.fits expression='RATE<1'",
        IMAGE.format("mos1.fits", "2.fits", "gti(g.fits,TIME)"),
        IMAGE.format("mos1.fits", "3.fits", "NOCOLUMN>2"),
        "emosaic imagesets=3.fits mosaicedset=m.ds",
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    assert main(["batch", "-"]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.fits", "2.fits", "g.fits", "mos1.fits", "rate.fits"]
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("** evselect: error (")
    assert errors[-1] == (
        "** emosaic: error (UpstreamFailed), line 5 is not done: it needs what line 4 should have written"
    )
    (tmp_path / "good").write_text(lines[0])
    assert main(["batch", "good"]) == 0


@pytest.mark.parametrize("make", [False, True])
def test_a_batch_that_cannot_be_read(tmp_path: Path, make: bool, capsys: pytest.CaptureFixture[str]) -> None:
    if make:
        (tmp_path / "file").write_bytes(b"\xff\xfe\x00")
    assert main(["batch", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.startswith("** batch: error (FileIo), ")
