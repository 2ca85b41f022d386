"""The documentation: built without a warning, its example run, its notebook executed."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xmmpy.products.gti import read_gti
from xmmpy.products.intervals import Intervals
from xmmpy.tasks import gtibuild
from xmmpy.tasks.messages import TaskError

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_sphinx_has_nothing_to_complain_of(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="no Sphinx: pip install '.[docs]'")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-d", str(tmp_path / "trees")]
    done = subprocess.run([*command, str(DOCS), str(tmp_path / "html")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for page in ("index", "tutorial", "notebook", "tasks/evselect", "reference/emldetect", "api", "changelog"):
        assert (tmp_path / "html" / f"{page}.html").is_file()
    assert "Observation" in (tmp_path / "html/api.html").read_text(encoding="utf-8")


def test_every_page_is_in_the_contents() -> None:
    """Sphinx would warn, too; this names the page without Sphinx."""
    entry = re.compile(r"^([\w/*-]+)$", re.MULTILINE)
    tables = [DOCS / f"{name}.md" for name in ("index", "using", "methods", "develop")]
    listed = {name for table in tables for name in entry.findall(table.read_text(encoding="utf-8"))}
    pages = {path.stem for path in DOCS.glob("*.md")} | {"notebook"}
    assert pages - {"index"} <= listed


def test_the_example_of_a_task_runs(tmp_path: Path) -> None:
    page = (DOCS / "adding-a-task.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "gtilong.py").write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("gtilong", tmp_path / "gtilong.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gtilong"] = module
    spec.loader.exec_module(module)

    (tmp_path / "times.txt").write_text("0 50\n100 300\n400 500\n", encoding="utf-8")
    gtibuild(file=str(tmp_path / "times.txt"), table=str(tmp_path / "gti.fits"))
    outcome = module.TASK(table=str(tmp_path / "gti.fits"), outset=str(tmp_path / "long.fits"), shortest=100)
    assert read_gti(str(tmp_path / "long.fits")) == Intervals.of(np.array([100.0, 400.0]), np.array([300.0, 500.0]))
    assert (outcome.rows_in, outcome.rows_out, outcome.facts["ontime"]) == (3, 2, 300.0)
    with pytest.raises(TaskError, match=r"none\.fits"):
        module.TASK(table=str(tmp_path / "none.fits"), outset=str(tmp_path / "other.fits"))
    assert not (tmp_path / "other.fits").exists()


def test_the_notebook_runs_from_start_to_end(tmp_path: Path) -> None:
    """In a kernel of its own; what the page shows of it has the outputs of such a run."""
    pytest.importorskip("nbclient", reason="no nbclient: pip install '.[test]'")
    pytest.importorskip("ipykernel", reason="no ipykernel: pip install '.[test]'")
    shown = json.loads((DOCS / "notebook.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in shown["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 8
    assert all(cell["execution_count"] for cell in cells)
    script = (
        "import sys, nbformat; from nbclient import NotebookClient\n"
        "book = nbformat.read(sys.argv[1], as_version=4)\n"
        "NotebookClient(book, timeout=300, kernel_name='python3').execute()\n"
        "nbformat.write(book, sys.argv[2])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(DOCS / "notebook.ipynb"), str(tmp_path / "done.ipynb")],
        capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    made = json.loads((tmp_path / "done.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in made["cells"] for output in cell.get("outputs", ())]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
