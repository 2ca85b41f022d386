"""Constituents of the energy scale: MISCDATA, ADUCONV and CTI of MOS and pn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.calibration.readers.layout import attribute, numbers, other_layout, tables_of, texts, whole
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

_NODES = 2
_PATTERN_CLASSES = 4
_MOS_CCDS = 7
_PN_CCDS = 12
_PN_COLUMNS = 64
_NOMINAL_PN_EV = 5.0
_LARGEST_LOSS = 0.01


def read_miscellaneous(path: Path) -> Mapping[tuple[str, str], float]:
    """Read XMM_MISCDATA: numbers by instrument and parameter, such as ``("XRT3", "FOCAL_LENGTH")``.

    Parameters whose value is a text are left out.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (table,) = tables_of(path, "MISCDATA")
    instruments, names = texts(table, "INSTRUMENT_ID"), texts(table, "PARM_ID")
    values: Iterable[Any] = table.column("PARM_VAL")
    found = {}
    for instrument, name, value in zip(instruments, names, values, strict=True):
        try:
            found[instrument, name] = float(value)
        except ValueError:
            continue
    if not found:
        problem = "has another layout than expected: no number in column PARM_VAL of MISCDATA"
        raise FileProblem(path, problem, "check which issue it is")
    return found


@dataclass(frozen=True, slots=True, eq=False)
class MosGain:
    """Gain of a MOS camera: PI = offset + gain PHA + quadratic PHA^2.

    Attributes
    ----------
    coefficients : ndarray, shape (8, 2, 4, 3)
        By CCD (1 to 7), node, pattern class (single, double, triple, quadruple): offset, gain, quadratic.
    """

    coefficients: FloatArray

    def channel(
        self, ccd: npt.NDArray[Any], node: npt.NDArray[Any], classes: npt.NDArray[Any], pha: FloatArray
    ) -> FloatArray:
        """PI (not rounded) of charges that are already free of losses, shape (n,)."""
        factors = self.coefficients[ccd, node, classes]
        result: FloatArray = factors[:, 0] + factors[:, 1] * pha + factors[:, 2] * pha * pha
        return result


def read_mos_gain(path: Path) -> MosGain:
    """Read the table OFFSET_GAIN of EMOSn_ADUCONV.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (table,) = tables_of(path, "OFFSET_GAIN")
    ccds = numbers(table, "CCD_ID").astype(int)
    if sorted(ccds.tolist()) != list(range(1, 8)):
        problem = "has another layout than expected: OFFSET_GAIN should have one row for each of the CCDs 1 to 7"
        raise FileProblem(path, problem, "check which issue it is")
    coefficients = np.full((8, _NODES, _PATTERN_CLASSES, 3), np.nan)
    for kind in range(_PATTERN_CLASSES):
        suffix = str(kind) if kind else ""
        for term, name in enumerate(("OFFSET", "GAIN", "POLY_TERM")):
            coefficients[ccds, :, kind, term] = numbers(table, name + suffix, _NODES)
    return MosGain(coefficients)


@dataclass(frozen=True, slots=True, eq=False)
class PnGain:
    """Gain of pn by column, and the columns whose zero level is raised.

    Attributes
    ----------
    column_ev : ndarray, shape (13, 65)
        eV for a channel, by [CCDNR, RAWX]; row and column 0 are not used.
    offsets : dict of int to ndarray of int16, shape (n, 2)
        CCD to RAWX and offset (adu) of raised columns.
    """

    column_ev: FloatArray
    offsets: dict[int, npt.NDArray[np.int16]]


def read_pn_gain(path: Path) -> PnGain:
    """Read OFFSET_GAIN of EPN_ADUCONV: CCD_ID, GAIN of 64 columns, OFFSET of 64 columns where there is one.

    Gains are in units of KEV_P_PI (5 eV where the keyword is missing) or in eV, which their size tells.

    Raises
    ------
    FileProblem
        When it is laid out otherwise.
    """
    (table,) = tables_of(path, "OFFSET_GAIN")
    ccd = whole(table, "CCD_ID", 1, _PN_CCDS)
    gain = numbers(table, "GAIN", _PN_COLUMNS)
    if sorted(ccd.tolist()) != list(range(1, _PN_CCDS + 1)):
        raise other_layout(path, "OFFSET_GAIN should have one row for each of the CCDs 1 to 12")
    middle = float(np.median(gain))
    if 0.5 < middle < 2.0:
        gain = gain * attribute(table, "KEV_P_PI", _NOMINAL_PN_EV / 1000.0) * 1000.0
    elif not 3.0 < middle < 7.0:
        raise other_layout(path, "GAIN of OFFSET_GAIN should be near 1 or near 5 eV a channel")
    found = np.full((_PN_CCDS + 1, _PN_COLUMNS + 1), np.nan)
    found[ccd, 1:] = gain
    offsets = {}
    if "OFFSET" in table.columns:
        values = numbers(table, "OFFSET", _PN_COLUMNS)
        for number, row in zip(ccd.tolist(), values, strict=True):
            raised = np.flatnonzero(np.rint(row) != 0)
            offsets[number] = np.stack([raised + 1, np.rint(row[raised])], axis=1).astype(np.int16)
    return PnGain(found, offsets)


@dataclass(frozen=True, slots=True, eq=False)
class TransferLoss:
    """Part of the charge that one transfer loses.

    Attributes
    ----------
    serial, parallel : ndarray, shape (ccds + 1, nodes)
        Along the read-out register (CTI_X) and along the columns (CTI_Y), by CCD and node.
    """

    serial: FloatArray
    parallel: FloatArray


def read_transfer_loss(path: Path, table: str = "CTI") -> TransferLoss:
    """Read the table CTI (or CTI_EXTENDED) of EMOSn_CTI or EPN_CTI: CCD_ID, NODE_ID, CTI_X, CTI_Y.

    Rows for several modes (MODE_ID) are averaged. NODE_ID of pn is the column less one (handbook, EPN_CTI).

    Raises
    ------
    FileProblem
        When it is laid out otherwise, or a transfer loses more than a hundredth.
    """
    (found,) = tables_of(path, table)
    is_pn = path.name.upper().startswith("EPN")
    ccd = whole(found, "CCD_ID", 1, _PN_CCDS if is_pn else _MOS_CCDS)
    node = whole(found, "NODE_ID", 0, _PN_COLUMNS - 1 if is_pn else _NODES - 1)
    losses = [numbers(found, name) for name in ("CTI_X", "CTI_Y")]
    if any(np.abs(loss).max() > _LARGEST_LOSS for loss in losses):
        raise other_layout(path, f"CTI_X and CTI_Y of {table} should be parts of the charge, below 0.01")
    shape = ((_PN_CCDS if is_pn else _MOS_CCDS) + 1, _PN_COLUMNS if is_pn else _NODES)
    count, sums = np.zeros(shape), np.zeros((2, *shape))
    np.add.at(count, (ccd, node), 1.0)
    for total, loss in zip(sums, losses, strict=True):
        np.add.at(total, (ccd, node), loss)
    with np.errstate(invalid="ignore"):
        serial, parallel = sums / count
    return TransferLoss(serial, parallel)
