"""merge: join two event lists, or two attitude files, in order of time."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.events.coordinates import NULL_PIXEL, UNIT_DEG, TangentPlane, moved_places, whole_pixels
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.products.gti import gti_hdu, intervals_of
from xmmpy.products.history import record_creation
from xmmpy.products.tables import table_of
from xmmpy.products.writing import write_hdus
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Dataset, Real, Switch, TaskParameters, parameter
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, HDUList, Header
    from numpy.typing import NDArray

_FAR_DEG = 0.5  # pointings further apart have hardly a place in common
_COMPARED = ("INSTRUME", "FILTER", "DATAMODE", "SUBMODE")
_KINDS = ("EVENTS", "ATTHK")


class MergeParameters(TaskParameters):
    """Join two event lists, or two attitude files, in order of time."""

    set1: Dataset = parameter(help="event list or attitude file", writes=False)
    set2: Dataset = parameter(help="another of the same kind", writes=False)
    outset: Dataset = parameter("merged.ds", help="file to write", writes=True)
    withradec: Switch = parameter(False, help="X,Y are about ra, dec, not about the middle of both")
    ra: Real = parameter(0.0, unit="deg", minimum=0.0, maximum=360.0, help="reference point", parent="withradec")
    dec: Real = parameter(0.0, unit="deg", minimum=-90.0, maximum=90.0, help="reference point", parent="withradec")
    imagesize: Real = parameter(0.36, unit="deg", above=0.0, maximum=80.0, help="half size of the plane of X,Y")
    withset1adjustpos: Switch = parameter(False, help="move the events of set1 before")
    set1deltara: Real = parameter(0.0, unit="deg", help="to the east, in RA", parent="withset1adjustpos")
    set1deltadec: Real = parameter(0.0, unit="deg", help="to the north", parent="withset1adjustpos")
    set1deltaposangle: Real = parameter(0.0, unit="deg", help="clockwise on the sky", parent="withset1adjustpos")
    withset2adjustpos: Switch = parameter(False, help="move the events of set2 before")
    set2deltara: Real = parameter(0.0, unit="deg", help="to the east, in RA", parent="withset2adjustpos")
    set2deltadec: Real = parameter(0.0, unit="deg", help="to the north", parent="withset2adjustpos")
    set2deltaposangle: Real = parameter(0.0, unit="deg", help="clockwise on the sky", parent="withset2adjustpos")


@dataclass(slots=True)
class _Part:
    """One of the two files, and how its events are to be moved (deg)."""

    path: str
    hdus: HDUList
    kind: str
    shift: tuple[float, float, float]

    @property
    def main(self) -> BinTableHDU:
        """EVENTS or ATTHK."""
        return self.hdus[self.kind]

    def number(self, name: str) -> float:
        """A keyword that has to be there."""
        value = self.main.header.get(name, self.hdus[0].header.get(name))
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise FileProblem(self.path, f"has no keyword {name}", "run attcalc on it first")
        return float(value)

    @property
    def plane(self) -> TangentPlane:
        """The plane of its X,Y."""
        return TangentPlane(*(self.number(name) for name in ("REFXCRVL", "REFYCRVL", "REFXCRPX")))


def run(p: MergeParameters, session: Session) -> Outcome:
    """Read both, bring them onto one plane, write them."""
    output = session.check_output(p.outset)
    shifts = (
        (p.set1deltara, p.set1deltadec, p.set1deltaposangle) if p.withset1adjustpos else (0.0, 0.0, 0.0),
        (p.set2deltara, p.set2deltadec, p.set2deltaposangle) if p.withset2adjustpos else (0.0, 0.0, 0.0),
    )
    with ExitStack() as stack:
        parts = [_open(path, shift, stack) for path, shift in zip((p.set1, p.set2), shifts, strict=True)]
        if parts[0].kind != parts[1].kind:
            text = f"'{p.set1}' has {parts[0].kind} and '{p.set2}' has {parts[1].kind}"
            raise TaskError("differentTypes", f"{text}: give two event lists or two attitude files")
        parts.sort(key=lambda part: float(np.min(part.main.data["TIME"])) if len(part.main.data) else np.inf)
        hdus = _joined(p, parts, session)
        record_creation(hdus[0].header, session.provenance(p))
        write_hdus(output, hdus)
        rows = [len(part.main.data) for part in parts]
        session.say(f"{parts[0].kind}: {rows[0]} and {rows[1]} rows")
        return Outcome(outputs=(output,), rows_in=sum(rows), rows_out=len(hdus[1].data))


def _joined(p: MergeParameters, parts: list[_Part], session: Session) -> list[Any]:
    """All blocks of the new file."""
    primary = _primary(*parts)
    if parts[0].kind == "ATTHK":
        return [primary, _table(parts, {})]
    _compare(parts, session)
    plane = _common_plane(p, parts, session)
    return [primary, _events(parts, plane), *_exposures(parts), *_good_times(parts)]


def _open(path: str, shift: tuple[float, float, float], stack: ExitStack) -> _Part:
    from astropy.io import fits

    with FitsFile(path) as file:  # says in one sentence what may be wrong with it
        names = {hdu.name for hdu in file.hdus if hdu.is_table}
    kind = next((kind for kind in _KINDS if kind in names), None)
    if kind is None:
        raise FileProblem(path, "has neither EVENTS nor ATTHK", "give an event list or an attitude file")
    return _Part(path, stack.enter_context(fits.open(path, memmap=False)), kind, shift)


def _primary(first: _Part, last: _Part) -> Any:
    from astropy.io import fits

    hdu = fits.PrimaryHDU(header=first.hdus[0].header.copy())
    for name in ("DATE-END", "DATE_END", "OBSSTOP", "EXPSTOP"):
        if name in last.hdus[0].header:
            hdu.header[name] = last.hdus[0].header[name]
    return hdu


def _compare(parts: list[_Part], session: Session) -> None:
    for name in _COMPARED:
        values = [str(part.main.header.get(name, part.hdus[0].header.get(name, "?"))).strip() for part in parts]
        if values[0] != values[1]:
            session.warn("notCompatible", f"{name} is {values[0]} in one and {values[1]} in the other")


def _common_plane(p: MergeParameters, parts: list[_Part], session: Session) -> TangentPlane:
    """The plane about the point of the user, or the middle of both reference points."""
    from astropy.coordinates import SkyCoord
    from astropy.units import deg

    one, other = (SkyCoord(part.plane.ra * deg, part.plane.dec * deg) for part in parts)
    apart = float(one.separation(other).deg)
    if apart > _FAR_DEG:
        session.warn("farApart", f"the pointings are {apart:.2f} degrees apart: their lists have little in common")
    centre = round(p.imagesize / UNIT_DEG) + 1.0
    if p.withradec:
        return TangentPlane(p.ra, p.dec, centre)
    middle = one.directional_offset_by(one.position_angle(other), 0.5 * one.separation(other))
    return TangentPlane(float(middle.ra.deg), float(middle.dec.deg), centre)


def _events(parts: list[_Part], plane: TangentPlane) -> Any:
    """EVENTS of both with X,Y on one plane; those beyond it have none."""
    last = 2 * (round(plane.centre) - 1)
    columns: dict[str, list[NDArray[Any]]] = {"X": [], "Y": []}
    for part in parts:
        data = part.main.data
        x, y = moved_places(np.asarray(data["X"], float), np.asarray(data["Y"], float), part.plane, plane, part.shift)
        inside = (data["X"] != NULL_PIXEL) & (x >= 1) & (x <= last) & (y >= 1) & (y <= last)
        for name, values in (("X", x), ("Y", y)):
            columns[name].append(np.where(inside, whole_pixels(np.where(inside, values, 0.0)), NULL_PIXEL))
    hdu = _table(parts, {name: np.concatenate(values) for name, values in columns.items()})
    for axis, value, step in (("X", plane.ra, -UNIT_DEG), ("Y", plane.dec, UNIT_DEG)):
        number = hdu.columns.names.index(axis) + 1
        placed = hdu.data[axis][hdu.data[axis] != NULL_PIXEL]
        cards = {f"REF{axis}CRPX": round(plane.centre), f"REF{axis}CRVL": value, f"REF{axis}CDLT": step,
                 f"REF{axis}LMIN": 1, f"REF{axis}LMAX": last, f"TLMIN{number}": 1, f"TLMAX{number}": last,
                 f"TCRPX{number}": round(plane.centre), f"TCRVL{number}": value, f"TCDLT{number}": step}  # fmt: skip
        if placed.size:
            cards |= {f"REF{axis}DMIN": int(placed.min()), f"REF{axis}DMAX": int(placed.max())}
        hdu.header.update(cards)
    hdu.header["RA_PNT"], hdu.header["DEC_PNT"] = plane.ra, plane.dec
    return hdu


def _table(parts: list[_Part], replaced: dict[str, NDArray[Any]]) -> Any:
    """The columns that both have, in order of time; the header of the first."""
    from astropy.io import fits

    names = [name for name in parts[0].main.columns.names if name in parts[1].main.columns.names]
    joined = {name: np.concatenate([part.main.data[name] for part in parts]) for name in names} | replaced
    order = np.argsort(joined["TIME"], kind="stable")
    columns = [
        fits.Column(**_description(parts[0].main, name), array=joined[name][order]) for name in names
    ]  # fmt: skip
    hdu = fits.BinTableHDU.from_columns(columns, name=parts[0].kind)
    _copy(parts[0].main.header, hdu.header)
    for name, least in (("TSTART", True), ("TSTOP", False)):
        found = [float(part.main.header[name]) for part in parts if name in part.main.header]
        if found:
            hdu.header[name] = min(found) if least else max(found)
    return hdu


def _description(hdu: BinTableHDU, name: str) -> dict[str, Any]:
    column = hdu.columns[name]
    return {"name": name, "format": column.format, "unit": column.unit, "null": column.null}


def _copy(source: Header, target: Header) -> None:
    """Take keywords over that do not describe the columns of a table, and those that give their ranges."""
    for card in source.cards:
        structural = card.keyword.startswith(("TTYPE", "TFORM", "TUNIT", "TNULL", "TDIM", "CHECKSUM", "DATASUM"))
        if card.keyword and not structural and card.keyword not in target:
            target.append(card, end=True)


def _exposures(parts: list[_Part]) -> list[Any]:
    """EXPOSUnn of both, joined where both have one."""
    from astropy.io import fits

    names = sorted({hdu.name for part in parts for hdu in part.hdus if hdu.name.startswith("EXPOSU")})
    found = []
    for name in names:
        owners = [part.hdus[name] for part in parts if name in part.hdus]
        shared = [column for column in owners[0].columns.names if all(column in one.columns.names for one in owners)]
        joined = {column: np.concatenate([one.data[column] for one in owners]) for column in shared}
        order = np.argsort(joined["TIME"], kind="stable")
        columns = [fits.Column(**_description(owners[0], column), array=joined[column][order]) for column in shared]
        hdu = fits.BinTableHDU.from_columns(columns, name=name)
        _copy(owners[0].header, hdu.header)
        found.append(hdu)
    return found


def _good_times(parts: list[_Part]) -> list[Any]:
    """STDGTInn and GTI of both, the time that is in any of them."""
    times: dict[str, Any] = {}
    headers: dict[str, Header] = {}
    for part in parts:
        with FitsFile(part.path) as file:
            for hdu in file.hdus:
                if hdu.is_table and hdu.name.startswith(("STDGTI", "GTI")):
                    found = intervals_of(table_of(file, hdu))
                    times[hdu.name] = times[hdu.name].unite(found) if hdu.name in times else found
                    headers.setdefault(hdu.name, part.hdus[hdu.name].header)
    return [gti_hdu(times[name], name, times=headers[name], ccd=headers[name].get("CCDID")) for name in sorted(times)]


TASK = Task(name="merge", parameters=MergeParameters, run=run)
