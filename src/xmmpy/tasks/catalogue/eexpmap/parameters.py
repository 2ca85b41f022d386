"""Parameters of eexpmap."""

from __future__ import annotations

from xmmpy.tasks.parameters import Dataset, Real, RealList, Switch, TaskParameters, Text, TextList, parameter


class EexpmapParameters(TaskParameters):
    """Make exposure maps of an image: seconds, weighted with the vignetting."""

    imageset: Dataset = parameter(help="image whose grid and data subspace count", writes=False)
    attitudeset: Dataset = parameter("atthk.dat", help="attitude history made by atthkgen", writes=False)
    eventset: Text = parameter(help="event list: frames, bad pixels and good times of the CCDs")
    expimageset: TextList = parameter(help="exposure maps to write, one for each band", writes=True)
    withdetcoords: Switch = parameter(False, help="the image is in DETX,DETY")
    withvignetting: Switch = parameter(True, help="weight with the vignetting")
    usefastpixelization: Switch = parameter(False, help="one sample for each image pixel, not sixteen")
    usedlimap: Switch = parameter(False, help="for pn, weight columns with their discarded frames")
    attrebin: Real = parameter(
        0.020626481, unit="arcsec", above=0.0, maximum=3600.0, help="attitudes that differ by less are taken as one"
    )
    usedss: Switch = parameter(True, help="times and flags of the image's data subspace count, not the list's")
    pimin: RealList = parameter((2000.0,), unit="eV", help="lower limit of each band")
    pimax: RealList = parameter((10000.0,), unit="eV", help="upper limit of each band")
