"""evlistcomb: combine the event lists of single CCDs into one of the camera."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xmmpy.products.blocks import Block, primary_block, write_blocks
from xmmpy.products.header import Header
from xmmpy.products.history import creation_entries
from xmmpy.tasks.catalogue.evlistcomb.ccdlists import CcdList, read_ccd_list
from xmmpy.tasks.catalogue.evlistcomb.joining import TYPES, joined_table, shared_primary, with_shared
from xmmpy.tasks.catalogue.evlistcomb.parameters import EvlistcombParameters
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(p: EvlistcombParameters, session: Session) -> Outcome:
    """Read all lists, sort them by mode, write one of each mode."""
    _check(p)
    main = [name.upper() for name in p.maintable]
    others = [name.upper() for name in p.othertables]
    lists = _compatible([read_ccd_list(path, main, others) for path in p.eventsets], p, session)
    groups = {
        p.imagingset: [one for one in lists if one.mode == p.datamodes[0]],
        p.timingset: [one for one in lists if one.mode in p.datamodes[1:]],
    }
    unknown = [one for one in lists if one.mode not in p.datamodes]
    for one in unknown:
        known = ", ".join(p.datamodes)
        session.warn("unknownMode", f"{one.path} is of DATAMODE {one.mode}, not {known}: it is left out")
    if len(unknown) == len(lists):
        text = f"no list is of DATAMODE {' or '.join(p.datamodes)}"
        raise TaskError("noEventFiles", f"{text}; set instrument, or give others")
    made = []
    for name, group in groups.items():
        if group:
            _check_ccds(group)
            made.append(session.check_output(name))
    rows = 0
    for name, group in groups.items():
        if group:
            rows += _write(Path(name), group, p.columns(imaging=name == p.imagingset), p, session)
    session.say(f"{len(lists) - len(unknown)} lists, {rows} events: {', '.join(map(str, made))}", level=3)
    facts = {"ccds": sorted(one.number for one in lists if one not in unknown)}
    return Outcome(outputs=tuple(made), rows_in=rows, rows_out=rows, facts=facts)


def _check(p: EvlistcombParameters) -> None:
    if not p.eventsets:
        raise TaskError("noEventFiles", "no list is given; name them in eventsets='ccd1.fits ccd2.fits'")
    if p.instrument == "rgs":
        raise TaskError("badInstrument", "lists of RGS cannot be combined here; instrument is emos or epn")
    if not p.maintable or not p.datamodes:
        raise TaskError("parsing", "maintable and the modes of DATAMODE each need a word at least")
    if p.imagingset == p.timingset:
        raise TaskError("parsing", f"imagingset and timingset are both '{p.imagingset}'; name two files")
    for mode in ("img", "tim"):
        prefix = f"{p.instrument}{mode}"
        names, types = (getattr(p, f"{prefix}{what}") for what in ("colnames", "coltypes"))
        if len(names) != len(types):
            text = f"{prefix}colnames has {len(names)} names and {prefix}coltypes {len(types)} types"
            raise TaskError("parsing", f"{text}; give one type for each name")
        unknown = [kind for kind in types if kind.lower() not in TYPES]
        if unknown:
            raise TaskError("parsing", f"'{unknown[0]}' is no type of a column; there are {', '.join(TYPES)}")


def _compatible(lists: list[CcdList], p: EvlistcombParameters, session: Session) -> list[CcdList]:
    """Leave out the lists whose primary keywords differ from those of the first."""
    kept = []
    for one in lists:
        keywords = [(name, one.primary.get(name), lists[0].primary.get(name)) for name in p.primarychecks]
        missing = next((name for name, mine, _ in keywords if mine is None), None)
        if missing is not None:
            text = f"'{one.path}' has no keyword {missing} in its primary header"
            raise TaskError("missingAttribute", f"{text}; leave it out of primarychecks, or give another list")
        other = next(((name, mine, first) for name, mine, first in keywords if mine != first), None)
        if other is None:
            kept.append(one)
            continue
        text = f"{other[0]} is {other[1]} in {one.path} and {other[2]} in {lists[0].path}"
        session.warn("incompatibleFiles", f"{text}: {one.path} is left out")
    return kept


def _check_ccds(group: Sequence[CcdList]) -> None:
    seen: dict[int, CcdList] = {}
    for one in group:
        if one.number in seen:
            text = f"'{seen[one.number].path}' and '{one.path}' are both of CCD {one.number}"
            raise TaskError("sameCcd", f"{text}; give one list for each CCD")
        seen[one.number] = one


def _write(
    path: Path, group: Sequence[CcdList], columns: dict[str, str], p: EvlistcombParameters, session: Session
) -> int:
    """Write the list of one mode; gives the number of its events."""
    shared = shared_primary(group)
    primary = Header(creation_entries(session.provenance(p)))
    primary.extend(shared)
    primary.add_history(f"Created by {session.provenance(p).signature} at {session.provenance(p).stamp[:19]}")
    blocks: list[Block] = [primary_block(primary)]
    for name in p.maintable:
        if any(name.upper() in one.tables for one in group):
            table = joined_table(group, name.upper(), columns, p, session)
            full = with_shared(Header.parse(table.header), shared, p.primaryonly)
            blocks.append(replace(table, header=full.to_bytes()))
    for one in group:
        for block in one.secondary:
            header = block.header.copy()
            header.set("EXTNAME", block.name)
            blocks.append(Block(with_shared(header, shared, p.primaryonly).to_bytes(), block.data, block.name))
    write_blocks(path, blocks)
    main = p.maintable[0].upper()
    return sum(one.tables[main].layout.rows for one in group)


TASK = Task(name="evlistcomb", parameters=EvlistcombParameters, run=run)
