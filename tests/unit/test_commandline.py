"""The command-line grammar of SAS, as the programs that call SAS use it."""

from __future__ import annotations

import io
import shlex
import subprocess
import sys

import pytest

from xmmpy.cli.main import COMMANDS, main
from xmmpy.tasks.commandline import read_command_line
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Session

HEAVY = {"astropy", "numba", "matplotlib", "scipy", "numpy", "pydantic", "lark", "jinja2"}


def values(task: str, line: str) -> dict[str, str]:
    return read_command_line(shlex.split(line)).values_for(find_task(task))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("table=mos1.fits", {"table": "mos1.fits"}),
        ("table='mos1.fits' withrateset=\"Y\"", {"table": "mos1.fits", "withrateset": "Y"}),
        ("\"table='mos1.fits'\"", {"table": "mos1.fits"}),
        ("table=mos1.fits:EVENTS", {"table": "mos1.fits:EVENTS"}),
        ("'expression=(PI in [500:2000])'", {"expression": "(PI in [500:2000])"}),
        ("expression='FLAG .eq. 0 && PI==3'", {"expression": "FLAG .eq. 0 && PI==3"}),
        ("table=a.fits table=b.fits", {"table": "b.fits"}),
        ("expression=''", {"expression": ""}),
        ("--table=mos1.fits --expression='(PI>500)'", {"table": "mos1.fits", "expression": "(PI>500)"}),
        ("--table=a.fits withimageset=yes", {"table": "a.fits", "withimageset": "yes"}),
    ],
)
def test_parameters(line: str, wanted: dict[str, str]) -> None:
    assert values("evselect", line) == wanted


@pytest.mark.parametrize(
    ("line", "items"),
    [
        ("imagesets='A B C'", ("A", "B", "C")),
        ("""imagesets='"a.fits" "b.fits"'""", ("a.fits", "b.fits")),
        ("""imagesets='"a b.fits"'""", ("a b.fits",)),
    ],
)
def test_lists_keep_their_quotes_until_they_are_split(line: str, items: tuple[str, ...]) -> None:
    task = find_task("emosaic")
    assert task.parameters.from_values(values("emosaic", line)).imagesets == items  # type: ignore[attr-defined]


def test_the_first_of_a_repeated_parameter_counts_where_it_is_asked_for() -> None:
    assert read_command_line(["a=1", "a=2"], first_counts=True).values == {"a": "1"}


@pytest.mark.parametrize("spelling", ["-V 7", "-V7", "-V=7", "--verbosity 7", "--verbosity=7"])
def test_verbosity(spelling: str) -> None:
    line = read_command_line([*spelling.split(), "a=1"])
    assert line.adjust(Environment()).verbosity == 7
    assert line.values == {"a": "1"}


def test_switches_adjust_the_environment() -> None:
    words = shlex.split("-w 0 -c -a /ccf:/more -i ccf.cif -o 0123_SCX00000SUM.SAS")
    adjusted = read_command_line(words).adjust(Environment())
    assert (adjusted.warnings, adjusted.clobber, adjusted.ccf_path) == (0, False, ("/ccf", "/more"))
    assert (adjusted.ccf, adjusted.odf) == ("ccf.cif", "0123_SCX00000SUM.SAS")


@pytest.mark.parametrize(
    ("line", "warnings", "codes"),
    [
        ("-w", 0, set()),
        ("-w a=1", 0, set()),
        ("-w -c a=1", 0, set()),
        ("-w 0 a=1", 0, set()),
        ("-w3 a=1", 3, set()),
        ("-w noGti -w=noRows --warning=other a=1", 1, {"noGti", "noRows", "other"}),
        ("--warning noGti a=1", 1, {"noGti"}),
        ("a=1", 1, set()),
    ],
)
def test_warnings_are_silenced(line: str, warnings: int, codes: set[str]) -> None:
    parsed = read_command_line(line.split())
    assert parsed.values == ({"a": "1"} if "a=1" in line else {})
    environment = parsed.adjust(Environment())
    assert (environment.warnings, environment.silenced) == (warnings, codes)


