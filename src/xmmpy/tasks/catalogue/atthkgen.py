"""atthkgen: write the attitude of an observation as an evenly sampled table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xmmpy.odf.attitude import Attitude
from xmmpy.odf.attitude_files import attitude_of
from xmmpy.odf.attitude_table import AttitudeTable, sample_attitude
from xmmpy.odf.inventory import take_inventory
from xmmpy.odf.texts import read_text
from xmmpy.odf.times import met_of_text, text_of_met
from xmmpy.products.blocks import NewColumn, primary_block, table_block, write_blocks
from xmmpy.products.errors import FileProblem
from xmmpy.products.header import Header
from xmmpy.products.history import creation_entries
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.odfs import clock_of, find_odf
from xmmpy.tasks.parameters import Dataset, Real, Switch, TaskParameters, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from xmmpy.odf.clock import Clock
    from xmmpy.odf.inventory import Inventory
    from xmmpy.products.history import Provenance

_MAX_SAMPLES = 20_000_000
_COLUMNS = (
    ("TIME", "sec", "time"),
    ("AHFRA", "degrees", "AHF Right Ascension"),
    ("AHFDEC", "degrees", "AHF Declination"),
    ("AHFPA", "degrees", "AHF Position Angle"),
    ("OMRA", "degrees", "OM Right Ascension"),
    ("OMDEC", "degrees", "OM Declination"),
    ("OMPA", "degrees", "OM Position Angle"),
    ("DAHFPNT", "degrees", "Pointing Difference (AHF-PNT)"),
    ("DOMPNT", "degrees", "Pointing Difference (OM-PNT)"),
    ("DAHFOM", "degrees", "Pointing Difference (AHF-OM)"),
)
_SUMMED = (
    ("AHFRA", "AHF RA"), ("AHFDEC", "AHF Dec"), ("AHFPA", "AHF PA"), ("OMRA", "OM RA"), ("OMDEC", "OM Dec"),
    ("OMPA", "OM PA"), ("DAHFPNT", "(AHF-PNT) pointing difference"), ("DOMPNT", "(OM-PNT) pointing difference"),
    ("DAHFOM", "(AHF-OM) pointing difference"),
)  # fmt: skip


class AtthkgenParameters(TaskParameters):
    """Write the attitude of the observation in SAS_ODF as an evenly sampled table."""

    atthkset: Dataset = parameter("atthk.dat", help="attitude table to write")
    timestep: Real = parameter(1.0, unit="s", help="time from one row to the next")
    withtimeranges: Switch = parameter(False, help="from timebegin to timeend, not over the whole observation")
    timebegin: Real = parameter(0.0, unit="s", parent="withtimeranges", help="first time")
    timeend: Real = parameter(0.0, unit="s", parent="withtimeranges", help="last time")
    withfixedattitude: Switch = parameter(False, help="take one attitude for all times, not that of the ODF")
    fixedra: Real = parameter(
        0.0, unit="deg", parent="withfixedattitude", minimum=0, maximum=360, help="its right ascension"
    )
    fixeddec: Real = parameter(
        0.0, unit="deg", parent="withfixedattitude", minimum=-90, maximum=90, help="its declination"
    )
    fixedposangle: Real = parameter(0.0, unit="deg", parent="withfixedattitude", help="its position angle")


def run(p: AtthkgenParameters, session: Session) -> Outcome:
    """Sample the attitude and write the table."""
    output = session.check_output(p.atthkset)
    folder = find_odf(session, workspace=output.parent)
    inventory = take_inventory(folder, use_housekeeping=False)
    start, stop = _time_range(p, inventory)
    if not p.timestep > 0 or (stop - start) / p.timestep > _MAX_SAMPLES:
        raise TaskError("badTimestep", f"timestep is {p.timestep:g} s for {stop - start:.0f} s; give another one")
    attitude = _attitude(p, inventory, session)
    try:
        table = sample_attitude(attitude, start, stop, p.timestep)
    except ValueError as error:
        raise TaskError("NoAttitude", f"{folder.path}: {error}; give fixedra, fixeddec, fixedposangle") from None
    bad = int(np.count_nonzero(~table.good))
    if bad:
        session.warn("BadAhfAttitude", f"{bad} of {table.time.size} rows have no attitude")
    clock, remarks = clock_of(inventory)
    for line in remarks:
        session.warn("MissingData", line)
    write_attitude(output, session.provenance(p), inventory, table, attitude.source, clock, p.timestep)
    ra, dec, angle = table.median
    session.say(f"{table.time.size} rows, median pointing {ra:.5f} {dec:.5f} {angle:.5f} deg", level=3)
    facts = {"source": attitude.source, "ra": ra, "dec": dec, "position_angle": angle, "bad": bad}
    return Outcome(outputs=(output,), rows_in=len(attitude), rows_out=int(table.time.size), facts=facts)


def write_attitude(
    path: Path,
    provenance: Provenance,
    inventory: Inventory,
    table: AttitudeTable,
    source: str,
    clock: Clock | None,
    step: float,
) -> None:
    """Write an attitude table: samples every `step` s of an attitude whose ATT_SRC is `source`."""
    columns = [NewColumn(name, "D", values, unit, about) for (name, unit, about), values in _values(table)]
    header = _header(provenance, inventory, table, source, clock, step)
    write_blocks(path, [primary_block(header), table_block(columns, "ATTHK")])


def _time_range(p: AtthkgenParameters, inventory: Inventory) -> tuple[float, float]:
    if p.withtimeranges:
        if not p.timeend > p.timebegin:
            raise TaskError("BadParameter", f"timeend {p.timeend:g} s is not after timebegin {p.timebegin:g} s")
        return p.timebegin, p.timeend
    start, stop, archive = inventory.start, inventory.stop, inventory.archive
    if not np.isfinite(start) and archive is not None:
        start, stop = met_of_text(archive.start), met_of_text(archive.end)
    if not (np.isfinite(start) and np.isfinite(stop)):
        problem = "holds no readable exposure and no summary: the time of the observation is not known"
        raise FileProblem(inventory.folder.path, problem, "give timebegin and timeend")
    return start, stop


def _attitude(p: AtthkgenParameters, inventory: Inventory, session: Session) -> Attitude:
    """Attitude that the user gives, that of the ODF, or the pointing that its headers tell."""
    if p.withfixedattitude:
        return Attitude.fixed(p.fixedra, p.fixeddec, p.fixedposangle)
    attitude, remarks = attitude_of(inventory.folder)
    for line in remarks:
        session.warn("MissingData", line)
    if attitude is not None:
        return attitude
    for exposure in inventory.exposures:
        for ccd in exposure.ccds:
            angles = [ccd.keywords.get(keyword) for keyword in ("RA_PNT", "DEC_PNT", "PA_PNT")]
            if all(isinstance(angle, int | float) for angle in angles):
                session.warn("BadAhfAttitude", f"the fixed pointing in the header of {ccd.path.name} is used")
                return Attitude.fixed(*(float(angle) for angle in angles if angle is not None))
    advice = "give fixedra, fixeddec and fixedposangle"
    raise TaskError("NoAttitude", f"{inventory.folder.path} holds no attitude; {advice}")


def _values(table: AttitudeTable) -> list[tuple[tuple[str, str, str], NDArray[np.float64]]]:
    """Columns of the table. The OM's own tracking is not read: its attitude is that of the star tracker, as in SAS."""
    pointing = [table.right_ascension, table.declination, table.position_angle]
    difference = np.where(table.good, 0.0, np.nan)
    values = [table.time, *pointing, *pointing, table.offset, table.offset, difference]
    return list(zip(_COLUMNS, values, strict=True))


