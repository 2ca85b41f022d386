"""srcmatch: join source lists to one with a row for each source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.detection.matching import Positions, match, nearby
from xmmpy.detection.skynames import galactic
from xmmpy.detection.sourcerows import UNCORRECTED_ERROR
from xmmpy.detection.summaryrows import Rows, add_sums, flag_texts, join
from xmmpy.products.sourcelists import ListColumn, write_source_list
from xmmpy.products.summarylist import (
    CAMERAS,
    OM_PARTNERS,
    TOTAL,
    XID,
    likelihood_name,
    summary_layout,
)
from xmmpy.tasks.catalogue.srcmatch.headers import primary_cards, table_cards
from xmmpy.tasks.catalogue.srcmatch.inputs import InputList, read_lists, read_optical_list
from xmmpy.tasks.catalogue.srcmatch.page import write_page
from xmmpy.tasks.catalogue.srcmatch.parameters import SrcmatchParameters
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.registry import Task
from xmmpy.tasks.session import Outcome, Session

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CORRECTED = ("RA_CORR", "DEC_CORR", "LII_CORR", "BII_CORR", "SYSERRCC")


def run(p: SrcmatchParameters, session: Session) -> Outcome:
    """Read the lists, join them, find partners, write the summary list and the page."""
    output = session.check_output(p.outputlistset)
    page = session.check_output(p.htmloutput) if p.htmloutput else None
    lists = read_lists(p.inputlistsets, session)
    crossed = read_lists(p.crossidsets, session) if p.usecrossidsets else []
    rows = _join_all(p, lists, session)
    values: dict[str, NDArray[Any]] = {**rows, "SRC_NUM": np.arange(1, len(rows["RA"]) + 1)}
    identities, numbers = _cross_identities(p, rows, crossed)
    values |= numbers
    values |= _optical_partners(p, rows)
    values |= _flags(rows)
    values |= _corrected(rows)
    pixel = next((one.pixel_arcsec for one in lists if one.pixel_arcsec), None)
    layout = _layout(p, len(lists), identities)
    if p.extentunit == "arcsec":
        _extents_in_arcsec(p, values, pixel)
    cards = table_cards(p, lists, len(crossed), pixel)
    write_source_list(output, layout, values, cards, session.provenance(p), primary_cards(lists))
    outputs = [output]
    if page is not None:
        write_page(page, values, lists[0].keywords)
        outputs.append(page)
    number = len(rows["RA"])
    session.say(f"{number} sources in {len(lists)} lists, {len(layout)} columns")
    rows_in = sum(map(len, lists))
    return Outcome(outputs=tuple(outputs), rows_in=rows_in, rows_out=number, facts={"sources": number})


TASK = Task(name="srcmatch", parameters=SrcmatchParameters, run=run)


def _positions(rows: Rows) -> Positions:
    return Positions(rows["RA"], rows["DEC"], rows["RADEC_ERR"])


def _join_all(p: SrcmatchParameters, lists: list[InputList], session: Session) -> Rows:
    """Join the lists one after the other, in their order."""
    joined: Rows = {}
    for number, one in enumerate(lists, 1):
        rows = dict(one.rows)
        rows[f"EP_{number}_ML_ID"], rows[f"EP_{number}_BOXID"] = rows.pop("ML_ID"), rows.pop("BOXID")
        if number == 1:
            joined = rows
            continue
        if shared := set(one.cameras) & {camera for other in lists[: number - 1] for camera in other.cameras}:
            _tell_of_shared(one, shared, session)
        partner, _ = match(_positions(joined), _positions(rows), p.maxerr, p.systerr)
        joined = join(joined, rows, partner, average=not one.xid)
        session.say(f"{np.count_nonzero(partner >= 0)} of the {len(one)} sources of '{one.name}' were known", level=3)
    separate = sum(not one.xid for one in lists) > 1
    if separate:  # corrections of different lists are not averaged
        joined = {name: values for name, values in joined.items() if name not in _CORRECTED}
    rows = add_sums(joined, epic_from_cameras=separate or not p.allepicmode)
    for camera in set(CAMERAS) - {camera for one in lists for camera in one.cameras}:
        for band in (TOTAL, XID):  # SAS gives a camera that did not observe the likelihood 0, and null for all else
            rows[likelihood_name(camera, band)] = np.zeros(len(rows["RA"]))
    return rows


def _tell_of_shared(one: InputList, shared: set[str], session: Session) -> None:
    if not one.xid:
        names = ", ".join(sorted(shared))
        text = f"'{one.name}' has values of {names} that a list before has as well; weighted means are taken"
        session.warn("sameCamera", text)


def _layout(p: SrcmatchParameters, sets: int, identities: list[ListColumn]) -> tuple[ListColumn, ...]:
    layout = summary_layout(sets, "arcsec" if p.extentunit == "arcsec" else "image pixels")
    place = next(number for number, column in enumerate(layout) if column.name == "RA")
    return (*layout[:place], *identities, *layout[place:])


def _cross_identities(
    p: SrcmatchParameters, rows: Rows, crossed: list[InputList]
) -> tuple[list[ListColumn], dict[str, NDArray[Any]]]:
    """Source numbers in other lists: for each camera as many in a column as there are lists of it."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    for one in crossed:
        partner, _ = match(_positions(rows), _positions(one.rows), p.maxerr, p.systerr)
        known = partner >= 0
        for camera in one.cameras:
            for source, name in (("ML_ID", f"{camera}_ML_ID_SRC"), ("BOXID", f"{camera}_BOX_ID_SRC")):
                numbers = np.full(len(rows["RA"]), np.nan)
                numbers[partner[known]] = one.rows[source][known]
                found.setdefault(name, []).append(numbers)
    columns = [
        ListColumn(name, "J" if len(numbers) == 1 else f"{len(numbers)}J", " -", -1) for name, numbers in found.items()
    ]
    values = {name: numbers[0] if len(numbers) == 1 else np.stack(numbers, axis=-1) for name, numbers in found.items()}
    return columns, values


