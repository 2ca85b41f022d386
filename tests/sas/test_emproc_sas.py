"""emproc on a real, incomplete ODF, and the layout of its lists against real ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from astropy.io import fits

from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Outcome, Session

pytestmark = pytest.mark.sas

# Keywords of the real list that SAS's own steps write and emproc has nothing to say of, and the other way round.
HISTORY = re.compile(r"XPROC\d+|XDAL\d+|HISTORY|COMMENT|CONTINUE|DATE|SLCTEXPR|CHECKSUM|DATASUM")


@pytest.fixture(scope="module")
def processed(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome, list[tuple[str, str]]]:
    folder = tmp_path_factory.mktemp("emproc")
    session = Session("emproc", Environment(odf=str(real_data / "odf/0135730701")))
    return folder, find_task("emproc").execute({"outdir": str(folder)}, session), session.warnings


def test_a_list_for_each_exposure_with_events(processed: tuple[Path, Outcome, list[tuple[str, str]]]) -> None:
    folder, outcome, _ = processed
    status = {one["exposure"]: one["status"] for one in outcome.facts["exposures"]}
    assert status == {"U003": "nothing to do", "U004": "done", "U005": "done", "U007": "done", "U008": "nothing to do"}
    for exposure in ("U004", "U005", "U007"):
        assert (folder / f"0234_0135730701_EMOS1_{exposure}_ImagingEvts.ds").is_file()


def test_every_raw_event_is_accounted_for(
    processed: tuple[Path, Outcome, list[tuple[str, str]]], real_data: Path
) -> None:
    folder, outcome, _ = processed
    for one in outcome.facts["exposures"]:
        raw = 0
        for path in (real_data / "odf/0135730701").glob(f"*M1{one['exposure']}*IME.FIT*"):
            raw += fits.getheader(path, 1)["NAXIS2"]
        assert one["raw_events"] == raw
        assert one["rows"] + sum(one["fates"].values()) == raw
        if raw:
            assert fits.getheader(folder / one["events"], "EVENTS")["NAXIS2"] == one["rows"]


def test_what_is_missing_is_said_in_a_line_each(processed: tuple[Path, Outcome, list[tuple[str, str]]]) -> None:
    said = [text for _, text in processed[2]]
    for word in ("SUM.ASC", "ATS", "PEH"):
        assert sum(word in text for text in said if "missing" in text) == 1


def test_frames_live_as_much_as_in_later_years(processed: tuple[Path, Outcome, list[tuple[str, str]]]) -> None:
    """FRACEXP of the quiet frames of U007: 0.99, as in the public lists of 2004."""
    with fits.open(processed[0] / "0234_0135730701_EMOS1_U007_ImagingEvts.ds") as hdus:
        for ccd in range(2, 8):
            fraction = hdus[f"EXPOSU{ccd:02d}"].data["FRACEXP"][1:]
            assert 0.985 < fraction.mean() < 0.997
            assert len(fraction) > 100


def test_the_clock_of_the_real_odf_is_fitted(processed: tuple[Path, Outcome, list[tuple[str, str]]]) -> None:
    assert processed[1].facts["clock_rms"] < 1e-5


def test_lists_are_laid_out_as_real_ones(
    processed: tuple[Path, Outcome, list[tuple[str, str]]], real_data: Path
) -> None:
    """The same tables, columns, units, limits and keywords in the same order."""
    real = real_data / "sas-products/0201901401/mos1_exp1_clean_evts.fits.gz"
    ours = processed[0] / "0234_0135730701_EMOS1_U007_ImagingEvts.ds"
    with fits.open(ours) as mine, fits.open(real) as theirs:
        names = [hdu.name for hdu in theirs if not hdu.name.startswith(("GTI0", "REG"))]
        assert [hdu.name for hdu in mine] == names
        for name in names:
            if name == "PRIMARY":
                continue
            one, other = mine[name], theirs[name]
            assert one.columns.names == other.columns.names
            assert one.columns.formats == other.columns.formats
            assert [unit or "" for unit in one.columns.units] == [unit or "" for unit in other.columns.units]
        events, wanted = mine["EVENTS"].header, theirs["EVENTS"].header
        for number in range(2, 13):
            for limit in ("TLMIN", "TLMAX"):
                assert events.get(f"{limit}{number}") == pytest.approx(
                    wanted.get(f"{limit}{number}"), abs=22
                )  # one pixel
        keywords = [keyword for keyword in events if keyword in wanted]
        assert len(keywords) > 0.9 * len({key for key in wanted if not HISTORY.fullmatch(key) and "DS" not in key})
