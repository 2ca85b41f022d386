"""epchain: one exposure of pn, with the names of ESA's pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xmmpy.tasks.epic.parameters import PnChainParameters
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Integer, Text, parameter
from xmmpy.tasks.registry import Task

if TYPE_CHECKING:
    from xmmpy.tasks.session import Outcome, Session


class EpchainParameters(PnChainParameters):
    """Make the calibrated event list of one pn exposure of the ODF in SAS_ODF, named as ESA's pipeline names it."""

    schedule: Text = parameter("S", choices=("S", "U"), help="scheduled or unscheduled")
    exposure: Integer = parameter(0, minimum=0, help="its number; the first one of its schedule when 0")
    datamode: Text = parameter("IMAGING", choices=("IMAGING", "TIMING", "BURST", "ALL"), help="mode of the exposure")


def run(p: EpchainParameters, session: Session) -> Outcome:
    """Process one exposure of pn."""
    from xmmpy.odf.inventory import take_inventory
    from xmmpy.tasks.epic.chain import ChainSettings, run_chain
    from xmmpy.tasks.odfs import find_odf

    modes = {"IMAGING": ("IMAGING",), "ALL": ()}.get(p.datamode, ("TIMING",))
    identifier = f"{p.schedule}{p.exposure:03d}"
    if p.exposure == 0:
        found = take_inventory(find_odf(session), use_housekeeping=False, instruments=("PN",)).of_instrument("PN")
        mine = [one.identifier for one in found if one.identifier.startswith(p.schedule) and one.is_science]
        if not mine:
            raise TaskError("NoExposures", f"the ODF has no pn exposure with schedule={p.schedule}")
        identifier = mine[0]
    return run_chain(p, ChainSettings(("PN",), canonical=True, modes=modes, exposures=(identifier,)), session)


TASK = Task(name="epchain", parameters=EpchainParameters, run=run)
