"""Fit of sources to images: positions, extents and rates that make the counts most likely."""
