"""Write the tree: ``bin/``, ``config/``, ``help/`` and the files that shells read."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xmmpy import __version__
from xmmpy.cli.standin.parfiles import parameter_file
from xmmpy.products.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xmmpy.tasks.registry import Task

RELEASE: Final = "22.1.0"
"""Release of SAS whose parameters and names the tasks follow."""
STAMP: Final = "xmmpy-version"

_SOURCE_MARK = "XMMPY_TREE"


def default_folder() -> Path:
    """Where the tree is kept when no folder is named: in the user's cache, by version."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")  # noqa: PTH111, PTH118
    return Path(base) / "xmmpy" / f"sas-{__version__}"


def is_current(folder: Path) -> bool:
    """Whether a folder holds the tree of this version and this Python."""
    try:
        return (folder / STAMP).read_text(encoding="utf-8") == _stamp()
    except OSError:
        return False


def write_tree(folder: Path) -> list[str]:
    """Write the tree; returns the names of the commands in it.

    Parameters
    ----------
    folder : Path
        Made where it is missing. Files of an older tree are replaced.
    """
    from xmmpy.tasks.registry import find_task, task_names

    for name in ("bin", "config", "help", "lib", "ccf"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    names = []
    for name in task_names():
        task = find_task(name)
        _write(folder / "config" / f"{name}.par", parameter_file(task))
        for kind, text in _answers(task).items():
            _write(folder / "help" / f"{name}.{kind}", text)
        _write(folder / "bin" / name, _launcher(name), executable=True)
        names.append(name)
    for name, text in _fixed_commands().items():
        _write(folder / "bin" / name, text, executable=True)
    for name, text in _shell_files(folder).items():
        _write(folder / name, text)
    _write(folder / STAMP, _stamp())
    return [*names, *_fixed_commands()]


def _stamp() -> str:
    return f"{__version__}\n{sys.executable}\n"


def _answers(task: Task) -> dict[str, str]:
    """What a task says to -h, -p and -v, ready made: no Python is started for it."""
    from xmmpy.tasks.commandline import help_text
    from xmmpy.tasks.parameters import quoted

    infos = list(task.parameters.describe())
    defaults = "\n".join(f"{info.name}={'' if info.mandatory else quoted(info.default)}" for info in infos)
    version = f"{task.name} ({task.name}-{__version__}) [xmm-python-{__version__}]"
    return {"h": help_text(task) + "\n", "p": defaults + "\n", "v": version + "\n"}


def _launcher(name: str) -> str:
    return f"""#!/bin/sh
# {name} of XMM-Python {__version__}, under the name that programs written for SAS call.
tree=$(dirname "$0")/..
if [ $# -eq 1 ]; then
    case $1 in
        -h|--help|-m|--manpage) exec cat "$tree/help/{name}.h" ;;
        -p|--param) exec cat "$tree/help/{name}.p" ;;
        -v|--version) exec cat "$tree/help/{name}.v" ;;
    esac
fi
{_SOURCE_MARK}={shlex.quote(__version__)} exec {shlex.quote(sys.executable)} -m xmmpy task {name} "$@"
"""


def _fixed_commands() -> dict[str, str]:
    """Commands that are no tasks of ours: what programs ask for before they start."""
    build = f"xmm-python-{__version__}"
    release = f"SAS release: xmmsas_20250304_1200-{RELEASE} (tasks of XMM-Python {__version__})"
    return {
        "sas": f"""#!/bin/sh
# There is no graphical interface here; `sas --version` is what programs look for.
case "$1" in
    --version|-v) echo "sas (sas-{__version__}) [{RELEASE}-{build}]" ;;
    *) echo "XMM-Python stands in for SAS {RELEASE} here: its tasks are commands (xmmpy tasks), there is no window" ;;
esac
""",
        "sasversion": f"""#!/bin/sh
case "$1" in
    -v|--version) echo "sasversion (sasversion-{__version__}) [xmmsas_20250304_1200-{RELEASE}]" ;;
    *)
        echo "sasversion:- Executing (routine): sasversion"
        echo "{release}"
        echo "Compiled on: not compiled, {build}"
        echo "Compiled by: XMM-Python"
        echo "Platform   : $(uname -s) $(uname -m)"
        ;;
esac
""",
        "lcurve": """#!/bin/sh
# A stand-in: some programs ask for the version of HEASoft's lcurve before they start and never call it.
case "$1" in
    --version|-v) echo "lcurve, stand-in of XMM-Python. Version 1.0 (xronos5.22)" ;;
    *)
        echo "lcurve: a stand-in of XMM-Python that answers --version and does nothing else; install HEASoft" >&2
        exit 1
        ;;
esac
""",
    }


def _shell_files(folder: Path) -> dict[str, str]:
    from xmmpy.cli.standin.shells import settings_for

    nothing = "# Nothing is needed here: XMM-Python does without HEASoft.\n"
    return {
        "setsas.sh": settings_for("sh", folder),
        "setsas.csh": settings_for("csh", folder),
        "sas-setup.sh": settings_for("sh", folder),
        "headas-init.sh": nothing,
        "headas-init.csh": nothing,
    }


def _write(path: Path, text: str, *, executable: bool = False) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        if executable:
            temporary.chmod(0o755)


def real_sas(path: str, own: Iterable[Path]) -> str:
    """Folder on a PATH that holds SAS's own evselect; empty where there is none."""
    trees = {os.path.realpath(one / "bin") for one in own}
    for folder in path.split(os.pathsep):
        found = Path(folder) / "evselect"
        if folder and os.access(found, os.X_OK) and os.path.realpath(folder) not in trees and not _is_ours(found):
            return folder
    return ""


def _is_ours(command: Path) -> bool:
    try:
        return _SOURCE_MARK.encode() in command.read_bytes()[:4000]
    except OSError:
        return False
