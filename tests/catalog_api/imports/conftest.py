"""A warehouse of its own for each test, a log, and a shipper between them."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from catalog_api.imports.service import Importer
from catalog_api.imports.shipping import Shipping
from event_log.clickhouse import ClickHouseSink
from event_log.log import EventLog
from event_log.shipper import Shipper
from foundation.engines import clickhouse
from tests.catalog_api.world import NOW
from tests.conftest import Engines
from warehouse.checking import correct
from warehouse.migrate import migrate


@dataclass
class Place:
    """A catalog, a log and a warehouse, as a running Segue has them."""

    catalog: str
    warehouse: str
    warehouse_reader: str
    folder: Path

    def __post_init__(self) -> None:
        self.reader = clickhouse.open_clickhouse_reader(self.warehouse_reader)
        self.writer = clickhouse.open_clickhouse(self.warehouse)
        self.logs = 0

    @contextmanager
    def importer(self, patience: timedelta = timedelta(seconds=30)) -> Iterator[Importer]:
        """An importer with a log of its own, as each process has."""
        self.logs += 1
        log = EventLog(self.folder, f"import-{self.logs}", age=timedelta(milliseconds=50), size=2**20)
        shipping = Shipping(self.folder, patience=patience, pause=timedelta(milliseconds=5))
        yield Importer(self.catalog, self.reader, log, shipping, lambda: NOW)
        log.close()

    @contextmanager
    def shipping(self) -> Iterator[None]:
        """Ships what is told meanwhile."""
        stop = threading.Event()
        shipper = Shipper(
            self.folder,
            [ClickHouseSink(lambda: self.writer, self.folder, correct)],
            poll=timedelta(milliseconds=5),
        )
        thread = threading.Thread(target=shipper.run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def number(self, sql: str) -> Any:
        """The one value that a query of the warehouse gives."""
        return self.writer.command(sql)


@pytest.fixture
def place(catalog: str, engines: Engines, tmp_path: Path) -> Iterator[Place]:
    database = f"catalog_{secrets.token_hex(4)}"
    outside = clickhouse.open_clickhouse(engines.clickhouse)
    outside.command(f"CREATE DATABASE {database}")
    urls = [url.rsplit("/", 1)[0] + "/" + database for url in (engines.clickhouse, engines.clickhouse_reader)]
    place = Place(catalog, urls[0], urls[1], tmp_path / "event_log")
    migrate(place.writer)
    yield place
    place.writer.close()
    place.reader.close()
    outside.command(f"DROP DATABASE {database}")
    outside.close()
