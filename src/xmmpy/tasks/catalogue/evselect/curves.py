"""The rate curve, the spectrum and the histogram that evselect makes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.imaging.binning import Axis, axis_of_width
from xmmpy.products.history import card_of
from xmmpy.products.writing import write_hdus
from xmmpy.tasks.catalogue.evselect.binned import WantedRange, accumulator, choose_range, column_of, is_integer
from xmmpy.tasks.catalogue.evselect.headers import (
    TIME_ORDER,
    add_dataspace,
    copy_keywords,
    product_primary,
    table_hdus,
)
from xmmpy.tasks.messages import TaskError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from astropy.io.fits import Column as FitsColumn
    from astropy.io.fits import Header

    from xmmpy.tasks.catalogue.evselect.call import Call
    from xmmpy.tasks.catalogue.evselect.selected import Selected

_OGIP_VERSION = ("1.1.0", "Version of format")


class TableProduct(ABC):
    """What rate curves, spectra and histograms have in common: one column is binned into a table.

    Parameters
    ----------
    call : Call
        The call of the task.
    path : pathlib.Path
        File to write.
    column : str
        Column that is binned.
    axis : Axis
        Its bins.
    """

    extension = ""

    def __init__(self, call: Call, path: Path, column: str, axis: Axis) -> None:
        self.call = call
        self.path = path
        self.axis = axis
        self.sum = accumulator(call.source, call.parameters, (axis,), (column,))

    def take(self, selected: Selected) -> None:
        """Add the selected rows of the next chunk."""
        self.sum.take(selected)

    def abandon(self) -> None:
        """Nothing is on disk before the end."""

    @abstractmethod
    def columns(self) -> Sequence[FitsColumn]:
        """Columns of the table."""

    @abstractmethod
    def describe(self, header: Header) -> None:
        """Add the keywords of this kind of product."""

    def finish(self) -> Path:
        """Write the table."""
        from astropy.io import fits

        call = self.call
        table = fits.BinTableHDU.from_columns(self.columns())
        for number in range(1, len(table.columns) + 1):
            table.header.comments[f"TTYPE{number}"] = "The name of this column"
        header = table.header
        header["EXTNAME"] = (self.extension, "The name of this table")
        copy_keywords(call.source, header, ("TELESCOP", "INSTRUME"))
        call.add_selection_text(header)
        copy_keywords(call.source, header, ("FILTER",))
        self.describe(header)
        hdus: list[Any] = []
        if call.parameters.writedss:
            add_dataspace(header, call.space)
            hdus = list(table_hdus(call.source, call.space))
        if call.parameters.updateexposure:
            exposure = call.exposure.weighted(call.counts_by_ccd)
            if exposure is not None:
                header.append(card_of("EXPOSURE", exposure, "Weighted live time of CCDs in the extraction region"), end=True)
        self.after_exposure(header)
        call.copy_attributes(header)
        primary = fits.PrimaryHDU(header=product_primary(call.source, call.provenance))
        write_hdus(self.path, [primary, table, *hdus, *call.copied_blocks()])
        return self.path

    def after_exposure(self, header: Header) -> None:
        """Add keywords that stand last."""


class RateProduct(TableProduct):
    """A rate curve: the layout of SAS's RATE extension."""

    extension = "RATE"

    def __init__(self, call: Call, path: Path) -> None:
        parameters = call.parameters
        column = column_of(call.source, parameters.timecolumn, "TimeRangeVal")
        self.start, self.stop = self._time_range(call, column.name)
        width = parameters.timebinsize
        count = max(1, math.ceil((self.stop - self.start) / width))
        if count > 1 << 27:
            raise TaskError("RateBinVal", f"{count} time bins are too many; take a larger timebinsize")
        end = self.start + count * width
        axis = Axis(self.start, width, count, integer=False, high=np.nextafter(end, -np.inf))
        super().__init__(call, path, column.name, axis)

    def columns(self) -> Sequence[FitsColumn]:
        """COUNTS, or RATE and ERROR; TIME where asked for."""
        from astropy.io import fits

        parameters, width = self.call.parameters, self.axis.width
        if parameters.makeratecolumn:
            columns = [
                fits.Column("RATE", "D", unit="count/s", array=self.sum.total / width),
                fits.Column("ERROR", "D", unit="count/s", array=self.sum.errors() / width),
            ]
        elif self.sum.variance is not None:
            columns = [
                fits.Column("COUNTS", "D", unit="count", array=self.sum.total),
                fits.Column("ERROR", "D", unit="count", array=self.sum.errors()),
            ]
        else:
            columns = [fits.Column("COUNTS", "J", unit="count", array=self.sum.total.astype(np.int32))]
        if parameters.maketimecolumn:
            columns.append(fits.Column("TIME", "D", unit="s", array=self.axis.centres()))
        return columns

    def describe(self, header: Header) -> None:
        """Times, corrections, energy range."""
        call = self.call
        copy_keywords(call.source, header, TIME_ORDER)
        header["HDUCLASS"] = ("OGIP", "Format conforms to OGIP/GSFC conventions")
        header["HDUCLAS1"] = ("LIGHTCURVE", "File contains a time-serie")
        header["HDUCLAS2"] = ("TOTAL", "File contains gross rates")
        kind = "RATE" if call.parameters.makeratecolumn else "COUNT"
        header["HDUCLAS3"] = (kind, f"Light curve stored as {'rates' if kind == 'RATE' else 'counts'}")
        header["HDUVERS1"] = _OGIP_VERSION
        header["TIMEDEL"] = (self.axis.width, "Light curve bin size")
        header["TSTART"] = (self.start, "Light curve start time")
        header["TSTOP"] = (self.stop, "Light curve end time")
        if not call.parameters.maketimecolumn:
            header["TIMEZERO"] = (self.axis.first_centre, "Centre of the first bin")
        header["BACKAPP"] = (False, "Background correction applied?")
        header["DEADAPP"] = (False, "Dead time correction applied?")
        header["VIGNAPP"] = (False, "Vignetting correction applied?")
        legal = call.source.legal_range(call.parameters.energycolumn)
        if legal.low is not None and legal.high is not None:
            header["CHANMIN"] = (legal.low, "Minimum value of the energy column")
            header["CHANMAX"] = (legal.high, "Maximum value of the energy column")
            header["CHANTYPE"] = (call.parameters.energycolumn, "Name of energy column used")
        else:
            call.session.warn("RateEnergy", f"no legal limits of {call.parameters.energycolumn}: CHANMIN is not written")

    @staticmethod
    def _time_range(call: Call, column: str) -> tuple[float, float]:
        """The user's range, else TSTART and TSTOP of the list, else the range of its times."""
        parameters = call.parameters
        if parameters.withtimeranges:
            start, stop = parameters.timemin, parameters.timemax
        else:
            first, last = call.source.number("TSTART"), call.source.number("TSTOP")
            if first is not None and last is not None and column.upper() == "TIME":
                start, stop = first, last
            else:
                wanted = WantedRange(0.0, 0.0, given=False, code="TimeRangeVal")
                found = column_of(call.source, column, "TimeRangeVal")
                start, stop = choose_range(call.source, found, wanted, call.session, ignore_legal=True)
        if not start < stop:
            raise TaskError("TimeRangeVal", f"the time range {start:.15g} to {stop:.15g} of {call.source.spec} is empty")
        return start, stop


