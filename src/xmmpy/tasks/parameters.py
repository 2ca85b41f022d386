"""Declare a task's parameters once: types, defaults, units, switches and help in one pydantic model."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticUndefined

from xmmpy.tasks.messages import TaskError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TRUE_WORDS = frozenset({"yes", "y", "true", "t", "1", "on"})
FALSE_WORDS = frozenset({"no", "n", "false", "f", "0", "off"})

_PLAIN_VALUE = re.compile(r"[\w./:,+%@^~-]+\Z")


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a parameter as a user of SAS names it."""

    name: str
    wanted: str


def _boolean(value: object) -> object:
    if isinstance(value, str):
        word = value.strip().lower()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
    return value


def _number(value: object) -> object:
    """Read Fortran's exponents (1d-6) too; everything else is left to pydantic."""
    if isinstance(value, str):
        return re.sub(r"(?<=[\d.])[dD](?=[+-]?\d)", "e", value.strip())
    return value


def _integer(value: object) -> object:
    number = _number(value)
    if isinstance(number, str) and re.fullmatch(r"[+-]?\d+\.0*", number):
        return number.split(".")[0]
    return number


def _text(value: object) -> object:
    return value if value is None or isinstance(value, (list, tuple)) else str(value)


def split_list(value: str) -> tuple[str, ...]:
    """Split a list given in one argument; its items may be quoted: ``'"a b.fits" c.fits'``.

    Raises
    ------
    ValueError
        When a quotation is not closed.
    """
    return tuple(shlex.split(value, posix=True)) if value.strip() else ()


def _items(value: object) -> object:
    if isinstance(value, str):
        return split_list(value)
    if isinstance(value, (int, float)) or hasattr(value, "__fspath__"):
        return (str(value),)
    if isinstance(value, (list, tuple)):
        return tuple(str(item) for item in value)
    return value


Switch = Annotated[bool, BeforeValidator(_boolean), Kind("bool", "yes or no")]
Integer = Annotated[int, BeforeValidator(_integer), Kind("int", "a whole number")]
Real = Annotated[float, BeforeValidator(_number), Kind("real", "a number")]
Text = Annotated[str, BeforeValidator(_text), Kind("string", "a text")]
Dataset = Annotated[str, BeforeValidator(_text), Kind("dataset", "a file name")]
TableName = Annotated[str, BeforeValidator(_text), Kind("table", "a table (file or file:EXTENSION)")]
BlockName = Annotated[str, BeforeValidator(_text), Kind("block", "a block (file:EXTENSION)")]
ColumnName = Annotated[str, BeforeValidator(_text), Kind("column", "a column name")]
Expression = Annotated[str, BeforeValidator(_text), Kind("expression", "a selection expression")]
TextList = Annotated[tuple[str, ...], BeforeValidator(_items), Kind("list", "a list of names")]
RealList = Annotated[tuple[float, ...], BeforeValidator(_items), Kind("reals", "a list of numbers")]


def parameter(
    default: Any = PydanticUndefined,
    *,
    help: str,  # noqa: A002 - the word users know
    unit: str = "",
    parent: str | tuple[str, ...] = (),
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    writes: bool | None = None,
) -> Any:
    """Declare one parameter of a task.

    Parameters
    ----------
    default
        Value when it is not given; a parameter without one is mandatory.
    help : str
        One line for the help, the ``.par`` file and the documentation page.
    unit : str
        Unit of a number.
    parent : str or tuple of str
        Switches (boolean parameters) that setting this one turns on.
    choices : tuple of str
        The words that are allowed (compared without case).
    minimum, above, maximum : float
        Limits of a number: ``minimum`` and ``maximum`` inclusive, ``above`` exclusive.
    writes : bool, optional
        Whether the file that it names is written; when not given, a dataset is and anything else is not.
    """
    parents = (parent,) if isinstance(parent, str) else parent
    extra: dict[str, Any] = {"unit": unit, "parents": parents, "choices": choices, "writes": writes}
    return Field(default, description=help, ge=minimum, gt=above, le=maximum, json_schema_extra=extra)


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """What is known of one parameter, for help, ``.par`` files and pages."""

    name: str
    kind: Kind
    default: Any
    mandatory: bool
    unit: str
    parents: tuple[str, ...]
    choices: tuple[str, ...]
    help: str
    writes: bool = False


