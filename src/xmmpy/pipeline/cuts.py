"""Choose the flare cut of a rate curve and spell it for tabgtigen; `xmmpy.flares` finds the rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from pathlib import Path

    from xmmpy.flares import FlareCut, RateCurve
    from xmmpy.products.intervals import Intervals

# Asks the user: key of the exposure, file of the curve, the curve; gives the limit in counts/s.
Ask = Callable[[str, "Path", "RateCurve"], float]


class NoCutError(Exception):
    """No cut can be found; the text is one sentence for the user."""


def choose_cut(key: str, curve_file: Path, method: str, limit: float | None, ask: Ask | None) -> FlareCut:
    """Choose the cut of one exposure.

    Parameters
    ----------
    key : str
        ``mos1``, ``pn``, ``mos1_U002``.
    curve_file : Path
        Its rate curve.
    method : str
        ``fixed`` (then `limit` is the rate), ``auto``, ``histogram`` or ``ask``.
    limit : float or None
        Counts/s.
    ask : callable or None
        Asks the user; None where nobody can be asked.

    Raises
    ------
    FileProblem
        When the curve cannot be read.
    NoCutError
        When the method finds none.
    """
    from xmmpy import flares

    curve = read_curve(curve_file)
    try:
        if method == "fixed":
            assert limit is not None
            return flares.fixed_cut(curve, limit)
        if method == "histogram":
            return flares.histogram_cut(curve, flares.HistogramSettings.for_camera(key))
        if method == "auto":
            return flares.signal_to_noise_cut(curve)
        if ask is None:
            raise NoCutError("nobody can be asked for the flare cut here")
        return flares.asked_cut(curve, ask(key, curve_file, curve))
    except (flares.NoCutFound, ValueError) as error:
        raise NoCutError(f"{error}; give a limit with --flare-cut {key}=RATE") from None


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


def cut_expression(cut: FlareCut) -> str:
    """Spell a cut as the expression of tabgtigen: ``(RATE<=0.35)``."""
    return limits_expression(cut.limit, cut.lower)


def limits_expression(limit: float, lower: float | None = None) -> str:
    """Spell limits in counts/s as an expression on the column RATE."""
    least = "" if lower is None else f"(RATE>={lower:.9g})&&"
    return f"{least}(RATE<={limit:.9g})"
