"""Names of products in the work folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ALL: Final = "all"
"""Key of what is of all cameras together."""
IMAGES: Final = "images"
MAPS: Final = IMAGES
"""Folder of exposure, background and sensitivity maps and masks: beside their images."""
LISTS: Final = "coords"
"""Folder of source lists."""
MOSAIC: Final = "mosaic.ds"
FOLDERS: Final = (IMAGES, f"{MAPS}/{ALL}", LISTS, "logs")
"""Folders of a work folder."""
SHORT_NAMES: Final = {"mos1": "m1", "mos2": "m2", "pn": "pn"}


@dataclass(frozen=True, slots=True)
class Names:
    """Names of the products of one exposure, or of all cameras together (`ALL`), in the work folder."""

    key: str

    @property
    def events(self) -> str:
        """The event list, linked or unpacked."""
        return f"{self.key}.fits"

    @property
    def rate(self) -> str:
        """The rate curve on which time is chosen."""
        return f"{self.key}_rate.fits"

    @property
    def fine_rate(self) -> str:
        """The fine rate curve of the histogram method."""
        return f"{self.key}_rate_fine.fits"

    @property
    def gti(self) -> str:
        """The time that is kept."""
        return f"gtiset_{self.key}.fits"

    @property
    def clean(self) -> str:
        """The cleaned list."""
        return f"{self.key}_clean.fits"

    @property
    def short(self) -> str:
        """``m1``, ``m1_U002``, ``pn``, ``all``: how names of images and source lists begin."""
        camera, underscore, exposure = self.key.partition("_")
        return f"{SHORT_NAMES.get(camera, camera)}{underscore}{exposure}"

    def image(self, band: str) -> str:
        """Name the image of a band, ``full`` for all of them."""
        return f"{IMAGES}/{self.short}_image_{band}.fits"

    def source_list(self, kind: str) -> str:
        """Name a source list: ``eboxlist_l``, ``eboxlist_m``, ``emllist``."""
        return f"{LISTS}/{self.short}_{kind}.fits"

    @property
    def sources(self) -> str:
        """The fitted sources."""
        return self.source_list("emllist")

    @property
    def regions(self) -> str:
        """Region file of the sources."""
        return f"{LISTS}/{self.short}_regionfile.txt"

    @property
    def picture(self) -> str:
        """Picture of the sources over their image."""
        return f"{LISTS}/{self.short}_sources.png"
