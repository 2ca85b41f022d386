"""What kind of file it is, told from the names and columns of its blocks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xmmpy.products.files import FitsFile, Hdu

# Blocks that make the kind of the whole file, in the order in which they are looked for.
_BLOCK_KINDS = (
    (r"EVENTS\Z", "event list"),
    (r"SRCLIST\Z", "source list"),
    (r"RATE\Z", "rate curve"),
    (r"SPECTRUM\Z", "spectrum"),
    (r"MATRIX\Z|SPECRESP MATRIX\Z", "response matrix (RMF)"),
    (r"SPECRESP\Z", "effective area (ARF)"),
    (r"HISTO", "histogram"),
    (r"CALINDEX\Z", "calibration index (CIF)"),
    (r"ATTHK\Z", "attitude history"),
    (r"(?:STDGTI|GTI|SRC_GTIS)\d*\Z", "good time intervals"),
    (r"REGION|REG\d+\Z", "regions"),
    (r"BADPIX\d*\Z", "bad pixels"),
    (r"MASK\Z", "mask"),
)
_ODF_INSTRUMENTS = {
    "M1": "MOS1", "M2": "MOS2", "PN": "pn", "R1": "RGS1", "R2": "RGS2", "OM": "optical monitor",
    "RM": "radiation monitor", "SC": "spacecraft",
}  # fmt: skip
_ODF_CONTENTS = {
    "IME": "events in imaging mode", "TIE": "events in timing mode", "RIE": "events in reduced imaging mode",
    "CTE": "events in compressed timing mode", "BUE": "events in burst mode", "AUX": "frames (auxiliary)",
    "CCX": "counting cycles", "HCH": "housekeeping, non-periodic", "HTH": "housekeeping, thermal",
    "PEH": "housekeeping, periodic", "PAH": "housekeeping, periodic, additional",
    "PMH": "housekeeping, periodic, main",
    "RTX": "time correlation", "TCX": "time correlation", "ECX": "counts", "ESX": "spectra",
    "OVE": "offsets and variances",
    "OFX": "offsets", "DLI": "discarded lines", "ATS": "attitude",
}  # fmt: skip


def kind_of(file: FitsFile) -> tuple[str, Hdu]:
    """Name the kind of a file, and the block that makes it so."""
    first = file.hdus[0]
    raw = re.compile(rf"({'|'.join(_ODF_INSTRUMENTS)})([A-Z]{{3}})\d?\Z")
    for hdu in file.hdus[1:]:
        if (match := raw.match(hdu.name)) is not None:
            content = _ODF_CONTENTS.get(match[2], f"{match[2]} data")
            return f"raw file of an ODF: {_ODF_INSTRUMENTS[match[1]]}, {content}", hdu
    if first.data_size:
        return _image_kind(first), first
    for pattern, kind in _BLOCK_KINDS:
        for hdu in file.hdus:
            if re.match(pattern, hdu.name):
                return kind, hdu
    for hdu in file.hdus[1:]:
        if hdu.data_size and not hdu.is_table:
            return _image_kind(hdu), hdu
    return _by_columns(file.hdus)


def _image_kind(hdu: Hdu) -> str:
    content = " ".join(str(hdu.value(key, "")).upper() for key in ("CONTENT", "HDUCLAS2", "DATATYPE", "XPROC0"))
    for word, kind in (
        ("EXPOSURE MAP", "exposure map"),
        ("EEXPMAP", "exposure map"),
        ("EMOSAIC", "mosaic of images"),
        ("MASK", "mask"),
        ("ESPLINEMAP", "background map"),
        ("ESENSMAP", "sensitivity map"),
    ):
        if word in content:
            return kind
    axes = hdu.value("NAXIS", 2)
    return "image" if axes == 2 else f"image of {axes} axes"


def _by_columns(hdus: Sequence[Hdu]) -> tuple[str, Hdu]:
    tables = [hdu for hdu in hdus if hdu.is_table]
    for hdu in tables:
        names = hdu.column_numbers.keys()
        if {"START", "STOP"} <= names:
            return "good time intervals", hdu
        if "TIME" in names and names & {"RATE", "COUNTS"}:
            return "rate curve", hdu
        if {"TIME", "PI"} <= names:
            return "event list", hdu
    if tables and str(hdus[0].value("TELESCOP", "")).strip() == "XMM" and hdus[0].value("ISSUE") is not None:
        return "calibration constituent (CCF)", tables[0]
    return ("tables", tables[0]) if tables else ("FITS file without data", hdus[0])
