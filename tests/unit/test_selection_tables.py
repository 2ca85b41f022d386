"""The ready-made parser tables belong to the grammar, and without them the parser is the same."""

from __future__ import annotations

import hashlib

from xmmpy.selection import grammar_tables, parse, parser

TEXTS = ("#XMMEA_EM && PATTERN<=12 && PI in [200:500),:12", "(X,Y) in circle(1,2,3) || !gti(a.fits,TIME)", "-a**2 == 3")


def test_the_tables_are_those_of_the_grammar():
    digest = hashlib.sha256(parser.grammar_text().encode()).hexdigest()
    assert digest == grammar_tables.GRAMMAR_DIGEST, "the grammar has changed: run tools/build_grammar_tables.py"


def test_another_lark_makes_its_own_tables(monkeypatch):
    expected = [parse(text) for text in TEXTS]
    monkeypatch.setattr(grammar_tables, "LARK_VERSION", "0")
    parser._grammar.cache_clear()
    parse.cache_clear()
    try:
        assert [parse(text) for text in TEXTS] == expected
    finally:
        parser._grammar.cache_clear()
        parse.cache_clear()
