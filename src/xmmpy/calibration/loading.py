"""The calibration of a camera from an index of constituents, with the nominal tables where there is none.

A constituent is used where it can be read and its figures are near to the nominal ones, so that a column that means
something else than expected does no harm; else the nominal table is, with a warning that names the constituent.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from xmmpy.calibration.camera import CameraCalibration, Source, nominal_camera
from xmmpy.calibration.energy import SIDE, MosEnergy, PnEnergy
from xmmpy.calibration.readers import (
    find_constituent,
    read_boresight,
    read_geometry,
    read_housekeeping_limits,
    read_known_pixels,
    read_mos_gain,
    read_pn_gain,
    read_transfer_loss,
)
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from xmmpy.calibration.calindex import CalibrationIndex
    from xmmpy.calibration.nominal import CcdGeometry
    from xmmpy.calibration.readers import MosGain, PnGain, TransferLoss

Value = TypeVar("Value")

_FARTHEST = 400.0  # units of 0.05 arcsec between a CCD and its nominal place: 20 arcsec
_GAIN_RANGE = 0.15  # of the nominal gain
_PHA_UNIT = 1000.0


@dataclass(slots=True)
class _Loader:
    """Reads the constituents of one camera and keeps account of them."""

    camera: str
    index: CalibrationIndex
    folders: Sequence[str]
    warn: Callable[[str], None]
    sources: list[Source] = field(default_factory=list)

    def read(self, scope: str, type_id: str, table: str, reader: Callable[[Path], Value]) -> Value | None:
        """What a constituent holds; None, with a source that says why, where the nominal table is used."""
        path = find_constituent(self.index, scope, type_id, self.folders)
        nominal = f"nominal:{table}"
        if path is None:
            self.sources.append(Source(scope, type_id, nominal, "not in the index, or its file is not there"))
            return None
        try:
            value = reader(path)
        except (FileProblem, ValueError, KeyError, IndexError, OverflowError) as problem:
            text = str(problem) if isinstance(problem, FileProblem) else f"{path.name} cannot be understood: {problem}"
            self.warn(f"{text}; the nominal {table} is used instead of this constituent")
            self.sources.append(Source(scope, type_id, nominal, f"{path.name} is laid out otherwise"))
            return None
        self.sources.append(Source(scope, type_id, path.name))
        return value

    def refuse(self, type_id: str, table: str, why: str) -> None:
        """Take back a constituent that was read: its figures cannot be used."""
        for number, source in enumerate(self.sources):
            if source.type_id == type_id and not source.name.startswith("nominal:"):
                self.warn(f"{source.name} {why}; the nominal {table} is used instead of this constituent")
                self.sources[number] = Source(source.scope, type_id, f"nominal:{table}", f"{source.name} {why}")


def load_camera(
    camera: str,
    index: CalibrationIndex | None,
    folders: Sequence[str],
    met: float,  # noqa: ARG001 - for constituents that vary with time
    warn: Callable[[str], None],
) -> CameraCalibration:
    """Put the calibration of a camera together.

    Parameters
    ----------
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.
    index : CalibrationIndex or None
        Which constituents are valid; None for the nominal tables alone.
    folders : sequence of str
        Where the constituents are looked for beside the paths of the index.
    met : float
        Time of the observation (MET, s).
    warn : callable
        Is told, in a sentence, what cannot be used.

    Notes
    -----
    LINCOORD, ADUCONV with CTI, BADPIX and HKPARMINT are applied. BORESIGHT is read, but how its Euler angles and the
    offsets of DETX, DETY belong together could not be held against a real constituent: the nominal boresight stays.
    """
    if index is None:
        return nominal_camera(camera)
    loader = _Loader(camera, index, folders, warn)
    nominal = nominal_camera(camera)
    geometry = loader.read(camera, "LINCOORD", "ccd_geometry.csv", lambda path: read_geometry(path, camera))
    if geometry is not None and not _near(geometry, nominal.geometry):
        loader.refuse("LINCOORD", "ccd_geometry.csv", "has CCDs more than 20 arcsec off their nominal places")
        geometry = None
    if loader.read("XMM", "BORESIGHT", "boresight.csv", read_boresight) is not None:
        loader.refuse("BORESIGHT", "boresight.csv", "is read, but not applied")
    energy, offsets = _pn_energy(loader, nominal) if camera == "EPN" else (_mos_energy(loader, nominal), {})
    pixels = loader.read(camera, "BADPIX", "none: only those found in the data", read_known_pixels)
    limits = loader.read(camera, "HKPARMINT", "none: all housekeeping is good", read_housekeeping_limits)
    return replace(
        nominal,
        housekeeping=limits or {},
        geometry=geometry or nominal.geometry,
        energy=energy,
        bad_pixels=pixels or {},
        offset_columns=offsets,
        sources=tuple(loader.sources),
    )


def _near(found: tuple[CcdGeometry, ...], nominal: tuple[CcdGeometry, ...]) -> bool:
    """Whether all corners lie where they nominally do."""
    for one, other in zip(found, nominal, strict=True):
        x, y = np.array([1.0, other.last[0], 1.0]), np.array([1.0, 1.0, other.last[1]])
        places, wanted = np.array(one.raw_to_det(x, y)), np.array(other.raw_to_det(x, y))
        if np.abs(places - wanted).max() > _FARTHEST:
            return False
    return True


def _mos_energy(loader: _Loader, nominal: CameraCalibration) -> MosEnergy | PnEnergy:
    """Energy scale of a MOS camera: gain and losses belong together, so that both constituents are needed."""
    table = "mos_energy.csv"
    gain = loader.read(loader.camera, "ADUCONV", table, read_mos_gain)
    loss = loader.read(loader.camera, "CTI", table, read_transfer_loss)
    assert isinstance(nominal.energy, MosEnergy)
    if gain is None or loss is None:
        loader.refuse("ADUCONV", table, "needs the constituent CTI")
        loader.refuse("CTI", table, "needs the constituent ADUCONV")
        return nominal.energy
    made = mos_energy_of(gain, loss)
    if np.nanmax(np.abs(made.coefficients[1:, 1] / nominal.energy.coefficients[1:, 1] - 1.0)) > _GAIN_RANGE:
        loader.refuse("ADUCONV", table, "has gains more than 15 % off the nominal ones")
        loader.refuse("CTI", table, "needs the constituent ADUCONV")
        return nominal.energy
    return made


def mos_energy_of(gain: MosGain, loss: TransferLoss) -> MosEnergy:
    """Energy scale from gain and losses of node 0, with PI in eV.

    E = offset_p + gain_p Q + quadratic_p Q^2 with the charge Q = PHA (1 + CTI_X RAWX + CTI_Y RAWY) before its transfers
    (handbook, EMOS_ADUCONV and CTI; to first order in the losses), p the class of the pattern.
    """
    coefficients = np.full((8, 12), np.nan)
    for ccd in range(1, 8):
        offset, slope, square = gain.coefficients[ccd, 0].T
        serial, parallel = np.nan_to_num(loss.serial[ccd, 0]), np.nan_to_num(loss.parallel[ccd, 0])
        linear = slope[0] * _PHA_UNIT
        lost = (linear * serial * SIDE, linear * parallel * SIDE)
        coefficients[ccd] = [
            offset[0], linear, square[0] * _PHA_UNIT**2, 0.0, 0.0, *lost, 0.0,
            *(offset[1:] - offset[0]), (slope[1:].mean() - slope[0]) * _PHA_UNIT,
        ]  # fmt: skip
    return MosEnergy(coefficients, np.zeros((8, SIDE + 1, SIDE + 1), np.int16), "ADUCONV, CTI")


def _pn_energy(
    loader: _Loader, nominal: CameraCalibration
) -> tuple[MosEnergy | PnEnergy, dict[int, np.ndarray[tuple[int, ...], np.dtype[np.int16]]]]:
    """Energy scale of pn, and the columns with raised zero levels."""
    table = "pn_energy.csv"
    gain = loader.read("EPN", "ADUCONV", table, read_pn_gain)
    loss = loader.read("EPN", "CTI", table, read_transfer_loss)
    energy = nominal.energy
    assert isinstance(energy, PnEnergy)
    if gain is not None and np.nanmax(np.abs(gain.column_ev[1:, 1:] / energy.gain - 1.0)) > _GAIN_RANGE:
        loader.refuse("ADUCONV", table, "has gains more than 15 % off the nominal one")
        gain = None
    return pn_energy_of(energy, gain, loss), {} if gain is None else gain.offsets


def pn_energy_of(nominal: PnEnergy, gain: PnGain | None, loss: TransferLoss | None) -> PnEnergy:
    """Energy scale from gains and losses of the columns; the nominal figures for what is not there."""
    energy = nominal
    if gain is not None:
        energy = replace(energy, column_gain=(gain.column_ev / nominal.gain).astype(np.float32), source="ADUCONV")
    if loss is not None:
        columns = np.full((13, 65), np.float32(nominal.relative_loss), np.float32)
        known = np.isfinite(loss.parallel)
        columns[:, 1:][known] = loss.parallel[known]
        energy = replace(energy, column_loss=columns, fixed_loss=0.0, source=f"{energy.source}, CTI")
    return energy
