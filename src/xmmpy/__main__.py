"""``python -m xmmpy``: the command `xmmpy`."""

from __future__ import annotations

import sys

from xmmpy.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
