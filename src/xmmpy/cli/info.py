"""``xmmpy info FILE``: say in words what is in a file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from xmmpy.report.describe import FileDescription

app = typer.Typer(add_completion=False)

_PLAIN_WIDTH = 10_000  # nothing is wrapped or cut when the output goes to a file or a pipe


@app.command()
def info(
    file: Annotated[str, typer.Argument(help="FITS file, gzipped or not.")],
    keyword: Annotated[str, typer.Option("--keyword", "-k", help="Show this keyword of every block.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Write the description as JSON.")] = False,
) -> int:
    """Say in words what is in a file: kind, target, times, columns, selections, how it was made."""
    return info_command(file, json=as_json, keyword=keyword)


def describe_file(path: str) -> FileDescription:
    """Describe a file; see `xmmpy.report.describe.describe_file`."""
    from xmmpy.report.describe import describe_file as describe

    return describe(path)


def info_command(path: str, json: bool = False, keyword: str = "") -> int:
    """Print the description of a file, or one keyword of each of its blocks.

    Parameters
    ----------
    path : str
        The file.
    json : bool
        Whether to write JSON.
    keyword : str
        The keyword to show; the whole description when empty.

    Returns
    -------
    int
        0, or 1 when the file cannot be read; the reason stands on standard error.
    """
    from xmmpy.products.errors import FileProblem

    try:
        if keyword:
            return _show_keyword(path, keyword, json=json)
        description = describe_file(path)
    except FileProblem as problem:
        print(f"xmmpy info: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    if json:
        _print_json(_plain(description))
    else:
        _show(description, _console())
    return 0


def _plain(description: FileDescription) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(description), "facts": dict(description.facts)}


def _print_json(value: object) -> None:
    from json import dumps

    print(dumps(value, indent=2, ensure_ascii=False))  # noqa: T201


def _show_keyword(path: str, keyword: str, *, json: bool) -> int:
    from xmmpy.report.describe import keyword_values

    found = keyword_values(path, keyword)
    if json:
        _print_json([{"block": block, "value": value, "comment": comment} for block, value, comment in found])
        return 0
    width = max(len(block) for block, _, _ in found)
    for block, value, comment in found:
        shown = f"'{value}'" if isinstance(value, str) else str(value)
        print(f"{block:<{width}}  {keyword.upper()} = {shown}" + (f" / {comment}" if comment else ""))  # noqa: T201
    return 0


def _console() -> Console:
    from rich.console import Console

    terminal = sys.stdout.isatty()
    width = None if terminal else _PLAIN_WIDTH
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=not terminal, width=width)


def _show(description: FileDescription, console: Console) -> None:
    from rich.text import Text

    from xmmpy.report.describe import live_share
    from xmmpy.report.numbers import duration

    console.print(Text.assemble((description.path, "bold"), ": ", (description.kind, "bold")))
    width = max((len(label) for label, _ in description.facts), default=0)
    for label, text in description.facts:
        console.print(Text.assemble("  ", (f"{label:<{width}}", "dim"), f"  {text}"))
    if description.selections:
        _heading(console, "Selected")
        for text in description.selections:
            console.print(f"  {text}")
    if description.ccds:
        _heading(console, "Exposure of the CCDs")
        rows = [
            (
                str(ccd.ccd),
                *("" if t is None else duration(t) for t in (ccd.ontime, ccd.livetime)),
                live_share(ccd),
            )
            for ccd in description.ccds
        ]
        _table(console, ("CCD", "on", "live", "share"), rows)
    if description.columns:
        _heading(console, f"Columns of {description.main}")
        columns = [(c.name, c.type, c.unit, c.range, c.comment) for c in description.columns]
        _table(console, ("name", "type", "unit", "range", "comment"), columns)
    _heading(console, "Blocks")
    _table(console, ("", "name", "content"), [(str(b.index), b.name, b.content) for b in description.blocks])
    if description.calls:
        _heading(console, "How it was made (last call first)")
        for call in description.calls:
            console.print(f"  {call}")


def _heading(console: Console, text: str) -> None:
    from rich.text import Text

    console.print()
    console.print(Text(text, style="bold"))


def _table(console: Console, names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows in columns; a column without any text is left out."""
    from rich.text import Text

    used = [n for n in range(len(names)) if any(row[n] for row in rows)]
    widths = {n: max(len(names[n]), *(len(row[n]) for row in rows)) for n in used}

    def line(cells: tuple[str, ...]) -> str:
        return ("  " + "  ".join(f"{cells[n]:<{widths[n]}}" for n in used)).rstrip()

    if any(names[n] for n in used):
        console.print(Text(line(names), style="dim"))
    for row in rows:
        console.print(line(row))
