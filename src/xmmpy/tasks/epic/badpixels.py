"""badpixfind and embadpixfind: bad pixels of one CCD from its events, as a table and as a mask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.calibration.badpixels import BadKind, BadOrigin, BadPixels
from xmmpy.calibration.nominal import CAMERAS, ccd_geometry
from xmmpy.events.badpixels import Sought, bad_map, count_pixels, find_bad_pixels
from xmmpy.events.mos.rules import ccd_pixels
from xmmpy.odf.names import INSTRUMENT_NAMES, parse_name
from xmmpy.odf.rawfiles import read_mos_events, read_pn_events
from xmmpy.products.blocks import Block, NewColumn, primary_block, table_block, write_blocks
from xmmpy.products.header import Header
from xmmpy.products.history import creation_entries
from xmmpy.products.tables import read_table
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.parameters import Dataset, Integer, RealList, Switch, TableName, TaskParameters, Text, parameter
from xmmpy.tasks.session import Outcome, Session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.calibration.nominal import CcdGeometry


class BadPixelParameters(TaskParameters):
    """Find bad pixels of one CCD."""

    eventset: TableName = parameter(help="raw events of a CCD (*IME.FIT), or an event list of a camera")
    ccd: Integer = parameter(-1, help="CCD of an event list; -1 for the only one of the file")
    badpixset: Dataset = parameter("badpixfind.fits", help="table of bad pixels to write")
    withbadpixmap: Switch = parameter(False, help="write a mask too: 1 good, 0 bad")
    badpixmap: Dataset = parameter("badpixmap.fits", parent="withbadpixmap", help="mask to write")
    searchbadpix: Switch = parameter(True, help="look for them; else only those that the user names are written")
    userflagbadpix: Switch = parameter(False, help="add the pixels in rawxlist, rawylist")
    rawxlist: RealList = parameter((), parent="userflagbadpix", help="RAWX of pixels that the user names")
    rawylist: RealList = parameter((), parent="userflagbadpix", help="RAWY of them")
    typelist: RealList = parameter((), parent="userflagbadpix", help="TYPE of them: 1 hot, 2 flickering, 3 dead")
    yextentlist: RealList = parameter((), parent="userflagbadpix", help="YEXTENT of them")
    peak: Text = parameter("default", help="largest ratio of a pixel to its neighbours that is no defect; or a number")


@dataclass(frozen=True, slots=True, eq=False)
class _Events:
    """Pixels of the events of one CCD."""

    geometry: CcdGeometry
    rawx: NDArray[Any]
    rawy: NDArray[Any]
    keywords: dict[str, Any]


def run(p: BadPixelParameters, session: Session) -> Outcome:
    """Read the events, find, write."""
    outputs = [session.check_output(p.badpixset)]
    if p.withbadpixmap:
        outputs.append(session.check_output(p.badpixmap))
    events = _read(p)
    named = _named(p)
    sought = _sought(p, events.geometry.camera)
    bad = named
    if p.searchbadpix:
        counts = count_pixels(events.geometry, events.rawx, events.rawy)
        bad = BadPixels.join(named, find_bad_pixels(counts, bad_map(events.geometry, named), sought))
    pixels = bad_map(events.geometry, bad)[1:, 1:]
    good = int(np.count_nonzero(~pixels))
    header = _header(p, session, events, good)
    columns = [
        NewColumn(name, "I", values, comment=about)
        for name, values, about in (
            ("RAWX", bad.rawx, "Raw X coordinate"), ("RAWY", bad.rawy, "Raw Y coordinate"),
            ("TYPE", bad.kind, "Bad pixel type"), ("YEXTENT", bad.extent, "Y-direction extent"),
        )
    ]  # fmt: skip
    write_blocks(p.badpixset, [primary_block(header), table_block(columns, "BADPIX")])
    if p.withbadpixmap:
        mask = np.where(pixels, 0, 1).astype(np.uint8).T
        write_blocks(p.badpixmap, [primary_block(header), mask_block(mask)])
    hot, dead = (int(np.count_nonzero(bad.kind == kind)) for kind in (BadKind.HOT, BadKind.DEAD))
    session.say(f"{hot} bright and {dead} dead pixels or stretches; {good} pixels are good", level=1)
    return Outcome(
        outputs=tuple(outputs), rows_in=int(events.rawx.size), rows_out=len(bad), facts={"goodpix": good}
    )  # fmt: skip


def mask_block(mask: NDArray[np.uint8]) -> Block:
    """An image extension MASK, as real masks of bad pixels have it; `mask` is indexed [RAWY, RAWX]."""
    height, width = mask.shape
    header = Header(
        [
            ("XTENSION", "IMAGE", "IMAGE extension"),
            ("BITPIX", 8, "number of bits per data pixel"),
            ("NAXIS", 2, "number of data axes"),
            ("NAXIS1", width, "length of data axis 1"),
            ("NAXIS2", height, "length of data axis 2"),
            ("PCOUNT", 0, "required keyword; must = 0"),
            ("GCOUNT", 1, "required keyword; must = 1"),
            ("EXTNAME", "MASK", "The name of this array"),
        ]
    )
    return Block(header.to_bytes(), mask.tobytes(), "MASK")


def _read(p: BadPixelParameters) -> _Events:
    path = Path(p.eventset.partition(":")[0])
    name = parse_name(path.name)
    if name is not None and name.is_events:
        camera = INSTRUMENT_NAMES[name.instrument]
        geometry = _ccd(camera, name.ccd, path)
        if camera == "EPN":
            pixels, _, _ = read_pn_events(path)
            return _Events(geometry, pixels.rawx.astype(int) + 1, pixels.rawy.astype(int) + 1, {"INSTRUME": camera})
        events, window, _ = read_mos_events(path)
        return _Events(geometry, *ccd_pixels(events.rawx, events.rawy, window, name.node), {"INSTRUME": camera})
    table = read_table(p.eventset if ":" in p.eventset else f"{p.eventset}:EVENTS")
    camera = str(table.header.get("INSTRUME", "")).strip()
    if camera not in CAMERAS:
        raise TaskError("badInstrument", f"'{path}' is of INSTRUME '{camera}'; known are {', '.join(CAMERAS)}")
    numbers = table.column("CCDNR") % (100 if camera == "EPN" else 10)
    present = np.unique(numbers)
    if p.ccd < 0 and present.size != 1:
        raise TaskError("badCcd", f"'{path}' has events of {present.size} CCDs; choose one with ccd=")
    ccd = int(p.ccd if p.ccd >= 0 else present[0])
    mine = numbers == ccd
    return _Events(_ccd(camera, ccd, path), table.column("RAWX")[mine], table.column("RAWY")[mine], dict(table.header))


def _ccd(camera: str, number: int, path: Path) -> CcdGeometry:
    for geometry in ccd_geometry(camera):
        if geometry.ccd == number:
            return geometry
    raise TaskError("badCcd", f"'{path}': {camera} has no CCD {number}")


def _named(p: BadPixelParameters) -> BadPixels:
    """Pixels that the user names."""
    if not p.userflagbadpix:
        return BadPixels.none()
    lists = (p.rawxlist, p.rawylist, p.typelist or (1.0,) * len(p.rawxlist), p.yextentlist or (1.0,) * len(p.rawxlist))
    if len({len(one) for one in lists}) != 1:
        raise TaskError("BadParameter", "rawxlist, rawylist, typelist and yextentlist are not of one length")
    rawx, rawy, kind, extent = (np.array(one, np.int16) for one in lists)
    return BadPixels(rawx, rawy, kind, extent, np.full(len(p.rawxlist), BadOrigin.FOUND, np.int16))


def _sought(p: BadPixelParameters, camera: str) -> Sought:
    sought = Sought.of(camera)
    if p.peak == "default":
        return sought
    try:
        peak = float(p.peak)
    except ValueError:
        raise TaskError("BadParameter", f"peak='{p.peak}' is neither a number nor default") from None
    return Sought(peak, sought.column_peak, sought.block)


def _header(p: BadPixelParameters, session: Session, events: _Events, good: int) -> Header:
    ccd, camera = events.geometry.ccd, events.geometry.camera
    header = Header(creation_entries(session.provenance(p)))
    header.append("TELESCOP", "XMM", "XMM mission")
    header.append("INSTRUME", camera, "EPIC camera")
    for keyword in ("OBS_ID", "EXP_ID", "EXPIDSTR", "DATAMODE", "SUBMODE", "FILTER"):
        if isinstance(events.keywords.get(keyword), str):
            header.append(keyword, events.keywords[keyword])
    if camera == "EPN":
        header.append("QUADRANT", (ccd - 1) // 3, "Quadrant ID")
        header.append("CCDID", (ccd - 1) % 3, "CCD ID")
    else:
        header.append("CCDID", ccd, "Numerical identifier of the CCD")
        header.append("CCDNODE", 0, "CCD Node")
    width, height = events.geometry.last
    for keyword, value in (("WINDOWX0", 1), ("WINDOWY0", 1), ("WINDOWDX", width), ("WINDOWDY", height)):
        header.append(keyword, value)
    header.append("GOODPIX", good, "Number of good pixels")
    return header
