"""edetect_chain: from images to a source list."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from xmmpy.tasks.catalogue.edetect_chain.calls import Chain
from xmmpy.tasks.catalogue.edetect_chain.parameters import EdetectChainParameters
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session
from xmmpy.tasks.subtasks import SubCall, run_subtasks

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(p: EdetectChainParameters, session: Session) -> Outcome:
    """Run the tasks stage by stage; the first failure ends the chain."""
    if not Path(p.mapdir).is_dir():
        raise TaskError("FileIo", f"there is no folder '{p.mapdir}'; make it or set mapdir to one that exists")
    for name in (p.eboxl_list, p.eboxm_list, p.eml_list):
        session.check_output(name)
    chain = Chain.of(p, session)
    outputs: list[Path] = []

    def stage(calls: Sequence[SubCall], workers: int = 1) -> list[Outcome]:
        outcomes = run_subtasks(calls, session, workers)
        outputs.extend(path for outcome in outcomes for path in outcome.outputs)
        return outcomes

    # Exposure maps are long loops without the interpreter: threads halve their time; the others gain nothing by them.
    stage(chain.exposure_maps(), workers=os.cpu_count() or 1)
    stage(chain.masks())
    stage([chain.search(with_maps=False)])
    stage(chain.background_maps())
    (found,) = stage([chain.search(with_maps=True)])
    (fitted,) = stage([chain.fit()])
    stage(chain.sensitivity_maps())
    session.say(f"{fitted.rows_out} sources in '{p.eml_list}'")
    return Outcome(
        outputs=tuple(outputs), rows_in=found.rows_out, rows_out=fitted.rows_out,
        facts={"candidates": found.rows_out, "sources": fitted.rows_out, "list": p.eml_list},
    )  # fmt: skip


TASK = Task(name="edetect_chain", parameters=EdetectChainParameters, run=run)
