"""Parameters of emldetect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xmmpy.tasks.parameters import (
    Dataset,
    Integer,
    Real,
    RealList,
    Switch,
    TaskParameters,
    Text,
    TextList,
    parameter,
)

if TYPE_CHECKING:
    from xmmpy.tasks.session import Session

_NO_EFFECT = "accepted; changes nothing"
_RATIOS = (1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0)


class EmldetectParameters(TaskParameters):
    """Fit the sources of a list: positions, extents and rates that make the images most likely."""

    imagesets: TextList = parameter(help="images: pn, MOS1, MOS2, and by band in each")
    boxlistset: Dataset = parameter("eboxlist.fits", writes=False, help="list of eboxdetect: the candidates")
    mllistset: Dataset = parameter("emllist.fits", help="list to write")
    withexpimage: Switch = parameter(True, help="use exposure maps")
    expimagesets: TextList = parameter((), parent="withexpimage", help="exposure maps, one for each image")
    withdetmask: Switch = parameter(False, help="use detection masks")
    detmasksets: TextList = parameter((), parent="withdetmask", help="masks, one for each camera")
    bkgimagesets: TextList = parameter(help="background maps, one for each image")
    withsourcemap: Switch = parameter(False, help="write source maps")
    sourceimagesets: TextList = parameter(
        ("srcmap.fits",), parent="withsourcemap", writes=True, help="source maps, one for each image"
    )
    mergedlistset: Dataset = parameter("mergedlist.fits", writes=False, help=_NO_EFFECT)
    mlmin: Real = parameter(10.0, minimum=1.0, maximum=50.0, help="least DET_ML of a source")
    dmlextmin: Real = parameter(10.0, minimum=1.0, maximum=100.0, help="least EXT_ML of an extended source")
    scut: Real = parameter(
        0.9, minimum=0.4, maximum=100.0, help="neighbours are fitted together within this part of the PSF, or pixels"
    )
    ecut: Real = parameter(
        0.68, minimum=0.4, maximum=100.0, help="radius of the fitted circle as a part of the PSF, above 1 in pixels"
    )
    ecf: RealList = parameter((1.0,), help="conversion factors (1e11 counts cm2/erg), one for each image or for all")
    xidecf: RealList = parameter((1.0,), help=_NO_EFFECT)
    useevents: Switch = parameter(False, help="events in place of images; not available, in SAS neither")
    fitposition: Switch = parameter(True, help="fit positions")
    fitcounts: Switch = parameter(True, help="fit rates; else those of the list hold")
    fitextent: Switch = parameter(False, help="fit extents")
    fitnegative: Switch = parameter(False, help="allow negative rates")
    extentmodel: Text = parameter("beta", choices=("beta", "gaussian"), help="shape of extended sources")
    minextent: Real = parameter(1.5, unit="pixel", minimum=0.0, maximum=100.0, help="a smaller extent is none")
    maxextent: Real = parameter(20.0, unit="pixel", above=0.0, maximum=100.0, help="largest extent")
    nmaxfit: Integer = parameter(1, minimum=1, maximum=8, help="most candidates fitted at once")
    nmulsou: Integer = parameter(1, minimum=1, maximum=8, help="most sources that a candidate is split into")
    determineerrors: Switch = parameter(True, help="find the errors")
    psfmodel: Text = parameter(
        "ellbeta", choices=("ellbeta", "medium", "extended", "slew"), help="level of the point-spread function"
    )
    withthreshold: Switch = parameter(True, help="split only candidates above the threshold")
    threshold: Real = parameter(20.0, help="least value of threshcolumn for splitting")
    threshcolumn: Text = parameter("LIKE", help="column of boxlistset")
    withtwostage: Switch = parameter(False, help="accepted; every fit is done in several rounds")
    withhotpixelfilter: Switch = parameter(False, help="not available")
    withrawrows: Switch = parameter(False, help="not available")
    withxidband: Switch = parameter(False, help="not available")
    xidfixed: Switch = parameter(False, help=_NO_EFFECT)
    xidpndef: RealList = parameter((), help=_NO_EFFECT)
    xidm1def: RealList = parameter((), help=_NO_EFFECT)
    xidm2def: RealList = parameter((), help=_NO_EFFECT)
    hrpndef: RealList = parameter(_RATIOS, help="pairs of bands of the hardness ratios of pn")
    hrm1def: RealList = parameter(_RATIOS, help="pairs of bands of the hardness ratios of MOS1")
    hrm2def: RealList = parameter(_RATIOS, help="pairs of bands of the hardness ratios of MOS2")
    pimin: RealList = parameter((), unit="eV", help="lower limit of each image's band; else from its header")
    pimax: RealList = parameter((), unit="eV", help="upper limit of each image's band")
    withimagebuffersize: Switch = parameter(False, help="accepted; images are always read whole")
    imagebuffersize: Integer = parameter(640, parent="withimagebuffersize", help=_NO_EFFECT)


UNAVAILABLE: Final = {
    "useevents": "event lists cannot be fitted: the images are",
    "withhotpixelfilter": "there is no filter for hot pixels: badpixfind finds them in the event lists",
    "withrawrows": "no raw rows are written",
    "withxidband": "the XID band is not fitted on its own: run emldetect on images of 0.5 to 4.5 keV",
}
"""Switches that ask for what this task does not do, and what it does instead."""


def warn_of_unavailable(p: EmldetectParameters, session: Session) -> None:
    """Say which of the parameters that were set change nothing."""
    for name, instead in UNAVAILABLE.items():
        if getattr(p, name):
            session.warn("notAvailable", f"{name}=yes changes nothing; {instead}")
    if p.withtwostage:
        session.warn("notAvailable", "withtwostage=yes changes nothing: every source is fitted in several rounds")