class SpectrumProduct(TableProduct):
    """A spectrum: the layout of SAS's SPECTRUM extension."""

    extension = "SPECTRUM"

    def __init__(self, call: Call, path: Path) -> None:
        parameters = call.parameters
        column = column_of(call.source, parameters.energycolumn, "SpecIntColumn")
        if not is_integer(column):
            call.session.warn("BadSpecLimits", f"{column.name} is no integer column; its values are truncated")
        wanted = WantedRange(
            parameters.specchannelmin, parameters.specchannelmax, parameters.withspecranges, "BadSpecLimits"
        )
        limits = choose_range(call.source, column, wanted, call.session, ignore_legal=parameters.ignorelegallimits)
        try:
            axis = axis_of_width(*limits, float(parameters.spectralbinsize), integer=True)
        except ValueError as error:
            raise TaskError("BadSpecLimits", f"no spectrum of {column.name}: {error}") from None
        super().__init__(call, path, column.name, axis)

    def columns(self) -> Sequence[FitsColumn]:
        """CHANNEL and COUNTS."""
        from astropy.io import fits

        channels = np.arange(self.axis.count)
        form = "I" if self.axis.count <= np.iinfo(np.int16).max else "J"
        columns = [fits.Column("CHANNEL", form, array=channels)]
        if self.sum.variance is None:
            columns.append(fits.Column("COUNTS", "J", unit="count", array=self.sum.total.astype(np.int32)))
        else:
            columns.append(fits.Column("COUNTS", "E", unit="count", array=self.sum.total))
            columns.append(fits.Column("STAT_ERR", "E", unit="count", array=self.sum.errors()))
        return columns

    def describe(self, header: Header) -> None:
        """OGIP keywords of a spectrum and how channels follow from the energy column."""
        copy_keywords(self.call.source, header, ("DLMEAN", "DLMAX"))
        header["HDUCLASS"] = ("OGIP", "Format conforms to OGIP/GSFC conventions")
        header["HDUCLAS1"] = ("SPECTRUM", "File contains a spectrum")
        header["HDUCLAS2"] = ("TOTAL", "File contains gross counts")
        header["HDUCLAS3"] = ("COUNT", "Spectrum is stored as counts")
        header["HDUVERS1"] = _OGIP_VERSION
        header["AREASCAL"] = (1.0, "Nominal scaling factor for data")
        header["CORRSCAL"] = (1.0, "Nominal scaling factor for correction file")
        header["POISSERR"] = (self.sum.variance is None, "Poisson errors appropriate")
        header["SYS_ERR"] = (0, "Global systematic error")
        header["CHANTYPE"] = (self.call.parameters.energycolumn, "Type of channel data")
        header["DETCHANS"] = (self.axis.count, "Total number of detector channels available")
        header["QUALITY"] = (0, "All channels have good quality")
        header["GROUPING"] = (0, "No data grouping done")
        header["SPECDELT"] = (int(self.axis.width), "Spectral channel size, ie the binning factor")
        header["SPECPIX"] = (0, "The rebinned channel correspondsing to SPECVAL")
        header["SPECVAL"] = (self.axis.first_centre, "Original chan value at center of rebinned chan")
        for keyword, what in (("BACKFILE", "background"), ("ANCRFILE", "ARF"), ("RESPFILE", "response")):
            header[keyword] = ("NONE", f"Name of {what} file")

    def after_exposure(self, header: Header) -> None:
        """Range of the channels."""
        header["TLMIN1"] = 0
        header["TLMAX1"] = self.axis.count - 1


