"""Asks for everything as everybody, and counts: python -m tests.authorisation."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.authorisation import matrix, unknown_fields
from tests.authorisation.catalogs import own_catalog
from tests.conftest import Engines


async def ask_everything(home: Path, *, is_quiet: bool) -> int:
    """The number of holes."""
    engines = Engines(home)
    say = (lambda line: None) if is_quiet else print
    try:
        with own_catalog(engines) as urls:
            async with matrix.opened(home / "gateway", urls) as gateway:
                asked = await matrix.run(gateway, say)
                print(asked.table(), "\n")
                told = await unknown_fields.run(gateway, say)
                print(told.table())
                return len(asked.holes) + len(told.holes)
    finally:
        engines.stop()


def main() -> int:
    """0 when there are no holes, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.authorisation", description=__doc__)
    parser.add_argument("--quiet", action="store_true", help="print the counts alone")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="segue-authorisation-", ignore_cleanup_errors=True) as home:
        holes = asyncio.run(ask_everything(Path(home), is_quiet=given.quiet))
    print(f"took {time.monotonic() - began:.0f} s")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
