"""Readers of calibration constituents, each into a dataclass; what has another layout is refused by name.

Layouts: Calibration Access and Data Handbook (XMM-PS-GM-20, issue 4.0); XAREAEF as in the real XRT3_XAREAEF_0012.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from xmmpy.calibration.nominal import Vignetting
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.products.tables import SmallTable, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy.typing as npt

    from xmmpy.calibration.calindex import CalibrationIndex

    FloatArray = npt.NDArray[np.float64]

Value = TypeVar("Value")

_ARCMIN = 60.0
_NODES = 2
_PATTERN_CLASSES = 4


@dataclass(frozen=True, slots=True)
class Sourced:
    """Where a figure came from: a line for logs and headers."""

    text: str
    nominal: bool


def find_constituent(index: CalibrationIndex, scope: str, type_id: str, folders: Iterable[str]) -> Path | None:
    """File of a constituent: where FNAME says, or in the first of the folders that has it; also gzipped.

    Parameters
    ----------
    index : CalibrationIndex
        What `xmmpy.calibration.calindex.read_calindex` gave.
    scope, type_id : str
        As in the index.
    folders : iterable of str
        SAS_CCFPATH.
    """
    row = index.find(scope, type_id)
    if row is None:
        return None
    name = Path(row.file).name
    for place in (Path(row.file), *(Path(folder) / name for folder in folders)):
        for path in (place, place.with_name(place.name + ".gz")):
            if path.is_file() and (path.is_absolute() or path.parent != Path()):
                return path
    return None


def read_or_nominal(
    read: Callable[[Path], Value],
    path: Path | None,
    nominal: Callable[[], Value],
    what: str,
    warn: Callable[[str], None],
) -> tuple[Value, Sourced]:
    """Read a constituent; where there is none, or it is not laid out as expected, take the nominal value.

    Parameters
    ----------
    read : callable
        One of the readers of this module.
    path : Path or None
        The constituent.
    nominal : callable
        Gives the nominal value.
    what : str
        Name of the nominal table, for the source.
    warn : callable
        Takes one sentence where the constituent could not be used.

    Returns
    -------
    value, Sourced
        What to use and where it came from.
    """
    if path is not None:
        try:
            return read(path), Sourced(path.name, nominal=False)
        except FileProblem as problem:
            warn(f"{problem}; the nominal {what} is used instead of this constituent")
    return nominal(), Sourced(f"nominal table {what}", nominal=True)


def _tables(path: Path, *names: str) -> list[SmallTable]:
    with FitsFile(path) as file:
        return [table_of(file, file.find(name)) for name in names]


def _numbers(table: SmallTable, name: str, width: int | None = None) -> FloatArray:
    """A column of finite numbers: one a row, or `width` of them (0: any number).

    Raises
    ------
    FileProblem
        When the column is missing or of another shape.
    """
    values = table.column(name)
    shape_fits = values.ndim == 1 if width is None else values.ndim == 2 and width in {0, values.shape[1]}
    if values.dtype.kind not in "iuf" or not shape_fits or not np.isfinite(values).all() or not len(values):
        wanted = "one number" if width is None else "numbers" if width == 0 else f"{width} numbers"
        problem = f"has another layout than expected: column {name} of {table.name} should hold {wanted} in each row"
        raise FileProblem(table.path, problem, "check which issue it is")
    return values.astype(np.float64)


def _texts(table: SmallTable, name: str) -> list[str]:
    values = table.column(name)
    if values.dtype.kind != "S":
        problem = f"has another layout than expected: column {name} of {table.name} should hold texts"
        raise FileProblem(table.path, problem, "check which issue it is")
    return [value.decode("latin-1").rstrip("\0 ").strip() for value in values]


def _rising(values: FloatArray, table: SmallTable, name: str) -> FloatArray:
    if len(values) < 2 or not np.all(np.diff(values) > 0):
        problem = f"has another layout than expected: {name} of {table.name} should rise from row to row"
        raise FileProblem(table.path, problem, "check which issue it is")
    return values


# ---------------------------------------------------------------- XRTn_XAREAEF


@dataclass(frozen=True, slots=True, eq=False)
class EffectiveArea:
    """Effective area of an X-ray telescope, without the gratings.

    Attributes
    ----------
    energy_kev, area_cm2 : ndarray, shape (n,)
        On the axis.
    vignetting : Vignetting
        Relative area off the axis.
    correction_kev, correction : ndarray, shape (m,)
        Empirical correction of the area (CORRAREA); empty in older issues.
    """

    energy_kev: FloatArray
    area_cm2: FloatArray
    vignetting: Vignetting
    correction_kev: FloatArray
    correction: FloatArray

    def on_axis(self, energy_kev: FloatArray, *, corrected: bool = False) -> FloatArray:
        """Area on the axis (cm2), linear between the rows; with the empirical correction when wanted."""
        area = np.interp(energy_kev, self.energy_kev, self.area_cm2)
        if corrected and self.correction.size:
            area = area * np.interp(energy_kev, self.correction_kev, self.correction)
        return area

    def at(self, energy_kev: FloatArray, offaxis_arcmin: FloatArray, *, corrected: bool = False) -> FloatArray:
        """Area off the axis (cm2)."""
        return self.on_axis(energy_kev, corrected=corrected) * self.vignetting.at(energy_kev, offaxis_arcmin)


def read_effective_area(path: Path) -> EffectiveArea:
    """Read XRTn_XAREAEF: ONAXISXAREAEF, VIGNETTING (D_THETA: step in degrees), and CORRAREA where it is.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    axis, off = _tables(path, "ONAXISXAREAEF", "VIGNETTING")
    step = off.hdu.value("D_THETA")
    if not isinstance(step, float) or step <= 0.0:
        problem = "has another layout than expected: no step D_THETA in the header of VIGNETTING"
        raise FileProblem(path, problem, "check which issue it is")
    factor = _numbers(off, "VIGNETTING_FACTOR", 0)
    correction_kev, correction = np.empty(0), np.empty(0)
    with FitsFile(path) as file:
        if any(hdu.name == "CORRAREA" for hdu in file.hdus):
            table = table_of(file, file.find("CORRAREA"))
            correction_kev = _rising(_numbers(table, "ENERGY"), table, "ENERGY") / 1000.0
            correction = _numbers(table, "FACTOR")
    return EffectiveArea(
        energy_kev=_rising(_numbers(axis, "ENERGY"), axis, "ENERGY") / 1000.0,
        area_cm2=_numbers(axis, "AREA"),
        vignetting=Vignetting(
            energy_kev=_rising(_numbers(off, "ENERGY"), off, "ENERGY") / 1000.0,
            offaxis_arcmin=np.arange(factor.shape[1], dtype=np.float64) * np.float64(step * _ARCMIN),
            factor=factor,
        ),
        correction_kev=correction_kev,
        correction=correction,
    )


