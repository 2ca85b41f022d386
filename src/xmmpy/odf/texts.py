"""Read the ASCII files of an ODF."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    import os

MAX_BYTES = 256 * 2**20


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a small ASCII file whole, gzipped or not.

    Raises
    ------
    FileProblem
        When it cannot be read, is too large or binary.
    """
    try:
        with Path(path).open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if packed:
                with gzip.open(raw) as unpacked:
                    data = unpacked.read(MAX_BYTES + 1)
            else:
                data = raw.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        detail = getattr(error, "strerror", None) or error
        raise FileProblem(path, f"cannot be read ({detail})", "check the name, or get it again") from None
    if len(data) > MAX_BYTES or b"\0" in data:
        raise FileProblem(path, "is no text file", "get it again")
    return data.decode("latin-1")
