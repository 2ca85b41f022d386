"""Shared fixtures: where the real products are, and a Session that prints nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real SAS products; the test is skipped where it is missing."""
    folder = Path(os.environ.get("XMMPY_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "sas-products").is_dir():
        pytest.skip(f"no real SAS products in {folder}: set XMMPY_REAL_DATA to the folder that holds them")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the folder it lies in: unit, truth or sas."""
    for item in items:
        for kind in ("unit", "truth", "sas"):
            if kind in item.path.relative_to(ROOT).parts:
                item.add_marker(getattr(pytest.mark, kind))