# ---------------------------------------------------------------- XMM_MISCDATA


def read_miscellaneous(path: Path) -> Mapping[tuple[str, str], float]:
    """Read XMM_MISCDATA: numbers by instrument and parameter, such as ``("XRT3", "FOCAL_LENGTH")``.

    Parameters whose value is a text are left out.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (table,) = _tables(path, "MISCDATA")
    instruments, names = _texts(table, "INSTRUMENT_ID"), _texts(table, "PARM_ID")
    values: Iterable[Any] = table.column("PARM_VAL")
    found = {}
    for instrument, name, value in zip(instruments, names, values, strict=True):
        try:
            found[instrument, name] = float(value)
        except ValueError:
            continue
    if not found:
        problem = "has another layout than expected: no number in column PARM_VAL of MISCDATA"
        raise FileProblem(path, problem, "check which issue it is")
    return found


# ---------------------------------------------------------------- EMOSn_ADUCONV


@dataclass(frozen=True, slots=True, eq=False)
class MosGain:
    """Gain of a MOS camera: PI = offset + gain PHA + quadratic PHA^2.

    Attributes
    ----------
    coefficients : ndarray, shape (8, 2, 4, 3)
        By CCD (1 to 7), node, pattern class (single, double, triple, quadruple): offset, gain, quadratic.
    """

    coefficients: FloatArray

    def channel(
        self, ccd: npt.NDArray[Any], node: npt.NDArray[Any], classes: npt.NDArray[Any], pha: FloatArray
    ) -> FloatArray:
        """PI (not rounded) of charges that are already free of losses, shape (n,)."""
        factors = self.coefficients[ccd, node, classes]
        result: FloatArray = factors[:, 0] + factors[:, 1] * pha + factors[:, 2] * pha * pha
        return result


def read_mos_gain(path: Path) -> MosGain:
    """Read the table OFFSET_GAIN of EMOSn_ADUCONV.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (table,) = _tables(path, "OFFSET_GAIN")
    ccds = _numbers(table, "CCD_ID").astype(int)
    if sorted(ccds.tolist()) != list(range(1, 8)):
        problem = "has another layout than expected: OFFSET_GAIN should have one row for each of the CCDs 1 to 7"
        raise FileProblem(path, problem, "check which issue it is")
    coefficients = np.full((8, _NODES, _PATTERN_CLASSES, 3), np.nan)
    for kind in range(_PATTERN_CLASSES):
        suffix = str(kind) if kind else ""
        for term, name in enumerate(("OFFSET", "GAIN", "POLY_TERM")):
            coefficients[ccds, :, kind, term] = _numbers(table, name + suffix, _NODES)
    return MosGain(coefficients)


# ---------------------------------------------------------------- FILTERTRANSX


@dataclass(frozen=True, slots=True, eq=False)
class FilterTransmission:
    """Transmission of one filter.

    Attributes
    ----------
    energy : ndarray, shape (n,)
        As in EBINS (eV).
    transmission : ndarray, shape (regions, n)
        0 to 1.
    regions : tuple of str
        Where each row holds, in the selection language.
    """

    energy: FloatArray
    transmission: FloatArray
    regions: tuple[str, ...]


def read_filter_transmission(path: Path, optical_filter: str) -> FilterTransmission:
    """Read one filter of EMOSn_FILTERTRANSX or EPN_FILTERTRANSX.

    Parameters
    ----------
    path : Path
        The constituent.
    optical_filter : str
        FILTER of an exposure: Thin1, Thin2, Medium, Thick, Open, Closed.

    Raises
    ------
    FileProblem
        When it is laid out otherwise, or has no such filter.
    """
    bins, table = _tables(path, "EBINS", f"FILTER-{optical_filter.strip().upper()}")
    energy = _rising(_numbers(bins, "ENERGY"), bins, "ENERGY")
    transmission = _numbers(table, "TRANSMISSION", len(energy))
    if transmission.min() < 0.0 or transmission.max() > 1.0:
        problem = f"has another layout than expected: TRANSMISSION of {table.name} is not between 0 and 1"
        raise FileProblem(path, problem, "check which issue it is")
    return FilterTransmission(energy, transmission, tuple(_texts(table, "REGION")))
