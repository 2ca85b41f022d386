"""Data subspace keywords of a header: DSTYPn, DSUNIn, DSVALn, DSREFn, DSFORMn, nDSVALn, MTYPEn, MFORMn."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from xmmpy.selection.dataspace import DataSpace, Figures, GoodTimes, Value
from xmmpy.selection.ranges import Bits, Ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Card = tuple[str, str, str]

_KEYWORD = re.compile(r"(\d*)(DSTYP|DSUNI|DSVAL|DSREF|DSFORM|DSFOR)(\d+)\Z")
_PAIR = re.compile(r"(\w+)\((\w+),(\w+)\)")
_DESCRIPTOR = "data subspace descriptor"
_LONGEST_KEYWORD = 8


def is_dataspace_keyword(keyword: str) -> bool:
    """Whether a keyword belongs to the data subspace."""
    return bool(_KEYWORD.match(keyword) or re.match(r"M(TYPE|FORM)\d+\Z", keyword))


def read_dataspace(header: Mapping[str, Any], table: Callable[[str], Value | None]) -> DataSpace:
    """Read the data subspace from a header.

    Parameters
    ----------
    header : mapping
        Keywords and values.
    table : callable
        Gives the GTIs or figures of an extension by its name; None where it is missing.

    Returns
    -------
    DataSpace
        Descriptors whose value cannot be read (an unknown form, a missing table) are left out.
    """
    entries: dict[tuple[int, int], dict[str, str]] = {}
    for keyword, value in header.items():
        match = _KEYWORD.match(keyword)
        if match is not None:
            place = (int(match[1] or 1), int(match[3]))
            entries.setdefault(place, {})[match[2][:5]] = str(value).strip()
    numbers = sorted(n for (component, n), entry in entries.items() if component == 1 and "DSTYP" in entry)
    components = sorted({component for component, _ in entries} | ({1} if numbers else set()))
    values: dict[tuple[int, int], Value | None] = {}
    for component in components:
        for number in numbers:
            entry = entries.get((component, number))
            first = values.get((1, number))
            value = first if entry is None else _read_value(entry, table)
            if isinstance(value, Figures) and not _PAIR.match(entries[1, number]["DSTYP"]):
                value = None  # figures of what?
            values[component, number] = value
    readable = [n for n in numbers if all(values[component, n] is not None for component in components)]
    return DataSpace(
        names=tuple(_descriptor_name(entries[1, n]["DSTYP"]) for n in readable),
        units=tuple(entries[1, n].get("DSUNI", "") for n in readable),
        components=tuple(
            tuple(value for n in readable if (value := values[component, n]) is not None) for component in components
        )
        or ((),),
    )


def dataspace_cards(space: DataSpace) -> list[Card]:
    """Write a data subspace as keywords, in the order in which SAS writes them.

    Raises
    ------
    ValueError
        When it has so many descriptors and components that keywords cannot name them.
    """
    space = _variable_first(space)
    cards: list[Card] = []
    for number, (name, unit) in enumerate(zip(space.names, space.units, strict=True), 1):
        cards.append((f"DSTYP{number}", name, f"{_DESCRIPTOR}: name"))
        if unit:
            cards.append((f"DSUNI{number}", unit, f"{_DESCRIPTOR}: units"))
    for place, component in enumerate(space.components):
        prefix = "" if place == 0 else str(place + 1)
        for number, value in enumerate(component, 1):
            if place and value == space.components[0][number - 1]:
                continue
            cards += _value_cards(prefix, number, value, full=place == 0)
    pairs = dict.fromkeys(match.groups() for name in space.names if (match := _PAIR.match(name)))
    for number, (kind, x, y) in enumerate(pairs, 1):
        cards.append((f"MTYPE{number}", kind, "DM Keyword: Descriptor name"))
        cards.append((f"MFORM{number}", f"{x},{y}", ""))
    if any(len(keyword) > _LONGEST_KEYWORD for keyword, _, _ in cards):
        raise ValueError("the data subspace has too many components for its keywords")
    return cards


def _read_value(entry: dict[str, str], table: Callable[[str], Value | None]) -> Value | None:
    if "DSREF" in entry:
        return table(entry["DSREF"].lstrip(":").strip())
    text = entry.get("DSVAL", "")
    try:
        return Bits.parse(text) if text[:1] == "b" else Ranges.parse(text)
    except ValueError:
        return None


def _descriptor_name(text: str) -> str:
    """Undo a repetition of the column pair, ``DET(DETX,DETY)(DETX,DETY)``, that some SAS versions write."""
    match = _PAIR.match(text)
    return match[0] if match else text


def _value_cards(prefix: str, number: int, value: Value, *, full: bool) -> list[Card]:
    if isinstance(value, (GoodTimes, Figures)):
        reference = (f"{prefix}DSREF{number}", f":{value.table}", f"{_DESCRIPTOR}: reference")
        return [(f"DSVAL{number}", "TABLE", f"{_DESCRIPTOR}: value"), reference] if full else [reference]
    if isinstance(value, Bits):
        cards = [(f"DSFORM{number}", "X", f"{_DESCRIPTOR}: data type")] if full else []
        return [*cards, (f"{prefix}DSVAL{number}", value.text, f"{_DESCRIPTOR}: value")]
    return [(f"{prefix}DSVAL{number}", value.text, f"{_DESCRIPTOR}: value")]


def _variable_first(space: DataSpace) -> DataSpace:
    """Move the descriptors that differ between components to the front, where keywords would grow too long."""
    if len(space.names) < 10 or len(space.components) < 10:
        return space
    varies = [len({id(c[place]) for c in space.components}) > 1 for place in range(len(space.names))]
    order = sorted(range(len(varies)), key=lambda place: (not varies[place], place))
    return DataSpace(
        tuple(space.names[place] for place in order),
        tuple(space.units[place] for place in order),
        tuple(tuple(component[place] for place in order) for component in space.components),
    )
