"""Files that an expression names: good times, masks, regions."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.products.errors import FileProblem
from xmmpy.tasks.blockfiles import TaskBlockFiles


@pytest.fixture
def files(tmp_path):
    """Blocks of a file with good times, a mask and figures, which is also the table at hand."""

    def good(name, start):
        return fits.BinTableHDU.from_columns(
            [fits.Column("START", "D", array=[start]), fits.Column("STOP", "D", array=[start + 5])], name=name
        )

    mask = np.zeros((3, 4), np.int16)
    mask[1, 2] = 7
    region = fits.BinTableHDU.from_columns(
        [fits.Column("SHAPE", "16A", array=["CIRCLE"]), fits.Column("DETX", "E", array=[5.0]),
         fits.Column("DETY", "E", array=[6.0]), fits.Column("R", "E", array=[2.0])], name="REG00101",
    )  # fmt: skip
    region.header["MFORM1"] = "DETX,DETY"
    other = fits.BinTableHDU.from_columns([fits.Column("A", "J", array=[1])], name="OTHER")
    path = tmp_path / "file.fits"
    fits.HDUList(
        [fits.PrimaryHDU(), other, good("ONE", 1.0), good("TWO", 20.0), fits.ImageHDU(mask, name="MASK"), region]
    ).writeto(path)
    return TaskBlockFiles(str(path)), path


@pytest.mark.parametrize(
    ("block", "start"),
    [
        ("{}", 1),
        ("{}:TWO", 20),
        ("{}+TWO", 20),
        ("{}[TWO]", 20),
        ("{}:3", 20),
        (":TWO", 20),
        ("[ONE]", 1),
        ("+TWO", 20),
    ],
)
def test_specifications_of_blocks(files, block, start):
    blocks, path = files
    first, last = blocks.gti(block.format(path))
    assert (list(first), list(last)) == ([start], [start + 5])


def test_good_times_that_are_none(files, tmp_path):
    blocks, path = files
    with pytest.raises(FileProblem, match="has no column START in OTHER"):
        blocks.gti(f"{path}:OTHER")
    fits.PrimaryHDU().writeto(tmp_path / "empty.fits")
    with pytest.raises(FileProblem, match="holds no table with the columns START and STOP"):
        blocks.gti(str(tmp_path / "empty.fits"))
    with pytest.raises(FileProblem, match="does not exist"):
        blocks.gti("nothing.fits:STDGTI")
    wide = fits.BinTableHDU.from_columns(
        [fits.Column("START", "2D", array=[[1.0, 2.0]]), fits.Column("STOP", "D", array=[3.0])], name="WIDE"
    )
    wide.writeto(tmp_path / "wide.fits")
    with pytest.raises(FileProblem, match="no single numbers in START and STOP"):
        blocks.gti(str(tmp_path / "wide.fits"))


def test_masks(files, tmp_path):
    blocks, path = files
    mask = blocks.mask(str(path))
    assert list(mask.contains(np.array([2, 1, 3]), np.array([1, 1, 1]))) == [True, False, False]
    image = fits.PrimaryHDU(np.eye(3, dtype=np.float32))
    image.header.update({"LTV1": 0.5, "LTV2": 0.5, "LTM1_1": 0.1, "LTM2_2": 0.1})  # an image of SAS, bins of 10
    image.writeto(tmp_path / "sas.fits")
    mask = blocks.mask(str(tmp_path / "sas.fits"))
    x = np.array([1.0, 9.0, 11.0, 11.0, 29.0])
    y = np.array([1.0, 9.0, 11.0, 1.0, 29.0])
    assert list(mask.contains(x, y)) == [True, True, True, False, True]
    with pytest.raises(FileProblem, match="holds no two-dimensional image"):
        blocks.mask(f"{path}:OTHER")


def test_regions(files, tmp_path):
    blocks, path = files
    for name in (str(path), f"{path}:REG00101", ":REG00101"):
        region = blocks.region(name)
        assert list(region.contains(np.array([5.0, 8.0]), np.array([7.0, 6.0]))) == [True, False]
    (tmp_path / "ds9.reg").write_text("# Region file format: DS9 version 4.1\nphysical\ncircle(5,6,2)\n")
    region = blocks.region(str(tmp_path / "ds9.reg"))
    assert list(region.contains(np.array([5.0, 8.0]), np.array([7.0, 6.0]))) == [True, False]
    (tmp_path / "bad.reg").write_text("physical\ncircle(5,6\n")
    with pytest.raises(FileProblem, match="is no region file"):
        blocks.region(str(tmp_path / "bad.reg"))
    with pytest.raises(FileProblem, match=r"damaged region table OTHER|has no"):
        blocks.region(f"{path}:OTHER")
