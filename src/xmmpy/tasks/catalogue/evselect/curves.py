"""The rate curve, the spectrum and the histogram that evselect makes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from xmmpy.imaging.binning import Axis, axis_of_width
from xmmpy.products.blocks import Block, NewColumn, primary_block, table_block, write_blocks
from xmmpy.products.header import Header
from xmmpy.tasks.catalogue.evselect.binned import WantedRange, accumulator, choose_range, column_of, is_integer
from xmmpy.tasks.catalogue.evselect.headers import (
    TIME_ORDER,
    copy_keywords,
    product_primary,
    table_blocks,
)
from xmmpy.tasks.messages import TaskError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xmmpy.tasks.catalogue.evselect.binned import Gathered
    from xmmpy.tasks.catalogue.evselect.call import Call
    from xmmpy.tasks.catalogue.evselect.selected import Selected

_OGIP_VERSION = ("1.1.0", "Version of format")
_NAME = "The name of this column"


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

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns that it reads."""
        return self.sum.reads

    def prepare(self, selected: Selected) -> Gathered:
        """Find the bins of the selected rows of a chunk."""
        return self.sum.prepare(selected)

    def absorb(self, prepared: Gathered) -> None:
        """Count the rows of the next chunk."""
        self.sum.absorb(prepared)

    def abandon(self) -> None:
        """Nothing is on disk before the end."""
        return

    @abstractmethod
    def columns(self) -> Sequence[NewColumn]:
        """Columns of the table."""

    @abstractmethod
    def describe(self, header: Header) -> None:
        """Add the keywords of this kind of product."""

    def finish(self) -> Path:
        """Write the table."""
        call = self.call
        entries = Header()
        copy_keywords(call.source, entries, ("TELESCOP", "INSTRUME"))
        call.add_selection_text(entries)
        copy_keywords(call.source, entries, ("FILTER",))
        self.describe(entries)
        tables: list[Block] = []
        if call.parameters.writedss:
            call.add_dataspace(entries)
            tables = table_blocks(call.source, call.space)
        self.add_exposure(entries)
        call.copy_attributes(entries)
        primary = primary_block(product_primary(call.source, call.provenance))
        table = table_block(self.columns(), self.extension, entries)
        write_blocks(self.path, [primary, table, *tables, *call.copied_blocks()])
        return self.path

    def add_exposure(self, header: Header) -> None:
        """Add EXPOSURE: from the live times of this selection, or from those that the list states.

        SAS writes it with updateexposure=no too, as in the background curves of the pipeline (FBKTSR).
        """
        call = self.call
        exposure = call.exposure.weighted(call.counts_by_ccd, stated=not call.parameters.updateexposure)
        if exposure is not None:
            header.append("EXPOSURE", exposure, "Weighted live time of CCDs in the extraction region")


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

    def columns(self) -> Sequence[NewColumn]:
        """COUNTS, or RATE and ERROR; TIME where asked for."""
        parameters, width = self.call.parameters, self.axis.width
        if parameters.makeratecolumn:
            columns = [
                NewColumn("RATE", "D", self.sum.total / width, "count/s", _NAME),
                NewColumn("ERROR", "D", self.sum.errors() / width, "count/s", _NAME),
            ]
        elif self.sum.weighted:
            columns = [
                NewColumn("COUNTS", "D", self.sum.total, "count", _NAME),
                NewColumn("ERROR", "D", self.sum.errors(), "count", _NAME),
            ]
        else:
            columns = [NewColumn("COUNTS", "J", self.sum.total.astype(np.int32), "count", _NAME)]
        if parameters.maketimecolumn:
            columns.append(NewColumn("TIME", "D", self.axis.centres(), "s", _NAME))
        return columns

    def describe(self, header: Header) -> None:
        """Times, corrections, energy range."""
        call = self.call
        copy_keywords(call.source, header, ("DLMEAN", "DLMAX", *TIME_ORDER))
        rates = call.parameters.makeratecolumn
        header.append("HDUCLASS", "OGIP", "Format conforms to OGIP/GSFC conventions")
        header.append("HDUCLAS1", "LIGHTCURVE", "File contains a time-serie")
        header.append("HDUCLAS2", "TOTAL", f"File contains gross {'rates' if rates else 'counts'}")
        header.append(
            "HDUCLAS3", "RATE" if rates else "COUNT", f"Light curve stored as {'rates' if rates else 'counts'}"
        )
        header.append("HDUVERS1", *_OGIP_VERSION)
        header.append("TIMEDEL", self.axis.width, "Light curve bin size")
        header.append("TSTART", self.start, "Light curve start time")
        header.append("TSTOP", self.stop, "Light curve end time")
        if not call.parameters.maketimecolumn:
            header.append("TIMEZERO", self.axis.first_centre, "Centre of the first bin")
        if rates:
            header.append("BACKAPP", False, "Background correction applied?")
            header.append("DEADAPP", False, "Dead time correction applied?")
            header.append("VIGNAPP", False, "Vignetting correction applied?")
        legal = call.source.legal_range(call.parameters.energycolumn)
        if legal.low is not None and legal.high is not None:
            header.append("CHANMIN", legal.low, "Minimum value of the energy column")
            header.append("CHANMAX", legal.high, "Maximum value of the energy column")
            header.append("CHANTYPE", call.parameters.energycolumn, "Name of energy column used")
        else:
            call.session.warn(
                "RateEnergy", f"no legal limits of {call.parameters.energycolumn}: CHANMIN is not written"
            )

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
            raise TaskError(
                "TimeRangeVal", f"the time range {start:.15g} to {stop:.15g} of {call.source.spec} is empty"
            )
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

    def columns(self) -> Sequence[NewColumn]:
        """CHANNEL and COUNTS."""
        channels = np.arange(self.axis.count)
        form = "I" if self.axis.count <= np.iinfo(np.int16).max else "J"
        columns = [NewColumn("CHANNEL", form, channels, "", _NAME)]
        if not self.sum.weighted:
            columns.append(NewColumn("COUNTS", "J", self.sum.total.astype(np.int32), "count", _NAME))
        else:
            columns.append(NewColumn("COUNTS", "E", self.sum.total, "count", _NAME))
            columns.append(NewColumn("STAT_ERR", "E", self.sum.errors(), "count", _NAME))
        return columns

    def describe(self, header: Header) -> None:
        """OGIP keywords of a spectrum and how channels follow from the energy column."""
        copy_keywords(self.call.source, header, ("DLMEAN", "DLMAX"))
        header.append("HDUCLASS", "OGIP", "Format conforms to OGIP/GSFC conventions")
        header.append("HDUCLAS1", "SPECTRUM", "File contains a spectrum")
        header.append("HDUCLAS2", "TOTAL", "File contains gross counts")
        header.append("HDUCLAS3", "COUNT", "Spectrum is stored as counts")
        header.append("HDUVERS1", *_OGIP_VERSION)
        header.append("AREASCAL", 1.0, "Nominal scaling factor for data")
        header.append("CORRSCAL", 1.0, "Nominal scaling factor for correction file")
        header.append("POISSERR", not self.sum.weighted, "Poisson errors appropriate")
        header.append("SYS_ERR", 0, "Global systematic error")
        header.append("CHANTYPE", self.call.parameters.energycolumn, "Type of channel data")
        header.append("DETCHANS", self.axis.count, "Total number of detector channels available")
        header.append("QUALITY", 0, "All channels have good quality")
        header.append("GROUPING", 0, "No data grouping done")
        header.append("SPECDELT", int(self.axis.width), "Spectral channel size, ie the binning factor")
        header.append("SPECPIX", 0, "The rebinned channel correspondsing to SPECVAL")
        header.append("SPECVAL", self.axis.first_centre, "Original chan value at center of rebinned chan")
        for keyword, what in (("BACKFILE", "background"), ("ANCRFILE", "ARF"), ("RESPFILE", "response")):
            header.append(keyword, "NONE", f"Name of {what} file")

    def add_exposure(self, header: Header) -> None:
        """EXPOSURE, and the range of the channels, which stands last."""
        super().add_exposure(header)
        header.append("TLMIN1", 0)
        header.append("TLMAX1", self.axis.count - 1)


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

    def columns(self) -> Sequence[NewColumn]:
        """The binned column at the bin centres, and COUNTS."""
        columns = [NewColumn(self._column.name, "D", self.axis.centres(), self._column.unit, _NAME)]
        if not self.sum.weighted:
            columns.append(NewColumn("COUNTS", "J", self.sum.total.astype(np.int32), "count", _NAME))
        else:
            columns.append(NewColumn("COUNTS", "D", self.sum.total, "count", _NAME))
            columns.append(NewColumn("ERROR", "D", self.sum.errors(), "count", _NAME))
        return columns

    def describe(self, header: Header) -> None:
        """The width of the bins."""
        copy_keywords(self.call.source, header, TIME_ORDER)
        header.append("HDUCLASS", "OGIP", "Format conforms to OGIP/GSFC conventions")
        header.append("HDUCLAS1", "HISTOGRAM", "File contains a histogram")
        header.append("HDUVERS1", *_OGIP_VERSION)
        header.append("HISTDELT", self.axis.width, "Width of a bin")

    def add_exposure(self, header: Header) -> None:
        """A histogram has no exposure."""
