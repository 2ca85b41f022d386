"""Good and bad time written as text: the description that gtibuild reads.

The syntax is that of the gtibuild documentation, section "Input Files": each line has a start, a stop and
an operator (``+`` good, ``-`` bad; ``+g +b -g -b`` periodic, with the lengths of the two segments of a
period), ``#`` begins a comment, ``timeref`` gives the zero of the times in UTC.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.products.intervals import Intervals

if TYPE_CHECKING:
    from collections.abc import Callable

ETERNITY = 1.0e15  # s; stands for a stop of 0: 30 million years, which a double holds to a quarter second
_MAX_PERIODS = 5_000_000
_SLACK = 1e-9  # of a period: a stop that rounding puts behind a whole number of periods is on it
_CALENDAR = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*)?", re.ASCII)
_OPERATORS = ("+", "-", "+g", "+b", "-g", "-b")


class TimelineProblem(ValueError):
    """A line of the description that cannot be read; the text names the line and what is wrong."""


@dataclass(frozen=True, slots=True)
class _Entry:
    good: bool
    intervals: Intervals


def read_timeline(text: str, mission_time: Callable[[str], float]) -> Intervals:
    """Read a description of good and bad time.

    Parameters
    ----------
    text : str
        The description.
    mission_time : callable
        Gives the seconds since 1998-01-01T00:00:00 TT of a UTC time ``yyyy-mm-ddThh:mm:ss``; raises
        ValueError for what is none.

    Returns
    -------
    Intervals
        The good times less the bad ones; all time from 0 on, less the bad ones, where none is good.

    Raises
    ------
    TimelineProblem
        For a line that does not follow the syntax.
    """
    zero = 0.0
    references: set[float] = set()
    lines: list[tuple[int, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#", 1)[0].split()
        if words and words[0].lower() == "timeref":
            references.add(_reference(number, words, mission_time))
        elif words:
            lines.append((number, words))
    if len(references) > 1:
        raise TimelineProblem("timeref is given twice, with different times")
    if references:
        zero = references.pop()
    entries = [_entry(number, words, zero) for number, words in lines]
    good = _union([entry.intervals for entry in entries if entry.good])
    if not any(entry.good for entry in entries):
        good = Intervals.of([0.0], [ETERNITY])
    return good.subtract(_union([entry.intervals for entry in entries if not entry.good]))


def write_timeline(intervals: Intervals) -> str:
    """Write intervals as a description that `read_timeline` reads back to the last bit."""
    return "".join(
        f"{start!r} {0 if stop >= ETERNITY else stop!r} +\n"
        for start, stop in zip(intervals.start.tolist(), intervals.stop.tolist(), strict=True)
    )


def _reference(number: int, words: list[str], mission_time: Callable[[str], float]) -> float:
    if len(words) != 2:
        raise TimelineProblem(f"line {number}: timeref wants one time, yyyy-mm-ddThh:mm:ss")
    problem = f"line {number}: '{words[1]}' is not a time of the form yyyy-mm-ddThh:mm:ss"
    if not _CALENDAR.fullmatch(words[1]):
        raise TimelineProblem(problem)
    try:
        return mission_time(words[1])
    except ValueError:
        raise TimelineProblem(problem) from None


def _entry(number: int, words: list[str], zero: float) -> _Entry:
    operator = words[2] if len(words) > 2 else "+"
    if operator not in _OPERATORS:
        raise TimelineProblem(f"line {number}: '{operator}' is none of the operators {' '.join(_OPERATORS)}")
    wanted = 5 if len(operator) == 2 else 3
    if len(words) < 2 or len(words) > wanted or (wanted == 5 and len(words) != 5):
        form = "start stop operator length1 length2" if wanted == 5 else "start stop [operator]"
        raise TimelineProblem(f"line {number}: '{' '.join(words)}' is not of the form {form}")
    start, stop = (_number(number, word) for word in words[:2])
    endless = stop == 0
    if not endless and stop <= start:
        raise TimelineProblem(f"line {number}: the stop {words[1]} is not after the start {words[0]}")
    if wanted == 3:
        return _Entry(operator == "+", Intervals.of([start + zero], [ETERNITY if endless else stop + zero]))
    first, second = (_number(number, word) for word in words[3:])
    if endless or first <= 0 or second <= 0:
        problem = "a periodic interval wants a stop other than 0 and segments longer than 0"
        raise TimelineProblem(f"line {number}: {problem}")
    periods = max(math.ceil((stop - start) / (first + second) - _SLACK), 1)
    if periods > _MAX_PERIODS:
        raise TimelineProblem(f"line {number}: {periods} periods are more than a table can hold")
    begin = start + zero + (first + second) * np.arange(periods)
    good = operator[0] == "+"
    first_counts = (operator[1] == "g") == good
    if first_counts:
        return _Entry(good, Intervals.of(begin, begin + first))
    return _Entry(good, Intervals.of(begin + first, begin + (first + second)))


def _number(number: int, word: str) -> float:
    try:
        value = float(word.lower().replace("d", "e"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise TimelineProblem(f"line {number}: '{word}' is not a number of 0 or more")
    return value


def _union(parts: list[Intervals]) -> Intervals:
    if not parts:
        return Intervals.of([], [])
    start = np.concatenate([part.start for part in parts])
    return Intervals.of(start, np.concatenate([part.stop for part in parts]))
