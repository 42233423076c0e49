"""The outbox: what was written with a change reaches the log, in order, whoever moves it and whatever is away."""

import threading
import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from catalog_api.migrate import VERSIONS, version
from catalog_api.outbox import repository
from catalog_api.outbox.service import OutboxMover, move
from event_log.log import EventLog
from event_log.reading import closed, events_of
from foundation.contracts.events import Event, ListenerChanged
from foundation.engines import postgres


def changes(number: int) -> list[Event]:
    return [ListenerChanged(listener_id=at, version=1) for at in range(number)]


def told(folder: Path) -> list[int]:
    events = [event for _, path in sorted(closed(folder).items()) for event in events_of(path)]
    return [event.listener_id for event in events if isinstance(event, ListenerChanged)]


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "log", "mover-1", age=timedelta(milliseconds=50), size=2**20)


def test_events_are_moved_once_and_in_order(catalog: str, log: EventLog, tmp_path: Path) -> None:
    with postgres.connection(catalog) as db:
        repository.write(db, changes(2500))

        moved, again = move(db, log), move(db, log)

    log.close()
    assert (moved, again) == (3, 0)
    assert told(tmp_path / "log") == list(range(2500))


def test_a_row_that_holds_no_events_stops_no_other(catalog: str, log: EventLog, tmp_path: Path) -> None:
    with postgres.connection(catalog) as db:
        db.execute("INSERT INTO outbox (events) VALUES (%s)", (b"of tomorrow",))
        repository.write(db, changes(2))

        moved = move(db, log)

    log.close()
    assert moved == 2
    assert told(tmp_path / "log") == [0, 1]


def test_what_was_not_committed_is_not_moved(catalog: str, log: EventLog) -> None:
    with postgres.connection(catalog) as db, postgres.connection(catalog) as other:
        with db.transaction(force_rollback=True):
            repository.write(db, changes(1))
            before = move(other, log)

        after = move(other, log)

    assert (before, after) == (0, 0)


def test_two_movers_do_not_wait_for_each_other(catalog: str, log: EventLog, tmp_path: Path) -> None:
    with postgres.connection(catalog) as db, postgres.connection(catalog) as other:
        repository.write(db, changes(10))

        with other.transaction():
            held = repository.oldest(other, 1)
            moved_meanwhile = move(db, log)

    log.close()
    assert (len(held), moved_meanwhile) == (1, 0)
    assert told(tmp_path / "log") == []


def test_a_mover_goes_on_after_its_connection_was_cut(catalog: str, log: EventLog, tmp_path: Path) -> None:
    stop = threading.Event()
    mover = threading.Thread(
        target=OutboxMover(catalog, log, pause=timedelta(milliseconds=10)).run, args=(stop,)
    )
    mover.start()

    with postgres.connection(catalog) as db:
        time.sleep(0.2)
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'segue outbox'"
        )
        repository.write(db, changes(3))
        _wait_until_empty(db)

    stop.set()
    mover.join()
    log.close()
    assert told(tmp_path / "log") == [0, 1, 2]


def test_a_mover_that_finds_an_empty_database_makes_its_tables(
    empty_database: str, log: EventLog, tmp_path: Path
) -> None:
    stop = threading.Event()
    mover = threading.Thread(
        target=OutboxMover(empty_database, log, pause=timedelta(milliseconds=10)).run, args=(stop,)
    )

    mover.start()
    with postgres.connection(empty_database) as db:
        _wait_until_migrated(db)
        repository.write(db, changes(1))
        _wait_until_empty(db)

    stop.set()
    mover.join()
    log.close()
    assert told(tmp_path / "log") == [0]


def _wait_until_migrated(db: psycopg.Connection) -> None:
    deadline = time.monotonic() + 20
    while version(db) != VERSIONS[-1]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _wait_until_empty(db: psycopg.Connection) -> None:
    deadline = time.monotonic() + 10
    while repository.newest(db):
        assert time.monotonic() < deadline
        time.sleep(0.01)
