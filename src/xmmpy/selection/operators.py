"""How tightly the operators of the selection language bind, and their Fortran spellings.

Bit operators bind tighter than comparisons, unlike in C. SAS does so: its documentation gives ``FLAG & b110
!= 0`` as the way to ask for bits, and evselect 3.71 wrote the data subspace ``b1xxxxxxxxxxxxxxxx`` for ``FLAG
& 0x10000 != 0`` and let the events with that bit through (image of observation 0085110101).
"""

from __future__ import annotations

#: Level of each binary operator; a larger number binds tighter. ``in`` stands with the relational operators.
LEVELS = {
    "||": 1,
    "&&": 2,
    "==": 3, "!=": 3,
    "<": 4, "<=": 4, ">": 4, ">=": 4, "in": 4,
    "|": 5,
    "^": 6,
    "&": 7,
    "<<": 8, ">>": 8,
    "+": 9, "-": 9,
    "*": 10, "/": 10, "%": 10,
    "**": 12,
}  # fmt: skip
#: Level of ``- + ! ~`` before an operand: tighter than ``*``, looser than ``**``.
UNARY_LEVEL = 11
#: The operators that group to the right; all others group to the left.
RIGHT_ASSOCIATIVE = frozenset({"**"})

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
LOGICAL = frozenset({"&&", "||"})
BITWISE = frozenset({"&", "|", "^", "<<", ">>"})
ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "**"})

FORTRAN = {
    ".or.": "||", ".and.": "&&", ".not.": "!",
    ".eq.": "==", ".ne.": "!=", ".lt.": "<", ".le.": "<=", ".gt.": ">", ".ge.": ">=",
}  # fmt: skip


def canonical(token: str) -> str:
    """C spelling of an operator, from its C or Fortran spelling in any case."""
    return FORTRAN.get(token.lower(), str(token))
