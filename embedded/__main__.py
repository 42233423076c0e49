"""Runs a home's embedded engines until told to stop: `python -m embedded --home DIR postgres redis`."""

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread

from embedded.child import EngineFailed
from embedded.engines import NAMES, embedded_engines
from embedded.supervisor import Supervisor


def end_with_input(supervisor: Supervisor) -> None:
    """Whoever started us holds the other end of a pipe: when they are gone, so are we."""
    while os.read(0, 4096):
        pass
    supervisor.end()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m embedded", description=__doc__)
    parser.add_argument("engines", nargs="*", default=list(NAMES), help="default: all of them")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--account", default="nobody", help="who Postgres becomes under root")
    parser.add_argument(
        "--until-input-ends", action="store_true", help="stop at the end of standard input too"
    )
    told = parser.parse_args()

    def say(line: str) -> None:
        with suppress(OSError):  # whoever read our output may be gone
            print(line, flush=True)

    try:
        children, urls = embedded_engines(told.home, wanted=set(told.engines), account=told.account)
        supervisor = Supervisor(told.home.absolute(), children, say, urls=urls)
        if told.until_input_ends:
            Thread(target=end_with_input, args=[supervisor], daemon=True).start()
        supervisor.run(on_ready=lambda: say("ready"))
    except EngineFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
