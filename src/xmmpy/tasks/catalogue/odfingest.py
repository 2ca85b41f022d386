"""odfingest: write the summary of an ODF, which the other tasks read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xmmpy import __version__
from xmmpy.odf.compose import compose_summary
from xmmpy.odf.inventory import take_inventory
from xmmpy.odf.summary import write_summary
from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.odfs import clock_of, find_odf
from xmmpy.tasks.parameters import Dataset, Switch, TaskParameters, Text, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session

if TYPE_CHECKING:
    from xmmpy.odf.inventory import Inventory

_PLACEHOLDER = "0000_0000000000_SCX000SUM.SAS"


class OdfingestParameters(TaskParameters):
    """Write the summary of an ODF: its files, exposures, modes and settings."""

    odfdir: Text = parameter(".", parent="withodfdir", help="folder of the ODF, or its archive (.tar, .tar.gz)")
    withodfdir: Switch = parameter(False, help="read the ODF in odfdir; else that of SAS_ODF")
    outdir: Text = parameter(".", help="folder for the summary, and for an ODF that is unpacked")
    summaryfile: Dataset = parameter(_PLACEHOLDER, help="name of the summary, where usecanonicalname=no")
    usecanonicalname: Switch = parameter(True, help="name the summary after the observation")
    writepath: Switch = parameter(True, help="write the folder of the ODF into the summary")
    findinstrumentmodes: Switch = parameter(True, help="tell the modes of the instruments")
    usehousekeeping: Switch = parameter(True, help="tell filters and settings from housekeeping")
    oalcheck: Switch = parameter(False, help="check that time correlation and attitude can be read")


def run(p: OdfingestParameters, session: Session) -> Outcome:
    """Take the inventory and write the summary."""
    outdir = Path(p.outdir)
    if not outdir.is_dir():
        raise TaskError("FileIo", f"there is no folder '{outdir}'; make it or set outdir to one that exists")
    place = p.odfdir if p.withodfdir else session.environment.odf or p.odfdir
    folder = find_odf(session, place, outdir)
    name = folder.canonical_name("SUM", "SAS") if p.usecanonicalname else p.summaryfile
    target = session.check_output(outdir / name)
    inventory = take_inventory(folder, use_housekeeping=p.usehousekeeping)
    summary, remarks = compose_summary(
        inventory,
        version=f"odfingest-{__version__}",
        build=f"xmm-python-{__version__}",
        made=session.now,
        path=str(folder.path.resolve()) if p.writepath else None,
        modes=p.findinstrumentmodes,
        housekeeping=p.usehousekeeping,
    )
    for line in inventory.missing:
        session.warn("MissingOdfComponent", line)
    for line in (*inventory.remarks, *remarks):
        session.warn("MissingData", line)
    facts = _check(inventory, session) if p.oalcheck else {}
    try:
        with atomic_path(target) as temporary:
            temporary.write_text(write_summary(summary), encoding="latin-1")
    except OSError as error:
        problem = f"cannot be written ({error.strerror or error})"
        raise FileProblem(target, problem, "check the folder and the free space") from None
    exposures = sum(len(record.exposures) for record in summary.instruments)
    science = sum(exposure.is_science for exposure in inventory.exposures)
    session.say(f"{len(summary.files)} files, {exposures} exposures, {science} of them with EPIC events", level=3)
    return Outcome(
        outputs=(target,),
        rows_in=len(folder.files),
        rows_out=exposures,
        facts={"observation": summary.observation, "missing": len(inventory.missing), "science": science, **facts},
    )


def _check(inventory: Inventory, session: Session) -> dict[str, object]:
    """Read time correlation and attitude, and say what is wrong with them."""
    from xmmpy.odf.attitude_files import attitude_of

    clock, remarks = clock_of(inventory)
    attitude, more = attitude_of(inventory.folder)
    for line in (*remarks, *more):
        session.warn("MissingData", line)
    facts: dict[str, object] = {}
    if clock is not None:
        session.say(f"time correlation: degree {clock.degree}, rms {clock.rms:.3g} s, {clock.points} points", level=3)
        facts.update(clock_degree=clock.degree, clock_rms=clock.rms)
    if attitude is not None:
        session.say(f"attitude: {len(attitude)} records ({attitude.source})", level=3)
        facts.update(attitude=attitude.source)
    return facts


TASK = Task(name="odfingest", parameters=OdfingestParameters, run=run)
