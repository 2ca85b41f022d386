"""Read the raw files of an observation: names, inventory, summary files, clocks, attitude, housekeeping."""
