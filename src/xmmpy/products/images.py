"""Images in FITS files, read whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile, Hdu, split_block

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from numpy.typing import NDArray

_STORED = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_UNSIGNED = {16: 2**15, 32: 2**31, 64: 2**63}


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """An image and where it came from.

    Attributes
    ----------
    header : Header
        Header of its block.
    data : ndarray
        Values in native byte order, scaled; ``data[y, x]`` with x along NAXIS1. Undefined pixels of
        integer images (BLANK) are NaN.
    path, name : str
        File and block.
    """

    header: Header
    data: NDArray[Any]
    path: str
    name: str


def is_image(hdu: Hdu) -> bool:
    """Whether a block holds pixels."""
    return hdu.kind == "IMAGE" and hdu.data_size > 0


def read_image(spec: str) -> Image:
    """Read an image whole.

    Parameters
    ----------
    spec : str
        ``file`` (its first image) or ``file:EXT``.

    Raises
    ------
    FileProblem
        When it cannot be read or holds no image.
    """
    path, block = split_block(spec)
    with FitsFile(path) as file:
        return image_of(file, file.find(block) if block else first_image(file))


def first_image(file: FitsFile) -> Hdu:
    """Find the first block with pixels.

    Raises
    ------
    FileProblem
        When there is none.
    """
    for hdu in file.hdus:
        if is_image(hdu):
            return hdu
    raise FileProblem(file.path, "holds no image", "name a file that has one")


def image_of(file: FitsFile, hdu: Hdu) -> Image:
    """Read a block of an open file as an image.

    Raises
    ------
    FileProblem
        When the block is no image or its keywords contradict each other.
    """
    if not is_image(hdu):
        raise FileProblem(file.path, f"has no image in {hdu.name}", "name a block that is an image")
    try:
        bits = int(hdu.value("BITPIX"))
        shape = tuple(int(hdu.value(f"NAXIS{axis}")) for axis in range(int(hdu.value("NAXIS")), 0, -1))
        scale, zero = float(hdu.value("BSCALE", 1.0)), float(hdu.value("BZERO", 0.0))
        blank = hdu.value("BLANK")
        blank = int(blank) if blank is not None and bits > 0 else None
        stored = np.frombuffer(file.read(hdu), _STORED[bits]).reshape(shape)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        problem = f"has a damaged image {hdu.name} ({error})"
        raise FileProblem(file.path, problem, "get or make it again") from None
    return Image(hdu.header, _scaled(stored, bits, scale, zero, blank), file.path, hdu.name)


def _scaled(stored: NDArray[Any], bits: int, scale: float, zero: float, blank: int | None) -> NDArray[Any]:
    native = stored.astype(stored.dtype.newbyteorder("="))
    if blank is not None and np.any(native == blank):
        values = native.astype(np.float64) * scale + zero
        values[native == blank] = np.nan
        return values
    if scale == 1.0 and zero == 0.0:
        return native
    if scale == 1.0 and zero == _UNSIGNED.get(bits):
        unsigned = np.dtype(f"u{bits // 8}")
        flipped: NDArray[Any] = native.view(unsigned) ^ np.array(int(zero), unsigned)
        return flipped
    return native.astype(np.float64) * scale + zero
