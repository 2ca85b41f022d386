"""Summary files: what is read is written again; what breaks the grammar is told by line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from odf_sample import SUMMARY, write_odf

from xmmpy.odf.archive_summary import parse_archive_summary
from xmmpy.odf.opening import open_odf
from xmmpy.odf.summary import (
    ExposureRecord,
    InstrumentRecord,
    Parameter,
    SummaryFile,
    parse_summary,
    read_summary,
    write_summary,
)
from xmmpy.products.errors import FileProblem

words = st.from_regex(r"[A-Za-z0-9_.:-]{1,12}", fullmatch=True)
times = st.from_regex(r"20\d\d-01-0[1-9]T0\d:00:00\.000", fullmatch=True)
values = st.from_regex(r"[A-Za-z0-9.]{1,8}( [A-Z0-9]{1,5})?", fullmatch=True)


@st.composite
def parameters(draw: st.DrawFn) -> Parameter:
    missing = draw(st.booleans())
    value = "Unknown" if missing else draw(values)
    name = draw(st.from_regex(r"[A-Z_0-9]{1,20}", fullmatch=True))
    return Parameter(name, value, draw(st.sampled_from(["", "Filter", "Mode / of it "])), draw(st.booleans()), missing)


exposures = st.builds(
    ExposureRecord,
    number=st.from_regex(r"[0-9]{3}", fullmatch=True),
    scheduled=st.booleans(),
    kind=st.just("SCIENCE"),
    commanded=words,
    proposed=words,
    scheduled_start=times,
    scheduled_end=times,
    start=times,
    end=times,
    parameters=st.lists(parameters(), max_size=5).map(tuple),
)
summaries = st.builds(
    SummaryFile,
    task=st.just("odfingest"),
    version=st.sampled_from(["odfingest-3.30", "odfingest-0.1.0"]),
    build=words,
    date=times,
    path=st.none() | st.from_regex(r"(/[a-z0-9 _.]{0,7}[a-z0-9]){1,4}/?", fullmatch=True),
    observation=st.from_regex(r"[0-9]{10}", fullmatch=True),
    revolution=st.from_regex(r"[0-9]{4}", fullmatch=True),
    start=times,
    end=times,
    files=st.lists(words, max_size=5).map(tuple),
    asc_name=st.just("0828_0201903501_SCX00000SUM.ASC"),
    configuration=st.lists(words.map(lambda word: f"{word} = 1 / one".ljust(80)), max_size=2).map(tuple),
    processed=times,
    instruments=st.lists(
        st.builds(
            InstrumentRecord,
            code=st.sampled_from(["M1", "PN", "R1", "OM"]),
            exposures=st.lists(exposures, max_size=3).map(tuple),
        ),
        max_size=4,
    ).map(tuple),
    proposal=st.sampled_from([("PROPOSAL".ljust(80), "Dr    A".ljust(80), ""), ("PROPOSAL",)]),
)


@given(summaries)
def test_a_summary_is_read_as_it_was_written(summary: SummaryFile) -> None:
    text = write_summary(summary)
    assert parse_summary(text) == summary
    assert write_summary(parse_summary(text)) == text


@given(summaries, st.data())
def test_a_damaged_summary_is_a_result_or_a_sentence(summary: SummaryFile, data: st.DataObject) -> None:
    lines = write_summary(summary).splitlines()
    where = data.draw(st.integers(0, len(lines) - 1))
    damage = data.draw(st.sampled_from(["drop", "twice", "cut", "nonsense"]))
    if damage == "drop":
        del lines[where]
    elif damage == "twice":
        lines.insert(where, lines[where])
    elif damage == "cut":
        del lines[where:]
    else:
        lines[where] = "\x7f 99999999 / nonsense"
    sentence = ""
    try:
        parse_summary("\n".join(lines) + "\n")
    except FileProblem as problem:
        sentence = str(problem)
    assert not sentence or "line" in sentence
    assert "\n" not in sentence


def test_values_are_found_by_name() -> None:
    exposure = ExposureRecord("002", False, "SCIENCE", "a", "a", "", "", "", "", (Parameter("FILTER", "Thin1", ""),))
    assert (exposure.identifier, exposure.value("FILTER"), exposure.value("MODE", "?")) == ("U002", "Thin1", "?")


def test_the_archives_summary() -> None:
    archive = parse_archive_summary(SUMMARY)
    assert (archive.observation, archive.revolution) == ("0201903501", "0828")
    assert archive.files[0][1] == "Corrected Time Correlation file"
    assert archive.configuration == ("ODF_VERSION = 003 / Qcheck reset ODF version",)
    assert archive.right_ascension == pytest.approx(149.5922925)
    assert archive.declination == pytest.approx(-11.0597)
    assert archive.proposal[0] == "PROPOSAL"
    with pytest.raises(FileProblem, match="no OBSERVATION record"):
        parse_archive_summary("hello\n")


def test_a_summary_leads_to_its_odf(tmp_path: Path) -> None:
    folder = write_odf(tmp_path / "odf")
    summary = SummaryFile("odfingest", "odfingest-1", "b", "d", str(folder), "0201903501", "0828", "s", "e", ())
    path = tmp_path / "0828_0201903501_SCX00000SUM.SAS"
    path.write_text(write_summary(summary))
    assert read_summary(path).path == str(folder)
    assert open_odf(path).path == folder
    path.write_text(write_summary(summary).replace(str(folder), "/nowhere/at/all"))
    with pytest.raises(FileProblem, match="'/nowhere/at/all', which does not exist"):
        open_odf(path)
    path.rename(folder / path.name)  # a summary beside the files needs no path
    assert open_odf(folder / path.name).path == folder
