"""How Sphinx builds the documentation: `make docs`; every warning is an error."""

import sys
from pathlib import Path

from xmmpy import __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "XMM-Python"
author = "The XMM-Python developers"
copyright = author  # noqa: A001 - Sphinx wants this name
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "task_pages"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["_ext"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the tests execute the notebook
numpydoc_show_class_members = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"

html_theme = "pydata_sphinx_theme"
html_title = "XMM-Python"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}
html_static_path: list[str] = []
