"""Curves as text, for a terminal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xmmpy.flares.curve import RateCurve
    from xmmpy.products.intervals import Intervals

_STEEP = 4.0  # a peak higher than this many times the limit is drawn on a logarithmic axis


@dataclass(frozen=True, slots=True)
class Marks:
    """The characters of a plot."""

    point: str = "•"
    span: str = "┃"
    level: str = "╌"
    axis: str = "│"
    corner: str = "└"
    floor: str = "─"
    kept: str = "▬"


UNICODE = Marks()
ASCII = Marks("*", "|", "-", "|", "+", "-", "=")


def text_plot(
    curve: RateCurve,
    limit: float | None = None,
    width: int = 78,
    height: int = 16,
    *,
    lower: float | None = None,
    kept: Intervals | None = None,
    marks: Marks = UNICODE,
) -> str:
    """Draw a rate curve with its limit, and under it the time that the limit keeps.

    Parameters
    ----------
    curve : RateCurve
        The rate curve.
    limit : float or None
        Highest rate kept, counts/s; drawn as a broken line.
    width, height : int
        Size in characters, axes included; at least 24 by 6 are used.
    lower : float or None
        Lowest rate kept.
    kept : Intervals or None
        The time kept, where it does not follow from the limits and this curve.
    marks : Marks
        Characters to draw with: `UNICODE` or `ASCII`.

    Returns
    -------
    str
        Lines joined by newlines, none longer than `width`.
    """
    seen = curve.rate[curve.observed]
    if not seen.size:
        return "(nothing was observed)"
    levels = [level for level in (lower, limit) if level is not None and level > 0]
    positive = seen[seen > 0]
    reference = max([*levels, float(np.median(positive)) if positive.size else 0.0])
    steep = bool(positive.size) and float(seen.max()) > _STEEP * reference
    times = (curve.time - curve.time[0] + curve.bin_size / 2) / 1e3
    label = f"time since {curve.time[0] - curve.bin_size / 2:.0f} s, ks"
    with_kept = bool(levels) or kept is not None
    lines = plot_values(
        times, curve.rate, width, height - with_kept,
        levels=levels, logarithmic=steep, labels=(label, "counts/s"), marks=marks,
    ).splitlines()  # fmt: skip
    if with_kept:
        good = _kept_bins(curve, limit, lower, kept)
        lines.insert(-2, _kept_line(times, good, curve.observed, max(width, 24), marks))
    return "\n".join(lines)


def plot_values(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    width: int = 78,
    height: int = 16,
    *,
    levels: Sequence[float] = (),
    logarithmic: bool = False,
    labels: tuple[str, str] = ("", ""),
    marks: Marks = UNICODE,
) -> str:
    """Draw y against x; each column of characters spans the values that fall into it.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        The values; pairs that are not finite are left out.
    width, height : int
        Size in characters, axes included; at least 24 by 6 are used.
    levels : sequence of float
        Values of y to mark by broken lines.
    logarithmic : bool
        Scale of y; values that are not positive lie at its foot.
    labels : tuple of str
        What x and y are.
    marks : Marks
        Characters to draw with.
    """
    valid = np.isfinite(x) & np.isfinite(y)
    if not valid.any():
        return "(no finite values to plot)"
    columns, rows = _room(width, height)
    shown, heights = _column_of(x[valid], columns), y[valid]
    low, high = _range(heights, levels, logarithmic)
    place = _row_of(heights, low, high, rows, logarithmic)
    grid = [[" "] * columns for _ in range(rows)]
    for level in levels:
        line = int(_row_of(np.array([level]), low, high, rows, logarithmic)[0])
        grid[line] = [marks.level] * columns
    for column in np.unique(shown):
        inside = place[shown == column]
        first, last = int(inside.min()), int(inside.max())
        for row in range(first, last + 1):
            grid[row][column] = marks.point if first == last else marks.span
    middle = math.sqrt(low * high) if logarithmic else (low + high) / 2
    names = {rows - 1: f"{high:.4g}", 0: f"{low:.4g}", (rows - 1) // 2: f"{middle:.3g}"}
    for level in levels:
        names[int(_row_of(np.array([level]), low, high, rows, logarithmic)[0])] = f"{level:.4g}"
    lines = [labels[1]] if labels[1] else []
    lines += [f"{names.get(row, ''):>8} {marks.axis}{''.join(grid[row])}" for row in reversed(range(rows))]
    lines.append(f"{'':>8} {marks.corner}{marks.floor * columns}")
    lines.append(_foot(float(x[valid].min()), float(x[valid].max()), columns, labels[0]))
    return "\n".join(line[: max(width, 24)].rstrip() for line in lines)


def interval_bar(intervals: Intervals, low: float, high: float, width: int, marks: Marks = UNICODE) -> str:
    """Draw intervals on one line from time `low` to `high`; a short one still shows."""
    bar = [" "] * max(width, 1)
    scale = len(bar) / (high - low) if high > low else 0.0
    for start, stop in zip(intervals.start, intervals.stop, strict=True):
        if stop <= low or start >= high:
            continue
        first = min(int((max(start, low) - low) * scale), len(bar) - 1)
        last = min(max(math.ceil((min(stop, high) - low) * scale), first + 1), len(bar))
        bar[first:last] = [marks.kept] * (last - first)
    return "".join(bar)


def _room(width: int, height: int) -> tuple[int, int]:
    """Give the columns and rows inside the axes."""
    return max(width, 24) - 10, max(height, 6) - 3


def _column_of(x: NDArray[np.float64], columns: int) -> NDArray[np.int64]:
    low, high = float(x.min()), float(x.max())
    if high <= low:
        return np.full(x.shape, columns // 2, np.int64)
    return np.minimum((x - low) / (high - low) * columns, columns - 1).astype(np.int64)


def _row_of(y: NDArray[np.float64], low: float, high: float, rows: int, logarithmic: bool) -> NDArray[np.int64]:
    if logarithmic:
        y, low, high = np.log(np.maximum(y, low)), math.log(low), math.log(high)
    scaled = (y - low) / (high - low) * (rows - 1)
    return np.clip(np.rint(scaled), 0, rows - 1).astype(np.int64)


def _range(y: NDArray[np.float64], levels: Sequence[float], logarithmic: bool) -> tuple[float, float]:
    """Give the ends of the axis: from 0 where nothing is negative, never empty."""
    high = max(float(y.max()), *levels) if levels else float(y.max())
    low = min(float(y.min()), *levels) if levels else float(y.min())
    if logarithmic:
        positive = y[y > 0]
        low = float(positive.min()) if positive.size else 1.0
        low = max(min(low, *levels) if levels else low, float(np.finfo(np.float64).tiny))  # below, 1.1 times it is it
        return low, max(high, low * 1.1)
    if 0 <= low <= high / 2:
        low = 0.0
    margin = max(0.5, abs(high) * 1e-9)  # large values hide a half
    return (low, high) if high > low else (low - margin, high + margin)


def _kept_bins(curve: RateCurve, limit: float | None, lower: float | None, kept: Intervals | None) -> NDArray[np.bool_]:
    if kept is not None:
        return kept.contains(curve.time)
    low = np.nan_to_num(curve.rate, nan=-1.0) >= (lower or 0.0)
    return low & (np.nan_to_num(curve.rate, nan=np.inf) <= (np.inf if limit is None else limit))


def _kept_line(
    times: NDArray[np.float64], kept: NDArray[np.bool_], observed: NDArray[np.bool_], width: int, marks: Marks
) -> str:
    """Mark the columns in which most of the bins are kept."""
    columns = _room(width, 6)[0]
    place = _column_of(times[observed], columns)
    number = np.bincount(place, minlength=columns)
    good = np.bincount(place, weights=kept[observed], minlength=columns)
    bar = "".join(marks.kept if n and 2 * g >= n else " " for n, g in zip(number, good, strict=True))
    return f"{'kept':>8} {marks.axis}{bar}".rstrip()


def _foot(low: float, high: float, columns: int, label: str) -> str:
    left, right = f"{low:.9g}", f"{high:.9g}"
    room = columns - len(left) - len(right)
    middle = label if len(label) + 2 <= room else ""
    return f"{'':>10}{left}{middle:^{max(room, 1)}}{right}"
