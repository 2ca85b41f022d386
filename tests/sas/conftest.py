"""What several comparisons with SAS share: the call in a product's header."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from astropy.io import fits

Values = dict[str, str]


@pytest.fixture(scope="session")
def call_of() -> Callable[..., Values]:
    """Reader of the call that made a file, from XPROC0: ``call_of(path, task="evselect")``."""

    def read(path: Path, task: str = "evselect") -> Values:
        with fits.open(path) as file:
            header = file[0].header
            calls = [str(header[key]) for key in header if key.startswith("XPROC")]
        words = shlex.split(re.split(r" # \(", next(call for call in calls if call.startswith(task)))[0])
        return dict(word.split("=", 1) for word in words[1:])

    return read
