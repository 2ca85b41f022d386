"""emchain: emproc with the names of ESA's pipeline; keeps events outside of the field of view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xmmpy.tasks.epic.parameters import MosChainParameters, PipelineParameters
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Switch, Text, parameter
from xmmpy.tasks.registry import Task

if TYPE_CHECKING:
    from xmmpy.tasks.session import Outcome, Session

_CODES = ("M1", "M2")


class EmchainParameters(MosChainParameters, PipelineParameters):
    """Make calibrated event lists of the MOS exposures of the ODF in SAS_ODF, named as ESA's pipeline names them."""

    instruments: Text = parameter("M1 M2", help="cameras")
    exposures: Text = parameter("", help="such as 'S001 U002'; all when empty")
    addtaglenoise: Switch = parameter(False, help="accepted; CCDs with noise at low energies are not tagged")
    makeflaregti: Switch = parameter(False, help="accepted; `xmmpy reduce` makes the flare cut")


def run(p: EmchainParameters, session: Session) -> Outcome:
    """Process MOS1 and MOS2."""
    from xmmpy.tasks.epic.chain import ChainSettings, run_chain

    codes = tuple(word.upper() for word in p.instruments.replace(",", " ").split())
    unknown = [code for code in codes if code not in _CODES]
    if unknown or not codes:
        raise TaskError("NoInstrument", f"instruments='{p.instruments}': the cameras of emchain are M1 and M2")
    exposures = tuple(p.exposures.replace(",", " ").split())
    settings = ChainSettings(codes, canonical=True, keep_more=True, exposures=exposures, odf=p.odf)
    return run_chain(p, settings, session)


TASK = Task(name="emchain", parameters=EmchainParameters, run=run)
