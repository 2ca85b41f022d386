"""Rows of a source list that pass an expression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.tasks.messages import TaskError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xmmpy.products.sourcelists import SourceList

SUMMARY_ROWS: Final = "(ID_INST==0)&&(ID_BAND==0)"
"""The expression for one row of each source."""


def passing_rows(sources: SourceList, expression: str) -> NDArray[np.bool_]:
    """Test each row of a list; shape (rows,).

    `SUMMARY_ROWS` passes all rows of a list that has no ID_INST: it has one row for each source.

    Raises
    ------
    TaskError
        When the expression cannot be understood, or names a column that is not there.
    """
    from xmmpy.selection import SelectionError, TableSchema, compile_selection, parse, resolve

    text = expression.strip()
    if not text or (text == SUMMARY_ROWS and "ID_INST" not in sources.columns):
        return np.ones(len(sources), bool)
    plain = {name: values for name, values in sources.columns.items() if values.ndim == 1}
    keywords = {card.keyword: card.value for card in sources.header.cards if isinstance(card.value, int | float | str)}
    try:
        schema = TableSchema(columns={name: values.dtype for name, values in plain.items()})
        selection = compile_selection(resolve(parse(text), keywords), schema)
    except SelectionError as error:
        raise TaskError("BadExpression", f"for {sources.path}: {error}") from None
    return selection({name: plain[name] for name in selection.columns}, 0, len(sources))
