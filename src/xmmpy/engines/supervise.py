"""Run one command in a process group of its own, and end the group when the command takes too long or nobody waits.

Started as a script with nothing but the standard library, so that it costs no time: ``supervise.py LOG SECONDS
COMMAND [ARGUMENT ...]``. Its standard input is a pipe from the engine: when that closes, also because the engine was
killed, the command ends. It prints one line: ``exit N``, ``timeout``, ``stopped``, or ``missing REASON``.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

_PATIENCE = 2.0  # s between SIGTERM and SIGKILL
_POLL = 0.02  # s


def main(words: list[str]) -> int:
    """Run the command and say how it ended."""
    log, seconds, *command = words
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the engine decides, through the pipe
    with open(log, "wb") as stream:  # noqa: PTH123 - pathlib would cost time
        try:
            process = subprocess.Popen(  # noqa: S603 - this is its purpose
                command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
            )
        except OSError as error:
            print("missing", error.strerror or error, flush=True)  # noqa: T201
            return 0
        deadline = time.monotonic() + float(seconds)
        answer = ""
        while not answer:
            status = process.poll()
            if status is not None:
                answer = f"exit {status}"
            elif time.monotonic() > deadline:
                answer = "timeout"
            elif _closed():
                answer = "stopped"
        _end_group(process)
    print(answer, flush=True)  # noqa: T201
    return 0


def _closed() -> bool:
    """Whether the engine has closed the pipe; waits a moment for it."""
    ready, _, _ = select.select([sys.stdin], [], [], _POLL)
    return bool(ready) and not os.read(sys.stdin.fileno(), 1)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the group, what the command started and left behind too."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        deadline = time.monotonic() + (_PATIENCE if number == signal.SIGTERM else 0.2)
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(_POLL)
        if number == signal.SIGTERM and process.poll() is not None:
            time.sleep(_POLL)
    process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
