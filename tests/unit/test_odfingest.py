"""odfingest: the summary of an ODF."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest
from odf_sample import PREFIX, write_odf

import xmmpy.tasks
from xmmpy.odf.summary import read_summary, write_summary
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Session

NAME = f"{PREFIX}SCX00000SUM.SAS"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_odf(tmp_path_factory.mktemp("odf") / "ODF")


def test_the_summary_of_a_whole_odf(whole: Path, tmp_path: Path) -> None:
    session = Session("odfingest", Environment(odf=str(whole.parent)))
    outcome = find_task("odfingest").execute({"outdir": tmp_path, "oalcheck": True}, session)
    assert outcome.outputs == (tmp_path / NAME,)
    assert outcome.facts["attitude"] == "AHF"
    assert outcome.facts["clock_rms"] < 1e-6
    summary = read_summary(tmp_path / NAME)
    assert (summary.observation, summary.revolution, summary.path) == ("0201903501", "0828", str(whole))
    assert (summary.start, summary.end) == ("2004-06-17T10:38:28.000", "2004-06-17T10:58:28.000")
    assert NAME in summary.files
    assert not any(name.endswith("SUM.ASC") for name in summary.files)
    assert [len(record.exposures) for record in summary.instruments] == [2, 1, 0, 0, 2, 0]
    mos = summary.instrument("M1").exposures[0]
    wanted = {
        "MODE": "PrimeFullWindow", "CALIBRATION_MODE_2": "PrimeFullWindow", "DATA_MODE_2": "Imaging",
        "FILTER": "Thin1", "FILTER_WHEEL_POSITION": "267", "CLOCK_WRAP_AROUND": "32767", "EDU_0_LOW_THR_1": "25",
    }  # fmt: skip
    assert {name: mos.value(name) for name in wanted} == wanted
    assert summary.instrument("PN").exposures[1].value("DATA_MODE_3") == "DiscardedLinesData"
    assert summary.proposal[0] == "PROPOSAL"
    assert write_summary(summary) == (tmp_path / NAME).read_text()


def test_the_switches(whole: Path, tmp_path: Path) -> None:
    xmmpy.tasks.odfingest(
        odfdir=whole, outdir=tmp_path, usecanonicalname="no", summaryfile="mine.SAS", writepath="no",
        findinstrumentmodes="no", usehousekeeping="no",
    )  # fmt: skip
    summary = read_summary(tmp_path / "mine.SAS")
    names = {parameter.name for parameter in summary.instrument("M1").exposures[0].parameters}
    assert names == {"DATA_MODE_1", "DATA_MODE_2"}
    assert summary.path is None


def test_an_archive_is_unpacked_beside_the_summary(whole: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "0201903501.tar.gz", "w:gz") as tar:
        tar.add(whole, "0201903501")
    (tmp_path / "out").mkdir()
    xmmpy.tasks.odfingest(odfdir=tmp_path / "0201903501.tar.gz", outdir=tmp_path / "out")
    folder = tmp_path / "out" / "0201903501_odf"
    assert read_summary(tmp_path / "out" / NAME).path == str(folder)
    assert len(list(folder.iterdir())) == len(list(whole.iterdir()))
    session = Session("odfingest", Environment(odf=str(tmp_path / "out" / NAME)))
    again = find_task("odfingest").execute({"outdir": tmp_path / "out"}, session)
    assert again.facts["science"] == 4


def test_what_is_missing_is_warned_of(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "ODF"))
    for name in ("SCX00000ATS.FIT", "SCX00000SUM.ASC", "M1X00000PEH.FIT"):
        (folder / (PREFIX + name)).unlink()
    (folder / f"{PREFIX}M2S00210IME.FIT").write_bytes(b"")
    session = Session("odfingest", Environment())
    find_task("odfingest").execute({"odfdir": folder, "outdir": tmp_path}, session)
    told = [text for _, text in session.warnings]
    for name in ("SCX00000ATS.FIT", "SCX00000SUM.ASC", "M1X00000PEH.FIT", "M2S00210IME.FIT"):
        assert sum(PREFIX + name in text for text in told) == 1
    mos = read_summary(tmp_path / NAME).instrument("M1").exposures[0]
    assert mos.value("FILTER") == "Unknown"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"odfdir": "nowhere"}, "NoOdfFound"),
        ({"outdir": "nowhere"}, "FileIo"),
    ],
)
def test_what_stops_it(tmp_path: Path, values: dict[str, str], code: str) -> None:
    complete = {"outdir": tmp_path, **{name: tmp_path / value for name, value in values.items()}}
    with pytest.raises(TaskError) as caught:
        find_task("odfingest").execute(complete, Session("odfingest", Environment(odf=str(tmp_path))))
    assert caught.value.code == code


def test_two_observations_are_kept_apart(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "ODF"))
    (folder / "0809_0201901401_M1S00110IME.FIT").write_bytes(b"")
    with pytest.raises(TaskError) as caught:
        xmmpy.tasks.odfingest(odfdir=folder, outdir=tmp_path)
    assert caught.value.code == "MultipleObservations"
