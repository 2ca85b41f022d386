"""Help of each command, with examples that are right; completion in the shell."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from xmmpy.cli.completion import SCRIPTS, candidates
from xmmpy.cli.examples import EXAMPLES
from xmmpy.cli.main import COMMANDS, INTERRUPTED, main
from xmmpy.tasks.registry import find_task, task_names


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example" in shown
    if command != "task":
        assert all(line in shown for line in EXAMPLES[command])


def words_of(line: str) -> list[str]:
    """Words of the last `xmmpy` command of an example."""
    inside = line.replace('eval "$(', "").replace(')"', "")
    words = shlex.split(inside, comments=True)
    last = max(n for n, word in enumerate(words) if word == "xmmpy")
    stop = next((n for n, word in enumerate(words) if n > last and word in {"|", ">"}), len(words))
    return words[last + 1 : stop]


@pytest.mark.parametrize(("command", "line"), [(name, line) for name, lines in EXAMPLES.items() for line in lines])
def test_examples_use_what_there_is(command: str, line: str) -> None:
    words = words_of(line)
    assert words[0] == command or command in line
    known = set(candidates([*words[:2], "-"]) if words[0] == "simulate" else candidates([words[0], "-"]))
    for word in words[1:]:
        if word.startswith("--"):
            assert word in known
    if words[0] == "task":
        names = {info.name for info in find_task(words[1]).parameters.describe()}
        assert {word.split("=")[0] for word in words[2:] if "=" in word} <= names


def test_what_may_follow() -> None:
    assert candidates([""]) == sorted(COMMANDS)
    assert candidates(["red"]) == ["redo", "reduce"]
    assert candidates(["task", ""]) == sorted(task_names())
    assert candidates(["task", "evselect", "imagebinning="]) == ["imagebinning=binSize", "imagebinning=imageSize"]
    assert candidates(["task", "evselect", "withimageset="]) == ["withimageset=no", "withimageset=yes"]
    assert "imageset=" in candidates(["task", "evselect", "image"])
    assert "--flare-cut" in candidates(["reduce", "--"])
    assert candidates(["simulate", ""]) == ["events", "odf"]
    assert "--exposure" in candidates(["simulate", "odf", "--"])
    # Names of files are the shell's own.
    assert candidates(["reduce", "01"]) == candidates(["task", "evselect", "table="]) == []
    assert candidates(["task", "nothing", ""]) == candidates(["nothing", "-"]) == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes(tmp_path: Path) -> None:
    (tmp_path / "xmmpy").write_text(f'#!/bin/sh\nexec {sys.executable} -m xmmpy "$@"\n')
    (tmp_path / "xmmpy").chmod(0o755)
    (tmp_path / "list.fits").touch()
    script = (
        'eval "$(xmmpy completion bash)"\n'
        'try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _xmmpy; printf "<%s>" "${COMPREPLY[@]}"; echo; }\n'
        "try xmmpy task emos; try xmmpy task evselect imagebinning=im\n"
        "try xmmpy task evselect rateset; try xmmpy info li\n"
    )
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    assert done.stdout.split("\n")[:4] == ["<emosaic >", "<imagebinning=imageSize >", "<rateset=>", "<list.fits>"]


def test_scripts_and_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in SCRIPTS:
        assert main(["completion", shell]) == 0
        assert "xmmpy completion --words" in capsys.readouterr().out
    assert main(["completion", "csh"]) == 1
    assert "bash, zsh, fish" in capsys.readouterr().err


def test_ctrl_c_has_a_status_of_its_own(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Real signals at random moments are those of `test_reduce_kill`."""

    def interrupted(_words: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("xmmpy.cli.main._dispatch", interrupted)
    assert main(["reduce", "somewhere"]) == INTERRUPTED
    assert "goes on from here" in capsys.readouterr().err
