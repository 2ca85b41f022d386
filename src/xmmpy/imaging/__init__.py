"""Binning, world coordinates, mosaics."""
