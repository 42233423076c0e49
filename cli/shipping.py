"""What the shipper's process does: the event log and the outbox go to the stores, and beside them what must go on somewhere, once."""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from catalog_api.history.keeping import HistoryKeeper
from catalog_api.history.sink import HistorySink
from catalog_api.history_imports.files import Files
from catalog_api.history_imports.working import HistoryImportWorker
from catalog_api.migrate import migrate as migrate_postgres
from catalog_api.outbox.service import OutboxMover
from catalog_api.subscriptions.payments import payments_of
from catalog_api.subscriptions.renewing import Renewing
from cli.forgetting import forgetting
from cli.shipper_metrics import ShipperMetrics
from event_log.clickhouse import ClickHouseSink
from event_log.log import EventLog
from event_log.opening import open_log
from event_log.shipper import Shipper
from event_log.sink import Sink
from feature_store.online import RecentSongsSink
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.engines import clickhouse
from foundation.engines.blobs import open_blobs
from foundation.engines.redis import open_redis
from foundation.errors import Unreachable
from foundation.settings import Settings, child_environment
from warehouse.checking import correct
from warehouse.migrate import migrate as migrate_warehouse

log = logging.getLogger(__name__)


PATIENCE = 5.0  # seconds for which the threads may end what they are doing


class Background(Protocol):
    """What goes on beside the shipping, in a thread of its own."""

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, whatever is away meanwhile."""


def ship(settings: Settings, stop: threading.Event, ready: Path | None) -> None:
    """Move what is in the log to every sink, and the outbox into the log, until told to stop.

    The tables are brought to the newest version first; then the file `ready` says so. A store that is away delays
    only what belongs to it: its tables are looked after when it is back.
    """
    connected = foundation_settings.connected(settings)
    engines = connected.engines
    with _tolerant("Postgres"):
        migrate_postgres(engines.postgres)
    with _tolerant("ClickHouse"):
        _warehouse(engines.clickhouse).close()
    sinks: list[Sink] = [
        ClickHouseSink(lambda: _warehouse(engines.clickhouse), settings.log_dir, correct),
        HistorySink(engines.postgres, utc_now, kept_months=settings.history.kept_months),
        RecentSongsSink(open_redis(engines.redis)),
    ]
    shipper = Shipper(settings.log_dir, sinks, watcher=ShipperMetrics(sinks))
    outbox_log = open_log(settings, "outbox")
    threads = [
        threading.Thread(target=work.run, args=(stop,), name=name, daemon=True)
        for name, work in _background(connected, outbox_log).items()
    ]
    for thread in threads:
        thread.start()
    if ready is not None:
        ready.write_text(str(os.getpid()))
    try:
        shipper.run(stop)
    finally:
        stop.set()
        give_up = time.monotonic() + PATIENCE
        for thread in threads:
            thread.join(timeout=max(0.0, give_up - time.monotonic()))
        outbox_log.close()


def _background(settings: Settings, outbox_log: EventLog) -> Mapping[str, Background]:
    """Everything of the platform that must go on somewhere, once, by the name of its thread."""
    url, tokens, history = settings.engines.postgres, settings.tokens, settings.history
    return {
        "outbox": OutboxMover(url, outbox_log),
        "history": HistoryKeeper(url, settings.log_dir, history.months_ahead, history.kept_months),
        "forgetting": forgetting(settings),
        "history imports": history_imports(settings),
        "subscriptions": Renewing(url, payments_of(settings), tokens.lifetime, tokens.refresh_lifetime),
    }


def history_imports(settings: Settings) -> HistoryImportWorker:
    """For connected settings. A process for each import, since reading one would keep the shipping waiting."""
    return HistoryImportWorker(
        settings.engines.postgres,
        Files(open_blobs(settings.engines.blobs)),
        (sys.executable, "-m", "cli.history_import"),
        child_environment(settings),
        settings.run_dir / "history_import",
    )


def _warehouse(url: str) -> clickhouse.Client:
    """The writer's client, with every table there; what comes in goes before what is asked."""
    client = clickhouse.open_clickhouse(url, goes_first=True)
    if applied := migrate_warehouse(client):
        log.info("warehouse: %s", ", ".join(applied))
    return client


@contextmanager
def _tolerant(store: str) -> Iterator[None]:
    try:
        yield
    except Unreachable as away:
        log.warning("%s is away, what belongs there waits: %s", store, away)
