"""cifbuild against real ccf.cif files, and on the one real constituent."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.io import fits

import xmmpy.tasks
from xmmpy.calibration.calindex import calindex_block, read_calindex

INDEXES = (
    "ccf/ccf-2021.cif.gz",
    "sas-products/0201903501/ccf.cif.gz",
    "sas-products/0124710801/ccf.cif.gz",
    "esas/0203930101/ccf.cif.gz",
)


@pytest.mark.parametrize("name", INDEXES)
def test_a_real_index_written_again_is_the_same(real_data: Path, name: str, tmp_path: Path) -> None:
    """All keywords of the block and all bytes of the table, rows in their order."""
    index = read_calindex(real_data / name)
    block = calindex_block(index)
    with fits.open(real_data / name) as file:
        real = file["CALINDEX"]
        header = fits.Header.fromstring(block.header.decode("ascii"))
        assert list(header) == [keyword for keyword in real.header if keyword != "HISTORY"]
        assert {key: header[key] for key in header} == {key: real.header[key] for key in header}
        assert bytes(block.data) == real.data.tobytes()
    assert [row.key for row in index.constituents] == sorted(row.key for row in index.constituents)


def test_the_row_of_the_real_constituent(real_data: Path, tmp_path: Path) -> None:
    """Size, digest, dates and extensions of XRT3_XAREAEF_0012 as in the ccf.cif of SAS 19.1."""
    real = read_calindex(real_data / "ccf" / "ccf-2021.cif.gz")
    xmmpy.tasks.cifbuild(
        calindexset=str(tmp_path / "x.cif"),
        ccfpath=str(real_data / "ccf"),
        fileglob="*.CCF|*.CCF.gz",
        observationdate=real.observation,
        analysisdate=real.analysis,
    )
    made = read_calindex(tmp_path / "x.cif")
    row, wanted = made.constituents[0], real.find("XRT3", "XAREAEF")
    assert wanted is not None
    assert row.file.removesuffix(".gz") == wanted.file
    for field in ("scope", "type_id", "issue", "valid_from", "valid_to", "created", "submitted", "size", "sequence",
                  "extensions", "digest", "creator", "telescope"):  # fmt: skip
        assert getattr(row, field) == getattr(wanted, field), field
    assert (made.category, made.observation, made.analysis) == (real.category, real.observation, real.analysis)
