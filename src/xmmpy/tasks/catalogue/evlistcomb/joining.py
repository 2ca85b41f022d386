"""Tables of several CCDs put together, and the headers that go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xmmpy.products.blocks import Block, NewColumn, table_block
from xmmpy.products.header import Header
from xmmpy.tasks.catalogue.evlistcomb.ccdlists import CCD_KEYWORDS, CcdList, column_keyword, is_structure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from xmmpy.tasks.catalogue.evlistcomb.parameters import EvlistcombParameters
    from xmmpy.tasks.session import Session

TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "int8": ("B", "u1"), "int16": ("I", "i2"), "int32": ("J", "i4"), "single": ("E", "f4"), "double": ("D", "f8"),
    "boolean": ("L", "S1"), "string": ("A", "S"),
}  # fmt: skip
"""Words for types of columns: TFORM, and numpy's name."""
_CCDNR = "CCDNR"
_CCDS: Final = {"emos": (17, "1st digit=node (0/1), 2nd digit=CCD (1/7)"), "epn": (12, "CCD number (1/12)")}
"""Greatest CCDNR, and what the column means, as in real lists."""
_SUMS = {"ONTIME": "ONTIME{:02d}", "LIVETIME": "LIVETI{:02d}"}


def joined_table(
    lists: Sequence[CcdList], name: str, columns: Mapping[str, str], p: EvlistcombParameters, session: Session
) -> Block:
    """One main table of all lists that have it, with the column CCDNR.

    Parameters
    ----------
    lists : sequence of CcdList
        Those of one mode.
    name : str
        The table.
    columns : mapping of str to str
        Columns to take over, and their types; those that no list has are left out.
    """
    owners = [one for one in lists if name in one.tables]
    taken = [column for column in columns if any(one.find(name, column) for one in owners)]
    made: list[NewColumn] = []
    entries = Header()
    for number, column in enumerate(taken, 1):
        form, kind = TYPES[columns[column]]
        values, null = _values(owners, name, column, kind, session)
        first = next(one for one in owners if one.find(name, column))
        described = first.find(name, column)
        assert described is not None
        width = f"{values.dtype.itemsize}A" if form == "A" else form
        made.append(NewColumn(column, width, values, described.unit, _comment(first, name, f"TTYPE{described.number}")))
        if null is not None:
            entries.append(f"TNULL{number}", null, "Null value of the column")
        _column_entries(entries, owners, name, column, number, p, session)
    ccd = np.concatenate([np.full(_size(one, name), one.number, np.uint8) for one in owners])
    last, meaning = _CCDS[p.instrument]
    made.append(NewColumn(_CCDNR, "B", ccd, "", meaning))
    entries.append(f"TLMIN{len(made)}", 1, "Minimum for CCDNR")
    entries.append(f"TLMAX{len(made)}", last, "Maximum for CCDNR")
    _table_entries(entries, owners, name, p, session)
    return table_block(made, name, entries)


def _size(one: CcdList, name: str) -> int:
    return one.tables[name].layout.rows


def _comment(one: CcdList, name: str, keyword: str) -> str:
    return Header.parse(one.tables[name].hdu.raw_header).comment(keyword)


def _values(
    owners: Sequence[CcdList], name: str, column: str, kind: str, session: Session
) -> tuple[NDArray[Any], int | None]:
    """Values of a column in its new type, and what stands for those that it cannot hold."""
    found = [(one, one.find(name, column)) for one in owners]
    nulls = [described.null for _, described in found if described is not None and described.null is not None]
    wished = nulls[0] if nulls else None
    parts: list[NDArray[Any]] = []
    needs_null = wished is not None
    for one, described in found:
        values = None if described is None else one.tables[name].columns[column]
        own_null = None if described is None else described.null
        size = _size(one, name)
        if kind[0] == "S":
            parts.append(np.zeros(size, "S1") if values is None else values.astype("S"))
        elif kind[0] == "f":
            plain = np.full(size, np.nan) if values is None else values.astype(np.float64)
            if own_null is not None and values is not None:
                plain = np.where(values == own_null, np.nan, plain)
            parts.append(plain.astype(kind))
        else:
            whole, missing = _whole(values, own_null, kind, size)
            if values is not None:
                before = 0 if own_null is None else int(np.count_nonzero(values == own_null))
                lost = int(np.count_nonzero(missing)) - before
                if lost:
                    text = f"{lost} values of {column} in {one.path} do not fit into {kind}: they are null"
                    session.warn("overflow", text)
            needs_null |= bool(missing.any())
            parts.append(np.where(missing, _null_of(kind, wished), whole).astype(kind))
    return np.concatenate(parts), _null_of(kind, wished) if kind[0] in "iu" and needs_null else None


