"""srcdisplay: region files, pictures, DS9."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import detection_sample
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from xmmpy.selection import CelestialFrame, parse_region_file
from xmmpy.tasks import srcdisplay
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Session

RA, DEC = [150.0, 150.02, 149.95], [2.0, 2.03, -0.001 + 1.97]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A list and an image in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    image = detection_sample.write_image(tmp_path / "image.fits")
    return detection_sample.write_list(tmp_path / "emllist.fits", RA, DEC), image


def circles(text: str) -> list[tuple[float, ...]]:
    return [tuple(float(n) for n in found.split(",")) for found in re.findall(r"circle\(([^)\"]*)", text)]


def test_region_file_on_the_sky(files: tuple[Path, Path]) -> None:
    outcome = srcdisplay(boxlistset=files[0], regionfile="s.reg", sourceradius=0.005, uselabel=True)
    text = Path("s.reg").read_text()
    assert outcome.rows_out == 3
    assert [line for line in text.splitlines() if line == "fk5"]
    assert circles(text) == [pytest.approx((ra, dec, 18.0)) for ra, dec in zip(RA, DEC, strict=True)]
    assert re.findall(r"text=\{(\d+)\}", text) == ["1", "4", "7"]  # rows of the list
    frame = CelestialFrame((150.0, 2.0), (26000.0, 26000.0), (-0.05 / 3600, 0.05 / 3600))
    assert len(parse_region_file(text, frame).shapes) == 3


def test_region_file_in_pixels_agrees_with_astropy(files: tuple[Path, Path]) -> None:
    srcdisplay(boxlistset=files[0], imageset=files[1], regionfile="s.reg", regionsystem="image")
    expected = WCS(fits.getheader(files[1])).all_world2pix(np.transpose([RA, DEC]), 1)
    found = np.array(circles(Path("s.reg").read_text()))
    assert found[:, :2] == pytest.approx(expected, abs=0.002)
    assert found[:, 2] == pytest.approx(9.0)


def test_choices(files: tuple[Path, Path]) -> None:
    srcdisplay(boxlistset=files[0], regionfile="s.reg", expression="ID_INST==2 && ID_BAND==0 && DET_ML>=20",
               useposerr=True, syserr=1.0, includesources=False, srccolor="red")  # fmt: skip
    text = Path("s.reg").read_text()
    assert text.count("-circle(") == 2
    assert [radius for _, _, radius in circles(text)] == pytest.approx([np.hypot(2, 1), np.hypot(3, 1)], abs=1e-3)
    assert "color=red" in text


def test_picture_needs_no_display(files: tuple[Path, Path]) -> None:
    outcome = srcdisplay(boxlistset=files[0], imageset=files[1], plotfile="s.png", withregionfile=False, uselabel=True)
    assert [path.name for path in outcome.outputs] == ["s.png"]
    assert Path("s.png").read_bytes().startswith(PNG)
    from matplotlib.image import imread

    pixels = imread("s.png")
    green = (pixels[..., 1] > 0.4) & (pixels[..., 0] < 0.2) & (pixels[..., 2] < 0.2)
    assert green.sum() > 300  # three circles


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"expression": "NOSUCH>1"}, "NOSUCH"),
        ({"plotfile": "s.gif", "imageset": "image.fits"}, "endings"),
        ({"plotfile": "s.png", "withimageset": False}, "need an image"),
        ({"plotfile": "s.png", "imageset": "missing.fits"}, "missing.fits"),
        ({"plotfile": "s.png", "imageset": "image.fits", "srccolor": "mauvish"}, "no colour"),
        ({"useposerr": True, "poserrcol": "NOSUCH"}, "no column NOSUCH"),
    ],
)
def test_what_cannot_be_done(files: tuple[Path, Path], values: dict[str, object], complaint: str) -> None:
    with pytest.raises(TaskError, match=complaint):
        srcdisplay(boxlistset=files[0], regionfile="s.reg", **values)
    assert not Path("s.png").exists()


def test_empty_selection_is_said(files: tuple[Path, Path]) -> None:
    session = Session("srcdisplay")
    find_task("srcdisplay").execute(
        {"boxlistset": str(files[0]), "regionfile": "s.reg", "expression": "DET_ML>1000"}, session
    )
    assert [code for code, _ in session.warnings] == ["noSources"]
    assert not circles(Path("s.reg").read_text())


def fake(folder: Path, name: str) -> Path:
    """A program that writes down how it was called."""
    log = folder / f"{name}.log"
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\n')
    program.chmod(0o755)
    return log


def wait_for(log: Path) -> str:
    for _ in range(200):
        if log.exists() and log.read_text().endswith("\n"):
            return log.read_text()
        time.sleep(0.02)
    raise AssertionError(f"{log} was not written")


def test_ds9_is_started_where_there_is_a_display(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    ds9, xpaset = fake(folder, "ds9"), fake(folder, "xpaset")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    values = {"boxlistset": str(files[0]), "regionfile": "s.reg"}
    task = find_task("srcdisplay")
    task.execute({**values, "imageset": str(files[1])}, Session("srcdisplay"))
    assert not ds9.exists()  # no display
    session = Session("srcdisplay", Environment(display=":7"))
    task.execute({**values, "imageset": str(files[1])}, session)
    assert wait_for(ds9) == f"{files[1]} -scale log -regions s.reg\n"
    task.execute({**values, "withimageset": False}, session)
    assert xpaset.read_text() == "-p ds9 regions delete all\n-p ds9 regions load s.reg\n"
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    task.execute({**values, "imageset": str(files[1])}, session)
    assert [code for code, _ in session.warnings] == ["noDs9"]
