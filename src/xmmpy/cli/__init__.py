"""The `xmmpy` command."""
