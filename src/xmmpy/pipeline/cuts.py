"""Choose the flare cut of a rate curve and spell it for tabgtigen; `xmmpy.flares` finds the rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from xmmpy.tasks.ratecurves import read_curve

if TYPE_CHECKING:
    from pathlib import Path

    from xmmpy.flares import FlareCut, RateCurve

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


def cut_expression(cut: FlareCut) -> str:
    """Spell a cut as the expression of tabgtigen: ``(RATE<=0.35)``."""
    return limits_expression(cut.limit, cut.lower)


def limits_expression(limit: float, lower: float | None = None) -> str:
    """Spell limits in counts/s as an expression on the column RATE."""
    least = "" if lower is None else f"(RATE>={lower:.9g})&&"
    return f"{least}(RATE<={limit:.9g})"
