"""Imports a file in a process of its own that tells each step, so that a test can kill it at any of them."""

import sys
from datetime import timedelta
from pathlib import Path

from catalog_api.imports import recognise
from catalog_api.imports.service import Importer
from catalog_api.imports.shipping import Shipping
from event_log.log import EventLog
from foundation.engines.clickhouse import open_clickhouse_reader
from tests.catalog_api.world import NOW


def main(file: str, catalog: str, warehouse: str, folder: str, worker: str) -> None:
    """Import `file`, printing a line at each step and the numbers at the end."""
    history = recognise.read(Path(file), now=NOW).history
    log = EventLog(Path(folder), worker, age=timedelta(milliseconds=50), size=2**18)
    importer = Importer(
        catalog,
        open_clickhouse_reader(warehouse),
        log,
        Shipping(Path(folder), patience=timedelta(seconds=60)),
        lambda: NOW,
        progress=lambda what, done, total: print(what, done, total, flush=True),
        batch=5_000,
    )
    report = importer.import_history(history)
    log.close()
    print("done", report.accepted, report.duplicate, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
