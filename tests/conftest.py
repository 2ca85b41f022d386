"""Shared fixtures: where the real products are, and a Session that prints nothing."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
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


@pytest.fixture(scope="session")
def take_apart() -> Callable[[Path, Path], list[Path]]:
    """Writer of the lists of single CCDs that a camera's list could have been made of."""
    spec = importlib.util.spec_from_file_location("ccd_lists", Path(__file__).with_name("ccd_lists.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[Path, Path], list[Path]] = module.take_apart
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the folder it lies in: unit, truth or sas."""
    for item in items:
        for kind in ("unit", "truth", "sas"):
            if kind in item.path.relative_to(ROOT).parts:
                item.add_marker(getattr(pytest.mark, kind))
