"""Bad pixels that nobody knows of yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xmmpy.calibration.badpixels import BadKind, BadOrigin, BadPixels

if TYPE_CHECKING:
    from xmmpy.calibration.nominal import CcdGeometry


def plant(rng: np.random.Generator, geometry: CcdGeometry) -> BadPixels:
    """Draw hot pixels, a stretch of a hot column and a dead column for a CCD; columns stay apart from one another."""
    width, height = geometry.last
    is_pn = geometry.camera == "EPN"
    hot = 3 if is_pn else 6
    columns = rng.choice(np.arange(4, width - 3, 6), hot + 2, replace=False)
    rows = [(int(x), int(rng.integers(5, height - 5)), BadKind.HOT, 1) for x in columns[:hot]]
    if rng.random() < 0.5:
        first = int(rng.integers(height // 2, height - height // 8))
        rows.append((int(columns[hot]), first, BadKind.HOT, height - first + 1))
    if rng.random() < 0.5:
        rows.append((int(columns[hot + 1]), 1, BadKind.DEAD, height))
    table = np.array(rows, np.int16)
    return BadPixels(
        table[:, 0], table[:, 1], table[:, 2], table[:, 3], np.full(len(table), BadOrigin.FOUND, np.int16)
    )  # fmt: skip
