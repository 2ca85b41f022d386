"""Calibration: nominal tables with their sources."""
