"""The part of the recipe that finds sources: in each camera, then in all cameras and bands together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from xmmpy.calibration.nominal import energy_conversion_factors, part_above_300_ev
from xmmpy.pipeline.discovery import relative_to
from xmmpy.pipeline.graph import Step, TaskStep
from xmmpy.pipeline.names import ALL, LISTS, MAPS, MOSAIC, Names
from xmmpy.tasks.catalogue.edetect_chain.calls import derived_name
from xmmpy.tasks.detection.fields import MAX_BANDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xmmpy.pipeline.discovery import EventList
    from xmmpy.pipeline.settings import Settings

RADIUS_DEG: Final = 0.007
"""Radius of the circles in region files: 25 arcsec."""
DETECTION_STEPS: Final = ("/detect", "/regions")
"""How names of the steps of one exposure end."""
ATTITUDE_BIN_ARCSEC: Final = 4.0
SPLIT_JOINTLY: Final = 2
"""Sources that one may be split into where all cameras see it; in one camera 1, the default of SAS."""
_ORDER = ("pn", "mos1", "mos2")
_STANDARD = {(300, 500): 0, (200, 500): 0, (500, 1000): 1, (1000, 2000): 2, (2000, 4500): 3, (4500, 12000): 4}
_ATTITUDES = ("*AttHk.ds", "*ATTTSR*", "atthk*.*", "attitude*.*")


@dataclass(frozen=True, slots=True)
class Searched:
    """An exposure in which sources are looked for.

    Attributes
    ----------
    names : Names
        Of its products.
    camera : str
        ``mos1``, ``mos2`` or ``pn``.
    bands : tuple of str
        Names of the bands.
    limits : tuple of (int, int)
        Their limits (eV).
    ecf : tuple of float
        Conversion factors (1e11 counts cm2/erg); ones where they are not known.
    """

    names: Names
    camera: str
    bands: tuple[str, ...]
    limits: tuple[tuple[int, int], ...]
    ecf: tuple[float, ...]

    @classmethod
    def of(cls, events: EventList, settings: Settings) -> Searched:
        """Take bands and factors from the settings."""
        bands = settings.of_camera(events.camera).bands
        limits = tuple((band.low, band.high) for band in bands.values())
        factors = settings.detection.ecf.get(events.camera) or conversion_factors(events, limits)
        return cls(Names(events.key), events.camera, tuple(bands), limits, factors or (1.0,) * len(limits))

    @property
    def images(self) -> tuple[str, ...]:
        """Images of the bands."""
        return tuple(self.names.image(band) for band in self.bands)

    def maps(self, suffix: str, folder: str = MAPS) -> tuple[str, ...]:
        """Maps of the bands."""
        return tuple(f"{folder}/{derived_name(image, suffix)}" for image in self.images)

    def joint_maps(self) -> dict[str, str]:
        """Maps that the joint search makes, each with the exposure map that it needs."""
        together = f"{MAPS}/{ALL}"
        exposures = self.maps("exp")
        pairs = {self.maps("mask", together)[0]: exposures[0]}
        for suffix in ("bkg", "sen"):
            pairs |= dict(zip(self.maps(suffix, together), exposures, strict=True))
        return pairs


def conversion_factors(events: EventList, limits: Sequence[tuple[int, int]]) -> tuple[float, ...]:
    """Factors of the standard bands with the filter of a list; nothing where a band or the filter is another."""
    try:
        known = energy_conversion_factors(events.instrument, events.filter) / 1e11
        parts = {(300, 500): part_above_300_ev(events.filter)}
        return tuple(float(known[_STANDARD[band]]) * parts.get(band, 1.0) for band in limits)
    except (ValueError, KeyError):
        return ()


def detection_remarks(lists: Sequence[EventList], settings: Settings) -> tuple[str, ...]:
    """What fluxes lack, a line for each exposure."""
    if not settings.detection.enabled:
        return ()
    remarks = []
    for one in lists:
        limits = [(band.low, band.high) for band in settings.of_camera(one.camera).bands.values()]
        unknown = one.usable and one.camera not in settings.detection.ecf and not conversion_factors(one, limits)
        if unknown:
            text = f"{one.key}: no conversion factors are known for its bands with the filter '{one.filter}'"
            remarks.append(f"{text}: its fluxes are rates times 1e-11; give them in detection.ecf")
    return tuple(remarks)


def detection_steps(lists: Sequence[EventList], settings: Settings, work: Path) -> list[Step]:
    """Search each exposure, then one exposure of each camera together; mark and list what is found.

    Parameters
    ----------
    lists : sequence of EventList
        Usable ones, with their keys.
    settings : Settings
        What the user chose.
    work : Path
        The work folder.
    """
    if not settings.detection.enabled or not lists:
        return []
    attitude = _attitude(lists, work)
    steps: list[Step] = []
    for one in lists:
        steps += _camera_steps(one, Searched.of(one, settings), settings, attitude)
    return [*steps, *_joint_steps(lists, settings)]


def _attitude(lists: Sequence[EventList], work: Path) -> str:
    """Attitude history beside the lists, relative to the work folder; empty where there is none."""
    for folder in dict.fromkeys(Path(one.path).parent for one in lists):
        for pattern in _ATTITUDES:
            found = sorted(path for path in folder.glob(pattern) if path.is_file())
            if found:
                return relative_to(work, str(found[0]))
    return ""


def _camera_steps(events: EventList, one: Searched, settings: Settings, attitude: str) -> list[Step]:
    names, key = one.names, events.key
    withheld = events.no_images
    if len(one.bands) > MAX_BANDS:
        withheld = f"{len(one.bands)} bands: at most {MAX_BANDS} can be searched together"
    box_local, box_map, fitted = names.source_list("eboxlist_l"), names.source_list("eboxlist_m"), names.sources
    values: dict[str, Any] = {
        "imagesets": one.images, "eventsets": names.clean, "attitudeset": attitude,
        **_common([one], settings), "mapdir": MAPS, "eboxl_list": box_local, "eboxm_list": box_map,
        "eml_list": fitted,
    }  # fmt: skip
    maps = [file for suffix in ("exp", "bkg", "sen") for file in one.maps(suffix)]
    detect = TaskStep(
        name=f"{key}{DETECTION_STEPS[0]}", camera=key, title="sources", task="edetect_chain", values=values,
        inputs=(*one.images, names.clean), optional=(attitude,) if attitude else (),
        outputs=(fitted, box_local, box_map, one.maps("mask")[0], *maps), withheld=withheld,
    )  # fmt: skip
    return [
        detect,
        _marks(f"{key}{DETECTION_STEPS[1]}", key, fitted, names.image("full"), names.regions, names.picture),
    ]


def _joint_steps(lists: Sequence[EventList], settings: Settings) -> list[Step]:
    """All cameras and bands together, from the exposure maps of each."""
    chosen: dict[str, Searched] = {}
    for one in sorted(lists, key=lambda one: -one.rows):  # of several exposures of a camera the one with most events
        if not one.no_images:
            chosen.setdefault(one.camera, Searched.of(one, settings))
    searched = [chosen[camera] for camera in _ORDER if camera in chosen]
    if not searched:
        return []
    everything = Names(ALL)
    withheld = ""
    if len({one.reference for one in lists if not one.no_images}) > 1:
        withheld = "X,Y of the lists refer to different points of the sky: run attcalc on them with one"
    box_local, box_map = everything.source_list("eboxlist_l"), everything.source_list("eboxlist_m")
    lists_made = {"eboxl_list": box_local, "eboxm_list": box_map, "eml_list": everything.sources}
    maps = {file: needed for one in searched for file, needed in one.joint_maps().items()}
    detect = TaskStep(
        name="detect", title="sources of all cameras", task="edetect_chain",
        values={"witheexpmap": False, "mapdir": f"{MAPS}/{ALL}", "expmapdir": MAPS, **lists_made},
        adapt=_adapt(searched, settings), inputs=tuple(file for one in searched for file in one.maps("exp")),
        optional=tuple(file for one in searched for file in one.images),
        outputs=(everything.sources, box_local, box_map, *maps), only_with=maps, withheld=withheld,
    )  # fmt: skip
    summary = TaskStep(
        name="summary-list", title="summary list", task="srcmatch",
        values={"inputlistsets": everything.sources, "outputlistset": f"{LISTS}/{ALL}_srcmatch.fits"},
        inputs=(everything.sources,), outputs=(f"{LISTS}/{ALL}_srcmatch.fits",),
    )  # fmt: skip
    marks = _marks("regions", None, everything.sources, MOSAIC, everything.regions, everything.picture)
    return [detect, marks, summary]


def _adapt(searched: Sequence[Searched], settings: Settings) -> Callable[[Sequence[str]], Mapping[str, Any]]:
    """Parameters for the cameras whose exposure maps could be made."""

    def values(files: Sequence[str]) -> Mapping[str, Any]:
        there = [one for one in searched if set(one.maps("exp")) <= set(files)]
        images = tuple(image for one in there for image in one.images)
        return {"imagesets": images, **_common(there, settings, SPLIT_JOINTLY)}

    return values


def _common(searched: Sequence[Searched], settings: Settings, usual_split: int = 1) -> dict[str, Any]:
    """Bands, factors and the settings that every search has; one source may be split into `usual_split`."""
    chosen = settings.detection
    limits = [limit for one in searched for limit in one.limits]
    return {
        "pimin": tuple(low for low, _ in limits), "pimax": tuple(high for _, high in limits),
        "ecf": tuple(round(factor, 6) for one in searched for factor in one.ecf), "likemin": chosen.likemin,
        "eex_attrebin": ATTITUDE_BIN_ARCSEC, "esp_nsplinenodes": chosen.nodes, "eml_fitextent": chosen.extents,
        "eml_nmaxfit": chosen.nmaxfit, "eml_nmulsou": chosen.nmulsou or usual_split,
        "esen_mlmin": chosen.sensitivity_likemin,
    }  # fmt: skip


def _marks(name: str, camera: str | None, sources: str, image: str, regions: str, picture: str) -> Step:
    values = {
        "boxlistset": sources, "imageset": image, "regionfile": regions, "plotfile": picture,
        "sourceradius": RADIUS_DEG, "withdisplay": False,
    }  # fmt: skip
    return TaskStep(
        name=name, camera=camera, title="marked sources", task="srcdisplay", values=values,
        inputs=(sources, image), outputs=(regions, picture),
    )  # fmt: skip
