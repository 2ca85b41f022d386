"""Find and download observations and calibration."""
