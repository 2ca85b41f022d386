"""The calibration of a camera from constituents: read, checked, applied, or refused with a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xmmpy.calibration import nominal
from xmmpy.calibration.badpixels import BadKind, BadOrigin
from xmmpy.calibration.calindex import read_calindex
from xmmpy.calibration.camera import CameraCalibration
from xmmpy.calibration.energy import MosEnergy, PnEnergy
from xmmpy.calibration.loading import load_camera
from xmmpy.calibration.readers import (
    read_boresight,
    read_dark_frame,
    read_frame_times,
    read_geometry,
    read_housekeeping_limits,
    read_known_pixels,
    read_modes,
    read_patterns,
    read_pn_gain,
    read_psf,
    read_quantum_efficiency,
    read_reject,
    read_transfer_loss,
)
from xmmpy.products.errors import FileProblem
from xmmpy.tasks.registry import find_task
from xmmpy.tasks.session import Environment, Session

pytestmark = pytest.mark.unit

UNITS = 550.365  # 0.05 arcsec in a millimetre of pn
Tables = dict[str, tuple[dict[str, tuple[str, Any]], dict[str, Any]]]


def write(folder: Path, scope: str, type_id: str, tables: Tables, issue: int = 1) -> Path:
    """Write a constituent: extension to columns (form, values) and keywords."""
    primary = fits.PrimaryHDU()
    primary.header.update(
        TELESCOP="XMM", SCOPE=scope, TYPEID=type_id, ISSUE=issue, VALDATE="1998-01-01T00:00:00", EVALDATE="",
        DATE="2001-01-01T00:00:00", SUBDATE="2001-01-02T00:00:00", CATEGORY="XMMCCF", CREATOR="test",
    )  # fmt: skip
    hdus = [primary]
    for name, (columns, keywords) in tables.items():
        made = [fits.Column(key, form, array=np.array(values)) for key, (form, values) in columns.items()]
        hdus.append(fits.BinTableHDU.from_columns(made, name=name))
        hdus[-1].header.update(keywords)
    path = folder / f"{scope}_{type_id}_{issue:04d}.CCF"
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


def pn_lincoord(shift_mm: float = 0.0) -> Tables:
    ccds = nominal.ccd_geometry("EPN")
    turn = [np.arctan2(ccd.axis_x[1], ccd.axis_x[0]) for ccd in ccds]
    columns = {
        "CCD_ID": ("I", [ccd.ccd for ccd in ccds]),
        "X0": ("D", [ccd.origin[0] / UNITS + shift_mm for ccd in ccds]),
        "Y0": ("D", [ccd.origin[1] / UNITS for ccd in ccds]),
        "RAWX0": ("D", [ccd.reference[0] for ccd in ccds]),
        "RAWY0": ("D", [ccd.reference[1] for ccd in ccds]),
        "ROTATION": ("D", turn),
    }
    return {"LINCOORD": (columns, {"MM_PX_X": 0.15, "ARC_MM_X": UNITS * 0.05})}


def pn_gain(factor: float = 1.0) -> Tables:
    gain = np.full((12, 64), factor)
    offset = np.zeros((12, 64))
    offset[3, 9] = 25.0
    columns = {"CCD_ID": ("I", list(range(1, 13))), "GAIN": ("64D", gain), "OFFSET": ("64D", offset)}
    return {"OFFSET_GAIN": (columns, {"KEV_P_PI": 0.005})}


def pn_loss(loss: float = 6e-4) -> Tables:
    ccd, node = (part.ravel() for part in np.meshgrid(np.arange(1, 13), np.arange(64), indexing="ij"))
    columns = {
        "MODE_ID": ("I", np.zeros(ccd.size, int)), "CCD_ID": ("I", ccd), "NODE_ID": ("I", node),
        "CTI_X": ("D", np.zeros(ccd.size)), "CTI_Y": ("D", np.full(ccd.size, loss)),
    }  # fmt: skip
    return {"CTI": (columns, {})}


def pn_badpix() -> Tables:
    columns = {
        "CCD_ID": ("I", [4, 4, 7]), "RAWX": ("I", [10, 20, 5]), "RAWY": ("I", [50, 1, 7]),
        "TYPE": ("1A", ["H", "D", "F"]), "YEXTENT": ("I", [1, 200, 3]), "UPLNK": ("I", [1, 0, 0]),
    }  # fmt: skip
    return {"BADPIX": (columns, {})}


def boresight() -> Tables:
    columns = {
        "INSTRUMENT_ID": ("8A", ["EMOS1", "EPN"]), "PHI": ("D", [0.1, 0.2]), "THETA": ("D", [0.0, 0.1]),
        "PSI": ("D", [90.0, 0.0]),
    }  # fmt: skip
    parameters = (0.64, -5.2e-4, 1.4e-7, -9.2e-12, 0.16, -20.2, 365.6)
    varying = {f"P{n}": ("D", [value, 0.0]) for n, value in enumerate(parameters, 1)} | {"P7": ("D", [365.6, 365.6])}
    return {"BORESIGHT": (columns, {}), "EPN_ANGVAR": (varying, {})}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ccf = tmp_path / "ccf"
    ccf.mkdir()
    write(ccf, "EPN", "LINCOORD", pn_lincoord())
    write(ccf, "EPN", "ADUCONV", pn_gain())
    write(ccf, "EPN", "CTI", pn_loss())
    write(ccf, "EPN", "BADPIX", pn_badpix())
    write(ccf, "XMM", "BORESIGHT", boresight())
    return ccf


def load(folder: Path, camera: str = "EPN") -> tuple[CameraCalibration, list[str]]:
    said: list[str] = []
    index = folder.parent / "ccf.cif"
    values = {"calindexset": str(index), "withccfpath": True, "ccfpath": str(folder), "fullpath": True,
              "withobservationdate": True, "observationdate": "2010-01-01T00:00:00"}  # fmt: skip
    find_task("cifbuild").execute(values, Session("cifbuild", Environment()))
    return load_camera(camera, read_calindex(index), (str(folder),), 3.8e8, said.append), said


def test_constituents_are_applied_and_named(folder: Path) -> None:
    found, said = load(folder)
    names = {source.type_id: source.name for source in found.sources}
    assert names["LINCOORD"] == "EPN_LINCOORD_0001.CCF"
    assert names["ADUCONV"] == "EPN_ADUCONV_0001.CCF"
    assert names["BADPIX"] == "EPN_BADPIX_0001.CCF"
    assert names["BORESIGHT"] == "nominal:boresight.csv"  # read, but not applied
    assert len(said) == 1
    assert "XMM_BORESIGHT_0001.CCF is read, but not applied" in said[0]
    for one, other in zip(found.geometry, nominal.ccd_geometry("EPN"), strict=True):
        assert one.origin == pytest.approx(other.origin, abs=1e-3)
        assert one.pixel == pytest.approx(other.pixel, rel=2e-3)
    assert isinstance(found.energy, PnEnergy)
    assert found.energy.column_gain is not None
    assert np.allclose(found.energy.column_gain[1:, 1:], 1.0)
    assert found.offset_columns[4].tolist() == [[10, 25]]
    bad = found.bad_pixels[4]
    assert bad.kind.tolist() == [BadKind.HOT, BadKind.DEAD]
    assert bad.origin.tolist() == [BadOrigin.ON_BOARD, BadOrigin.CALIBRATION]


def test_figures_far_from_the_nominal_ones_are_refused(folder: Path) -> None:
    write(folder, "EPN", "LINCOORD", pn_lincoord(shift_mm=5.0))
    write(folder, "EPN", "ADUCONV", pn_gain(factor=1.3))
    found, said = load(folder)
    assert found.geometry == nominal.ccd_geometry("EPN")
    assert isinstance(found.energy, PnEnergy)
    assert found.energy.column_gain is None
    assert sum("EPN_LINCOORD_0001.CCF" in text for text in said) == 1
    assert sum("EPN_ADUCONV_0001.CCF" in text for text in said) == 1


def test_another_gain_shows_in_pi(folder: Path, tmp_path: Path) -> None:
    """epproc with SAS_CCF: CALINDEX and the log name the constituents, PI follow their gain."""
    from xmmpy.simulation.observation import SimulationSettings
    from xmmpy.simulation.odf import simulate_odf

    simulate_odf(tmp_path / "sky", SimulationSettings(exposure=100.0, seed=3, cameras=("pn",), scale=3.0))
    median = []
    for factor in (1.0, 1.04):
        write(folder, "EPN", "ADUCONV", pn_gain(factor))
        load(folder)
        session = Session("epproc", Environment(odf=str(tmp_path / "sky/ODF"), ccf=str(tmp_path / "ccf.cif"),
                                                ccf_path=(str(folder),)))  # fmt: skip
        values = {"outdir": str(tmp_path), "runatthkgen": False, "randomizeenergy": False}
        find_task("epproc").execute(values, session)
        path = next(tmp_path.glob("*_ImagingEvts.ds"))
        events = fits.getdata(path, "EVENTS")
        median.append(np.median(events["PI"][events["PHA"] > 200] / events["PHA"][events["PHA"] > 200]))
        table = fits.getdata(path, "CALINDEX")
        assert "EPN_ADUCONV_0001.CCF" in {name.strip() for name in table["FNAME"]}
        assert any("ADUCONV from EPN_ADUCONV_0001.CCF" in line for line in session.log)
    assert median[1] / median[0] == pytest.approx(1.04, abs=0.003)


def test_frames_outside_the_housekeeping_limits_do_not_count(folder: Path, tmp_path: Path) -> None:
    from xmmpy.simulation.observation import SimulationSettings
    from xmmpy.simulation.odf import simulate_odf

    simulate_odf(tmp_path / "sky", SimulationSettings(exposure=100.0, seed=3, cameras=("pn",)))
    rows = []
    for low, high in ((100.0, 130.0), (0.0, 50.0)):  # the filter wheel stands at 114.9
        limits = {"PARM_ID": ("8A", ["F1119"]), "LOW": ("D", [low]), "HIGH": ("D", [high])}
        write(folder, "EPN", "HKPARMINT", {"HKPARMINT": (limits, {})})
        load(folder)
        environment = Environment(odf=str(tmp_path / "sky/ODF"), ccf=str(tmp_path / "ccf.cif"), ccf_path=(str(folder),))
        made = find_task("epproc").execute(
            {"outdir": str(tmp_path), "runatthkgen": False}, Session("epproc", environment)
        )
        rows.append(made.rows_out)
    assert rows[0] > 100
    assert rows[1] == 0


def test_mos_needs_gain_and_loss(tmp_path: Path) -> None:
    ccf = tmp_path / "ccf"
    ccf.mkdir()
    columns: dict[str, tuple[str, Any]] = {"CCD_ID": ("I", list(range(1, 8)))}
    for suffix in ("", "1", "2", "3"):
        columns[f"OFFSET{suffix}"] = ("2D", np.zeros((7, 2)))
        columns[f"GAIN{suffix}"] = ("2D", np.full((7, 2), 3.4))
        columns[f"POLY_TERM{suffix}"] = ("2D", np.zeros((7, 2)))
    write(ccf, "EMOS1", "ADUCONV", {"OFFSET_GAIN": (columns, {})})
    found, said = load(ccf, "EMOS1")
    assert any("EMOS1_ADUCONV_0001.CCF needs the constituent CTI" in text for text in said)
    loss = {"CCD_ID": ("I", list(range(1, 8))), "NODE_ID": ("I", [0] * 7)}
    loss |= {"CTI_X": ("D", [1e-6] * 7), "CTI_Y": ("D", [2e-6] * 7)}
    write(ccf, "EMOS1", "CTI", {"CTI": (loss, {})})
    found, said = load(ccf, "EMOS1")
    assert isinstance(found.energy, MosEnergy)
    from xmmpy.events.energy import mos_event_energy

    ones = np.ones(2, int)
    energy = mos_event_energy(found.energy, ones, 300 * ones, np.array([1, 600]), 0 * ones, 1000 * ones)
    assert energy[0] == pytest.approx(3400 * (1 + 300e-6 + 2e-6), abs=0.02)
    assert energy[1] - energy[0] == pytest.approx(3400 * 599 * 2e-6, abs=0.02)


def test_the_other_readers(tmp_path: Path) -> None:
    limits = {
        "PARM_ID": ("8A", ["E1001", "E1001", "E1002"]),
        "LOW": ("D", [1.0, 0.5, -3.0]),
        "HIGH": ("D", [2.0, 1.5, 3.0]),
    }
    path = write(tmp_path, "EMOS1", "HKPARMINT", {"HKPARMINT": (limits, {})})
    assert read_housekeeping_limits(path) == {"E1001": (0.5, 2.0), "E1002": (-3.0, 3.0)}
    times = {"MODE_ID": ("I", [1, 2]), "FRAMETIME": ("D", [2600.0, 900.0])}
    assert read_frame_times(write(tmp_path, "EMOS1", "TIMECORR", {"FRAMETIME": (times, {})})) == {
        "1": 2600.0,
        "2": 900.0,
    }
    modes = {"MODE_ID": ("I", [1, 2]), "WINDOW": ("4I", [[0, 0, 610, 602], [1, 2, 100, 100]])}
    assert read_modes(write(tmp_path, "EMOS1", "MODEPARAM", {"MODEPARAM": (modes, {})})).columns["WINDOW"][1, 2] == 100
    single = np.zeros((5, 5), int)
    single[2, 2] = 1
    patterns = {"PATTERN_ID": ("I", [0, 31]), "MATRIX": ("25I", [single.ravel(), np.ones(25, int)])}
    library = read_patterns(write(tmp_path, "EMOS1", "PATTERNLIB", {"PrimeFullWindow": (patterns, {})}))
    assert library[0].sum() == 1
    assert library[31].shape == (5, 5)
    psf = {
        "ENERGY": ("D", [100.0, 100.0, 1500.0, 1500.0]), "THETA": ("D", [0.0, 0.003, 0.0, 0.003]),
        "PARAMS": ("2D", [[5.0, 1.5], [4.0, 1.4], [4.5, 1.5], [3.5, 1.4]]),
    }  # fmt: skip
    found = read_psf(write(tmp_path, "XRT1", "XPSF", {"ELLBETA_PARAMS": (psf, {})}))
    assert found.at(0.8, np.degrees(0.0015) * 60) == pytest.approx([4.25, 1.45])
    efficiency = {"EBINS": ({"ENERGY": ("D", [100.0, 1000.0])}, {}), "QE_TOTAL": ({"QE": ("2D", [[0.5, 0.9]])}, {})}
    assert read_quantum_efficiency(write(tmp_path, "EPN", "QUANTUMEF", efficiency)).at(np.array([550.0])) == [0.7]
    offsets: Tables = {
        f"OFFSET_CCD{ccd}": ({"ROW_OFFSET": ("610D", [np.zeros(610)]), "COLUMN_OFFSET": ("602D", [np.ones(602)])}, {})
        for ccd in range(1, 8)
    }
    assert read_dark_frame(write(tmp_path, "EMOS1", "DARKFRAME", offsets)).columns[7].sum() == 602
    index = {"MAP": ("20A", ["OFFSET_MAP_1", "OFFSET_MAP_2"])}
    rejected = read_reject(write(tmp_path, "EPN", "REJECT", {"MASTER_OFFSET_TABLE_INDEX": (index, {})}))
    assert rejected.names == ("OFFSET_MAP_1", "OFFSET_MAP_2")
    angles = read_boresight(write(tmp_path, "XMM", "BORESIGHT", boresight()))
    assert angles.offset_arcsec("EPN", 0, 0.0) == pytest.approx(0.64 + 0.16 * np.sin(2 * np.pi * 20.2 / 365.6))
    assert angles.offset_arcsec("EMOS1", 0, 100.0) == 0.0


WAYS = ("cut", "rename", "text", "none", "huge")
READERS = {
    "LINCOORD": (pn_lincoord, lambda path: read_geometry(path, "EPN")),
    "ADUCONV": (pn_gain, read_pn_gain),
    "CTI": (pn_loss, read_transfer_loss),
    "BADPIX": (pn_badpix, read_known_pixels),
}


def problem_of(read: Any, path: Path) -> str:
    """The sentence of a reader, or the file's own name where it could be read."""
    try:
        read(path)
    except FileProblem as problem:
        return str(problem)
    return path.name


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(READERS)), way=st.sampled_from(WAYS), seed=st.integers(0, 2**31))
def test_damaged_ones_give_a_sentence(tmp_path: Path, kind: str, way: str, seed: int) -> None:
    """Never another exception: a value, or a problem that names the file."""
    rng = np.random.default_rng(seed)
    make, read = READERS[kind]
    tables = make()
    name, (columns, keywords) = next(iter(tables.items()))
    column = sorted(columns)[int(rng.integers(len(columns)))]
    _, values = columns[column]
    if way == "rename":
        columns = {("OTHER" if key == column else key): value for key, value in columns.items()}
    elif way == "text":
        columns = {**columns, column: ("3A", ["abc"] * len(values))}
    elif way == "none":
        columns = {key: (form, np.array(value)[:0]) for key, (form, value) in columns.items()}
    elif way == "huge" and np.array(values).dtype.kind in "if":
        columns = {**columns, column: ("D", np.full(len(values), 1e300))}
    path = write(tmp_path, "EPN", kind, {name: (columns, keywords)})
    if way == "cut":
        path.write_bytes(path.read_bytes()[: int(rng.integers(1, path.stat().st_size))])
    assert path.name in problem_of(read, path)
