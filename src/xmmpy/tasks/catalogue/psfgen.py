"""psfgen: an image of the point-spread function at a place in the field of view."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.calibration.nominal import ccd_geometry
from xmmpy.detection.planes import INSTRUMENT_IDS, CameraView
from xmmpy.detection.psf import psf_image
from xmmpy.products.history import record_creation
from xmmpy.products.writing import write_hdus
from xmmpy.tasks.detection.fields import camera_view
from xmmpy.tasks.detection.telescopes import telescope_psf
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Dataset, Integer, Real, RealList, Switch, TaskParameters, Text, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session
from xmmpy.tasks.skyimages import image_number, read_plane_image, tangent_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.imaging.mosaic import TangentGrid
    from xmmpy.products.images import Image

PIXEL_ARCSEC: Final = 1.0
"""Side of a pixel of the image, as SAS has it for ELLBETA and EXTENDED."""
_SIZES = (1, 4000)
_UNITS_PER_PIXEL = PIXEL_ARCSEC / 0.05
_CODES = {"M1": "EMOS1", "MOS1": "EMOS1", "M2": "EMOS2", "MOS2": "EMOS2", "PN": "EPN"}
_ON_SKY = ("EQPOS", "POS", "XY")
_CARRIED = ("TELESCOP", "OBS_ID", "EXP_ID", "EXPIDSTR", "FILTER", "SUBMODE", "OBJECT", "DATE-OBS", "DATE-END",
            "RA_PNT", "DEC_PNT", "PA_PNT", "EQUINOX", "RADECSYS")  # fmt: skip


class PsfgenParameters(TaskParameters):
    """Make an image of the point-spread function at a place in the field of view."""

    image: Dataset = parameter("", parent="withimage", writes=False, help="image whose camera, pointing and axes count")
    withimage: Switch = parameter(False, help="take camera and directions from an image")
    instrument: Text = parameter("", help="camera where there is no image: EMOS1, EMOS2, EPN (or M1, M2, PN)")
    level: Text = parameter(
        "ELLBETA", choices=("ELLBETA", "EXTENDED", "MEDIUM", "HIGH", "LOW"), help="kind of point-spread function"
    )
    energy: RealList = parameter((1500.0,), unit="eV", help="energies")
    weight: RealList = parameter((), help="weight of each energy; all the same when empty")
    coordtype: Text = parameter(
        "EQPOS", choices=("EQPOS", "POS", "XY", "DET", "TEL", "RAW"),
        help="what x and y are: RA,DEC; X,Y of the sky (POS or XY); DETX,DETY; theta (arcsec), phi (deg); RAWX,RAWY",
    )  # fmt: skip
    x: Real = parameter(0.0, parent="withposition", help="first coordinate of the place")
    y: Real = parameter(0.0, parent="withposition", help="second coordinate of the place")
    withposition: Switch = parameter(False, help="the place is x, y; else it is the middle of the image")
    ccdno: Integer = parameter(1, minimum=1, maximum=12, help="CCD of RAWX,RAWY")
    xsize: Integer = parameter(400, minimum=_SIZES[0], maximum=_SIZES[1], unit="arcsec", help="columns, 1 arcsec each")
    ysize: Integer = parameter(400, minimum=_SIZES[0], maximum=_SIZES[1], unit="arcsec", help="rows, 1 arcsec each")
    output: Dataset = parameter("", help="image to write; none: the place is told in all coordinates")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the source is.

    Attributes
    ----------
    view : CameraView
        How the camera lies on the plane in which the picture is drawn.
    pixel : tuple of float
        Pixel of the source on that plane, from 0.
    grid : TangentGrid or None
        That plane on the sky; None for DETX, DETY.
    """

    view: CameraView
    pixel: tuple[float, float]
    grid: TangentGrid | None

    @property
    def offaxis_arcsec(self) -> float:
        """Angle from the optical axis."""
        return float(self.view.offaxis_arcmin(*self._arrays)[0]) * 60.0

    @property
    def azimuth_deg(self) -> float:
        """Direction from the optical axis, counter-clockwise from the horizontal axis of the picture."""
        return math.degrees(float(self.view.azimuth_rad(*self._arrays)[0]))

    @property
    def det(self) -> tuple[float, float]:
        """DETX, DETY (0.05 arcsec)."""
        detx, dety = self.view.det(*self._arrays)
        return float(detx[0]), float(dety[0])

    @property
    def _arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.array([self.pixel[0]]), np.array([self.pixel[1]])


