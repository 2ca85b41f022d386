"""The tree of executables: commands, parameter files, settings of shells."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.cli.main import main
from xmmpy.cli.standin.tree import write_tree
from xmmpy.tasks.registry import find_task, task_names


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sas") / "my tree"
    write_tree(folder)
    return folder


def call(tree: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{tree}/bin:{os.environ['PATH']}", **variables}
    return subprocess.run(words, capture_output=True, text=True, env=environment, check=False)


def test_every_task_is_a_command_with_its_parameter_file(tree: Path) -> None:
    for name in task_names():
        assert os.access(tree / "bin" / name, os.X_OK)
        root = ET.parse(tree / "config" / f"{name}.par").getroot()
        described = {info.name: info for info in find_task(name).parameters.describe()}
        found = {one.get("id"): one for one in root.iter("PARAM")}
        assert set(found) == set(described)
        for key, info in described.items():
            assert found[key].get("mandatory") == ("yes" if info.mandatory else "no")
            assert found[key].findtext("DESCRIPTION")
            for child in found[key].findall("CASE/ITEM/PARAM"):
                assert key in described[str(child.get("id"))].parents


def test_answers_come_without_python(tree: Path) -> None:
    for name in ("evselect", "emproc"):
        task = find_task(name)
        version = call(tree, name, "-v", PATH=f"{tree}/bin:/usr/bin:/bin")
        assert version.returncode == 0
        assert version.stdout.startswith(f"{name} ({name}-")
        assert task.summary in call(tree, name, "-h").stdout
        defaults = call(tree, name, "-p").stdout.splitlines()
        assert len(defaults) == len(list(task.parameters.describe()))
        launcher = (tree / "bin" / name).read_text()
        assert launcher.index("exec cat") < launcher.index("-m xmmpy")


def test_a_command_does_what_the_task_does(tree: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        hdu = fits.PrimaryHDU(np.full((4, 4), number, np.int16))
        hdu.header.update(
            CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRPIX1=2.0, CRPIX2=2.0, CRVAL1=10.0, CRVAL2=20.0, CDELT1=-0.01,
            CDELT2=0.01,
        )  # fmt: skip
        hdu.writeto(tmp_path / f"{number}.fits")
    done = subprocess.run(
        [tree / "bin/emosaic", "imagesets='1.fits' '2.fits'", "mosaicedset='sum.fits'"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert fits.getdata(tmp_path / "sum.fits").sum() == 48
    failed = call(tree, "emosaic", "imagesets=none.fits")
    assert failed.returncode == 1
    assert "** emosaic: error (" in failed.stderr


def test_a_tree_of_an_older_version_says_so(tree: Path) -> None:
    launcher = (tree / "bin/evselect").read_text().replace("XMMPY_TREE=", "XMMPY_TREE=0.0.1-old-")
    old = tree / "bin/old"
    old.write_text(launcher)
    old.chmod(0o755)
    answer = subprocess.run([old, "table=none.fits"], capture_output=True, text=True, check=False)
    old.unlink()
    assert "oldTree" in answer.stderr
    assert "xmmpy sas-env" in answer.stderr


def test_what_programs_look_for(tree: Path) -> None:
    assert call(tree, "sas", "--version").stdout.strip().endswith("]")
    lines = call(tree, "sasversion").stdout.splitlines()
    for start in ("SAS release", "Compiled on", "Compiled by", "Platform"):
        assert any(line.startswith(start) for line in lines)
    assert "Version" in call(tree, "lcurve", "--version").stdout
    nothing = call(tree, "lcurve", "1")
    assert nothing.returncode == 1
    assert "does nothing else" in nothing.stderr


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_settings_make_tasks_commands(tree: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    script = (
        f'. "{tree}/headas-init.sh"; . "{tree}/setsas.sh"; . "{tree}/setsas.sh"; command -v evselect; echo "$PATH"; env'
    )
    done = subprocess.run(
        [shell, "-euc", script], capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "SAS_CCFPATH": "/my/ccf"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, path, *environment = done.stdout.splitlines()
    assert first == f"{tree}/bin/evselect"
    assert path == f"{tree}/bin:/usr/bin:/bin"  # once, though sourced twice
    assert "SAS_CCFPATH=/my/ccf" in environment
    assert f"SAS_DIR={tree}" in environment


def test_sas_env_prints_settings_and_writes_the_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for shell, word in (("bash", "export SAS_DIR="), ("fish", "set -gx SAS_DIR "), ("csh", "setenv SAS_DIR ")):
        assert main(["sas-env", "--shell", shell]) == 0
        assert word in capsys.readouterr().out
    (written,) = (tmp_path / "xmmpy").iterdir()
    assert os.access(written / "bin/evselect", os.X_OK)
    assert main(["sas-env", "--shell", "korn9"]) == 1
    assert "korn9" in capsys.readouterr().err
    (tmp_path / "file").write_text("x")
    assert main(["sas-env", "--dir", str(tmp_path / "file")]) == 1


def test_a_real_sas_is_not_shadowed_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = tmp_path / "xmmsas/bin"
    real.mkdir(parents=True)
    (real / "evselect").write_text("#!/bin/sh\n")
    (real / "evselect").chmod(0o755)
    monkeypatch.setenv("PATH", f"{real}:/usr/bin:/bin")
    assert main(["sas-env", "--dir", str(tmp_path / "tree")]) == 1
    told = capsys.readouterr()
    assert str(real) in told.err
    assert not told.out
    assert not (tmp_path / "tree").exists()
    assert main(["sas-env", "--dir", str(tmp_path / "tree"), "--shadow"]) == 0
    # With the tree first on PATH, a second call finds its own commands and goes on.
    monkeypatch.setenv("PATH", f"{tmp_path / 'tree/bin'}:/usr/bin:/bin")
    assert main(["sas-env", "--dir", str(tmp_path / "other")]) == 0
