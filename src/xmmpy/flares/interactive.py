"""What a user who picks the limit is shown: a suggestion, candidates and what each keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.flares.cut import FlareCut, fixed_cut, typical_limit
from xmmpy.flares.signal_to_noise import signal_to_noise_cut

if TYPE_CHECKING:
    from xmmpy.flares.curve import RateCurve

_AROUND = (0.5, 0.75, 1.5, 2.0)  # candidates, as multiples of the camera's usual limit


@dataclass(frozen=True, slots=True)
class Candidate:
    """A limit that could be taken.

    Attributes
    ----------
    name : str
        Where it comes from.
    cut : FlareCut
        The limit and what it keeps.
    """

    name: str
    cut: FlareCut


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A limit to offer first, and the others.

    Attributes
    ----------
    limit : float
        Suggested highest rate, counts/s.
    reason : str
        Why this one.
    candidates : tuple of Candidate
        By increasing limit.
    """

    limit: float
    reason: str
    candidates: tuple[Candidate, ...]

    def table(self) -> str:
        """Write the candidates as lines of text: limit, time kept, number of intervals, origin."""
        lines = [f"  {'limit':>9}  {'kept':>8}  {'share':>6}  {'GTIs':>5}  from"]
        for candidate in self.candidates:
            cut = candidate.cut
            mark = "*" if cut.limit == self.limit else " "
            kept = f"{cut.kept / 1e3:.1f} ks" if not cut.keeps_nothing else "nothing"
            share = f"{100 * cut.fraction:.0f} %"
            lines.append(f"{mark} {cut.limit:>9.4g}  {kept:>8}  {share:>6}  {len(cut.intervals):>5}  {candidate.name}")
        return "\n".join(lines)


def suggest(curve: RateCurve, camera: str) -> Suggestion:
    """Suggest a limit for a curve of the classic recipe (PI > 10 keV, PATTERN 0, 100 s bins).

    The camera's usual limit, where it keeps the same time as the best signal-to-noise ratio to a part in
    a hundred (a quiet observation, as a rule); else the limit of the best ratio.

    Parameters
    ----------
    curve : RateCurve
        The rate curve.
    camera : str
        As for `typical_limit`.
    """
    usual = fixed_cut(curve, typical_limit(camera))
    best = signal_to_noise_cut(curve)
    candidates = [Candidate("usual for this camera", usual), Candidate("best signal-to-noise ratio", best)]
    candidates += [
        Candidate(f"{factor:g} times the usual", fixed_cut(curve, round(factor * usual.limit, 6))) for factor in _AROUND
    ]
    if curve.observed.any():
        highest = float(np.nanmax(curve.rate)) + 0.5 / curve.bin_size
        candidates.append(Candidate("everything", fixed_cut(curve, highest)))
    by_limit: dict[float, Candidate] = {}
    for candidate in candidates:
        by_limit.setdefault(candidate.cut.limit, candidate)
    ordered = tuple(sorted(by_limit.values(), key=lambda candidate: candidate.cut.limit))
    if not usual.keeps_nothing and abs(usual.fraction - best.fraction) <= 0.01:
        reason = "the usual limit keeps what the best signal-to-noise ratio keeps"
        return Suggestion(usual.limit, reason, ordered)
    return Suggestion(best.limit, "the best signal-to-noise ratio lies here", ordered)


def asked_cut(curve: RateCurve, limit: float) -> FlareCut:
    """Cut at the rate that the user gave, counts/s."""
    return fixed_cut(curve, limit, "asked")
