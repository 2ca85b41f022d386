"""Readers of raw files: discarded lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.odf.rawfiles import read_discarded_lines
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = np.arange(4700, 4764, dtype=np.int32)


def written(folder: Path, block: fits.ImageHDU | fits.BinTableHDU) -> Path:
    path = folder / "2650_0932190801_PNS00301DLI.FIT"
    fits.HDUList([fits.PrimaryHDU(), block]).writeto(path)
    return path


@pytest.mark.parametrize("name", ["NDISCLIN", "COUNTS"])
def test_discarded_columns_from_a_table(tmp_path: Path, name: str) -> None:
    columns = [fits.Column("RAWX", "I", array=np.arange(64)), fits.Column(name, "J", array=COUNTS)]
    path = written(tmp_path, fits.BinTableHDU.from_columns(columns, name="PNDLI1"))
    assert read_discarded_lines(path).tolist() == COUNTS.tolist()


@pytest.mark.parametrize("shape", [(64,), (1, 64), (64, 1)])
def test_discarded_columns_from_an_image(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = written(tmp_path, fits.ImageHDU(COUNTS.reshape(shape), name="PNDLI1"))
    assert read_discarded_lines(path).tolist() == COUNTS.tolist()


def test_an_image_of_pixels_does_not_tell_columns(tmp_path: Path) -> None:
    path = written(tmp_path, fits.ImageHDU(np.zeros((200, 64), np.int16), name="PNDLI1"))
    with pytest.raises(FileProblem, match="image of 64 x 200 pixels"):
        read_discarded_lines(path)


def test_a_table_without_counts(tmp_path: Path) -> None:
    path = written(tmp_path, fits.BinTableHDU.from_columns([fits.Column("RAWX", "I", array=np.arange(64))]))
    with pytest.raises(FileProblem, match="NDISCLIN"):
        read_discarded_lines(path)
