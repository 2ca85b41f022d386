"""Everything that the calibration says of one camera at the time of an observation.

It is put together from the constituents of a calibration index where they can be read, else from the nominal tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xmmpy.calibration import nominal
from xmmpy.calibration.energy import MosEnergy, PnEnergy, mos_energy, pn_energy

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from xmmpy.calibration.badpixels import BadPixels


@dataclass(frozen=True, slots=True)
class Source:
    """Where a set of figures comes from, a row of CALINDEX and a line of the log.

    Attributes
    ----------
    scope, type_id : str
        ``EMOS1``, ``LINCOORD``.
    name : str
        File name of the constituent, or ``nominal:ccd_geometry.csv``.
    why : str
        Why the nominal table is used; empty for a constituent.
    """

    scope: str
    type_id: str
    name: str
    why: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class CameraCalibration:
    """Calibration of one camera.

    Attributes
    ----------
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.
    geometry : tuple of CcdGeometry
        Where the CCDs lie.
    boresight : Boresight
        How the camera sits under its telescope.
    field_of_view : FieldOfView
        Where events count as inside.
    energy : MosEnergy or PnEnergy
        PHA to PI.
    bad_pixels : mapping of int to BadPixels
        CCD to the bad pixels known beforehand, those masked on board among them.
    offset_columns : mapping of int to ndarray of int16, shape (n, 2)
        CCD to RAWX and offset (adu) of columns whose zero level is raised (pn).
    housekeeping : mapping of str to (float, float)
        Range of each housekeeping parameter in which data are good; empty where no constituent tells it.
    sources : tuple of Source
        Where all this comes from.
    """

    camera: str
    geometry: tuple[nominal.CcdGeometry, ...]
    boresight: nominal.Boresight
    field_of_view: nominal.FieldOfView
    energy: MosEnergy | PnEnergy
    bad_pixels: Mapping[int, BadPixels] = field(default_factory=dict)
    offset_columns: Mapping[int, NDArray[np.int16]] = field(default_factory=dict)
    housekeeping: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()

    def ccd(self, number: int) -> nominal.CcdGeometry:
        """Geometry of one CCD.

        Raises
        ------
        KeyError
            When the camera has none of that number.
        """
        for geometry in self.geometry:
            if geometry.ccd == number:
                return geometry
        raise KeyError(number)


def nominal_camera(camera: str, why: str = "no calibration index is given") -> CameraCalibration:
    """Calibration of a camera from the nominal tables alone."""
    tables = (
        ("LINCOORD", "ccd_geometry"),
        ("BORESIGHT", "boresight"),
        ("ADUCONV", "pn_energy" if camera == "EPN" else "mos_energy"),
        ("CTI", "pn_energy" if camera == "EPN" else "mos_energy"),
    )
    return CameraCalibration(
        camera=camera,
        geometry=nominal.ccd_geometry(camera),
        boresight=nominal.boresight(camera),
        field_of_view=nominal.field_of_view(camera),
        energy=pn_energy() if camera == "EPN" else mos_energy(camera),
        sources=tuple(
            Source("XMM" if kind == "BORESIGHT" else camera, kind, f"nominal:{table}.csv", why)
            for kind, table in tables
        ),
    )
