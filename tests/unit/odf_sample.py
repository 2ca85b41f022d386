"""A small ODF with everything that tasks look for: three cameras, clock, attitude, housekeeping, summary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits

from xmmpy.odf.sexagesimal import from_degrees
from xmmpy.odf.times import met_of_text, text_of_met

PREFIX = "0828_0201903501_"
START, STOP = "2004-06-17T10:38:28", "2004-06-17T10:58:28"
FIRST = met_of_text(START)
OBT = 125_094_270  # on-board time of START


def table(path: Path, name: str, columns: list[fits.Column], **keywords: object) -> None:
    hdu = fits.BinTableHDU.from_columns(columns, name=name)
    hdu.header["DATE-OBS"], hdu.header["DATE-END"] = START, STOP
    hdu.header.update(keywords)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)


def write_events(folder: Path, name: str, rows: int = 5, **keywords: object) -> None:
    number = np.arange(rows)
    columns = [fits.Column("FRAME", "1J", array=number), fits.Column("RAWX", "1I", array=number % 600)]
    exposure = f"0201903501{name[3:6]}"
    window = {"WINDOWX0": 0, "WINDOWY0": 0, "WINDOWDX": 610, "WINDOWDY": 602, "FRMTIME": 27, "EDUID": 0, "EDUTHR": 25}
    table(folder / f"{PREFIX}{name}.FIT", "M1IME1", columns, EXP_ID=exposure, **(window | keywords))


def write_frames(folder: Path, name: str) -> None:
    number = np.arange(100)
    columns = [
        fits.Column("FRAME", "1J", array=number),
        fits.Column("FTCOARSE", "1I", array=number * 2),
        fits.Column("FTFINE", "1I", array=number),
    ]
    table(folder / f"{PREFIX}{name}.FIT", "M1AUX1", columns)


def write_clock(folder: Path, kind: str = "TCX") -> None:
    seconds = np.arange(0, 1200, 20)
    utc = 10 * 3600 + 38 * 60 + 28 + seconds
    columns = [
        fits.Column("OBTCOARS", "1J", array=OBT + seconds),
        fits.Column("OBTFINE", "1I", bzero=32768, array=np.zeros(seconds.size, np.uint16)),
        fits.Column("UTCDAY", "1I", array=np.full(seconds.size, 53173 - 36204)),
        fits.Column("UTCMILLI", "1J", array=utc * 1000),
        fits.Column("UTCMICRO", "1I", array=np.zeros(seconds.size, np.int16)),
        fits.Column("UTCFLAG", "1I", array=np.zeros(seconds.size, np.int16)),
        fits.Column("GSID", "5A", array=np.full(seconds.size, "21")),
    ]
    table(folder / f"{PREFIX}SCX00000{kind}.FIT", "SCRTX1", columns)


def write_attitude(folder: Path, records: list[tuple[float, float, float, float, float]]) -> None:
    """Write records of (seconds since START, duration, right ascension, declination, position angle)."""
    since, duration, longitude, latitude, angle = (np.array(part, float) for part in zip(*records, strict=True))
    columns = [
        fits.Column("VALTIME", "19A", array=np.array([text_of_met(FIRST + moment, 0) for moment in since])),
        fits.Column("VALDUR", "1E", array=duration),
        fits.Column("VIEWRA", "11A", array=np.array([from_degrees(v, hours=True, digits=2) for v in longitude])),
        fits.Column("VIEWDECL", "11A", array=np.array([from_degrees(v, hours=False) for v in latitude])),
        fits.Column("ASTPOS", "1E", array=angle),
        fits.Column("ACFLAG", "1B", array=np.zeros(since.size, np.uint8)),
    ]
    table(folder / f"{PREFIX}SCX00000ATS.FIT", "SCATS1", columns)


def write_housekeeping(folder: Path, name: str, column: str, value: float) -> None:
    times = np.array([text_of_met(FIRST + moment, 0) for moment in range(0, 1200, 8)])
    columns = [fits.Column("TIME", "19A", array=times), fits.Column(column, "1E", array=np.full(times.size, value))]
    table(folder / f"{PREFIX}{name}.FIT", "HK", columns)


SUMMARY = f"""OBSERVATION
0201903501 / Observation/Slew Identifier
0828 / Revolution number
{START} / Scheduled Start Time
{STOP} / Scheduled Stop Time
FILES
1 /  Number of files into this ODF/SDF
{PREFIX}SCX00000TCX.FIT / Corrected Time Correlation file
CONFIGURATION
1 / Number of Configuration Parameters
ODF_VERSION = 003 / Qcheck reset ODF version
PROPOSAL
RXCJ0958.3-1103      / Target Name
 9.9728195 / Target Right Ascension
-11.0597000 / Target Declination
"""


def write_odf(folder: Path) -> Path:
    """Write the ODF into a new folder."""
    folder.mkdir(parents=True)
    for ccd in (1, 2):
        write_events(folder, f"M1S001{ccd}0IME")
    write_frames(folder, "M1S00100AUX")
    write_events(folder, "M1U00210TIE")
    write_events(folder, "M2S00210IME", WINDOWDX=110, WINDOWDY=100)
    write_frames(folder, "M2S00200AUX")
    for ccd in (1, 2):
        write_events(folder, f"PNS003{ccd:02d}IME", WINDOWDX=64, WINDOWDY=200, FRMTIME=199)
    write_frames(folder, "PNS00300AUX")
    write_events(folder, "PNU00203DLI")
    write_clock(folder)
    write_attitude(folder, [(-600, 1250, 149.5, -11.0, 120.0), (651, 1200, 149.51, -11.01, 121.0)])
    write_housekeeping(folder, "M1X00000PEH", "E1317", 267)
    write_housekeeping(folder, "M2X00000PEH", "K1317", 1580)
    write_housekeeping(folder, "PNX00000PMH", "F1119", 234.0)
    (folder / f"{PREFIX}SCX00000SUM.ASC").write_text(SUMMARY)
    (folder / f"{PREFIX}SCX00000ROS.ASC").write_text("R 1 2 3\n")
    return folder
