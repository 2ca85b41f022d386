"""Images, rate curves, spectra and histograms of evselect against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from small_list import START, write_small_list

from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Session


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """A list of two CCDs."""
    return write_small_list(tmp_path_factory.mktemp("list") / "events.fits")


@pytest.fixture
def make(events, tmp_path):
    """Run evselect on the list; gives header and data of the product, and the codes of warnings."""

    def run(kind, **values):
        session = Session("evselect")
        values = {"table": events.path, f"{kind}set": tmp_path / "out.fits", **values}
        find_task("evselect").execute(values, session)
        with fits.open(tmp_path / "out.fits") as file:
            file.verify("exception")
            hdu = file[0] if kind == "image" else file[1]
            return hdu.header.copy(), np.array(hdu.data), [code for code, _ in session.warnings]

    return run


def refused(make, kind, **values):
    with pytest.raises(TaskError) as failure:
        make(kind, **values)
    assert "\n" not in failure.value.text
    return failure.value.code


def counted(x, y, low, width, count):
    edges = [np.asarray(low[i]) + width[i] * np.arange(count[i] + 1) - 0.5 for i in (0, 1)]
    return np.histogram2d(y, x, bins=[edges[1], edges[0]])[0]


def test_an_image_covers_the_legal_range_with_whole_bins(make, events):
    header, data, _ = make("image", xcolumn="X", ycolumn="Y")
    assert data.shape == (596, 596)  # 51840 / 600 = 86.4, so bins of 87, of which 596 cover the range
    c = events.columns
    assert np.array_equal(data, counted(c["X"], c["Y"], (1, 1), (87, 87), (596, 596)))
    assert (header["BITPIX"], header["CRVAL1L"], header["CDELT1L"]) == (16, 44.0, 87.0)
    assert header["LTM1_1"] * 1 + header["LTV1"] == pytest.approx(0.5 + 0.5 / 87)
    x, y = WCS(header).world_to_pixel_values(150.0, -11.0)
    assert x * 87 + 44 == pytest.approx(25921)
    assert y * 87 + 44 == pytest.approx(25921)


def test_square_pixels_take_the_larger_bin(make):
    header, data, _ = make("image", ximagesize=16, yimagesize=20)
    assert (header["CDELT1L"], header["CDELT2L"], data.shape) == (4, 10, (20, 16))
    header, data, _ = make("image", ximagesize=16, yimagesize=20, squarepixels="yes")
    assert (header["CDELT1L"], header["CDELT2L"], data.shape) == (10, 10, (20, 7))
    header, data, _ = make("image", imagebinning="binSize", ximagebinsize=4, yimagebinsize=8, squarepixels="yes")
    assert (header["CDELT1L"], header["CDELT2L"], data.shape) == (8, 8, (25, 8))


def test_a_user_range_is_cut_to_the_legal_one_with_warnings(make):
    values = {"imagebinning": "binSize", "ximagemin": -5, "ximagemax": 30, "yimagemin": 100, "yimagemax": 900}
    header, data, warnings = make("image", **values)
    assert warnings == ["MinParamRange", "MaxParamRange"]
    assert data.shape == (101, 30)
    assert (header["CRVAL1L"], header["CRVAL2L"]) == (1, 100)
    header, data, warnings = make("image", ignorelegallimits=True, **values)
    assert (warnings, data.shape) == ([], (801, 36))
    assert header["CRVAL1L"] == -5


def test_without_legal_limits_the_data_set_the_range(make, events):
    _, data, _ = make("image", ignorelegallimits=True, imagebinning="binSize", xcolumn="DETX", ximagebinsize=50)
    detx = events.columns["DETX"].astype(int)
    assert data.shape == (np.ptp(events.columns["RAWY"]) + 1, (np.ptp(detx) + 50) // 50)
    assert data.sum() == len(detx)
    assert np.array_equal(data.sum(axis=0), np.bincount((detx - detx.min()) // 50))


def test_real_columns_have_real_bins(make, events):
    _, data, _ = make("image", xcolumn="TIME", ycolumn="WEIGHT", ximagesize=10, yimagesize=7, ximagemin=1000,
                      ximagemax=2000, yimagemin=1, yimagemax=3)  # fmt: skip
    c = events.columns
    inside = (c["TIME"] <= 2000) & (c["WEIGHT"] >= 1)
    expected = np.histogram2d(c["WEIGHT"][inside], c["TIME"][inside], bins=[7, 10], range=[(1, 3), (1000, 2000)])[0]
    assert np.array_equal(data, expected)


def test_weights_are_summed(make, events):
    _, data, _ = make("image", imagebinning="binSize", zcolumn="WEIGHT")
    expected = np.zeros((200, 64))
    np.add.at(
        expected, (events.columns["RAWY"] - 1, events.columns["RAWX"] - 1), events.columns["WEIGHT"].astype(float)
    )
    assert data == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "bitpix"), [("Int8", 8), ("Int16", 16), ("Int32", 32), ("Real32", -32), ("Real64", -64)]
)
def test_image_types(make, events, name, bitpix):
    header, data, _ = make("image", imagedatatype=name)
    assert header["BITPIX"] == bitpix
    assert data.sum() == len(events.columns["PI"])


def test_an_image_that_its_type_cannot_hold(make, tmp_path):
    one = {"imagebinning": "binSize", "ximagebinsize": 64, "yimagebinsize": 200}
    assert refused(make, "image", imagedatatype="Int8", **one) == "ImageType"
    assert not (tmp_path / "out.fits").exists()
    header, data, _ = make("image", **one)
    assert (data.size, header["BITPIX"]) == (1, 16)


def test_an_image_around_a_sky_position(make, events):
    values = {"xcolumn": "X", "ycolumn": "Y", "imagebinning": "binSize", "ximagebinsize": 100, "yimagebinsize": 100}
    values |= {"ximagemin": 20001, "ximagemax": 30000, "yimagemin": 20001, "yimagemax": 30000}
    header, data, _ = make("image", raimagecenter=150.05, decimagecenter=-10.95, **values)
    assert data.shape == (100, 100)
    x, y = WCS(header).world_to_pixel_values(150.05, -10.95)
    assert (x, y) == pytest.approx((49.5, 49.5), abs=0.01)
    low = [header["CRVAL1L"] - 49.5, header["CRVAL2L"] - 49.5]
    assert np.array_equal(data, counted(events.columns["X"], events.columns["Y"], low, (100, 100), (100, 100)))
    assert refused(make, "image", raimagecenter=330.0, decimagecenter=11.0, **values) == "WcsTransform"


def test_images_that_are_not_possible(make):
    assert refused(make, "image", xcolumn="NOPE") == "XRangeVal"
    assert refused(make, "image", ycolumn="NOPE") == "YRangeVal"
    assert refused(make, "image", imagebinning="binSize", ximagebinsize=1.5) == "ImgBinVal"
    assert refused(make, "image", ximagemin=30, ximagemax=20) == "XRangeVal"
    assert refused(make, "image", xcolumn="X", ycolumn="Y", imagebinning="binSize") == "ImgBinVal"  # 2.7 billion pixels
    assert refused(make, "image", zcolumn="NOPE") == "ColType"
    assert refused(make, "image", imagebinning="binSize", ximagebinsize=0) == "BadParameter"


def test_rate_curves(make, events):
    time = events.columns["TIME"]
    expected = np.histogram(time, bins=START + 70 * np.arange(30))[0]
    header, data, _ = make("rate", timebinsize=70, energycolumn="PI")
    assert data.dtype.names == ("COUNTS",)
    assert np.array_equal(data["COUNTS"], expected)
    assert (header["TIMEZERO"], header["TIMEDEL"], header["CHANMAX"]) == (START + 35, 70, 11999)
    header, data, _ = make("rate", timebinsize=70, maketimecolumn=True, makeratecolumn=True)
    assert data["RATE"] == pytest.approx(expected / 70)
    assert data["ERROR"] == pytest.approx(np.sqrt(expected) / 70)
    assert np.array_equal(data["TIME"], START + 35 + 70 * np.arange(29))
    assert "TIMEZERO" not in header


def test_rate_curve_of_weights(make, events):
    _, data, _ = make("rate", timebinsize=200, makeratecolumn=True, zcolumn="WEIGHT", zerrorcolumn="EWEIGHT")
    bins = START + 200 * np.arange(11)
    c = {name: values.astype(float) for name, values in events.columns.items()}
    assert data["RATE"] == pytest.approx(np.histogram(c["TIME"], bins, weights=c["WEIGHT"])[0] / 200)
    assert data["ERROR"] == pytest.approx(np.sqrt(np.histogram(c["TIME"], bins, weights=c["EWEIGHT"] ** 2)[0]) / 200)


def test_a_rate_curve_of_a_range_of_times(make, events):
    header, data, _ = make("rate", timebinsize=10, timemin=1100, timemax=1205, maketimecolumn=True)
    assert len(data) == 11
    assert np.array_equal(data["COUNTS"], np.histogram(events.columns["TIME"], 1100 + 10 * np.arange(12))[0])
    assert (header["TSTART"], header["TSTOP"]) == (1100, 1205)
    assert refused(make, "rate", timemin=5, timemax=5) == "TimeRangeVal"
    assert refused(make, "rate", timecolumn="NOPE") == "TimeRangeVal"
    assert refused(make, "rate", timebinsize=1e-9) == "RateBinVal"


def test_a_rate_curve_without_legal_energies(make):
    header, _, warnings = make("rate", energycolumn="FLAG")
    assert warnings == ["RateEnergy"]
    assert "CHANMIN" not in header


def test_exposure_is_the_live_time_weighted_with_the_events(make, events):
    ccd = events.columns["CCDNR"]
    stated = fits.getheader(events.path, 1)
    mean = sum(stated[f"LIVETI{n:02d}"] * (ccd == n).sum() for n in (1, 2)) / len(ccd)
    for values in ({}, {"updateexposure": "no"}):
        header, _, _ = make("rate", timebinsize=100, **values)
        assert header["EXPOSURE"] == pytest.approx(mean, rel=1e-12)
    header, _, _ = make("histogram", histogrambinsize=100)
    assert "EXPOSURE" not in header


def test_spectra(make, events):
    pi = events.columns["PI"].astype(int)
    header, data, _ = make("spectrum", energycolumn="PI")
    assert np.array_equal(data["COUNTS"], np.bincount(pi // 5, minlength=2400))
    assert np.array_equal(data["CHANNEL"], np.arange(2400))
    assert (header["DETCHANS"], header["SPECDELT"], header["TLMAX1"], header["CHANTYPE"]) == (2400, 5, 2399, "PI")
    header, data, _ = make("spectrum", energycolumn="PI", spectralbinsize=15, specchannelmin=300, specchannelmax=2999)
    inside = pi[(pi >= 300) & (pi < 3000)]
    assert np.array_equal(data["COUNTS"], np.bincount((inside - 300) // 15, minlength=180))
    header, data, _ = make("spectrum", energycolumn="PI", zcolumn="WEIGHT", spectralbinsize=100)
    assert data["COUNTS"].sum() == pytest.approx(events.columns["WEIGHT"].sum(dtype=float), rel=1e-5)
    assert header["POISSERR"] is False
    assert refused(make, "spectrum", energycolumn="NOPE") == "SpecIntColumn"
    assert refused(make, "spectrum", energycolumn="PI", specchannelmin=9, specchannelmax=3) == "BadSpecLimits"


def test_histograms(make, events):
    c = events.columns
    _, data, _ = make("histogram", histogramcolumn="RAWX", histogrambinsize=3)
    assert np.array_equal(data["COUNTS"], np.bincount((c["RAWX"] - 1) // 3))
    assert data["RAWX"][0] == 2
    _, data, _ = make("histogram", histogramcolumn="WEIGHT", histogrambinsize=0.25, histogrammin=1, histogrammax=3)
    assert np.array_equal(data["COUNTS"], np.histogram(c["WEIGHT"], 8, (1, 3))[0])
    assert data["WEIGHT"][0] == 1.125
    _, data, _ = make("histogram", histogrambinsize=100.0)  # TIME, with the range of the data
    assert data["COUNTS"].sum() == len(c["TIME"])
    assert refused(make, "histogram", histogramcolumn="NOPE") == "HistoRangeVal"
    assert refused(make, "histogram", histogramcolumn="RAWX", histogrambinsize=0.5) == "HistoBinVal"


def test_blocks_and_keywords_that_the_user_wants(make, events, tmp_path):
    _, _, warnings = make("image", blockstocopy=["BADPIX01", "OFFSETS"][0], attributestocopy="RA_MED CONTENT NOPE")
    assert warnings == ["NoAttrib"]
    with fits.open(tmp_path / "out.fits") as file, fits.open(events.path) as source:
        assert file[0].header["RA_MED"] == 150.0
        assert file[0].header["CONTENT"] == "EVENT LIST"
        assert np.array_equal(file["BADPIX01"].data, source["BADPIX01"].data)
    assert refused(make, "image", blockstocopy="NOPE") == "FileIo"
