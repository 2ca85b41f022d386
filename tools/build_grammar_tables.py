"""Make src/xmmpy/selection/grammar_tables.py from grammar.lark; run it after a change of the grammar.

lark numbers its states in the order of sets, so that two runs differ in numbers, not in meaning.
"""

from __future__ import annotations

import hashlib
import pprint
from pathlib import Path

import lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from xmmpy.selection.parser import comma_sorter, grammar_text

TARGET = Path(__file__).resolve().parent.parent / "src" / "xmmpy" / "selection" / "grammar_tables.py"
HEAD = '''"""Parser tables of grammar.lark, made by tools/build_grammar_tables.py. Do not edit."""

LARK_VERSION = {version!r}
GRAMMAR_DIGEST = {digest!r}
DATA = {data}
MEMO = {memo}
'''


def tables() -> str:
    """Text of the module for the installed lark."""
    parser = lark.Lark(grammar_text(), parser="lalr", lexer="contextual", postlex=comma_sorter())
    data, memo = parser.memo_serialize([TerminalDef, Rule])
    data["options"].pop("postlex", None)
    spelled = (pprint.pformat(part, width=100_000, compact=True, sort_dicts=True) for part in (data, memo))
    digest = hashlib.sha256(grammar_text().encode()).hexdigest()
    return HEAD.format(version=lark.__version__, digest=digest, data=next(spelled), memo=next(spelled))


if __name__ == "__main__":
    TARGET.write_text(tables(), encoding="utf-8")
