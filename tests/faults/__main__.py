"""Kills parts of the platform while plays come in, and counts: python -m tests.faults --kills 10 --plays 10000 --seed 1."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.faults.harness import VICTIMS, Trial, run


def main() -> int:
    """0 when nothing was lost or duplicated, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=10, help="how often each victim is killed")
    parser.add_argument("--plays", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="the same seed kills at the same plays")
    parser.add_argument("--victims", nargs="+", choices=VICTIMS, default=["api", "clickhouse"])
    given = parser.parse_args()
    trial = Trial(given.plays, given.kills, given.seed, tuple(given.victims))
    with tempfile.TemporaryDirectory(prefix="segue-faults-") as home:
        verdict = run(Path(home), trial, say=lambda line: print(line, flush=True))
    print(verdict.table())
    return 0 if verdict.is_exact else 1


if __name__ == "__main__":
    sys.exit(main())
