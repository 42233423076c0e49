"""A history imported by the whole platform: from its file until ClickHouse answers with every listen, and every store has it."""

import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from rich.table import Table

from bench.imports import extended, rows
from bench.load import worked_in
from catalog_api.imports import recognise
from catalog_api.imports.service import Asked
from cli.imports import import_with_progress
from cli.running import running
from foundation.clock import utc_now
from foundation.engines.clickhouse import open_clickhouse_reader
from foundation.settings import Settings


def imports(home: Path, number: int) -> list[Table]:
    """An extended streaming history of one listener; and the same again, which changes nothing."""
    path = extended(home, rows(number, np.random.default_rng(1)))
    table = Table(title=f"{number:,} listens from JSON, by the platform")
    for column in ("", "seconds", "listens/s"):
        table.add_column(column, justify="right")
    costs = Table(title="CPU µs a listen of each process until every store had all")
    with running(Settings(SEGUE_HOME=home / "home")) as connected:
        before = {"import": time.process_time()} | worked_in(connected.home)
        took = importing(connected, path, number)
        after = {"import": time.process_time()} | worked_in(connected.home)
        began = time.perf_counter()
        _import(connected, path)
        took["told again"] = time.perf_counter() - began
    for name, seconds in took.items():
        table.add_row(name, f"{seconds:.1f}", f"{number / seconds:,.0f}")
    for name in after:
        costs.add_column(name, justify="right")
    costs.add_row(*(f"{(after[name] - before[name]) / number * 1e6:.1f}" for name in after))
    return [table, costs]


def _import(connected: Settings, path: Path) -> None:
    read = recognise.read(path, now=utc_now(), listener="bench")
    import_with_progress(connected, read.history, Asked(read.name, read.digest))


def importing(connected: Settings, path: Path, number: int) -> dict[str, float]:
    """Seconds from the start to each of these."""
    began = time.perf_counter()
    read = recognise.read(path, now=utc_now(), listener="bench")
    was_read = time.perf_counter() - began
    with closing(open_clickhouse_reader(connected.engines.clickhouse_reader)) as warehouse:
        arrived: list[float] = []

        def watch() -> None:
            while not arrived:
                if int(warehouse.query("SELECT count() FROM listens").result_rows[0][0]) == number:
                    arrived.append(time.perf_counter() - began)
                time.sleep(0.1)

        watching = threading.Thread(target=watch)
        watching.start()
        import_with_progress(connected, read.history, Asked(read.name, read.digest))
        everywhere = time.perf_counter() - began
        watching.join()
    return {
        "read and judged": was_read,
        "every listen counted in ClickHouse": arrived[0],
        "in every store": everywhere,
    }
