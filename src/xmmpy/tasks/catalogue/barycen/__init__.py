"""barycen: times of an event list as a clock at the barycentre of the solar system shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.events.barycentre import Barycentre, direction
from xmmpy.odf.times import MJDREF, met_of_text, text_of_met
from xmmpy.products.files import FitsFile, split_block
from xmmpy.tasks.catalogue.barycen.parameters import BarycenParameters
from xmmpy.tasks.catalogue.barycen.places import find_ephemeris, find_orbit, find_source
from xmmpy.tasks.catalogue.barycen.writing import SOLARSYSTEM, TimeTable, header_times, write_corrected
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session

if TYPE_CHECKING:
    from pathlib import Path

    from xmmpy.products.files import Hdu


def run(p: BarycenParameters, session: Session) -> Outcome:
    """Find the places, then correct the table, or one time."""
    if not p.withtable:
        return _one_time(p, session)
    if not p.table:
        raise TaskError("noTable", "no table is given: name the event list in table=, or set withtable=no and time=")
    name, block = split_block(p.table)
    path = session.check_output(name)
    _refuse_packed(path)
    with FitsFile(path) as file:
        hdu = _main_table(file, block)
        keywords = {**file.hdus[0].values, **hdu.values}
        _refuse_corrected(path, hdu, keywords)
        tables = [TimeTable.of(hdu, (p.timecolumn,)), *_others(file, hdu, p)]
        first, last = _span(file, tables)
        ra, dec, source = find_source(p, keywords, str(path))
        orbit = find_orbit(p, first, last, session)
        ephemeris, ephemeris_name = find_ephemeris(p, session)
        reference = float(keywords.get("MJDREF", MJDREF))
        barycentre = Barycentre(first, last, reference, direction(ra, dec), ephemeris=ephemeris, orbit=orbit)
        _warn_of_literal_times(hdu, session)
        write_corrected(file, tables, barycentre, ephemeris_name, session.provenance(p))
    added = barycentre.correction([first, last])
    corrected = ", ".join(table.hdu.name for table in tables)
    session.say(f"source at {ra:.6f}, {dec:.6f} deg ({source}); {added[0]:.6f} to {added[1]:.6f} s added", level=3)
    session.say(f"corrected: {corrected}", level=4)
    rows = tables[0].layout.rows
    facts: dict[str, Any] = {
        "ra": ra, "dec": dec, "ephemeris": ephemeris_name, "orbit": orbit is not None,
        "first": float(added[0]), "last": float(added[1]),
    }  # fmt: skip
    return Outcome(outputs=(path,), rows_in=rows, rows_out=rows, facts=facts)


def _one_time(p: BarycenParameters, session: Session) -> Outcome:
    """Convert a single time and say it."""
    try:
        met = float(p.time)
    except ValueError:
        met = met_of_text(p.time)
    if not np.isfinite(met):
        text = f"time='{p.time}' is no time; give seconds since 1998-01-01 (TT), or UTC as yyyy-mm-ddThh:mm:ss"
        raise TaskError("badTime", text)
    ra, dec, _ = find_source(p, {}, "")
    orbit = find_orbit(p, met, met, session)
    ephemeris, name = find_ephemeris(p, session)
    barycentre = Barycentre(met, met, MJDREF, direction(ra, dec), ephemeris=ephemeris, orbit=orbit)
    result = float(barycentre(met))
    session.say(f"{met:.6f} s ({text_of_met(met, 6)} UTC) at the spacecraft", level=1)
    session.say(f"{result:.6f} s (TDB) at the barycentre", level=1)
    return Outcome(facts={"time": met, "barycentric": result, "ephemeris": name, "orbit": orbit is not None})


def _refuse_packed(path: Path) -> None:
    if path.is_file():
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
        if packed:
            raise TaskError("badInfile", f"'{path}' is gzipped and cannot be changed in place; unpack it first")


def _main_table(file: FitsFile, block: str) -> Hdu:
    if not block:
        events = next((hdu for hdu in file.hdus if hdu.is_table and hdu.name == "EVENTS"), None)
        if events is not None:
            return events
    return file.find(block)


def _refuse_corrected(path: Path, hdu: Hdu, keywords: dict[str, Any]) -> None:
    if str(keywords.get("TIMEREF", "")).strip().upper() == SOLARSYSTEM:
        text = f"the times in {hdu.name} of '{path}' are at the barycentre already (TIMEREF is {SOLARSYSTEM})"
        raise TaskError("alreadyCorrected", f"{text}: nothing is changed; take a copy from before for another source")


def _others(file: FitsFile, main: Hdu, p: BarycenParameters) -> list[TimeTable]:
    """Good time intervals and exposures of the file, as far as they are to be corrected and are not yet."""
    found = []
    for hdu in file.hdus:
        done = str(hdu.value("TIMEREF", "")).strip().upper() == SOLARSYSTEM
        if hdu is main or not hdu.is_table or done:
            continue
        names = hdu.column_numbers.keys()
        if p.processgtis and names >= {"START", "STOP"} and "GTI" in hdu.name:
            found.append(TimeTable.of(hdu, ("START", "STOP")))
        elif p.processexposutables and hdu.name.startswith("EXPOSU") and "TIME" in names:
            found.append(TimeTable.of(hdu, ("TIME",)))
    return found


def _span(file: FitsFile, tables: list[TimeTable]) -> tuple[float, float]:
    """Earliest and latest of all the times that are corrected, headers included."""
    spans = [table.span(file) for table in tables]
    others = [time for table in tables for time in table.header_times()] + header_times(file.hdus[0].values)
    first, last = min([low for low, _ in spans] + others), max([high for _, high in spans] + others)
    if not first <= last:
        raise TaskError("badInfile", f"'{file.path}' holds no time that could be corrected; give a list with events")
    return first, last


def _warn_of_literal_times(hdu: Hdu, session: Session) -> None:
    """Tell of time limits in the data subspace that are numbers, which stay as they are."""
    for keyword, value in hdu.values.items():
        if keyword.startswith("DSTYP") and str(value).strip() == "TIME":
            limit = str(hdu.value(f"DSVAL{keyword[5:]}", "TABLE")).strip()
            if limit != "TABLE":
                session.warn(
                    "timeInSubspace", f"the time limits '{limit}' in the data subspace of {hdu.path} stay as they are"
                )


TASK = Task(name="barycen", parameters=BarycenParameters, run=run)
