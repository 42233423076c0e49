"""Kills parts of the platform while plays come in, or lets one stand still, and counts.

python -m tests.faults --kills 25 --plays 10000 --seed 1
python -m tests.faults --kills 75 --plays 1500000 --pace 1250
python -m tests.faults --stop clickhouse --seconds 60
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import stopping
from tests.faults.harness import DEFAULT_VICTIMS, VICTIMS, Trial, run
from tests.faults.stopping import STOPPABLE, Stop


def main() -> int:
    """0 when nothing was lost or duplicated, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--kills", type=int, default=25, help="how often each victim is killed")
    parser.add_argument("--plays", type=int, default=10_000)
    parser.add_argument(
        "--seed", type=int, default=1, help="the same seed kills the same victims at the same plays"
    )
    parser.add_argument("--victims", nargs="+", choices=VICTIMS, default=DEFAULT_VICTIMS)
    parser.add_argument(
        "--stop", choices=STOPPABLE, help="kill nobody: let this store stand still for a while"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="for which it stands still")
    parser.add_argument(
        "--pace", type=float, help="plays a second, whatever is down (without it they wait for the kills)"
    )
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # else the platform would outlive us
    if given.stop is not None:
        return stopped(Stop(given.stop, given.seconds, given.pace or 2_000.0, given.seed))
    trial = Trial(given.plays, given.kills, given.seed, tuple(given.victims), given.pace)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="segue-faults-", ignore_cleanup_errors=True) as home:
        verdict = run(Path(home), trial, say=lambda line: print(line, flush=True))
    print(verdict.table())
    print(f"took         {time.monotonic() - began:.0f} s")
    return 0 if verdict.is_exact else 1


def stopped(stop: Stop) -> int:
    """0 when everything was answered meanwhile and nothing was lost or duplicated, else 1."""
    with tempfile.TemporaryDirectory(prefix="segue-faults-", ignore_cleanup_errors=True) as home:
        report = stopping.run(Path(home), stop, say=lambda line: print(line, flush=True))
    print(report.table())
    return 0 if report.is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
