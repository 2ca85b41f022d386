"""Environments of their own for programs of others."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


def environment_with(folder: Path, base: str, *packages: str) -> Path:
    """Python of a new environment in `folder` that has the packages; the test is skipped where it cannot be made."""
    if subprocess.run([base, "-m", "venv", folder], capture_output=True, check=False).returncode:
        pytest.skip("no environment can be made for the program")
    command = [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    got = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    if got.returncode:
        pytest.skip(f"{', '.join(packages)} cannot be installed here: {got.stderr.strip().splitlines()[-1:]}")
    return folder / "bin/python"
