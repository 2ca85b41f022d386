"""What the command ``xmmpy reduce`` and the function `xmmpy.reduce` share: a plan is run on an engine and shown.

It joins the pipeline, which makes the products, and the report, which shows them; these do not know each other.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xmmpy.engines import NativeEngine, SasEngine
    from xmmpy.pipeline.cuts import Ask
    from xmmpy.pipeline.reduce import Plan, Reduction
    from xmmpy.pipeline.watch import Watcher

    EngineType = type[NativeEngine | SasEngine]

ENGINES = ("native", "sas", "auto")
_LATER = {"evselect", "tabgtigen", "emosaic", "edetect_chain", "srcdisplay"}
"""Tasks that follow once the lists are there, whatever the plan of the raw part holds."""


def choose_engine(name: str, planned: Plan, note: Callable[[str], None]) -> EngineType:
    """Choose the engine.

    Parameters
    ----------
    name : str
        ``native``, ``sas``, or ``auto``: a SAS on PATH that has all the tasks, else native.
    planned : Plan
        What is to be done.
    note : callable
        Is told which SAS was found, or why there is none.

    Raises
    ------
    SettingsError
        When the name is wrong, or a SAS is wanted and there is none that can do it.
    """
    from xmmpy.engines import NativeEngine, SasEngine, find_sas
    from xmmpy.pipeline.graph import TaskStep
    from xmmpy.pipeline.settings import SettingsError

    if name not in ENGINES:
        raise SettingsError(f"the engine is native, sas or auto, not '{name}'")
    if name == "native":
        return NativeEngine
    tasks = {step.task for step in planned.graph.steps if isinstance(step, TaskStep)} | _LATER
    found = find_sas(os.environ, tasks)
    if found is None or found.missing:
        lack = "there is no SAS on PATH" if found is None else f"the SAS on PATH lacks {', '.join(found.missing)}"
        if name == "sas":
            raise SettingsError(f"the engine sas is wanted, but {lack}; start SAS first, or take the engine native")
        note(f"{lack}: the native engine is taken")
        return NativeEngine
    note(found.version)
    for remark in found.remarks:
        note(remark)
    return SasEngine


def run_plan(
    planned: Plan,
    engine: EngineType,
    *,
    watcher: Watcher | None = None,
    ask: Ask | None = None,
    jobs: int = 0,
    force: bool = False,
) -> Reduction:
    """Run a plan, as `xmmpy.pipeline.reduce.reduce_lists` does, with the environment that its tasks need."""
    from xmmpy.pipeline.reduce import reduce_lists

    environment = {**os.environ, **(planned.raw.environment if planned.raw is not None else {})}
    return reduce_lists(
        planned,
        lambda folder: engine(folder.path, environment=environment, keep_open=(folder.lock,)),
        watcher=watcher,
        jobs=jobs,
        ask=ask,
        force=force,
    )


def page_of(reduction: Reduction, folder: Path) -> Path | None:
    """The page of a work folder, written when something is new or it is not there."""
    page = folder / "index.html"
    if not reduction.changed and page.is_file():
        return page
    from xmmpy.report import write_page

    return write_page(folder)
