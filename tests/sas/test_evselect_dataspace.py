"""Data subspace keywords against those of real headers: the same calls on the data subspace that the list had."""

from __future__ import annotations

import re

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.products.intervals import Intervals
from xmmpy.selection import parse, resolve
from xmmpy.selection.conditions import conditions_of
from xmmpy.selection.dataspace import DataSpace, Figures, GoodTimes
from xmmpy.selection.keywords import dataspace_cards, is_dataspace_keyword
from xmmpy.selection.ranges import Bits, Bounds, Ranges
from xmmpy.tasks.catalogue.evselect.headers import region_block

ALWAYS = Intervals(np.array([0.0]), np.array([1e9]))
MACROS = {
    "XMMEA_EM": "(FLAG & 0x766ba000) == 0",
    "XMMEA_EP": "(FLAG & 0xcfa0000) == 0",
    "XMMEA_22": "(FLAG & 0x400000) != 0",
}
GALAXY = "sas-products/{}/{}_{}_exp1-{}keVimg.fits.gz"
ESPFILT_MOS = "(PATTERN<=12)&&GTI(gti.fits,TIME)&&((FLAG & 0x766aa000)==0)"
ESPFILT_PN = "(PATTERN<=4)&&GTI(gti.fits,TIME)&&#XMMEA_EP"
XGA_MOS = "#XMMEA_EM && (PATTERN <= 12) && (FLAG .eq. 0) && GTI(gti.fits,TIME)"
XGA_PN = "#XMMEA_EP && (PATTERN <= 4) && (FLAG .eq. 0) && GTI(gti.fits,TIME)"
#: File, block, camera, and the calls before the last one; the last one is in SLCTEXPR.
CASES = [
    ("pn-list/0932190801/0932190801_PN1_src.evt.gz", 1, "pn", []),
    ("pn-list/0932190801/0932190801_PN1spec.fits.gz", 1, "pn", []),
    ("sas-products/0124710801/PN_rate.fits.gz", 1, "pn", []),
    ("sas-products/0124710801/PN_image.fits.gz", 0, "pn", []),
    ("esas/0203930101/mos1S001-fovlc.fits.gz", 1, "mos", []),
    ("esas/0203930101/mos1S001-corlc.fits.gz", 1, "mos", []),
    ("esas/0203930101/pnS003-fovlc.fits.gz", 1, "pn", []),
    ("esas/0203930101/pnS003-corlc.fits.gz", 1, "pn", []),
    ("esas/0203930101/P0203930101M1S001FBKTSR0000.FIT.gz", 1, "mos", []),
    ("esas/0203930101/mos1S001-corevc.fits.gz", 1, "mos", []),
    ("esas/0203930101/mos1S001-corn.fits.gz", 1, "mos", [ESPFILT_MOS]),
    ("esas/0203930101/mos1S001-corn-image.fits.gz", 0, "mos", [ESPFILT_MOS]),
    ("esas/0203930101/mos1S001-obj-im.fits.gz", 0, "mos", [ESPFILT_MOS]),
    ("esas/0203930101/pnS003-obj-im.fits.gz", 0, "pn", [ESPFILT_PN]),
    *((f"sas-products/{o}/{c}_exp1_clean_evts.fits.gz", 1, "mos", [])
      for o in ("0201901401", "0201903501") for c in ("mos1", "mos2")),
    *((GALAXY.format(o, o, c, b), 0, "pn" if c == "pn" else "mos", [XGA_PN if c == "pn" else XGA_MOS])
      for o in ("0201901401", "0201903501") for c in ("mos1", "mos2", "pn") for b in ("0.50-2.00", "2.00-10.00")),
]  # fmt: skip


def list_space(camera, ccds):
    """Data subspace of a calibrated list as the pipeline leaves it."""
    components = []
    for ccd in ccds:
        value = [Ranges((Bounds(float(ccd), float(ccd)),)), GoodTimes(ALWAYS, f"STDGTI{ccd:02d}")]
        if camera == "mos":
            value.append(Bits(0, 0x762AA000))
        components.append(tuple(value))
    names, units = (("CCDNR", "TIME", "FLAG"), ("", "s", "")) if camera == "mos" else (("CCDNR", "TIME"), ("", "s"))
    return DataSpace(names, units, tuple(components))


def selected(space, text, camera):
    units = {"TIME": "s", "PI": "eV" if camera == "pn" else "CHAN", "DETY": "0.05 arcsec", "DETX": "0.05 arcsec"}
    root = resolve(parse(text), MACROS).root
    return space.select(conditions_of(root, lambda _: ALWAYS, lambda name: units.get(name, ""), str.upper))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].split("/")[-1].split(".fits")[0])
def test_cards_are_those_of_sas(real_data, case):
    name, block, camera, before = case
    header = fits.getheader(real_data / name, block)
    real = [(key, header[key]) for key in header if is_dataspace_keyword(key)]
    ccds = sorted({int(value) for key, value in real if re.fullmatch(r"\d*DSVAL1", key)})
    space = list_space(camera, ccds)
    for text in [*before, header["SLCTEXPR"]]:
        space = selected(space, re.sub(r"(?<=\d)&+(?=\d)", "", text), camera)
    ours = [(key, value) for key, value, _ in dataspace_cards(space)]
    assert ours == [(key, once(value)) for key, value in real]
    comments = {key: comment for key, _, comment in dataspace_cards(space)}
    assert comments == {key: header.comments[key] for key, _ in real}


def once(value):
    """Undo the repetition of a pair's columns that some versions of SAS write."""
    return re.sub(r"(\(\w+,\w+\))\1+", r"\1", value)


@pytest.mark.parametrize(
    ("name", "camera", "pair"),
    [
        ("esas/0203930101/mos1S001-corevc.fits.gz", "mos", ("DETX", "DETY")),
        ("esas/0203930101/mos1S001-corn.fits.gz", "mos", ("DETX", "DETY")),
        ("esas/0203930101/pnS003-corlc.fits.gz", "pn", ("DETX", "DETY")),
        ("pn-list/0932190801/0932190801_PN1_src.evt.gz", "pn", ("X", "Y")),
    ],
)
def test_region_tables_hold_the_same_figures(real_data, name, camera, pair):
    """SAS orders the rows of one component differently, which changes nothing: all of them must hold."""
    with fits.open(real_data / name) as file:
        text = re.sub(r"(?<=\d)&+(?=\d)", "", file[1].header["SLCTEXPR"])
        space = selected(list_space(camera, range(1, 8)), text, camera)
        figures = next(value for value in space.tables.values() if isinstance(value, Figures))
        table = next(hdu for hdu in file if hdu.name.startswith("REG"))
        ours = fits.BinTableHDU.fromstring(region_block(figures.rows, table.name, pair).to_bytes())
        assert [str(column) for column in ours.columns] == [str(column) for column in table.columns]
        assert sorted(map(str, ours.data)) == sorted(map(str, table.data))
        assert list(ours.header) == list(table.header)
        assert {k: ours.header[k] for k in ours.header} == {k: table.header[k] for k in ours.header}
        assert [card.comment for card in ours.header.cards] == [card.comment for card in table.header.cards]
