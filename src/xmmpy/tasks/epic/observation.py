"""What a chain needs of an observation: its exposures, clock, attitude and calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.calibration.loading import load_camera
from xmmpy.events.coordinates import Attitude
from xmmpy.odf.attitude_files import attitude_of
from xmmpy.odf.attitude_table import sample_attitude
from xmmpy.odf.housekeeping import good_times, read_housekeeping
from xmmpy.odf.inventory import take_inventory
from xmmpy.odf.names import INSTRUMENT_NAMES
from xmmpy.odf.times import met_of_text
from xmmpy.products.errors import FileProblem
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.odfs import clock_of, find_odf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xmmpy.calibration.camera import CameraCalibration
    from xmmpy.odf.attitude_table import AttitudeTable
    from xmmpy.odf.clock import Clock
    from xmmpy.odf.inventory import Exposure, Inventory
    from xmmpy.products.intervals import Intervals
    from xmmpy.tasks.session import Session


@dataclass(frozen=True, slots=True, eq=False)
class Pointings:
    """Where the spacecraft looked.

    Attributes
    ----------
    attitude : Attitude
        Samples for the times of events.
    ra, dec, position_angle : float
        Median (degrees): the reference point of X and Y.
    source : str
        ATT_SRC: AHF, RAF; ``HEADER`` for the pointing that a header tells, ``USER``.
    table : AttitudeTable or None
        The samples as atthkgen writes them.
    """

    attitude: Attitude
    ra: float
    dec: float
    position_angle: float
    source: str
    table: AttitudeTable | None


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """An open ODF, ready to be processed.

    Attributes
    ----------
    inventory : Inventory
        Its files and exposures.
    clock : Clock or None
        On-board time to MET; None where there is no time correlation.
    pointings : Pointings or None
        None where nothing tells the attitude.
    calibration : dict of str to CameraCalibration
        By INSTRUME.
    """

    inventory: Inventory
    clock: Clock | None
    pointings: Pointings | None
    calibration: dict[str, CameraCalibration]

    @property
    def met(self) -> float:
        """A time of the observation (MET, s), for the calibration."""
        return self.inventory.start


def open_observation(
    session: Session,
    instruments: Sequence[str],
    workspace: Path,
    fixed: tuple[float, float, float] | None = None,
    place: str = "",
) -> Observation:
    """Open the ODF of SAS_ODF, or another one, and read what all its exposures share.

    Parameters
    ----------
    session : Session
        What is missing is said there, a line each.
    instruments : sequence of str
        ``M1``, ``M2``, ``PN``.
    workspace : pathlib.Path
        Where an archive is unpacked.
    fixed : tuple of float, optional
        RA, Dec and position angle (degrees) instead of the attitude of the ODF.
    place : str
        Folder, SUM.SAS or archive of the ODF; that of SAS_ODF when empty.

    Raises
    ------
    TaskError
        When there is no ODF.
    """
    folder = find_odf(session, place, workspace)
    inventory = take_inventory(folder, instruments=instruments)
    for line in inventory.missing:
        session.warn("MissingOdfComponent", line)
    for line in inventory.remarks:
        session.warn("MissingData", line)
    clock, remarks = clock_of(inventory)
    for line in remarks:
        session.warn("MissingData", line)
    if clock is None:
        session.warn(
            "NoTimeCorrelation", "no time correlation file: times count from DATE-OBS, right to a second or two"
        )
    else:
        session.say(f"time correlation: degree {clock.degree}, rms {clock.rms:.3g} s, {clock.points} points", level=3)
    pointings = _pointings(inventory, session, fixed)
    calibration = {}
    for code in instruments:
        if any(exposure.events for exposure in inventory.of_instrument(code)):
            camera = INSTRUMENT_NAMES[code]
            calibration[camera] = _calibration(camera, inventory, session)
    return Observation(inventory, clock, pointings, calibration)


def _calibration(camera: str, inventory: Inventory, session: Session) -> CameraCalibration:
    """Load the calibration and say where each set of figures comes from."""
    from xmmpy.tasks.calibration import index_of

    def warn(text: str) -> None:
        session.warn("CalWarning", text)

    index = None
    try:
        index = index_of(session.environment, warn)
    except FileProblem as problem:
        session.warn("NoCalibrationIndex", f"{problem}; the nominal calibration is used")
    loaded = load_camera(camera, index, session.environment.ccf_path, inventory.start, warn)
    for source in loaded.sources:
        why = f" ({source.why})" if source.why else ""
        session.say(f"calibration of {camera}: {source.type_id} from {source.name}{why}", level=3)
    return loaded


def _pointings(inventory: Inventory, session: Session, fixed: tuple[float, float, float] | None) -> Pointings | None:
    if fixed is not None:
        return Pointings(Attitude.fixed(*fixed), *fixed, "USER", None)
    found, remarks = attitude_of(inventory.folder)
    for line in remarks:
        session.warn("MissingData", line)
    start, stop = inventory.start, inventory.stop
    if not np.isfinite(start) and inventory.archive is not None:
        start, stop = met_of_text(inventory.archive.start), met_of_text(inventory.archive.end)
    if found is not None and np.isfinite(start) and np.isfinite(stop):
        try:
            table = sample_attitude(found, start, stop, 1.0)
        except ValueError as error:
            session.warn("BadAhfAttitude", str(error))
        else:
            attitude = Attitude.of(table.time, table.right_ascension, table.declination, table.position_angle)
            session.say(f"attitude: {len(attitude)} samples ({found.source})", level=3)
            return Pointings(attitude, *table.median, found.source, table)
    header = _header_pointing(inventory.exposures)
    if header is None:
        text = (
            "nothing tells where the telescope looked: X,Y are null; set withfixedattitude=yes and fixedra, fixeddec,"
        )
        session.warn("NoAttitude", f"{text} fixedposangle to have them")
        return None
    session.warn(
        "BadAhfAttitude", f"no attitude: the fixed pointing {header[0]:.5f} {header[1]:.5f} of a header is used"
    )
    return Pointings(Attitude.fixed(*header), *header, "HEADER", None)


def _header_pointing(exposures: Sequence[Exposure]) -> tuple[float, float, float] | None:
    for exposure in exposures:
        for ccd in exposure.ccds:
            angles = [ccd.keywords.get(keyword) for keyword in ("RA_PNT", "DEC_PNT", "PA_PNT")]
            numbers = [float(angle) for angle in angles if isinstance(angle, int | float)]
            if len(numbers) == len(angles):
                return numbers[0], numbers[1], numbers[2]
    return None


def exposures_of(
    observation: Observation, code: str, wanted: Sequence[str], modes: Sequence[str] = ()
) -> list[Exposure]:
    """Exposures of a camera, those that are asked for.

    Raises
    ------
    TaskError
        When one that is asked for is not there.
    """
    found = list(observation.inventory.of_instrument(code))
    known = {exposure.identifier for exposure in found}
    for identifier in wanted:
        if identifier.upper() not in known and not any(identifier.upper() == f"{code}{item}" for item in known):
            have = ", ".join(sorted(known)) or "none"
            raise TaskError("NoSuchExposure", f"there is no exposure {identifier} of {code}; the ODF has {have}")
    names = {identifier.upper().removeprefix(code) for identifier in wanted}
    return [
        exposure
        for exposure in found
        if (not names or exposure.identifier in names) and (not modes or _mode_of(exposure) in modes)
    ]


def _mode_of(exposure: Exposure) -> str:
    return "TIMING" if exposure.is_timing else "IMAGING"


def housekeeping_times(observation: Observation, code: str, session: Session) -> Intervals | None:
    """When the housekeeping of a camera is within the limits of its constituent; None where there are no limits.

    Parameters
    ----------
    observation : Observation
        The ODF.
    code : str
        ``M1``, ``M2`` or ``PN``.
    session : Session
        What cannot be read is said there.
    """
    limits = observation.calibration[INSTRUMENT_NAMES[code]].housekeeping
    if not limits:
        return None
    good: Intervals | None = None
    for kind in ("PEH", "PMH", "PAH"):
        path = observation.inventory.folder.find(code, kind)
        if path is None:
            continue
        try:
            table = read_housekeeping(path)
        except FileProblem as problem:
            session.warn("MissingData", str(problem))
            continue
        here = {name: limit for name, limit in limits.items() if name in table.columns}
        if here:
            mine = good_times(table, here)
            good = mine if good is None else good.intersect(mine)
    return good
