"""Find the calibrated event lists in a folder, and say of each what it is."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xmmpy.products.files import Hdu

INSTRUMENTS = {"EMOS1": "mos1", "EMOS2": "mos2", "EPN": "pn"}

# The names under which lists lie in folders, in the order in which one is preferred to another of the
# same exposure: the user's own, those of emproc and epproc, those of the pipeline's archive.
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<camera>mos1|mos2|pn)\.(fits?|ds|evt)(\.gz)?",
        r".*_(?P<camera>EMOS1|EMOS2|EPN)_.*(Imaging|Timing|Burst)Evts\.ds(\.gz)?",
        r".*(Imaging|Timing|Burst)Evts\.ds(\.gz)?",
        r"P\d{10}(?P<camera>M1|M2|PN)[A-Z]\d{3}[MPT]IEVLI\d{4}\.(FTZ|FITS?)(\.gz)?",
    )
)
_BY_NAME = {"mos1": "mos1", "emos1": "mos1", "m1": "mos1", "mos2": "mos2", "emos2": "mos2", "m2": "mos2",
            "pn": "pn", "epn": "pn"}  # fmt: skip


_NO_PLACES = "nothing tells where the telescope looked, so that X,Y are null: give --attitude RA,DEC,PA"


@dataclass(frozen=True, slots=True)
class EventList:
    """One calibrated event list: one exposure of one camera, as its headers describe it.

    Attributes
    ----------
    path : str
        The file.
    camera : str
        ``mos1``, ``mos2`` or ``pn``.
    packed : bool
        Whether it is gzipped.
    table : str
        Block of the events, empty when it is the first table of the file.
    rows : int
        Number of events.
    reference : tuple of float or None
        RA and Dec (degrees) to which X,Y refer.
    x_limits, y_limits : tuple of float or None
        Legal range of X and Y.
    nothing_to_do : str
        Why there is nothing to do with it (timing mode, closed filter, no events); else empty.
    problem : str
        Why it cannot be used although it should; else empty.
    no_images : str
        Why there are no images of it although the rest can be made; else empty.
    """

    path: str
    camera: str
    instrument: str = ""
    exposure: str = ""
    mode: str = ""
    filter: str = ""
    packed: bool = False
    table: str = ""
    rows: int = 0
    obs_id: str = ""
    object: str = ""
    ra: float | None = None
    dec: float | None = None
    date_obs: str = ""
    date_end: str = ""
    reference: tuple[float, float] | None = None
    x_limits: tuple[float, float] | None = None
    y_limits: tuple[float, float] | None = None
    nothing_to_do: str = ""
    problem: str = ""
    no_images: str = ""
    key: str = ""

    @property
    def usable(self) -> bool:
        """Whether there is something to reduce."""
        return not self.nothing_to_do and not self.problem

    @property
    def exists(self) -> bool:
        """Whether there is a file."""
        return Path(self.path).exists()

    def to_json(self) -> dict[str, Any]:
        """Spell the description in plain values, with the stamp of the file, for the record."""
        stat = Path(self.path).stat()
        return {**asdict(self), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder holds: the lists, and remarks on files that were passed over."""

    lists: tuple[EventList, ...]
    remarks: tuple[str, ...] = ()


