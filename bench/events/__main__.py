"""Prints the tables of `python -m bench.events`: each part starts the engines that it needs, on a home of its own."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.events.batches import batches
from bench.events.history import history
from bench.events.imports import imports
from bench.events.posts import posts
from bench.events.shipping import appends, lookups, shipping, warehouse


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.events", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement under load")
    parser.add_argument("--events", type=int, default=200_000, help="shipped in each row, and imported")
    parser.add_argument("--seen", type=int, default=5_000_000, help="ids to look up among")
    parts: dict[str, Callable[[argparse.Namespace, Path], Iterable[Table]]] = {
        "posts": lambda given, home: posts(home, given.seconds),
        "batches": lambda given, home: batches(home, given.seconds),
        "import": lambda given, home: imports(home, given.events),
        "history": lambda _, home: history(home),
        "shipping": _shipping,
        "appends": lambda given, home: [appends(home, given.seconds)],
    }
    parser.add_argument("--only", choices=parts, help="one of the parts (all)")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # else the servers would outlive us
    console = Console(width=132)
    for name in [given.only] if given.only else parts:
        with tempfile.TemporaryDirectory(prefix="segue-bench-") as home:
            for table in parts[name](given, Path(home)):
                console.print(table)
        console.print(f"load of the machine in the last minute: {os.getloadavg()[0]:.1f}")


def _shipping(given: argparse.Namespace, home: Path) -> Iterable[Table]:
    folder, rng = home / "events", np.random.default_rng(1)
    folder.mkdir()
    with warehouse(home) as client:
        told = partial(shipping, folder, client, given.events, rng)
        return [told(), lookups(client, given.seen, rng)]


if __name__ == "__main__":
    main()