class TaskParameters(BaseModel):
    """Base of every task's parameters: unknown names are errors, values do not change after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False, allow_inf_nan=False)

    _choice_names: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def describe(cls) -> tuple[ParameterInfo, ...]:
        """The parameters in the order of their declaration."""
        return _describe(cls)

    @classmethod
    def _infos(cls) -> Iterator[ParameterInfo]:
        for name, field in cls.model_fields.items():
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            kind = next((item for item in field.metadata if isinstance(item, Kind)), None)
            if kind is None:
                raise TypeError(f"{cls.__name__}.{name} is declared without a kind")
            yield ParameterInfo(
                name=name,
                kind=kind,
                default=None if field.is_required() else field.get_default(),
                mandatory=field.is_required(),
                unit=str(extra.get("unit", "")),
                parents=tuple(extra.get("parents", ())),  # type: ignore[arg-type]
                choices=tuple(extra.get("choices", ())),  # type: ignore[arg-type]
                help=field.description or "",
                writes=kind.name == "dataset" if extra.get("writes") is None else bool(extra["writes"]),
            )

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Check the given values, turn on the parents of those that were set, fill in the defaults.

        Raises
        ------
        TaskError
            For an unknown name, a missing mandatory parameter or a value of the wrong type.
        """
        infos = {info.name: info for info in cls.describe()}
        for name in values:
            if name not in infos:
                raise TaskError("UnknownParameter", f"there is no parameter '{name}'{nearest(name, infos)}")
        for info in infos.values():
            if info.mandatory and info.name not in values:
                raise TaskError("MissingParameter", f"the mandatory parameter '{info.name}' is not given: {info.help}")
        complete = dict(values)
        pending = list(values)
        while pending:
            for parent in infos[pending.pop()].parents:
                if parent not in complete:
                    complete[parent] = True
                    pending.append(parent)
        for name, value in complete.items():
            complete[name] = _match_choice(infos[name], value)
        try:
            return cls.model_validate(complete)
        except ValidationError as error:
            raise TaskError("BadParameter", _first_complaint(error, infos, complete)) from None

    def task_line(self, task: str) -> str:
        """Write the whole call, with defaults, as SAS keeps it in XPROC0."""
        words = [task]
        words += [f"{info.name}={quoted(getattr(self, info.name))}" for info in self.describe()]
        return " ".join(words)

    def given_line(self, task: str) -> str:
        """Write the call with the parameters that differ from their defaults, to be typed again."""
        words = [task]
        for info in self.describe():
            value = getattr(self, info.name)
            if info.mandatory or value != info.default:
                words.append(f"{info.name}={quoted(value)}")
        return " ".join(words)


@cache
def _describe(parameters: type[TaskParameters]) -> tuple[ParameterInfo, ...]:
    return tuple(parameters._infos())  # noqa: SLF001 - the class beside it


def quoted(value: object) -> str:
    """Spell a parameter's value as a command line takes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, tuple):
        value = " ".join(_quoted_item(str(item)) for item in value)
    text = str(value)
    if _PLAIN_VALUE.match(text):
        return text
    escaped = text.replace("'", "'\"'\"'")
    return f"'{escaped}'"


def _quoted_item(item: str) -> str:
    """Put an item of a list in quotes where it would not stay whole without them."""
    if item and not re.search(r"[\s'\"\\]", item):
        return item
    escaped = item.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _match_choice(info: ParameterInfo, value: Any) -> Any:
    if not info.choices or not isinstance(value, str):
        return value
    for choice in info.choices:
        if choice.lower() == value.strip().lower():
            return choice
    known = ", ".join(info.choices)
    raise TaskError("BadParameter", f"parameter '{info.name}' is '{value}'; it takes one of: {known}")


def _first_complaint(error: ValidationError, infos: Mapping[str, ParameterInfo], values: Mapping[str, Any]) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "?"
    info = infos[name]
    limits = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le"}
    words = {"ge": "at least", "gt": "more than", "le": "at most"}
    wanted = info.kind.wanted
    if (bound := limits.get(first["type"])) is not None:
        wanted = f"{wanted} of {words[bound]} {first.get('ctx', {}).get(bound)}"
    return f"parameter '{name}' is '{values.get(name)}', but it takes {wanted}"
