"""`xmmpy info` on every real file: what it says of the main kinds, and no traceback on any."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from xmmpy.cli.info import describe_file, info_command
from xmmpy.products.errors import FileProblem


def is_fits(path: Path) -> bool:
    """Whether a file begins as FITS does, however often it was gzipped."""
    content = path.read_bytes()
    while content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    return content.startswith(b"SIMPLE  =")


def test_every_fits_file_is_described(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [path for path in sorted(real_data.rglob("*")) if path.is_file()]
    kinds: Counter[str] = Counter()
    for path in files:
        if is_fits(path):
            told = describe_file(str(path))
            assert told.blocks, path
            assert told.kind not in {"tables", "FITS file without data"} or "vignet" in path.name, path
            kinds[told.kind] += 1
            assert info_command(str(path)) == 0
            assert len(capsys.readouterr().out.splitlines()) > 3
        else:
            with pytest.raises(FileProblem, match="is not a FITS file"):
                describe_file(str(path))
    expected = {
        "event list", "image", "exposure map", "mosaic of images", "rate curve", "good time intervals",
        "spectrum", "source list", "calibration index (CIF)", "attitude history", "effective area (ARF)",
        "response matrix (RMF)", "calibration constituent (CCF)", "mask",
    }  # fmt: skip
    assert expected <= kinds.keys()
    assert kinds["source list"] == 50


def test_a_cleaned_list_and_its_image(real_data: Path) -> None:
    folder = real_data / "sas-products" / "0201903501"
    told = describe_file(str(folder / "mos1_exp1_clean_evts.fits.gz"))
    facts = dict(told.facts)
    assert (told.kind, facts["Telescope"], facts["Filter"]) == ("event list", "XMM EMOS1", "Thin1")
    assert facts["Mode"] == "PrimeFullWindow, IMAGING"
    assert [ccd.ccd for ccd in told.ccds] == [1, 2, 3, 4, 5, 6, 7]
    assert told.calls[0].startswith("evselect table=mos1_exp1_raw_evts.fits")
    image = describe_file(str(folder / "0201903501_pn_exp1-0.50-2.00keVimg.fits.gz"))
    (selected,) = image.selections
    assert selected.startswith("CCD 1-12; good time 6.394 ks to 6.4 ks; FLAG & 0xcfa0000 == 0; ")
    assert selected.endswith("; PI from 500 to 2000 eV; PATTERN at most 4; FLAG = 0")
    assert dict(image.facts)["Grid"] == "RA---TAN, DEC--TAN; pixels of 4.35 arcsec (87 units of Y)"
