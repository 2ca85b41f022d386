"""Read rate curves that evselect wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from pathlib import Path

    from xmmpy.flares import RateCurve
    from xmmpy.products.intervals import Intervals


def read_curve(path: Path) -> RateCurve:
    """Read a rate curve; the bins of pauses in the exposure count as not observed.

    Raises
    ------
    FileProblem
        When it cannot be read, or holds no curve.
    """
    from xmmpy.flares import RateCurve
    from xmmpy.products.files import FitsFile
    from xmmpy.products.gti import intervals_of
    from xmmpy.products.tables import table_of

    exposure: Intervals | None = None
    with FitsFile(path) as file:
        table = table_of(file, file.find("RATE"))
        for hdu in file.hdus:
            if hdu.name.startswith(("STDGTI", "GTI0")) and hdu.is_table:
                intervals = intervals_of(table_of(file, hdu))
                exposure = intervals if exposure is None else exposure.unite(intervals)
    errors = table.columns.get("ERROR")
    width = table.header.get("TIMEDEL")
    try:
        curve = RateCurve.of(table.column("TIME"), table.column("RATE"), width, errors)
    except (TypeError, ValueError) as error:
        raise FileProblem(path, f"holds no rate curve ({error})", "make it again") from None
    return curve if exposure is None else curve.within(exposure)
