"""cifbuild: which constituents an index lists, and what it says of them."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from constituent_sample import write_constituent
from hypothesis import given
from hypothesis import strategies as st

import xmmpy.tasks
from xmmpy.calibration.calindex import read_calindex
from xmmpy.calibration.constituents import Constituent, applicable, iso_date
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Session

OBSERVED = "2004-06-17T10:38:28"
TEXTS = (
    "TELESCOP",
    "SCOPE",
    "TYPEID",
    "VALDATE",
    "VALDATE-END",
    "FNAME",
    "DATE",
    "FSIZE",
    "SUBDATE",
    "EXTSEQU",
    "EXTSEQID",
)
COLUMNS = dict.fromkeys((*TEXTS, "MD5", "CREATOR"), "8A")


def build(folder: Path, output: Path, **values: Any) -> Any:
    return xmmpy.tasks.cifbuild(calindexset=str(output), ccfpath=str(folder), **{"observationdate": OBSERVED, **values})


def names(path: Path) -> list[str]:
    return [row.file for row in read_calindex(path).constituents]


def test_the_valid_one_with_the_highest_issue(tmp_path: Path) -> None:
    ccf = tmp_path / "ccf"
    write_constituent(ccf, "EMOS1_LINCOORD_0001")
    write_constituent(ccf, "EMOS1_LINCOORD_0002")
    write_constituent(ccf, "EMOS1_LINCOORD_0003", VALDATE="2005-01-01T00:00:00")  # begins later
    write_constituent(ccf, "EMOS1_LINCOORD_0004", EVALDATE="2004-01-01T00:00:00")  # ended before
    write_constituent(ccf, "EMOS1_LINCOORD_0005", SUBDATE="2010-01-01T00:00:00")  # public later
    write_constituent(ccf, "EPN_CTI_0007", SUBDATE="2010-01-01T00:00:00")
    outcome = build(ccf, tmp_path / "old.cif", analysisdate="2009-01-01")
    assert names(tmp_path / "old.cif") == ["EMOS1_LINCOORD_0002.CCF"]
    assert (outcome.rows_in, outcome.rows_out) == (6, 1)
    build(ccf, tmp_path / "new.cif")
    assert names(tmp_path / "new.cif") == ["EMOS1_LINCOORD_0005.CCF", "EPN_CTI_0007.CCF"]


def test_a_row_says_what_the_file_is(tmp_path: Path) -> None:
    path = write_constituent(tmp_path / "ccf", "EPN_REJECT_0008", tuple(f"NOISE_MAP_{n:04d}" for n in range(30)))
    build(tmp_path / "ccf", tmp_path / "a.cif", fullpath=True)
    row = read_calindex(tmp_path / "a.cif").constituents[0]
    content = path.read_bytes()
    assert row.size == len(content)
    assert row.digest == hashlib.md5(content).hexdigest()
    assert row.file == str(path.resolve())
    assert row.sequence == "ANY"
    assert row.extensions == " ".join(f"NOISE_MAP_{n:04d}" for n in range(30))[:256].strip()
    assert (row.scope, row.type_id, row.issue, row.created) == ("EPN", "REJECT", 8, "2003-01-01T00:00:00")
    with fits.open(tmp_path / "a.cif") as file:
        file.verify("exception")
        header = file["CALINDEX"].header
        assert (header["CATEGORY"], header["OBSVDATE"]) == ("XMMCCF", OBSERVED)


def test_several_folders_the_first_counts(tmp_path: Path) -> None:
    first = write_constituent(tmp_path / "a", "XRT3_XPSF_0001", CREATOR="first")
    write_constituent(tmp_path / "b", "XRT3_XPSF_0001", CREATOR="second")
    write_constituent(tmp_path / "b" / "deep", "XRT2_XPSF_0001")
    both = f"{tmp_path / 'a'}:{tmp_path / 'b'}"
    build(Path(both), tmp_path / "x.cif", fullpath=True)
    assert names(tmp_path / "x.cif") == [str(first)]
    build(Path(both), tmp_path / "deep.cif", recurse=True)
    assert names(tmp_path / "deep.cif") == ["XRT2_XPSF_0001.CCF", "XRT3_XPSF_0001.CCF"]
    session = Session("cifbuild", Environment(ccf_path=(str(tmp_path / "gone"), str(tmp_path / "b"))))
    values = {"calindexset": str(tmp_path / "env.cif"), "observationdate": OBSERVED}
    find_task("cifbuild").execute(values, session)
    assert read_calindex(tmp_path / "env.cif").constituents[0].creator == "second"


def test_categories(tmp_path: Path) -> None:
    write_constituent(tmp_path / "ccf", "EPN_CTI_0001")
    write_constituent(tmp_path / "ccf", "EPN_CTI_0002", CATEGORY="SCISIMCCF")
    for values, wanted in (
        ({}, "EPN_CTI_0001.CCF"),
        ({"category": "SCISIMCCF"}, "EPN_CTI_0002.CCF"),
        ({"ignorecategory": True}, "EPN_CTI_0002.CCF"),
    ):
        build(tmp_path / "ccf", tmp_path / "x.cif", **values)
        assert names(tmp_path / "x.cif") == [wanted]


def test_append_keeps_what_is_there(tmp_path: Path) -> None:
    write_constituent(tmp_path / "mine", "EPN_CTI_0001")
    write_constituent(tmp_path / "ccf", "EPN_CTI_0009")
    write_constituent(tmp_path / "ccf", "EMOS1_CTI_0002")
    build(tmp_path / "mine", tmp_path / "x.cif")
    build(tmp_path / "ccf", tmp_path / "x.cif", append=True)
    assert names(tmp_path / "x.cif") == ["EMOS1_CTI_0002.CCF", "EPN_CTI_0001.CCF"]


def test_a_master_index_stands_in_for_the_files(tmp_path: Path) -> None:
    ccf = tmp_path / "ccf"
    for issue in (1, 2):
        write_constituent(ccf, f"EPN_CTI_000{issue}")
    write_constituent(ccf, "EPN_CTI_0003", VALDATE="2020-01-01T00:00:00")
    build(ccf, tmp_path / "ccf.mif", masterindex=True)
    assert names(tmp_path / "ccf.mif") == [f"EPN_CTI_000{issue}.CCF" for issue in (1, 2, 3)]
    assert read_calindex(tmp_path / "ccf.mif").observation == ""
    build(ccf, tmp_path / "direct.cif")
    for path in ccf.iterdir():
        path.unlink()
    xmmpy.tasks.cifbuild(
        calindexset=str(tmp_path / "x.cif"), masterindexset=str(tmp_path / "ccf.mif"), observationdate=OBSERVED
    )
    assert read_calindex(tmp_path / "x.cif").constituents == read_calindex(tmp_path / "direct.cif").constituents


def test_files_that_are_no_constituents_are_named_and_left_out(tmp_path: Path) -> None:
    ccf = tmp_path / "ccf"
    good = write_constituent(ccf, "EPN_CTI_0001")
    write_constituent(ccf, "EPN_CTI_0002", VALDATE=None)
    write_constituent(ccf, "EPN_CTI_0003", SUBDATE="long ago")
    (ccf / "EPN_CTI_0004.CCF").write_bytes(good.read_bytes()[:5760])
    (ccf / "EPN_CTI_0005.CCF").write_text("a note")
    session = Session("cifbuild", Environment())
    values = {"calindexset": str(tmp_path / "x.cif"), "ccfpath": str(ccf), "observationdate": OBSERVED}
    find_task("cifbuild").execute(values, session)
    assert names(tmp_path / "x.cif") == ["EPN_CTI_0001.CCF"]
    assert [code for code, _ in session.warnings] == ["MissingAttribute", *["InvalidCcfConstituent"] * 3]
    for number, (_, text) in enumerate(session.warnings, 2):
        assert f"EPN_CTI_000{number}.CCF" in text


def test_nothing_valid_and_dates_the_wrong_way_round(tmp_path: Path) -> None:
    write_constituent(tmp_path / "ccf", "EPN_CTI_0001", VALDATE="2030-01-01T00:00:00")
    session = Session("cifbuild", Environment())
    values = {
        "calindexset": str(tmp_path / "x.cif"), "ccfpath": str(tmp_path / "ccf"), "observationdate": OBSERVED,
        "analysisdate": "2003-06-01",
    }  # fmt: skip
    find_task("cifbuild").execute(values, session)
    assert [code for code, _ in session.warnings] == ["PossibleInconsistentCalibration", "NoMatchingCcfConstituents"]
    assert names(tmp_path / "x.cif") == []


SUMMARY = "OBSERVATION\n0201903501 / Observation\n0828 / Revolution\n2004-06-17T10:38:28.000 / Start\n2004-06-18\n"


@pytest.mark.parametrize("packed", [False, True])
def test_the_date_comes_from_the_summary_of_the_odf(tmp_path: Path, packed: bool) -> None:
    write_constituent(tmp_path / "ccf", "EPN_CTI_0001")
    odf = tmp_path / "odf"
    odf.mkdir()
    summary = odf / f"0828_0201903501_SCX00000SUM.SAS{'.gz' if packed else ''}"
    summary.write_bytes(gzip.compress(SUMMARY.encode()) if packed else SUMMARY.encode())
    (odf / "0828_0201903501_SCX00000SUM.ASC").write_text("OBSERVATION")
    for named in (odf, summary):
        session = Session("cifbuild", Environment(odf=str(named)))
        values = {"ccfpath": str(tmp_path / "ccf"), "calindexset": str(tmp_path / "x.cif")}
        find_task("cifbuild").execute(values, session)
        assert read_calindex(tmp_path / "x.cif").observation == OBSERVED


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "NoSummaryFile"), ("FILES\n3", "InvalidSummaryFile"), ("OBSERVATION\n0201903501", "UnexpectedEOF"),
     ("OBSERVATION\na\nb\nc\n", "InvalidSummaryFile")],
)  # fmt: skip
def test_summaries_without_a_date(tmp_path: Path, content: str | None, code: str) -> None:
    if content is not None:
        (tmp_path / "0828_0201903501_SCX00000SUM.ASC").write_text(content)
    session = Session("cifbuild", Environment(odf=str(tmp_path)))
    with pytest.raises(TaskError) as caught:
        find_task("cifbuild").execute({"calindexset": str(tmp_path / "x.cif")}, session)
    assert caught.value.code == code
    assert "observationdate" in caught.value.text or "record OBSERVATION" in caught.value.text


def test_paths_that_are_not_there(tmp_path: Path) -> None:
    values = {"calindexset": str(tmp_path / "x.cif"), "observationdate": OBSERVED}
    task = find_task("cifbuild")
    for environment in (Environment(), Environment(ccf_path=(str(tmp_path / "no"),))):
        with pytest.raises(TaskError) as caught:
            task.execute(values, Session("cifbuild", environment))
        assert caught.value.code == "NoCcfPath"
    fits.HDUList([fits.PrimaryHDU()]).writeto(tmp_path / "empty.mif")
    with pytest.raises(TaskError) as caught:
        task.execute({**values, "masterindexset": str(tmp_path / "empty.mif")}, Session("cifbuild", Environment()))
    assert caught.value.code == "TableNotFound"
    names_only = fits.Column("ISSUE", "4A", array=["one"])
    others = [fits.Column(name, form, array=[""]) for name, form in COLUMNS.items()]
    table = fits.BinTableHDU.from_columns([names_only, *others], name="CALINDEX")
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "texts.mif")
    with pytest.raises(TaskError, match="ISSUE in CALINDEX"):
        task.execute({**values, "masterindexset": str(tmp_path / "texts.mif")}, Session("cifbuild", Environment()))
    with pytest.raises(TaskError, match="no date"):
        task.execute({**values, "analysisdate": "soon"}, Session("cifbuild", Environment()))
    assert not (tmp_path / "x.cif").exists()


def test_the_canonical_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_constituent(tmp_path / "ccf", "EPN_CTI_0001")
    (tmp_path / "0828_0201903501_SCX00000SUM.ASC").write_text(SUMMARY)
    monkeypatch.chdir(tmp_path)
    session = Session("cifbuild", Environment(odf=str(tmp_path)))
    outcome = find_task("cifbuild").execute({"ccfpath": "ccf", "usecanonicalname": True}, session)
    assert outcome.outputs == (Path("0828_0201903501.cif"),)


def test_dates() -> None:
    assert iso_date("2004-06-17") == "2004-06-17T00:00:00"
    assert iso_date("2004-06-17", end=True) == "2004-06-17T23:59:59"
    assert iso_date("2004-06-17T10:38:28.999") == OBSERVED
    assert iso_date("2004-06-17T12:38:28+02:00") == OBSERVED


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.integers(10, 30), st.integers(0, 40), st.integers(0, 40))
    ),
    st.integers(10, 30),
    st.integers(0, 40),
)
def test_no_better_one_is_passed_over(rows: list[tuple[str, int, int, int, int]], day: int, analysis: int) -> None:
    def date(number: int) -> str:
        return f"20{number:02d}-01-01T00:00:00"

    pool = [
        Constituent(
            kind, "X", issue, date(begin), date(end) if end > 20 else "", "f", "", date(public), 0, "", "", "", ""
        )
        for kind, issue, begin, end, public in rows
    ]
    chosen = applicable(pool, date(day), date(analysis))
    assert [row.key for row in chosen] == sorted({row.key for row in chosen})
    valid = [row for row in pool if row.is_valid(date(day), date(analysis))]
    assert {row.key for row in chosen} == {row.key for row in valid}
    for row in chosen:
        assert row in valid
        assert row.issue == max(other.issue for other in valid if other.key == row.key)
