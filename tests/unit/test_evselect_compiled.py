"""Compiled loops and threads change no byte of a product."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from small_list import write_small_list

from xmmpy.products import kernels, tables
from xmmpy.tasks.catalogue import evselect
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Session

if TYPE_CHECKING:
    from pathlib import Path

PRODUCTS = ("filteredset", "imageset", "spectrumset", "rateset", "histogramset")
EXPRESSION = "#XMMEA_EM && PATTERN<=12 && PI in [300:9000] && circle(25921,25921,9000,X,Y)"


def products(folder: Path, monkeypatch: pytest.MonkeyPatch, extra: dict[str, str]) -> list[bytes]:
    """All products of one call, made in `folder` as the current one."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    values = {"table": "../events.fits", "expression": EXPRESSION, "xcolumn": "X", "ycolumn": "Y", "timebinsize": 50,
              "histogrambinsize": 50, **{name: f"{name}.fits" for name in PRODUCTS}, **extra}  # fmt: skip
    find_task("evselect").execute(values, Session("evselect", Environment(source_date_epoch=1_000_000_000)))
    return [(folder / f"{name}.fits").read_bytes() for name in PRODUCTS]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("extra", [{}, {"destruct": "no"}], ids=["remove", "flag"])
def test_they_make_the_same_products(tmp_path, monkeypatch, threads, extra):
    write_small_list(tmp_path / "events.fits", rows=20_000)
    monkeypatch.setattr(tables, "ROWS_PER_CHUNK", 1700)
    monkeypatch.setattr(evselect, "_MOST_THREADS", threads)
    monkeypatch.setattr(evselect.os, "cpu_count", lambda: threads)
    made = []
    for limit in (10**9, 0):
        monkeypatch.setattr(kernels, "WORTH_COMPILING", limit)
        monkeypatch.setattr(kernels, "WORTH_COMPILING_ONCE", limit)
        made.append(products(tmp_path / f"limit-{limit}", monkeypatch, extra))
    assert made[0] == made[1]
    assert all(made[0])
