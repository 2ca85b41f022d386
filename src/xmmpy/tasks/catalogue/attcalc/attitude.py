"""The attitude that attcalc uses, and the mean or median pointing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.events.coordinates import Attitude
from xmmpy.products.errors import FileProblem
from xmmpy.products.files import FitsFile
from xmmpy.products.tables import table_of
from xmmpy.tasks.messages import TaskError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.tasks.catalogue.attcalc.parameters import AttcalcParameters
    from xmmpy.tasks.session import Session


@dataclass(frozen=True, slots=True)
class Pointing:
    """RA_PNT, DEC_PNT, PA_PNT and what they are."""

    ra: float
    dec: float
    position_angle: float
    average: str


def read_attitude(
    p: AttcalcParameters, keywords: dict[str, Any], path: Path, session: Session
) -> tuple[Attitude, Pointing]:
    """The attitude over time, and the mean or median pointing."""
    if p.attitudelabel == "fixed":
        fixed = Pointing(p.fixedra, p.fixeddec, p.fixedposangle, "MEDIAN" if p.withmedianpnt else "MEAN")
        return Attitude.fixed(fixed.ra, fixed.dec, fixed.position_angle), fixed
    if p.withatthkset and Path(p.atthkset).exists():
        return _attitude_history(p, session)
    if p.withatthkset:
        session.warn("noAtthkgenFile", f"there is no attitude file '{p.atthkset}': the pointing in the list holds")
    values = [number(keywords.get(name)) for name in ("RA_PNT", "DEC_PNT", "PA_PNT")]
    if None in values:
        session.warn("noPntAttributes", f"'{path}' has no RA_PNT, DEC_PNT, PA_PNT")
        text = f"there is no attitude for '{path}': give atthkset, or attitudelabel=fixed with fixedra and so on"
        raise TaskError("badInfile", text)
    ra, dec, angle = (float(value) for value in values if value is not None)
    return Attitude.fixed(ra, dec, angle), Pointing(ra, dec, angle, str(keywords.get("AVRG_PNT", "MEDIAN")).strip())


def _attitude_history(p: AttcalcParameters, session: Session) -> tuple[Attitude, Pointing]:
    source = p.attitudelabel.upper()
    with FitsFile(p.atthkset) as file:
        table = table_of(file, file.find("ATTHK"))
        keywords = {**table.hdu.values, **file.hdus[0].values}
    columns = [table.column(name) for name in ("TIME", f"{source}RA", f"{source}DEC", f"{source}PA")]
    if any(column.ndim != 1 or column.dtype.kind not in "iuf" for column in columns):
        raise FileProblem(p.atthkset, "has no plain numbers in the columns of ATTHK", "make it again with atthkgen")
    attitude = Attitude.of(*columns)
    if not len(attitude):
        raise FileProblem(p.atthkset, f"has no attitude of the {source} at any time", "make it again with atthkgen")
    letter, average = ("M", "MEDIAN") if p.withmedianpnt else ("A", "MEAN")
    names = [f"{letter}{source}{what}" for what in ("RA", "DEC", "PA")]
    values = [number(keywords.get(name)) for name in names]
    if None in values:
        session.warn("badPntValues", f"{p.atthkset} has no {', '.join(names)}: they are computed from its samples")
        pick = np.median if p.withmedianpnt else np.mean
        values = [
            _average_angle(attitude.ra, pick), float(pick(attitude.dec)), _average_angle(attitude.position_angle, pick)
        ]  # fmt: skip
    ra, dec, angle = (float(value) for value in values if value is not None)
    return attitude, Pointing(ra, dec, angle, average)


def _average_angle(degrees: NDArray[np.float64], pick: Any) -> float:
    """Median or mean (0 to 360) of angles that may go through 0 and 360."""
    away = (degrees - degrees[0] + 180.0) % 360.0 - 180.0
    return float((degrees[0] + pick(away)) % 360.0)


def number(value: object) -> float | None:
    """The value of a keyword where it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
