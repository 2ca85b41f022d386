"""The data subspace of a block in words: which selections its rows or pixels went through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xmmpy.products.errors import FileProblem
from xmmpy.report.numbers import duration
from xmmpy.selection.dataspace import Figures, GoodTimes, Value
from xmmpy.selection.keywords import read_dataspace
from xmmpy.selection.ranges import Bits, Bounds, Ranges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xmmpy.products.files import FitsFile, Hdu

_INFINITY = float("inf")


def subspace_words(file: FitsFile, hdu: Hdu) -> tuple[str, ...]:
    """Say what was selected, one text for each group of CCDs with the same selection.

    Parameters
    ----------
    file : FitsFile
        The open file, for the GTIs that the keywords refer to.
    hdu : Hdu
        The block whose header is read.
    """

    def table(name: str) -> Value | None:
        from xmmpy.products.gti import intervals_of
        from xmmpy.products.tables import table_of

        try:
            content = table_of(file, file.find(name))
            if "START" in content.columns:
                return GoodTimes(intervals_of(content), name)
            return Figures((), name)
        except FileProblem:
            return None

    space = read_dataspace(hdu.header, table)
    groups: dict[str, list[Component]] = {}
    for values in space.components:
        component = _component(space.names, space.units, values)
        groups.setdefault(component.words, []).append(component)
    return tuple(_group_words(words, members) for words, members in groups.items() if words or members[0].total)


class Component:
    """One component in words: its CCD, its good time, and everything else.

    Parameters
    ----------
    ccd : str
        Which CCDs, empty where all.
    total : float
        Good time in seconds, 0 where there is no selection of time.
    words : str
        The other conditions.
    """

    __slots__ = ("ccd", "total", "words")

    def __init__(self, ccd: str, total: float, words: str) -> None:
        self.ccd, self.total, self.words = ccd, total, words


def _component(names: Sequence[str], units: Sequence[str], values: Sequence[Value]) -> Component:
    ccd, good, words = "", None, []
    for name, unit, value in zip(names, units, values, strict=True):
        if isinstance(value, GoodTimes):
            good = value.intervals if good is None else good.intersect(value.intervals)
        elif name.upper() == "CCDNR" and isinstance(value, Ranges):
            ccd = value.text
        elif (text := condition_words(name, unit, value)) and text not in words:
            words.append(text)
    return Component(ccd, 0.0 if good is None else good.total, "; ".join(words))


def _group_words(words: str, members: list[Component]) -> str:
    parts = []
    ccds = [member.ccd for member in members if member.ccd]
    if ccds:
        parts.append(f"CCD {_runs(ccds)}")
    totals = [member.total for member in members if member.total > 0]
    if totals:
        low, high = duration(min(totals)), duration(max(totals))
        parts.append(f"good time {low}" if low == high else f"good time {low} to {high}")
    if words:
        parts.append(words)
    return "; ".join(parts)


def _runs(names: list[str]) -> str:
    """Join names, consecutive numbers as ``1-7``."""
    runs: list[list[str]] = []
    for name in names:
        follows = runs and name.isdecimal() and runs[-1][-1].isdecimal() and int(name) == int(runs[-1][-1]) + 1
        if follows:
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def condition_words(name: str, unit: str, value: Value) -> str:
    """Say one condition: ``PI from 500 to 2000 eV``, ``PATTERN at most 12``, ``FLAG & 0x766ba000 == 0``."""
    if isinstance(value, Figures):
        return f"{name} in the regions of {value.table}"
    if isinstance(value, GoodTimes):
        return f"{name} in the good times of {value.table}"
    if isinstance(value, Bits):
        mask = value.ones | value.zeros
        return f"{name} & {mask:#x} == {value.ones:#x}" if value.ones else f"{name} & {mask:#x} == 0"
    if value.everything:
        return ""
    suffix = f" {unit}" if unit else ""
    return f"{name} " + " or ".join(_bounds_words(bounds) for bounds in value.bounds) + suffix


def _bounds_words(bounds: Bounds) -> str:
    low, high = f"{bounds.low:.12g}", f"{bounds.high:.12g}"
    if bounds.low == bounds.high:
        return f"= {low}"
    if bounds.low == -_INFINITY:
        return f"at most {high}" if bounds.high_closed else f"below {high}"
    if bounds.high == _INFINITY:
        return f"at least {low}" if bounds.low_closed else f"above {low}"
    open_ends = [end for end, closed in ((low, bounds.low_closed), (high, bounds.high_closed)) if not closed]
    return f"from {low} to {high}" + (f" (without {' and '.join(open_ends)})" if open_ends else "")
