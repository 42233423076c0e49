"""The shipper's process (`python -m cli.shipper`): carries the event log and the outbox to the stores."""

import argparse
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog_api.migrate import migrate as migrate_postgres
from catalog_api.outbox.service import OutboxMover
from event_log.clickhouse import ClickHouseSink
from event_log.opening import open_log
from event_log.shipper import Shipper
from event_log.sink import Sink
from feature_store.online import RecentSongsSink
from foundation import settings as foundation_settings
from foundation.engines import clickhouse
from foundation.engines.redis import open_redis
from foundation.errors import Unreachable
from foundation.settings import Settings, share_metrics
from foundation.telemetry import close_telemetry, configure_telemetry
from warehouse.migrate import migrate as migrate_warehouse

log = logging.getLogger(__name__)


def ship(settings: Settings, stop: threading.Event, ready: Path | None) -> None:
    """Move what is in the log to every sink, and the outbox into the log, until told to stop.

    The tables are brought to the newest version first; then the file `ready` says so. A store that is away delays
    only what belongs to it: its tables are looked after when it is back.
    """
    engines = foundation_settings.connected(settings).engines
    with _tolerant("Postgres"):
        migrate_postgres(engines.postgres)
    with _tolerant("ClickHouse"):
        _warehouse(engines.clickhouse).close()
    sinks: list[Sink] = [
        ClickHouseSink(lambda: _warehouse(engines.clickhouse), settings.log_dir),
        RecentSongsSink(open_redis(engines.redis)),
    ]
    from cli.shipper_metrics import ShipperMetrics  # only now: the metrics have their folder

    shipper = Shipper(settings.log_dir, sinks, watcher=ShipperMetrics(sinks))
    outbox_log = open_log(settings, "outbox")
    mover = threading.Thread(
        target=OutboxMover(engines.postgres, outbox_log).run, args=(stop,), name="outbox", daemon=True
    )
    mover.start()
    if ready is not None:
        ready.write_text(str(os.getpid()))
    try:
        shipper.run(stop)
    finally:
        stop.set()
        mover.join(timeout=5)
        outbox_log.close()


def _warehouse(url: str) -> clickhouse.Client:
    """The writer's client, with every table there."""
    client = clickhouse.open_clickhouse(url)
    if applied := migrate_warehouse(client):
        log.info("warehouse: %s", ", ".join(applied))
    return client


@contextmanager
def _tolerant(store: str) -> Iterator[None]:
    try:
        yield
    except Unreachable as away:
        log.warning("%s is away, what belongs there waits: %s", store, away)


def main() -> None:
    """Ship until SIGTERM."""
    arguments = argparse.ArgumentParser(prog="python -m cli.shipper", description=__doc__)
    arguments.add_argument("--ready", type=Path, help="a file to write once shipping has begun")
    given = arguments.parse_args()
    settings = foundation_settings.load()
    share_metrics(settings)
    configure_telemetry("shipper", settings.telemetry)
    stop = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stop.set())
    try:
        ship(settings, stop, given.ready)
    finally:
        close_telemetry()
    log.info("stopped")


if __name__ == "__main__":
    main()
