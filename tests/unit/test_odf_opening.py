"""Finding an ODF: folders, archives, hostile archives."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xmmpy.odf.opening import open_odf, unpack
from xmmpy.products.errors import FileProblem

NAMES = ("0828_0201903501_M1S00110IME.FIT", "0828_0201903501_SCX00000TCX.FIT")
OTHER = "0809_0201901401_M1S00110IME.FIT"
Member = tuple[tarfile.TarInfo, bytes]


def plain(name: str, data: bytes = b"data") -> Member:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info, data


def special(name: str, kind: bytes, target: str = "") -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def make(path: Path, members: list[Member]) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return path


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"data")
    return folder


def test_a_folder_and_one_below_it(tmp_path: Path) -> None:
    fill(tmp_path / "obs" / "ODF", *NAMES)
    fill(tmp_path / "obs" / "PPS", "P0201903501OBX000ATTTSR0000.FTZ")
    for place in (tmp_path / "obs", tmp_path / "obs" / "ODF"):
        found = open_odf(place)
        assert [str(name) for name in found.files] == list(NAMES)
        assert (found.observation, found.revolution) == ("0201903501", "0828")
        assert found.canonical_name("SUM", "SAS") == "0828_0201903501_SCX00000SUM.SAS"
        assert found.find("SC", "TCX") == tmp_path / "obs" / "ODF" / NAMES[1]
        assert found.find("SC", "ATS") is None


def test_of_packed_and_plain_the_plain_one_counts(tmp_path: Path) -> None:
    fill(tmp_path, NAMES[0], NAMES[0] + ".gz", NAMES[1] + ".gz")
    found = open_odf(tmp_path)
    assert sorted(path.name for path in found.files.values()) == [NAMES[0], NAMES[1] + ".gz"]
    assert len(found.remarks) == 1
    assert "twice" in found.remarks[0]


@pytest.mark.parametrize("name", ["odf.tar", "odf.tar.gz", "ODF.TAR", "odf.tgz"])
def test_an_archive_with_an_archive_in_it(tmp_path: Path, name: str) -> None:
    inner = make(tmp_path / "inner.tar", [plain(NAMES[0], b"one")])
    members = [
        special("0201903501", tarfile.DIRTYPE),
        plain("0201903501/0828_0201903501.TAR", inner.read_bytes()),
        plain(f"0201903501/{NAMES[1]}", b"two"),
        plain("MANIFEST.123", b"list"),
    ]
    found = open_odf(make(tmp_path / name, members), tmp_path / "work")
    assert [path.read_bytes() for path in found.files.values()] == [b"one", b"two"]
    assert found.path.parent == tmp_path / "work"
    again = open_odf(tmp_path / name, tmp_path / "work")
    assert again.files == found.files


HOSTILE: dict[str, Callable[[], list[Member]]] = {
    "outside its folder": lambda: [plain("../../evil.FIT")],
    "outside its folder;": lambda: [plain("/etc/evil.FIT")],
    "holds a link": lambda: [special(NAMES[0], tarfile.SYMTYPE, "/etc/passwd")],
    "holds a link, ": lambda: [special(NAMES[0], tarfile.LNKTYPE, "../x")],
    "no plain file": lambda: [special(NAMES[0], tarfile.FIFOTYPE)],
    "no plain file;": lambda: [special(NAMES[0], tarfile.CHRTYPE)],
    "twice": lambda: [plain("a/" + NAMES[0]), plain("b/" + NAMES[0])],
    "too many files": lambda: [plain(f"f{number}") for number in range(12)],
    "more than any ODF": lambda: [plain(NAMES[0], b"x" * 5000)],
}


@pytest.mark.parametrize("sentence", list(HOSTILE))
def test_a_hostile_archive_leaves_nothing(tmp_path: Path, sentence: str) -> None:
    archive = make(tmp_path / "odf.tar", [plain(NAMES[1]), *HOSTILE[sentence]()])
    with pytest.raises(FileProblem, match=sentence.strip("; ,")) as caught:
        unpack(archive, tmp_path / "work" / "odf", max_bytes=4000, max_members=10)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["odf.tar", "work"]
    assert not list((tmp_path / "work").iterdir())


def test_archives_in_archives_come_to_an_end(tmp_path: Path) -> None:
    data = b""
    for depth in range(5):
        member = plain("next.tar", data) if depth else plain(NAMES[0])
        data = make(tmp_path / "odf.tar", [member]).read_bytes()
    with pytest.raises(FileProblem, match="archives within archives"):
        open_odf(tmp_path / "odf.tar")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), damage=st.sampled_from(["cut", "flip", "zero"]), packed=st.booleans())
def test_a_damaged_archive_is_a_result_or_a_sentence(tmp_path: Path, place: float, damage: str, packed: bool) -> None:
    archive = make(
        tmp_path / ("odf.tar.gz" if packed else "odf.tar"), [plain(name, os.urandom(3000)) for name in NAMES]
    )
    data = bytearray(archive.read_bytes())
    spot = int(place * len(data))
    if damage == "cut":
        data = data[:spot]
    else:
        data[spot] = data[spot] ^ 0x41 if damage == "flip" else 0
    archive.write_bytes(data)
    target = tmp_path / "work" / f"{spot}{damage}{packed}"
    sentence = ""
    try:
        unpack(archive, target)
    except FileProblem as problem:
        sentence = str(problem)
    assert "\n" not in sentence
    assert target.is_dir() == (not sentence)


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda folder: folder, "holds no ODF file"),
        (lambda folder: folder / "nowhere", "does not exist"),
        (lambda folder: fill(folder, NAMES[0], OTHER), "holds files of 2 observations"),
        (lambda folder: fill(folder, "notes.txt") / "notes.txt", "is no ODF"),
    ],
)
def test_what_is_no_odf_is_told(tmp_path: Path, prepare: Callable[[Path], Path], sentence: str) -> None:
    with pytest.raises(FileProblem, match=sentence):
        open_odf(prepare(tmp_path))


def test_a_gzip_that_is_no_tar_is_told(tmp_path: Path) -> None:
    (tmp_path / "odf.tar.gz").write_bytes(gzip.compress(b"hello" * 1000))
    with pytest.raises(FileProblem, match="is a broken archive"):
        open_odf(tmp_path / "odf.tar.gz")
