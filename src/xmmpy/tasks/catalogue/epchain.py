"""epchain: one exposure of pn, with the names of ESA's pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xmmpy.tasks.epic.parameters import PipelineParameters, PnChainParameters
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Integer, Switch, Text, parameter
from xmmpy.tasks.registry import Task

if TYPE_CHECKING:
    from xmmpy.tasks.session import Outcome, Session


_LAST_CCD = 12


class EpchainParameters(PnChainParameters, PipelineParameters):
    """Make the calibrated event list of one pn exposure of the ODF in SAS_ODF, named as ESA's pipeline names it."""

    schedule: Text = parameter("S", choices=("S", "U"), help="scheduled or unscheduled")
    exposure: Integer = parameter(0, minimum=0, help="its number; the first one of its schedule when 0")
    datamode: Text = parameter("IMAGING", choices=("IMAGING", "TIMING", "BURST", "ALL"), help="mode of the exposure")
    ccds: Text = parameter("1,2,3,4,5,6,7,8,9,10,11,12", help="numbers of the CCDs to process")
    odfaccess: Text = parameter("oal", choices=("oal", "odf", "name", "all"), help="accepted; the ODF is read as it is")
    keepintermediate: Text = parameter("none", help="accepted; there are no lists of single CCDs")
    runbackground: Switch = parameter(False, help="accepted; `xmmpy reduce` and espfilt make rate curves")
    runradmonfix: Switch = parameter(False, help="accepted; there is no radiation monitor's file to mend")
    runepframes: Switch = parameter(True, help="accepted; all is done in one pass")
    runbadpix: Switch = parameter(True, help="accepted; all is done in one pass")


def run(p: EpchainParameters, session: Session) -> Outcome:
    """Process one exposure of pn."""
    from xmmpy.odf.inventory import take_inventory
    from xmmpy.tasks.epic.chain import ChainSettings, run_chain
    from xmmpy.tasks.odfs import find_odf

    ccds = tuple(int(word) for word in p.ccds.replace(",", " ").split() if word.isdecimal())
    if not ccds or not all(1 <= ccd <= _LAST_CCD for ccd in ccds) or len(ccds) != len(p.ccds.replace(",", " ").split()):
        raise TaskError("BadCcds", f"ccds='{p.ccds}': give numbers from 1 to {_LAST_CCD}, such as ccds=1,2,3")
    modes = {"IMAGING": ("IMAGING",), "ALL": ()}.get(p.datamode, ("TIMING",))
    identifier = f"{p.schedule}{p.exposure:03d}"
    if p.exposure == 0:
        found = take_inventory(
            find_odf(session, p.odf, Path(p.outdir)), use_housekeeping=False, instruments=("PN",)
        ).of_instrument("PN")
        mine = [one.identifier for one in found if one.identifier.startswith(p.schedule) and one.is_science]
        if not mine:
            raise TaskError("NoExposures", f"the ODF has no pn exposure with schedule={p.schedule}")
        identifier = mine[0]
    settings = ChainSettings(
        ("PN",),
        canonical=True,
        modes=modes,
        exposures=(identifier,),
        odf=p.odf,
        ccds=ccds if len(ccds) < _LAST_CCD else (),
    )
    return run_chain(p, settings, session)


TASK = Task(name="epchain", parameters=EpchainParameters, run=run)
