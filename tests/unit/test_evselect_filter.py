"""Filtered lists: rows, blocks, exposure, data subspace, flag columns."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from small_list import write_small_list

import xmmpy.tasks
from xmmpy.products.files import FitsFile
from xmmpy.products.intervals import Intervals
from xmmpy.tasks.catalogue.evselect import EvselectParameters, run
from xmmpy.tasks.catalogue.evselect.source import EventSource
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Session


@pytest.fixture
def events(tmp_path):
    """A list of two CCDs."""
    return write_small_list(tmp_path / "events.fits")


def call(**values):
    """Run the task; gives the outcome and the warnings."""
    session = Session("evselect")
    outcome = find_task("evselect").execute(values, session)
    return outcome, session.warnings


def verify(path):
    with fits.open(path) as file:
        file.verify("exception")
        for hdu in file:
            assert hdu.data is not None or hdu.header["NAXIS"] == 0


def write_gti(path, start, stop):
    fits.BinTableHDU.from_columns(
        [fits.Column("START", "D", array=start), fits.Column("STOP", "D", array=stop)], name="STDGTI"
    ).writeto(path)
    return path


def test_rows_are_those_of_the_expression(events, tmp_path):
    outcome, warnings = call(
        table=events.path, filteredset=tmp_path / "out.fits", expression="PI in (500:2000] && #XMMEA_EM"
    )
    c = events.columns
    mask = (c["PI"] > 500) & (c["PI"] <= 2000) & (c["FLAG"] & 0x10000 == 0)
    with fits.open(tmp_path / "out.fits") as file:
        for name, values in c.items():
            assert np.array_equal(file["EVENTS"].data[name], values[mask])
        assert file[1].header["SLCTEXPR"] == "PI in (500:2000] && (FLAG & 0x10000) == 0"
    assert (outcome.rows_in, outcome.rows_out) == (len(mask), mask.sum())
    assert [cut.rows for cut in outcome.cuts] == [((c["PI"] > 500) & (c["PI"] <= 2000)).sum(), mask.sum()]
    assert [cut.name for cut in outcome.cuts] == ["PI in (500:2000]", "#XMMEA_EM"]
    assert warnings == []


def test_good_times_are_intersected_ccd_by_ccd_and_times_summed_again(events, tmp_path):
    start, stop = np.array([1100.0, 1890.0]), np.array([1500.0, 2200.0])
    gti = write_gti(tmp_path / "gti.fits", start, stop)
    call(table=events.path, filteredset=tmp_path / "out.fits", expression=f"gti({gti},TIME)")
    with fits.open(tmp_path / "out.fits") as file:
        header = file["EVENTS"].header
        assert header["DSTYP2"] == "TIME"
        assert (header["DSREF2"], header["2DSREF2"]) == (":GTI00002", ":GTI00102")
        for number, ccd in enumerate((1, 2)):
            good = Intervals(*events.good[ccd]).intersect(Intervals(start, stop))
            table = file[f"GTI00{number}02"].data
            assert np.array_equal(table["START"], good.start)
            assert np.array_equal(table["STOP"], good.stop)
            frames = events.frames[ccd]
            begin, end = frames.TIME - frames.TIMEDEL / 2, frames.TIME + frames.TIMEDEL / 2
            whole = ((begin[:, None] >= good.start) & (end[:, None] <= good.stop)).any(axis=1)
            live = (frames.TIMEDEL * frames.FRACEXP)[whole].sum(dtype=float)
            assert header[f"ONTIME{ccd:02d}"] == pytest.approx(good.total, rel=1e-12)
            assert header[f"LIVETI{ccd:02d}"] == pytest.approx(live, rel=1e-12)
            kept = frames[good.contains(frames.TIME)]
            assert np.array_equal(file[f"EXPOSU{ccd:02d}"].data["TIME"], kept.TIME)
            assert np.array_equal(file[f"EXPOSU{ccd:02d}"].data["FRACEXP"], kept.FRACEXP)
        assert header["ONTIME"] == header["ONTIME01"]
        assert header["LIVETIME"] == header["LIVETI01"]
        inside = Intervals(start, stop).contains(events.columns["TIME"])
        assert np.array_equal(file["EVENTS"].data["TIME"], events.columns["TIME"][inside])
        assert [hdu.name for hdu in file].count("STDGTI01") == 1


def test_a_forgotten_table_does_not_pass_for_a_new_one(events, tmp_path):
    stale = fits.BinTableHDU.from_columns(
        [fits.Column("START", "D", array=[0.0]), fits.Column("STOP", "D", array=[9e9])], name="GTI00002"
    )
    with fits.open(events.path) as file:
        fits.HDUList([*file, stale]).writeto(tmp_path / "stale.fits")
    gti = write_gti(tmp_path / "gti.fits", [1100.0], [1500.0])
    call(table=tmp_path / "stale.fits", filteredset=tmp_path / "out.fits", expression=f"gti({gti},TIME)")
    with fits.open(tmp_path / "out.fits") as file:
        assert [hdu.name for hdu in file].count("GTI00002") == 1
        assert list(file["GTI00002"].data["STOP"]) == [1500.0]


def test_a_range_of_times_shortens_the_good_times(events, tmp_path):
    call(table=events.path, filteredset=tmp_path / "out.fits", expression="TIME in [1100:1500),[1600.5:1700]")
    with fits.open(tmp_path / "out.fits") as file:
        assert file[1].header["ONTIME02"] == pytest.approx(499.5)
        times = file["EXPOSU02"].data["TIME"]
        assert len(times) > 100
        assert (((times >= 1100) & (times <= 1500)) | ((times >= 1600.5) & (times <= 1700))).all()
        kept = times.copy()
    call(table=tmp_path / "out.fits", filteredset=tmp_path / "again.fits", expression="PI>500")
    assert np.array_equal(fits.getdata(tmp_path / "again.fits", "EXPOSU02")["TIME"], kept)


def test_frames_stay_when_they_are_not_to_be_filtered(events, tmp_path):
    gti = write_gti(tmp_path / "gti.fits", [1100.0], [1500.0])
    call(table=events.path, filteredset=tmp_path / "out.fits", expression=f"gti({gti},TIME)", filterexposure=False)
    with fits.open(tmp_path / "out.fits") as file:
        assert len(file["EXPOSU01"].data) == 760


def test_a_ccd_without_events_loses_its_frames_and_keeps_its_times(events, tmp_path):
    gti = write_gti(tmp_path / "gti.fits", [1100.0], [1500.0])
    for text in ("CCDNR==2", "ifthenelse(CCDNR==2, true, false)"):  # the data subspace can hold the first alone
        call(table=events.path, filteredset=tmp_path / "out.fits", expression=f"{text} && gti({gti},TIME)")
        with fits.open(tmp_path / "out.fits") as file, fits.open(events.path) as before:
            assert "EXPOSU01" not in file
            assert "EXPOSU02" in file
            for key in ("ONTIME01", "LIVETI01"):
                assert file[1].header[key] == pytest.approx(before[1].header[key], rel=1e-14)
            assert file[1].header["ONTIME"] == before[1].header["ONTIME01"]
            if "if" not in text:
                assert file[1].header["ONTIME02"] == 400


def test_times_stay_when_no_update_is_asked_for(events, tmp_path):
    gti = write_gti(tmp_path / "gti.fits", [1100.0], [1500.0])
    call(table=events.path, filteredset=tmp_path / "out.fits", expression=f"gti({gti},TIME)", updateexposure="no")
    old, new = fits.getheader(events.path, 1), fits.getheader(tmp_path / "out.fits", 1)
    assert [new[k] for k in ("ONTIME01", "LIVETI02")] == [old[k] for k in ("ONTIME01", "LIVETI02")]


def test_without_data_subspace(events, tmp_path):
    _, warnings = call(table=events.path, filteredset=tmp_path / "out.fits", expression="PI>500", writedss=False)
    assert not [key for key in fits.getheader(tmp_path / "out.fits", 1) if "DSTYP" in key]
    assert [code for code, _ in warnings] == ["ExpNoDss"]


def test_cleandss_drops_components_without_events(events, tmp_path):
    for clean, expected in ((False, 2), (True, 1)):
        call(table=events.path, filteredset=tmp_path / "out.fits", expression="RAWX>10", cleandss=clean)
        with EventSource(str(tmp_path / "out.fits")) as source:
            assert len(source.space.components) == 2
        mask = "RAWX>10 && (FLAG&0x20)==0 && CCDNR in [2:3]"
        call(table=events.path, filteredset=tmp_path / "out.fits", expression=mask, cleandss=clean)
        with EventSource(str(tmp_path / "out.fits")) as source:
            assert len(source.space.components) == 1  # CCD 1 is impossible, with cleandss or without
        mask = "(CCDNR==2 || PI>100000)"
        call(table=events.path, filteredset=tmp_path / "out.fits", expression=mask, cleandss=clean)
        with EventSource(str(tmp_path / "out.fits")) as source:
            ccds = {
                component[source.space.names.index("CCDNR")].single_value() for component in source.space.components
            }
            assert len(ccds) == expected
        verify(tmp_path / "out.fits")


def test_filter_by_the_data_subspace_of_another_block(events, tmp_path):
    gti = write_gti(tmp_path / "gti.fits", [1100.0], [1500.0])
    text = f"gti({gti},TIME) && PI in [500:2000] && (FLAG & 0x20)==0 && (X,Y) in circle(25000,25000,9000)"
    call(table=events.path, filteredset=tmp_path / "one.fits", expression=text)
    call(
        table=events.path, filteredset=tmp_path / "two.fits", filtertype="dataSubspace",
        dssblock=f"{tmp_path / 'one.fits'}:EVENTS",
    )  # fmt: skip
    with fits.open(tmp_path / "one.fits") as one, fits.open(tmp_path / "two.fits") as two:
        assert len(one["EVENTS"].data) > 5
        assert one["EVENTS"].data.tobytes() == two["EVENTS"].data.tobytes()
        for key in ("ONTIME01", "ONTIME02", "LIVETI01", "LIVETI02"):
            assert one[1].header[key] == two[1].header[key] < 500
    with EventSource(str(tmp_path / "one.fits")) as one, EventSource(str(tmp_path / "two.fits")) as two:
        assert sorted(one.space.names) == sorted(two.space.names)
        assert one.space.good_times() == two.space.good_times()


def test_a_selection_that_the_data_subspace_cannot_hold_is_told(events, tmp_path):
    _, warnings = call(table=events.path, filteredset=tmp_path / "out.fits", expression="RAWX*2 > RAWY")
    assert [code for code, _ in warnings] == ["DssSyntaxError"]
    mask = events.columns["RAWX"].astype(int) * 2 > events.columns["RAWY"]
    assert len(fits.getdata(tmp_path / "out.fits", 1)) == mask.sum()


@pytest.mark.parametrize("bit", [-1, 0, 3, 7])
def test_rejected_rows_are_marked_in_a_new_column(events, tmp_path, bit):
    call(table=events.path, filteredset=tmp_path / "out.fits", expression="PI<3000", destruct=False, flagbit=bit)
    with fits.open(tmp_path / "out.fits") as file:
        data = file["EVENTS"].data
        rejected = events.columns["PI"] >= 3000
        assert np.array_equal(data["EVFLAG"], np.where(rejected, 1 << bit % 8, 0))
        assert np.array_equal(data["PI"], events.columns["PI"])
        file.verify("exception")
    call(table=tmp_path / "out.fits", filteredset=tmp_path / "again.fits", expression="PI>2000")
    with fits.open(tmp_path / "again.fits") as file:
        assert "EVFLAG" not in file[1].columns.names
        mask = events.columns["PI"] > 2000
        for name, values in events.columns.items():
            assert np.array_equal(file[1].data[name], values[mask])


@pytest.mark.parametrize(("column", "bit", "value"), [("FLAG", 4, 16), ("FLAG", -1, -(2**31)), ("PATTERN", -1, 128)])
def test_rejected_rows_are_marked_in_a_column_that_is_there(events, tmp_path, column, bit, value):
    call(table=events.path, filteredset=tmp_path / "out.fits", expression="PI<3000", destruct=False, flagbit=bit,
         flagcolumn=column)  # fmt: skip
    data = fits.getdata(tmp_path / "out.fits", "EVENTS")
    rejected = events.columns["PI"] >= 3000
    before = events.columns[column]
    assert np.array_equal(data[column], np.where(rejected, before | value, before & ~np.int64(value)))
    assert data.names == list(events.columns)


def test_flag_column_must_hold_the_bit(events, tmp_path):
    for values in ({"flagbit": 8}, {"flagcolumn": "TIME"}, {"flagcolumn": "RAWX", "flagbit": 16}):
        with pytest.raises(TaskError) as failure:
            call(table=events.path, filteredset=tmp_path / "out.fits", destruct=False, **values)
        assert failure.value.code == "ColType"
    assert not (tmp_path / "out.fits").exists()


def test_the_list_itself_is_changed_only_when_asked(events, tmp_path):
    before = events.path.read_bytes()
    call(table=events.path, expression="PI<3000")
    assert events.path.read_bytes() == before
    call(table=events.path, expression="PI<3000", keepfilteroutput=True)
    assert np.array_equal(fits.getdata(events.path, 1)["PI"], events.columns["PI"][events.columns["PI"] < 3000])
    call(table=events.path, expression="PI<1000", filteredset=events.path)
    assert np.array_equal(fits.getdata(events.path, 1)["PI"], events.columns["PI"][events.columns["PI"] < 1000])
    assert [path.name for path in tmp_path.iterdir()] == ["events.fits"]


def test_an_expression_that_selects_nothing(events, tmp_path):
    outcome, warnings = call(
        table=events.path, filteredset=tmp_path / "out.fits", imageset=tmp_path / "image.fits",
        rateset=tmp_path / "rate.fits", spectrumset=tmp_path / "spectrum.fits", expression="PI>30000",
    )  # fmt: skip
    assert outcome.rows_out == 0
    assert [code for code, _ in warnings] == ["NoFilteredEvents"]
    for path in outcome.outputs:
        verify(path)
    assert fits.getdata(tmp_path / "image.fits").sum() == 0


def test_a_list_without_rows(tmp_path):
    write_small_list(tmp_path / "empty.fits", rows=0)
    outcome, warnings = call(
        table=tmp_path / "empty.fits", filteredset=tmp_path / "out.fits", imageset=tmp_path / "image.fits",
        histogramset=tmp_path / "histo.fits", expression="PI>300",
    )  # fmt: skip
    assert (outcome.rows_in, outcome.rows_out) == (0, 0)
    assert [code for code, _ in warnings] == ["NoInputEvents"]
    for path in outcome.outputs:
        verify(path)


def test_all_blocks_before_and_behind_the_table_are_kept(events, tmp_path):
    with fits.open(events.path) as file:
        fits.HDUList([file[0], file["BADPIX01"], file["EVENTS"], *file[2:3], *file[4:]]).writeto(
            tmp_path / "moved.fits"
        )
    call(table=f"{tmp_path / 'moved.fits'}:EVENTS", filteredset=tmp_path / "out.fits", expression="PI>6000")
    with FitsFile(tmp_path / "moved.fits") as old, FitsFile(tmp_path / "out.fits") as new:
        assert [hdu.name for hdu in new.hdus] == [hdu.name for hdu in old.hdus]
        assert old.hdus[1].raw_header == new.hdus[1].raw_header
        assert old.read(old.hdus[1]) == new.read(new.hdus[1])


def test_run_takes_parameters(events, tmp_path):
    parameters = EvselectParameters.from_values({"table": str(events.path), "expression": "PI<300"})
    assert run(parameters, Session("evselect")).rows_out == (events.columns["PI"] < 300).sum()
    assert callable(xmmpy.tasks.evselect)
