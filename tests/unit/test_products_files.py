"""Reading and writing of FITS blocks and tables against astropy."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from xmmpy.products.atomic import atomic_path, remove_leftovers
from xmmpy.products.blocks import NewColumn, primary_block, table_block, write_blocks
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile, split_block
from xmmpy.products.gti import gti_block, gti_hdu, read_gti
from xmmpy.products.header import Header
from xmmpy.products.intervals import Intervals
from xmmpy.products.kernels import compress_rows, take_columns
from xmmpy.products.tables import iterate_chunks, map_chunks, read_table, table_layout


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table with every form, and its path."""
    tmp_path = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(2)
    n = 400_000  # four chunks, so that threads share them
    hdu = fits.BinTableHDU.from_columns(
        [
            fits.Column("L", "L", array=rng.integers(0, 2, n).astype(bool)),
            fits.Column("B", "B", array=rng.integers(0, 256, n).astype(np.uint8)),
            fits.Column("I", "I", array=rng.integers(-(2**15), 2**15, n).astype(np.int16)),
            fits.Column("U", "I", bzero=2**15, array=rng.integers(0, 2**16, n).astype(np.uint16)),
            fits.Column("J", "J", array=rng.integers(-(2**31), 2**31, n).astype(np.int32)),
            fits.Column("K", "K", array=rng.integers(-(2**62), 2**62, n)),
            fits.Column("E", "E", array=rng.normal(size=n).astype(np.float32)),
            fits.Column("D", "D", array=rng.normal(size=n), unit="s"),
            fits.Column("V", "3E", array=rng.normal(size=(n, 3)).astype(np.float32)),
            fits.Column("T", "5A", array=np.array(["ab", "cde"] * (n // 2))),
            fits.Column("X", "11X", array=rng.integers(0, 2, (n, 11)).astype(bool)),
        ],
        name="STUFF",
    )
    fits.HDUList([fits.PrimaryHDU(np.arange(6.0).reshape(2, 3)), hdu]).writeto(tmp_path / "t.fits")
    return tmp_path / "t.fits"


def test_columns_are_those_of_astropy(table):
    ours = read_table(f"{table}:STUFF")
    with fits.open(table) as file:
        data = file[1].data
        for name in "BIUJKEDV":
            values = ours.column(name.lower())
            assert np.array_equal(values, data[name])
            assert values.dtype.isnative
        assert ours.column("U").dtype == np.uint16
        assert np.array_equal(ours.column("T"), np.char.encode(data["T"]))
        assert np.array_equal(ours.column("L") == b"T", data["L"])
        bits = np.unpackbits(ours.column("X"), axis=1)[:, :11].astype(bool)
        assert np.array_equal(bits, data["X"])
    with pytest.raises(FileProblem, match="has no column NOPE in STUFF; it has L, B"):
        ours.column("NOPE")


def test_chunks_are_the_table(table):
    with FitsFile(table) as file:
        hdu = file.find("stuff")
        layout = table_layout(hdu)
        whole = read_table(str(table)).columns
        for chunks in (
            list(iterate_chunks(file, hdu, layout, 40_000)),
            list(map_chunks(file, hdu, layout, lambda chunk: chunk, 2)),
            list(map_chunks(file, hdu, layout, lambda chunk: chunk, 3, compiled=True)),
        ):
            assert [chunk.first_row for chunk in chunks] == list(np.cumsum([0, *map(len, chunks)])[:-1])
            for name in "IUJDV":
                assert np.array_equal(np.concatenate([chunk[name] for chunk in chunks]), whole[name])
            with pytest.raises(KeyError):
                chunks[0]["NOPE"]


@given(st.integers(1, 30), st.integers(1, 50), st.integers(0, 2**16))
def test_compiled_loops_over_rows_give_the_same_bytes(width, rows, seed):
    rng = np.random.default_rng(seed)
    raw = rng.integers(0, 256, (rows, width), dtype=np.uint8)
    mask = rng.integers(0, 2, rows).astype(bool)
    kept = compress_rows(raw.tobytes(), width, mask, int(mask.sum()))
    assert kept.tobytes() == raw[mask].tobytes()
    for kind in ("u1", "i2", "i4", "f4", "f8"):
        size = np.dtype(kind).itemsize
        if width >= size:
            offset = int(rng.integers(0, width - size + 1))
            (column,) = take_columns(raw.tobytes(), width, [(offset, np.dtype(kind))])
            expected = np.ascontiguousarray(raw[:, offset : offset + size]).view(np.dtype(kind).newbyteorder(">"))
            assert column.tobytes() == expected.astype(kind).tobytes()


def test_blocks_that_are_written_are_read_by_astropy(tmp_path):
    rng = np.random.default_rng(1)
    columns = [
        NewColumn("B", "B", rng.integers(0, 256, 7).astype(np.uint8)),
        NewColumn("I", "I", rng.integers(-9, 9, 7).astype(np.int16), "pixel", "a number"),
        NewColumn("D", "D", rng.normal(size=7), "s"),
        NewColumn("V", "2E", rng.normal(size=(7, 2)).astype(np.float32)),
        NewColumn("T", "4A", np.array([b"ab"] * 7, "S4")),
    ]
    image = rng.integers(0, 1000, (4, 5)).astype(np.int32)
    blocks = [
        primary_block(Header([("OBJECT", "it's", "")]), image),
        table_block(columns, "MINE", Header([("A", 1.5, "b")])),
    ]
    write_blocks(tmp_path / "out.fits", blocks)
    with fits.open(tmp_path / "out.fits") as file:
        file.verify("exception")
        assert np.array_equal(file[0].data, image)
        assert file[0].header["OBJECT"] == "it's"
        for column in columns[:4]:
            assert np.array_equal(file["MINE"].data[column.name], column.values)
        assert list(file["MINE"].data["T"]) == ["ab"] * 7
        assert file["MINE"].columns["I"].unit == "pixel"
        assert file["MINE"].header["A"] == 1.5
    with pytest.raises(FileProblem, match="cannot be written"):
        write_blocks(tmp_path / "no" / "out.fits", blocks)


def test_finding_blocks(table):
    with FitsFile(table) as file:
        assert file.find().name == file.find("stuff ").name == file.find("1").name == "STUFF"
        assert file.find("0").name == "PRIMARY"
        with pytest.raises(FileProblem, match="has no block NOPE; it has PRIMARY, STUFF"):
            file.find("NOPE")
        with pytest.raises(FileProblem, match="has no table in PRIMARY"):
            table_layout(file.find("PRIMARY"))


def test_names_of_blocks(tmp_path):
    odd = tmp_path / "with:colon.fits"
    odd.write_text("")
    assert split_block(str(odd)) == (str(odd), "")
    for text in ("a/b.fits:EXT", "a/b.fits+EXT", "a/b.fits[EXT]", " a/b.fits:EXT ", "a/b.fits::EXT"):
        assert split_block(text) == ("a/b.fits", "EXT")
    assert split_block("a:b/c.fits") == ("a:b/c.fits", "")
    assert split_block("c.fits") == ("c.fits", "")


@pytest.mark.parametrize("times", [1, 2])
def test_packed_files(table, tmp_path, times):
    packed = table.read_bytes()
    for _ in range(times):
        packed = gzip.compress(packed, 1)
    (tmp_path / "p.FTZ").write_bytes(packed)
    assert np.array_equal(read_table(str(tmp_path / "p.FTZ")).column("D"), read_table(str(table)).column("D"))


DEFECTS = {
    "nothing": (lambda raw: b"", "is empty"),
    "no FITS": (lambda raw: b"hello" * 1000, "is not a FITS file"),
    "cut in the header": (lambda raw: raw[:1000], "has no end|not a FITS"),
    "cut in the data": (lambda raw: raw[:-100_000], "is cut short"),
    "rubbish behind a block": (lambda raw: raw[:5760] + b"x" * 2880 + raw[8640:], "is damaged: no block begins"),
    "no size": (
        lambda raw: raw.replace(b"BITPIX  =                    8", b"BITPIX  =                    9"),
        "impossible size",
    ),
    "a bad form": (lambda raw: raw.replace(b"TFORM3  = 'I       '", b"TFORM3  = 'Q9      '"), "damaged table"),
    "a wrong width": (lambda raw: raw.replace(b"TFORM3  = 'I       '", b"TFORM3  = 'J       '"), "columns take"),
    "a cut gzip": (lambda raw: gzip.compress(raw, 1)[:-5000], "cannot be unpacked"),
}


@pytest.mark.parametrize("case", DEFECTS)
def test_defects_are_told_in_a_sentence(table, tmp_path, case):
    damage, words = DEFECTS[case]
    broken = tmp_path / "broken.fits"
    broken.write_bytes(damage(table.read_bytes()))
    with pytest.raises(FileProblem, match=words) as failure:
        read_table(f"{broken}:STUFF")
    assert str(failure.value).startswith(str(broken))
    assert "\n" not in str(failure.value)


def test_a_file_without_the_padding_of_its_last_record(table, tmp_path):
    with fits.open(table) as file:
        size = file[1].fileinfo()["datLoc"] + file[1].header["NAXIS1"] * file[1].header["NAXIS2"]
    (tmp_path / "bare.fits").write_bytes(table.read_bytes()[:size])
    assert np.array_equal(read_table(str(tmp_path / "bare.fits")).column("D"), read_table(str(table)).column("D"))


def test_good_times_are_written_and_read(tmp_path):
    good = Intervals.of([1.5, 10.25], [2.5, 20.0])
    write_blocks(tmp_path / "gti.fits", [primary_block(Header()), gti_block(good, "GTI00105", ccd=2)])
    assert read_gti(str(tmp_path / "gti.fits")) == good
    header = fits.getheader(tmp_path / "gti.fits", "GTI00105")
    assert (header["ONTIME"], header["TSTART"], header["TSTOP"], header["CCDID"]) == (10.75, 1.5, 20.0, 2)
    assert (header["HDUCLAS1"], header["MJDREF"]) == ("GTI", 50814.0)
    assert len(gti_hdu(Intervals.of([], [])).data) == 0


def test_files_appear_whole_or_not_at_all(tmp_path):
    target = tmp_path / "file"

    def fail_halfway():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert list(tmp_path.iterdir()) == []
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    (tmp_path / ".file.12-ab.part").write_text("left by a kill")
    assert remove_leftovers(tmp_path) == 1
    assert list(tmp_path.iterdir()) == [target]
