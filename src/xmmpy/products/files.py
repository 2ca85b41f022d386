"""Open a FITS file: where its blocks lie, their headers, their bytes. Gzipped files are read as they are."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import tempfile
import threading
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from xmmpy.products.cards import CARD, read_cards
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from astropy.io.fits import Header

BLOCK = 2880
_MAX_HEADER_BLOCKS = 4096  # 147,456 cards: more is no header
_MAX_WRAPPERS = 3  # archives hold files that were gzipped twice
_STRUCTURE = re.compile(r"(?:BITPIX|NAXIS\d*|PCOUNT|GCOUNT|XTENSION|EXTNAME) *\Z|END")
_REDO = "get or make it again"
_WARNINGS = threading.Lock()  # one thread at a time may change what becomes of warnings


@dataclass
class Hdu:
    """One block (header and data unit) of an open file.

    Attributes
    ----------
    index : int
        Number from 0.
    name : str
        EXTNAME, upper case; ``PRIMARY`` for the first block without one.
    raw_header : bytes
        The header as it is in the file.
    data_offset, data_size : int
        Where the data begin and how many bytes they have without padding.
    """

    path: str
    index: int
    name: str
    kind: str
    raw_header: bytes = field(repr=False)
    data_offset: int
    data_size: int

    @property
    def padded_size(self) -> int:
        """Bytes of the data with the padding to whole records."""
        return -(-self.data_size // BLOCK) * BLOCK

    @property
    def is_table(self) -> bool:
        """Whether the block is a binary table."""
        return self.kind == "BINTABLE"

    @property
    def column_numbers(self) -> dict[str, int]:
        """Names of the columns of a table, upper case, and their numbers from 1; empty for an image."""
        numbers = range(1, int(self.value("TFIELDS", 0)) + 1)
        return {str(self.value(f"TTYPE{number}", "")).strip().upper(): number for number in numbers}

    @cached_property
    def header(self) -> Header:
        """The header, every card checked.

        Raises
        ------
        FileProblem
            When a card cannot be read.
        """
        import warnings

        from astropy.io import fits

        with _WARNINGS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                header = fits.Header.fromstring(self.raw_header.decode("ascii"))
                for card in header.cards:
                    card.verify("silentfix")
                    _ = card.keyword, card.value, card.comment
            except (fits.VerifyError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
                detail = " ".join(str(error).split())[:120]
                raise FileProblem(self.path, f"has a damaged header in {self.name} ({detail})", _REDO) from None
        return header

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """Keywords and values, read quickly; what cannot be read is left out, the first of equals counts."""
        return read_cards(self.raw_header)

    def value(self, keyword: str, default: Any = None) -> Any:
        """Value of a keyword, or the default where it is missing, undefined or unreadable."""
        return self.values.get(keyword, default)


class FitsFile:
    """A FITS file, open for reading.

    Parameters
    ----------
    path : path-like
        The file; gzipped ones (``.gz``, ``.FTZ``) are unpacked to a nameless temporary file first.

    Raises
    ------
    FileProblem
        When there is no such file, or it is not FITS, or it is cut short.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = str(path)
        self.stream = _open_bytes(self.path)
        try:
            self.hdus: tuple[Hdu, ...] = tuple(self._scan())
        except BaseException:
            self.stream.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stream.close()

    def find(self, block: str = "") -> Hdu:
        """Find a block by name or by number (1 is the first extension); the first table when none is named.

        Raises
        ------
        FileProblem
            When there is none; the sentence lists what there is.
        """
        wanted = block.strip().upper()
        if not wanted:
            for hdu in self.hdus:
                if hdu.is_table:
                    return hdu
            raise FileProblem(self.path, "holds no table", "name a file that has one")
        for hdu in self.hdus:
            if hdu.name == wanted:
                return hdu
        if wanted.isdecimal() and int(wanted) < len(self.hdus):
            return self.hdus[int(wanted)]
        names = ", ".join(hdu.name for hdu in self.hdus)
        raise FileProblem(self.path, f"has no block {block}", f"it has {names}")

    def read(self, hdu: Hdu) -> bytes:
        """Read the data of a block whole (for small ones)."""
        self.stream.seek(hdu.data_offset)
        return self.stream.read(hdu.data_size)

    def read_at(self, offset: int, size: int) -> bytes:
        """Read bytes from a place, whatever else is read; fewer come at the end of the file."""
        pieces = []
        while size > 0:
            piece = os.pread(self.stream.fileno(), size, offset)
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def copy(self, hdu: Hdu, target: IO[bytes], raw_header: bytes | None = None) -> None:
        """Copy a block unchanged, or with another header, padding included."""
        target.write(hdu.raw_header if raw_header is None else raw_header)
        self.stream.seek(hdu.data_offset)
        left = hdu.padded_size
        while left > 0:
            piece = self.stream.read(min(left, 1 << 20))
            if not piece:
                piece = b"\0" * left  # the last record of a file without its padding
            target.write(piece)
            left -= len(piece)

    def _scan(self) -> list[Hdu]:
        size = self.stream.seek(0, 2)
        position = 0
        hdus: list[Hdu] = []
        while position < size:
            if hdus and (size - position < BLOCK or self._only_padding(position)):
                break  # what follows the last block is no block: padding, a stray line end
            self.stream.seek(position)
            raw = self._read_header(position, first=not hdus)
            keys = read_cards(raw, _STRUCTURE)
            data_size = self._data_size(keys)
            name = str(keys.get("EXTNAME", "PRIMARY" if not hdus else "")).strip().upper()
            kind = str(keys.get("XTENSION", "IMAGE")).strip().upper()
            hdu = Hdu(self.path, len(hdus), name, kind, raw, position + len(raw), data_size)
            if hdu.data_offset + data_size > size:
                missing = hdu.data_offset + data_size - size
                raise FileProblem(self.path, f"is cut short: {missing} bytes of {name or 'a block'} are missing", _REDO)
            hdus.append(hdu)
            position = hdu.data_offset + hdu.padded_size
        if not hdus:
            raise FileProblem(self.path, "is empty", _REDO)
        return hdus

    def _only_padding(self, position: int) -> bool:
        self.stream.seek(position)
        return not self.stream.read(1).strip(b"\0 ")

    def _read_header(self, position: int, *, first: bool) -> bytes:
        raw = b""
        for _ in range(_MAX_HEADER_BLOCKS):
            block = self.stream.read(BLOCK)
            if not raw:
                begins = (b"SIMPLE  =",) if first else (b"XTENSION=",)
                if not block.startswith(begins):
                    what = "is not a FITS file" if first else f"is damaged: no block begins at byte {position}"
                    raise FileProblem(self.path, what, _REDO)
            if len(block) < BLOCK:
                break
            raw += block
            for place in range(0, BLOCK, CARD):
                if block[place : place + CARD].rstrip() == b"END":
                    return raw
        raise FileProblem(self.path, f"is damaged: the header at byte {position} has no end", _REDO)

    def _data_size(self, keys: Mapping[str, Any]) -> int:
        try:
            axes = [int(keys[f"NAXIS{axis + 1}"]) for axis in range(int(keys["NAXIS"]))]
            bits = abs(int(keys["BITPIX"]))
            groups, heap = int(keys.get("GCOUNT", 1)), int(keys.get("PCOUNT", 0))
        except (KeyError, ValueError, TypeError, OverflowError):
            raise FileProblem(self.path, "is damaged: a header lacks BITPIX or NAXIS", _REDO) from None
        if not axes:
            return 0
        size = 1
        for length in axes:
            size *= length
        size = bits // 8 * groups * (heap + size)
        if min(axes) < 0 or heap < 0 or groups < 0 or bits not in {8, 16, 32, 64}:
            raise FileProblem(self.path, "is damaged: a header gives an impossible size", _REDO)
        return size


