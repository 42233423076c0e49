"""One import of somebody's history (`python -m cli.history_import FOLDER ID`), started by the shipper's process."""

import argparse
import os
import resource
import sys
import threading
from contextlib import closing
from pathlib import Path
from uuid import UUID

from catalog_api.history_imports.files import Files
from catalog_api.history_imports.work import Work
from catalog_api.history_imports.working import AWAY
from catalog_api.imports.errors import LogStuck
from catalog_api.imports.service import Importer
from catalog_api.imports.shipping import Progress, Shipping
from event_log.opening import open_log
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.engines import clickhouse
from foundation.engines.blobs import open_blobs
from foundation.errors import NotRunning, Unreachable
from foundation.settings import Settings


def main() -> None:
    """Do it within its memory; status AWAY where a store was away, so that it is tried again."""
    arguments = argparse.ArgumentParser(prog="python -m cli.history_import", description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("import_id", type=UUID)
    given = arguments.parse_args()
    threading.Thread(target=_end_with_input, daemon=True).start()
    settings = foundation_settings.load()
    resource.setrlimit(resource.RLIMIT_AS, (settings.imports.memory, settings.imports.memory))
    try:
        do(foundation_settings.connected(settings), given.import_id, given.folder)
    except (Unreachable, LogStuck, NotRunning) as away:
        sys.stderr.write(f"import {given.import_id} waits: {away.detail}\n")
        sys.exit(AWAY)


def do(settings: Settings, import_id: UUID, folder: Path) -> None:
    """Do it, on connected settings. Raises Unreachable, LogStuck."""
    engines = settings.engines
    log = open_log(settings, "import")
    with (
        closing(log),
        closing(clickhouse.open_clickhouse_reader(engines.clickhouse_reader)) as warehouse,
    ):

        def importer(progress: Progress) -> Importer:
            return Importer(engines.postgres, warehouse, log, Shipping(settings.log_dir), utc_now, progress)

        files = Files(open_blobs(engines.blobs))
        most = settings.imports.biggest_unpacked
        Work(engines.postgres, warehouse, files, importer, folder, most, utc_now).do(import_id)


def _end_with_input() -> None:
    """Whoever started us holds the other end: when they die, however they do, so do we."""
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
