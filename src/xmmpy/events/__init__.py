"""From raw events to calibrated ones."""
