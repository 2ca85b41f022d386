"""Bad pixels: FLAG bits by place, and the search for unknown ones."""
