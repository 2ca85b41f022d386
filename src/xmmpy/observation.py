"""A reduced observation in Python: lists, images and sources as astropy objects."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xmmpy.pipeline.names import Names
from xmmpy.products.errors import FileProblem
from xmmpy.products.record import RECORD_NAME, read_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.nddata import CCDData
    from astropy.table import Table

    from xmmpy.products.record import CameraRecord, RunRecord


_LOG = logging.getLogger(__name__)
_UNITS = {"PIXELS": "pixel", "PIXEL": "pixel", "CHAN": "chan", "CHANNEL": "chan", "COUNTS": "ct", "CTS": "ct"}
"""Units of SAS's tables as astropy spells them."""


class Observation:
    """The products of a reduction.

    Parameters
    ----------
    work : path
        Its work folder, or the folder above it.

    Raises
    ------
    FileProblem
        When no reduction was done there.

    Examples
    --------
    >>> observation = Observation("work")  # doctest: +SKIP
    >>> observation.image("mos1", "b2").data.sum()  # doctest: +SKIP
    """

    def __init__(self, work: str | os.PathLike[str]) -> None:
        folder = Path(work)
        if not (folder / RECORD_NAME).is_file() and (folder / "work" / RECORD_NAME).is_file():
            folder = folder / "work"
        record = read_record(folder)
        if record is None:
            raise FileProblem(folder, "holds no reduction", "reduce the observation first: xmmpy.reduce(folder)")
        self.folder = folder
        self.record: RunRecord = record

    def __repr__(self) -> str:
        about = self.record.observation
        return f"<Observation {about.obs_id or '?'} {about.object}: {', '.join(self.cameras) or 'no camera'}>"

    @property
    def cameras(self) -> tuple[str, ...]:
        """Keys of the exposures with products, such as ``mos1``, ``mos1_U002``, ``pn``."""
        return tuple(camera.key for camera in self.record.cameras if camera.events)

    @property
    def page(self) -> Path:
        """The page that shows the products."""
        return self.folder / "index.html"

    def path(self, name: str) -> Path:
        """Path of a file in the work folder."""
        return self.folder / name

    def events(self, camera: str, *, clean: bool = True) -> Table:
        """Event list of an exposure with units; `clean` without the flares and bad events.

        Raises
        ------
        KeyError
            When there is no such exposure.
        FileProblem
            When it has no such list.
        """
        found = self._camera(camera)
        return self._table(found.clean if clean else found.events, camera, "event list", "EVENTS")

    def rate(self, camera: str) -> Table:
        """Rate curve of an exposure, on which the flare cut was chosen."""
        return self._table(self._camera(camera).rate, camera, "rate curve", "RATE")

    def good_times(self, camera: str) -> Table:
        """Good time intervals of an exposure."""
        return self._table(self._camera(camera).gti, camera, "good time", 1)

    def image(self, camera: str, band: str = "full") -> CCDData:
        """Image of an exposure in counts, with its world coordinates; bands ``b1`` to ``b5`` and ``full``."""
        found = self._camera(camera)
        if band not in found.images:
            known = ", ".join(found.images) or "none"
            raise KeyError(f"{camera} has no image {band!r}; it has: {known}")
        return self._image(found.images[band])

    @property
    def mosaic(self) -> CCDData:
        """Sum of the full images of all cameras."""
        return self._image("mosaic.ds")

    def sources(self, camera: str = "all", *, min_det_ml: float = 0.0) -> Table:
        """Sources that were found, one row each, with the names of the 4XMM catalogue.

        Parameters
        ----------
        camera : str
            ``all`` for the joint search, or an exposure.
        min_det_ml : float
            Only sources of this likelihood and above.
        """
        from astropy.table import Table

        from xmmpy.tasks.detection.sourcetable import read_source_table, table_columns

        path = self.folder / Names(camera).sources
        if not path.is_file():
            raise FileProblem(path, "is not there: no sources were looked for", "reduce with detection on")
        table = Table()
        for column in table_columns(read_source_table(str(path))):
            table[column.name] = column.values
            if column.unit:
                table[column.name].unit = column.unit
        if min_det_ml > 0.0 and "EP_8_DET_ML" in table.colnames:
            table = table[table["EP_8_DET_ML"] >= min_det_ml]
        return table

    def _camera(self, key: str) -> CameraRecord:
        found = self.record.camera(key)
        if found is None:
            known = ", ".join(camera.key for camera in self.record.cameras)
            raise KeyError(f"there is no exposure {key!r}; there are: {known}")
        return found

    def _table(self, name: str, camera: str, kind: str, block: str | int) -> Table:
        from astropy.table import Table
        from astropy.units import UnitsWarning, UnrecognizedUnit

        if not name:
            found = self._camera(camera)
            raise FileProblem(
                self.folder, f"has no {kind} of {camera} ({found.reason or found.status})", "see its page"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnitsWarning)  # SAS writes PIXELS, CHAN and the like
            table = Table.read(self.folder / name, hdu=block)
        for column in table.itercols():
            if isinstance(column.unit, UnrecognizedUnit):
                column.unit = _UNITS.get(str(column.unit).strip().upper())
        return table

    def _image(self, name: str) -> CCDData:
        from astropy.nddata import CCDData
        from astropy.wcs import WCS

        from xmmpy.products.images import read_image

        image = read_image(str(self.folder / name))
        keywords = ("CTYPE", "CRPIX", "CRVAL", "CDELT", "CUNIT")
        header = {f"{key}{axis}": image.header[f"{key}{axis}"] for key in keywords for axis in (1, 2)}
        header["RADESYS"] = "FK5"
        return CCDData(image.data, unit="ct", wcs=WCS(header), meta=dict(image.header))


