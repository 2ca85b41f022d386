"""Constituents: files written to the handbook's layout, the real XAREAEF, and files laid out otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.calibration import nominal
from xmmpy.calibration.calindex import CalibrationIndex
from xmmpy.calibration.constituents import Constituent
from xmmpy.calibration.readers import (
    find_constituent,
    read_effective_area,
    read_filter_transmission,
    read_miscellaneous,
    read_mos_gain,
    read_or_nominal,
)
from xmmpy.products.errors import FileProblem


def write(path: Path, tables: dict[str, dict[str, tuple[str, Any]]], **keywords: Any) -> Path:
    """Write tables of (form, values); keywords go into the last of them."""
    hdus: list[Any] = [fits.PrimaryHDU()]
    for name, columns in tables.items():
        hdus.append(
            fits.BinTableHDU.from_columns(
                [fits.Column(key, form, array=np.array(values)) for key, (form, values) in columns.items()], name=name
            )
        )
    hdus[-1].header.update(keywords)
    fits.HDUList(hdus).writeto(path)
    return path


def area_tables() -> dict[str, dict[str, tuple[str, Any]]]:
    return {
        "ONAXISXAREAEF": {"ENERGY": ("E", [100.0, 1000.0, 5000.0]), "AREA": ("E", [1000.0, 1400.0, 800.0])},
        "VIGNETTING": {
            "ENERGY": ("E", [100.0, 5000.0]),
            "VIGNETTING_FACTOR": ("3E", [[1.0, 0.9, 0.8], [1.0, 0.7, 0.4]]),
        },
    }


def test_effective_area(tmp_path: Path) -> None:
    area = read_effective_area(write(tmp_path / "area.ccf", area_tables(), D_THETA=0.1))
    one = np.ones(1)
    assert area.on_axis(one * 3.0) == pytest.approx([1100.0])
    assert area.vignetting.offaxis_arcmin.tolist() == pytest.approx([0.0, 6.0, 12.0])
    assert area.at(one * 5.0, one * 9.0) == pytest.approx([800.0 * 0.55])
    assert area.on_axis(one, corrected=True) == pytest.approx([1400.0])  # no CORRAREA in this one
    tables = {"CORRAREA": {"ENERGY": ("E", [0.0, 10000.0]), "FACTOR": ("E", [0.9, 1.1])}, **area_tables()}
    area = read_effective_area(write(tmp_path / "with.ccf", tables, D_THETA=0.1))
    assert area.on_axis(one, corrected=True) == pytest.approx([1400.0 * 0.92])


def test_miscellaneous_numbers(tmp_path: Path) -> None:
    rows = [("XRT3", "FOCAL_LENGTH", "7493.2"), ("EPN", "MM_PER_PIXEL_X", "0.15"), ("OM", "NAME", "blue")]
    columns = {
        name: ("20A", [row[number] for row in rows])
        for number, name in enumerate(("INSTRUMENT_ID", "PARM_ID", "PARM_VAL"))
    }
    found = read_miscellaneous(write(tmp_path / "misc.ccf", {"MISCDATA": columns}))
    assert found == {("XRT3", "FOCAL_LENGTH"): 7493.2, ("EPN", "MM_PER_PIXEL_X"): 0.15}
    columns["PARM_VAL"] = ("D", [1.0, 2.0, 3.0])
    assert read_miscellaneous(write(tmp_path / "real.ccf", {"MISCDATA": columns}))["OM", "NAME"] == 3.0


def gain_columns() -> dict[str, tuple[str, Any]]:
    columns: dict[str, tuple[str, Any]] = {"CCD_ID": ("I", list(range(7, 0, -1)))}
    for kind in range(4):
        for term, name in enumerate(("OFFSET", "GAIN", "POLY_TERM")):
            values = [[100 * ccd + 10 * kind + term, -term] for ccd in range(7, 0, -1)]
            columns[name + (str(kind) if kind else "")] = ("2E", values)
    return columns


def test_mos_gain(tmp_path: Path) -> None:
    gain = read_mos_gain(write(tmp_path / "gain.ccf", {"OFFSET_GAIN": gain_columns()}))
    ccd, node, classes = np.array([3, 3, 7]), np.array([0, 1, 0]), np.array([2, 0, 3])
    pha = np.array([2.0, 10.0, 0.0])
    wanted = [320 + 321 * 2 + 322 * 4, 0 - 1 * 10 - 2 * 100, 730]
    assert gain.channel(ccd, node, classes, pha).tolist() == wanted


def test_filter_transmission(tmp_path: Path) -> None:
    tables = {
        "FILTER-THIN1": {"REGION": ("20A", ["circle(0,0,9)"]), "TRANSMISSION": ("3E", [[0.1, 0.5, 0.9]])},
        "EBINS": {"ENERGY": ("E", [100.0, 500.0, 2000.0])},
    }
    path = write(tmp_path / "filter.ccf", tables)
    found = read_filter_transmission(path, "Thin1")
    assert found.transmission == pytest.approx(np.array([[0.1, 0.5, 0.9]]))
    assert found.regions == ("circle(0,0,9)",)
    with pytest.raises(FileProblem, match="FILTER-MEDIUM"):
        read_filter_transmission(path, "Medium")


@pytest.mark.parametrize(
    ("table", "column", "replacement"),
    [
        ("ONAXISXAREAEF", "AREA", None),
        ("ONAXISXAREAEF", "ENERGY", ("E", [3.0, 2.0, 1.0])),
        ("ONAXISXAREAEF", "AREA", ("E", [1.0, np.nan, 2.0])),
        ("VIGNETTING", "VIGNETTING_FACTOR", ("E", [1.0, 0.5])),
        ("VIGNETTING", "ENERGY", ("4A", ["one", "two"])),
    ],
)
def test_another_layout_gives_the_nominal_value_and_a_warning(
    tmp_path: Path, table: str, column: str, replacement: tuple[str, Any] | None
) -> None:
    tables = area_tables()
    tables[table].pop(column)
    if replacement is not None:
        tables[table][column] = replacement
    path = write(tmp_path / "XRT1_XAREAEF_0099.CCF", tables, D_THETA=0.1)
    said: list[str] = []
    value, source = read_or_nominal(
        lambda file: read_effective_area(file).vignetting, path, nominal.vignetting, "vignetting", said.append
    )
    assert value is nominal.vignetting()
    assert source.nominal
    assert len(said) == 1
    assert "XRT1_XAREAEF_0099.CCF" in said[0]
    assert "nominal vignetting" in said[0]


def test_other_layouts_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="D_THETA"):
        read_effective_area(write(tmp_path / "a.ccf", area_tables()))
    six = {name: (form, values[:6]) for name, (form, values) in gain_columns().items()}
    with pytest.raises(FileProblem, match="CCDs 1 to 7"):
        read_mos_gain(write(tmp_path / "b.ccf", {"OFFSET_GAIN": six}))
    bad = {
        "FILTER-OPEN": {"REGION": ("4A", ["all"]), "TRANSMISSION": ("2E", [[0.1, 1.5]])},
        "EBINS": {"ENERGY": ("E", [1.0, 2.0])},
    }
    with pytest.raises(FileProblem, match="between 0 and 1"):
        read_filter_transmission(write(tmp_path / "c.ccf", bad), "Open")
    texts = {name: ("4A", ["x"]) for name in ("INSTRUMENT_ID", "PARM_ID", "PARM_VAL")}
    with pytest.raises(FileProblem, match="no number"):
        read_miscellaneous(write(tmp_path / "d.ccf", {"MISCDATA": texts}))


def test_a_constituent_is_used_where_it_can_be(tmp_path: Path) -> None:
    path = write(tmp_path / "XRT1_XAREAEF_0001.CCF", area_tables(), D_THETA=0.1)
    said: list[str] = []
    value, source = read_or_nominal(
        lambda file: read_effective_area(file).vignetting, path, nominal.vignetting, "vignetting", said.append
    )
    assert value.factor.shape == (2, 3)
    assert (source.text, source.nominal, said) == ("XRT1_XAREAEF_0001.CCF", False, [])
    _, source = read_or_nominal(lambda _: nominal.vignetting(), None, nominal.vignetting, "vignetting", said.append)
    assert (source.nominal, said) == (True, [])


def test_where_constituents_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    row = Constituent("EPN", "CTI", 1, "", "", "EPN_CTI_0001.CCF", "", "", 0, "", "", "", "")
    index = CalibrationIndex((row,), "XMMCCF", "", "")
    folders = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert find_constituent(index, "EPN", "CTI", folders) is None
    (tmp_path / "b" / "EPN_CTI_0001.CCF.gz").touch()
    assert find_constituent(index, "EPN", "CTI", folders) == tmp_path / "b" / "EPN_CTI_0001.CCF.gz"
    (tmp_path / "b" / "EPN_CTI_0001.CCF").touch()
    assert find_constituent(index, "EPN", "CTI", folders) == tmp_path / "b" / "EPN_CTI_0001.CCF"
    assert find_constituent(index, "EPN", "ADUCONV", folders) is None
