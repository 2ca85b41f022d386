"""The SAS engine on commands that behave, and that fail in every way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.cli.standin.tree import write_tree
from xmmpy.engines import NativeEngine, SasEngine, TaskCall, find_sas
from xmmpy.engines.sas import command_of

CALL = TaskCall("emosaic", {"imagesets": ("a.fits", "b c.fits"), "mosaicedset": "sum.fits"}, "log.txt")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    for number, name in enumerate(("a.fits", "b c.fits"), 1):
        hdu = fits.PrimaryHDU(np.full((4, 4), number, np.int16))
        hdu.header.update(
            CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRPIX1=2.0, CRPIX2=2.0, CRVAL1=10.0, CRVAL2=20.0, CDELT1=-0.01,
            CDELT2=0.01,
        )  # fmt: skip
        hdu.writeto(folder / name)
    return folder


def engine(work: Path, script: str, timeout: float = 20.0) -> SasEngine:
    """Engine that finds a shell script as emosaic."""
    commands = work.parent / "bin"
    commands.mkdir(exist_ok=True)
    command = commands / "emosaic"
    command.write_text("#!/bin/sh\n" + textwrap.dedent(script))
    command.chmod(0o755)
    return SasEngine(work, {"PATH": f"{commands}:/usr/bin:/bin", "SAS_DIR": "x"}, timeout=timeout)


def ended(work: Path, script: str, timeout: float = 20.0) -> tuple[str, str] | None:
    (result,) = engine(work, script, timeout).run([CALL])
    return result.error


def test_our_own_commands_give_what_the_native_engine_gives(work: Path) -> None:
    tree = work.parent / "tree"
    write_tree(tree)
    environment = {"PATH": f"{tree}/bin:/usr/bin:/bin", "SOURCE_DATE_EPOCH": "1262304000"}
    (result,) = SasEngine(work, environment).run([CALL])
    assert result.error is None
    assert result.outcome is not None
    assert result.outcome.outputs == (Path("sum.fits"),)
    made = (work / "sum.fits").read_bytes()
    assert "Executing" in (work / "log.txt").read_text()
    native = NativeEngine(work, {**os.environ, **environment})
    (other,) = native.run([CALL])
    native.close()
    assert other.error is None
    assert (work / "sum.fits").read_bytes() == made


def test_the_command_line_is_sas_s(work: Path) -> None:
    words, outputs = command_of(CALL)
    assert words == ['imagesets=a.fits "b c.fits"', "mosaicedset=sum.fits"]
    assert outputs == ["sum.fits"]


def test_exit_status(work: Path) -> None:
    error = ended(work, "exit 1")
    assert error is not None
    assert error[0] == "ExitStatus"


def test_an_error_line_counts_even_with_status_0(work: Path) -> None:
    error = ended(work, 'cp a.fits sum.fits; echo "** emosaic: error (badDims), the images do not fit" >&2; exit 0')
    assert error == ("badDims", "the images do not fit")
    assert not (work / "sum.fits").exists()


def test_no_file(work: Path) -> None:
    error = ended(work, "exit 0")
    assert error is not None
    assert "sum.fits is missing" in error[1]


def test_an_old_file_is_no_success(work: Path) -> None:
    (work / "sum.fits").write_bytes((work / "a.fits").read_bytes())
    error = ended(work, "exit 0")
    assert error is not None
    assert "did not write" in error[1]
    assert (work / "sum.fits").exists()


def test_half_a_file_is_removed(work: Path) -> None:
    error = ended(work, "head -c 2000 a.fits > sum.fits")
    assert error is not None
    assert error[0] == "BadFile"
    assert not (work / "sum.fits").exists()


def test_a_crash(work: Path) -> None:
    error = ended(work, "kill -SEGV $$")
    assert error == ("Crash", "emosaic crashed (signal 11)")


def test_a_command_that_is_not_there(work: Path) -> None:
    (result,) = SasEngine(work, {"PATH": str(work)}).run([CALL])
    assert result.error is not None
    assert result.error[0] == "NotFound"


def test_a_hang_ends_with_all_its_children(work: Path) -> None:
    begin = time.monotonic()
    error = ended(work, "sleep 77.5 & echo $! > child; sleep 77.5", timeout=0.5)
    assert error is not None
    assert error[0] == "Timeout"
    assert time.monotonic() - begin < 15
    assert not _alive(int((work / "child").read_text()))


def test_closing_ends_what_runs(work: Path) -> None:
    running = engine(work, "echo $$ > child; trap '' TERM; sleep 77.5")
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.extend(running.run([CALL])))
    thread.start()
    child = _child(work)
    running.close()
    thread.join(20)
    assert not thread.is_alive()
    assert found[0].error == ("Stopped", "the run was stopped")  # type: ignore[attr-defined]
    assert not _alive(child)


def test_killing_the_process_ends_what_runs(work: Path) -> None:
    engine(work, "echo $$ > child; sleep 77.5")
    program = f"""
    from pathlib import Path
    from xmmpy.engines import SasEngine, TaskCall
    SasEngine(Path({str(work)!r}), {{"PATH": {str(work.parent / "bin") + ":/usr/bin:/bin"!r}}}).run(
        [TaskCall("emosaic", {{"imagesets": ("a.fits",), "mosaicedset": "sum.fits"}}, "log.txt")])
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)])
    child = _child(work)
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 10
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(child)


def test_warnings_are_passed_on(work: Path) -> None:
    script = 'cp a.fits sum.fits; echo "** emosaic: warning (pixelSizesDiffer), not the same"'
    (result,) = engine(work, script).run([CALL])
    assert result.error is None
    assert result.warnings == ("not the same",)


def test_what_is_found_of_a_sas(work: Path) -> None:
    engine(work, "exit 0")
    commands = work.parent / "bin"
    assert find_sas({"PATH": "/nowhere"}, ["emosaic"]) is None
    found = find_sas({"PATH": str(commands)}, ["emosaic", "emproc"])
    assert found is not None
    assert found.missing == ("emproc",)
    (commands / "sasversion").write_text('#!/bin/sh\necho "SAS release: xmmsas_20350101_0000-31.0.0"\n')
    (commands / "sasversion").chmod(0o755)
    newer = find_sas({"PATH": f"{commands}:/usr/bin:/bin"}, ["emosaic"])
    assert newer is not None
    assert newer.release == (31, 0)
    assert "31.0" in newer.remarks[0]


def _child(work: Path) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        text = (work / "child").read_text().strip() if (work / "child").is_file() else ""
        if text:
            return int(text)
        time.sleep(0.05)
    raise AssertionError("the command did not start")


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