def run(p: PsfgenParameters, session: Session) -> Outcome:
    """Find the place, draw the point-spread function, write it."""
    output = session.check_output(p.output) if p.output else None
    weights = _weights(p)
    image = read_plane_image(p.image) if p.withimage else None
    camera = _camera(p, image)
    place = _on_sky(p, image) if p.coordtype in _ON_SKY else _on_detector(p, camera)
    theta, phi = place.offaxis_arcsec, place.azimuth_deg
    detx, dety = place.det
    session.say(f"instrument={camera} theta={theta:.3f} arcsec detx={detx:.1f} dety={dety:.1f}", level=1)
    facts = {"instrument": camera, "theta": theta, "detx": detx, "dety": dety}
    if output is None:
        return Outcome(facts=facts)
    psf = telescope_psf(camera, session, p.level)
    centre = ((p.xsize - 1) / 2.0, (p.ysize - 1) / 2.0)
    picture = np.zeros((p.ysize, p.xsize))
    for energy, weight in zip(p.energy, weights, strict=True):
        shape = psf.shape(energy / 1000.0, theta / 60.0)
        picture += weight * psf_image(shape, PIXEL_ARCSEC, picture.shape, centre, phi)
    whole = float(picture.sum())
    write_hdus(output, [_hdu(p, session, picture, place, image, camera)])
    session.say(f"{p.xsize} x {p.ysize} pixels of 1 arcsec hold {100.0 * whole:.1f} % of the photons")
    return Outcome(outputs=(output,), facts={**facts, "fraction": whole})


def _weights(p: PsfgenParameters) -> NDArray[np.float64]:
    """Weights of the energies, their sum 1."""
    if not p.energy or min(p.energy) <= 0.0:
        raise TaskError("BadParameter", "parameter 'energy' takes energies in eV above 0")
    weights = np.array(p.weight or (1.0,) * len(p.energy))
    if len(weights) != len(p.energy):
        text = f"{len(p.energy)} energies and {len(weights)} weights are given"
        raise TaskError("wrongNumberOfValues", f"{text}; give one weight for each energy")
    if weights.min() < 0.0 or weights.sum() <= 0.0:
        raise TaskError("BadParameter", "parameter 'weight' takes numbers from 0 on, not all of them 0")
    normalised: NDArray[np.float64] = weights / weights.sum()
    return normalised


def _camera(p: PsfgenParameters, image: Image | None) -> str:
    given = p.instrument.strip().upper()
    name = _CODES.get(given, given) or (str(image.header.get("INSTRUME", "")).strip().upper() if image else "")
    if name not in INSTRUMENT_IDS:
        where = f"image '{p.image}' is of INSTRUME '{name}'" if image else f"the camera is '{name}'"
        raise TaskError("badInstrument", f"{where}; psfgen knows {', '.join(INSTRUMENT_IDS)}: set 'instrument'")
    return name


def _on_sky(p: PsfgenParameters, image: Image | None) -> Place:
    """The place on an image of the sky."""
    if image is None:
        text = f"coordtype={p.coordtype} needs an image, which tells the pointing"
        raise TaskError("noImage", f"{text}; set 'image', or give the place with coordtype=DET, TEL or RAW")
    grid = tangent_grid(image)
    rows, columns = grid.shape
    if not p.withposition:
        pixel = ((columns - 1) / 2.0, (rows - 1) / 2.0)
    elif p.coordtype == "EQPOS":
        pixel = _sky_pixel(grid, p.x, p.y)
    else:
        pixel = (_linear_pixel(image, 1, p.x), _linear_pixel(image, 2, p.y))
    place = Place(camera_view(image, grid), pixel, grid)
    if place.offaxis_arcsec > 3600.0:
        text = f"the place is {place.offaxis_arcsec / 3600.0:.1f} degrees from the axis of '{image.path}'"
        raise TaskError("outOfView", f"{text}; check x, y and coordtype")
    return place


def _sky_pixel(grid: TangentGrid, ra: float, dec: float) -> tuple[float, float]:
    x, y = grid.pixel(ra, dec)
    if np.isnan(x):
        raise TaskError("outOfView", f"RA {ra:g}, DEC {dec:g} is on the other side of the sky; check x and y")
    return float(x) - 1.0, float(y) - 1.0


def _linear_pixel(image: Image, axis: int, value: float) -> float:
    """Pixel, from 0, of X or Y (0.05 arcsec)."""
    step, start, reference = (image_number(image, f"{name}{axis}L") for name in ("CDELT", "CRVAL", "CRPIX"))
    return (value - start) / step + reference - 1.0


