"""Pictures of 256 colours as PNG: the same bytes for the same pixels, on every day and machine."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Night blue over violet and orange to white: brightness rises steadily, so that it also reads in grey.
_STOPS = (
    (0.00, (8, 9, 16)),
    (0.15, (27, 22, 62)),
    (0.32, (74, 30, 109)),
    (0.48, (136, 38, 106)),
    (0.63, (196, 62, 74)),
    (0.78, (236, 116, 44)),
    (0.90, (250, 190, 70)),
    (1.00, (255, 250, 220)),
)


def colour_table() -> NDArray[np.uint8]:
    """Colours of the 256 levels, shape (256, 3)."""
    places = [place for place, _ in _STOPS]
    level = np.linspace(0, 1, 256)
    channels = [np.interp(level, places, [colour[channel] for _, colour in _STOPS]) for channel in range(3)]
    return np.round(np.column_stack(channels)).astype(np.uint8)


def gradient() -> str:
    """The colours as a CSS gradient, for a legend."""
    stops = ", ".join(f"rgb({r},{g},{b}) {100 * place:.0f}%" for place, (r, g, b) in _STOPS)
    return f"linear-gradient(to right, {stops})"


def encode(levels: NDArray[np.uint8]) -> bytes:
    """Encode an image as PNG.

    Parameters
    ----------
    levels : ndarray of uint8, shape (rows, columns)
        Levels 0 to 255; row 0 is the lowest, as in FITS.
    """
    rows, columns = levels.shape
    scanlines = np.zeros((rows, columns + 1), np.uint8)  # each begins with its filter type, 0
    scanlines[:, 1:] = levels[::-1]
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", colour_table().tobytes()),
        (b"IDAT", zlib.compress(scanlines.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def data_url(png: bytes) -> str:
    """Spell a PNG as the source of an ``img`` element."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
