"""The out-of-time events of pn in an image, from an event list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.calibration.nominal import out_of_time_part
from xmmpy.detection.outoftime import out_of_time_image
from xmmpy.products.tables import read_table
from xmmpy.selection.keywords import read_dataspace
from xmmpy.selection.ranges import Bits, Ranges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from xmmpy.products.tables import SmallTable
    from xmmpy.selection.dataspace import Value
    from xmmpy.tasks.detection.fields import LoadedField
    from xmmpy.tasks.session import Session

_SELECTED: Final = ("FLAG", "PATTERN")


def out_of_time_counts(loaded: LoadedField, spec: str, session: Session) -> NDArray[np.float64]:
    """Expected counts out of time in the one image of a field.

    Events count that are in the image's band and pass its own conditions on FLAG and PATTERN; a selection of times
    is the list's.

    Parameters
    ----------
    loaded : LoadedField
        A field of one image.
    spec : str
        Event list of pn, ``file`` or ``file:EXT``.
    session : Session
        Is told why there are none.

    Returns
    -------
    ndarray, shape (rows, columns)
        Zeros for a camera or a mode that has none.
    """
    (plane,) = loaded.field.planes
    view = loaded.field.views[plane.instrument]
    nothing = np.zeros(loaded.field.shape)
    if view.camera != "EPN":
        session.warn("noOutOfTime", "withootset concerns pn alone: no out-of-time events are added")
        return nothing
    header = loaded.headers[0]
    mode = str(header.get("SUBMODE", "PrimeFullWindow")).strip()
    part = out_of_time_part(view.camera, mode)
    if part is None:
        session.warn("noOutOfTime", f"the out-of-time fraction of the mode '{mode}' is not known: none are added")
        return nothing
    table = read_table(spec if ":" in spec else f"{spec}:EVENTS")
    chosen = passes_image_selection(header, table)
    energy = table.column("PI")
    chosen &= (energy > plane.low_ev) & (energy <= plane.high_ev)
    ccdnr, rawx, rawy = (table.column(name) for name in ("CCDNR", "RAWX", "RAWY"))
    rows = {
        int(ccd): (int(rawy[ccdnr == ccd].min()), int(rawy[ccdnr == ccd].max())) for ccd in np.unique(ccdnr[chosen])
    }
    return out_of_time_image(view, loaded.field.shape, ccdnr[chosen], rawx[chosen], rows, part)


def passes_image_selection(header: Mapping[str, Any], table: SmallTable) -> NDArray[np.bool_]:
    """Rows that pass the conditions on FLAG and PATTERN of an image's data subspace; shape (rows,).

    Only those conditions that hold in all its components are tested.
    """
    space = read_dataspace(header, lambda _name: None)
    passes = np.ones(table.layout.rows, bool)
    for place, name in enumerate(space.names):
        values = {component[place] for component in space.components}
        if name.upper() in _SELECTED and len(values) == 1 and name.upper() in table.columns:
            passes &= _within(values.pop(), table.column(name.upper()))
    return passes


def _within(value: Value, column: NDArray[Any]) -> NDArray[np.bool_]:
    if isinstance(value, Bits):
        whole = column.astype(np.int64)
        return np.asarray(((whole & value.ones) == value.ones) & ((whole & value.zeros) == 0))
    if not isinstance(value, Ranges):
        return np.ones(column.shape, bool)
    passes = np.zeros(column.shape, bool)
    for bounds in value.bounds:
        above = column >= bounds.low if bounds.low_closed else column > bounds.low
        below = column <= bounds.high if bounds.high_closed else column < bounds.high
        passes |= above & below
    return passes
