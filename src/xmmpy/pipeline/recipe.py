"""The standard reduction of calibrated event lists: which tasks, on which files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from xmmpy.pipeline.detection import detection_steps
from xmmpy.pipeline.discovery import relative_to
from xmmpy.pipeline.graph import CutStep, Graph, Step, TakeStep, TaskStep
from xmmpy.pipeline.names import MOSAIC, Names
from xmmpy.products.record import CameraRecord, ObservationRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xmmpy.pipeline.discovery import EventList
    from xmmpy.pipeline.settings import Band, CameraSettings, Settings

LEGAL_RANGE = (1.0, 51840.0)  # of X and Y as attcalc makes them; 0.05 arcsec units

# The histogram method (espfilt): the peak is looked for in a fine curve, time is chosen on a coarser
# one, of which single good bins are dropped.
FINE_BIN = 1.0
HISTOGRAM_BIN = 60.0
SHORTEST_RUN = 2


@dataclass(frozen=True, slots=True)
class SkyGrid:
    """The range of X and Y that the images of all cameras share, so that the mosaic is a plain sum."""

    x_limits: tuple[float, float]
    y_limits: tuple[float, float]

    @classmethod
    def of(cls, lists: Sequence[EventList]) -> SkyGrid:
        """Take the widest legal range of the lists."""
        return cls(
            _widest([one.x_limits for one in lists]),
            _widest([one.y_limits for one in lists]),
        )


def standard_reduction(lists: Sequence[EventList], settings: Settings, work: Path) -> Graph:
    """Write the recipe for these lists.

    Parameters
    ----------
    lists : sequence of EventList
        With their keys; those with nothing to do are passed over.
    settings : Settings
        What the user chose.
    work : Path
        The work folder; all names are relative to it.
    """
    usable = [one for one in lists if one.usable]
    grid = SkyGrid.of(usable)
    steps: list[Step] = []
    for one in usable:
        steps += camera_steps(one, settings, grid, work)
    if usable:
        steps.append(_mosaic(usable))
    steps += detection_steps(usable, settings, work)
    return Graph(_asked_in_order(steps))


def _asked_in_order(steps: list[Step]) -> list[Step]:
    """Let the questions come in the order of the cameras, whichever rate curve is there first."""
    asked = [step.name for step in steps if isinstance(step, CutStep) and step.method == "ask"]
    before = {later: earlier for earlier, later in pairwise(asked)}
    return [replace(step, after=(before[step.name],)) if step.name in before else step for step in steps]


def camera_steps(events: EventList, settings: Settings, grid: SkyGrid, work: Path) -> list[Step]:
    """Rate curve, flare cut, good time, cleaned list and images of one exposure."""
    names = Names(events.key)
    camera = settings.of_camera(events.camera)
    limit = settings.flares.limit_of(events.key)
    method = "fixed" if limit is not None else settings.flares.method
    by_histogram = method == "histogram"
    bin_size = HISTOGRAM_BIN if by_histogram else settings.rate_bin
    rate_selection = camera.histogram_selection if by_histogram else camera.rate_selection
    steps: list[Step] = []
    if (work / names.events).absolute() != work.joinpath(events.path).absolute():
        steps.append(_take(events, names, work))
    steps.append(_rate(events, names, names.rate, rate_selection, bin_size))
    if by_histogram:
        steps.append(_rate(events, names, names.fine_rate, rate_selection, FINE_BIN))
    chosen_from = names.fine_rate if by_histogram else names.rate
    cut = f"{events.key}/cut"
    steps.append(
        CutStep(
            name=cut, camera=events.key, title="flare cut", inputs=(chosen_from,), method=method, limit=limit
        )
    )  # fmt: skip
    gti_values: dict[str, Any] = {"table": names.rate, "gtiset": names.gti, "timecolumn": "TIME"}
    if by_histogram:
        gti_values["mingtisize"] = SHORTEST_RUN * bin_size
    steps.append(
        TaskStep(
            name=f"{events.key}/gti", camera=events.key, title="good time", task="tabgtigen",
            values=gti_values, fill={"expression": cut}, inputs=(names.rate,), outputs=(names.gti,),
            needs_rows=True,
        )
    )  # fmt: skip
    steps.append(_clean(events, names, camera))
    for name, band in {**camera.bands, "full": camera.full_band}.items():
        steps.append(_image(events, camera, name, band, settings.image_size, grid))
    return steps


def _take(events: EventList, names: Names, work: Path) -> Step:
    source = relative_to(work, events.path)
    return TakeStep(
        name=f"{events.key}/events", camera=events.key, title="event list",
        inputs=(source,), outputs=(names.events,), packed=events.packed,
    )  # fmt: skip


def _rate(events: EventList, names: Names, output: str, selection: str, bin_size: float) -> Step:
    values = {
        "table": _table(names.events, events), "withrateset": True, "rateset": output, "maketimecolumn": True,
        "timecolumn": "TIME", "timebinsize": bin_size, "makeratecolumn": True, "expression": selection,
    }  # fmt: skip
    fine = output == names.fine_rate
    return TaskStep(
        name=f"{events.key}/{'fine-rate' if fine else 'rate'}", camera=events.key,
        title="fine rate curve" if fine else "rate curve",
        task="evselect", values=values, inputs=(names.events,), outputs=(output,),
    )  # fmt: skip


def _clean(events: EventList, names: Names, camera: CameraSettings) -> Step:
    values = {
        "table": _table(names.events, events), "withfilteredset": True, "filteredset": names.clean,
        "keepfilteroutput": True, "destruct": True,
        "expression": f"{camera.clean_selection} && gti({names.gti},TIME)",
    }  # fmt: skip
    return TaskStep(
        name=f"{events.key}/clean", camera=events.key, title="cleaned list", task="evselect", values=values,
        inputs=(names.events, names.gti), outputs=(names.clean,), needs_rows=True,
    )  # fmt: skip


def _image(events: EventList, camera: CameraSettings, band_name: str, band: Band, size: int, grid: SkyGrid) -> Step:
    names = Names(events.key)
    highest = camera.highest_pattern if band.highest_pattern is None else band.highest_pattern
    pattern = f"(PATTERN<={highest})" if highest else "(PATTERN==0)"
    values = {
        "table": _table(names.clean, events), "withimageset": True, "imageset": names.image(band_name),
        "xcolumn": "X", "ycolumn": "Y", "imagebinning": "imageSize", "ximagesize": size, "yimagesize": size,
        "withxranges": True, "ximagemin": grid.x_limits[0], "ximagemax": grid.x_limits[1],
        "withyranges": True, "yimagemin": grid.y_limits[0], "yimagemax": grid.y_limits[1],
        "expression": f"{camera.image_selection} && {pattern} && (PI>{band.low}&&PI<={band.high})",
    }  # fmt: skip
    return TaskStep(
        name=f"{events.key}/image-{band_name}", camera=events.key, title=f"image {band_name}",
        task="evselect", values=values, inputs=(names.clean,), outputs=(names.image(band_name),),
        withheld=events.no_images,
    )  # fmt: skip


def _mosaic(lists: Sequence[EventList]) -> Step:
    images = tuple(Names(one.key).image("full") for one in lists)
    references = {one.reference for one in lists}
    withheld = ""
    if len(references) > 1:
        withheld = "X,Y of the lists refer to different points of the sky: run attcalc on them with one"
    return TaskStep(
        name="mosaic", title="mosaic", task="emosaic", values={"mosaicedset": MOSAIC}, gather="imagesets",
        inputs=images, outputs=(MOSAIC,), withheld=withheld,
    )  # fmt: skip


def describe_cameras(lists: Sequence[EventList], settings: Settings, work: Path) -> list[CameraRecord]:
    """Say of each exposure where its products will be."""
    cameras = []
    for one in lists:
        names = Names(one.key)
        common: dict[str, Any] = {
            "key": one.key, "instrument": one.instrument, "exposure": one.exposure,
            "filter": one.filter, "mode": one.mode, "source": relative_to(work, one.path),
        }  # fmt: skip
        if one.usable:
            bands = (*settings.of_camera(one.camera).bands, "full")
            cameras.append(
                CameraRecord(
                    **common, events=names.events, rate=names.rate, gti=names.gti, clean=names.clean,
                    images={band: names.image(band) for band in bands},
                )
            )  # fmt: skip
        else:
            status = "failed" if one.problem else "nothing to do"
            cameras.append(CameraRecord(**common, status=status, reason=one.problem or one.nothing_to_do))
    return cameras


def describe_observation(lists: Sequence[EventList]) -> ObservationRecord:
    """Take the observation from the first usable list, its times from all."""
    chosen = next((one for one in lists if one.usable), lists[0])
    begins = [one.date_obs for one in lists if one.date_obs and one.usable]
    ends = [one.date_end for one in lists if one.date_end and one.usable]
    return ObservationRecord(
        obs_id=chosen.obs_id,
        object=chosen.object,
        ra=chosen.ra,
        dec=chosen.dec,
        date_obs=min(begins, default=""),
        date_end=max(ends, default=""),
    )


def _table(name: str, events: EventList) -> str:
    return f"{name}:{events.table}" if events.table else name


def _widest(ranges: Sequence[tuple[float, float] | None]) -> tuple[float, float]:
    known = [one for one in ranges if one is not None]
    if not known:
        return LEGAL_RANGE
    return min(low for low, _ in known), max(high for _, high in known)
