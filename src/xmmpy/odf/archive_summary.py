"""Read the summary file that the archive puts into an ODF (``*SUM.ASC``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """What the ``*SUM.ASC`` of the archive says that a ``SUM.SAS`` takes over.

    Attributes
    ----------
    observation, revolution, start, end : str
        Of the OBSERVATION record; the scheduled times.
    files : tuple of (str, str)
        Names of the constituents and what each is.
    configuration, proposal : tuple of str
        Lines of the configuration record, and of all from PROPOSAL on, as they are.
    target, right_ascension, declination : str or float
        Name and place of the target, degrees; NaN where they are not given.
    """

    observation: str = ""
    revolution: str = ""
    start: str = ""
    end: str = ""
    files: tuple[tuple[str, str], ...] = ()
    configuration: tuple[str, ...] = ()
    proposal: tuple[str, ...] = ()
    target: str = ""
    right_ascension: float = float("nan")
    declination: float = float("nan")


def parse_archive_summary(text: str, name: str = "the summary file") -> ArchiveSummary:
    """Read a ``*SUM.ASC``.

    Right ascensions in it are hours, whatever the field says: 9.9728195 for 149.59 degrees in the real files.

    Raises
    ------
    FileProblem
        When it has no OBSERVATION record.
    """
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    titles = {line.strip(): number for number, line in reversed(list(enumerate(lines)))}
    if "OBSERVATION" not in titles:
        raise FileProblem(name, "has no OBSERVATION record", "get it again from the archive")
    head = [_value(line) for line in lines[titles["OBSERVATION"] + 1 :][:4]]
    observation, revolution, start, end = (*head, "", "", "", "")[:4]
    proposal = lines[titles["PROPOSAL"] :] if "PROPOSAL" in titles else []
    target, right_ascension, declination = target_of(proposal)
    return ArchiveSummary(
        observation=observation,
        revolution=revolution,
        start=start,
        end=end,
        files=tuple(_listed(lines, titles.get("FILES"))),
        configuration=tuple(_counted(lines, titles.get("CONFIGURATION"))),
        proposal=tuple(proposal),
        target=target,
        right_ascension=right_ascension,
        declination=declination,
    )


def target_of(proposal: Sequence[str]) -> tuple[str, float, float]:
    """Name, right ascension and declination (degrees) of the target, from the lines of a PROPOSAL record."""
    right_ascension = _number(_labelled(proposal, "Target Right Ascension")) * 15
    return _labelled(proposal, "Target Name"), right_ascension, _number(_labelled(proposal, "Target Declination"))


def _value(line: str) -> str:
    return line.partition(" / ")[0].strip()


def _counted(lines: list[str], place: int | None) -> list[str]:
    if place is None or place + 1 >= len(lines):
        return []
    count = _value(lines[place + 1]).split("/")[0].strip()
    return lines[place + 2 : place + 2 + int(count)] if count.isdecimal() else []


def _listed(lines: list[str], place: int | None) -> Iterator[tuple[str, str]]:
    for line in _counted(lines, place):
        name, _, meaning = line.partition(" / ")
        yield name.strip(), meaning.strip()


def _labelled(lines: Sequence[str], label: str) -> str:
    for line in lines:
        value, found, meaning = line.partition(" / ")
        if found and meaning.strip() == label:
            return value.strip()
    return ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
