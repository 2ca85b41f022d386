"""Source lists of any task with one row per source, with SAS's names or those of the 4XMM catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from xmmpy.detection.skynames import NAME_PREFIX, iau_names
from xmmpy.detection.sourcerows import nearest_neighbour, position_error, total, total_error
from xmmpy.detection.summaryrows import Rows, add_sums, flag_texts, in_double, one_row_per_source
from xmmpy.products.sourcelists import read_source_list
from xmmpy.products.summarylist import (
    BANDS,
    CAMERAS,
    EPIC,
    PIXEL_KEYWORD,
    RATIOS,
    TOTAL,
    XID,
    error_name,
    flux_name,
    is_summary_list,
    likelihood_name,
    rate_name,
    summary_layout,
)
from xmmpy.products.tableexport import ExportColumn
from xmmpy.tasks.detection.lists import columns_in_arcmin, list_cards, pixel_arcsec, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from xmmpy.products.sourcelists import SourceList

Layout = Literal["4xmm", "sas"]

PIPELINE_PIXEL: Final = 4.0
"""Side (arcsec) of the pixels of ESA's pipeline images, for summary lists that do not tell theirs."""
BAND_NUMBERS: Final = {**{band: band for band in BANDS}, TOTAL: "8", XID: "9"}
"""Numbers of the bands in 4XMM's column names: 8 is all bands together, 9 is 0.5 to 4.5 keV."""

_UNITS = {
    "cgs": "erg.cm**-2.s**-1", "cnts/s": "ct/s", "counts": "ct", "seconds": "s", "image pixels": "pix", "-": "",
}  # fmt: skip
_FLUX, _RATE, _COUNTS = _UNITS["cgs"], _UNITS["cnts/s"], _UNITS["counts"]


@dataclass(frozen=True, slots=True, eq=False)
class SourceTable:
    """Sources of a list, one in each row.

    Attributes
    ----------
    rows : Rows
        Numbers, by the names of summary lists; EP_EXTENT in pixels.
    texts : dict of str to ndarray
        Columns that are no numbers: flags of the cameras and the like.
    keywords : mapping
        Of the list.
    pixel_arcsec : float
        Side of an image pixel.
    kind : str
        ``srcmatch``, ``emldetect`` or ``eboxdetect``.
    """

    rows: Rows
    texts: dict[str, NDArray[Any]]
    keywords: Mapping[str, Any]
    pixel_arcsec: float
    kind: str

    def __len__(self) -> int:
        return len(self.rows["RA"])


def read_source_table(name: str) -> SourceTable:
    """Read a list of srcmatch, emldetect or eboxdetect.

    Raises
    ------
    FileProblem
        When it cannot be read or is no source list.
    """
    source_list = read_source_list(name)
    keywords = list_cards(name, source_list)[0]
    if is_summary_list(source_list.columns):
        return _of_summary(source_list, keywords)
    for column in ("ID_INST", "ID_BAND", "BOX_ID_SRC", "RA", "DEC"):
        _ = source_list[column]  # a list without one is refused by name
    rows = add_sums(one_row_per_source(columns_in_arcmin(source_list)), epic_from_cameras=False)
    rows["SRC_NUM"] = rows["ML_ID"]
    rows["EP_1_ML_ID"], rows["EP_1_BOXID"] = rows.pop("ML_ID"), rows.pop("BOXID")
    texts = {
        f"{camera}_FLAG": np.array(flag_texts(rows.pop(f"{camera}_FLAG")), "U12")
        for camera in CAMERAS
        if source_list.is_fitted
    }
    rows = {column: values for column, values in rows.items() if not column.endswith("_FLAG")}
    pixel = pixel_arcsec(source_list.columns) or PIPELINE_PIXEL
    return SourceTable(rows, texts, keywords, pixel, "emldetect" if source_list.is_fitted else "eboxdetect")