def _optical_partners(p: SrcmatchParameters, rows: Rows) -> dict[str, NDArray[Any]]:
    """OM_ID1 to OM_ID5, their distances, N_OPT_CO and OMFLAG."""
    number = len(rows["RA"])
    if not p.useomlistset:
        return {"OMFLAG": np.full(number, "NO_OM_DATA")}
    if not p.omlistset:
        raise TaskError("noLists", "useomlistset=yes, but no list is named in 'omlistset'; name one, or say no")
    optical = read_optical_list(p.omlistset)
    index, distance, many = nearby(rows["RA"], rows["DEC"], optical.ra, optical.dec, p.omdist, OM_PARTNERS)
    values: dict[str, NDArray[Any]] = {}
    for place in range(OM_PARTNERS):
        known = index[:, place] >= 0
        numbers = np.full(number, np.nan)
        numbers[known] = optical.number[index[known, place]]
        values[f"OM_ID{place + 1}"], values[f"OM_ID{place + 1}_DIST"] = numbers, distance[:, place]
    values["N_OPT_CO"] = np.where(many > 0, many, np.nan)
    values["OMFLAG"] = np.where(many > 0, "OM_SRC_FND", "NO_OM_SRCS")
    return values


def _flags(rows: Rows) -> dict[str, NDArray[Any]]:
    """Flags of the cameras as texts; EP_FLAG has those that any camera has."""
    missing = np.full(len(rows["RA"]), np.nan)
    bits = {camera: rows.get(f"{camera}_FLAG", missing) for camera in CAMERAS}
    every = np.bitwise_or.reduce([np.nan_to_num(one).astype(np.int64) for one in bits.values()]).astype(np.float64)
    return {f"{camera}_FLAG": np.array(flag_texts(one), "U12") for camera, one in {**bits, "EP": every}.items()}


def _corrected(rows: Rows) -> dict[str, NDArray[Any]]:
    """Positions after catcorr or eposcorr where one list has them, else those of the fit."""
    if all(name in rows for name in ("RA_CORR", "DEC_CORR")):
        longitude, latitude = galactic(rows["RA_CORR"], rows["DEC_CORR"])
        extra = {"LII_CORR": longitude, "BII_CORR": latitude, "SYSERRCC": np.full(len(longitude), np.nan)}
        return {name: rows.get(name, extra.get(name, longitude)) for name in _CORRECTED}
    systematic = np.full(len(rows["RA"]), UNCORRECTED_ERROR)
    return dict(zip(_CORRECTED, (rows["RA"], rows["DEC"], rows["LII"], rows["BII"], systematic), strict=True))


def _extents_in_arcsec(p: SrcmatchParameters, values: dict[str, NDArray[Any]], pixel: float | None) -> None:
    if pixel is None:
        text = f"the size of the pixels does not follow from '{p.inputlistsets[0]}' (RADEC_ERR, X_IMA_ERR, Y_IMA_ERR)"
        raise TaskError("noPixelSize", f"{text}; take extentunit=image")
    for name in ("EP_EXTENT", "EP_EXT_ERR"):
        values[name] = values[name] * pixel
