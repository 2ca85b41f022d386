"""What a flare cut is, and the simplest one: a fixed rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.flares.curve import RateCurve
    from xmmpy.products.intervals import Intervals

Method = Literal["fixed", "signal to noise", "histogram", "asked"]

# Counts/s above 10 keV, single events, 100 s bins: the limits of the SAS threads on flare filtering.
MOS_LIMIT = 0.35
PN_LIMIT = 0.4


class NoCutFound(ValueError):
    """A method finds no cut on this curve; the text says why. The caller may take another method."""


@dataclass(frozen=True, slots=True)
class FlareCut:
    """A limit on the rate, and the time that it keeps.

    Attributes
    ----------
    method : str
        How it was found: ``fixed``, ``signal to noise``, ``histogram`` or ``asked``.
    limit : float
        Highest rate that is kept, counts/s.
    kept, total : float
        Seconds kept, and seconds observed.
    intervals : Intervals
        The time kept; empty when nothing is.
    lower : float or None
        Lowest rate that is kept, counts/s, where the method sets one.
    remarks : tuple of str
        What the user should know of how it was found.
    """

    method: Method
    limit: float
    kept: float
    total: float
    intervals: Intervals
    lower: float | None = None
    remarks: tuple[str, ...] = ()

    @property
    def fraction(self) -> float:
        """Fraction of the observed time that is kept, 0 to 1."""
        return self.kept / self.total if self.total > 0 else 0.0

    @property
    def keeps_nothing(self) -> bool:
        """Whether no time is left; the caller decides what that means."""
        return self.kept <= 0

    def describe(self) -> str:
        """Say in one line what is kept: ``rate <= 0.4 counts/s keeps 21.7 of 23.8 ks (91.2 %)``."""
        bounds = f"rate <= {self.limit:.6g} counts/s"
        if self.lower is not None and self.lower > 0:
            bounds = f"{self.lower:.4g} <= {bounds}"
        if self.keeps_nothing:
            return f"{bounds} keeps nothing of {self.total / 1e3:.1f} ks"
        percent = f"{100 * self.fraction:.1f} %"
        return f"{bounds} keeps {self.kept / 1e3:.1f} of {self.total / 1e3:.1f} ks ({percent})"


def typical_limit(camera: str) -> float:
    """Give the usual limit of a camera in counts/s (PI > 10 keV, PATTERN 0, 100 s bins).

    Parameters
    ----------
    camera : str
        ``mos1``, ``mos2``, ``pn``, or as in INSTRUME: ``EMOS1``, ``EMOS2``, ``EPN``; more may follow
        (``mos2_U002``).

    Raises
    ------
    ValueError
        For another camera.
    """
    name = camera.strip().lower().removeprefix("e")
    if name.startswith("mos"):
        return MOS_LIMIT
    if name.startswith("pn"):
        return PN_LIMIT
    raise ValueError(f"'{camera}' is no EPIC camera: mos1, mos2 or pn")


def fixed_cut(curve: RateCurve, limit: float, method: Method = "fixed", remarks: tuple[str, ...] = ()) -> FlareCut:
    """Keep the bins whose rate is at most `limit`.

    Parameters
    ----------
    curve : RateCurve
        The rate curve.
    limit : float
        Counts/s.
    method : str
        How the limit was found.
    remarks : tuple of str
        Passed on to the result.

    Raises
    ------
    ValueError
        When the limit is not a positive number.
    """
    if not (np.isfinite(limit) and limit > 0):
        raise ValueError(f"the limit of a flare cut must be a positive rate, not {limit}")
    chosen: NDArray[np.bool_] = curve.observed & (np.nan_to_num(curve.rate, nan=np.inf) <= limit)
    kept = float(np.count_nonzero(chosen)) * curve.bin_size
    intervals = curve.intervals_where(chosen)
    return FlareCut(method, float(limit), kept, curve.observed_time, intervals, remarks=remarks)
