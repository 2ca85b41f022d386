"""Rate curves and spectra of evselect against those that SAS made."""

from __future__ import annotations

import re

import numpy as np
import pytest
from astropy.io import fits

import xmmpy.tasks
from xmmpy.products.gti import read_gti

ESAS = "esas/0203930101"
MAKER = {"XPROC0", "XDAL0", "CREATOR", "DATE", "CONTINUE", "HISTORY", "COMMENT", "LONGSTRN", ""}
#: The list at hand went through more cuts than the one that SAS used, so its data subspace has more descriptors.
SUBSPACE = re.compile(r"\d*DS(TYP|UNI|VAL|REF|FORM)\d+|M(TYPE|FORM)\d+|SLCTEXPR|EXPOSURE")


@pytest.fixture
def corner_curve(real_data, call_of, tmp_path):
    """Curve of espfilt's corners, made by SAS of the whole list and by us of the list after the flare cut."""
    real = real_data / ESAS / "mos1S001-corlc.fits.gz"
    made = tmp_path / "rate.fits"
    values = call_of(real) | {"table": str(real_data / ESAS / "mos1S001-corevc.fits.gz"), "rateset": str(made)}
    xmmpy.tasks.evselect(**values)
    return real, made


def test_counts_in_good_times_are_those_of_sas(real_data, corner_curve):
    real, made = corner_curve
    good = read_gti(str(real_data / ESAS / "mos1S001-gti.fits"))
    with fits.open(real) as theirs, fits.open(made) as ours:
        time = theirs["RATE"].data["TIME"]
        assert np.array_equal(ours["RATE"].data["TIME"], time)
        edges = time[:, None] + [-0.5, 0.5]
        whole = good.contains(edges).all(axis=1)
        index = np.searchsorted(good.start, edges, side="right")
        whole &= index[:, 0] == index[:, 1]
        assert whole.sum() > 30000
        for name in ("RATE", "ERROR"):
            assert np.array_equal(ours["RATE"].data[name][whole], theirs["RATE"].data[name][whole])
        assert theirs["RATE"].data["RATE"][whole].sum() > 1000


def test_layout_of_a_rate_curve_is_that_of_sas(corner_curve):
    real, made = corner_curve
    with fits.open(real) as theirs, fits.open(made) as ours:
        mine, model = ours["RATE"].header, theirs["RATE"].header
        keys = [key for key in model if not SUBSPACE.fullmatch(key) and key not in MAKER]
        assert [key for key in mine if not SUBSPACE.fullmatch(key) and key not in MAKER] == keys
        assert {key: mine[key] for key in keys} == {key: model[key] for key in keys}
        assert {key: mine.comments[key] for key in keys} == {key: model.comments[key] for key in keys}
        assert len(ours["RATE"].data) == int(np.ceil((model["TSTOP"] - model["TSTART"]) / model["TIMEDEL"]))
        primary = [key for key in theirs[0].header if key not in MAKER and not key.startswith(("XPROC", "XDAL"))]
        added = ["LENOIS", "ELOW", "EHIGH", "NORM", "WIDTH", "CENTER", "H_", "L_"]  # espfilt's, in the list only
        own = [k for k in ours[0].header if k not in MAKER and not k.startswith(("XPROC", "XDAL", *added))]
        assert own == [key for key in primary if not key.startswith(tuple(added))]


CURVES = {
    "PN_rate": ("sas-products/0124710801/PN_rate.fits.gz", "pn-list/0932190801/0932190801_PN1_src.evt.gz"),
    "fovlc": (f"{ESAS}/mos1S001-fovlc.fits.gz", f"{ESAS}/mos1S001-corevc.fits.gz"),
    "FBKTSR": (f"{ESAS}/P0203930101M1S001FBKTSR0000.FIT.gz", f"{ESAS}/mos1S001-corevc.fits.gz"),
    "FBKTSR-pn": (f"{ESAS}/P0203930101PNS003FBKTSR0000.FIT", "pn-list/0932190801/0932190801_PN1_src.evt.gz"),
}
#: What other programs did to FBKTSR curves afterwards: areas, other units, other columns.
LATER = {"IN_FOV", "GOOD_PIX", "FRACEXP"}


