"""Parameters of evselect: names, defaults and order of SAS (task page of evselect; XPROC0 of real products)."""

from __future__ import annotations

from xmmpy.tasks.parameters import (
    BlockName,
    ColumnName,
    Dataset,
    Expression,
    Integer,
    Real,
    Switch,
    TableName,
    TaskParameters,
    Text,
    parameter,
)


class EvselectParameters(TaskParameters):
    """Select rows of an event list and make images, spectra, rate curves and histograms of them."""

    table: TableName = parameter(help="event list to read: file or file:EXT; the first table where none is named")
    filteredset: Dataset = parameter(
        "filtered.fits", parent=("withfilteredset", "keepfilteroutput"), help="file for the selected rows"
    )
    withfilteredset: Switch = parameter(False, help="write the selected rows to filteredset, not back to the table")
    keepfilteroutput: Switch = parameter(False, help="keep the result of the selection")
    flagcolumn: ColumnName = parameter("EVFLAG", help="integer column that marks rejected rows when destruct=no")
    flagbit: Integer = parameter(-1, minimum=-1, maximum=31, help="bit of flagcolumn; -1 is the highest")
    destruct: Switch = parameter(True, help="remove rejected rows; no marks them in flagcolumn")
    dssblock: BlockName = parameter("", help="block whose data subspace selects when filtertype=dataSubspace")
    expression: Expression = parameter("true", help="which rows to select")
    filtertype: Text = parameter(
        "expression", choices=("expression", "dataSubspace"), help="what selects: expression or dssblock"
    )
    cleandss: Switch = parameter(False, help="drop components of the data subspace that select nothing")
    updateexposure: Switch = parameter(True, help="recompute ONTIME, LIVETIME and EXPOSURE")
    filterexposure: Switch = parameter(True, help="apply the time selection to the EXPOSUnn tables")
    writedss: Switch = parameter(True, help="record the selection as data subspace keywords")
    blockstocopy: Text = parameter("", help="blocks to copy into the products, separated by blanks")
    attributestocopy: Text = parameter("", help="keywords to copy into the products, separated by blanks")
    energycolumn: ColumnName = parameter("PHA", help="energy column of spectra")
    zcolumn: ColumnName = parameter("WEIGHT", parent="withzcolumn", help="column summed instead of counting rows")
    zerrorcolumn: ColumnName = parameter("EWEIGHT", parent="withzerrorcolumn", help="column with errors of zcolumn")
    withzerrorcolumn: Switch = parameter(False, help="use zerrorcolumn")
    withzcolumn: Switch = parameter(False, help="sum zcolumn instead of counting rows")
    ignorelegallimits: Switch = parameter(False, help="ignore TLMIN and TLMAX when choosing ranges")
    imageset: Dataset = parameter("image.fits", parent="withimageset", help="image to make")
    xcolumn: ColumnName = parameter("RAWX", parent="withimageset", help="column of the image's x axis")
    ycolumn: ColumnName = parameter("RAWY", parent="withimageset", help="column of the image's y axis")
    ximagebinsize: Real = parameter(1.0, above=0, parent="withimageset", help="bin size in x (imagebinning=binSize)")
    yimagebinsize: Real = parameter(1.0, above=0, parent="withimageset", help="bin size in y (imagebinning=binSize)")
    squarepixels: Switch = parameter(False, parent="withimageset", help="take the larger bin size for both axes")
    ximagesize: Integer = parameter(
        600, minimum=1, parent="withimageset", help="pixels in x at most (imagebinning=imageSize)"
    )
    yimagesize: Integer = parameter(
        600, minimum=1, parent="withimageset", help="pixels in y at most (imagebinning=imageSize)"
    )
    imagebinning: Text = parameter(
        "imageSize", choices=("imageSize", "binSize"), parent="withimageset", help="what fixes the pixels"
    )
    ximagemin: Real = parameter(1.0, parent="withxranges", help="smallest value in x")
    ximagemax: Real = parameter(640.0, parent="withxranges", help="largest value in x")
    withxranges: Switch = parameter(False, parent="withimageset", help="use ximagemin and ximagemax")
    yimagemin: Real = parameter(1.0, parent="withyranges", help="smallest value in y")
    yimagemax: Real = parameter(640.0, parent="withyranges", help="largest value in y")
    withyranges: Switch = parameter(False, parent="withimageset", help="use yimagemin and yimagemax")
    imagedatatype: Text = parameter(
        "Real64",
        choices=("Int8", "Int16", "Int32", "Real32", "Real64"),
        parent="withimagedatatype",
        help="type of the pixels",
    )
    withimagedatatype: Switch = parameter(False, parent="withimageset", help="use imagedatatype, not the smallest type")
    raimagecenter: Real = parameter(0.0, unit="deg", parent="withcelestialcenter", help="right ascension of the centre")
    decimagecenter: Real = parameter(0.0, unit="deg", parent="withcelestialcenter", help="declination of the centre")
    withcelestialcenter: Switch = parameter(False, parent="withimageset", help="centre the image on a sky position")
    withimageset: Switch = parameter(False, help="make an image")
    spectrumset: Dataset = parameter("spectrum.fits", parent="withspectrumset", help="spectrum to make")
    spectralbinsize: Integer = parameter(
        5, minimum=1, parent="withspectrumset", help="values of energycolumn per channel"
    )
    specchannelmin: Integer = parameter(0, parent="withspecranges", help="smallest value in the spectrum")
    specchannelmax: Integer = parameter(11999, parent="withspecranges", help="largest value in the spectrum")
    withspecranges: Switch = parameter(False, parent="withspectrumset", help="use specchannelmin and specchannelmax")
    nonStandardSpec: Switch = parameter(  # noqa: N815 - spelled as SAS spells it
        False, parent="withspectrumset", help="allow a binning for which no response is made"
    )
    withspectrumset: Switch = parameter(False, help="make a spectrum")
    rateset: Dataset = parameter("rate.fits", parent="withrateset", help="rate curve to make")
    timecolumn: ColumnName = parameter("TIME", parent="withrateset", help="time column of rate curves")
    timebinsize: Real = parameter(1.0, unit="s", above=0, parent="withrateset", help="length of a time bin")
    timemin: Real = parameter(0.0, unit="s", parent="withtimeranges", help="start of the curve")
    timemax: Real = parameter(1000.0, unit="s", parent="withtimeranges", help="end of the curve")
    withtimeranges: Switch = parameter(False, parent="withrateset", help="use timemin and timemax")
    maketimecolumn: Switch = parameter(False, parent="withrateset", help="write a TIME column")
    makeratecolumn: Switch = parameter(False, parent="withrateset", help="write RATE and ERROR, not COUNTS")
    withrateset: Switch = parameter(False, help="make a rate curve")
    histogramset: Dataset = parameter("histo.fits", parent="withhistogramset", help="histogram to make")
    histogramcolumn: ColumnName = parameter("TIME", parent="withhistogramset", help="column of the histogram")
    histogrambinsize: Real = parameter(1.0, above=0, parent="withhistogramset", help="width of a bin")
    histogrammin: Real = parameter(0.0, parent="withhistoranges", help="smallest value in the histogram")
    histogrammax: Real = parameter(1000.0, parent="withhistoranges", help="largest value in the histogram")
    withhistoranges: Switch = parameter(False, parent="withhistogramset", help="use histogrammin and histogrammax")
    withhistogramset: Switch = parameter(False, help="make a histogram")
