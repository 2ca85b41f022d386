"""Which calibration index the environment leads to."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from constituent_sample import write_constituent

import xmmpy.tasks
from xmmpy.calibration.readers import find_constituent
from xmmpy.products.errors import FileProblem
from xmmpy.tasks.calibration import index_of
from xmmpy.tasks.session import Environment

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two constituents, an index of them, and a later constituent beside it."""
    write_constituent(tmp_path / "ccf", "EPN_CTI_0001")
    write_constituent(tmp_path / "ccf", "EMOS1_CTI_0001")
    xmmpy.tasks.cifbuild(
        calindexset=str(tmp_path / "ccf.cif"), ccfpath=str(tmp_path / "ccf"), observationdate="2003-01-01"
    )
    write_constituent(tmp_path / "ccf", "EPN_CTI_0009")
    return tmp_path


def issues(environment: Environment, said: list[str] | None = None) -> dict[tuple[str, str], int]:
    index = index_of(environment, (said if said is not None else []).append)
    assert index is not None
    return {row.key: row.issue for row in index.constituents}


def test_nothing_is_asked_for() -> None:
    assert index_of(Environment(), pytest.fail) is None


def test_a_folder_stands_for_its_index(folder: Path) -> None:
    wanted = {("EPN", "CTI"): 1, ("EMOS1", "CTI"): 1}
    assert issues(Environment(ccf=str(folder))) == issues(Environment(ccf=str(folder / "ccf.cif"))) == wanted


def test_a_folder_without_index_is_named(folder: Path) -> None:
    with pytest.raises(FileProblem, match=r"ccf/ccf\.cif"):
        index_of(Environment(ccf=str(folder / "ccf")), pytest.fail)


@pytest.mark.parametrize("by_path", [True, False])
def test_a_constituent_takes_the_place_of_its_like(folder: Path, *, by_path: bool) -> None:
    name = str(folder / "ccf/EPN_CTI_0009.CCF") if by_path else "EPN_CTI_0009.CCF"
    environment = Environment(ccf=str(folder), ccf_path=(str(folder / "ccf"),), ccf_files=(name,))
    assert issues(environment) == {("EPN", "CTI"): 9, ("EMOS1", "CTI"): 1}
    index = index_of(environment, pytest.fail)
    assert index is not None
    assert find_constituent(index, "EPN", "CTI", ()) == folder / "ccf/EPN_CTI_0009.CCF"


def test_a_relative_folder_of_the_path_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "ccf")
    index = index_of(Environment(ccf=str(folder)), pytest.fail)
    assert index is not None
    assert find_constituent(index, "EPN", "CTI", ()) is None  # a base name in the index is not sought here unasked
    assert find_constituent(index, "EPN", "CTI", (".",)) == Path("EPN_CTI_0001.CCF")


def test_a_gzipped_constituent_is_found_by_its_name(folder: Path) -> None:
    path = folder / "ccf/EPN_CTI_0009.CCF"
    path.with_name("EPN_CTI_0009.CCF.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    environment = Environment(ccf=str(folder), ccf_path=(str(folder / "ccf"),), ccf_files=("EPN_CTI_0009.CCF",))
    assert issues(environment)["EPN", "CTI"] == 9


def test_constituents_alone_make_an_index(folder: Path) -> None:
    assert issues(Environment(ccf_files=(str(folder / "ccf/EPN_CTI_0009.CCF"),))) == {("EPN", "CTI"): 9}


def test_what_is_no_constituent_is_left_out_with_a_sentence(folder: Path) -> None:
    said: list[str] = []
    files = (str(folder / "ccf"), "EPN_CTI_0404.CCF", str(folder / "ccf.cif"))
    assert issues(Environment(ccf=str(folder), ccf_files=files), said) == {("EPN", "CTI"): 1, ("EMOS1", "CTI"): 1}
    assert len(said) == 3
    assert all(name in line and "left out" in line for name, line in zip(files, said, strict=True))