def find_lists(
    places: Sequence[Path],
    cameras: Iterable[str],
    known: Mapping[str, Mapping[str, Any]] | None = None,
    others: Sequence[EventList] = (),
    exposures: Sequence[str] = (),
) -> Found:
    """Find the event lists.

    Parameters
    ----------
    places : sequence of Path
        One folder, or files.
    cameras : iterable of str
        The cameras that are wanted.
    known : mapping, optional
        What `EventList.to_json` gave for files of an earlier run, by absolute path; those that did not
        change are not read.
    others : sequence of EventList
        Lists that should be there and are not, with the reason.
    exposures : sequence of str
        Those to take (``mos1_S001``), of the cameras of which one is named.

    Raises
    ------
    FileProblem
        When a place does not exist, there is no list in it, or not one that is asked for.
    """
    wanted = tuple(cameras)
    lists: dict[tuple[str, str], EventList] = {(one.camera, one.exposure): one for one in others}
    remarks = []
    for path in list_paths(places):
        described = _recall(path, (known or {}).get(os.path.normpath(path.absolute()))) or describe(path)
        if described.camera not in wanted:
            if described.problem:
                remarks.append(described.problem)
            continue
        identity = (described.camera, described.exposure or described.path)
        if identity in lists:
            remarks.append(f"{path} is the same exposure as {lists[identity].path}: not used")
            continue
        lists[identity] = described
    if not lists:
        where = ", ".join(str(place) for place in places)
        names = "mos1.fits, *ImagingEvts.ds, P*MIEVLI0000.FTZ, P*PIEVLI0000.FTZ"
        problem = f"holds no calibrated event list of {', '.join(wanted)}"
        advice = "; ".join([f"lists are named {names} and their like", *remarks])
        raise FileProblem(where, problem, advice)
    check_chosen(", ".join(str(place) for place in places), list(lists), exposures)
    chosen = [one for one in lists.values() if is_chosen(one.camera, one.exposure, exposures)]
    return Found(_with_keys(chosen, wanted), tuple(remarks))


def is_chosen(camera: str, exposure: str, exposures: Sequence[str]) -> bool:
    """Tell whether an exposure is wanted: it is named, or none of its camera is."""
    return f"{camera}_{exposure}" in exposures or not any(name.split("_")[0] == camera for name in exposures)


def check_chosen(place: str | Path, there: Sequence[tuple[str, str]], exposures: Sequence[str]) -> None:
    """Check that the exposures that are asked for are there.

    Raises
    ------
    FileProblem
        When one is not.
    """
    known = sorted(f"{camera}_{exposure}" for camera, exposure in there)
    for name in exposures:
        if name not in known:
            advice = "correct --exposures"
            raise FileProblem(place, f"has no exposure {name}; it has {', '.join(known)}", advice)


def describe(path: Path) -> EventList:
    """Read from the headers of a list what it is; defects become its `problem`."""
    from xmmpy.products.files import FitsFile

    guess = EventList(path=str(path), camera=_camera_by_name(path.name), packed=_is_packed(path))
    try:
        with FitsFile(path) as file:
            first = file.hdus[0]
            instrument = _text(first, "INSTRUME") or _text(file.find(), "INSTRUME")
            if instrument not in INSTRUMENTS:
                problem = f"{path} is of {instrument or 'an unnamed instrument'}: not an EPIC event list"
                return replace(guess, camera="", problem=problem)
            guess = replace(guess, camera=INSTRUMENTS[instrument], instrument=instrument)
            events = file.find("EVENTS")
            found = _from_headers(guess, first, events)
            if found.nothing_to_do:
                return found
            return replace(found, table="" if file.find() is events else "EVENTS", **_sky(path, events))
    except FileProblem as problem:
        return replace(guess, problem=str(problem))


def _from_headers(guess: EventList, first: Hdu, events: Hdu) -> EventList:
    def text(*keywords: str) -> str:
        found = (_text(hdu, keyword) for keyword in keywords for hdu in (events, first))
        return next((value for value in found if value), "")

    found = replace(
        guess,
        exposure=text("EXPIDSTR"),
        mode=text("DATAMODE") or "IMAGING",
        filter=text("FILTER"),
        rows=int(events.value("NAXIS2", 0)),
        obs_id=text("OBS_ID"),
        object=text("OBJECT"),
        ra=_number(events, first, "RA_PNT"),
        dec=_number(events, first, "DEC_PNT"),
        date_obs=text("DATE-OBS", "EXPSTART"),
        date_end=text("DATE-END", "EXPSTOP"),
        no_images=_NO_PLACES if text("ATT_SRC") == "NONE" else "",
    )
    return replace(found, nothing_to_do=_nothing_to_do(found))


def _nothing_to_do(found: EventList) -> str:
    if found.mode.upper() != "IMAGING":
        return f"{found.mode.lower()} mode: there is no image to make"
    name = found.filter.upper().replace(" ", "")
    if name.startswith(("CLOSED", "CALCLOSED")):
        return f"filter {found.filter}: no sky to see"
    if name.startswith("CAL"):
        return f"filter {found.filter}: the calibration source is in view"
    if found.rows == 0:
        return "the list holds no events"
    return ""


