"""Keywords of summary lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xmmpy.products.summarylist import BANDS, CAMERAS, PIXEL_KEYWORD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xmmpy.tasks.catalogue.srcmatch.inputs import InputList
    from xmmpy.tasks.catalogue.srcmatch.parameters import SrcmatchParameters

Card = tuple[str, Any, str]

_ROOM = 80 - len("KEYWORD = '' / ")

# Order and comments of real lists; what no input list has is left out.
_OBSERVATION = (
    ("TELESCOP", "XMM mission"),
    ("INSTRUME", "EPIC Instrument"),
    ("DATAMODE", "Instrument mode (IMAGING or TIMING)"),
    ("OBS_MODE", "Observation mode (pointing or slew)"),
    ("OBS_ID", "Observation Identifier"),
    ("EXP_ID", "Exposure Identifier"),
    ("OBJECT", "Name of observed object"),
    ("RA_PNT", "[deg] Mean RA of the optical axis"),
    ("DEC_PNT", "[deg] Mean Dec of the optical axis"),
    ("PA_PNT", "[deg] Actual (mean) measured position angle"),
    ("RADECSYS", "World coord. system for this file"),
    ("EQUINOX", "Equinox for sky coordinate x/y axes"),
    ("EXPOS_PN", "[sec] EPN exposure"),
    ("EXPOS_M1", "[sec] EMOS1 exposure"),
    ("EXPOS_M2", "[sec] EMOS2 exposure"),
    ("DATE-OBS", "Start time of exposure"),
    ("DATE-END", "End time of exposure"),
    ("OBSERVER", "Name of observer"),
    ("ATT_SRC", "Source of attitude data (AHF|RAF|THF)"),
    ("FILT_PN", "EPN Filter ID"),
    ("FILT_M1", "EMOS1 Filter ID"),
    ("FILT_M2", "EMOS2 Filter ID"),
    ("SUBM_PN", "EPN Guest observer mode"),
    ("SUBM_M1", "EMOS1 Guest observer mode"),
    ("SUBM_M2", "EMOS2 Guest observer mode"),
    ("REVOLUT", "Satellite Revolution Number"),
)
_ALWAYS = {"TELESCOP": "XMM", "RADECSYS": "FK5", "EQUINOX": 2000.0}
_OF_ONE_CAMERA = {"EXPOSURE": "EXPOS", "FILTER": "FILT", "SUBMODE": "SUBM"}

_ASTROMETRY = (
    "RAOFFSET", "DEOFFSET", "ROT_CORR", "RAOFFERR", "DEOFFERR", "ROT_ERR", "POFFSET", "POFFERR", "LIK_HOOD", "LIKHOOD0",
    "NMATCHES", "POSCOROK", "ASTCORR", "REFCAT",
)  # fmt: skip


def primary_cards(lists: Sequence[InputList]) -> list[Card]:
    """Keywords of the observation, from the first list that has each."""
    known: dict[str, Any] = dict(_ALWAYS)
    for one in reversed(lists):
        known |= {name: one.keywords[name] for name, _ in _OBSERVATION if name in one.keywords}
        if len(one.cameras) == 1:
            own = {f"{ours}_{one.cameras[0]}": name for name, ours in _OF_ONE_CAMERA.items()}
            known |= {ours: one.keywords[name] for ours, name in own.items() if name in one.keywords}
    known["INSTRUME"] = "EPIC"
    cards = [(name, known[name], comment) for name, comment in _OBSERVATION if name in known]
    return [*cards, ("CONTENT", "EPIC SUMMARY SOURCE LIST", "Contents of file")]


def table_cards(
    p: SrcmatchParameters, lists: Sequence[InputList], crossed: int, pixel_arcsec: float | None
) -> list[Card]:
    """How the lists were joined, limits of the bands, astrometric correction."""
    cards: list[Card] = [("NSETS", len(lists), "Number of input data sets.")]
    cards += [_list_card(n, one.name) for n, one in enumerate(lists, 1)]
    cards += [
        ("NCROSSID", crossed, "Number of cross id sets (earlier stage products"),
        ("SYST_ERR", p.systerr, "[arcsec] Systematic error for EPIC source match"),
        ("MAX_ERR", p.maxerr, "[sigmas] Maximum error for correlating sources"),
        ("OMCROSS", p.useomlistset, "Are X-ray  cross correlated with OM sources?"),
        ("OM_DIST", p.omdist, "[arcsec] Maximum distance for OM sources"),
    ]
    limits: dict[str, float] = {}
    for one in reversed([one for one in lists if not one.xid]):
        limits |= one.band_limits
    names = [f"{camera}_{band}_E{end}" for camera in CAMERAS for band in BANDS for end in ("LO", "HI")]
    cards += [(name, limits[name], "") for name in names if name in limits]
    if pixel_arcsec is not None:
        cards.append((PIXEL_KEYWORD, pixel_arcsec, "[arcsec] Side of an image pixel"))
    return cards + _astrometry(lists)


def _list_card(number: int, name: str) -> Card:
    """The name of an input list; the comment is left out where it does not fit behind a long name."""
    comment = f"srcmatch input list {number}"
    return f"EP_SET{number}", name, comment if len(name) + len(comment) <= _ROOM else ""


def _astrometry(lists: Sequence[InputList]) -> list[Card]:
    """The correction that the positions RA_CORR, DEC_CORR of a single list had, or that they had none."""
    one = lists[0]
    if sum(not other.xid for other in lists) == 1 and "RA_CORR" in one.rows:
        return [(name, one.keywords[name], one.comments[name]) for name in _ASTROMETRY if name in one.keywords]
    return [
        ("POSCOROK", False, "Positions updated by catcorr"),
        ("ASTCORR", False, "Positions astrometrically corrected"),
    ]
