"""What a task says to its user, in the form that programs written for SAS look for."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class TaskError(Exception):
    """A task cannot go on: `code` is the name that SAS gives the error, `text` one sentence for the user.

    Parameters
    ----------
    code : str
        Name of the error, such as ``BadExpression``.
    text : str
        What is wrong, with which file, and what to do.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return self.text


def error_line(task: str, code: str, text: str) -> str:
    """Form an error as SAS prints it: ``** evselect: error (BadExpression), ...``."""
    return f"** {task}: error ({code}), {text}"


def warning_line(task: str, code: str, text: str) -> str:
    """Form a warning as SAS prints it."""
    return f"** {task}: warning ({code}), {text}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the known name most like `name`: ``; did you mean 'table'?``, or nothing."""
    spellings = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), list(spellings), n=1, cutoff=0.5)
    return f"; did you mean '{spellings[close[0]]}'?" if close else ""
