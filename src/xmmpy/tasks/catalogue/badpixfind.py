"""badpixfind: find bad pixels of a CCD of pn or MOS in its events."""

from __future__ import annotations

from xmmpy.tasks.epic.badpixels import BadPixelParameters, run
from xmmpy.tasks.registry import Task


class BadpixfindParameters(BadPixelParameters):
    """Find hot and dead pixels and columns of a CCD of pn or MOS in its events; write a table and a mask."""


TASK = Task(name="badpixfind", parameters=BadpixfindParameters, run=run)