def test_what_is_silenced_is_counted_at_the_end() -> None:
    err = io.StringIO()
    session = Session("evselect", Environment(silenced=frozenset({"noGti"})), io.StringIO(), err)
    session.warn("noGti", "of one")
    session.warn("noGti", "of another")
    session.warn("noRows", "none")
    session.tell_silenced()
    assert err.getvalue().splitlines() == [
        "** evselect: warning (noRows), none",
        "** evselect: warning (SummaryOfWarnings), warning noGti silently occurred 2 times",
    ]


@pytest.mark.parametrize("text", ["a.CCF b.CCF", "a.CCF,b.CCF", "a.CCF:b.CCF", " a.CCF , b.CCF ", "a.CCF\tb.CCF"])
def test_constituents_are_parted_by_blanks_commas_or_colons(text: str) -> None:
    assert Environment.from_mapping({"SAS_CCFFILES": text}).ccf_files == ("a.CCF", "b.CCF")
    assert read_command_line(["-f", text]).adjust(Environment()).ccf_files == ("a.CCF", "b.CCF")


def test_no_constituents() -> None:
    assert Environment.from_mapping({"SAS_CCFFILES": " "}).ccf_files == ()


@pytest.mark.parametrize(("word", "flag"), [("-v", "version"), ("-h", "help"), ("-p", "param")])
def test_flags(word: str, flag: str) -> None:
    assert flag in read_command_line([word]).flags


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["mos1.fits"], "neither a switch nor of the form name=value"),
        (["-V"], "wants a value"),
        (["-V", "loud"], "whole number"),
        (["-Z"], "no switch '-Z'"),
        (["--verbosty"], "did you mean '--verbosity'"),
    ],
)
def test_wrong_words(words: list[str], text: str) -> None:
    with pytest.raises(TaskError, match=text):
        read_command_line(words).adjust(Environment())


def test_version_of_a_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["task", "evselect", "-v"]) == 0
    assert capsys.readouterr().out == "evselect (evselect-0.1.0) [xmm-python-0.1.0]\n"


def test_help_and_parameters_of_a_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["task", "tabgtigen", "-h"]) == 0
    assert "good time" in capsys.readouterr().out.lower()
    assert main(["task", "tabgtigen", "-p"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "gtiset=gti.fits" in lines
    assert "table=" in lines


def test_a_bare_task_shows_its_help_and_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["task", "evselect"]) == 0
    assert "filteredset" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["tabgtigen", "tabel=x"], "(UnknownParameter), there is no parameter 'tabel'; did you mean 'table'"),
        (["tabgtigen", "timecolumn=T"], "(MissingParameter), the mandatory parameter 'table' is not given"),
        (["tabgtigne", "table=x"], "(UnknownTask), there is no task 'tabgtigne'; did you mean 'tabgtigen'?"),
        (["emosaic", "imagesets=nosuch.fits"], "(FileIo), nosuch.fits does not exist"),
        (["tabgtigen", "-d"], "(BadSwitch), there are no dialogs"),
    ],
)
def test_errors_are_one_line_on_standard_error(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["task", *words]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(f"** {words[0]}: error {line}")
    assert printed.err.count("\n") == 1


def test_what_nobody_expected_is_one_sentence_and_a_traceback_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from xmmpy.tasks.registry import Task

    def fall(_self: Task, _values: object, _session: object) -> None:
        raise ZeroDivisionError("by nought\nat all")

    monkeypatch.setattr(Task, "execute", fall)
    assert main(["task", "tabgtigen", "table=x"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("** tabgtigen: error (Unexpected), ")
    assert "by nought at all" in error
    assert error.count("\n") == 1
    monkeypatch.setenv("XMMPY_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main(["task", "tabgtigen", "table=x", "-t"])


def test_a_misspelt_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reduse"]) == 1
    assert "reduce" in capsys.readouterr().err


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "xmmpy (xmm-python-0.1.0)\n"


def test_the_tasks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks"]) == 0
    assert "evselect" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["reduce", "--help"], ["task", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "xmmpy", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "xmmpy.cli.main" in imported
    assert not {name.split(".")[0] for name in imported} & HEAVY
