"""The command-line grammar of SAS: ``name=value`` or ``--name=value``, and switches such as ``-V 5``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from xmmpy.tasks.messages import TaskError, nearest
from xmmpy.tasks.session import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xmmpy.tasks.registry import Task
    from xmmpy.tasks.session import Environment

_FLAGS = {
    "-v": "version", "--version": "version",
    "-h": "help", "--help": "help",
    "-p": "param", "--param": "param",
    "-m": "manpage", "--manpage": "manpage",
    "-d": "dialog", "--dialog": "dialog",
    "-c": "noclobber", "--noclobber": "noclobber",
    "-t": "trace", "--trace": "trace",
}  # fmt: skip
_VALUED = {
    "-V": "verbosity", "--verbosity": "verbosity",
    "-a": "ccfpath", "--ccfpath": "ccfpath",
    "-i": "ccf", "--ccf": "ccf",
    "-f": "ccffiles", "--ccffiles": "ccffiles",
    "-o": "odf", "--odf": "odf",
}  # fmt: skip
_WARNING = ("-w", "--warning")  # its value may be left out


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command line taken apart; the values are as the shell passed them.

    Attributes
    ----------
    values : dict of str
        Parameters.
    flags : frozenset of str
        Switches without a value.
    options : dict of str
        Switches with one.
    silenced : tuple of str
        What was said to each ``-w``: a number, the code of a warning, or nothing.
    """

    values: dict[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    options: dict[str, str] = field(default_factory=dict)
    silenced: tuple[str, ...] = ()

    def values_for(self, task: Task) -> dict[str, str]:
        """Give the values without the quotes that a wrapper put around them.

        The quotes in lists stay: there they hold items together.
        """
        lists = {info.name for info in task.parameters.describe() if info.kind.name in ("list", "reals")}
        return {name: value if name in lists else _strip_quotes(value) for name, value in self.values.items()}

    def adjust(self, environment: Environment) -> Environment:
        """Let the switches overrule the environment variables."""
        changes: dict[str, object] = {}
        if "verbosity" in self.options:
            changes["verbosity"] = _whole_number("verbosity", self.options["verbosity"])
        for said in self.silenced:
            if not said or said.isdecimal():
                changes["warnings"] = int(said or 0)
        changes["silenced"] = environment.silenced | {said for said in self.silenced if said and not said.isdecimal()}
        if "ccfpath" in self.options:
            changes["ccf_path"] = tuple(self.options["ccfpath"].split(":"))
        if "ccffiles" in self.options:
            changes["ccf_files"] = listed(self.options["ccffiles"])
        for option in ("ccf", "odf"):
            if option in self.options:
                changes[option] = self.options[option]
        if "noclobber" in self.flags:
            changes["clobber"] = False
        return replace(environment, **changes)  # type: ignore[arg-type]


def read_command_line(words: Sequence[str], *, first_counts: bool = False) -> CommandLine:
    """Take a command line apart.

    Parameters
    ----------
    words : sequence of str
        The words after the task's name, as the shell passes them.
    first_counts : bool
        Whether a parameter given twice keeps its first value (epchain) or its last (all others).

    Raises
    ------
    TaskError
        For a word that is neither a switch nor ``name=value`` or ``--name=value``, or a switch without its value.
    """
    values: dict[str, str] = {}
    flags: set[str] = set()
    options: dict[str, str] = {}
    silenced: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        switch, attached = _switch_of(word)
        if switch in _FLAGS and attached is None:
            flags.add(_FLAGS[switch])
        elif switch in _VALUED:
            if attached is None and not rest:
                raise TaskError("BadSwitch", f"the switch '{word}' wants a value")
            options[_VALUED[switch]] = rest.pop(0) if attached is None else attached
        elif switch in _WARNING:
            follows = attached is None and rest and not rest[0].startswith("-") and "=" not in rest[0]
            silenced.append(rest.pop(0) if follows else attached or "")
        elif "=" in word:
            name, _, value = word.partition("=")
            name = name.strip().removeprefix("--")
            if not (first_counts and name in values):
                values[name] = value
        elif word.startswith("-"):
            raise TaskError("BadSwitch", f"there is no switch '{word}'{nearest(word, [*_FLAGS, *_VALUED, *_WARNING])}")
        else:
            raise TaskError("BadParameter", f"'{word}' is neither a switch nor of the form name=value")
    return CommandLine(values, frozenset(flags), options, tuple(silenced))


def _switch_of(word: str) -> tuple[str, str | None]:
    """Take the value off a switch: of ``-V7``, ``-V=7`` and ``--verbosity=7``; None where the word has none."""
    switch, equals, attached = word.partition("=")
    if equals:
        return switch, attached
    if len(word) > 2 and not word.startswith("--") and word[:2] in (*_VALUED, *_WARNING):
        return word[:2], word[2:]
    return word, None


def help_text(task: Task) -> str:
    """Write the help of a task: what it does and one line for each parameter."""
    lines = [f"{task.name}: {task.summary}", "", "Parameters (name=value):"]
    for info in task.parameters.describe():
        default = "mandatory" if info.mandatory else f"default {_shown(info.default)}"
        unit = f" {info.unit}" if info.unit else ""
        choices = f"; one of {', '.join(info.choices)}" if info.choices else ""
        lines.append(f"  {info.name:<18} {info.kind.name:<10} {default}{unit}")
        lines.append(f"  {'':<18} {info.help}{choices}")
    lines += [
        "",
        "Switches: -h help, -v version, -p parameters, -V n verbosity, -w [code] no warnings, -c do not overwrite,",
        "          -i CCF index, -f CCF constituents, -o ODF, -a CCF path, -t traceback",
    ]
    return "\n".join(lines)


def _shown(value: object) -> str:
    from xmmpy.tasks.parameters import quoted

    return quoted(value)


def _strip_quotes(value: str) -> str:
    """Remove one pair of quotes around a whole value (a wrapper that quotes each value sends them)."""
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"" and value[0] not in value[1:-1]:
        return value[1:-1]
    return value


def _whole_number(option: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise TaskError("BadSwitch", f"the switch '{option}' wants a whole number, not '{text}'") from None
