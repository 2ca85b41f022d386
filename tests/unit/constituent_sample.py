"""Files that look like calibration constituents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from astropy.io import fits


def write_constituent(folder: Path, name: str, extensions: tuple[str, ...] = ("LINCOORD",), **changes: Any) -> Path:
    """Write a file with the primary header of a constituent; a keyword that is None is left out."""
    scope, type_id, issue = name.split("_")
    values: dict[str, Any] = {
        "CREATOR": "test", "DATE": "2003-01-01T00:00:00.000", "TELESCOP": "XMM", "SCOPE": scope, "TYPEID": type_id,
        "ISSUE": int(issue), "VALDATE": "2000-01-01T00:00:00", "EXTSEQU": "ANY",
        "EXTSEQID": " ".join(extensions) + " ", "CATEGORY": "XMMCCF", "SUBDATE": "2003-02-01T00:00:00",
    }  # fmt: skip
    values.update(changes)
    primary = fits.PrimaryHDU()
    for keyword, value in values.items():
        if value is not None:
            primary.header[keyword] = value
    tables = [
        fits.BinTableHDU.from_columns([fits.Column("VALUE", "E", array=[1.0])], name=extension)
        for extension in extensions
    ]
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / f"{name}.CCF"
    fits.HDUList([primary, *tables]).writeto(path)
    return path
