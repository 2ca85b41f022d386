"""Parameters of edetect_chain; those that begin with the name of a task are handed on to it."""

from __future__ import annotations

from xmmpy.tasks.parameters import Dataset, Integer, Real, RealList, Switch, TaskParameters, Text, TextList, parameter

_NO_EFFECT = "accepted; changes nothing"


class EdetectChainParameters(TaskParameters):
    """Find sources: exposure maps, masks, search, background maps, search with them, fit, sensitivity maps."""

    imagesets: TextList = parameter(help="images, of up to three cameras and six bands each, all on one grid")
    eventsets: TextList = parameter((), help="event lists of the cameras; an image stands in for one that is missing")
    attitudeset: Dataset = parameter("", writes=False, help="attitude history (atthkgen)")
    pimin: RealList = parameter(help="lower limits of the bands, one for each image", unit="eV")
    pimax: RealList = parameter(help="upper limits of the bands, one for each image", unit="eV")
    ecf: RealList = parameter((1.0,), help="conversion factors (1e11 counts cm2/erg), one for each image or for all")
    likemin: Real = parameter(10.0, minimum=1.0, maximum=50.0, help="emldetect: least DET_ML of a source")
    witheexpmap: Switch = parameter(True, help="make the exposure maps; else those that are there are used")
    eex_attrebin: Real = parameter(
        4.0, unit="arcsec", above=0.0, maximum=3600.0, help="eexpmap: attitudes that differ by less are one"
    )
    emask_threshold1: Real = parameter(0.3, minimum=0.0, maximum=1.0, help="emask: least part of the longest exposure")
    emask_threshold2: Real = parameter(0.5, minimum=0.0, help="emask: largest slope of the exposure")
    eboxl_list: Dataset = parameter("eboxlist_local.fits", help="list of the first search")
    eboxm_list: Dataset = parameter("eboxlist_map.fits", help="list of the search with background maps")
    eboxl_likemin: Real = parameter(8.0, minimum=0.0, help="least likelihood of the first search")
    eboxm_likemin: Real = parameter(8.0, minimum=0.0, help="least likelihood of the search with background maps")
    ebox_withdetmask: Switch = parameter(True, help="eboxdetect and emldetect: use the masks")
    ebox_withexpimage: Switch = parameter(True, help="eboxdetect: use the exposure maps")
    ebox_boxsize: Integer = parameter(5, minimum=3, maximum=5, help="eboxdetect: side of the box, 3 or 5")
    esp_withdetmask: Switch = parameter(True, help="esplinemap: use the masks")
    esp_nsplinenodes: Integer = parameter(16, minimum=0, maximum=40, help="esplinemap: intervals of the spline")
    esp_scut: Real = parameter(0.01, minimum=0.0, maximum=10.0, unit="counts/arcsec2", help="esplinemap: cut-out level")
    esp_excesssigma: Real = parameter(4.0, minimum=1.0, maximum=10.0, help="esplinemap: cells that exceed so far go")
    esp_withexpimage: Switch = parameter(True, help="esplinemap: use the exposure maps")
    esp_withexpimage2: Switch = parameter(False, help="esplinemap: use unvignetted exposure maps too")
    esp_withcheese: Switch = parameter(False, help="esplinemap: write images without sources")
    esp_nfitrun: Integer = parameter(3, minimum=1, maximum=10, help="esplinemap: fits")
    esp_withootset: Switch = parameter(False, help="esplinemap: add the out-of-time events of pn")
    esp_ooteventset: Text = parameter("", parent="esp_withootset", help="event list of pn for them")
    esp_fitmethod: Text = parameter("spline", choices=("spline", "model", "smooth"), help="esplinemap: method")
    eml_list: Dataset = parameter("emllist.fits", help="list of the fitted sources")
    eml_ecut: Real = parameter(0.68, minimum=0.4, maximum=100.0, help="emldetect: radius that is fitted")
    eml_scut: Real = parameter(0.9, minimum=0.4, maximum=100.0, help="emldetect: radius of neighbours")
    eml_fitextent: Switch = parameter(False, help="emldetect: fit extents")
    eml_fitnegative: Switch = parameter(False, help="emldetect: allow negative rates")
    eml_determineerrors: Switch = parameter(True, help="emldetect: find the errors")
    eml_nmaxfit: Integer = parameter(1, minimum=1, maximum=8, help="emldetect: candidates fitted at once")
    eml_nmulsou: Integer = parameter(1, minimum=1, maximum=8, help="emldetect: sources that one is split into")
    eml_withsourcemap: Switch = parameter(False, help="emldetect: write source maps")
    eml_withdetmask: Switch = parameter(False, help="accepted; ebox_withdetmask counts, as in SAS")
    eml_dmlextmin: Real = parameter(10.0, minimum=1.0, maximum=100.0, help="emldetect: least EXT_ML")
    eml_extentmodel: Text = parameter("beta", choices=("beta", "gaussian"), help="emldetect: shape of extended sources")
    eml_maxextent: Real = parameter(20.0, above=0.0, maximum=100.0, unit="pixel", help="emldetect: largest extent")
    eml_withthreshold: Switch = parameter(True, help="emldetect: split only candidates above eml_threshold")
    eml_threshold: Real = parameter(20.0, help="emldetect: least value of eml_threshcolumn for splitting")
    eml_threshcolumn: Text = parameter("LIKE", help="emldetect: column of that")
    eml_withtwostage: Switch = parameter(False, help="emldetect: fit in two stages")
    psfmodel: Text = parameter(
        "ellbeta", choices=("ellbeta", "medium", "extended", "slew"), help="emldetect: point-spread function"
    )
    withimagebuffersize: Switch = parameter(False, help=_NO_EFFECT)
    imagebuffersize: Integer = parameter(640, parent="withimagebuffersize", help=_NO_EFFECT)
    esen_mlmin: Real = parameter(10.0, above=0.0, maximum=1000.0, help="esensmap: likelihood that a source must reach")
    mapdir: Text = parameter(".", help="folder for the maps; SAS has them in the current one")
    expmapdir: Text = parameter("", help="folder of the exposure maps with witheexpmap=no; that of the maps when empty")
