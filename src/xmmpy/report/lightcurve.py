"""A light curve as lines of a picture: the rate, the cut, the time kept and the time rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.report.numbers import nice_step, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.flares import RateCurve
    from xmmpy.products.intervals import Intervals

_LONGEST = 1e10  # s
_MOST_BINS = 3000  # more than pixels on any screen
_COMPRESS_ABOVE = 4.0  # times the limit: from here on the rates are drawn on an asinh scale


@dataclass(frozen=True, slots=True)
class Tick:
    """A place along an axis in per cent, and its text."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class CurvePicture:
    """Everything the page draws, in a box of 1000 x 1000 with y downwards.

    Attributes
    ----------
    line : str
        Data of an SVG path: the rate in steps.
    rejected : tuple of (float, float)
        Begin and width of what is not in the GTIs.
    cuts : tuple of float
        Heights of the lines of the cut.
    x_ticks, y_ticks : tuple of Tick
        Times in ks since the begin, rates in counts/s; per cent from the left and from the bottom.
    compressed : bool
        Whether the rates are on an asinh scale.
    begin : float
        Time of the left border, seconds (MET).
    bin_size : float
        Width of a bin, seconds.
    highest : float
        Highest rate, counts/s.
    """

    line: str
    rejected: tuple[tuple[float, float], ...]
    cuts: tuple[float, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    compressed: bool
    begin: float
    bin_size: float
    highest: float


def draw_curve(curve: RateCurve, kept: Intervals | None, limits: tuple[float, ...]) -> CurvePicture:
    """Lay a light curve out.

    Parameters
    ----------
    curve : RateCurve
        The rates.
    kept : Intervals or None
        Good time; nothing is shaded where it is not known.
    limits : tuple of float
        Rates to mark, counts/s.

    Raises
    ------
    ValueError
        When the times span nothing that can be drawn.
    """
    half = curve.bin_size / 2
    begin, end = float(curve.time[0]) - half, float(curve.time[-1]) + half
    if not 0 < end - begin < _LONGEST:
        raise ValueError("its times span nothing, or more than a mission")
    finite = curve.rate[np.isfinite(curve.rate)]
    highest = float(finite.max()) if finite.size else 0.0
    bend = max(limits, default=0.0)
    compressed = bool(bend > 0 and highest > _COMPRESS_ABOVE * bend)
    top = max(highest * 1.06, bend * 1.25) or 1.0
    y_axis = _Axis(top, bend if compressed else 0.0)
    time, rate, width = _thinned(curve)
    x = (time - begin) / (end - begin) * 1000
    line = _steps(x - 500 * width / (end - begin), x + 500 * width / (end - begin), 1000 - 10 * y_axis.place(rate))
    rejected: tuple[tuple[float, float], ...] = ()
    if kept is not None:
        rejected = tuple(
            (
                round((start - begin) / (end - begin) * 1000, 1),
                round((stop - start) / (end - begin) * 1000, 1),
            )
            for start, stop in _outside(kept, begin, end)
        )
    return CurvePicture(
        line=line,
        rejected=rejected,
        cuts=tuple(round(1000 - 10 * float(y_axis.place(limit)), 1) for limit in limits),
        x_ticks=_time_ticks((end - begin) / 1000),
        y_ticks=y_axis.ticks(),
        compressed=compressed,
        begin=begin,
        bin_size=curve.bin_size,
        highest=highest,
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """From rates to per cent of the height: linear, or asinh with its bend at the limit."""

    top: float
    bend: float

    def place(self, rate: NDArray[np.float64] | float) -> NDArray[np.float64]:
        values = np.asarray(rate, np.float64)
        if self.bend > 0:
            return np.asarray(100 * np.arcsinh(values / self.bend) / np.arcsinh(self.top / self.bend))
        return 100 * values / self.top

    def ticks(self) -> tuple[Tick, ...]:
        if self.bend > 0:
            lowest = 10.0 ** np.floor(np.log10(self.bend))
            decades = int(np.ceil(np.log10(self.top / lowest))) + 1
            values = [
                0.0,
                *(lowest * 10.0**power * factor for power in range(decades) for factor in (1, 2, 5)),
            ]
        else:
            step = nice_step(self.top, 4)
            values = [step * number for number in range(int(self.top / step) + 1)]
        ticks: list[Tick] = []
        for value in values:
            place = round(float(self.place(value)), 2)
            if place <= 100 and (not ticks or place - ticks[-1].place >= 14):
                ticks.append(Tick(place, plain(value)))
        return tuple(ticks)


def _time_ticks(span: float) -> tuple[Tick, ...]:
    """Ticks in ks."""
    step = nice_step(span, 5)
    return tuple(Tick(round(100 * step * n / span, 2), plain(step * n)) for n in range(int(span / step + 1e-9) + 1))


def _thinned(
    curve: RateCurve,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Average neighbouring bins until there are few enough to draw."""
    group = -(-curve.time.size // _MOST_BINS)
    if group == 1:
        return curve.time, curve.rate, curve.bin_size
    whole = curve.time.size // group * group
    rates = curve.rate[:whole].reshape(-1, group)
    valid = np.isfinite(rates)
    number = valid.sum(axis=1)
    mean = np.where(valid, rates, 0).sum(axis=1) / np.where(number > 0, number, np.nan)
    return curve.time[:whole].reshape(-1, group).mean(axis=1), mean, curve.bin_size * group


def _steps(
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    height: NDArray[np.float64],
) -> str:
    """Path of a histogram line; it is interrupted where bins are missing or have no rate."""
    words: list[str] = []
    last = -np.inf
    for begin, end, y in zip(left.tolist(), right.tolist(), height.tolist(), strict=True):
        if not np.isfinite(y):
            continue
        words.append(f"V{y:.1f}H{end:.2f}" if begin - last < 0.3 * (end - begin) else f"M{begin:.2f} {y:.1f}H{end:.2f}")
        last = end
    return "".join(words)


def _outside(kept: Intervals, begin: float, end: float) -> list[tuple[float, float]]:
    """What of [begin, end] lies outside the intervals."""
    starts = np.concatenate(([begin], np.clip(kept.stop, begin, end)))
    stops = np.concatenate((np.clip(kept.start, begin, end), [end]))
    return [(float(a), float(b)) for a, b in zip(starts, stops, strict=True) if b > a]
