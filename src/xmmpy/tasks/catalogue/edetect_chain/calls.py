"""The calls that edetect_chain is made of: which images belong together, names of maps, parameters of each task."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xmmpy.detection.planes import INSTRUMENT_IDS
from xmmpy.products.files import FitsFile, split_block
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.subtasks import SubCall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xmmpy.tasks.catalogue.edetect_chain.parameters import EdetectChainParameters
    from xmmpy.tasks.session import Session


@dataclass(frozen=True, slots=True)
class ChainImage:
    """An image and the maps that belong to it.

    Attributes
    ----------
    name, camera : str
        File and INSTRUME.
    band : int
        Its number among those of the camera, from 1.
    low_ev, high_ev, ecf : float
        Band and conversion factor.
    folder, exposure_folder : Path
        Where its maps are, and its exposure maps.
    """

    name: str
    camera: str
    band: int
    low_ev: float
    high_ev: float
    ecf: float
    folder: Path
    exposure_folder: Path

    def map(self, suffix: str) -> str:
        """Name of a map: ``bkg``, ``mask``, ``cheese``, ``sen``, ``smap``."""
        return str(self.folder / derived_name(self.name, suffix))

    @property
    def exposure(self) -> str:
        """Name of the exposure map."""
        return str(self.exposure_folder / derived_name(self.name, "exp"))

    @property
    def flat_exposure(self) -> str:
        """Name of the exposure map without vignetting."""
        return str(self.exposure_folder / derived_name(self.name, "expnovig"))


def derived_name(image: str, suffix: str) -> str:
    """Name of a map in the current folder: the suffix stands before the first ``.`` that a letter follows.

    ``.gz`` is left out, and ``.FTZ`` becomes ``.FIT``: maps are not packed.
    """
    name = re.sub(r"\.gz$", "", Path(split_block(image)[0]).name, flags=re.IGNORECASE)
    name = re.sub(r"\.FTZ$", ".FIT", name)
    changed, number = re.subn(r"\.(?=[A-Za-z])", f"{suffix}.", name, count=1)
    return changed if number else f"{name}{suffix}"


def chain_images(p: EdetectChainParameters) -> list[ChainImage]:
    """Sort the images by camera: pn, MOS1, MOS2; bands stay in their order.

    Raises
    ------
    TaskError
        When bands or factors are not as many as the images, an image is of no known camera, or two have one name.
    """
    number = len(p.imagesets)
    if not number:
        raise TaskError("noImages", "no image is named in 'imagesets'; name at least one")
    if not number == len(p.pimin) == len(p.pimax):
        text = f"{number} images, {len(p.pimin)} values of pimin and {len(p.pimax)} of pimax are given"
        raise TaskError("wrongNumberOfValues", f"{text}; give one of each for each image")
    if len(p.ecf) not in {1, number}:
        text = f"{len(p.ecf)} values of ecf are given for {number} images"
        raise TaskError("wrongNumberOfValues", f"{text}; give one for each image, or one for all")
    factors = p.ecf if len(p.ecf) == number else p.ecf * number
    folder = Path(p.mapdir)
    exposures = Path(p.expmapdir) if p.expmapdir and not p.witheexpmap else folder
    images = [
        ChainImage(name, instrument_of(name), 0, low, high, ecf, folder, exposures)
        for name, low, high, ecf in zip(p.imagesets, p.pimin, p.pimax, factors, strict=True)
    ]
    images.sort(key=lambda image: INSTRUMENT_IDS[image.camera])
    taken: dict[str, str] = {}
    for image in images:
        first = taken.setdefault(image.map("bkg"), image.name)
        if first != image.name:
            text = f"the maps of '{first}' and '{image.name}' would have the same names"
            raise TaskError("sameNames", f"{text}; give the images different names")
    cameras = [image.camera for image in images]
    return [replace(image, band=cameras[: place + 1].count(image.camera)) for place, image in enumerate(images)]


def instrument_of(name: str) -> str:
    """INSTRUME of an image or event list.

    Raises
    ------
    TaskError
        When it is none of the cameras.
    """
    path, block = split_block(name)
    with FitsFile(path) as file:
        headers = [file.find(block).header] if block else [hdu.header for hdu in file.hdus[:2]]
    found = next((str(header["INSTRUME"]).strip().upper() for header in headers if "INSTRUME" in header), "")
    if found not in INSTRUMENT_IDS:
        text = f"'{name}' is of INSTRUME '{found}'; source detection knows {', '.join(INSTRUMENT_IDS)}"
        raise TaskError("badInstrument", text)
    return found


def by_camera(images: Sequence[ChainImage]) -> dict[str, list[ChainImage]]:
    """Images of each camera."""
    cameras: dict[str, list[ChainImage]] = {}
    for image in images:
        cameras.setdefault(image.camera, []).append(image)
    return cameras


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """All calls of a chain, stage by stage; those of one stage do not wait for each other.

    Attributes
    ----------
    p : EdetectChainParameters
        What the user chose.
    images : list of ChainImage
        In order.
    events : dict of str to str
        Event list of each camera.
    """

    p: EdetectChainParameters
    images: list[ChainImage]
    events: dict[str, str]

    @classmethod
    def of(cls, p: EdetectChainParameters, session: Session) -> Chain:
        """Sort images and event lists."""
        images = chain_images(p)
        lists = {instrument_of(name): name for name in reversed(p.eventsets)} if p.witheexpmap else {}
        events = {}
        for camera, mine in by_camera(images).items():
            if camera not in lists and p.witheexpmap:
                text = f"no event list of {camera} is named in 'eventsets': '{mine[0].name}' stands in for it"
                session.warn("noEvents", f"{text}, and the exposure maps know nothing of single CCDs and bad pixels")
            events[camera] = lists.get(camera, mine[0].name)
        return cls(p, images, events)

    @property
    def with_flat(self) -> bool:
        """Whether esplinemap uses unvignetted exposure maps."""
        method = self.p.esp_fitmethod
        if method == "model":
            return self.p.witheexpmap or self.p.esp_withexpimage2
        return False

    def exposure_maps(self) -> list[SubCall]:
        """One call for all bands of a camera, and one for the maps without vignetting where they are used."""
        if not self.p.witheexpmap:
            return []
        calls = []
        for camera, images in by_camera(self.images).items():
            shared = {
                "imageset": images[0].name, "eventset": self.events[camera], "attitudeset": self.p.attitudeset,
                "attrebin": self.p.eex_attrebin, "pimin": [image.low_ev for image in images],
                "pimax": [image.high_ev for image in images],
            }  # fmt: skip
            calls.append(SubCall("eexpmap", {**shared, "expimageset": [image.exposure for image in images]}))
            if self.with_flat:
                flat = {"expimageset": [image.flat_exposure for image in images], "withvignetting": False}
                calls.append(SubCall("eexpmap", {**shared, **flat}))
        return calls

    def masks(self) -> list[SubCall]:
        """One call for each camera, on its first band."""
        return [
            SubCall("emask", {
                "expimageset": images[0].flat_exposure if self.with_flat else images[0].exposure,
                "detmaskset": images[0].map("mask"), "threshold1": self.p.emask_threshold1,
                "threshold2": self.p.emask_threshold2,
            })
            for images in by_camera(self.images).values()
        ]  # fmt: skip

    def search(self, *, with_maps: bool) -> SubCall:
        """Search all images together: with a local background, or with the background maps."""
        p = self.p
        values: dict[str, Any] = {
            **self._bands(), "boxsize": p.ebox_boxsize, "usemap": with_maps,
            "boxlistset": p.eboxm_list if with_maps else p.eboxl_list,
            "likemin": p.eboxm_likemin if with_maps else p.eboxl_likemin,
            "withexpimage": p.ebox_withexpimage, "obsmode": "pointing",
        }  # fmt: skip
        if with_maps:
            values["bkgimagesets"] = self._maps("bkg")
        if p.ebox_withexpimage:
            values["expimagesets"] = self._exposures()
        return SubCall("eboxdetect", {**values, **self._masks_of(p.ebox_withdetmask)})

    def background_maps(self) -> list[SubCall]:
        """One call for each image."""
        return [SubCall("esplinemap", self._background(image)) for image in self.images]

    def _background(self, image: ChainImage) -> dict[str, Any]:
        p = self.p
        out_of_time = p.esp_withootset and image.camera == "EPN"
        values: dict[str, Any] = {
            "boxlistset": p.eboxl_list, "imageset": image.name, "bkgimageset": image.map("bkg"),
            "fitmethod": p.esp_fitmethod, "withexpimage": p.esp_withexpimage, "withexpimage2": self.with_flat,
            "withdetmask": p.esp_withdetmask, "scut": p.esp_scut, "idband": image.band,
            "nsplinenodes": p.esp_nsplinenodes, "excesssigma": p.esp_excesssigma, "nfitrun": p.esp_nfitrun,
            "withcheese": p.esp_withcheese, "withootset": out_of_time, "pimin": [image.low_ev],
            "pimax": [image.high_ev],
        }  # fmt: skip
        if p.esp_withexpimage:
            values["expimageset"] = image.exposure
        if self.with_flat:
            values["expimageset2"] = image.flat_exposure
        if p.esp_withdetmask:
            values["detmaskset"] = self._mask(image)
        if p.esp_withcheese:
            values["cheeseimageset"] = image.map("cheese")
        if out_of_time:
            values["ooteventset"] = p.esp_ooteventset or self.events["EPN"]
        return values

    def fit(self) -> SubCall:
        """Fit the sources of the second search."""
        p = self.p
        values: dict[str, Any] = {
            **self._bands(), "boxlistset": p.eboxm_list, "mllistset": p.eml_list, "bkgimagesets": self._maps("bkg"),
            "expimagesets": self._exposures(), "withsourcemap": p.eml_withsourcemap, "mlmin": p.likemin,
            "dmlextmin": p.eml_dmlextmin, "scut": p.eml_scut, "ecut": p.eml_ecut, "fitextent": p.eml_fitextent,
            "fitnegative": p.eml_fitnegative, "determineerrors": p.eml_determineerrors, "nmaxfit": p.eml_nmaxfit,
            "nmulsou": p.eml_nmulsou, "extentmodel": p.eml_extentmodel, "maxextent": p.eml_maxextent,
            "withthreshold": p.eml_withthreshold, "threshold": p.eml_threshold, "threshcolumn": p.eml_threshcolumn,
            "withtwostage": p.eml_withtwostage, "psfmodel": p.psfmodel,
        }  # fmt: skip
        if p.eml_withsourcemap:
            values["sourceimagesets"] = self._maps("smap")
        return SubCall("emldetect", {**values, **self._masks_of(p.ebox_withdetmask)})

    def sensitivity_maps(self) -> list[SubCall]:
        """One call for each image."""
        return [
            SubCall("esensmap", {
                "expimagesets": [image.exposure], "bkgimagesets": [image.map("bkg")],
                "detmasksets": [self._mask(image)], "sensimageset": image.map("sen"), "mlmin": self.p.esen_mlmin,
            })
            for image in self.images
        ]  # fmt: skip

    def _bands(self) -> dict[str, Any]:
        images = self.images
        return {
            "imagesets": [image.name for image in images], "pimin": [image.low_ev for image in images],
            "pimax": [image.high_ev for image in images], "ecf": [image.ecf for image in images],
        }  # fmt: skip

    def _maps(self, suffix: str) -> list[str]:
        return [image.map(suffix) for image in self.images]

    def _exposures(self) -> list[str]:
        return [image.exposure for image in self.images]

    def _mask(self, image: ChainImage) -> str:
        return by_camera(self.images)[image.camera][0].map("mask")

    def _masks_of(self, wanted: bool) -> dict[str, Any]:
        masks = [images[0].map("mask") for images in by_camera(self.images).values()]
        return {"withdetmask": True, "detmasksets": masks} if wanted else {"withdetmask": False}