def _header(
    provenance: Provenance,
    inventory: Inventory,
    table: AttitudeTable,
    source: str,
    clock: Clock | None,
    step: float,
) -> Header:
    header = Header(creation_entries(provenance))
    header.append("LONGSTRN", "OGIP 1.0")
    header.append("TELESCOP", "XMM", "Telescope (mission) name")
    header.append("DETNAM", "", "PRIME or REDUNDANT")
    header.append("OBS_MODE", "POINTING", "Observation mode (pointing or slew)")
    header.append("OBS_ID", inventory.folder.observation, "Observation identifier")
    header.append("ORIGIN", "XMM-Python", "origin of FITS file")
    header.append("DATE-OBS", text_of_met(float(table.time[0])), "Date observations were made")
    header.append("DATE-END", text_of_met(float(table.time[-1])), "Date observations ended")
    archive = inventory.archive
    if archive is not None and np.isfinite(archive.right_ascension) and np.isfinite(archive.declination):
        for kind in ("OBJ", "NOM"):
            header.append(f"RA_{kind}", archive.right_ascension, "[deg] Ra of the observed object")
            header.append(f"DEC_{kind}", archive.declination, "[deg] Dec of the observed object")
    header.append("ATT_SRC", source, "Source of attitude data (AHF|RAF|THF)")
    header.append("ORB_RCNS", _orbit_is_reconstructed(inventory), "Reconstructed orbit data used?")
    if clock is not None:
        header.append("TFIT_RPD", False, "Recalculated signal propagation delays?")
        header.append("TFIT_DEG", clock.degree, "Degree of OBT-MET fit polynomial")
        header.append("TFIT_RMS", clock.rms, "RMS value of OBT-MET polynomial fit")
        header.append("TFIT_PFR", clock.rejected, "Fraction of disregarded TCS data points")
        header.append("TFIT_IGH", clock.handovers_ignored, "Ignored GS handover in TC data?")
    offset = table.offset[table.good]
    for letter, word, angles, off in (
        ("A", "Mean", table.mean, float(np.mean(offset))),
        ("M", "Median", table.median, float(np.median(offset))),
    ):
        for (name, about), value in zip(_SUMMED, (*angles, *angles, off, off, 0.0), strict=True):
            header.append(f"{letter}{name}", value, f"[deg] {word} {about}")
    good = int(np.count_nonzero(table.good))
    counts = (
        ("NATT", int(table.time.size), "attitude entries"),
        ("NGAHF", good, "good AHF attitude entries"),
        ("NGOM", good, "good OM attitude entries"),
        ("NGAHFOM", 0, "good AHF+OM attitude entries"),
    )
    for keyword, count, about in counts:
        header.append(keyword, count, f"Number of {about}")
    header.add_history(f"Created by {provenance.signature} at {provenance.stamp[:19]}")
    for _, count, about in counts:
        header.add_history(f"Number of {about}: {count:6d}")
    header.add_history(f"Atthkgen timestep (seconds): {step:7.4f}")
    return header


def _orbit_is_reconstructed(inventory: Inventory) -> bool:
    """Whether the orbit file holds no predicted line; these begin with P (Data Files Handbook, orbit file)."""
    path = inventory.folder.find("SC", "ROS")
    if path is None:
        return False
    try:
        lines = read_text(path).splitlines()
    except FileProblem:
        return False
    return bool(lines) and not any(line.startswith("P") for line in lines)


TASK = Task(name="atthkgen", parameters=AtthkgenParameters, run=run)