class HistogramProduct(TableProduct):
    """A histogram of any column: its values and COUNTS."""

    extension = "HISTO"

    def __init__(self, call: Call, path: Path) -> None:
        parameters = call.parameters
        column = column_of(call.source, parameters.histogramcolumn, "HistoRangeVal")
        wanted = WantedRange(
            parameters.histogrammin, parameters.histogrammax, parameters.withhistoranges, "BadHistoLimits"
        )
        limits = choose_range(call.source, column, wanted, call.session, ignore_legal=parameters.ignorelegallimits)
        try:
            axis = axis_of_width(*limits, parameters.histogrambinsize, integer=is_integer(column))
        except ValueError as error:
            raise TaskError("HistoBinVal", f"no histogram of {column.name}: {error}") from None
        self._column = column
        super().__init__(call, path, column.name, axis)

    def columns(self) -> Sequence[FitsColumn]:
        """The binned column at the bin centres, and COUNTS."""
        from astropy.io import fits

        columns = [fits.Column(self._column.name, "D", unit=self._column.unit or None, array=self.axis.centres())]
        if self.sum.variance is None:
            columns.append(fits.Column("COUNTS", "J", unit="count", array=self.sum.total.astype(np.int32)))
        else:
            columns.append(fits.Column("COUNTS", "D", unit="count", array=self.sum.total))
            columns.append(fits.Column("ERROR", "D", unit="count", array=self.sum.errors()))
        return columns

    def describe(self, header: Header) -> None:
        """The width of the bins."""
        copy_keywords(self.call.source, header, TIME_ORDER)
        header["HDUCLASS"] = ("OGIP", "Format conforms to OGIP/GSFC conventions")
        header["HDUCLAS1"] = ("HISTOGRAM", "File contains a histogram")
        header["HDUVERS1"] = _OGIP_VERSION
        header["HISTDELT"] = (self.axis.width, "Width of a bin")
