"""Where barycen has its places from: the spacecraft's orbit, the Earth's ephemeris, the source."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.events.barycentre import FARTHEST_M, LIGHT, Orbit, SolarSystem, builtin_ephemeris
from xmmpy.odf.sexagesimal import to_degrees
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.products.tables import table_of
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.odfs import find_odf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from xmmpy.events.barycentre import Ephemeris
    from xmmpy.tasks.catalogue.barycen.parameters import BarycenParameters
    from xmmpy.tasks.session import Session

_JPL_OF_SAS = ("DE200", "DE405", "200", "405")
_BUILTIN = "builtin"
_BUILTIN_NAME = "EPV00"
_METRES = {"m": 1.0, "km": 1000.0}
_SOLAR_SYSTEM_BARYCENTRE, _EARTH_MOON_BARYCENTRE, _SUN, _EARTH = 0, 3, 10, 399  # SPICE's numbers
_KM_PER_DAY = 1000.0 / 86400.0  # m/s


def find_source(p: BarycenParameters, keywords: Mapping[str, Any], path: str) -> tuple[float, float, str]:
    """RA and Dec of the source (degrees), and where they are from.

    Raises
    ------
    TaskError
        When they are no angles, or the list has none.
    """
    if p.withsrccoordinates:
        found = _angle(p.srcra, hours=True), _angle(p.srcdec, hours=False)
        if not (0.0 <= found[0] <= 360.0 and -90.0 <= found[1] <= 90.0):
            text = (
                f"srcra='{p.srcra}' srcdec='{p.srcdec}' is no place on the sky; give degrees or HH:MM:SS.S, DD:MM:SS.S"
            )
            raise TaskError("badSrcCoordinates", text)
        return *found, "srcra, srcdec"
    for suffix in ("OBJ", "NOM"):
        values = [keywords.get(f"{axis}_{suffix}") for axis in ("RA", "DEC")]
        numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) == 2 and all(map(math.isfinite, numbers)):
            return numbers[0], numbers[1], f"RA_{suffix}, DEC_{suffix}"
    where = f"'{path}' has neither RA_OBJ, DEC_OBJ nor RA_NOM, DEC_NOM" if path else "no place of the source is given"
    raise TaskError("noSrcCoordinates", f"{where}; give srcra and srcdec")


def _angle(text: str, *, hours: bool) -> float:
    try:
        return float(text)
    except ValueError:
        return to_degrees(text, hours=hours)


def find_ephemeris(p: BarycenParameters, session: Session) -> tuple[Ephemeris, str]:
    """The ephemeris asked for, and its name for the keyword PLEPHEM.

    Raises
    ------
    TaskError
        When it cannot be had.
    """
    wanted = p.ephemeris.strip()
    if wanted.lower() == _BUILTIN or wanted.upper() in _JPL_OF_SAS:
        if wanted.lower() != _BUILTIN:
            text = (
                f"{wanted} is not part of this installation: the built-in series, within 40 us of JPL's, stands for it"
            )
            session.warn("otherEphemeris", f"{text}; name a file (ephemeris=de440.bsp) for JPL's own")
        return builtin_ephemeris, _BUILTIN_NAME
    return _jpl(wanted), Path(wanted).stem.upper()


def _jpl(path: str) -> Ephemeris:
    """Read a file of JPL's Development Ephemeris in SPICE's format."""
    if not Path(path).is_file():
        raise TaskError(
            "noEphemeris", f"there is no ephemeris '{path}': give 'builtin' or a JPL file such as de440.bsp"
        )
    try:
        from jplephem.spk import SPK
    except ImportError:
        text = f"'{path}' wants the package jplephem: pip install jplephem, or take ephemeris=builtin"
        raise TaskError("noEphemeris", text) from None
    try:
        kernel = SPK.open(path)
        pairs = [(_SOLAR_SYSTEM_BARYCENTRE, _EARTH_MOON_BARYCENTRE), (_EARTH_MOON_BARYCENTRE, _EARTH)]
        steps = [kernel[pair] for pair in pairs]
        sun = kernel[_SOLAR_SYSTEM_BARYCENTRE, _SUN]
    except (ValueError, KeyError, OSError) as error:
        problem = f"is no ephemeris of the Earth and the Sun ({' '.join(str(error).split())[:80]})"
        raise FileProblem(path, problem, "give a JPL file such as de440.bsp, or ephemeris=builtin") from None

    def places(day: float, fractions: NDArray[np.float64]) -> SolarSystem:
        try:
            earth = [step.compute_and_differentiate(day, fractions) for step in steps]
            seen = sun.compute(day, fractions)
        except ValueError as error:
            problem = f"does not reach the times of the list ({' '.join(str(error).split())[:80]})"
            raise FileProblem(path, problem, "give another, or ephemeris=builtin") from None
        return SolarSystem(
            earth=np.asarray(sum(place for place, _ in earth)).T * 1000.0,
            earth_velocity=np.asarray(sum(speed for _, speed in earth)).T * _KM_PER_DAY,
            sun=np.asarray(seen)[:3].T * 1000.0,
        )

    return places


def find_orbit(p: BarycenParameters, first: float, last: float, session: Session) -> Orbit | None:
    """The spacecraft's orbit over the times of a list: of orbitset, or of the ODF; None when the Earth stands for it.

    Raises
    ------
    FileProblem
        When orbitset cannot be used.
    """
    if p.orbitset:
        orbit = _read_orbit(p.orbitset)
        if not orbit.covers(first, last):
            problem = (
                f"reaches from {orbit.time[0]:.0f} to {orbit.time[-1]:.0f} s, the list from {first:.0f} to {last:.0f} s"
            )
            raise FileProblem(p.orbitset, problem, "give the orbit of that observation, or none")
        return orbit
    reason = "SAS_ODF is not set"
    if session.environment.odf:
        path = find_odf(session).find("SC", "ROS")
        reason = "the ODF has no reconstructed orbit"
        if path is not None:
            try:
                orbit = _read_orbit(str(path))
                if orbit.covers(first, last):
                    return orbit
                reason = f"{path.name} does not reach the times of the list"
            except FileProblem:
                reason = f"the polynomials of {path.name} cannot be read, their layout is not public"
    error = FARTHEST_M / LIGHT
    text = f"{reason}: the Earth's centre is taken for the spacecraft, times are wrong by up to {error:.2f} s"
    session.warn("noOrbit", f"{text}, by a part that changes within hours; give its places as orbitset")
    return None


def _read_orbit(path: str) -> Orbit:
    advice = "give a FITS table ORBIT with the columns TIME (s), X, Y, Z (km or m from the Earth's centre, J2000)"
    with FitsFile(path) as file:
        table = table_of(file, next((hdu for hdu in file.hdus if hdu.name == "ORBIT"), file.find()))
    columns = [table.column(name) for name in ("TIME", "X", "Y", "Z")]
    if any(column.ndim != 1 or column.dtype.kind not in "iuf" for column in columns):
        raise FileProblem(path, "has no single numbers in TIME, X, Y, Z", advice)
    units = [column.unit.lower() for name in "XYZ" if (column := table.layout.find(name)) is not None]
    if any(unit not in _METRES for unit in units):
        raise FileProblem(path, f"gives X, Y, Z in '{units[0]}'", advice)
    places = [column.astype(np.float64) * _METRES[unit] for column, unit in zip(columns[1:], units, strict=True)]
    try:
        return Orbit.of(columns[0], np.stack(places, axis=1))
    except ValueError as error:
        raise FileProblem(path, f"is no orbit of XMM-Newton: {error}", advice) from None
