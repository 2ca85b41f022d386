"""Build the documentation: the texts of ``docs`` and a page for each task, as plain HTML.

Usage: python tools/build_docs.py FOLDER

A link to a page or a file that does not exist is an error.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

import markdown

from xmmpy.tasks.parameters import quoted
from xmmpy.tasks.registry import find_task, task_names

ROOT = Path(__file__).resolve().parent.parent
STYLE = """
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; font: 1rem/1.5 system-ui, sans-serif; }
pre, code { font-family: ui-monospace, monospace; font-size: 0.9em; background: #f3f3f3; }
pre { padding: 0.7rem; overflow-x: auto; } pre code { background: none; }
table { border-collapse: collapse; }
td, th { border: 1px solid #ccc; padding: 0.2rem 0.6rem; text-align: left; }
nav { border-bottom: 1px solid #ccc; margin-bottom: 1.5rem; padding-bottom: 0.5rem; }
"""
LINK = re.compile(r'href="([^"#:]+)(?:#[^"]*)?"')


def main(target: Path) -> int:
    """Write all pages; gives the number of broken links as status, at most 1."""
    sources = sorted((ROOT / "docs").rglob("*.md"))
    pages = {source.relative_to(ROOT / "docs").with_suffix(".html"): source.read_text() for source in sources}
    for name in task_names():
        pages[Path("reference") / f"{name}.html"] = task_page(name)
    pages[Path("index.html")] = index_page(pages)
    broken = 0
    for path, text in pages.items():
        up = "../" * (len(path.parts) - 1)
        body = markdown.markdown(text, extensions=["tables", "fenced_code", "toc"])
        body = re.sub(r'href="([^":]+)\.md(#[^"]*)?"', r'href="\1.html\2"', body)
        for link in LINK.findall(body):
            place = path.parent / link
            if Path(*_normal(place)) not in pages and not (ROOT / "docs" / place).exists():
                print(f"{path}: there is no {link}", file=sys.stderr)
                broken += 1
        title = html.escape(text.lstrip("# \n").splitlines()[0])
        page = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f"<style>{STYLE}</style></head><body>"
            f'<nav><a href="{up}index.html">XMM-Python</a></nav>{body}</body></html>\n'
        )
        destination = target / path
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_text(page, encoding="utf-8")
    print(f"{len(pages)} pages: {target / 'index.html'}")
    return min(broken, 1)


def index_page(pages: dict[Path, str]) -> str:
    """List the texts and the tasks."""
    lines = ["# XMM-Python", "", "## Texts", ""]
    for path, text in pages.items():
        if path.parts[0] != "reference":
            lines.append(f"- [{text.lstrip('# ').splitlines()[0]}]({path.as_posix()})")
    lines += ["", "## Parameters of the tasks", ""]
    lines += [f"- [{name}](reference/{name}.html): {find_task(name).summary}" for name in task_names()]
    return "\n".join(lines)


def task_page(name: str) -> str:
    """Write the parameters of a task, as they are declared."""
    task = find_task(name)
    lines = [f"# {name}", "", task.summary, "", "| parameter | type | default | what |", "|---|---|---|---|"]
    for info in task.parameters.describe():
        default = "*mandatory*" if info.mandatory else f"`{quoted(info.default)}`"
        what = info.help + (f" ({', '.join(info.choices)})" if info.choices else "")
        unit = f" {info.unit}" if info.unit else ""
        lines.append(f"| {info.name} | {info.kind.name} | {default}{unit} | {_cell(what)} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return html.escape(text).replace("|", "&#124;")


def _normal(path: Path) -> list[str]:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return parts


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/docs")))
