"""The tasks of SAS as Python functions: ``xmmpy.tasks.evselect(table=..., expression=...)``.

Each task is one module of `xmmpy.tasks.catalogue`; it is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xmmpy.tasks.registry import Task


def __getattr__(name: str) -> Task:
    from xmmpy.tasks.messages import TaskError
    from xmmpy.tasks.registry import find_task

    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return find_task(name)
    except TaskError as error:
        raise AttributeError(str(error)) from None


def __dir__() -> list[str]:
    from xmmpy.tasks.registry import task_names

    return sorted({*globals(), *task_names()})
