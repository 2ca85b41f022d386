"""Pictures and pages of what a reduction made."""

from __future__ import annotations

from xmmpy.report.page import write_page

__all__ = ["write_page"]
