"""The pages on evselect, the selection language and data subspaces say what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from xmmpy.products.intervals import Intervals
from xmmpy.selection import CelestialFrame, MaskImage, RegionTable, TableSchema, compile_selection, parse, resolve
from xmmpy.tasks.catalogue.evselect import EvselectParameters
from xmmpy.tasks.parameters import quoted

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "tasks" / "evselect.md").read_text()
SOURCE = Path(__file__).parents[2] / "src/xmmpy/tasks/catalogue/evselect"
KEYWORDS = {"XMMEA_EM": "(FLAG & 0x766ba000) == 0", "TSTART": 1000.0}
COLUMNS = ("PI", "PATTERN", "FLAG", "CCDNR", "TIME", "X", "Y", "DETX", "DETY", "RAWX", "RAWY")


class Files:
    """Blocks that the examples name."""

    def gti(self, block):
        good = Intervals.of([1100.0], [1500.0])
        return good.start, good.stop

    def mask(self, block):
        return MaskImage(np.ones((200, 64)))

    def region(self, block):
        return RegionTable.from_columns({"SHAPE": np.array(["CIRCLE"]), "X": np.array([2e4]), "Y": np.array([2e4]),
                                         "R": np.array([5e3])}, ("X", "Y"))  # fmt: skip


@pytest.mark.parametrize("info", EvselectParameters.describe(), ids=lambda info: info.name)
def test_every_parameter_is_on_the_page_with_its_default(info):
    (row,) = re.findall(rf"^\| `{info.name}` \| (.*?) \| (.*) \|$", PAGE, re.MULTILINE)
    wanted = "mandatory" if info.mandatory else f"`{quoted(info.default)}`" + (f" {info.unit}" if info.unit else "")
    assert row[0] == wanted
    assert row[1].startswith(info.help)
    for parent in info.parents:
        assert f"`{parent}`" in row[1]


def test_no_parameter_is_on_the_page_that_is_not_there():
    table = PAGE.split("## Parameters")[1].split("##")[0]
    assert re.findall(r"^\| `(\w+)` ", table, re.MULTILINE) == [info.name for info in EvselectParameters.describe()]


def test_every_message_is_on_the_page():
    text = "".join(path.read_text() for path in SOURCE.glob("*.py"))
    codes = set(re.findall(r'(?:TaskError|warn)\(\s*"(\w+)"', text)) | set(
        re.findall(r'"(\w+(?:Val|Column|Limits|Type))"', text)
    )
    listed = set(re.findall(r"`(\w+)`", PAGE.split("## Messages")[1]))
    assert codes - listed == {"Abandoned"}  # of a call that is given up, never told
    assert len(codes) > 15


def examples():
    text = (DOCS / "selection.md").read_text()
    return [line for block in re.findall(r"```selection\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("text", examples())
def test_examples_of_the_language_work(text):
    frame = CelestialFrame((150.0, -11.0), (25921.0, 25921.0), (-0.05 / 3600, 0.05 / 3600))
    rng = np.random.default_rng(1)
    columns = {name: rng.integers(0, 20000, 2000).astype(np.int32) for name in COLUMNS} | {
        "TIME": rng.uniform(1000, 3000, 2000)
    }
    columns |= {
        "PATTERN": rng.integers(0, 31, 2000),
        "RAWX": rng.integers(1, 64, 2000),
        "RAWY": rng.integers(1, 200, 2000),
    }
    columns |= {name: rng.integers(-19500, 19500, 2000).astype(np.int32) for name in ("DETX", "DETY")}
    columns["X"] = columns["X"] + 15000
    columns["Y"] = columns["Y"] + 15000
    schema = TableSchema({name: values.dtype for name, values in columns.items()}, celestial=frame)
    passed = compile_selection(resolve(parse(text), KEYWORDS), schema, Files())(columns)
    assert passed.shape == (2000,)
    assert passed.any()
    assert "mask" in text or not passed.all()
