"""Raw files of an observation."""
