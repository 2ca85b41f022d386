"""Readers of constituents on the one real constituent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xmmpy.calibration import nominal
from xmmpy.calibration.readers import read_effective_area


def test_the_real_effective_area(real_data: Path) -> None:
    """XRT3_XAREAEF_0012; the nominal vignetting was taken from it, to 1 % between its rows."""
    area = read_effective_area(real_data / "ccf" / "XRT3_XAREAEF_0012.CCF.gz")
    assert area.area_cm2[0] == pytest.approx(1750.05)
    assert area.vignetting.factor.shape == (505, 27)
    assert area.vignetting.offaxis_arcmin[-1] == pytest.approx(15.6)
    assert area.correction.size == 512
    energies, angles = (grid.ravel() for grid in np.meshgrid([0.3, 1.0, 2.5, 6.0, 9.0], [0.0, 2.0, 7.0, 12.0]))
    real, table = area.vignetting.at(energies, angles), nominal.vignetting().at(energies, angles)
    assert np.abs(real - table).max() < 0.01
    assert 1100.0 < area.on_axis(np.array([1.5]))[0] < 1700.0
