"""Parameters of srcmatch."""

from __future__ import annotations

from xmmpy.tasks.parameters import Dataset, Real, Switch, TaskParameters, Text, TextList, parameter


class SrcmatchParameters(TaskParameters):
    """Join source lists of emldetect to one with a row for each source, and find its partners in other lists."""

    inputlistsets: TextList = parameter(help="lists of emldetect: one for all cameras, or one for each")
    outputlistset: Dataset = parameter("srcmatch.fits", help="summary list to write")
    htmloutput: Dataset = parameter("", help="page with a table of the sources to write; none when empty")
    crossidsets: TextList = parameter(
        (), parent="usecrossidsets", help="lists of emldetect whose source numbers are added, not their values"
    )
    usecrossidsets: Switch = parameter(False, help="find the sources in 'crossidsets'")
    omlistset: Text = parameter("", parent="useomlistset", help="source list of the Optical Monitor")
    useomlistset: Switch = parameter(False, help="find the sources in 'omlistset'")
    systerr: Real = parameter(1.0, unit="arcsec", minimum=0.0, help="systematic error between lists, added in squares")
    maxerr: Real = parameter(3.0, unit="sigma", above=0.0, help="largest distance of the same source in two lists")
    omdist: Real = parameter(15.0, unit="arcsec", minimum=0.0, help="largest distance of partners in 'omlistset'")
    allepicmode: Switch = parameter(
        True, help="take the values of all cameras together from the list where it has them, else from the cameras'"
    )
    extentunit: Text = parameter("image", choices=("image", "arcsec"), help="unit of EP_EXTENT: image pixels or arcsec")