def _on_detector(p: PsfgenParameters, camera: str) -> Place:
    """The place in the plane of DETX, DETY."""
    view = CameraView(camera, ((_UNITS_PER_PIXEL, 0.0, 0.0), (0.0, _UNITS_PER_PIXEL, 0.0)), PIXEL_ARCSEC)
    if p.coordtype == "TEL":
        angle = math.radians(p.y)
        return Place(view, (view.axis[0] + p.x * math.cos(angle), view.axis[1] + p.x * math.sin(angle)), None)
    detx, dety = p.x, p.y
    if p.coordtype == "RAW":
        ccd = next((one for one in ccd_geometry(camera) if one.ccd == p.ccdno), None)
        if ccd is None:
            raise TaskError("BadParameter", f"parameter 'ccdno' is {p.ccdno}, but {camera} has no CCD of that number")
        (detx,), (dety,) = ccd.raw_to_det(np.array([p.x]), np.array([p.y]))
    return Place(view, (float(detx) / _UNITS_PER_PIXEL, float(dety) / _UNITS_PER_PIXEL), None)


def _hdu(
    p: PsfgenParameters, session: Session, picture: NDArray[np.float64], place: Place, image: Image | None, camera: str
) -> Any:
    from astropy.io import fits

    hdu = fits.PrimaryHDU(picture.astype(np.float32))
    header = hdu.header
    record_creation(header, session.provenance(p))
    header["CONTENT"] = ("PSF", "Content of file")
    header["TELESCOP"] = ("XMM", "Telescope (mission) name")
    for name in _CARRIED:
        if image is not None and name in image.header:
            header[name] = (image.header[name], image.header.comments[name])
    detx, dety = place.det
    cards: list[tuple[str, Any, str]] = [
        ("INSTRUME", camera, "Instrument name"),
        ("PSFLEVEL", p.level, "kind of point-spread function"),
        ("NENERGY", len(p.energy), "number of energies"),
        *((f"ENERGY{n}", energy, "[eV] energy") for n, energy in enumerate(p.energy, 1)),
        *((f"WEIGHT{n}", float(weight), "weight of the energy") for n, weight in enumerate(_weights(p), 1)),
        ("THETA", place.offaxis_arcsec, "[arcsec] off-axis angle"),
        ("PHI", place.azimuth_deg, "[deg] direction off the axis, from axis 1"),
        ("DETX", detx, "[0.05 arcsec] place of the source"),
        ("DETY", dety, "[0.05 arcsec] place of the source"),
    ]
    for keyword, value, comment in cards:
        header[keyword] = (value, comment)
    centre = ((p.xsize + 1) / 2.0, (p.ysize + 1) / 2.0)
    if place.grid is not None:
        _write_sky_axes(header, place.grid, place.pixel, centre)
    else:
        for axis, (name, value) in enumerate((("DETX", detx), ("DETY", dety)), 1):
            header[f"CTYPE{axis}"] = (name, "name of the axis")
            header[f"CRPIX{axis}"] = (centre[axis - 1], "pixel of the source")
            header[f"CRVAL{axis}"] = (value, "[0.05 arcsec] at that pixel")
            header[f"CDELT{axis}"] = (_UNITS_PER_PIXEL, "[0.05 arcsec] side of a pixel")
    return hdu


def _write_sky_axes(header: Any, grid: TangentGrid, pixel: tuple[float, float], centre: tuple[float, float]) -> None:
    """Axes of the image that the place was given on, with pixels of 1 arcsec and the source in the middle."""
    scale = math.sqrt(grid.pixel_area) * 3600.0 / PIXEL_ARCSEC  # pixels of the picture in one of the image
    old, where = grid.reference_pixel, pixel
    reference = (
        centre[0] + (old[0] - 1.0 - where[0]) * scale,
        centre[1] + (old[1] - 1.0 - where[1]) * scale,
    )
    (a, b), (c, d) = grid.matrix
    fine = replace(grid, reference_pixel=reference, matrix=((a / scale, b / scale), (c / scale, d / scale)))
    sizes = fine.sizes_and_rotation
    for axis, name in enumerate(("RA---TAN", "DEC--TAN"), 1):
        header[f"CTYPE{axis}"] = (name, "tangent-plane projection")
        header[f"CRPIX{axis}"] = (fine.reference_pixel[axis - 1], "reference pixel")
        header[f"CRVAL{axis}"] = (fine.reference_sky[axis - 1], "[deg] at the reference pixel")
        header[f"CUNIT{axis}"] = ("deg", "unit")
        if sizes is not None:
            header[f"CDELT{axis}"] = (sizes[axis - 1], "[deg] side of a pixel")
    if sizes is None:
        for (row, column), value in np.ndenumerate(np.array(fine.matrix)):
            header[f"CD{row + 1}_{column + 1}"] = (float(value), "[deg] of a pixel")
    elif sizes[2] != 0.0:
        header["CROTA2"] = (sizes[2], "[deg] rotation")


TASK = Task(name="psfgen", parameters=PsfgenParameters, run=run)
