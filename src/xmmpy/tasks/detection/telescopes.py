"""The point-spread function of a camera from the calibration of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xmmpy.calibration.readers import find_constituent, read_psf
from xmmpy.detection.psf import Psf
from xmmpy.products.errors import FileProblem
from xmmpy.tasks.calibration import index_of

if TYPE_CHECKING:
    from xmmpy.calibration.readers import PsfParameters
    from xmmpy.tasks.session import Session

TELESCOPES: Final = {"EMOS1": "XRT1", "EMOS2": "XRT2", "EPN": "XRT3"}
"""Telescope of each camera, as constituents are named."""
TABLES: Final = {"ELLBETA": "ELLBETA_PARAMS", "EXTENDED": "KING_PARAMS"}
"""Table of XRTn_XPSF for each level of accuracy that is a formula."""
_CORES = (2.0, 15.0)  # arcsec; and
_SLOPES = (1.1, 3.0)  # what a King profile of these telescopes can have, at 1.5 keV on the axis


def telescope_psf(camera: str, session: Session, level: str = "ELLBETA") -> Psf:
    """Take the point-spread function from XRTn_XPSF where SAS_CCF leads to one, else from the nominal table.

    Parameters
    ----------
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.
    session : Session
        Its environment names the calibration; it is told what cannot be used.
    level : str
        ``ELLBETA`` (elliptical, with a Gaussian core) or ``EXTENDED`` (King profile). For any other, which would be
        images of a ray tracing, ELLBETA stands in, with a warning.
    """
    if level not in TABLES:
        text = f"the point-spread function of level {level} is an image of a ray tracing, which is not read"
        session.warn("psfLevel", f"{text}; ELLBETA is used instead")
        level = "ELLBETA"
    parameters = _constituent(camera, session, TABLES[level])
    if parameters is None:
        session.say(f"point-spread function of {camera}: nominal table psf_king", level=3)
    return Psf(camera, parameters)


def _constituent(camera: str, session: Session, table: str) -> PsfParameters | None:
    environment = session.environment
    try:
        index = index_of(environment, lambda text: session.warn("CalWarning", text))
        path = index and find_constituent(index, TELESCOPES[camera], "XPSF", environment.ccf_path)
        if not path:
            return None
        parameters = read_psf(path, table)
    except FileProblem as problem:
        session.warn("CalWarning", f"{problem}; the nominal point-spread function is used instead")
        return None
    core, slope = (float(value) for value in parameters.at(1.5, 0.0)[:2])
    if not (_CORES[0] <= core <= _CORES[1] and _SLOPES[0] <= slope <= _SLOPES[1]):
        text = f"{path.name} has a core of {core:g} arcsec and a slope of {slope:g} at 1.5 keV in {table}"
        session.warn("CalWarning", f"{text}, which no telescope of XMM-Newton has; the nominal one is used instead")
        return None
    session.say(f"point-spread function of {camera}: {table} of {path.name}", level=3)
    return parameters
