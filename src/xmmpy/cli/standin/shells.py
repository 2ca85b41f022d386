"""Settings of the environment in the words of each shell."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

SHELLS: Final = {
    **dict.fromkeys(("sh", "bash", "zsh", "dash", "ksh"), "sh"),
    "fish": "fish",
    **dict.fromkeys(("csh", "tcsh"), "csh"),
}
"""Shells and the kind of language that each reads."""


def settings_for(shell: str, folder: Path) -> str:
    """Commands that make a tree the SAS of a shell.

    SAS_CCFPATH, SAS_VERBOSITY and SAS_SUPPRESS_WARNING stay where they are set. The tree comes first on PATH, once.

    Parameters
    ----------
    shell : str
        One of `SHELLS`.
    folder : Path
        The tree.

    Raises
    ------
    KeyError
        For a shell that is not known.
    """
    kind = SHELLS[shell]
    place = str(folder)
    always = {"SAS_DIR": place, "SAS_PATH": place, "SAS": place, "HEADAS": place}
    kept = {"SAS_CCFPATH": f"{place}/ccf", "SAS_VERBOSITY": "4", "SAS_SUPPRESS_WARNING": "1"}
    return {"sh": _posix, "fish": _fish, "csh": _csh}[kind](always, kept, f"{place}/bin")


def _posix(always: dict[str, str], kept: dict[str, str], commands: str) -> str:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in always.items()]
    lines += [f'export {name}="${{{name}:-{value}}}"' for name, value in kept.items()]
    quoted = shlex.quote(commands)
    lines.append(f'case ":$PATH:" in *:{quoted}:*) ;; *) export PATH={quoted}:"$PATH" ;; esac')
    return "\n".join(lines) + "\n"


def _fish(always: dict[str, str], kept: dict[str, str], commands: str) -> str:
    lines = [f"set -gx {name} {shlex.quote(value)};" for name, value in always.items()]
    lines += [f"set -q {name}; or set -gx {name} {shlex.quote(value)};" for name, value in kept.items()]
    lines.append(f"contains {shlex.quote(commands)} $PATH; or set -gx PATH {shlex.quote(commands)} $PATH;")
    return "\n".join(lines) + "\n"


def _csh(always: dict[str, str], kept: dict[str, str], commands: str) -> str:
    lines = [f"setenv {name} {shlex.quote(value)};" for name, value in always.items()]
    lines += [f"if ( ! $?{name} ) setenv {name} {shlex.quote(value)};" for name, value in kept.items()]
    lines.append(f'if ( ":${{PATH}}:" !~ *:{commands}:* ) setenv PATH {commands}:"$PATH";')
    return "\n".join(lines) + "\n"
