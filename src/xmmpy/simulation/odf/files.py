"""Raw files: their names, their tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xmmpy.products.blocks import NewColumn, primary_block, table_block, write_blocks
from xmmpy.products.header import Header

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class OdfWriter:
    """Writes the files of one ODF.

    Attributes
    ----------
    folder : pathlib.Path
        Where they go.
    revolution, observation : str
        Four and ten digits.
    begin, end : str
        DATE-OBS and DATE-END (UTC).
    """

    folder: Path
    revolution: str
    observation: str
    begin: str
    end: str

    def path(self, name: str, suffix: str = "FIT") -> Path:
        """File of a constituent, such as ``M1S00110IME``."""
        return self.folder / f"{self.revolution}_{self.observation}_{name}.{suffix}"

    def write(
        self,
        name: str,
        instrument: str,
        tables: Sequence[tuple[str, Sequence[NewColumn], Mapping[str, Any]]],
    ) -> Path:
        """Write tables: name, columns and keywords of each.

        An unsigned column of 16 bits is written as FITS has it, with TZERO.
        """
        path = self.path(name)
        exposure = name[3:6] if name[2] in "SU" else "000"
        primary = Header([("CREATOR", "XMM-Python simulation", "program"), ("DATE", self.end, "creation date")])
        blocks = [primary_block(primary)]
        for title, columns, keywords in tables:
            header = Header(
                [
                    ("TELESCOP", "XMM", "XMM mission"),
                    ("INSTRUME", instrument, "Instrument"),
                    ("OBS_ID", self.observation, "Observation Identifier"),
                    ("EXP_ID", f"{self.observation}{exposure}", "Exposure Identifier"),
                    ("DATE-OBS", self.begin, "Start time"),
                    ("DATE-END", self.end, "End time"),
                ]
            )
            stored = []
            for number, column in enumerate(columns, 1):
                values = column.values
                if values.dtype == np.uint16:
                    header.append(f"TZERO{number}", 32768, "unsigned")
                    values = (values.astype(np.int32) - 32768).astype(np.int16)
                elif values.dtype == np.uint32:
                    header.append(f"TZERO{number}", 2147483648, "unsigned")
                    values = (values.astype(np.int64) - 2147483648).astype(np.int32)
                stored.append(NewColumn(column.name, column.form, values, column.unit))
            for keyword, value in keywords.items():
                header.append(keyword, value)
            blocks.append(table_block(stored, title, header))
        write_blocks(path, blocks)
        return path

    def write_text(self, name: str, lines: Sequence[str]) -> Path:
        """Write a text file, such as the summary."""
        path = self.path(name, "ASC")
        path.write_text("".join(f"{line:<80s}\n" for line in lines), encoding="ascii")
        return path


def column(name: str, form: str, values: NDArray[Any], unit: str = "") -> NewColumn:
    """A column of a raw file."""
    return NewColumn(name, form, values, unit)
