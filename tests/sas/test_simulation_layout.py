"""Simulated lists are laid out as those that SAS made."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.calibration import nominal
from xmmpy.simulation import SimulatedObservation, SimulationSettings, camera, simulate_events, telescope

MOS_LISTS = [(o, m) for o in ("0201901401", "0201903501") for m in (1, 2)]
# Of later selections, barycentre corrections and pipelines, and housekeeping of the electronics.
NOT_SIMULATED = re.compile(
    r"SLCTEXPR|\d*DS(TYP|UNI|VAL|REF|FORM)\d+|MTYPE1|MFORM1|PLEPHEM|PHASE(BEG|END)|DELTAP_G|ODSVER|DPSCORRF|ODSCHAIN"
    r"|HK_TMP_[BE]|F\d{4}.*|T40.*|(TEA1|TQB1|IGRA|IVSSA|IVDDA|UHV).*|AN_.*|OT.*|AX_(FC3|QCCDS)|GAINCAME|FD130|BPX_OCV"
    r"|SETUPSAS|FROFFMAP|MCOFFMAP|DLI(MEAN2|MEDI2|MIN|MAX|ADEV|SDEV|SKEW|KURT)|TRESET|TASK_RUN|BPT_CODE|ODFLATEX"
    r"|MIPCOLN|WRGCOARS|FIFO(OVER|DEFI|RATE)|CRCORFAC|EPDHRATE|ABOVRATE|DEFARATE|NDSCLIN.|CCD_TEMP|ADDCORR[BE]"
    r"|ANALYSED|SINGLES|DOUBLES|TRIPLES|QUADRUPL|NOTREC..|MAXPAT|TRAILING|RECPHOTO|GAINSCAL|TYR_2000|ADU_REF|LTINCCTI"
    r"|CCD_OFFS|TG_.*|LT_CTI_.|COMMENT|HISTORY|"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimulatedObservation:
    return simulate_events(
        tmp_path_factory.mktemp("simulated"), SimulationSettings(exposure=600, cameras=("mos1", "pn"))
    )


def compare(real: fits.Header, simulated: fits.Header, extra: set[str]) -> None:
    """Same keywords in the same order with the same comments and kinds of values."""
    wanted = [k for k in dict.fromkeys(real) if not NOT_SIMULATED.fullmatch(k)]
    got = [k for k in dict.fromkeys(simulated) if not NOT_SIMULATED.fullmatch(k) and k not in extra]
    assert got == wanted
    for keyword in wanted:
        if keyword not in {"NAXIS2", "XPROC0", "CREATOR"}:
            assert simulated.comments[keyword] == real.comments[keyword], keyword
            assert type(simulated[keyword]) is type(real[keyword]), keyword
        if re.match(r"TTYPE|TFORM|TUNIT|NAXIS1|TNULL|TCDLT|TCRPX|TCTYP|XMMEA|TELESCOP|MJDREF|HDUCL", keyword):
            assert simulated[keyword] == real[keyword], keyword


def open_pn(real_data: Path) -> fits.HDUList:
    return fits.open(real_data / "pn-list" / "0932190801" / "0932190801_PN1_src.evt.gz")


@pytest.mark.parametrize("name", ["PRIMARY", "EVENTS", "OFFSETS", "EXPOSU01", "BADPIX01", "STDGTI01", "CALINDEX"])
def test_mos_headers(real_data: Path, made: SimulatedObservation, name: str) -> None:
    path = real_data / "sas-products" / "0201903501" / "mos1_exp1_clean_evts.fits.gz"
    with fits.open(path) as real, fits.open(made.event_lists["mos1"]) as simulated:
        compare(real[name].header, simulated[name].header, {"ORIGIN"} if name == "PRIMARY" else set())
        if name == "EVENTS":
            assert simulated[name].header["DSVAL3"] == real[name].header["DSVAL2"], "the FLAG cut of emproc"


@pytest.mark.filterwarnings("ignore::astropy.io.fits.verify.VerifyWarning")
@pytest.mark.parametrize(
    "name",
    ["PRIMARY", "EVENTS", "OFFSETS", "EXPOSU02", "BADPIX01", "DLIMAP01", "HKAUX01", "STDGTI01", "CALINDEX"],
)
def test_pn_headers(real_data: Path, made: SimulatedObservation, name: str) -> None:
    with open_pn(real_data) as real, fits.open(made.event_lists["pn"]) as simulated:
        compare(real[name].header, simulated[name].header, set())


def test_order_of_the_mos_extensions(real_data: Path, made: SimulatedObservation) -> None:
    path = real_data / "sas-products" / "0201903501" / "mos1_exp1_clean_evts.fits.gz"
    with fits.open(path) as real, fits.open(made.event_lists["mos1"]) as simulated:
        kept = [hdu.name for hdu in real if not hdu.name.startswith("GTI0")]
        assert [hdu.name for hdu in simulated] == kept


@pytest.mark.filterwarnings("ignore::astropy.io.fits.verify.VerifyWarning")
def test_pn_frames_are_like_real_ones(real_data: Path, made: SimulatedObservation) -> None:
    with open_pn(real_data) as real, fits.open(made.event_lists["pn"]) as simulated:
        a, b = real["EXPOSU02"], simulated["EXPOSU02"]
        assert b.header["TIMEDEL"] == a.header["TIMEDEL"]
        steps = np.diff(b.data["TIME"]), np.diff(a.data["TIME"])
        assert np.median(steps[0]) == pytest.approx(np.median(steps[1]), rel=2e-4), "the real one is barycentred"
        assert b.data["FRACEXP"].mean() == pytest.approx(np.median(a.data["FRACEXP"]), abs=0.01)


@pytest.mark.parametrize(("observation", "number"), MOS_LISTS)
def test_boresight_puts_mos_events_where_sas_does(real_data: Path, observation: str, number: int) -> None:
    """DETX, DETY to X, Y with the nominal boresight and a constant attitude: its drift remains.

    The boresight is measured with the attitude at the time of each event, so that the drift shows in the mean too.
    """
    with fits.open(real_data / "sas-products" / observation / f"mos{number}_exp1_clean_evts.fits.gz") as hdus:
        rows, header = hdus["EVENTS"].data, hdus["EVENTS"].header
        x, y = telescope.det_to_plane(
            f"EMOS{number}", header["PA_PNT"], rows["DETX"].astype(float), rows["DETY"].astype(float)
        )
        for own, sas in ((x, rows["X"]), (y, rows["Y"])):
            assert np.std(own - sas) < 3.5
            assert abs(np.mean(own - sas)) < 2.5


@pytest.mark.parametrize(("observation", "number"), MOS_LISTS)
def test_geometry_puts_mos_pixels_where_sas_does(real_data: Path, observation: str, number: int) -> None:
    with fits.open(real_data / "sas-products" / observation / f"mos{number}_exp1_clean_evts.fits.gz") as hdus:
        rows = hdus["EVENTS"].data
    for ccd in nominal.ccd_geometry(f"EMOS{number}"):
        mine = rows[rows["CCDNR"] == ccd.ccd]
        detx, dety = ccd.raw_to_det(mine["RAWX"].astype(float), mine["RAWY"].astype(float))
        assert max(np.abs(detx - mine["DETX"]).max(), np.abs(dety - mine["DETY"]).max()) <= ccd.pixel / 2 + 1.0
    hits = list(
        camera.find_pixels(
            f"EMOS{number}", rows["DETX"].astype(float), rows["DETY"].astype(float), np.arange(len(rows))
        )
    )
    found = sum(int(np.sum(rows["CCDNR"][hit.index] == i)) for i, hit in enumerate(hits, start=1))
    assert found / len(rows) > 0.996, "the CCDs of MOS overlap by a few columns"


@pytest.mark.filterwarnings("ignore::astropy.io.fits.verify.VerifyWarning")
def test_geometry_and_boresight_of_the_real_pn_list(real_data: Path) -> None:
    with open_pn(real_data) as hdus:
        rows, header = hdus["EVENTS"].data, hdus["EVENTS"].header
        ccd = nominal.ccd_geometry("EPN")[1]
        detx, dety = ccd.raw_to_det(rows["RAWX"].astype(float), rows["RAWY"].astype(float))
        assert max(np.abs(detx - rows["DETX"]).max(), np.abs(dety - rows["DETY"]).max()) <= ccd.pixel / 2 + 2.0
        x, y = telescope.det_to_plane("EPN", header["PA_PNT"], rows["DETX"].astype(float), rows["DETY"].astype(float))
        assert np.sqrt(np.mean((x - rows["X"]) ** 2 + (y - rows["Y"]) ** 2)) < 4.0