@pytest.mark.parametrize("case", CURVES)
def test_a_curve_of_the_same_call_on_another_list_has_the_same_columns_and_keywords(real_data, call_of, tmp_path, case):
    product, table = CURVES[case]
    values = call_of(real_data / product)
    values |= {"table": str(real_data / table), "rateset": str(tmp_path / "rate.fits"), "expression": "PI>200"}
    xmmpy.tasks.evselect(**values)
    with fits.open(real_data / product) as theirs, fits.open(tmp_path / "rate.fits") as ours:
        mine, model = ours["RATE"], theirs["RATE"]
        later = LATER | ({"RATE"} if case == "FBKTSR-pn" else set())
        names = [name for name in model.columns.names if name not in later]
        assert mine.columns.names == names
        assert mine.columns.formats == model.columns.formats[: len(names)]
        if not case.startswith("FBKTSR"):
            assert [mine.columns[n].unit for n in names] == [model.columns[n].unit for n in names]
        assert mine.header["TIMEDEL"] == model.header["TIMEDEL"] == float(values["timebinsize"])
        for header, data in ((mine.header, mine.data), (model.header, model.data)):
            # With TIMEZERO or without: the first bin begins at TSTART, and the last one holds TSTOP.
            assert data["TIME"][0] == pytest.approx(header["TSTART"] + header["TIMEDEL"] / 2, abs=2e-6)
            assert len(data) == int(np.ceil((header["TSTOP"] - header["TSTART"]) / header["TIMEDEL"]))
        own = [key for key in mine.header if not SUBSPACE.fullmatch(key)]
        order = [key for key in model.header if not SUBSPACE.fullmatch(key) and key not in LATER | MAKER]
        only_there = {"DLMEAN", "DLMAX"} | {f"{stem}{len(names) + 1}" for stem in ("TTYPE", "TFORM", "TUNIT")}
        assert [k for k in own if k not in only_there] == [k for k in order if k not in only_there]
        assert ("EXPOSURE" in mine.header) == ("EXPOSURE" in model.header)
        if case != "FBKTSR-pn":  # its selection has masks, and SAS gave it no data subspace
            assert {hdu.name[:6] for hdu in ours[2:] if not hdu.name.startswith("REG")} <= {
                "STDGTI",
                "GTI000",
                "GTI001",
            } | {f"GTI00{n}" for n in range(10)}


def test_good_times_of_a_curve_are_those_of_the_list(real_data, tmp_path):
    table = real_data / "pn-list/0932190801/0932190801_PN1_src.evt.gz"
    xmmpy.tasks.evselect(table=table, rateset=tmp_path / "rate.fits", maketimecolumn=True, timebinsize=100)
    with fits.open(table) as source, fits.open(tmp_path / "rate.fits") as rate:
        assert [hdu.name for hdu in rate[2:]] == [f"STDGTI{n:02d}" if n else "REG00106" for n in (1, 0, *range(2, 13))]
        for hdu in rate[2:]:
            assert hdu.header.tostring() == source[hdu.name].header.tostring()
            assert np.array_equal(hdu.data, source[hdu.name].data)


def test_spectrum_is_that_of_sas(real_data, tmp_path, call_of):
    folder = real_data / "pn-list/0932190801"
    real = folder / "0932190801_PN1spec.fits.gz"
    made = tmp_path / "spectrum.fits"
    xmmpy.tasks.evselect(
        table=folder / "0932190801_PN1_src.evt.gz", spectrumset=made, energycolumn="PI", spectralbinsize=5,
        specchannelmin=0, specchannelmax=20479, expression=fits.getheader(real, 1)["SLCTEXPR"],
    )  # fmt: skip
    with fits.open(real) as theirs, fits.open(made) as ours:
        mine, model = ours["SPECTRUM"], theirs["SPECTRUM"]
        assert [str(column) for column in mine.columns] == [str(column) for column in model.columns]
        assert np.array_equal(mine.data["CHANNEL"], model.data["CHANNEL"])
        inside = (model.data["CHANNEL"] >= 40) & (model.data["CHANNEL"] <= 2400)  # the list holds 200 to 12000 eV
        assert np.array_equal(mine.data["COUNTS"][inside], model.data["COUNTS"][inside])
        assert model.data["COUNTS"][inside].sum() > 700
        assert mine.header["EXPOSURE"] == pytest.approx(model.header["EXPOSURE"], rel=1e-12)
        subspace = re.compile(r"\d*DS(TYP|UNI|VAL|REF|FORM)\d+")  # of a list that was cut before
        skip = {"BACKSCAL"}  # backscale's
        order = [key for key in model.header if not subspace.fullmatch(key) and key not in skip]
        assert [key for key in mine.header if not subspace.fullmatch(key)] == order
        assert {key: mine.header[key] for key in order} == {key: model.header[key] for key in order}
        assert {key: mine.header.comments[key] for key in order} == {key: model.header.comments[key] for key in order}
