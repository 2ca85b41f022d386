"""epproc: calibrated event lists of all pn exposures of an ODF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xmmpy.tasks.epic.parameters import PnChainParameters
from xmmpy.tasks.registry import Task

if TYPE_CHECKING:
    from xmmpy.tasks.session import Outcome, Session


class EpprocParameters(PnChainParameters):
    """Make calibrated event lists of the pn exposures of the ODF in SAS_ODF."""


def run(p: EpprocParameters, session: Session) -> Outcome:
    """Process pn."""
    from xmmpy.tasks.epic.chain import ChainSettings, run_chain

    return run_chain(p, ChainSettings(("PN",)), session)


TASK = Task(name="epproc", parameters=EpprocParameters, run=run)
