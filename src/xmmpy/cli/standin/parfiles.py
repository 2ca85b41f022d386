"""Parameter files ``config/TASK.par`` in the XML of SAS, from the declarations of the tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from xmmpy.tasks.parameters import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xmmpy.tasks.parameters import ParameterInfo
    from xmmpy.tasks.registry import Task

_TYPES = {
    "bool": "bool", "int": "int", "real": "real", "reals": "real", "string": "string", "list": "string",
    "dataset": "dataset", "table": "table", "block": "block", "column": "column", "expression": "string",
}  # fmt: skip


def parameter_file(task: Task) -> str:
    """Text of a task's parameter file.

    A parameter stands inside of the switch that it sets, as ``<CASE><ITEM value="yes">``; one with several switches
    inside of the first that is a parameter of the task.
    """
    infos = list(task.parameters.describe())
    names = {info.name for info in infos}
    children: dict[str, list[ParameterInfo]] = {}
    top: list[ParameterInfo] = []
    for info in infos:
        parent = next((name for name in info.parents if name in names and not _circular(name, info, infos)), None)
        (top if parent is None else children.setdefault(parent, [])).append(info)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<TASK id={quoteattr(task.name)}>", "<CONFIG>"]
    for info in top:
        lines += _parameter(info, children, 1)
    lines += ["</CONFIG>", f"<DESCRIPTION>{escape(task.summary)}</DESCRIPTION>", "</TASK>"]
    return "\n".join(lines) + "\n"


def _circular(parent: str, info: ParameterInfo, infos: Sequence[ParameterInfo]) -> bool:
    """Whether a switch is set by the parameter itself, however indirectly."""
    by_name = {one.name: one for one in infos}
    seen, pending = set[str](), [parent]
    while pending:
        name = pending.pop()
        if name == info.name:
            return True
        if name not in seen and name in by_name:
            seen.add(name)
            pending += by_name[name].parents
    return False


def _parameter(info: ParameterInfo, children: dict[str, list[ParameterInfo]], depth: int) -> list[str]:
    indent = "  " * depth
    several = ' list="yes"' if info.kind.name in {"list", "reals"} else ""
    default = "" if info.mandatory else quoted(info.default).strip("'")
    attributes = (
        f"id={quoteattr(info.name)} type={quoteattr(_TYPES.get(info.kind.name, 'string'))} "
        f"default={quoteattr(default)} mandatory={quoteattr('yes' if info.mandatory else 'no')}{several}"
    )
    unit = f" ({info.unit})" if info.unit else ""
    lines = [f"{indent}<PARAM {attributes}>", f"{indent}  <DESCRIPTION>{escape(info.help + unit)}</DESCRIPTION>"]
    if info.choices:
        lines.append(f"{indent}  <CONSTRAINTS>{escape('|'.join(info.choices))}</CONSTRAINTS>")
    if info.name in children:
        lines.append(f'{indent}  <CASE>\n{indent}  <ITEM value="yes">')
        for child in children[info.name]:
            lines += _parameter(child, children, depth + 2)
        lines.append(f"{indent}  </ITEM>\n{indent}  </CASE>")
    lines.append(f"{indent}</PARAM>")
    return lines