def _of_summary(source_list: SourceList, keywords: Mapping[str, Any]) -> SourceTable:
    nulls = {column.name: column.null for column in summary_layout() if column.null is not None}
    rows: Rows = {}
    texts: dict[str, NDArray[Any]] = {}
    for name, values in source_list.columns.items():
        if values.dtype.kind == "S" and values.dtype.itemsize == 1 and name in {"SPECTRA", "TSERIES"}:
            texts[name] = values == b"T"
        elif values.dtype.kind == "S":
            texts[name] = np.char.strip(np.char.decode(values, "latin-1"))
        elif values.ndim == 1:
            null = nulls.get(name, -1 if name.endswith(("_ID", "_BOXID")) else None)
            numbers = in_double(values)
            rows[name] = numbers if null is None else np.where(values == null, np.nan, numbers)
    pixel = keywords.get(PIXEL_KEYWORD) or pixel_arcsec(rows) or PIPELINE_PIXEL
    if unit_of(source_list, "EP_EXTENT") == "arcsec":
        rows["EP_EXTENT"], rows["EP_EXT_ERR"] = (rows[name] / pixel for name in ("EP_EXTENT", "EP_EXT_ERR"))
    return SourceTable(rows, texts, keywords, float(pixel), "srcmatch")


def table_columns(
    table: SourceTable, layout: Layout = "4xmm", prefix: str = NAME_PREFIX, *, sexagesimal: bool = False
) -> list[ExportColumn]:
    """Columns of a table in one of the layouts; those of which the list knows nothing at all are left out.

    Parameters
    ----------
    table : SourceTable
        The sources.
    layout : {"4xmm", "sas"}
        Names, order and units of the catalogue, or names and order of summary lists.
    prefix : str
        Acronym of the names in the column IAUNAME.
    sexagesimal : bool
        Whether to add RA_HMS and DEC_DMS, texts.
    """
    columns = list(_sas_columns(table) if layout == "sas" else _catalogue_columns(table, prefix))
    if not sexagesimal:
        return columns
    from xmmpy.odf.sexagesimal import from_degrees

    place = next(n for n, column in enumerate(columns) if column.name == "DEC") + 1
    values = {column.name: column.values for column in columns}
    texts = [
        ExportColumn(
            name, np.array([from_degrees(float(one), hours=hours, digits=digits) for one in values[axis]], "U12")
        )
        for name, axis, hours, digits in (("RA_HMS", "RA", True, 2), ("DEC_DMS", "DEC", False, 1))
    ]
    return [*columns[:place], *texts, *columns[place:]]


def _sas_columns(table: SourceTable) -> Iterator[ExportColumn]:
    known = {column.name: column for column in summary_layout()}
    for name in [*known, *(name for name in table.rows if name not in known)]:
        column = known.get(name)
        unit = "" if column is None else column.unit.strip()
        whole = column is not None and column.form == "J"
        yield from _column(table, name, name, _UNITS.get(unit, unit), whole=whole)


def _column(
    table: SourceTable, name: str, source: str, unit: str = "", *, whole: bool = False
) -> Iterator[ExportColumn]:
    """A column under a new name, where the list has it."""
    if source in table.texts:
        yield ExportColumn(name, table.texts[source])
    elif source in table.rows and not np.isnan(table.rows[source]).all():
        values = table.rows[source]
        double = source in _DOUBLES or whole
        yield ExportColumn(name, values if double else values.astype(np.float32), unit, whole)


_DOUBLES = frozenset({"RA_UNC", "DEC_UNC", *(column.name for column in summary_layout() if column.form == "D")})


def _catalogue_columns(table: SourceTable, prefix: str) -> Iterator[ExportColumn]:
    """Names of 4XMM; its user guide, "Catalogue columns"."""
    extra = _catalogue_rows(table)
    known = SourceTable({**table.rows, **extra}, table.texts, table.keywords, table.pixel_arcsec, table.kind)
    yield ExportColumn("IAUNAME", np.array(iau_names(extra["RA"], extra["DEC"], prefix), "U32"))
    yield from _column(known, "SRC_NUM", "SRC_NUM", whole=True)
    if "OBS_ID" in table.keywords:
        yield ExportColumn("OBS_ID", np.full(len(table), str(table.keywords["OBS_ID"]), "U10"))
    for name in ("RA", "DEC", "POSERR", "LII", "BII", "RADEC_ERR", "SYSERRCC", "RA_UNC", "DEC_UNC"):
        yield from _column(known, name, name, "arcsec" if "ERR" in name else "deg")
    for name, source in (("EP_EXTENT", "EXTENT"), ("EP_EXTENT_ERR", "EXTENT_ERR")):
        yield from _column(known, name, source, "arcsec")
    yield from _column(known, "EP_EXTENT_ML", "EP_EXT_ML")
    for naming, kind, unit in ((flux_name, "FLUX", _FLUX), (rate_name, "RATE", _RATE)):
        for camera in (EPIC, *CAMERAS):
            for band, number in BAND_NUMBERS.items():
                yield from _with_error(known, f"{camera}_{number}_{kind}", naming(camera, band), unit)
    for camera in (EPIC, *CAMERAS):
        yield from _with_error(known, f"{camera}_8_CTS", f"{camera}_CTS", _COUNTS)
    for camera in (EPIC, *CAMERAS):
        for band, number in BAND_NUMBERS.items():
            yield from _column(known, f"{camera}_{number}_DET_ML", likelihood_name(camera, band))
    for camera in (EPIC, *CAMERAS):
        for ratio in RATIOS:
            yield from _with_error(known, f"{camera}_HR{ratio}", f"{camera}_HR{ratio}", "")
    for camera in CAMERAS:
        yield from _circumstances(known, camera)
    yield from _column(known, "EP_DIST_NN", "DIST_NN", "arcsec")
    for camera in (EPIC, *CAMERAS):
        yield from _column(known, f"{camera}_FLAG", f"{camera}_FLAG")
    yield from _source_columns(known)


