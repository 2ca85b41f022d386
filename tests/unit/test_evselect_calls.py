"""Calls of evselect: several at once, outputs, errors, files that the expression names, parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from small_list import write_small_list

import xmmpy.tasks
from xmmpy.tasks.catalogue.evselect import EvselectParameters, run_together
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Outcome, Session

PRODUCTS = ("filteredset", "imageset", "spectrumset", "rateset", "histogramset")
FIXED = Environment(source_date_epoch=1_000_000_000)


@pytest.fixture
def events(tmp_path):
    """A list of two CCDs."""
    return write_small_list(tmp_path / "events.fits")


def test_all_products_in_one_call_are_those_of_single_calls(events, tmp_path):
    names = {name: tmp_path / f"{name}.fits" for name in PRODUCTS}
    common = {"table": events.path, "expression": "PI>500 && #XMMEA_EM", "timebinsize": 50, "histogrambinsize": 50}
    outcome = find_task("evselect").execute({**common, **names, "energycolumn": "PI"}, Session("evselect"))
    assert sorted(outcome.outputs) == sorted(names.values())
    for name in PRODUCTS:
        alone = {**common, "energycolumn": "PI", name: tmp_path / "alone.fits"}
        alone = {k: v for k, v in alone.items() if k not in {"timebinsize", "histogrambinsize"} or name in
                 {"rateset", "histogramset"}}  # fmt: skip
        alone.pop("histogrambinsize" if name == "rateset" else "timebinsize", None)
        find_task("evselect").execute(alone, Session("evselect"))
        difference = fits.FITSDiff(
            names[name], tmp_path / "alone.fits", ignore_keywords=["XPROC0", "CONTINUE", "DATE", "HISTORY"]
        )
        assert difference.identical, difference.report()


def test_calls_done_together_write_the_same_bytes_as_alone(events, tmp_path):
    def values(folder):
        folder.mkdir(exist_ok=True)
        clean = {"expression": "PI>150 && (FLAG & 0x10000)==0", "filteredset": str(folder / "clean.fits")}
        image = {"xcolumn": "X", "ycolumn": "Y", "imagebinning": "binSize", "ximagebinsize": 400, "yimagebinsize": 400}
        bands = [
            {
                "expression": f"PI in [{low}:{high}] && #XMMEA_EM",
                "imageset": str(folder / f"{low}-{high}.fits"),
                **image,
            }
            for low, high in ((300, 1000), (1001, 4000), (300, 12000))
        ]
        rate = {"expression": "PI>1000", "rateset": str(folder / "rate.fits"), "timebinsize": 26}
        flags = {"expression": "PATTERN<=12", "filteredset": str(folder / "flags.fits"), "destruct": False}
        return [clean, *bands, rate, flags, {"expression": "true", "filteredset": str(folder / "all.fits")}]

    def calls(folder):
        given = [EvselectParameters.from_values({"table": str(events.path), **v}) for v in values(folder)]
        return [(parameters, Session("evselect", FIXED)) for parameters in given]

    folder = tmp_path / "products"
    results = run_together(calls(folder))
    assert all(isinstance(result, Outcome) for result in results)
    together = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert len(together) == 7
    for path in folder.iterdir():
        path.unlink()
    alone = [run_together([one])[0] for one in calls(folder)]
    assert {path.name: path.read_bytes() for path in sorted(folder.iterdir())} == together
    assert alone == results


def test_one_wrong_call_leaves_the_others(events, tmp_path):
    texts = ["PI>200", "PI>>", "NOPE==3", "PI>300"]
    values = [
        {"table": str(events.path), "expression": text, "filteredset": str(tmp_path / f"{number}.fits")}
        for number, text in enumerate(texts)
    ]
    calls = [(EvselectParameters.from_values(given), Session("evselect")) for given in values]
    results = run_together(calls)
    assert [getattr(result, "code", "") for result in results] == ["", "BadExpression", "BadExpression", ""]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.fits", "3.fits", "events.fits"]


def test_two_calls_that_write_one_file(events, tmp_path):
    target = tmp_path / "out.fits"
    with pytest.raises(TaskError) as failure:
        xmmpy.tasks.evselect(table=events.path, imageset=target, rateset=target)
    assert "two products" in failure.value.text
    assert not target.exists()


def test_an_image_does_not_replace_its_list(events):
    before = events.path.read_bytes()
    with pytest.raises(TaskError, match="the list that is read"):
        xmmpy.tasks.evselect(table=events.path, imageset=events.path)
    assert events.path.read_bytes() == before


def test_a_disk_that_takes_no_more(events, tmp_path):
    """The limit on file sizes stands for a full disk."""
    import resource
    import signal

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        for values in ({"filteredset": tmp_path / "out.fits"},
                       {"imageset": tmp_path / "out.fits", "imagedatatype": "Real64"}):  # fmt: skip
            with pytest.raises(TaskError, match=r"written|disk") as failure:
                xmmpy.tasks.evselect(table=events.path, **values)
            assert failure.value.code == "FileIo"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert [path.name for path in tmp_path.iterdir()] == ["events.fits"]


WRONG = {
    "a missing table": ({"table": "nothing.fits"}, "FileIo"),
    "a table that is no FITS file": ({"table": __file__}, "FileIo"),
    "a missing block": ({"table": "{events}:NOPE"}, "FileIo"),
    "a block that is no table": ({"table": "{events}:PRIMARY"}, "FileIo"),
    "a missing folder": ({"filteredset": "{folder}/no/out.fits"}, "FileIo"),
    "a folder": ({"filteredset": "{folder}"}, "FileIo"),
    "a syntax error": ({"expression": "PI in [1:"}, "BadExpression"),
    "an unknown column": ({"expression": "ENERGY > 3"}, "BadExpression"),
    "an unknown keyword": ({"expression": "#NOPE"}, "BadExpression"),
    "a missing GTI": ({"expression": "gti(nothing.fits,TIME)"}, "FileIo"),
    "a GTI that is none": ({"expression": "gti({events}:BADPIX01,TIME)"}, "FileIo"),
    "a missing mask": ({"expression": "mask({events},1,1,RAWX,RAWY)"}, "FileIo"),
    "a missing region": ({"expression": "region({events}:BADPIX01,X,Y)"}, "FileIo"),
    "no block for the data subspace": ({"filtertype": "dataSubspace"}, "BlockSpec"),
    "an unknown parameter": ({"expresion": "true"}, "UnknownParameter"),
    "a wrong type": ({"flagbit": "high"}, "BadParameter"),
    "a bit beyond all": ({"flagbit": 32}, "BadParameter"),
    "a word that is no choice": ({"imagebinning": "size"}, "BadParameter"),
}


@pytest.mark.parametrize("case", WRONG)
def test_errors_are_one_sentence_and_leave_nothing(events, tmp_path, case):
    values, code = WRONG[case]
    given = {"table": str(events.path), "filteredset": str(tmp_path / "out.fits")}
    given |= {k: v.format(events=events.path, folder=tmp_path) if isinstance(v, str) else v for k, v in values.items()}
    with pytest.raises(TaskError) as failure:
        xmmpy.tasks.evselect(**given)
    assert failure.value.code == code
    assert failure.value.text.strip()
    assert "Traceback" not in failure.value.text
    assert code == "BadExpression" or "\n" not in failure.value.text  # an expression is shown with a mark under it
    assert [path.name for path in tmp_path.iterdir()] == ["events.fits"]


def test_no_clobber(events, tmp_path):
    target = tmp_path / "out.fits"
    target.write_text("precious")
    session = Session("evselect", Environment(clobber=False))
    with pytest.raises(TaskError, match="clobbering is off"):
        find_task("evselect").execute({"table": events.path, "filteredset": target}, session)
    assert target.read_text() == "precious"


def test_times_regions_and_masks_in_files(events, tmp_path):
    c = events.columns
    fits.BinTableHDU.from_columns(
        [fits.Column("START", "D", array=[1100.0, 1700.0]), fits.Column("STOP", "D", array=[1200.0, 1800.0])]
    ).writeto(tmp_path / "gti.fits")
    fits.BinTableHDU.from_columns(
        [fits.Column("SHAPE", "16A", array=["CIRCLE", "!CIRCLE", "BOX"]), fits.Column("X", "E", array=[2e4, 2e4, 3e4]),
         fits.Column("Y", "E", array=[2e4, 2e4, 3e4]), fits.Column("R", "2E", array=[[5e3, 0], [2e3, 0], [4e3, 2e3]]),
         fits.Column("COMPONENT", "I", array=[1, 1, 2])], name="REGION",
    ).writeto(tmp_path / "region.fits")  # fmt: skip
    mask = np.zeros((200, 64), np.uint8)
    mask[49:120, 9:30] = 1
    fits.PrimaryHDU(mask).writeto(tmp_path / "mask.fits")
    radius = np.hypot(c["X"] - 2e4, c["Y"] - 2e4)
    box = (abs(c["X"] - 3e4) <= 2e3) & (abs(c["Y"] - 3e4) <= 1e3)
    expected = {
        "gti({f}/gti.fits,TIME)": ((c["TIME"] >= 1100) & (c["TIME"] <= 1200))
        | ((c["TIME"] >= 1700) & (c["TIME"] <= 1800)),
        "region({f}/region.fits,X,Y)": ((radius <= 5e3) & ~(radius < 2e3)) | box,
        "mask({f}/mask.fits,1,1,RAWX,RAWY)": (c["RAWX"] >= 10)
        & (c["RAWX"] <= 30)
        & (c["RAWY"] >= 50)
        & (c["RAWY"] <= 120),
        "gti({f}/events.fits:STDGTI02)": ((c["TIME"] >= 1002) & (c["TIME"] <= 1902)) | (c["TIME"] >= 2002),
    }
    for text, wanted in expected.items():
        xmmpy.tasks.evselect(table=events.path, filteredset=tmp_path / "out.fits", expression=text.format(f=tmp_path))
        assert np.array_equal(fits.getdata(tmp_path / "out.fits", 1)["TIME"], c["TIME"][wanted]), text


def test_the_header_holds_the_whole_call(events, tmp_path):
    xmmpy.tasks.evselect(table=events.path, imageset=tmp_path / "out.fits", expression="PI in [200:300] && RAWX!=3")
    call = fits.getheader(tmp_path / "out.fits")["XPROC0"]
    assert call.startswith(f"evselect table={events.path} filteredset=filtered.fits withfilteredset=no")
    assert "expression='PI in [200:300] && RAWX!=3'" in call
    names = [word.split("=")[0] for word in call.split(" # ")[0].split() if "=" in word]
    for info in EvselectParameters.describe():
        assert info.name in names


def test_gzipped_lists(events, tmp_path):
    import gzip

    packed = tmp_path / "events.fits.gz"
    packed.write_bytes(gzip.compress(events.path.read_bytes()))
    xmmpy.tasks.evselect(table=packed, filteredset=tmp_path / "one.fits", expression="PI>3000")
    xmmpy.tasks.evselect(table=events.path, filteredset=tmp_path / "two.fits", expression="PI>3000")
    assert fits.getdata(tmp_path / "one.fits", 1).tobytes() == fits.getdata(tmp_path / "two.fits", 1).tobytes()
    assert Path(tmp_path / "one.fits").read_bytes()[:9] == b"SIMPLE  ="
