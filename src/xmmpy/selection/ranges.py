"""Values of a data subspace that are no tables: lists of intervals, and patterns of bits."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_BOUND = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?"
_INTERVAL = re.compile(rf"\s*([\[(]?)\s*({_BOUND})?\s*(?:(:)\s*({_BOUND})?)?\s*([\])]?)\s*\Z")
_INFINITY = math.inf


@dataclass(frozen=True, slots=True, order=True)
class Bounds:
    """One interval; infinite bounds are open ends."""

    low: float = -_INFINITY
    high: float = _INFINITY
    low_closed: bool = True
    high_closed: bool = True

    @property
    def empty(self) -> bool:
        """Whether no number lies in it."""
        return self.low > self.high or (self.low == self.high and not (self.low_closed and self.high_closed))

    def intersect(self, other: Bounds) -> Bounds:
        """Numbers in both."""
        low, low_closed = max((self.low, not self.low_closed), (other.low, not other.low_closed))
        high, high_closed = min((self.high, self.high_closed), (other.high, other.high_closed))
        return Bounds(low, high, not low_closed, high_closed)

    @property
    def text(self) -> str:
        """As a DSVAL keyword has it: ``500:2000``, ``:12``, ``0``, ``(200:12000)``."""
        low = "" if self.low == -_INFINITY else _spell(self.low)
        high = "" if self.high == _INFINITY else _spell(self.high)
        if low and low == high:
            return low
        if self.low_closed and self.high_closed:
            return f"{low}:{high}"
        left = "[" if self.low_closed and low else "("
        right = "]" if self.high_closed and high else ")"
        return f"{left}{low}:{high}{right}"


EVERYTHING = Bounds()


@dataclass(frozen=True, slots=True)
class Ranges:
    """A list of intervals, any of which may hold the value."""

    bounds: tuple[Bounds, ...]

    @classmethod
    def parse(cls, text: str) -> Ranges:
        """Read a DSVAL keyword.

        Raises
        ------
        ValueError
            When it is no list of intervals.
        """
        return cls(tuple(_parse_interval(part) for part in text.split(",")))

    @property
    def text(self) -> str:
        """As a DSVAL keyword has it."""
        return ",".join(bounds.text for bounds in self.bounds)

    @property
    def empty(self) -> bool:
        """Whether no number lies in any of them."""
        return not self.bounds

    @property
    def everything(self) -> bool:
        """Whether all numbers lie in one of them."""
        return EVERYTHING in self.bounds

    def intersect(self, other: Ranges) -> Ranges:
        """Numbers in both lists."""
        pieces = [mine.intersect(theirs) for mine in self.bounds for theirs in other.bounds]
        return Ranges(tuple(sorted(piece for piece in pieces if not piece.empty)))

    def unite(self, other: Ranges) -> Ranges:
        """Numbers in either list; overlapping intervals are joined."""
        joined: list[Bounds] = []
        for bounds in sorted((*self.bounds, *other.bounds), key=lambda b: (b.low, not b.low_closed)):
            if joined and _touch(joined[-1], bounds):
                last = joined[-1]
                high, closed = max((last.high, last.high_closed), (bounds.high, bounds.high_closed))
                joined[-1] = Bounds(last.low, high, last.low_closed, closed)
            else:
                joined.append(bounds)
        return Ranges(tuple(joined))

    def complement(self) -> Ranges:
        """Numbers in none of them."""
        rest = Ranges((EVERYTHING,))
        for bounds in self.bounds:
            outside = []
            if bounds.low != -_INFINITY:
                outside.append(Bounds(high=bounds.low, high_closed=not bounds.low_closed))
            if bounds.high != _INFINITY:
                outside.append(Bounds(low=bounds.high, low_closed=not bounds.high_closed))
            rest = rest.intersect(Ranges(tuple(outside)))
        return rest

    def single_value(self) -> int | None:
        """The one whole number that it admits, such as the CCD of a component; else None."""
        if len(self.bounds) == 1 and self.bounds[0].low == self.bounds[0].high:
            value = self.bounds[0].low
            return int(value) if value == int(value) else None
        return None


@dataclass(frozen=True, slots=True)
class Bits:
    """Bits that must be set and bits that must not.

    Attributes
    ----------
    ones, zeros : int
        Masks of the bits that are 1 and 0.
    """

    ones: int
    zeros: int

    @classmethod
    def parse(cls, text: str) -> Bits:
        """Read a DSVAL keyword such as ``b0x1``.

        Raises
        ------
        ValueError
            When it is no bit pattern.
        """
        if not re.fullmatch(r"b[01xX]+", text.strip()):
            raise ValueError(f"'{text}' is no bit pattern")
        digits = text.strip()[1:].lower()
        ones = int(digits.replace("x", "0"), 2)
        zeros = int(digits.replace("1", "x").replace("0", "1").replace("x", "0"), 2)
        return cls(ones, zeros)

    @property
    def text(self) -> str:
        """As a DSVAL keyword has it: from the highest bit that matters down to bit 0."""
        length = max((self.ones | self.zeros).bit_length(), 1)
        digits = ("1" if self.ones >> bit & 1 else "0" if self.zeros >> bit & 1 else "x" for bit in range(length))
        return "b" + "".join(digits)[::-1]


def _parse_interval(text: str) -> Bounds:
    match = _INTERVAL.match(text)
    if match is None or not text.strip():
        raise ValueError(f"'{text}' is no interval")
    left, low_text, colon, high_text, right = match.groups()
    low = _number(low_text) if low_text else -_INFINITY
    if colon is None:
        if not low_text:
            raise ValueError(f"'{text}' is no interval")
        return Bounds(low, low)
    high = _number(high_text) if high_text else _INFINITY
    return Bounds(low, high, left != "(" or not low_text, right != ")" or not high_text)


def _number(text: str) -> float:
    return float(text.lower().replace("d", "e"))


def _spell(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.15g}"


def _touch(first: Bounds, second: Bounds) -> bool:
    if second.low == first.high:
        return second.low_closed or first.high_closed
    return second.low < first.high
