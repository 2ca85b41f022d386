"""A worker process: reads groups of calls from standard input, one line of JSON each, and answers in kind.

It ends as soon as its parent has closed the line, also in the middle of a call: a killed run leaves no
process behind that still writes into its folder.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import IO


def main() -> int:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints does not get between the answers
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()

    from xmmpy.engines.calls import TaskCall, result_to_json
    from xmmpy.engines.native import run_calls
    from xmmpy.tasks.session import Environment

    environment = Environment.from_mapping(os.environ)
    while True:
        calls = [TaskCall(**call) for call in json.loads(requests.get())]
        results = run_calls(calls, environment)
        answers.write(json.dumps([result_to_json(result) for result in results]).encode() + b"\n")
        answers.flush()


def _listen(stream: IO[bytes], requests: queue.SimpleQueue[bytes]) -> None:
    for line in stream:
        requests.put(line)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
