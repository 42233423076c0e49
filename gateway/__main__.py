"""Runs the gateway: `python -m gateway --port N`; the supervisor starts it.

This process only keeps the workers running, so it imports nothing that they need.
"""

import argparse
import sys

from gateway.workers import CannotListen, Workers, listening


def main() -> int:
    """Serve until SIGTERM, then finish the requests under way and flush the log."""
    arguments = argparse.ArgumentParser(prog="python -m gateway", description=__doc__)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--workers", type=int, default=2, help="processes that answer (2)")
    given = arguments.parse_args()
    if given.workers < 1:
        arguments.error("--workers is at least 1")
    try:
        door = listening(given.host, given.port)
    except CannotListen as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    if given.workers > 1:
        return Workers(door, given.workers).run()
    from gateway.worker import serve  # noqa: PLC0415 - one worker needs no process beside it; a parent needs no worker

    return serve(door, workers=1)


if __name__ == "__main__":
    sys.exit(main())