def _with_error(table: SourceTable, name: str, source: str, unit: str) -> Iterator[ExportColumn]:
    yield from _column(table, name, source, unit)
    yield from _column(table, f"{name}_ERR", error_name(source), unit)


def _circumstances(table: SourceTable, camera: str) -> Iterator[ExportColumn]:
    for band in BANDS:
        yield from _column(table, f"{camera}_{band}_EXP", f"{camera}_{band}_EXP", "s")
    for band in BANDS:
        yield from _column(table, f"{camera}_{band}_VIG", f"{camera}_{band}_VIG")
    for name, unit in (("ONTIME", "s"), ("OFFAX", "arcmin"), ("MASKFRAC", ""), ("PILEUP", "")):
        yield from _column(table, f"{camera}_{name}", f"{camera}_{name}", unit)


def _source_columns(table: SourceTable) -> Iterator[ExportColumn]:
    """The SC_ columns, which the catalogue has for the source behind several detections: here it has one."""
    for name in ("RA", "DEC"):
        yield from _column(table, f"SC_{name}", name, "deg")
    yield from _column(table, "SC_POSERR", "POSERR", "arcsec")
    yield from _column(table, "SC_DET_ML", likelihood_name(EPIC, TOTAL))
    for band, number in BAND_NUMBERS.items():
        yield from _with_error(table, f"SC_EP_{number}_FLUX", flux_name(EPIC, band), _FLUX)
    for ratio in RATIOS:
        yield from _with_error(table, f"SC_HR{ratio}", f"EP_HR{ratio}", "")
    yield from _column(table, "SC_EXTENT", "EXTENT", "arcsec")
    yield from _column(table, "SC_EXT_ERR", "EXTENT_ERR", "arcsec")
    yield from _column(table, "SC_EXT_ML", "EP_EXT_ML")


def _catalogue_rows(table: SourceTable) -> Rows:
    """What the catalogue has and a summary list has not, or by another meaning of the same name."""
    rows = table.rows
    extra: Rows = {}
    corrected = "RA_CORR" in rows and not np.isnan(rows["RA_CORR"]).all()
    suffix = "_CORR" if corrected else ""
    for name in ("RA", "DEC", "LII", "BII"):
        extra[name] = rows[f"{name}{suffix}"]
    if corrected:
        extra["RA_UNC"], extra["DEC_UNC"] = rows["RA"], rows["DEC"]
    error = rows.get("RADEC_ERR", np.full(len(table), np.nan))
    extra["POSERR"] = position_error(error, np.nan_to_num(rows.get("SYSERRCC", np.zeros(len(table)))))
    for name, source in (("EXTENT", "EP_EXTENT"), ("EXTENT_ERR", "EP_EXT_ERR")):
        extra[name] = rows[source] * table.pixel_arcsec
    for band in BANDS:
        names = [rate_name(camera, band) for camera in CAMERAS]
        extra[rate_name(EPIC, band)] = total([rows[name] for name in names])
        extra[error_name(rate_name(EPIC, band))] = total_error([rows[error_name(name)] for name in names])
    extra["EP_CTS"] = total([rows[f"{camera}_CTS"] for camera in CAMERAS])
    extra["EP_CTS_ERR"] = total_error([rows[f"{camera}_CTS_ERR"] for camera in CAMERAS])
    extra["DIST_NN"] = nearest_neighbour(extra["RA"], extra["DEC"])
    return extra
