"""srcmatch: one row per source from the lists of emldetect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from summary_sample import CAMERAS, emldetect_rows, made_up_summary, write_list

from xmmpy.detection.jointlikelihood import joint_likelihood, raw_likelihood
from xmmpy.detection.likelihoods import equivalent_likelihood
from xmmpy.detection.summaryrows import flag_texts, one_row_per_source
from xmmpy.tasks import srcmatch
from xmmpy.tasks.messages import TaskError

ALL = (1, 2, 3)


def read(path: Path) -> tuple[dict[str, np.ndarray], fits.Header]:
    with fits.open(path) as file:
        return {name: np.array(file[1].data[name]) for name in file[1].data.names}, file[1].header


@pytest.fixture
def summary() -> dict[str, np.ndarray]:
    return made_up_summary(30, seed=4)


@pytest.fixture
def joint(tmp_path: Path, summary: dict[str, np.ndarray]) -> Path:
    return write_list(tmp_path / "all.fits", emldetect_rows(summary, ALL), ALL)


@pytest.mark.parametrize("freedom", [3, 4, 7, 17, 18])
def test_likelihoods_can_be_taken_back(freedom: int) -> None:
    raw = np.concatenate([[0.0], np.logspace(0.0, 5.5, 60)])
    assert np.allclose(raw_likelihood(equivalent_likelihood(raw, freedom), freedom), raw, rtol=1e-9, atol=1e-6)


def test_a_joint_likelihood_of_one_part_is_its_own() -> None:
    alone, bands = joint_likelihood([[8.0, 50.0, np.nan]], [[5]], [False, True, False])
    assert np.allclose(alone, [8.0, 50.0, np.nan], equal_nan=True)
    assert bands.tolist() == [5.0, 5.0, 0.0]


def test_one_list_of_all_cameras(tmp_path: Path, joint: Path, summary: dict[str, np.ndarray]) -> None:
    outcome = srcmatch(inputlistsets=joint, outputlistset=tmp_path / "out.fits")
    ours, header = read(tmp_path / "out.fits")
    assert len(ours) == 249
    assert outcome.rows_out == 30
    assert ours["SRC_NUM"].tolist() == list(range(1, 31))
    assert np.array_equal(ours["EP_1_ML_ID"], summary["EP_1_ML_ID"])
    assert set(ours["EP_2_ML_ID"]) == {-1}
    for name in ("X_IMA", "Y_IMA_ERR", "EP_TOT", "M2_3_FLUX", "PN_HR2_ERR", "EP_DET_ML", "M1_4_VIG", "PN_OFFAX"):
        assert np.allclose(ours[name], summary[name], rtol=1e-6, equal_nan=True), name
    for name in ("PN_XID", "EP_XID_FLUX", "EP_XID_ML", "VAR_STAT"):
        assert np.isnan(ours[name]).all(), name
    assert set(ours["N_BINS"]) == set(ours["OM_ID1"]) == {-1}
    assert set(ours["PN_FLAG"]) == set(ours["EP_FLAG"]) == {"FFFFFFFFFFFF"}
    assert not ours["SPECTRA"].any()
    assert np.array_equal(ours["RA_CORR"], ours["RA"])
    assert (header["NSETS"], header["EP_SET1"], header["POSCOROK"]) == (1, str(joint), False)
    assert (header["M1_4_ELO"], header["M1_4_EHI"]) == (2000.0, 4500.0)
    assert header["PIXSIZE"] == pytest.approx(4.0)
    assert header["TUNIT187"] == "arcmin"


def test_extents_in_arcsec(tmp_path: Path, joint: Path, summary: dict[str, np.ndarray]) -> None:
    srcmatch(inputlistsets=joint, outputlistset=tmp_path / "out.fits", extentunit="arcsec")
    ours, header = read(tmp_path / "out.fits")
    assert np.allclose(ours["EP_EXTENT"], 4.0 * summary["EP_EXTENT"], rtol=1e-4)
    assert np.array_equal(np.isnan(ours["EP_EXT_ERR"]), ours["EP_EXTENT"] == 0.0)
    assert header["TUNIT146"] == "arcsec"


def test_lists_of_the_cameras_give_what_one_list_gives(tmp_path: Path, summary: dict[str, np.ndarray]) -> None:
    """Offsets of the order of the errors; MOS1 lacks ten sources, MOS2 has one that the others lack."""
    rng = np.random.default_rng(11)
    lists = []
    for camera in ALL:
        chosen = np.ones(30, bool)
        chosen[:10] = camera != 2
        chosen[29] = camera == 3
        moved = {name: values[chosen] for name, values in summary.items()}
        for axis, scale in (("RA", 1.0 / np.cos(np.radians(moved["DEC"]))), ("DEC", 1.0)):
            step = rng.normal(0.0, 0.5, chosen.sum()) * moved["RADEC_ERR"] / np.sqrt(2.0)
            moved[axis] = moved[axis] + step * scale / 3600.0
        rows = emldetect_rows(moved, [camera], joint=False)
        lists.append(write_list(tmp_path / f"{CAMERAS[camera]}.fits", rows, [camera]))
    srcmatch(inputlistsets=lists, outputlistset=tmp_path / "out.fits")
    ours, header = read(tmp_path / "out.fits")
    assert len(ours["RA"]) == 30
    assert len(ours) == 251  # the numbers in the third list
    assert header["NSETS"] == 3
    three = slice(10, 29)
    for name in ("EP_TOT", "EP_TOT_ERR", "EP_3_FLUX", "ERR_EP_TOT_FLUX", "EP_HR2", "EP_HR3_ERR"):
        assert np.allclose(ours[name][three], summary[name][three], rtol=1e-5, equal_nan=True), name
    assert np.allclose(ours["EP_DET_ML"][three], summary["EP_DET_ML"][three], rtol=1e-4)
    assert np.isnan(ours["M1_TOT"][:10]).all()
    assert np.allclose(ours["EP_TOT"][:10], (summary["PN_TOT"] + summary["M2_TOT"])[:10], rtol=1e-5)
    assert np.allclose(ours["RADEC_ERR"][three], summary["RADEC_ERR"][three] / np.sqrt(3.0), rtol=1e-5)
    distance = np.hypot((ours["RA"] - summary["RA"]) * np.cos(np.radians(summary["DEC"])), ours["DEC"] - summary["DEC"])
    assert np.all(distance * 3600.0 < 2.0 * summary["RADEC_ERR"])
    assert np.isnan(ours["X_IMA"]).all()
    assert (ours["EP_1_ML_ID"][29], ours["EP_2_ML_ID"][29], ours["EP_3_ML_ID"][29]) == (-1, -1, 30)
    assert set(ours["M1_FLAG"][:10]) == {"-"}
    assert np.allclose(ours["EP_EXTENT"][three], summary["EP_EXTENT"][three], rtol=1e-5)


def test_the_list_of_the_xid_band_adds_its_columns(tmp_path: Path, joint: Path, summary: dict[str, np.ndarray]) -> None:
    xid = write_list(tmp_path / "xid.fits", emldetect_rows(summary, ALL, xid=True), ALL, xid=True)
    srcmatch(inputlistsets=[joint, xid], outputlistset=tmp_path / "out.fits")
    ours, _ = read(tmp_path / "out.fits")
    for name in ("PN_XID", "M2_XID_FLUX", "EP_XID_ERR", "M1_XID_ML", "EP_XID_ML", "PN_1", "EP_TOT", "RADEC_ERR"):
        assert np.allclose(ours[name], summary[name], rtol=1e-6, equal_nan=True), name
    assert np.array_equal(ours["EP_2_ML_ID"], summary["EP_2_ML_ID"])


def test_a_camera_that_did_not_observe(tmp_path: Path, summary: dict[str, np.ndarray]) -> None:
    joint = write_list(tmp_path / "two.fits", emldetect_rows(summary, (1, 3)), (1, 3))
    srcmatch(inputlistsets=joint, outputlistset=tmp_path / "out.fits", allepicmode=False)
    ours, header = read(tmp_path / "out.fits")
    assert set(ours["M1_FLAG"]) == {"-"}
    assert np.isnan(ours["M1_TOT"]).all()
    assert set(ours["M1_DET_ML"]) == {0.0}  # as in real lists
    assert "M1_1_ELO" not in header
    assert np.allclose(ours["EP_TOT"], summary["PN_TOT"] + summary["M2_TOT"], rtol=1e-5)


def test_numbers_in_other_lists(tmp_path: Path, joint: Path, summary: dict[str, np.ndarray]) -> None:
    some = {name: values[5:] for name, values in summary.items()}
    pn = write_list(tmp_path / "pn.fits", emldetect_rows(some, [1], joint=False), [1])
    mos = write_list(tmp_path / "m1.fits", emldetect_rows(summary, [2], joint=False), [2])
    srcmatch(inputlistsets=joint, outputlistset=tmp_path / "out.fits", crossidsets=[pn, mos, mos])
    ours, header = read(tmp_path / "out.fits")
    assert header["NCROSSID"] == 3
    assert ours["PN_ML_ID_SRC"].tolist() == [-1] * 5 + summary["EP_1_ML_ID"][5:].tolist()
    assert ours["M1_BOX_ID_SRC"].shape == (30, 2)
    assert np.array_equal(ours["M1_BOX_ID_SRC"][:, 1], summary["EP_1_BOXID"])
    assert len(ours) == 249 + 4


def test_partners_in_the_optical_monitor(tmp_path: Path, joint: Path, summary: dict[str, np.ndarray]) -> None:
    dec = np.concatenate([summary["DEC"][[3, 3, 7]] + np.array([4.0, -2.0, 1.0]) / 3600.0, [-80.0]])
    optical = Table({"SRCNUM": [51, 52, 53, 54], "RA": np.append(summary["RA"][[3, 3, 7]], 0.0), "DEC": dec})
    optical.write(tmp_path / "om.fits")
    srcmatch(inputlistsets=joint, outputlistset=tmp_path / "out.fits", omlistset=tmp_path / "om.fits")
    ours, header = read(tmp_path / "out.fits")
    assert header["OMCROSS"] is True
    assert (ours["OM_ID1"][3], ours["OM_ID2"][3], ours["N_OPT_CO"][3]) == (52, 51, 2)
    assert np.allclose([ours["OM_ID1_DIST"][3], ours["OM_ID2_DIST"][3]], [2.0, 4.0], rtol=1e-5)
    assert (ours["OMFLAG"][3], ours["OMFLAG"][0], ours["N_OPT_CO"][0]) == ("OM_SRC_FND", "NO_OM_SRCS", -1)


def test_the_page_names_every_source_and_escapes_texts(tmp_path: Path, joint: Path) -> None:
    srcmatch(inputlistsets=joint, outputlistset=tmp_path / "out.fits", htmloutput=tmp_path / "out.html")
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert text.count("<tr>") == 31
    assert text.count("XMMU J") == 30
    assert "a &lt;b&gt; &amp; c" in text
    assert "nan" not in text


def test_a_list_without_sources(tmp_path: Path, summary: dict[str, np.ndarray]) -> None:
    none = {name: values[:0] for name, values in summary.items()}
    empty = write_list(tmp_path / "none.fits", emldetect_rows(none, ALL), ALL)
    assert srcmatch(inputlistsets=empty, outputlistset=tmp_path / "out.fits").rows_out == 0
    assert len(read(tmp_path / "out.fits")[0]["RA"]) == 0


def test_blocks_may_be_in_any_order(summary: dict[str, np.ndarray]) -> None:
    rows = emldetect_rows(summary, ALL)
    mixed = np.random.default_rng(2).permutation(len(rows["RA"]))
    ours = one_row_per_source({name: values[mixed] for name, values in rows.items()})
    order = np.argsort(ours["ML_ID"])
    assert np.array_equal(ours["PN_3"][order], summary["PN_3"], equal_nan=True)


def test_flags_are_texts_with_the_first_bit_first() -> None:
    assert flag_texts(np.array([0.0, 5.0, np.nan])) == ["F" * 12, "TFT" + "F" * 9, "-"]


def test_wrong_lists_are_named(tmp_path: Path) -> None:
    box = tmp_path / "box.fits"
    hdu = fits.BinTableHDU(Table({"BOX_ID_SRC": [1], "ID_INST": [0], "ID_BAND": [0], "LIKE": [9.0]}), name="SRCLIST")
    hdu.writeto(box)
    output = tmp_path / "out.fits"
    with pytest.raises(TaskError, match=r"box\.fits' is no list of emldetect"):
        srcmatch(inputlistsets=box, outputlistset=output)
    with pytest.raises(TaskError, match="no list is named in 'inputlistsets'"):
        srcmatch(inputlistsets="", outputlistset=output)
    with pytest.raises(TaskError, match=r"nowhere\.fits"):
        srcmatch(inputlistsets=tmp_path / "nowhere.fits", outputlistset=output)
    assert not output.exists()
