"""One call of evselect: what it selects, what it makes, what it found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.products.blocks import Block
from xmmpy.selection import SelectionError, compile_selection, expand_text, parse, resolve, unparse
from xmmpy.selection.conditions import CannotExpress, conditions_of
from xmmpy.selection.dataspace_rows import space_contains
from xmmpy.selection.schema import CelestialFrame, TableSchema
from xmmpy.selection.syntax import Boolean, Expression, operands
from xmmpy.tasks.blockfiles import TaskBlockFiles
from xmmpy.tasks.catalogue.evselect.curves import HistogramProduct, RateProduct, SpectrumProduct
from xmmpy.tasks.catalogue.evselect.exposure import ExposureTimes
from xmmpy.tasks.catalogue.evselect.filtered import FilteredList
from xmmpy.tasks.catalogue.evselect.headers import add_dataspace
from xmmpy.tasks.catalogue.evselect.image import ImageProduct
from xmmpy.tasks.catalogue.evselect.selected import Product, Selected, SharedWork
from xmmpy.tasks.catalogue.evselect.source import EventSource
from xmmpy.tasks.messages import TaskError
from xmmpy.tasks.session import Cut, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xmmpy.products.header import Header
    from xmmpy.products.tables import Chunk
    from xmmpy.selection import Selection
    from xmmpy.selection.dataspace import DataSpace
    from xmmpy.tasks.catalogue.evselect.parameters import EvselectParameters
    from xmmpy.tasks.session import Session

_CCDS = 256


@dataclass(frozen=True, slots=True)
class _Step:
    """One part of a selection: its text, its test, and what tells equal tests of other calls, its columns."""

    name: str
    test: Callable[[Chunk, int], NDArray[np.bool_]]
    key: str
    columns: tuple[str, ...]


def _apply(test: Selection, chunk: Chunk, first_row: int) -> NDArray[np.bool_]:
    return test(chunk, first_row, len(chunk))


@dataclass(frozen=True, slots=True)
class Examined:
    """What one call found in one chunk: rows left, rows left after each step, rows by CCD, rows for each product."""

    rows: int
    step_rows: NDArray[np.int64]
    ccds: NDArray[np.int64] | None
    prepared: list[Any]


class Call:
    """One call of the task on an open list.

    Parameters
    ----------
    source : EventSource
        The list.
    parameters : EvselectParameters
        What is asked for.
    session : Session
        Messages go there.

    Raises
    ------
    TaskError
        When the expression, the columns, the ranges or the outputs are wrong.
    """

    def __init__(self, source: EventSource, parameters: EvselectParameters, session: Session) -> None:
        self.source = source
        self.parameters = parameters
        self.session = session
        self.provenance = session.provenance(parameters)
        self.rows_in = source.layout.rows
        self.rows_out = 0
        self._files = TaskBlockFiles(source.file.path, self._celestial)
        self._attributes = {**source.file.hdus[0].values, **source.hdu.values}
        self._steps = self._selection_steps()
        self._step_rows = np.zeros(len(self._steps), np.int64)
        self._ccd_counts = np.zeros(_CCDS, np.int64)
        self.space = self._data_space()
        self.exposure = ExposureTimes(source, self.space)
        self.products: list[Product] = []
        self._targets: set[Path] = set()
        try:
            self._make_products()
        except BaseException:
            self.abandon()
            raise

    @property
    def columns(self) -> set[str]:
        """Columns that it reads."""
        read = {name for step in self._steps for name in step.columns}
        read |= {name for product in self.products for name in product.reads}
        return read | {"CCDNR"} if self._counts_ccds else read

    @property
    def counts_by_ccd(self) -> dict[int, int]:
        """Selected rows of each CCD."""
        return {int(ccd): int(self._ccd_counts[ccd]) for ccd in np.flatnonzero(self._ccd_counts)}

    def examine(self, work: SharedWork) -> Examined:
        """Select from a chunk and prepare the rows for the products; several threads may be here at once."""
        mask: NDArray[np.bool_] | None = None
        left = len(work.chunk)
        counts = np.zeros(len(self._steps), np.int64)
        for number, step in enumerate(self._steps):
            passed = work.once(step.key, partial(step.test, work.chunk, work.chunk.first_row))
            mask = passed if mask is None else mask & passed
            left = int(np.count_nonzero(mask))
            counts[number] = left
            if not left:
                break
        selected = Selected(work, None if left == len(work.chunk) else mask, left)
        ccds = None
        if self._counts_ccds and left:
            ccds = np.bincount(selected["CCDNR"], minlength=_CCDS)[:_CCDS]
        return Examined(left, counts, ccds, [product.prepare(selected) for product in self.products])

    def absorb(self, examined: Examined) -> None:
        """Add what was found in the next chunk."""
        self.rows_out += examined.rows
        self._step_rows += examined.step_rows
        if examined.ccds is not None:
            self._ccd_counts += examined.ccds
        for product, prepared in zip(self.products, examined.prepared, strict=True):
            product.absorb(prepared)

    def finish(self) -> Outcome:
        """Write the products."""
        if self.rows_in == 0:
            self.session.warn("NoInputEvents", f"{self.source.spec} has no rows")
        elif self.rows_out == 0:
            self.session.warn("NoFilteredEvents", f"no row of {self.source.spec} passes the selection")
        if not self.products:
            self.session.warn("NoOutput", "no output is asked for; the selection is only counted")
        if self.parameters.cleandss:
            self.space = self.space.only_ccds(set(self.counts_by_ccd))
            self.exposure = ExposureTimes(self.source, self.space)
        outputs = tuple(product.finish() for product in self.products)
        for path in outputs:
            self.session.say(f"wrote {path}")
        self.session.say(f"{self.rows_out} of {self.rows_in} rows selected", level=1)
        cuts = tuple(Cut(step.name, int(rows)) for step, rows in zip(self._steps, self._step_rows, strict=True))
        return Outcome(outputs, self.rows_in, self.rows_out, cuts, {"ontime": self.exposure.image_exposure()})

    def abandon(self) -> None:
        """Leave nothing behind."""
        for product in self.products:
            product.abandon()

    def add_selection_text(self, header: Header) -> None:
        """Write SLCTEXPR; an expression that selects everything leaves that of the list."""
        text = self._expanded
        if text.strip().lower() == "true":
            text = str(self.source.hdu.value("SLCTEXPR", text))
        header.append("SLCTEXPR", text, "Filtering expression used by evselect")

    def copy_attributes(self, header: Header) -> None:
        """Copy the keywords that the user listed."""
        for keyword in self.parameters.attributestocopy.replace(",", " ").split():
            if not any(header.copy_card(origin, keyword) for origin in (self.source.header, self.source.primary)):
                self.session.warn("NoAttrib", f"{self.source.spec} has no keyword {keyword} to copy")

    def add_dataspace(self, header: Header) -> None:
        """Write the data subspace keywords; where keywords cannot hold it, a warning says so."""
        try:
            add_dataspace(header, self.space)
        except ValueError as error:
            self.session.warn("DssFitsWrite", f"{error}; the data subspace is not written")

    def copied_blocks(self) -> list[Block]:
        """Blocks that the user wants in the products."""
        names = self.parameters.blockstocopy.replace(",", " ").split()
        hdus = [self.source.file.find(name) for name in names]
        return [Block(hdu.raw_header, self.source.file.read(hdu), hdu.name) for hdu in hdus if hdu.index]

    def frame_times(self) -> dict[int, float]:
        """Frame time of each CCD that the list has frames of, s."""
        times = {}
        for ccd, hdu in sorted(self.source.exposures.items()):
            milliseconds = hdu.value("FRMTIME")
            if isinstance(milliseconds, int | float):
                times[ccd] = milliseconds / 1000.0
        return times

    def sky_to_columns(self) -> tuple[float, float]:
        """The user's centre in the columns X and Y.

        Raises
        ------
        TaskError
            When the list has no sky coordinates or the position is on the other side of the sky.
        """
        if self._celestial is None:
            raise TaskError("WcsTransform", f"{self.source.spec} has no celestial coordinates for X and Y")
        x, y = self._celestial.to_pixels(self.parameters.raimagecenter, self.parameters.decimagecenter)
        if not (np.isfinite(x) and np.isfinite(y)):
            raise TaskError("WcsTransform", "raimagecenter, decimagecenter is not on this side of the sky")
        return x, y

    @cached_property
    def _counts_ccds(self) -> bool:
        """Whether rows are counted by CCD: lists, spectra and rate curves need it, images do not."""
        if not self.parameters.cleandss and all(isinstance(product, ImageProduct) for product in self.products):
            return False
        column = self.source.layout.find("CCDNR")
        return column is not None and not column.dtype.shape and column.native_dtype.str == "|u1"

    @cached_property
    def _celestial(self) -> CelestialFrame | None:
        x, y = self.source.layout.find("X"), self.source.layout.find("Y")
        if x is None or y is None:
            return None
        values = [self.source.number(f"{key}{c.number}") for key in ("TCRVL", "TCRPX", "TCDLT") for c in (x, y)]
        if any(value is None for value in values) or not str(self.source.hdu.value(f"TCTYP{x.number}", "")).startswith(
            "RA"
        ):
            return None
        crval, crpix, cdelt = ((values[i] or 0.0, values[i + 1] or 0.0) for i in (0, 2, 4))
        return CelestialFrame(crval, crpix, cdelt, x_column=x.name, y_column=y.name)

    @cached_property
    def _schema(self) -> TableSchema:
        columns = self.source.layout.columns
        return TableSchema(
            columns={column.name: column.native_dtype for column in columns},
            nulls={column.name: column.null for column in columns if column.null is not None},
            celestial=self._celestial,
        )

    @cached_property
    def _expression(self) -> Expression:
        return parse(self.parameters.expression.strip() or "true")

    @cached_property
    def _expanded(self) -> str:
        return expand_text(self._expression.text, self._attributes)

    def _selection_steps(self) -> list[_Step]:
        """The tests of the expression, one for each part that is joined by and, with the text of the part."""
        if self.parameters.filtertype == "dataSubspace":
            return [self._data_space_step()]
        steps = []
        try:
            text = self._expression.text
            for part in operands(self._expression.root, "&&"):
                resolved = resolve(Expression(part, text), self._attributes)
                if resolved.root == Boolean(True):
                    continue
                name = text[part.span.start : part.span.end].strip()
                test = compile_selection(resolved, self._schema, self._files)
                steps.append(_Step(name, partial(_apply, test), unparse(resolved), test.columns))
        except SelectionError as error:
            raise TaskError("BadExpression", f"for {self.source.spec}: {error}") from None
        return steps

    def _data_space_step(self) -> _Step:
        space = self._other_space
        name = f"data subspace of {self.parameters.dssblock}"
        return _Step(name, lambda chunk, _: space_contains(space, chunk, len(chunk)), name, ())

    @cached_property
    def _other_space(self) -> DataSpace:
        """The data subspace that selects when filtertype=dataSubspace."""
        if not self.parameters.dssblock:
            raise TaskError("BlockSpec", "filtertype=dataSubspace wants a block in dssblock")
        with EventSource(self.parameters.dssblock) as other:
            space = other.space
        for name in space.columns:
            column = self.source.layout.find(name)
            if column is None or column.dtype.shape or column.native_dtype.kind not in "iuf":
                text = f"the data subspace of {self.parameters.dssblock} limits '{name}', of which {self.source.spec}"
                raise TaskError("DssNameMismatch", f"{text} has no column of numbers")
        return space

    def _data_space(self) -> DataSpace:
        """The list's data subspace with this selection added."""
        if self.parameters.filtertype == "dataSubspace":
            return self.source.space.select(self._other_space.alternatives())
        try:
            root = resolve(self._expression, self._attributes).root
            alternatives = conditions_of(root, self._files.intervals, self._unit, self._spelling)
        except CannotExpress as reason:
            if self.parameters.writedss:
                text = f"the data subspace cannot hold {reason}; it is written without this selection"
                self.session.warn("DssSyntaxError", text)
            return self.source.space
        except SelectionError as error:
            raise TaskError("BadExpression", f"for {self.source.spec}: {error}") from None
        return self.source.space.select(alternatives)

    def _unit(self, name: str) -> str:
        column = self.source.layout.find(name)
        return "" if column is None else column.unit

    def _spelling(self, name: str) -> str:
        column = self.source.layout.find(name)
        return name.upper() if column is None else column.name

    def _make_products(self) -> None:
        p = self.parameters
        if p.updateexposure and not p.writedss:
            self.session.warn("ExpNoDss", "times are updated, but the data subspace that explains them is not written")
        if p.keepfilteroutput:
            target = p.filteredset if p.withfilteredset else self.source.file.path
            self.products.append(FilteredList(self, self._output(target)))
        for wanted, path, kind in (
            (p.withimageset, p.imageset, ImageProduct),
            (p.withspectrumset, p.spectrumset, SpectrumProduct),
            (p.withrateset, p.rateset, RateProduct),
            (p.withhistogramset, p.histogramset, HistogramProduct),
        ):
            if wanted:
                product = self._output(path)
                if product.resolve() == Path(self.source.file.path).resolve():
                    raise TaskError("FileIo", f"'{product}' is the list that is read; name another file")
                self.products.append(kind(self, product))

    def _output(self, path: str) -> Path:
        target = self.session.check_output(path)
        place = target.resolve()
        if place in self._targets:
            raise TaskError("FileIo", f"two products of this call would be '{target}'; name different files")
        self._targets.add(place)
        return target
