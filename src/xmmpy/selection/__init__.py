"""The selection language of SAS."""

from xmmpy.selection.errors import SelectionError, Span
from xmmpy.selection.parser import parse
from xmmpy.selection.syntax import Expression

__all__ = ["Expression", "SelectionError", "Span", "parse"]