def _sky(path: Path, events: Hdu) -> dict[str, Any]:
    """Reference point and legal ranges of X,Y."""
    columns = events.column_numbers
    for needed in ("TIME", "PI", "X", "Y", "FLAG", "PATTERN"):
        if needed not in columns:
            advice = "run attcalc on it first" if needed in "XY" else "calibrate it first"
            raise FileProblem(path, f"has no column {needed} in EVENTS", advice)
    limits = {}
    for axis in "XY":
        number = columns[axis]
        low, high = events.value(f"TLMIN{number}"), events.value(f"TLMAX{number}")
        low, high = events.value(f"REF{axis}LMIN", low), events.value(f"REF{axis}LMAX", high)
        valid = _is_number(low) and _is_number(high) and low < high
        limits[f"{axis.lower()}_limits"] = (float(low), float(high)) if valid else None
    ra, dec = (events.value(f"REF{axis}CRVL", events.value(f"TCRVL{columns[axis]}")) for axis in "XY")
    reference = (float(ra), float(dec)) if _is_number(ra) and _is_number(dec) else None
    return {"reference": reference, **limits}


def list_paths(places: Sequence[Path]) -> list[Path]:
    """Files that are named, and files in folders whose names are those of event lists, the most usual names first.

    Raises
    ------
    FileProblem
        When a place does not exist.
    """
    found: list[tuple[int, str, Path]] = []
    for place in places:
        if place.is_file():
            found.append((-1, "", place))
        elif place.is_dir():
            for path in place.iterdir():
                rank = next((n for n, pattern in enumerate(_PATTERNS) if pattern.fullmatch(path.name)), None)
                if rank is not None and path.is_file():
                    found.append((rank, path.name, path))
        else:
            raise FileProblem(place, "does not exist", "name the folder that holds the event lists")
    return [path for _, _, path in sorted(found, key=lambda item: item[:2])]


def _camera_by_name(name: str) -> str:
    for pattern in _PATTERNS:
        match = pattern.fullmatch(name)
        if match is not None and "camera" in pattern.groupindex:
            return _BY_NAME[match["camera"].lower()]
    return ""


def _with_keys(lists: Iterable[EventList], cameras: Sequence[str]) -> tuple[EventList, ...]:
    """Name the exposures: the first usable one of a camera after the camera, the others with a suffix."""
    keyed = []
    for camera in cameras:
        mine = [one for one in lists if one.camera == camera]
        mine.sort(key=lambda one: (not one.usable, one.exposure))
        used: set[str] = set()
        for number, one in enumerate(mine):
            suffix = re.sub(r"\W", "", one.exposure) or str(number + 1)
            key = camera if number == 0 else f"{camera}_{suffix}"
            while key in used:
                key += "x"
            used.add(key)
            keyed.append(replace(one, key=key))
    return tuple(keyed)


def _recall(path: Path, known: Mapping[str, Any] | None) -> EventList | None:
    """Describe a file from memory when it has not changed."""
    if known is None:
        return None
    stat = path.stat()
    facts = dict(known)
    if (facts.pop("size", None), facts.pop("mtime_ns", None)) != (stat.st_size, stat.st_mtime_ns):
        return None
    for name in ("reference", "x_limits", "y_limits"):
        if facts.get(name) is not None:
            facts[name] = tuple(facts[name])
    try:
        return EventList(**{**facts, "path": str(path)})
    except TypeError:
        return None  # written by another version


def _is_packed(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(2) == b"\x1f\x8b"
    except OSError:
        return False


def _text(hdu: Hdu, keyword: str) -> str:
    value = hdu.value(keyword, "")
    return value.strip() if isinstance(value, str) else ""


def _number(events: Hdu, first: Hdu, keyword: str) -> float | None:
    for hdu in (events, first):
        value = hdu.value(keyword)
        if _is_number(value):
            return float(value)
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value - value == 0


def relative_to(folder: Path, path: str | Path) -> str:
    """Spell a path as seen from a folder."""
    return os.path.relpath(Path(path).absolute(), folder.absolute())


def relative_from(folder: Path, name: str) -> str:
    """Give the absolute path of what is named as seen from a folder."""
    return os.path.normpath(folder.absolute() / name)
