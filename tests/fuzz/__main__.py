"""Asks the whole API by chance, and counts: python -m tests.fuzz --cases 20000 --seed 1 [--without postgres]."""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import OF_ENGINE
from tests.fuzz.platform import Removable, running
from tests.fuzz.run import fuzz
from tools.api_document import document


def main() -> int:
    """0 when every answer was what the document promises, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", choices=sorted(OF_ENGINE), help="an engine that is stopped meanwhile")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="segue-fuzz-", ignore_cleanup_errors=True) as home:
        engines = Removable(Path(home), given.without)
        try:
            with running(Path(home) / "gateway", engines) as platform:
                findings, people = fuzz(
                    platform,
                    document(),
                    given.cases,
                    given.seed,
                    without=engines if given.without else None,
                    say=lambda line: print(line, file=sys.stderr, flush=True),
                )
        finally:
            engines.stop()
    print(findings.table())
    print(f"accounts     {people.made} made, {people.refused_tokens} tokens ended on the way")
    print(f"took         {time.monotonic() - began:.0f} s")
    return 1 if findings.failures else 0


if __name__ == "__main__":
    sys.exit(main())
