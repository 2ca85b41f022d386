"""dsplot: pictures and text plots."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import xmmpy.tasks
from xmmpy.products.gti import gti_hdu
from xmmpy.products.intervals import Intervals
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Session

T0 = 1.0e8


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rate curve with a flare; the working folder is empty but for it."""
    monkeypatch.chdir(tmp_path)
    rate = np.full(50, 0.2)
    rate[30:34] = 2.0
    columns = [
        fits.Column("RATE", "D", unit="count/s", array=rate),
        fits.Column("ERROR", "D", unit="count/s", array=np.full(50, 0.05)),
        fits.Column("TIME", "D", unit="s", array=T0 + 100 * np.arange(50)),
        fits.Column("GOOD", "L", array=rate < 1),
        fits.Column("NUMBER", "J", null=-99, array=np.r_[-99, np.arange(49)]),
        fits.Column("SPECTRUM", "3E", array=np.ones((50, 3))),
        fits.Column("NAME", "4A", array=["test"] * 50),
    ]
    path = tmp_path / "rate.fits"
    hdu = fits.BinTableHDU.from_columns(columns, name="RATE")
    fits.HDUList([fits.PrimaryHDU(), hdu, gti_hdu(Intervals.of([T0], [T0 + 3000]))]).writeto(path)
    return path


def picture(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    from matplotlib.image import imread

    return np.asarray(imread(path))


def test_the_picture_is_named_after_the_table(table: Path) -> None:
    outcome = xmmpy.tasks.dsplot(table=f"{table}:RATE", y="RATE.ERROR")
    assert outcome.outputs == (Path("rate.png"),)
    image = picture(Path("rate.png"))
    assert image.shape[:2] == (576, 1080)
    assert len(np.unique(image.reshape(-1, image.shape[2]), axis=0)) > 10
    assert not list(Path().glob(".*.part"))


def test_the_same_call_makes_the_same_bytes(table: Path) -> None:
    for name in ("one.png", "two.png"):
        xmmpy.tasks.dsplot(table=table, y="RATE", plotfile=name, title="curve")
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()


def test_good_time_is_shaded(table: Path) -> None:
    xmmpy.tasks.dsplot(table=table, y="RATE", plotfile="plain.png", xmin=T0, xmax=T0 + 5000)
    xmmpy.tasks.dsplot(table=table, y="RATE", plotfile="shaded.png", xmin=T0, xmax=T0 + 5000, gtiset=f"{table}:STDGTI")
    changed = np.any(picture(Path("plain.png")) != picture(Path("shaded.png")), axis=2)[200]
    columns = np.flatnonzero(changed)
    assert 500 < columns.size < 700  # three fifths of the axis
    assert columns.max() < 720


@pytest.mark.parametrize(("name", "magic"), [("a.pdf", b"%PDF"), ("a.svg", b"<?xml"), ("a.eps", b"%!PS")])
def test_other_formats_by_their_ending(table: Path, name: str, magic: bytes) -> None:
    xmmpy.tasks.dsplot(table=table, y="RATE", plotfile=name)
    assert Path(name).read_bytes().startswith(magic)


def test_a_dash_draws_text_alone(table: Path) -> None:
    outcome = xmmpy.tasks.dsplot(table=table, y="RATE", plotfile="-")
    assert outcome.outputs == ()
    assert "•" in outcome.facts["text"]
    assert "RATE [count/s]" in outcome.facts["text"]
    assert list(Path().glob("*.png")) == []


def test_a_terminal_gets_the_text_and_a_log_does_not(table: Path) -> None:
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        session = Session("dsplot", Environment(verbosity=0), out=stream)
        find_task("dsplot").execute({"table": table, "y": "RATE", "width": 60}, session)
        assert ("TIME [s]" in stream.getvalue()) == shown


def test_a_stream_without_unicode_gets_ascii(table: Path) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    session = Session("dsplot", Environment(verbosity=0), out=stream)
    find_task("dsplot").execute({"table": table, "y": "RATE", "plotfile": "-"}, session)
    stream.flush()
    assert b"RATE [count/s]" in stream.buffer.getvalue()  # type: ignore[attr-defined]


def test_all_columns_of_numbers_against_time_when_none_is_named(table: Path) -> None:
    text = xmmpy.tasks.dsplot(table=table, plotfile="-").facts["text"]
    for name in ("RATE", "ERROR", "GOOD", "NUMBER"):
        assert f"{name}\n" in text
    assert "SPECTRUM" not in text
    assert "NAME" not in text
    assert "-99" not in text  # a null, not a number


def test_limits_offset_index_and_scale(table: Path) -> None:
    text = xmmpy.tasks.dsplot(table=table, y="RATE", plotfile="-", withoffsetx=True, xmax=1000).facts["text"]
    assert "TIME [s] - 100000000" in text
    assert "   2 │" not in text  # the flare is outside
    text = xmmpy.tasks.dsplot(table=table, y="RATE", plotfile="-", index="yes", ylog="yes").facts["text"]
    assert "49" in text.splitlines()[-1]
    text = xmmpy.tasks.dsplot(table=table, y="RATE", plotfile="-", ymax=1).facts["text"]
    assert "   2 │" not in text
    xmmpy.tasks.dsplot(table=table, y="RATE", plotfile="log.png", xlog=True, ylog=True, ymin=0.1, ymax=3)
    assert Path("log.png").exists()


@pytest.mark.parametrize(
    ("values", "code", "said"),
    [({"y": "RAET"}, "FileIo", "no column RAET"), ({"y": "SPECTRUM"}, "ColType", "one number a row"),
     ({"y": "NAME"}, "ColType", "one number a row"), ({"y": "RATE.A.B.C"}, "BadParameter", "not of the form"),
     ({"y": "RATE", "plotfile": "a.gif"}, "BadParameter", "endings"),
     ({"y": "RATE", "plotfile": "none/a.png"}, "FileIo", "no folder"),
     ({"y": "RATE", "x": "NAME"}, "ColType", "NAME")],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said(table: Path, values: dict[str, str], code: str, said: str) -> None:
    with pytest.raises(TaskError, match=said) as caught:
        xmmpy.tasks.dsplot(table=table, **values)
    assert caught.value.code == code
    assert list(Path().glob("*.png")) == []


def test_a_table_without_rows_has_nothing_to_draw(tmp_path: Path) -> None:
    columns = [fits.Column(name, "D", array=[]) for name in ("TIME", "RATE")]
    hdu = fits.BinTableHDU.from_columns(columns, name="RATE")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "rate.fits")
    with pytest.raises(TaskError, match="nothing to draw"):
        xmmpy.tasks.dsplot(table=tmp_path / "rate.fits", plotfile="-")


def test_no_display_is_needed(table: Path) -> None:
    """With a display that does not answer and a window system asked for, the picture is made all the same."""
    code = f"import xmmpy.tasks; xmmpy.tasks.dsplot(table={str(table)!r}, y='RATE')"
    environment = {"DISPLAY": ":937", "MPLBACKEND": "TkAgg", "PATH": "/bin", "HOME": str(table.parent)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=table.parent)
    assert (table.parent / "rate.png").exists()