def reduce(
    place: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    work: str | os.PathLike[str] | None = None,
    *,
    flare_cut: str | None = None,
    cameras: str | None = None,
    jobs: int = 0,
    force: bool = False,
    engine: str = "native",
    **settings: Any,
) -> Observation:
    """Reduce an observation, as ``xmmpy reduce`` does, and give its products.

    Parameters
    ----------
    place : path or sequence of paths
        Folder with an ODF, its archive or SUM.SAS; or with event lists.
    work : path, optional
        The work folder; ``work`` in the place when not given.
    flare_cut : str, optional
        ``auto``, ``histogram``, or limits in counts/s: ``mos1=0.35,pn=0.4``.
    cameras : str, optional
        Cameras, separated by commas.
    jobs : int
        Tasks at a time; as many as there are processors when 0.
    force : bool
        Do everything again.
    engine : str
        ``native``; ``sas``, the tasks of the SAS on PATH; or ``auto``, of a SAS that is complete, else native.
    **settings
        Any other setting of ``xmmpy.toml``, such as ``image_size=600``.

    Raises
    ------
    FileProblem
        When there is nothing to reduce, or the work folder cannot be used.
    SettingsError
        When a setting is wrong, or there is no such engine.
    """
    from xmmpy.pipeline.reduce import plan
    from xmmpy.pipeline.settings import SETTINGS_NAME, parse_cameras, parse_flare_cut, read_settings
    from xmmpy.reduction import choose_engine, page_of, run_plan
    from xmmpy.tasks.session import Environment

    places = [Path(place)] if isinstance(place, str | os.PathLike) else [Path(one) for one in place]
    home = places[0] if places[0].is_dir() else places[0].parent
    folder = Path(work) if work is not None else home / "work"
    changes: dict[str, Any] = dict(settings)
    if flare_cut is not None:
        changes["flares"] = parse_flare_cut(flare_cut)
    if cameras is not None:
        changes["cameras"] = parse_cameras(cameras)
    usual = home / SETTINGS_NAME
    chosen = read_settings(usual if usual.is_file() else None, changes)
    planned = plan(places, folder, chosen, Environment.from_mapping(os.environ))
    reduction = run_plan(planned, choose_engine(engine, planned, _LOG.info), jobs=jobs, force=force)
    page_of(reduction, folder)
    return Observation(folder)