def split_block(name: str) -> tuple[str, str]:
    """Split ``file:EXT``, ``file::EXT``, ``file+EXT`` or ``file[EXT]`` into file and block; the block may be empty.

    A name that is a file as it stands is left whole.
    """
    text = name.strip()
    if Path(text).is_file():
        return text, ""
    if (bracket := re.fullmatch(r"(.+)\[([^\[\]]*)\]", text)) is not None:
        return bracket[1], bracket[2]
    for mark in (":", "+"):
        file, found, block = text.rpartition(mark)
        if found and file and "/" not in block:
            return file.removesuffix(":"), block
    return text, ""


def _open_bytes(path: str) -> IO[bytes]:
    try:
        if Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir()):
            raise FileProblem(path, "is no regular file", "write it to disk first")
        stream: IO[bytes] = Path(path).open("rb")  # noqa: SIM115 - closed by FitsFile
    except IsADirectoryError:
        raise FileProblem(path, "is a folder", "name a file") from None
    except FileNotFoundError:
        raise FileProblem(path, "does not exist", "check the name and the folder") from None
    except (OSError, ValueError) as error:
        raise FileProblem(path, f"cannot be opened ({error})", "check its name and permissions") from None
    for _ in range(_MAX_WRAPPERS):
        packed_once = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        if not packed_once:
            break
        stream = _unpack(path, stream)
    return stream


def _unpack(path: str, packed: IO[bytes]) -> IO[bytes]:
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - closed by FitsFile
    try:
        with packed, gzip.open(packed) as source:
            shutil.copyfileobj(source, unpacked, 1 << 20)
    except (OSError, EOFError, zlib.error) as error:
        unpacked.close()
        raise FileProblem(path, f"cannot be unpacked ({error})", _REDO) from None
    unpacked.seek(0)
    return unpacked
