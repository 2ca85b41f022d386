"""The spacecraft: its clock, its attitude, and their files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.simulation.odf.files import column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.simulation.odf.files import OdfWriter
    from xmmpy.simulation.telescope import Pointing

    FloatArray = NDArray[np.float64]

_FIRST_DAY: Final = datetime(1958, 1, 1, tzinfo=UTC)
_MARGIN_S: Final = 1200.0
_TCX_STEP_S: Final = 16.0
_ATTITUDE_STEP_S: Final = 8.0


@dataclass(frozen=True, slots=True)
class SpacecraftClock:
    """On-board time: it runs a little fast or slow, and that changes.

    Attributes
    ----------
    at_start : float
        On-board time at the start of the exposure (s).
    drift : float
        Seconds gained in a second.
    change : float
        Change of the drift in a second (1/s).
    jitter_s : float
        Spread of the time stamps in the correlation file (s); 2e-7 makes the fits as good as real ones.
    """

    at_start: float = 125_094_270.0
    drift: float = -3.1e-6
    change: float = 4e-13
    jitter_s: float = 2e-7

    def obt(self, seconds: FloatArray) -> FloatArray:
        """On-board time (s) of seconds of UTC from the start of the exposure."""
        return self.at_start + seconds * (1.0 + self.drift) + 0.5 * self.change * seconds**2

    def counters(
        self, seconds: FloatArray, step_s: float, wrap_s: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """FTCOARSE and FTFINE of a camera whose counter began at the whole second of the start.

        Parameters
        ----------
        seconds : ndarray
            From the start of the exposure (UTC).
        step_s : float
            Step of FTFINE (s).
        wrap_s : float
            Seconds after which the counter begins anew.
        """
        ticks = np.rint((self.obt(seconds) - np.rint(self.at_start)) / step_s)
        per_second = np.rint(1.0 / step_s)
        coarse = np.floor(ticks * step_s + 1e-9)
        fine = np.rint((ticks * step_s - coarse) / step_s)
        over = fine >= per_second
        coarse, fine = np.where(over, coarse + 1, coarse), np.where(over, 0, fine)
        return np.mod(coarse, wrap_s).astype(np.int64), fine.astype(np.int64)


@dataclass(frozen=True, slots=True)
class DriftingAttitude:
    """Attitude that wanders about a mean pointing.

    Attributes
    ----------
    pointing : Pointing
        The mean.
    wander_arcsec : float
        How far it wanders along right ascension and declination.
    roll_deg : float
        How far it turns.
    period_s : float
        In which time.
    """

    pointing: Pointing
    wander_arcsec: float = 1.5
    roll_deg: float = 4e-4
    period_s: float = 7300.0

    def offsets(self, seconds: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Offsets to the east and to the north (arcsec) and of the position angle (degrees)."""
        phase = 2 * np.pi * seconds / self.period_s
        east = self.wander_arcsec * np.sin(phase)
        north = self.wander_arcsec * np.cos(1.7 * phase + 0.4)
        return east, north, self.roll_deg * np.sin(0.6 * phase + 1.0)

    def angles(self, seconds: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Right ascension, declination and position angle (degrees)."""
        east, north, roll = self.offsets(seconds)
        dec = self.pointing.dec + north / 3600.0
        ra = self.pointing.ra + east / 3600.0 / np.cos(np.radians(self.pointing.dec))
        return np.mod(ra, 360.0), dec, np.mod(self.pointing.position_angle + roll, 360.0)


def write_clock(
    writer: OdfWriter, rng: np.random.Generator, clock: SpacecraftClock, start: datetime, length_s: float
) -> None:
    """Time correlation, TCX and TCS: pairs of on-board time and UTC."""
    seconds = np.arange(-_MARGIN_S, length_s + _MARGIN_S, _TCX_STEP_S)
    utc = seconds + rng.normal(0.0, clock.jitter_s, seconds.size)
    obt = np.rint(clock.obt(seconds) * 65536.0).astype(np.int64)
    # The stamp belongs to the rounded on-board time.
    utc += (obt / 65536.0 - clock.obt(seconds)) / (1.0 + clock.drift)
    of_day = (start - _FIRST_DAY).total_seconds() + utc
    day = np.floor(of_day / 86400.0)
    micro = np.rint((of_day - day * 86400.0) * 1e6).astype(np.int64)
    columns = [
        column("OBTCOARS", "1J", (obt // 65536).astype(np.int32), "SECOND"),
        column("OBTFINE", "1I", (obt % 65536).astype(np.uint16)),
        column("UTCDAY", "1I", day.astype(np.int16), "DAY"),
        column("UTCMILLI", "1J", (micro // 1000).astype(np.int32), "ms"),
        column("UTCMICRO", "1I", (micro % 1000).astype(np.int16), "us"),
        column("UTCFLAG", "1I", np.zeros(seconds.size, np.int16)),
        column("GSID", "5A", np.full(seconds.size, b"21")),
    ]
    for kind in ("TCX", "TCS"):
        writer.write(f"SCX00000{kind}", "SC", [("SCRTX1" if kind == "TCX" else "SCTCS1", columns, {})])


def write_attitude(writer: OdfWriter, attitude: DriftingAttitude, start: datetime, length_s: float) -> None:
    """Attitude history (ATS): a record every eight seconds, angles as text with the digits that real files have."""
    seconds = np.arange(-40 * _ATTITUDE_STEP_S, length_s + 40 * _ATTITUDE_STEP_S, _ATTITUDE_STEP_S)
    ra, dec, angle = attitude.angles(seconds + _ATTITUDE_STEP_S / 2)
    times = [(start + timedelta(seconds=float(moment))).strftime("%Y-%m-%dT%H:%M:%S") for moment in seconds]
    columns = [
        column("VALTIME", "19A", np.array(times, "S19")),
        column("VALDUR", "1E", np.full(seconds.size, _ATTITUDE_STEP_S, np.float32), "s"),
        column("VIEWRA", "11A", np.array([_hours(value) for value in ra], "S11")),
        column("VIEWDECL", "11A", np.array([_degrees(value) for value in dec], "S11")),
        column("ASTPOS", "1E", angle.astype(np.float32), "deg"),
        column("ACFLAG", "1B", np.zeros(seconds.size, np.uint8)),
    ]
    writer.write("SCX00000ATS", "SC", [("SCATS1", columns, {})])


def _hours(degrees: float) -> str:
    hundredths = round(degrees / 15.0 * 360_000.0) % (24 * 360_000)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest / 100:05.2f}"


def _degrees(degrees: float) -> str:
    tenths = round(abs(degrees) * 36_000.0)
    minutes, rest = divmod(tenths, 600)
    return f"{'-' if degrees < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}:{rest / 10:04.1f}"


def write_summary(
    writer: OdfWriter, files: list[str], begin: str, end: str, target: str, ra: float, dec: float
) -> None:
    """Summary of the archive (SUM.ASC) and a line of the orbit file (ROS.ASC)."""
    writer.write_text("SCX00000ROS", ["R  simulated orbit"])
    writer.write_text(
        "SCX00000SUM",
        [
            "OBSERVATION",
            f"{writer.observation} / Observation/Slew Identifier",
            f"{writer.revolution} / Revolution number",
            f"{begin} / Scheduled Start Time",
            f"{end} / Scheduled Stop Time",
            "FILES",
            f"{len(files)} /  Number of files into this ODF/SDF",
            *(f"{name} / Generic ODF file" for name in files),
            "CONFIGURATION",
            "1 / Number of Configuration Parameters",
            "ODF_VERSION = 003 / simulated",
            "PROPOSAL",
            f"{target:<20s} / Target Name",
            f"{ra / 15.0:11.7f} / Target Right Ascension",
            f"{dec:11.7f} / Target Declination",
        ],
    )
