"""embadpixfind: find bad pixels of a CCD of MOS in its events."""

from __future__ import annotations

from xmmpy.tasks.epic.badpixels import BadPixelParameters, run
from xmmpy.tasks.registry import Task


class EmbadpixfindParameters(BadPixelParameters):
    """Find hot and dead pixels and columns of a CCD of MOS in its events; write a table and a mask."""


TASK = Task(name="embadpixfind", parameters=EmbadpixfindParameters, run=run)
