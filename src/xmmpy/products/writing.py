"""Write small products whole: FITS verified, under a temporary name, renamed when complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from astropy.io.fits.hdu.base import _BaseHDU


def write_hdus(path: str | os.PathLike[str], hdus: Sequence[_BaseHDU]) -> None:
    """Write a FITS file of the given blocks, the first of which is the primary one.

    Raises
    ------
    FileProblem
        When the disk does not take it.
    """
    from astropy.io import fits

    try:
        with atomic_path(path) as temporary:
            fits.HDUList(list(hdus)).writeto(temporary, output_verify="exception")
    except OSError as error:
        raise FileProblem(
            path, f"cannot be written ({error.strerror or error})", "check the folder and the free space"
        ) from None
