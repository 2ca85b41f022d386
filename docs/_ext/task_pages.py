"""Pages of the tasks' parameters, from the declarations that the tasks themselves read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xmmpy.tasks.parameters import quoted
from xmmpy.tasks.registry import find_task, task_names

FOLDER = "reference"


def write_pages(app: Any) -> None:
    """Write a page for each task and their list; only what changed, so that Sphinx reads no page twice."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    names = task_names()
    wanted = {f"{name}.md": task_page(name) for name in names} | {"index.md": list_page(names)}
    for stale in folder.glob("*.md"):
        if stale.name not in wanted:
            stale.unlink()
    for name, text in wanted.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def list_page(names: list[str]) -> str:
    """Names and summaries of all tasks."""
    lines = ["# Parameters of the tasks", "", "As `TASK -h` shows them.", "", "| task | what it does |", "|---|---|"]
    lines += [f"| [{name}]({name}.md) | {_cell(find_task(name).summary)} |" for name in names]
    lines += ["", "```{toctree}", ":hidden:", "", *names, "```", ""]
    return "\n".join(lines)


def task_page(name: str) -> str:
    """The parameters of a task."""
    task = find_task(name)
    lines = [f"# {name}: parameters", "", f"{_cell(task.summary)}", ""]
    lines += ["| parameter | type | default | what |", "|---|---|---|---|"]
    for info in task.parameters.describe():
        default = "*mandatory*" if info.mandatory else f"`{quoted(info.default)}`"
        unit = f" {info.unit}" if info.unit else ""
        what = info.help + (f" ({', '.join(info.choices)})" if info.choices else "")
        lines.append(f"| `{info.name}` | {info.kind.name} | {default}{unit} | {_cell(what)} |")
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    for sign in "|*_<>[]$":
        text = text.replace(sign, f"\\{sign}")
    return text


def setup(app: Any) -> dict[str, Any]:
    """Hook into Sphinx."""
    from pygments.lexers.special import TextLexer

    app.add_lexer("selection", TextLexer)  # the language of expressions
    app.connect("builder-inited", write_pages)
    return {"version": "1", "parallel_read_safe": True}
