"""The calibration of a camera from an index of constituents, with the nominal tables where there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xmmpy.calibration.camera import CameraCalibration, Source, nominal_camera
from xmmpy.calibration.readers import find_constituent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xmmpy.calibration.calindex import CalibrationIndex


def load_camera(
    camera: str,
    index: CalibrationIndex | None,
    folders: Sequence[str],
    met: float,  # noqa: ARG001 - for constituents that vary with time
    warn: Callable[[str], None],
) -> CameraCalibration:
    """Put the calibration of a camera together.

    Parameters
    ----------
    camera : str
        ``EMOS1``, ``EMOS2`` or ``EPN``.
    index : CalibrationIndex or None
        Which constituents are valid; None for the nominal tables alone.
    folders : sequence of str
        Where the constituents are looked for beside the paths of the index.
    met : float
        Time of the observation (MET, s).
    warn : callable
        Is told, in a sentence, what cannot be used.
    """
    if index is None:
        return nominal_camera(camera)
    nominal = nominal_camera(camera, "not read from constituents")
    sources = []
    for source in nominal.sources:
        found = find_constituent(index, source.scope, source.type_id, folders)
        why = "not in the index or not found" if found is None else f"{found.name} is not read"
        if found is not None:
            warn(f"{found.name} is not read; the nominal table {source.name} stands in for it")
        sources.append(Source(source.scope, source.type_id, source.name, why))
    return replace(nominal, sources=tuple(sources))
