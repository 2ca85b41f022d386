"""Stand-ins for the pipeline's tests: small lists with real headers, an engine that writes small files."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy.io import fits

from xmmpy.engines import CallResult, TaskCall
from xmmpy.tasks.catalogue.edetect_chain.calls import derived_name
from xmmpy.tasks.session import Cut, Outcome

BIN = 100.0
QUIET, FLARE = 0.2, 5.0  # counts/s


def write_list(path: Path, instrument: str, exposure: str = "S001", **keywords: object) -> Path:
    """Write an event list of ten events with the keywords that tell lists apart."""
    rows = int(str(keywords.pop("rows", 10)))
    names = {"TIME": "D", "X": "J", "Y": "J", "PI": "I", "FLAG": "J", "PATTERN": "B"}
    columns = [fits.Column(name, form, array=np.arange(rows)) for name, form in names.items()]
    events = fits.BinTableHDU.from_columns(columns, name="EVENTS")
    events.header.update(
        {"INSTRUME": instrument, "EXPIDSTR": exposure, "FILTER": "Thin1", "DATAMODE": "IMAGING",
         "OBS_ID": "0123456789", "REFXCRVL": 10.0, "REFYCRVL": 20.0}
    )  # fmt: skip
    events.header.update(keywords)
    for number, name in enumerate(names, 1):
        if name in "XY":
            events.header[f"TLMIN{number}"], events.header[f"TLMAX{number}"] = 1, 51840
    fits.HDUList([fits.PrimaryHDU(), events]).writeto(path)
    return path


def write_rate(path: Path, flared: int = 3, bins: int = 20) -> None:
    """Write a rate curve of which the last `flared` bins are high."""
    rate = np.full(bins, QUIET)
    rate[bins - flared :] = FLARE
    columns = [
        fits.Column("TIME", "D", array=BIN * (np.arange(bins) + 0.5)),
        fits.Column("RATE", "E", array=rate),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="RATE")
    table.header["TIMEDEL"] = BIN
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path, overwrite=True)


@dataclass
class StubEngine:
    """An engine whose tasks write what they were given; fails where it is told to.

    Attributes
    ----------
    folder : Path
        The work folder.
    fail : set of str
        Outputs that cannot be made.
    empty : set of str
        Outputs that hold no rows.
    silent : set of str
        Outputs that are not written although the task says so.
    """

    folder: Path
    fail: set[str] = field(default_factory=set)
    empty: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    wait: float = 0.0
    calls: list[TaskCall] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    busiest: int = 0
    name: str = "stub"
    _busy: int = 0
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def run(self, calls: Sequence[TaskCall]) -> list[CallResult]:
        with self._mutex:
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
            self.calls += calls
            self.groups.append(len(calls))
        time.sleep(self.wait)
        results = [self._one(call) for call in calls]
        with self._mutex:
            self._busy -= 1
        return results

    def close(self) -> None:
        """Nothing is left to stop."""

    def _one(self, call: TaskCall) -> CallResult:
        output = main_output(call)
        if output in self.fail:
            return CallResult(error=("FileIo", f"{output} was not to be"))
        path = self.folder / output
        for other in other_outputs(call):
            (self.folder / other).write_text(f"{call.task}\n")
        if output.endswith(("_rate.fits", "_fine.fits")):
            write_rate(path)
        elif output not in self.silent:
            path.write_text(f"{call.task} {sorted(call.values.items())}\n")
        Path(call.log).write_text("did it\n")
        rows = 0 if output in self.empty else 5
        return CallResult(Outcome((path,), 10, rows, (Cut("all", rows),), {}), None, ("mind",), 0.01)

    def made(self) -> list[str]:
        """Outputs of all calls, in order."""
        return [main_output(call) for call in self.calls]


_OUTPUTS = {
    "edetect_chain": "eml_list",
    "srcdisplay": "regionfile",
    "srcmatch": "outputlistset",
    "emosaic": "mosaicedset",
}


def main_output(call: TaskCall) -> str:
    keys = ("rateset", "gtiset", "filteredset", "imageset")
    if call.task in _OUTPUTS:
        return str(call.values[_OUTPUTS[call.task]])
    return next(str(call.values[key]) for key in keys if key in call.values)


def other_outputs(call: TaskCall) -> list[str]:
    """What a task writes beside its main output."""
    if call.task == "srcdisplay":
        return [str(call.values["plotfile"])]
    if call.task != "edetect_chain":
        return []
    values = call.values
    images = [str(image) for image in values["imagesets"]]
    folder = values["mapdir"]
    kinds = ["bkg", "sen"] if values.get("witheexpmap") is False else ["exp", "bkg", "sen"]
    made = [f"{folder}/{derived_name(image, kind)}" for image in images for kind in kinds]
    first = {image.rpartition("/")[2].partition("_image")[0]: image for image in reversed(images)}
    made += [f"{folder}/{derived_name(image, 'mask')}" for image in first.values()]
    return [*made, str(values["eboxl_list"]), str(values["eboxm_list"])]
