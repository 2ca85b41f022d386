"""Compose the summary file of an ODF from its inventory, as odfingest does (its task page, section Algorithm)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xmmpy.odf.names import EPIC, INSTRUMENTS
from xmmpy.odf.settings import CameraSettings, exposure_settings, read_settings
from xmmpy.odf.summary import ExposureRecord, InstrumentRecord, Parameter, SummaryFile
from xmmpy.odf.times import met_of_text, text_of_met
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from xmmpy.odf.inventory import Exposure, Inventory

_STAMP = "%Y-%m-%dT%H:%M:%S.000"


def compose_summary(
    inventory: Inventory,
    *,
    version: str,
    build: str,
    made: datetime,
    path: str | None,
    modes: bool = True,
    housekeeping: bool = True,
) -> tuple[SummaryFile, list[str]]:
    """Compose the summary of an observation.

    Parameters
    ----------
    inventory : Inventory
        What the ODF holds.
    version, build : str
        Of the task and of the software, for the first lines.
    made : datetime
        Time stamp.
    path : str or None
        Folder for the PATH line; no such line where it is None.
    modes : bool
        Whether to tell the modes of the instruments.
    housekeeping : bool
        Whether to tell the settings from housekeeping.

    Returns
    -------
    SummaryFile, list of str
        And a sentence for everything that could not be told.

    Raises
    ------
    FileProblem
        When neither exposures nor the archive's summary tell when the observation was.
    """
    remarks: list[str] = []
    folder, archive = inventory.folder, inventory.archive
    start, stop = inventory.start, inventory.stop
    if not np.isfinite(start) and archive is not None:
        start, stop = met_of_text(archive.start), met_of_text(archive.end)
    if not (np.isfinite(start) and np.isfinite(stop)):
        raise FileProblem(folder.path, "holds no readable exposure and no summary", "get it again from the archive")
    records = []
    for code in INSTRUMENTS:
        settings = CameraSettings()
        if housekeeping and code in EPIC:
            settings, more = read_settings(folder, code)
            remarks += more
        exposures = []
        for exposure in inventory.of_instrument(code):
            if not np.isfinite(exposure.start):
                remarks.append(f"{code} {exposure.identifier} is left out: no file of it tells its time")
                continue
            parameters = tuple(_parameters(exposure, settings, modes=modes, housekeeping=housekeeping))
            exposures.append(_record(folder.observation, exposure, parameters))
        records.append(InstrumentRecord(code, tuple(exposures)))
    own = folder.canonical_name("SUM", "SAS")
    names = {str(name) for name in folder.files if (name.kind, name.suffix) != ("SUM", "ASC")} | {own}
    stamp = made.strftime(_STAMP)
    summary = SummaryFile(
        task="odfingest",
        version=version,
        build=build,
        date=stamp,
        path=path,
        observation=folder.observation,
        revolution=folder.revolution,
        start=text_of_met(start),
        end=text_of_met(stop),
        files=tuple(sorted(names)),
        asc_name="" if archive is None else folder.canonical_name("SUM", "ASC"),
        configuration=() if archive is None else archive.configuration,
        processed=stamp,
        instruments=tuple(records),
        proposal=() if archive is None else archive.proposal,
    )
    return summary, remarks


def _record(observation: str, exposure: Exposure, parameters: tuple[Parameter, ...]) -> ExposureRecord:
    start, stop = text_of_met(exposure.start), text_of_met(exposure.stop)
    identifier = f"{observation}{exposure.instrument}{exposure.identifier}"
    return ExposureRecord(
        number=exposure.identifier[1:],
        scheduled=exposure.scheduled,
        kind="SCIENCE",
        commanded=identifier,
        proposed=identifier,
        scheduled_start=start,
        scheduled_end=stop,
        start=start,
        end=stop,
        parameters=parameters,
    )


def _parameters(
    exposure: Exposure, settings: CameraSettings, *, modes: bool, housekeeping: bool
) -> Iterator[Parameter]:
    unit = "window" if exposure.instrument == "OM" else "CCD"
    data_modes = dict(sorted(exposure.data_modes().items()))
    if exposure.instrument != "OM":
        data_modes.pop(0, None)  # files of no CCD
    if modes:
        yield Parameter("MODE", exposure.mode, "Instrument configuration ")
        for number in data_modes:
            meaning = f"Mode used to calibrate events from {unit} {number}"
            yield Parameter(f"CALIBRATION_MODE_{number}", exposure.mode, meaning)
    for number, mode in data_modes.items():
        yield Parameter(f"DATA_MODE_{number}", mode, f"Data mode for {unit} {number}")
    if housekeeping:
        yield from exposure_settings(exposure, settings)
