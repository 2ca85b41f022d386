"""A tree of executables and parameter files that stands where programs expect SAS."""
