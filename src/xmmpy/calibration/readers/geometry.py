"""Constituents of the geometry: LINCOORD, BORESIGHT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.calibration.nominal import CcdGeometry
from xmmpy.calibration.readers.layout import attribute, numbers, other_layout, tables_of, texts, whole
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

_ANGLES = ("ROTATION", "R_ANGLE", "ANGLE", "PHI0", "RPS")
_UNIT_ARCSEC = 0.05
_PIXELS = {"EPN": ((1, 1), (64, 200)), "EMOS1": ((1, 1), (600, 600)), "EMOS2": ((1, 1), (600, 600))}
_INSTRUMENTS = {"EPN": 12, "EMOS1": 7, "EMOS2": 7}


def read_geometry(path: Path, camera: str) -> tuple[CcdGeometry, ...]:
    """Read LINCOORD: where the CCDs lie.

    Columns CCD_ID, X0, Y0 (mm, of pixel RAWX0, RAWY0), an angle (rad); keywords MM_PX_X (mm), ARC_MM_X (arcsec/mm).
    The handbook names the angle by its meaning alone; the column names that are tried are listed in this module.

    Parameters
    ----------
    path : pathlib.Path
        The constituent.
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (table,) = tables_of(path, "LINCOORD")
    angle = next((name for name in _ANGLES if name in table.columns), None)
    if angle is None:
        raise other_layout(path, f"LINCOORD should have the angle of each CCD ({', '.join(_ANGLES)})")
    ccd = whole(table, "CCD_ID", 1, _INSTRUMENTS[camera])
    columns = [numbers(table, name) for name in ("X0", "Y0", "RAWX0", "RAWY0", angle)]
    units = attribute(table, "ARC_MM_X") / _UNIT_ARCSEC
    pixel = attribute(table, "MM_PX_X") * units
    if not 10.0 < pixel < 100.0:
        raise other_layout(path, "MM_PX_X times ARC_MM_X should be the size of a pixel, 1.1 or 4.1 arcsec")
    first, last = _PIXELS[camera]
    found = {}
    for number, x, y, rawx, rawy, turn in zip(ccd.tolist(), *columns, strict=True):
        if number in found:
            continue  # a second node: its pixels are counted from the other side
        cosine, sine = round(float(np.cos(turn)), 9), round(float(np.sin(turn)), 9)
        found[number] = CcdGeometry(
            camera=camera, ccd=number, reference=(rawx, rawy), origin=(x * units, y * units),
            axis_x=(pixel * cosine, pixel * sine), axis_y=(-pixel * sine, pixel * cosine), first=first, last=last,
        )  # fmt: skip
    if sorted(found) != list(range(1, _INSTRUMENTS[camera] + 1)):
        raise other_layout(path, f"LINCOORD should have the CCDs 1 to {_INSTRUMENTS[camera]}")
    return tuple(found[number] for number in sorted(found))


@dataclass(frozen=True, slots=True, eq=False)
class BoresightAngles:
    """Orientation of the instruments against the spacecraft.

    Attributes
    ----------
    angles : mapping of str to ndarray, shape (3,)
        Instrument to its Euler angles (degrees): phi, theta, psi; rotations about axes 3, 2, 1.
    variations : mapping of str to ndarray, shape (n, 7)
        Instrument to the parameters of its variation with time (P1 to P7: a cubic and a yearly sine, arcsec over days).
    """

    angles: Mapping[str, FloatArray]
    variations: Mapping[str, FloatArray]

    def offset_arcsec(self, instrument: str, axis: int, days: float) -> float:
        """Offset of an instrument on one axis: P1 + P2 t + P3 t2 + P4 t3 + P5 sin(2 pi (t - P6) / P7).

        The terms are those that CAL-SRN-0315 lists in this order; zero for an instrument without variation.
        """
        rows = self.variations.get(instrument)
        if rows is None or axis >= len(rows):
            return 0.0
        p = rows[axis]
        cubic = p[0] + p[1] * days + p[2] * days**2 + p[3] * days**3
        return float(cubic + p[4] * np.sin(2.0 * np.pi * (days - p[5]) / p[6]))


def read_boresight(path: Path) -> BoresightAngles:
    """Read XMM_BORESIGHT: BORESIGHT (INSTRUMENT_ID, PHI, THETA, PSI) and the tables nnn_ANGVAR (P1 to P7).

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (table,) = tables_of(path, "BORESIGHT")
    label = next((name for name in ("INSTRUMENT_ID", "INSTRUMENT", "INST_ID") if name in table.columns), None)
    if label is None:
        raise other_layout(path, "BORESIGHT should name the instrument of each row (INSTRUMENT_ID)")
    angles = np.stack([numbers(table, name) for name in ("PHI", "THETA", "PSI")], axis=1)
    names = texts(table, label)
    variations = {}
    for name in names:
        try:
            (varying,) = tables_of(path, f"{name}_ANGVAR")
        except FileProblem:
            continue
        variations[name] = np.stack([numbers(varying, f"P{number}") for number in range(1, 8)], axis=1)
    return BoresightAngles(dict(zip(names, angles, strict=True)), variations)
