"""What several unit tests share."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

# How long an example takes depends on the machine and on first imports: no test may fail for it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def _load(name: str) -> ModuleType:
    """Load a module that lies beside the tests, so that they can import it by its name."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_load("pipeline_stubs")
_load("small_list")
_load("summary_sample")
_load("odf_sample")
_load("detection_sample")
_load("constituent_sample")


@pytest.fixture(scope="session")
def make_work() -> Callable[..., object]:
    """Writer of a small work folder with its record: ``make_work(folder, target=..., reason=...)``."""
    return _load("report_sample").make_work


@pytest.fixture(scope="session")
def add_sources() -> Callable[..., object]:
    """Writer of a source list and what belongs to it: ``add_sources(folder, record)``."""
    return _load("report_sample").add_sources
