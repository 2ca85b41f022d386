"""The page of a reduction: one file that holds everything it shows."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from pathlib import Path

    from xmmpy.products.record import RunRecord

PAGE_NAME = "index.html"


def write_page(work: Path) -> Path:
    """Write ``index.html`` into a work folder from its record and the files named there.

    The page needs nothing else: styles, script and pictures are inside. The same record and files give the
    same bytes.

    Parameters
    ----------
    work : Path
        Work folder of a reduction.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    FileProblem
        When there is no record, or the page cannot be written.
    """
    from xmmpy.products.record import RECORD_NAME, read_record

    record = read_record(work)
    if record is None:
        raise FileProblem(work / RECORD_NAME, "does not exist", "run the reduction first")
    page = work / PAGE_NAME
    text = render(record, work)
    try:
        with atomic_path(page) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileProblem(
            page, f"cannot be written ({error.strerror or error})", "check the folder and the free space"
        ) from None
    return page


def render(record: RunRecord, work: Path) -> str:
    """Make the text of the page."""
    from importlib.resources import files

    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    from xmmpy.report.content import page_content
    from xmmpy.report.png import gradient

    templates = files("xmmpy.report").joinpath("templates")
    style = templates.joinpath("page.css").read_text(encoding="utf-8")
    script = templates.joinpath("page.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=PackageLoader("xmmpy.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # The style and the script are files of this package. Only this script may run: whatever a header
    # of a file smuggles in, the browser refuses it.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("page.html.j2").render(
        page=page_content(record, work),
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_digest=digest,
        gradient=gradient(),
    )
