"""eexpmap: exposure maps of an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.calibration.nominal import (
    CAMERAS,
    azimuthal_vignetting,
    boresight,
    ccd_geometry,
    field_of_view,
    frame_timing,
    vignetting,
)
from xmmpy.events.coordinates import UNIT_DEG, Attitude
from xmmpy.imaging.exposuremap import AttitudeBins, bin_attitude, detector_raster, exposure_maps
from xmmpy.imaging.mosaic import TangentGrid, pixel_map
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.products.history import record_creation
from xmmpy.products.tables import table_of
from xmmpy.products.writing import write_hdus
from xmmpy.tasks.catalogue.eexpmap.camera import CcdWatch, image_space, instrument_of, last_number, watched_ccds
from xmmpy.tasks.catalogue.eexpmap.parameters import EexpmapParameters
from xmmpy.tasks.catalogue.evselect.source import EventSource
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session
from xmmpy.tasks.skyimages import image_number, read_plane_image, take_over, tangent_grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from xmmpy.products.images import Image

_FINEST_BIN_ARCSEC = 0.5


def run(p: EexpmapParameters, session: Session) -> Outcome:
    """Read the image, the list and the attitude; compute the maps; write them."""
    bands = _bands(p)
    outputs = [session.check_output(name) for name in p.expimageset]
    image = read_plane_image(p.imageset)
    with EventSource(p.eventset) as source:
        camera = instrument_of(source, image.header)
        if camera not in CAMERAS:
            text = f"'{p.imageset}' is of INSTRUME '{camera}'; eexpmap knows {', '.join(CAMERAS)}"
            raise TaskError("badInstrument", text)
        space = image_space(p.imageset, source) if p.usedss else source.space
        watched = watched_ccds(camera, source, space, session)
    if not watched:
        raise TaskError("noExposure", f"no CCD of '{p.eventset}' has good time in the selection of '{p.imageset}'")
    raster = detector_raster(
        ccd_geometry(camera), {ccd: one.pixels for ccd, one in watched.items()}, field_of_view(camera)
    )
    if p.withdetcoords:
        to_det, time = [_detector_plane(image)], _total_time(watched)
    else:
        bins = _attitude(p, image, watched, session)
        grid = tangent_grid(image)
        to_det = [
            pixel_map(grid, camera_grid(camera, float(ra), float(dec), float(angle)))
            for ra, dec, angle in zip(bins.ra, bins.dec, bins.position_angle, strict=True)
        ]
        time = bins.time
    axis = boresight(camera).axis
    energies = [0.5 * (low + high) / 1000.0 for low, high in bands]
    rows, columns = image.data.shape
    radial = vignetting() if p.withvignetting else None
    gratings = azimuthal_vignetting(camera) if p.withvignetting else None
    subpixels = 1 if p.usefastpixelization else None
    maps = exposure_maps(raster, (rows, columns), to_det, time, axis, radial, gratings, energies, subpixels=subpixels)
    if p.withvignetting:
        session.say(f"vignetting of {camera}: nominal tables vignetting and azimuthal_vignetting", level=3)
    for output, data in zip(outputs, maps, strict=True):
        write_hdus(output, [_hdu(p, session, image, data, camera)])
    longest = float(maps.max())
    session.say(f"{len(outputs)} maps of {columns} x {rows} pixels, longest exposure {longest:.1f} s")
    return Outcome(outputs=tuple(outputs), facts={"attitudes": len(to_det), "longest": longest, "ccds": len(watched)})


def _bands(p: EexpmapParameters) -> list[tuple[float, float]]:
    if not len(p.expimageset) == len(p.pimin) == len(p.pimax):
        text = f"{len(p.expimageset)} maps, {len(p.pimin)} values of pimin and {len(p.pimax)} of pimax are given"
        raise TaskError("wrongNumberOfValues", f"{text}; give one of each for each band")
    bands = list(zip(p.pimin, p.pimax, strict=True))
    for low, high in bands:
        if not 0.0 <= low < high:
            raise TaskError("badBand", f"a band goes from {low:g} to {high:g} eV; pimin must be below pimax")
    return bands


def camera_grid(camera: str, ra: float, dec: float, position_angle: float) -> TangentGrid:
    """The plane of DETX, DETY as a grid on the sky, for one attitude.

    A step along DETX goes -cos(a) to the east and sin(a) to the north, one along DETY -sin(a) and -cos(a), where a is
    the position angle plus the roll of the camera.
    """
    site = boresight(camera)
    angle = np.radians(position_angle + site.roll_deg)
    cosine, sine = float(np.cos(angle)) * UNIT_DEG, float(np.sin(angle)) * UNIT_DEG
    return TangentGrid((1, 1), site.pointing, (ra, dec), ((-cosine, -sine), (sine, -cosine)))


def _total_time(watched: Mapping[int, CcdWatch]) -> NDArray[np.float64]:
    time = np.zeros((1, last_number(watched)))
    for ccd, one in watched.items():
        time[0, ccd] = one.seconds(np.zeros(1))[0]
    return time


def _attitude(p: EexpmapParameters, image: Image, watched: Mapping[int, CcdWatch], session: Session) -> AttitudeBins:
    """Attitudes in the good time, and the time that each CCD spent in them."""
    attitude = _history(p, image, session)
    time = np.zeros((len(attitude), last_number(watched)))
    for ccd, one in watched.items():
        time[:, ccd] = one.seconds(attitude.time)
    step = max(p.attrebin, _FINEST_BIN_ARCSEC)
    bins = bin_attitude(attitude.ra, attitude.dec, attitude.position_angle, time, step)
    if not bins.ra.size:
        raise TaskError("noExposure", f"the attitude of '{p.attitudeset}' does not cover the good time of the image")
    return bins


def _history(p: EexpmapParameters, image: Image, session: Session) -> Attitude:
    """The attitude history; the mean pointing of the image where there is none."""
    if Path(p.attitudeset).is_file():
        with FitsFile(p.attitudeset) as file:
            table = table_of(file, file.find("ATTHK"))
        columns = [table.column(name) for name in ("TIME", "AHFRA", "AHFDEC", "AHFPA")]
        if any(column.ndim != 1 or column.dtype.kind not in "iuf" for column in columns):
            raise FileProblem(p.attitudeset, "has no plain numbers in the columns of ATTHK", "make it with atthkgen")
        attitude = Attitude.of(*columns)
        if len(attitude):
            return attitude
        session.warn("noAttitude", f"'{p.attitudeset}' has no attitude at any time: the pointing of the image holds")
    else:
        missing = f"there is no attitude file '{p.attitudeset}'" if p.attitudeset else "no attitude file is named"
        session.warn("noAttitude", f"{missing}: the pointing in '{p.imageset}' holds throughout")
    return Attitude.fixed(*(image_number(image, name) for name in ("RA_PNT", "DEC_PNT", "PA_PNT")))


def _detector_plane(image: Image) -> NDArray[np.float64]:
    """Map from the pixels of an image of DETX, DETY to these."""
    rows = []
    for axis, column in ((1, "DETX"), (2, "DETY")):
        if str(image.header.get(f"CTYPE{axis}L", "")).strip().upper() != column:
            text = f"image '{image.path}' is not in DETX,DETY (CTYPE{axis}L is no {column})"
            raise TaskError("badType", f"{text}; make it from these columns, or set withdetcoords=no")
        step = image_number(image, f"CDELT{axis}L")
        start = image_number(image, f"CRVAL{axis}L") - step * image_number(image, f"CRPIX{axis}L")
        rows.append([step, 0.0, start] if axis == 1 else [0.0, step, start])
    return np.array([*rows, [0.0, 0.0, 1.0]])


def _hdu(
    p: EexpmapParameters,
    session: Session,
    image: Image,
    data: NDArray[np.float64],
    camera: str,
) -> Any:
    from astropy.io import fits

    hdu = fits.PrimaryHDU(data.astype(np.float32))
    take_over(hdu, image.header, "EPIC EXPOSURE MAP")
    hdu.header["BUNIT"] = ("s", "exposure time")
    # As in SAS's maps: the pixel of the longest exposure, counted from 0, whatever gap the axis itself may lie in.
    ycen, xcen = (0, 0) if p.withdetcoords else np.unravel_index(np.argmax(data), data.shape)
    hdu.header["XCEN"] = (float(xcen), "[X pos. of opt. axis]")
    hdu.header["YCEN"] = (float(ycen), "[Y pos. of opt. axis]")
    if camera == "EPN":
        timing = frame_timing(camera, str(image.header.get("SUBMODE", "")).strip())
        hdu.header["OOTCORR"] = (True, "correction for point source OOT fraction")
        hdu.header["OOTFRAC"] = (timing.integration_s / timing.frame_s, "[OOT correction factor]")
    record_creation(hdu.header, session.provenance(p))
    return hdu


TASK = Task(name="eexpmap", parameters=EexpmapParameters, run=run)
