"""emproc: calibrated event lists of all MOS exposures of an ODF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xmmpy.tasks.epic.parameters import MosChainParameters
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Switch, parameter
from xmmpy.tasks.registry import Task

if TYPE_CHECKING:
    from xmmpy.tasks.session import Outcome, Session


class EmprocParameters(MosChainParameters):
    """Make calibrated event lists of the MOS exposures of the ODF in SAS_ODF."""

    selectinstruments: Switch = parameter(False, help="only the cameras chosen by emos1 and emos2")
    emos1: Switch = parameter(True, parent="selectinstruments", help="process MOS1")
    emos2: Switch = parameter(True, parent="selectinstruments", help="process MOS2")


def run(p: EmprocParameters, session: Session) -> Outcome:
    """Process MOS1 and MOS2."""
    from xmmpy.tasks.epic.chain import ChainSettings, run_chain

    chosen = {"M1": p.emos1, "M2": p.emos2} if p.selectinstruments else {"M1": True, "M2": True}
    codes = tuple(code for code, wanted in chosen.items() if wanted)
    if not codes:
        raise TaskError("NoInstrument", "selectinstruments=yes, but neither emos1 nor emos2 is chosen")
    return run_chain(p, ChainSettings(codes), session)


TASK = Task(name="emproc", parameters=EmprocParameters, run=run)
