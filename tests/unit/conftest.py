"""What several unit tests share."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes depends on the machine and on first imports: no test may fail for it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def make_work() -> Callable[..., object]:
    """Writer of a small work folder with its record: ``make_work(folder, target=..., reason=...)``."""
    spec = importlib.util.spec_from_file_location(
        "report_sample", Path(__file__).with_name("report_sample.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_work
