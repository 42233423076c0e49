"""Kills parts of the platform while plays come in, and counts: python -m tests.faults --kills 25 --plays 10000 --seed 1."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.harness import DEFAULT_VICTIMS, VICTIMS, Trial, run


def main() -> int:
    """0 when nothing was lost or duplicated, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=25, help="how often each victim is killed")
    parser.add_argument("--plays", type=int, default=10_000)
    parser.add_argument(
        "--seed", type=int, default=1, help="the same seed kills the same victims at the same plays"
    )
    parser.add_argument("--victims", nargs="+", choices=VICTIMS, default=DEFAULT_VICTIMS)
    given = parser.parse_args()
    trial = Trial(given.plays, given.kills, given.seed, tuple(given.victims))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="segue-faults-", ignore_cleanup_errors=True) as home:
        verdict = run(Path(home), trial, say=lambda line: print(line, flush=True))
    print(verdict.table())
    print(f"took         {time.monotonic() - began:.0f} s")
    return 0 if verdict.is_exact else 1


if __name__ == "__main__":
    sys.exit(main())