def _whole(
    values: NDArray[Any] | None, null: int | None, kind: str, size: int
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values rounded to whole numbers, and which of them have no place in the type."""
    if values is None:
        return np.zeros(size, np.int64), np.ones(size, bool)
    limits = np.iinfo(kind)
    missing = np.zeros(values.shape, bool) if null is None else values == null
    if values.dtype.kind == "f":
        missing |= ~np.isfinite(values)
        values = np.rint(np.where(np.isfinite(values), values, 0.0))
    missing |= (values < limits.min) | (values > limits.max)
    return np.where(missing, 0, values).astype(np.int64), missing


def _null_of(kind: str, wished: int | None) -> int:
    limits = np.iinfo(kind)
    if wished is not None and limits.min <= wished <= limits.max:
        return wished
    return int(limits.max if kind == "u1" else limits.min)


def _column_entries(
    entries: Header, owners: Sequence[CcdList], name: str, column: str, number: int,
    p: EvlistcombParameters, session: Session,
) -> None:  # fmt: skip
    """Keywords of a column: the least, the greatest, or those that should be the same in all."""
    for kinds, choose in ((p.minattributes, min), (p.maxattributes, max), (p.extensionchecks, None)):
        for kind in kinds:
            if column_keyword(f"{kind}1") is None:
                continue
            found = [(one, one.column_attribute(name, column, kind)) for one in owners]
            values = [(one, value) for one, value in found if value is not None]
            if not values:
                continue
            described = values[0][0].find(name, column)
            assert described is not None
            comment = _comment(values[0][0], name, f"{kind}{described.number}")
            if choose is None:
                _tell_differences(f"{kind} of {column}", values, session)
                entries.append(f"{kind}{number}", values[0][1], comment)
            else:
                entries.append(f"{kind}{number}", choose(value for _, value in values), comment)


def _tell_differences(what: str, values: Sequence[tuple[CcdList, Any]], session: Session) -> None:
    first, other = values[0], next((pair for pair in values if pair[1] != values[0][1]), None)
    if other is not None:
        text = f"{what} is {first[1]} in {first[0].path} and {other[1]} in {other[0].path}"
        session.warn("incompatibleAttributes", f"{text}: the first is taken")


def _table_entries(
    entries: Header, owners: Sequence[CcdList], name: str, p: EvlistcombParameters, session: Session
) -> None:
    """Keywords of a main table that belong to no column."""
    named = {*p.mainattributes, *p.extensionchecks, *p.minattributes, *p.maxattributes}
    for one in owners:
        own = Header.parse(one.tables[name].hdu.raw_header)
        for keyword in own:
            wanted = not p.mainattributes or keyword in named
            of_the_ccd = keyword in _SUMS or keyword in CCD_KEYWORDS
            placed = is_structure(keyword) or column_keyword(keyword) is not None or keyword in entries
            if wanted and not of_the_ccd and not placed:
                entries.copy_card(own, keyword)
    for keywords, choose in ((p.minattributes, min), (p.maxattributes, max)):
        for keyword in keywords:
            values = [value for one in owners if (value := one.keyword(name, keyword)) is not None]
            if values:
                entries.set(keyword, choose(values))
    for keyword in p.extensionchecks:
        pairs = [(one, value) for one in owners if (value := one.keyword(name, keyword)) is not None]
        if pairs:
            _tell_differences(keyword, pairs, session)
    for keyword, form in _SUMS.items():
        for one in owners:
            value = one.keyword(name, keyword)
            if value is not None and form.format(one.number) not in entries:
                entries.append(form.format(one.number), value, f"[s] {keyword} of CCD {one.number}")


def shared_primary(lists: Sequence[CcdList]) -> Header:
    """Keywords of the primary headers: each as in the last list that has it."""
    shared = Header()
    for one in lists:
        for keyword in one.primary:
            if not is_structure(keyword) and keyword not in CCD_KEYWORDS:
                shared.copy_card(one.primary, keyword)
    return shared


def with_shared(header: Header, shared: Header, left_out: Sequence[str]) -> Header:
    """A header with the shared keywords that it lacks."""
    full = header.copy()
    for keyword in shared:
        if keyword not in full and keyword not in left_out:
            full.copy_card(shared, keyword)
    return full
