"""The data subspace of a list or product: which selections it went through, as SAS keeps them in DS* keywords.

A data subspace is a list of descriptors (CCDNR, TIME, FLAG, PI, POS(X,Y)...) and of components; a row
belongs to it when it satisfies every descriptor of at least one component. Event lists have a component
for each CCD, so that each CCD has its own GTIs.

The order of descriptors and the names of new tables follow what SAS's evselect leaves in real files: a new
condition on a quantity that has one already is merged with it and moves to the end; conditions on bits are
never merged; a table made for descriptor number n of component c is called GTI(c-1, three digits)(n, two
digits), REG(c)(n) for regions.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from xmmpy.products.intervals import Intervals
from xmmpy.selection.ranges import EVERYTHING, Bits, Ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class RegionRow:
    """One figure of a region table.

    Attributes
    ----------
    shape : str
        Name in the FITS region convention, such as CIRCLE or ROTBOX.
    excluded : bool
        Whether points must lie outside it (``!CIRCLE``).
    x, y, size, angle : tuple of float
        Columns X, Y, R and ROTANG.
    component : int
        Rows of one component are combined with and, components with or.
    """

    shape: str
    excluded: bool
    x: tuple[float, ...]
    y: tuple[float, ...]
    size: tuple[float, ...] = ()
    angle: tuple[float, ...] = ()
    component: int = 0


@dataclass(frozen=True, slots=True)
class GoodTimes:
    """Good time intervals of a descriptor, and the name of their table (empty until it has one)."""

    intervals: Intervals = field(compare=False)
    table: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """A region table of a descriptor."""

    rows: tuple[RegionRow, ...]
    table: str = ""


Value = Ranges | Bits | GoodTimes | Figures


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a selection: on what, in which unit, and which values pass."""

    name: str
    value: Value
    unit: str = ""


