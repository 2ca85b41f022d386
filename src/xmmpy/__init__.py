"""XMM-Python: reduce XMM-Newton EPIC observations without SAS or HEASoft."""

__version__ = "0.1.0"
