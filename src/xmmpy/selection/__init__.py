"""The selection language of SAS: expressions that say which rows of a table to keep.

`parse` makes a tree of a text, `resolve` puts the header keywords in, `compile_selection` makes a function of
the columns of it. Nothing here opens a file: blocks that an expression names are asked for through
`BlockFiles`.
"""

from xmmpy.selection.attributes import expand_text, resolve
from xmmpy.selection.blocks import BlockFiles, GoodTimes, MaskImage
from xmmpy.selection.ds9 import LinearAxes, parse_region_file
from xmmpy.selection.errors import SelectionError, Span
from xmmpy.selection.evaluate import Selection, compile_selection
from xmmpy.selection.parser import parse
from xmmpy.selection.regions import RegionShape, RegionTable, region_table
from xmmpy.selection.schema import CelestialFrame, TableSchema
from xmmpy.selection.syntax import Expression
from xmmpy.selection.unparse import unparse

__all__ = [
    "BlockFiles",
    "CelestialFrame",
    "Expression",
    "GoodTimes",
    "LinearAxes",
    "MaskImage",
    "RegionShape",
    "RegionTable",
    "Selection",
    "SelectionError",
    "Span",
    "TableSchema",
    "compile_selection",
    "expand_text",
    "parse",
    "parse_region_file",
    "region_table",
    "resolve",
    "unparse",
]
