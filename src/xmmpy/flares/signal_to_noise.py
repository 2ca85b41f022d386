"""The cut that leaves the best signal-to-noise ratio."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.flares.cut import FlareCut, fixed_cut

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.flares.curve import RateCurve

CHANCE = 0.001  # that the curve of a steady source loses a bin


def signal_to_noise_cut(curve: RateCurve) -> FlareCut:
    """Find the rate at which a constant faint source is measured best.

    With the bins sorted by rate, a source of constant rate has a signal that grows as the number N of
    bins kept, and a noise that grows as the root of the counts in them: N^2 / sum of their rates is
    largest at the best cut. Bins of one rate are kept or dropped together.

    Two things keep noise from being taken for flares. Bins without a count are left out of the search
    (with them in it the ratio would have no bound; where the rate is so low that a quiet bin is empty,
    leaving them out only loosens the cut). And the limit is never below the number of counts that a bin
    of a steady source of the kept mean rate exceeds in one curve of a thousand (Poisson, all bins
    together): a quiet curve loses nothing, but for that one in a thousand, which loses a bin or so.

    Parameters
    ----------
    curve : RateCurve
        The rate curve; its bins should hold about ten counts or more when it is quiet, or weak flares
        stay unseen (100 s bins do).

    Returns
    -------
    FlareCut
        Nothing is kept only where nothing was observed. A curve without a count keeps everything.
    """
    rates = np.sort(curve.rate[curve.observed])
    if not rates.size:
        return fixed_cut(curve, 1.0 / curve.bin_size, "signal to noise", ("nothing was observed",))
    counted = rates[rates > 0]
    if not counted.size:
        return fixed_cut(curve, 0.5 / curve.bin_size, "signal to noise", ("the curve holds no counts",))
    number = int(np.searchsorted(counted, counted[_best_number(counted) - 1], side="right"))
    while True:
        quiet_mean = float(np.mean(counted[:number])) * curve.bin_size
        allowed = (chance_counts(quiet_mean, rates.size) + 0.5) / curve.bin_size
        wider = int(np.searchsorted(counted, allowed, side="right"))
        if wider <= number:
            break
        number = wider
    if number == counted.size:
        limit = _above(float(counted[-1]), float(counted[-1]) + 0.5 / curve.bin_size)
        return fixed_cut(curve, limit, "signal to noise", ("no flare: the limit lies above every bin",))
    return fixed_cut(curve, _above(float(counted[number - 1]), float(counted[number])), "signal to noise")


def signal_to_noise(sorted_rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give N^2 / (sum of the N lowest rates) for N = 1 ... n.

    Parameters
    ----------
    sorted_rates : ndarray of float64, shape (n,)
        Positive rates, increasing.
    """
    number = np.arange(1, sorted_rates.size + 1, dtype=np.float64)
    return np.asarray(number**2 / np.cumsum(sorted_rates))


def chance_counts(mean: float, bins: int, chance: float = CHANCE) -> int:
    """Find the counts that a bin of a steady source reaches at most, but for a `chance` in all the bins.

    Parameters
    ----------
    mean : float
        Expected counts in a bin.
    bins : int
        Number of bins.
    chance : float
        Probability that any of the bins holds more.
    """
    from scipy.special import pdtrc, pdtrik  # the Poisson distribution, without the import of scipy.stats

    tail = -math.expm1(math.log1p(-chance) / max(bins, 1))
    counts = max(math.ceil(float(pdtrik(1.0 - tail, mean))), 0)
    while pdtrc(counts, mean) > tail:
        counts += 1
    while counts > 0 and pdtrc(counts - 1, mean) <= tail:
        counts -= 1
    return counts


def _best_number(counted: NDArray[np.float64]) -> int:
    """Give the number of bins at the maximum; the larger one where two are equal."""
    ratio = signal_to_noise(counted)
    return int(ratio.size - np.argmax(ratio[::-1]))


def _above(kept: float, dropped: float) -> float:
    """Pick the shortest decimal number from [kept, dropped) near the middle."""
    middle = (kept + dropped) / 2
    for digits in range(1, 17):
        short = float(f"{middle:.{digits}g}")
        if kept <= short < dropped:
            return short
    return kept