@dataclass(frozen=True, slots=True)
class DataSpace:
    """Descriptors and components.

    Attributes
    ----------
    names, units : tuple of str, one for each descriptor
        DSTYPn and DSUNIn.
    components : tuple of tuples of values
        For each component one value per descriptor.
    """

    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    components: tuple[tuple[Value, ...], ...] = ((),)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that a row must have to be tested."""
        found: list[str] = []
        for place, name in enumerate(self.names):
            values = [component[place] for component in self.components]
            if any(isinstance(value, Figures) for value in values):
                found += name[name.index("(") + 1 : name.index(")")].split(",")
            elif not all(is_everything(value) for value in values):
                found.append(name)
        return tuple(dict.fromkeys(found))

    @property
    def tables(self) -> dict[str, Value]:
        """Tables that are referred to, by name, in the order of components and descriptors."""
        found: dict[str, Value] = {}
        for component in self.components:
            for value in component:
                if isinstance(value, (GoodTimes, Figures)) and value.table:
                    found.setdefault(value.table, value)
        return found

    def good_times(self) -> dict[int, Intervals]:
        """GTIs by CCD: those of the components with one CCDNR; key 0 for a component without.

        A range of times shortens the GTIs of its component.
        """
        found: dict[int, Intervals] = {}
        for component in self.components:
            good: Intervals | None = None
            ccd: int | None = 0
            named = list(zip(self.names, component, strict=True))
            for name, value in named:
                if isinstance(value, GoodTimes):
                    good = value.intervals if good is None else good.intersect(value.intervals)
                elif name.upper() == "CCDNR" and isinstance(value, Ranges):
                    ccd = value.single_value()
            for name, value in named:
                if name.upper() == "TIME" and isinstance(value, Ranges) and good is not None:
                    good = good.intersect(_intervals(value))
            if good is not None and ccd is not None:
                found[ccd] = found[ccd].unite(good) if ccd in found else good
        return found

    def select(self, alternatives: Sequence[Sequence[Condition]]) -> DataSpace:
        """Add a selection: any of the alternatives, each a list of conditions that must all hold.

        Components that no row can satisfy any more are dropped.
        """
        union = _union_of_descriptors(alternatives)
        merged = {key: place for key in union if (place := self._place(key)) is not None}
        stay = [place for place in range(len(self.names)) if place not in merged.values()]
        fresh = [key for key in union if key not in merged]
        late = [key for key in union if key in merged]
        numbers = _numbers(union, merged, len(stay))
        components = []
        both: dict[tuple[int, int], Value | None] = {}
        keyed = [_by_key(alternative) for alternative in alternatives]
        for old in self.components:
            for given in keyed:
                values: list[Value | None] = [old[place] for place in stay]
                values += [given[key].value if key in given else _everything(key) for key in fresh]
                for key in late:
                    before = old[merged[key]]
                    if key not in given:
                        values.append(before)
                        continue
                    pair = (id(before), id(given[key].value))
                    if pair not in both:
                        both[pair] = _intersect(before, given[key].value)
                    values.append(both[pair])
                components.append(values)
        names = [self.names[p] for p in stay] + [key[0] for key in (*fresh, *late)]
        units = [self.units[p] for p in stay] + [_unit(alternatives, key) for key in fresh]
        units += [self.units[merged[key]] for key in late]
        order = [0] * len(stay) + [numbers[key] for key in (*fresh, *late)]
        return _named(names, units, components, order)

    def alternatives(self) -> list[list[Condition]]:
        """The components as a selection that `select` adds to another data subspace; tables lose their names."""
        return [
            [
                Condition(name, replace(value, table="") if isinstance(value, GoodTimes | Figures) else value, unit)
                for name, unit, value in zip(self.names, self.units, component, strict=True)
                if not is_everything(value)
            ]
            for component in self.components
        ]

    def only_ccds(self, ccds: set[int]) -> DataSpace:
        """Drop the components of CCDs other than these; one component always stays."""
        if "CCDNR" not in self.names:
            return self
        place = self.names.index("CCDNR")
        kept = []
        for component in self.components:
            value = component[place]
            ccd = value.single_value() if isinstance(value, Ranges) else None
            if ccd is None or ccd in ccds:
                kept.append(component)
        return replace(self, components=tuple(kept) or self.components[:1])

    def _place(self, key: _Key) -> int | None:
        """Find the descriptor that a new condition is merged with: in no component is it of another kind."""
        name, kind, _ = key
        if kind is Bits:
            return None
        for place, own in enumerate(self.names):
            values = [component[place] for component in self.components]
            limits = [value for value in values if not is_everything(value)]
            if own.upper() == name.upper() and limits and all(isinstance(value, kind) for value in limits):
                return place
        return None


def is_everything(value: Value) -> bool:
    """Whether a value limits nothing: a descriptor that only other components need."""
    return value == Bits(0, 0) or (isinstance(value, Ranges) and value.everything)


def _intervals(ranges: Ranges) -> Intervals:
    return Intervals.of([bounds.low for bounds in ranges.bounds], [bounds.high for bounds in ranges.bounds])


_Key = tuple[str, type, int]


def _by_key(conditions: Iterable[Condition]) -> dict[_Key, Condition]:
    """Name each condition by what it is on; conditions on the same thing are intersected, bits kept apart."""
    found: dict[_Key, Condition] = {}
    for condition in conditions:
        kind = type(condition.value)
        number = sum(key[:2] == (condition.name, kind) for key in found) if kind is Bits else 0
        key = (condition.name, kind, number)
        if key in found:
            both = _intersect(found[key].value, condition.value)
            found[key] = replace(found[key], value=both if both is not None else Ranges(()))
        else:
            found[key] = condition
    return found


def _union_of_descriptors(alternatives: Sequence[Sequence[Condition]]) -> list[_Key]:
    union: list[_Key] = []
    for alternative in alternatives:
        union += [key for key in _by_key(alternative) if key not in union]
    return union


def _numbers(union: list[_Key], merged: dict[_Key, int], stay: int) -> dict[_Key, int]:
    """Give the number that each new descriptor lends to its tables: those before it that are new count."""
    numbers = {}
    position = stay + 1
    for key in union:
        numbers[key] = position
        position += key not in merged
    return numbers


def _unit(alternatives: Sequence[Sequence[Condition]], key: _Key) -> str:
    return next((given[key].unit for given in map(_by_key, alternatives) if key in given), "")


def _everything(key: _Key) -> Value:
    return Bits(0, 0) if key[1] is Bits else Ranges((EVERYTHING,))


def _intersect(before: Value, new: Value) -> Value | None:
    """Both conditions at once; None where nothing satisfies them."""
    if isinstance(before, Ranges) and isinstance(new, Ranges):
        both = before.intersect(new)
        return None if both.empty else both
    if isinstance(before, GoodTimes) and isinstance(new, GoodTimes):
        return GoodTimes(before.intervals.intersect(new.intervals))
    if isinstance(before, Figures) and isinstance(new, Figures):
        return Figures(_combine_figures(before.rows, new.rows))
    return new


def _combine_figures(first: tuple[RegionRow, ...], second: tuple[RegionRow, ...]) -> tuple[RegionRow, ...]:
    """Rows that say: in one component of the first and in one of the second."""
    components = [
        [row for row in first if row.component == one] + [row for row in second if row.component == two]
        for one in sorted({row.component for row in first})
        for two in sorted({row.component for row in second})
    ]
    return tuple(
        replace(row, component=number) for number, rows in enumerate(components) for row in dict.fromkeys(rows)
    )


def _named(names: list[str], units: list[str], components: list[list[Value | None]], order: list[int]) -> DataSpace:
    """Drop impossible components and name the tables that are new."""
    possible = [values for values in components if not any(_impossible(value) for value in values)]
    taken = {value.table for values in possible for value in values if isinstance(value, GoodTimes | Figures)}
    first: dict[int, Value] = {}
    finished = []
    for number, values in enumerate(possible):
        complete: list[Value] = []
        for place, value in enumerate(values):
            assert value is not None
            if isinstance(value, GoodTimes) and not value.table:
                value = replace(value, table=_free_name("GTI", number, order[place], taken))
            elif isinstance(value, Figures) and not value.table:
                same = first.get(place)
                if isinstance(same, Figures) and value.rows is same.rows:
                    value = same
                else:
                    value = replace(value, table=_free_name("REG", number + 1, order[place], taken))
            first.setdefault(place, value)
            complete.append(value)
        finished.append(tuple(complete))
    return DataSpace(tuple(names), tuple(units), tuple(dict.fromkeys(finished)))


def _free_name(stem: str, number: int, order: int, taken: set[str]) -> str:
    """Name a table; a number that an older table of the data subspace has is left out."""
    while (name := f"{stem}{number:03d}{order:02d}") in taken:
        number += 1
    taken.add(name)
    return name


def _impossible(value: Value | None) -> bool:
    return value is None or (isinstance(value, Ranges) and value.empty)
