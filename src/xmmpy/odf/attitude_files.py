"""Read the attitude history of a revolution (``*SCX00000ATS.FIT``) and the raw attitude (``*SCX00000RAS.ASC``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.odf.attitude import Attitude
from xmmpy.odf.sexagesimal import column_to_degrees, to_degrees
from xmmpy.odf.texts import read_text
from xmmpy.odf.times import met_of_text, met_of_texts
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    import os

    from xmmpy.odf.opening import OdfFolder

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d*)?")
_ANGLE = re.compile(r"[+-]?\d{1,3}:\d{1,2}:\d{1,2}(?:\.\d*)?|[+-]?\d+\.\d*")
_ANGLES = 3


def read_attitude_history(path: str | os.PathLike[str]) -> Attitude:
    """Read an ATS file (columns VALTIME, VALDUR, VIEWRA, VIEWDECL, ASTPOS, ACFLAG; Data Files Handbook, table 26).

    Raises
    ------
    FileProblem
        When it cannot be read or holds no usable record.
    """
    from xmmpy.products.tables import read_table

    table = read_table(str(path))
    start = met_of_texts(table.column("VALTIME"))
    flags = table.columns.get("ACFLAG")
    attitude = Attitude.of(
        start,
        start + np.asarray(table.column("VALDUR"), np.float64),
        column_to_degrees(table.column("VIEWRA"), hours=True),
        column_to_degrees(table.column("VIEWDECL"), hours=False),
        table.column("ASTPOS"),
        "AHF",
        None if flags is None else flags != 0,
    )
    if not len(attitude):
        raise FileProblem(path, "holds no usable attitude", "get it again from the archive")
    return attitude


def read_raw_attitude(path: str | os.PathLike[str]) -> Attitude:
    """Read a RAS file: lines with a UTC time, right ascension, declination and position angle, in this order.

    The handbook gives its quantities, not its layout: lines are searched for a time and the three angles behind it
    (sexagesimal, or degrees with a decimal point); other lines are passed over and counted.

    Raises
    ------
    FileProblem
        When fewer than half of the lines can be understood.
    """
    rows: list[tuple[float, float, float, float]] = []
    others = 0
    for line in read_text(path).splitlines():
        if not line.strip():
            continue
        time = _TIME.search(line)
        angles = _ANGLE.findall(line[time.end() :]) if time else []
        if time is None or len(angles) < _ANGLES:
            others += 1
            continue
        right_ascension, declination = (
            to_degrees(text, hours=hours) if ":" in text else float(text)
            for text, hours in zip(angles[:2], (True, False), strict=True)
        )
        position_angle = to_degrees(angles[2], hours=False) if ":" in angles[2] else float(angles[2])
        rows.append((met_of_text(time[0]), right_ascension, declination, position_angle))
    if len(rows) <= others or not rows:
        raise FileProblem(path, "cannot be understood as raw attitude", "the attitude history (ATS) is used instead")
    times, right_ascensions, declinations, position_angles = np.array(rows).T
    return Attitude.of(times, times, right_ascensions, declinations, position_angles, "RAF")


def attitude_of(folder: OdfFolder) -> tuple[Attitude | None, list[str]]:
    """Attitude of an observation: the ATS file, or RAS where that fails (the order of SAS_ATTITUDE=AHF:RAF).

    Returns
    -------
    Attitude or None, list of str
        None where there is neither; a sentence for everything that went wrong.
    """
    remarks = []
    for kind, read in (("ATS", read_attitude_history), ("RAS", read_raw_attitude)):
        path = folder.find("SC", kind)
        if path is None:
            continue
        try:
            attitude = read(path)
        except FileProblem as problem:
            remarks.append(str(problem))
            continue
        if attitude.dropped:
            remarks.append(f"{path.name}: {attitude.dropped} records cannot be used")
        if attitude.contingency:
            remarks.append(f"{path.name}: {attitude.contingency} records carry the attitude contingency flag")
        return attitude, remarks
    name = folder.canonical_name("ATS", "FIT")
    remarks.append(f"there is no attitude: neither {name} nor its raw form is in the ODF; a fixed one can be given")
    return None, remarks
