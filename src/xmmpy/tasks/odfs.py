"""What tasks that read an ODF have in common: where it is, its clock and its attitude."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xmmpy.odf.opening import open_odf
from xmmpy.products.errors import FileProblem
from xmmpy.tasks.messages import TaskError

if TYPE_CHECKING:
    from pathlib import Path

    from xmmpy.odf.clock import Clock
    from xmmpy.odf.inventory import Inventory
    from xmmpy.odf.opening import OdfFolder
    from xmmpy.tasks.session import Session


def find_odf(session: Session, place: str = "", workspace: Path | None = None) -> OdfFolder:
    """Open the ODF at a place, or that of SAS_ODF where none is given.

    Parameters
    ----------
    session : Session
        The run.
    place : str
        Folder, SUM.SAS or archive.
    workspace : pathlib.Path, optional
        Where an archive is unpacked.

    Raises
    ------
    TaskError
        NoOdfFound, when there is none.
    """
    asked = place or session.environment.odf
    if not asked:
        raise TaskError("NoOdfFound", "SAS_ODF is not set: set it to the folder of the ODF, its SUM.SAS or its archive")
    try:
        return open_odf(asked, workspace)
    except FileProblem as problem:
        code = "MultipleObservations" if "observations:" in problem.problem else "NoOdfFound"
        raise TaskError(code, str(problem)) from None


def clock_of(inventory: Inventory) -> tuple[Clock | None, list[str]]:
    """Fit the clock of an observation: TCX, or TCS where that fails.

    Returns
    -------
    Clock or None, list of str
        None where there is no time correlation; a sentence for everything that went wrong.
    """
    from xmmpy.odf.clock import fit_clock, read_clock_points

    remarks = []
    for kind in ("TCX", "TCS"):
        path = inventory.folder.find("SC", kind)
        if path is None:
            continue
        try:
            points, bad = read_clock_points(path)
        except FileProblem as problem:
            remarks.append(str(problem))
            continue
        if bad:
            remarks.append(f"{path.name}: {bad} points are marked as bad")
        return fit_clock(points, inventory.start, inventory.stop), remarks
    return None, remarks
